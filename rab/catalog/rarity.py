"""Rarity: how many segments are unlike the rest of the library, as the current clustering measured it."""

from sqlalchemy import Connection, func, select

from rab.catalog.aggregates import NovelSegments, rows_sha256
from rab.catalog.filters import matching
from rab.catalog.schema import novelties, segments
from rab.domain import SegmentFilter


def novel_segments(
    connection: Connection, space: str, where: SegmentFilter, at_least: float, n_exemplars: int
) -> NovelSegments:
    """Count the matching segments of a novelty or more, and those that have one."""
    placed = segments.join(novelties, novelties.c.segment_pk == segments.c.pk)
    meant = (matching(space, where), novelties.c.novelty.is_not(None))
    n_placed = connection.scalar(select(func.count()).select_from(placed).where(*meant)) or 0
    novel = (
        select(segments.c.id, novelties.c.novelty).select_from(placed).where(*meant, novelties.c.novelty >= at_least)
    )
    rows = connection.execute(novel.order_by(segments.c.id)).all()
    farthest = sorted(rows, key=lambda row: (-row.novelty, row.id))[:n_exemplars]
    return NovelSegments(
        n_placed=n_placed,
        n_novel=len(rows),
        exemplar_ids=tuple(row.id for row in farthest),
        rows_sha256=rows_sha256([*((row.id, row.novelty) for row in rows), (n_placed,)]),
    )
