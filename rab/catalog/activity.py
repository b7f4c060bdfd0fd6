"""Activity: what was detected, of which taxa and when, and how the segments spread over clusters.

Counted in one pass over the rows that the fingerprints are made of, so that figure and fingerprint cannot disagree, and
in the order of segment ids, so that both databases give the same: ids are hexadecimal, and every collation orders them
alike.
"""

import hashlib
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, select

from rab.catalog.aggregates import ClusterSize, Count, Detections, TaxonDetections, row_line, rows_sha256
from rab.catalog.filters import matching
from rab.catalog.rows import taxon_of
from rab.catalog.schema import classes, cluster_members, clusters, segments, taxon_scores
from rab.catalog.statements import stream
from rab.domain import SegmentFilter, Taxon


def detections(
    connection: Connection, space: str, where: SegmentFilter, n_exemplars: int, *, out_of_range: bool
) -> Detections:
    """Count the scores at or above the threshold in matching segments: those out of range, or all others."""
    new = partial(_Tally, n_exemplars)
    whole, hours, tallies = new(), [new() for _ in range(24)], defaultdict[str, _Tally](new)
    taxa: dict[str, Taxon] = {}
    for row in _scored(connection, space, where, out_of_range=out_of_range):
        heard, name = tuple(row)[:5], row.scientific_name
        line = row_line((row.id, name, row.raw_score))
        whole.add(heard, line)
        tallies[name].add(heard, line)
        if row.local_hour is not None:
            hours[row.local_hour].add(heard, line)
        if name not in taxa:
            taxa[name] = taxon_of(row)
    most_first = sorted(taxa, key=lambda name: (-tallies[name].n_segments, name))
    return Detections(
        count=whole.count(),
        taxa=tuple(
            TaxonDetections(taxa[name], tallies[name].count(), tuple(tallies[name].by_local_hour))
            for name in most_first
        ),
        hours=tuple(tally.count() for tally in hours),
    )


def _scored(connection: Connection, space: str, where: SegmentFilter, *, out_of_range: bool) -> Iterator[Row[Any]]:
    of_segment = (segments.c.id, segments.c.recording_pk, segments.c.local_date, segments.c.local_hour)
    of_class = (classes.c.scientific_name, classes.c.common_name, classes.c.taxon_group)
    in_range = taxon_scores.c.in_range
    rows = (
        select(*of_segment, taxon_scores.c.raw_score, *of_class)
        .join_from(segments, taxon_scores)
        .join(classes)
        .where(matching(space, where), taxon_scores.c.above_threshold)
        .where(in_range.is_(False) if out_of_range else in_range.is_not(False))
    )
    return stream(connection, rows.order_by(segments.c.id, taxon_scores.c.raw_score.desc(), taxon_scores.c.position))


class _Tally:
    """The running account of detections of one kind. The rows of a segment come together, its best score first."""

    def __init__(self, n_exemplars: int) -> None:
        self._n_exemplars = n_exemplars
        self._n_kept = max(1, n_exemplars)
        self._digest = hashlib.sha256()
        self._last_id = ""
        self._days: set[str] = set()
        self._best: dict[int, list[tuple[float, str]]] = defaultdict(list)
        """Of each recording the segments that may become exemplars, best first, the sign of the score turned."""
        self.n_segments = 0
        self.by_local_hour = [0] * 24

    def add(self, heard: tuple[Any, ...], line: bytes) -> None:
        self._digest.update(line)
        segment_id, recording_pk, local_date, local_hour, raw_score = heard
        if segment_id == self._last_id:
            return
        self._last_id = segment_id
        self.n_segments += 1
        if local_hour is not None:
            self.by_local_hour[local_hour] += 1
            self._days.add(local_date)
        best = self._best[recording_pk]
        if len(best) < self._n_kept or -raw_score < best[-1][0]:
            insort(best, (-raw_score, segment_id))
            del best[self._n_kept :]

    def count(self) -> Count:
        by_place = sorted((place, one) for best in self._best.values() for place, one in enumerate(best))
        chosen = sorted(one for _, one in by_place[: self._n_exemplars])
        return Count(
            n_segments=self.n_segments,
            n_recordings=len(self._best),
            n_days=len(self._days),
            best_raw_score=-by_place[0][1][0] if by_place else None,
            exemplar_ids=tuple(segment_id for _, segment_id in chosen),
            rows_sha256=self._digest.hexdigest(),
        )


def cluster_sizes(connection: Connection, space: str, where: SegmentFilter) -> tuple[ClusterSize, ...]:
    """Count the matching segments of each cluster, most first; clusters without any are left out."""
    medoids = segments.alias()
    members = (
        select(segments.c.id, segments.c.recording_pk, clusters.c.id.label("cluster_id"), medoids.c.id.label("medoid"))
        .join_from(segments, cluster_members)
        .join(clusters)
        .join(medoids, medoids.c.pk == clusters.c.medoid_pk)
        .where(matching(space, where))
    )
    of_cluster: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in stream(connection, members.order_by(segments.c.id)):
        of_cluster[row.cluster_id, row.medoid].append(row)
    sizes = [
        ClusterSize(
            cluster_id=cluster_id,
            medoid_id=medoid_id,
            n_segments=len(rows),
            n_recordings=len({row.recording_pk for row in rows}),
            rows_sha256=rows_sha256((row.id, cluster_id) for row in rows),
        )
        for (cluster_id, medoid_id), rows in of_cluster.items()
    ]
    return tuple(sorted(sizes, key=lambda size: (-size.n_segments, size.cluster_id)))
