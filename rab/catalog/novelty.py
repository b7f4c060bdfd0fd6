"""Novelty: how far every segment lies from what other recordings hold, and which segments nobody has placed yet."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from rab.catalog.database import Database
from rab.catalog.filters import IN_ORDER, matching
from rab.catalog.schema import classes, novelties, segments
from rab.catalog.statements import chunks
from rab.domain import NoveltyScore, SegmentFilter

_SCORED = segments.join(novelties, novelties.c.segment_pk == segments.c.pk)


class NoveltyScores(Database):
    """The part of the catalog that knows how novel segments are."""

    def novelty(self, segment_id: str) -> NoveltyScore | None:
        """Return the novelty of a segment; None before a clustering has placed it."""
        own = select(segments.c.id, novelties.c.novelty).select_from(_SCORED).where(segments.c.id == segment_id)
        with self._reading() as connection:
            row = connection.execute(own).first()
        return None if row is None else NoveltyScore(segment_id=row.id, novelty=row.novelty)

    def most_novel(self, space: str, where: SegmentFilter, *, limit: int) -> list[NoveltyScore]:
        """Return the matching segments that lie farthest out, the farthest first, ties in the order of time."""
        known = select(segments.c.id, novelties.c.novelty).select_from(_SCORED)
        known = known.where(matching(space, where), novelties.c.novelty.is_not(None))
        farthest = known.order_by(novelties.c.novelty.desc(), *IN_ORDER).limit(limit)
        with self._reading() as connection:
            return [NoveltyScore(segment_id=row.id, novelty=row.novelty) for row in connection.execute(farthest)]

    def class_names(self, model: str) -> list[str]:
        """Return the scientific names that a classifier gave a score to, ever."""
        own = select(classes.c.scientific_name).where(classes.c.model == model).distinct()
        with self._reading() as connection:
            return sorted(connection.scalars(own))

    def unplaced_segments(self, space: str) -> list[str]:
        """Return the ids of the segments that came after the current clustering of a space."""
        fresh = select(segments.c.id).where(
            matching(space, SegmentFilter()), segments.c.pk.not_in(select(novelties.c.segment_pk))
        )
        with self._reading() as connection:
            return list(connection.scalars(fresh.order_by(*IN_ORDER)))


def put_novelty(connection: Connection, novelty: Mapping[int, float | None]) -> None:
    """Write the novelty of segments by their row numbers."""
    for some in chunks(novelty):
        connection.execute(delete(novelties).where(novelties.c.segment_pk.in_(some)))
    if novelty:
        connection.execute(insert(novelties), [{"segment_pk": pk, "novelty": value} for pk, value in novelty.items()])
