"""An ingest that is cut off, by `kill -9`, by a full disk, by another process: the next run makes it whole."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rab.bootstrap import open_workspace
from rab.catalog import Catalog
from rab.domain import SegmentFilter
from rab.errors import HomeLocked, StorageFailed
from rab.settings import Settings
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import ingest
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
Open = Callable[[Path], AbstractContextManager[Workspace]]
Contents = Callable[[Workspace], object]

KILLED = """
import os
import sys
from pathlib import Path

from rab.bootstrap import open_workspace
from rab.catalog import Catalog
from rab.settings import Settings
from rab.workflows import shelf
from rab.workflows.ingest import ingest

shelf._MAX_WAIT_S = 0.0  # every file is stored as soon as it was heard
home, models, folder, moment = sys.argv[1:]
real, n_commits, n_heard = Catalog.commit_recording, 0, 0


def die():
    os.kill(os.getpid(), 9)


def commit(*arguments, **options):
    global n_commits
    n_commits += 1
    if (n_commits, moment) == (2, "points stored"):
        die()
    gone = real(*arguments, **options)
    if (n_commits, moment) == (2, "committed"):
        die()
    return gone


def watch(progress):
    if progress.n_files_done == 1 and progress.audio_ms > 10_000 and moment == "heard":
        die()


Catalog.commit_recording = commit
settings = Settings(home=Path(home), models_dir=Path(models), n_threads=1)
with open_workspace(settings, purpose="rab ingest") as workspace:
    ingest(workspace, [Path(folder)], models=("birdnet-v2.4",), watch=watch)
"""
"""An ingest that kills itself: while it hears the second file, when its points are stored, or when it is committed."""


@pytest.fixture(scope="module")
def undisturbed(
    cuckoos: tuple[Path, ...], open_library: Open, contents: Contents, tmp_path_factory: pytest.TempPathFactory
) -> object:
    """Return what a library of the three recordings holds when nothing went wrong."""
    with open_library(tmp_path_factory.mktemp("undisturbed")) as workspace:
        ingest(workspace, cuckoos, models=(MODEL,))
        return contents(workspace)


def without_paths(contents: object) -> str:
    """Return contents as words, without where the recordings lie."""
    return re.sub(r"path='[^']*'", "", repr(contents))


@pytest.mark.parametrize(("moment", "n_committed"), [("heard", 1), ("points stored", 1), ("committed", 2)])
def test_killed_ingest_goes_on_where_it_was(
    moment: str,
    n_committed: int,
    repo: Path,
    models_dir: Path,
    folder: Path,
    open_library: Open,
    contents: Contents,
    undisturbed: object,
    tmp_path: Path,
) -> None:
    """After `kill -9` the library holds whole recordings alone; the next run gives what an undisturbed one gives."""
    home = tmp_path / "home"
    command = [sys.executable, "-c", KILLED, str(home), str(models_dir), str(folder), moment]
    killed = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert 0 != killed.returncode
    assert "" == killed.stderr
    with open_library(home) as workspace:
        assert n_committed == workspace.catalog.count_recordings()
        space = workspace.card(MODEL).space
        known = workspace.catalog.segment_ids(space, SegmentFilter())
        assert 3 * n_committed == len(known)
        pack = evidence(workspace, known[0])
        assert {call.segment_id for call in pack.calls.values()} <= set(known)
        assert 3 * n_committed == cluster_library(workspace, model=MODEL).n_segments
        report = ingest(workspace, [folder], models=(MODEL,))
        assert (3 - n_committed, n_committed) == (report.n_ingested, report.n_already_done)
        assert without_paths(undisturbed) == without_paths(contents(workspace))


class FullCatalog(Catalog):
    """A catalog whose disk fills up after its first recording."""

    n_free = 1

    def commit_recording(self, *arguments: object, **options: object) -> list[str]:
        if self.n_free == 0:
            raise StorageFailed("the catalog failed: its disk is full", hint="free some space and do it again")
        self.n_free -= 1
        return super().commit_recording(*arguments, **options)  # type: ignore[arg-type]

    def save_job(self, report: object) -> None:
        raise StorageFailed("the catalog failed: its disk is full", hint="free some space and do it again")


@pytest.mark.parametrize("together", [False, True])
def test_full_disk_stops_the_batch_and_is_told(
    together: bool,
    models_dir: Path,
    folder: Path,
    open_library: Open,
    contents: Contents,
    undisturbed: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files after the refusal are listed, and not heard if they were not stored together with it.

    What was done is kept, and a later run completes it.
    """
    if not together:
        monkeypatch.setattr("rab.workflows.shelf._MAX_WAIT_S", 0.0)
    home = tmp_path / "home"
    settings = Settings(home=home, models_dir=models_dir, n_threads=1)
    with open_workspace(settings, purpose="tests") as opened:
        full = FullCatalog.open(f"sqlite:///{(home / 'catalog.sqlite').as_posix()}")
        workspace = Workspace(home, full, opened.build_embedder, opened.open_store, opened.open_ranges)
        report = ingest(workspace, [folder], models=(MODEL,))
        workspace.close()
    files = sorted(folder.iterdir())
    assert [*map(str, files[1:]), str(home)] == [failure.path for failure in report.failures]
    assert {"storage_failed"} == {failure.code for failure in report.failures}
    assert (1, together) == (report.n_ingested, report.audio_ms > 20_000)  # all three are 26 s
    with open_library(home) as workspace:
        assert 1 == workspace.catalog.count_recordings()
        assert (2, 1) == ((again := ingest(workspace, [folder], models=(MODEL,))).n_ingested, again.n_already_done)
        assert without_paths(undisturbed) == without_paths(contents(workspace))


def test_second_process_is_told_who_holds_the_library(
    repo: Path, models_dir: Path, open_library: Open, tmp_path: Path
) -> None:
    """While one process has a library open, another is refused with the holder's name and number."""
    command = [sys.executable, "-m", "rab", "--home", str(tmp_path), "recordings"]
    with open_library(tmp_path):
        refused = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert (5, "") == (refused.returncode, refused.stdout)
    assert f"in use by process {os.getpid()} (tests)" in refused.stderr
    assert "next: ask it over its HTTP address" in refused.stderr
    with open_library(tmp_path), pytest.raises(HomeLocked), open_library(tmp_path):
        pass
