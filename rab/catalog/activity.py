"""Activity: what was detected, of which taxa, and how the segments spread over clusters.

Counted over the rows that the fingerprints are made of, so that figure and fingerprint cannot disagree, and in the
order of segment ids, so that both databases give the same.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from rab.catalog.aggregates import ClusterSize, Count, Detections, TaxonDetections, rows_sha256
from rab.catalog.filters import matching
from rab.catalog.heard import Heard, Rows, n_distinct
from rab.catalog.schema import cluster_members, clusters, segments
from rab.catalog.statements import stream
from rab.domain import SegmentFilter

_FEW = 256


def detections(heard: Heard, rows: Rows, *, n_exemplars: int, clear_from_db: float | None = None) -> Detections:
    """Count detections, in all and by taxon. With `clear_from_db`, exemplars with such an SNR or more come first."""

    def counted(some: Rows) -> Count:
        return count(heard, some, n_exemplars=n_exemplars, clear_from_db=clear_from_db)

    by_taxon = [TaxonDetections(heard.taxa[taxon], counted(own)) for taxon, own in heard.of_taxon(rows).items()]
    return Detections(
        count=counted(rows),
        taxa=tuple(sorted(by_taxon, key=lambda one: (-one.count.n_segments, one.taxon.scientific_name))),
    )


def count(heard: Heard, rows: Rows, *, n_exemplars: int, clear_from_db: float | None = None) -> Count:
    """Count the segments behind rows."""
    first = heard.first_of_segment(rows)
    days = np.flatnonzero(np.bincount(heard.recorder_day[first] + 1, minlength=1)[1:])
    return Count(
        n_segments=len(first),
        n_recordings=n_distinct(heard.recording[first]),
        n_days=len(np.unique(heard.recorder_days[1][days])),
        n_recorder_days=len(days),
        best_raw_score=float(heard.raw_score[first].max()) if len(first) else None,
        exemplar_ids=heard.ids(exemplars(heard, first, n_exemplars, clear_from_db)),
        rows_sha256=heard.fingerprint(rows),
    )


def exemplars(heard: Heard, first: Rows, n: int, clear_from_db: float | None = None) -> Rows:
    """Return the rows to listen to, of rows that stand for a segment each: clear ones first, then by raw score.

    They come from as many recordings as there are. Where many rows are to choose from, the best few are looked at
    first, and all of them only if those come from too few recordings.
    """
    n_looked = _FEW
    while True:
        best = first
        if n_looked < len(first):
            rank = heard.raw_score[first] + (
                0.0 if clear_from_db is None else 2.0 * _is_clear(heard, first, clear_from_db)
            )
            cut = np.partition(rank, len(rank) - n_looked)[len(rank) - n_looked]
            best = first[rank >= cut]
        if len(best) == len(first) or n_distinct(heard.recording[best]) >= n:
            return _chosen(heard, best, n, clear_from_db)
        n_looked *= 16


def _is_clear(heard: Heard, rows: Rows, clear_from_db: float) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    return heard.snr_db[rows] >= clear_from_db


def _chosen(heard: Heard, rows: Rows, n: int, clear_from_db: float | None) -> Rows:
    faint = np.zeros(len(rows), bool) if clear_from_db is None else ~_is_clear(heard, rows, clear_from_db)
    best_first = np.lexsort((rows, -heard.raw_score[rows], faint))
    seen: dict[int, int] = defaultdict(int)
    ranked = []
    for place, one in enumerate(best_first.tolist()):
        recording = int(heard.recording[rows[one]])
        ranked.append((seen[recording], place, one))
        seen[recording] += 1
    chosen = sorted(place for _, place, _ in sorted(ranked)[: max(n, 0)])
    return rows[best_first[chosen]]


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
