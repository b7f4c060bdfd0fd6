"""Whatever a database refuses arrives as an error of RAB's, with the next step."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, make_url
from sqlalchemy import exc as foreign

from rab.catalog import Catalog
from rab.catalog.failures import shown, translated
from rab.domain import SegmentFilter
from rab.errors import Conflict, InputError, RabError, StorageFailed, Unavailable

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()


def all_kinds(kind: type[foreign.DBAPIError]) -> Iterator[type[foreign.DBAPIError]]:
    """Yield an exception and everything below it."""
    yield kind
    for one in kind.__subclasses__():
        yield from all_kinds(one)


class ServerError(Exception):
    """What a PostgreSQL driver raises: it carries a SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("refused")
        self.sqlstate = sqlstate


class FileError(Exception):
    """What the SQLite driver raises: it carries the name of a result code."""

    def __init__(self, sqlite_errorname: str) -> None:
        super().__init__("refused")
        self.sqlite_errorname = sqlite_errorname


@contextmanager
def every_connection(statement: str) -> Iterator[None]:
    """Run a statement on each connection that is made within the block, after those of the catalog."""

    def run(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute(statement).close()

    event.listen(Engine, "connect", run)
    try:
        yield
    finally:
        event.remove(Engine, "connect", run)


@pytest.mark.parametrize("kind", list(all_kinds(foreign.DBAPIError)), ids=lambda kind: kind.__name__)
def test_every_database_error_becomes_one_of_ours(kind: type[foreign.DBAPIError]) -> None:
    """Each error that SQLAlchemy hands on from a driver is translated, with cause, catalog and hint."""
    original = Exception("something\nin several lines")
    with (
        pytest.raises(RabError, match=r"catalog sqlite:///c\.sqlite .*\(something\)") as caught,
        translated("sqlite:///c.sqlite"),
    ):
        raise kind("SELECT", {}, original)
    assert isinstance(caught.value.__cause__, kind)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("original", "family"),
    [
        (FileError("SQLITE_FULL"), StorageFailed),
        (FileError("SQLITE_READONLY_DBMOVED"), StorageFailed),
        (FileError("SQLITE_IOERR_WRITE"), StorageFailed),
        (FileError("SQLITE_CORRUPT_INDEX"), StorageFailed),
        (FileError("SQLITE_BUSY_SNAPSHOT"), Unavailable),
        (FileError("SQLITE_CONSTRAINT_UNIQUE"), Conflict),
        (ServerError("53100"), StorageFailed),
        (ServerError("25006"), StorageFailed),
        (ServerError("42501"), StorageFailed),
        (ServerError("42P01"), StorageFailed),
        (ServerError("57P01"), Unavailable),
        (ServerError("53300"), Unavailable),
        (ServerError("40P01"), Unavailable),
        (ServerError("23505"), Conflict),
    ],
)
def test_a_code_says_more_than_a_kind(original: Exception, family: type[RabError]) -> None:
    """SQLite's result codes and PostgreSQL's SQLSTATEs decide, whatever exception carries them."""
    kind = foreign.IntegrityError if family is Conflict else foreign.OperationalError
    with pytest.raises(RabError) as caught, translated("c"):
        raise kind("SELECT", {}, original)
    assert family is type(caught.value)


@pytest.mark.parametrize("error", [foreign.TimeoutError(), foreign.DisconnectionError()])
def test_no_free_connection_is_unavailable(error: Exception) -> None:
    """When no connection becomes free, the caller is told to ask again."""
    with pytest.raises(Unavailable, match="no free connection"), translated("c"):
        raise error


def test_a_full_disk_loses_only_what_was_not_committed(sqlite_url: str, make: "Make") -> None:
    """A commit that the disk has no room for is undone whole, and the next step is named; what stood before stands."""
    first, second = make.recording("a"), make.recording("b")
    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(first, make.card(), [make.segment(first)], policy="p")
    many = [make.segment(second, n) for n in range(2000)]
    with every_connection("PRAGMA max_page_count = 70"), Catalog.open(sqlite_url) as catalog:
        with pytest.raises(StorageFailed, match=r"disk is full.*free some space"):
            catalog.commit_recording(second, make.card(), many, policy="p")
        assert [make.segment(first)] == catalog.list_segments(make.card().space, EVERYTHING)
    with Catalog.open(sqlite_url) as catalog:
        assert [first] == catalog.recordings()
        catalog.commit_recording(second, make.card(), many, policy="p")
        assert 2001 == catalog.library_facts(make.card().space, EVERYTHING).n_segments


def test_a_read_only_catalog_can_be_read(sqlite_url: str, tmp_path: Path, make: "Make") -> None:
    """What cannot be written says so, and can still be read."""
    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(make.recording(), make.card(), [], policy="p")
    read_only = f"sqlite:///file:{tmp_path / 'catalog.sqlite'}?mode=ro&uri=true"
    with Catalog.open(read_only) as catalog:
        assert [make.recording()] == catalog.recordings()
        with pytest.raises(StorageFailed, match=r"read-only.*make it writable"):
            catalog.commit_recording(make.recording("b"), make.card(), [], policy="p")


def test_another_writer_is_waited_for_and_then_named(sqlite_url: str, tmp_path: Path, make: "Make") -> None:
    """When another process does not let go of the write lock, the caller learns of it, and readers do not care."""
    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(make.recording(), make.card(), [], policy="p")
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Catalog.open(f"{sqlite_url}?timeout=0.01") as catalog:
        with pytest.raises(Unavailable, match="another process is writing"):
            catalog.commit_recording(make.recording("b"), make.card(), [], policy="p")
        assert [make.recording()] == catalog.recordings()
    other.close()


def test_names_that_are_no_text_are_refused(catalog: Catalog, make: "Make") -> None:
    """A file name whose bytes are no Unicode is refused by name; nothing is half-written."""
    strange = make.recording().model_copy(update={"path": "/field/\udcff.wav"})
    with pytest.raises(InputError, match="rename the file"):
        catalog.commit_recording(strange, make.card(), [], policy="p")
    assert 0 == catalog.count_recordings()


def test_numbers_beyond_the_database_are_refused(catalog: Catalog) -> None:
    """An offset that no database can count to is an input error."""
    with pytest.raises(InputError):
        catalog.recordings(limit=10, offset=10**30)


def test_an_address_is_shown_without_secrets() -> None:
    """Passwords are masked, and options, which may hold one, are left out."""
    url = make_url("postgresql+psycopg://ada:secret@host:5432/rab?password=secret")
    assert "postgresql+psycopg://ada:***@host:5432/rab" == shown(url)
