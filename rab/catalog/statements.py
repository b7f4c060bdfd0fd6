"""Statements that both databases understand, though each has its own words for them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert
Item = TypeVar("Item")

_MAX_VALUES = 10_000
"""Values in one IN list, and rows held at once. SQLite takes 32,766 values in a statement, PostgreSQL 65,535."""


def insert_missing(connection: Connection, table: Table) -> Insert:
    """Return an insert that passes over rows that exist already."""
    return _insert(connection, table).on_conflict_do_nothing()


def upsert(connection: Connection, table: Table, *key: str) -> Insert:
    """Return an insert that replaces the row with the same key, which keeps its number."""
    statement = _insert(connection, table)
    replaced = {
        column.name: statement.excluded[column.name] for column in table.columns if column.name not in ("pk", *key)
    }
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


def _insert(connection: Connection, table: Table) -> Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a query without holding them all."""
    yield from connection.execute(query, execution_options={"yield_per": _MAX_VALUES})


def chunks(values: Iterable[Item], n: int = _MAX_VALUES) -> Iterator[list[Item]]:
    """Cut values into lists of n at most, which fit into one statement."""
    rest = iter(values)
    while some := list(islice(rest, n)):
        yield some
