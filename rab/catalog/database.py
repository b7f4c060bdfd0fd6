"""The database under the catalog: opened, brought up to date, read in snapshots and written in transactions.

SQLite runs in WAL mode, so readers never wait for a commit and never see half of one. A write takes the write lock at
its beginning and waits for it up to 30 s; one that began by reading could not wait, for SQLite refuses to turn an old
snapshot into a write. `synchronous=FULL` makes every commit reach the disk before it returns. `kill -9` alone would
lose nothing with NORMAL either, but a power cut would, and a recording that took seconds to embed is worth the 3 ms
that the flush costs: one commit is one recording.

PostgreSQL runs the same code. Only these differ: how a snapshot is asked for (`REPEATABLE READ`), and how two
processes that open a new catalog at once are kept from both making its tables (an advisory lock).
"""

import sqlite3
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from rab.catalog.failures import shown, translated
from rab.catalog.schema import HEAD
from rab.errors import Conflict, SettingsError, Unavailable

_ADDRESSES = "write sqlite:///PATH, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", "cache_size=-65536")
_WAIT_S = 30
_MIGRATING = 0x5241_4243
"""Key of PostgreSQL's advisory lock; any number serves that no other program of the database uses."""


class Database:
    """A connection pool over one database. Thread-safe; every block has a connection of its own."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._name = name
        self._counted: dict[Hashable, tuple[object, object]] = {}
        self._writer = engine
        self._reader = engine
        if engine.dialect.name == "sqlite":
            self._writer = engine.execution_options(sqlite_begin="IMMEDIATE")
        else:
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the catalog at a SQLAlchemy address, made or brought up to date first. Closing it is the caller's.

        Raises `SettingsError` for an address that cannot be meant, `Conflict` when a newer RAB has changed its tables,
        `StorageFailed` or `Unavailable` when it cannot be reached, read or written.
        """
        address = _address(url)
        name = shown(address)
        engine = _engine(address, name)
        database = cls(engine, name)
        try:
            with database._reading() as connection:
                is_current = _revision(connection) == HEAD
            if not is_current:
                with database._writing() as connection:
                    _migrate(connection, name)
        except BaseException:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        """Close all connections; closing twice does nothing."""
        self._writer.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One snapshot: what is committed meanwhile is not seen."""
        with translated(self._name), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with translated(self._name), self._writer.begin() as connection:
            yield connection


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise SettingsError("the address of the catalog cannot be read", hint=_ADDRESSES) from error
    if address.drivername == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() != "sqlite":
        return address
    if address.database in (None, "", ":memory:"):
        raise SettingsError("a catalog in memory would be another one for every thread", hint=_ADDRESSES)
    return address.set(query={"timeout": str(_WAIT_S), **address.query})


def _engine(address: URL, name: str) -> Engine:
    if address.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise SettingsError(f"{name} is no database that RAB keeps a catalog in", hint=_ADDRESSES)
    if sqlite3.sqlite_version_info < (3, 35):
        raise Unavailable(
            f"SQLite {sqlite3.sqlite_version} is too old for the catalog", hint="use a Python built with SQLite 3.35"
        )
    try:
        engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    except ModuleNotFoundError as error:
        raise Unavailable(f"the driver for {name} is not installed", hint="pip install 'rab[postgres]'") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; `_begin` does
    _use_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn to WAL mode. SQLite does not wait for another that turns a new file at the same moment, so this does."""
    given_up_at = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > given_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


def _revision(connection: Connection) -> str | None:
    """Return the last migration that the database has seen; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _migrate(connection: Connection, name: str) -> None:
    """Bring the tables up to date, all or nothing. Alembic takes 0.4 s to import, so it is left until it is needed."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
    config = Config()
    config.set_main_option("script_location", "rab.catalog:migrations")
    revision = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise Conflict(
            f"the catalog {name} was changed by a newer RAB (its tables are {revision}, this RAB knows {HEAD})",
            hint="update RAB, or open another catalog",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
