"""Segments in the order of time, as rows that are light enough for a million of them: one statement, streamed.

What a segment counts as is its cluster, its best detected taxon, or its newest label by a person or a table.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, select

from rab.catalog.database import Database
from rab.catalog.filters import IN_ORDER, detected, matching
from rab.catalog.schema import classes, cluster_members, clusters, labels, recordings, segments, taxon_scores
from rab.catalog.statements import stream
from rab.domain import SegmentFilter
from rab.domain.sequence import Alphabet


class OrderedSegment(NamedTuple):
    """A segment on its voice, with what it counts as and the place it was heard at."""

    segment_id: str
    recording_id: str
    channel: int | None
    t0_ms: float
    t1_ms: float
    symbol: str | None
    site: str | None
    habitat: str | None


class MeasuredSegment(NamedTuple):
    """A segment's signal quality, its recorder and its day on the site's calendar; in UTC where that has no clock."""

    segment_id: str
    recording_pk: int
    local_date: str | None
    heard_at_us: int | None
    noise_floor_dbfs: float | None
    clipped_fraction: float
    snr_db: float | None


class RecorderOf(NamedTuple):
    """Which recorder made a recording: `notes` is the JSON of its `RecorderNotes`."""

    recording_pk: int
    site: str | None
    notes: str


class Ordered(Database):
    """The part of the catalog that tells what came after what."""

    def in_order(self, space: str, where: SegmentFilter, by: Alphabet = "cluster") -> Iterator[OrderedSegment]:
        """Yield the matching segments by recording, voice and time. A snapshot stays open until the last is read."""
        with self._reading() as connection:
            for row in stream(connection, _ordered(space, where, by)):
                yield OrderedSegment._make(row)

    def measured(self, space: str, where: SegmentFilter) -> Iterator[MeasuredSegment]:
        """Yield the signal quality of the matching segments, by recording and time."""
        names = [name for name in MeasuredSegment._fields if name != "segment_id"]
        columns = [segments.c.id, *(segments.c[name] for name in names)]
        with self._reading() as connection:
            for row in stream(connection, select(*columns).where(matching(space, where)).order_by(*IN_ORDER)):
                yield MeasuredSegment._make(row)

    def recorders(self) -> list[RecorderOf]:
        """Return which recorder made each recording."""
        with self._reading() as connection:
            found = connection.execute(select(recordings.c.pk, recordings.c.site, recordings.c.notes))
            return [RecorderOf._make(row) for row in found]


def _ordered(space: str, where: SegmentFilter, by: Alphabet) -> Select[Any]:
    symbol, joined = _symbol(by)
    row = segments.c
    columns = (
        row.id,
        recordings.c.id,
        row.channel,
        row.t0_ms,
        row.t1_ms,
        symbol,
        recordings.c.site,
        recordings.c.habitat,
    )
    chosen = select(*columns).select_from(joined).join(recordings, recordings.c.pk == row.recording_pk)
    return chosen.where(matching(space, where)).order_by(*IN_ORDER, row.id)


def _symbol(by: Literal["cluster", "taxon", "label"]) -> tuple[ColumnElement[Any], Any]:
    if by == "cluster":
        members = segments.outerjoin(cluster_members, cluster_members.c.segment_pk == segments.c.pk)
        return clusters.c.id, members.outerjoin(clusters, clusters.c.pk == cluster_members.c.cluster_pk)
    if by == "taxon":
        best = (
            select(classes.c.scientific_name)
            .join_from(taxon_scores, classes)
            .where(taxon_scores.c.segment_pk == segments.c.pk, detected())
            .order_by(taxon_scores.c.position)
            .limit(1)
        )
        return best.correlate(segments).scalar_subquery(), segments
    said = and_(
        labels.c.segment_id == segments.c.id, labels.c.source.in_(("human", "imported")), labels.c.kind != "rejection"
    )
    newest = select(labels.c.taxon).where(said).order_by(labels.c.labelled_at_us.desc(), labels.c.pk.desc()).limit(1)
    return newest.correlate(segments).scalar_subquery(), segments
