"""A catalog is opened, made or brought up to date; or it is said why not, and what to do."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from rab.catalog import Catalog
from rab.catalog.schema import HEAD, metadata
from rab.domain import FileSkipped, IngestReport, Recording, SegmentFilter, parse_filter
from rab.errors import Conflict, SettingsError, StorageFailed, Unavailable

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()


def tables(path: Path) -> dict[str, str]:
    """Return what a SQLite file says of its tables and indexes."""
    with sqlite3.connect(path) as connection:
        found: dict[str, str] = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    connection.close()
    return found


def definitions(path: Path) -> dict[str, list[str]]:
    """Return the same, each statement as its definitions in alphabetical order: a column added later stands last."""
    outer_comma = re.compile(r",(?![^()]*\))")
    found = {}
    for name, sql in tables(path).items():
        head, _, body = (sql or "").partition("(")
        body, _, tail = body.rpartition(")")
        found[name] = [head, tail, *sorted(" ".join(part.split()) for part in outer_comma.split(body))]
    return found


def test_migrations_end_in_the_schema(catalog: Catalog) -> None:
    """What the migrations make is what the tables of the code say, on every database."""
    with catalog._reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert [] == compare_metadata(context, metadata)


def test_migrations_make_the_same_statements_as_the_schema(tmp_path: Path) -> None:
    """Autogeneration overlooks constraints' names, partial indexes and rowids; SQLite's own statements do not."""
    Catalog.open(f"sqlite:///{tmp_path / 'migrated.sqlite'}").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    metadata.create_all(engine)
    engine.dispose()
    migrated = definitions(tmp_path / "migrated.sqlite")
    migrated = {name: parts for name, parts in migrated.items() if "alembic_version" not in name}
    assert definitions(tmp_path / "made.sqlite") == migrated


def test_a_catalog_of_before_is_brought_up_to_date(sqlite_url: str, tmp_path: Path, make: "Make") -> None:
    """Tables of the first migration, with a recording, a segment and a job in them, keep all they hold."""
    report = IngestReport(
        models=("toy-v1",),
        n_files=2,
        n_ingested=1,
        n_already_done=0,
        n_segments=1,
        audio_ms=3000.0,
        elapsed_ms=5.0,
        skipped=(FileSkipped(path="b.wav", model="toy-v1", reason="too slow"),),
    )
    recording = make.recording(lat_deg=46.5, lon_deg=6.2)
    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(recording, make.card(), [make.segment(recording)], policy="p")
        catalog.save_job(report)
        before = catalog.list_segments(make.card().space, EVERYTHING)
    _as_the_first_migration_left_it(tmp_path / "catalog.sqlite")
    with Catalog.open(sqlite_url) as catalog:
        assert before == catalog.list_segments(make.card().space, EVERYTHING)
        assert [report] == [job.report for job in catalog.jobs()]
        noted = catalog.outdated_payloads(make.card().space, 10)
        assert [one.segment.id for one in before] == list(noted.values())
        assert before == catalog.list_segments(make.card().space, parse_filter("near=46.5,6.2,1km"))


def _as_the_first_migration_left_it(path: Path) -> None:
    """Take the later tables and columns away again, and write the job as it was written then."""
    with sqlite3.connect(path) as connection:
        for table in ("learned", "outdated_payloads", "cluster_identities", "novelties", "reviews"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE cluster_members DROP COLUMN found_as")
        connection.execute("DROP INDEX ix_labels_taxon_segment_id")
        for column in ("kind", "licence", "provenance", "pack_id"):
            connection.execute(f"ALTER TABLE labels DROP COLUMN {column}")
        for column in ("habitat", "lat_deg", "lon_deg", "unit_x", "unit_y", "unit_z"):
            connection.execute(f"ALTER TABLE recordings DROP COLUMN {column}")
        for column in ("low_hz", "high_hz", "detection_score", "human_voice"):
            connection.execute(f"ALTER TABLE segments DROP COLUMN {column}")
        ((document,),) = connection.execute("SELECT document FROM jobs")
        job = json.loads(document)
        job["model"] = job.pop("models")[0]
        for field in ("n_below_snr_floor", "n_outside_activity", "n_human_voice", "privacy"):
            del job[field]
        for skipped in job["skipped"]:
            del skipped["model"]
        connection.execute("UPDATE jobs SET document = ?", (json.dumps(job),))
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()


def test_the_code_knows_its_last_migration() -> None:
    """The number that opening compares with is the head of the migrations."""
    config = Config()
    config.set_main_option("script_location", "rab.catalog:migrations")
    assert [HEAD] == ScriptDirectory.from_config(config).get_heads()


def test_opening_again_changes_nothing(
    sqlite_url: str, tmp_path: Path, make: "Make", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog that is up to date is opened as it is, from any working directory."""
    monkeypatch.chdir(tmp_path)
    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(make.recording(), make.card(), [], policy="p")
    before = tables(tmp_path / "catalog.sqlite")
    with Catalog.open(sqlite_url) as catalog:
        assert [make.recording()] == catalog.recordings()
    assert before == tables(tmp_path / "catalog.sqlite")
    assert ["catalog.sqlite"] == [path.name for path in tmp_path.iterdir()]


def test_a_catalog_that_is_up_to_date_is_opened_without_alembic(sqlite_url: str) -> None:
    """Importing Alembic takes 0.4 s, so only a catalog that needs it pays for it."""
    Catalog.open(sqlite_url).close()
    program = (
        "import sys; from rab.catalog import Catalog;"
        f"Catalog.open({sqlite_url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()


def test_all_that_open_a_new_catalog_at_once_find_it(sqlite_url: str) -> None:
    """The tables are made once, whoever comes first."""
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(Catalog.open, [sqlite_url] * 4))
    assert [0] * 4 == [catalog.count_recordings() for catalog in opened]
    for catalog in opened:
        catalog.close()


def test_a_migration_that_fails_leaves_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """Tables are made all or none: a file that already has one of that name is left as it was."""
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE jobs (somebody TEXT)")
    connection.close()
    with pytest.raises(StorageFailed, match="jobs already exists"):
        Catalog.open(sqlite_url)
    assert ["jobs"] == list(tables(path))


def test_a_newer_schema_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    """A catalog that a newer RAB has changed is not touched, and both versions are named."""
    Catalog.open(sqlite_url).close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(Conflict, match=rf"9999.*{HEAD}.*update RAB"):
        Catalog.open(sqlite_url)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://ada:secret@host/rab", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_be_meant_is_refused(url: str) -> None:
    """An address that is none, of another database, or in memory is refused, with one that can be written."""
    with pytest.raises(SettingsError, match="sqlite:///PATH") as caught:
        Catalog.open(url)
    assert "secret" not in str(caught.value)


def test_passwords_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is named without the password, wherever in the address that stands."""
    url = "postgresql://ada:secret@127.0.0.1:9/rab?password=secret&connect_timeout=2"
    with pytest.raises(Unavailable, match=r"postgresql\+psycopg://ada:\*\*\*@127\.0\.0\.1:9/rab") as caught:
        Catalog.open(url)
    assert "secret" not in str(caught.value)
    assert find_spec("psycopg") is not None or "rab[postgres]" in caught.value.hint


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """SQLite makes files, not folders."""
    with pytest.raises(StorageFailed, match=r"nowhere.*check that its folder exists"):
        Catalog.open(f"sqlite:///{tmp_path / 'nowhere' / 'catalog.sqlite'}")


def test_a_file_that_is_no_database_is_named(sqlite_url: str, tmp_path: Path) -> None:
    """A text file is no catalog, and stays a text file."""
    path = tmp_path / "catalog.sqlite"
    path.write_text("site,lat,lon\n" * 100)
    with pytest.raises(StorageFailed, match="no SQLite database"):
        Catalog.open(sqlite_url)
    assert path.read_text().startswith("site,lat,lon")


def test_commits_reach_the_disk(sqlite_url: str) -> None:
    """SQLite writes ahead, flushes every commit, and holds references: WAL, FULL, foreign keys on."""
    with Catalog.open(sqlite_url) as catalog, catalog._reading() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        assert ["wal", 2, 1] == [connection.exec_driver_sql(f"PRAGMA {one}").scalar() for one in pragmas]


def test_closing_twice_does_nothing(sqlite_url: str) -> None:
    """A closed catalog can be closed."""
    catalog = Catalog.open(sqlite_url)
    catalog.close()
    catalog.close()


def test_readers_see_whole_commits_while_one_writes(catalog: Catalog, make: "Make") -> None:
    """Two threads that read while a third commits see each recording with all of its segments, or not at all."""
    card = make.card()
    recordings = [make.recording(f"r{n}") for n in range(12)]

    def write() -> None:
        for recording in recordings:
            segments = [make.segment(recording, n, scores=[make.score("Engine", 0.9)]) for n in range(20)]
            catalog.commit_recording(recording, card, segments, policy="p")

    def read(writing: Future[None]) -> None:
        while not writing.done():
            found = catalog.list_segments(card.space, EVERYTHING)
            assert 0 == len(found) % 20
            assert all(one.scores for one in found)
            facts = catalog.library_facts(card.space, EVERYTHING)
            assert facts.n_segments == 20 * facts.n_recordings

    with ThreadPoolExecutor() as threads:
        writing = threads.submit(write)
        for done in [threads.submit(read, writing), threads.submit(read, writing), writing]:
            done.result()
    assert 240 == catalog.library_facts(card.space, EVERYTHING).n_segments


def test_threads_that_commit_at_once_wait_for_each_other(catalog: Catalog, make: "Make") -> None:
    """Four threads commit recordings of the same new classes and model at once, and all of them are kept."""
    card, scores = make.card(), [make.score(f"taxon {n}", 0.5) for n in range(8)]

    def write(recording: Recording) -> None:
        catalog.commit_recording(recording, card, [make.segment(recording, scores=scores)], policy="p")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, [make.recording(f"r{n}") for n in range(20)]))
    assert 20 == catalog.library_facts(card.space, EVERYTHING).n_segments


WORKER = """
import sys
from rab.catalog import Catalog
from rab.domain import EmbedderCard, Recording, StoredSegment

card, segments = EmbedderCard.model_validate_json(sys.argv[2]), sys.stdin.read().splitlines()
with Catalog.open(sys.argv[1]) as catalog:
    for line in segments:
        stored = StoredSegment.model_validate_json(line)
        catalog.commit_recording(stored.recording, card, [stored], policy="p")
        print(stored.recording.id, flush=True)
"""


def test_a_killed_process_loses_no_commit(sqlite_url: str, make: "Make") -> None:
    """What was committed before `kill -9` is whole; what was not is not there, and the catalog opens as if nothing."""
    recordings = [make.recording(f"r{n}") for n in range(2000)]
    lines = [make.segment(recording, scores=[make.score("Engine", 0.9)]).model_dump_json() for recording in recordings]
    Catalog.open(sqlite_url).close()
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, sqlite_url, make.card().model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    with worker.stdin, worker.stdout:
        worker.stdin.write("\n".join(lines))
        worker.stdin.close()
        committed = [worker.stdout.readline().strip() for _ in range(20)]
        os.kill(worker.pid, signal.SIGKILL)
        committed += worker.stdout.read().split()
        worker.wait()
    space = make.card().space
    with Catalog.open(sqlite_url) as catalog:
        assert all(catalog.is_done(one, space, "p") for one in committed)
        kept = catalog.list_segments(space, EVERYTHING)
        assert len(committed) <= len(kept) < len(recordings)
        assert len(kept) == catalog.count_recordings()
        assert all(one.scores and catalog.is_done(one.recording.id, space, "p") for one in kept)
