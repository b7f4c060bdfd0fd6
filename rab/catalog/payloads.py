"""Payloads that are out of date: what the store repeats of a segment, and the catalog knows better.

A payload is a copy, kept beside the vector so that a search can be filtered. A label, a corrected place or a newer RAB
changes what it ought to say. The transaction that makes the change notes here which segments it meets; whoever opens
their collection rewrites their payloads and takes the notes away. So a crash in between loses nothing.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from rab.catalog.database import Database
from rab.catalog.schema import outdated_payloads, segments, spaces
from rab.catalog.statements import chunks


class Payloads(Database):
    """The part of the catalog that knows which payloads are to be rewritten."""

    def outdated_payloads(self, space: str, limit: int) -> dict[int, str]:
        """Return notes on segments of a space whose payload is out of date, by number: the segment's id."""
        noted = select(outdated_payloads.c.pk, segments.c.id).select_from(outdated_payloads).join(segments).join(spaces)
        some = noted.where(spaces.c.space == space).order_by(outdated_payloads.c.pk).limit(limit)
        with self._reading() as connection:
            if connection.scalar(select(outdated_payloads.c.pk).limit(1)) is None:
                return {}  # asked before every search; SQLite would join from the segments
            return dict(connection.execute(some).all())

    def forget_outdated(self, notes: Iterable[int]) -> None:
        """Take notes away, after the payloads were rewritten by what the catalog knew when they were read."""
        with self._writing() as connection:
            for pks in chunks(notes):
                connection.execute(delete(outdated_payloads).where(outdated_payloads.c.pk.in_(pks)))


def mark_outdated(connection: Connection, which: ColumnElement[bool]) -> None:
    """Note the segments that meet a condition on `segments`."""
    met = select(segments.c.pk).where(which)
    connection.execute(insert(outdated_payloads).from_select(["segment_pk"], met))
