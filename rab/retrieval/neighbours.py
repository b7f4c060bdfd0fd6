"""Neighbours: the calls nearest to a query, without the query's own echoes.

Segments of the same bout are near in any embedding space, and say nothing new: a bird resembles itself a moment ago. So
the query's own recording is left out for a minute on both sides, and no recording gives more than a few neighbours,
however many of its calls are near. Points that the catalog does not know (left by an ingest that was cut off before its
commit) are passed over: they come back when that recording is ingested again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import CallSegment, SegmentFilter, StoredSegment
from rab.domain.value import Value
from rab.store.base import Hit, VectorStore


class NeighbourPolicy(Value):
    """Which near calls count as separate witnesses."""

    max_per_recording: int = Field(default=3, ge=1)
    own_bout_ms: float = Field(default=60_000.0, ge=0)
    """Span around the query, in its own recording, whose segments are not its neighbours."""


class SegmentSource(Protocol):
    """Where the truth about segments comes from: the catalog."""

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


class Neighbour(Value):
    """A stored call and its cosine similarity to the query."""

    stored: StoredSegment
    similarity: float


def nearest(
    store: VectorStore,
    catalog: SegmentSource,
    query: CallSegment,
    vector: npt.NDArray[np.float32],
    *,
    k: int,
    where: SegmentFilter,
    policy: NeighbourPolicy,
) -> list[Neighbour]:
    """Return at most k calls nearest to `vector` (float32 [dim]), best first.

    Fewer come back when the library, under `where` and the policy, holds no more: the search is widened until then.
    """
    asked = 2 * k + 8
    known: dict[str, StoredSegment] = {}
    seen: set[str] = set()
    while True:
        hits = store.search(vector, asked, where, exclude_ids=[query.id])
        known |= catalog.segments([hit.segment_id for hit in hits if hit.segment_id not in seen])
        seen.update(hit.segment_id for hit in hits)
        kept = _witnesses(hits, known, query, policy)
        if len(kept) >= k or len(hits) < asked:
            return kept[:k]
        asked *= 4


def _witnesses(
    hits: Sequence[Hit], known: Mapping[str, StoredSegment], query: CallSegment, policy: NeighbourPolicy
) -> list[Neighbour]:
    per_recording: Counter[str] = Counter()
    kept = []
    for hit in hits:
        stored = known.get(hit.segment_id)
        if stored is None or _same_bout(stored.segment, query, policy.own_bout_ms):
            continue
        if per_recording[stored.segment.recording_id] == policy.max_per_recording:
            continue
        per_recording[stored.segment.recording_id] += 1
        kept.append(Neighbour(stored=stored, similarity=hit.similarity))
    return kept


def _same_bout(segment: CallSegment, query: CallSegment, bout_ms: float) -> bool:
    if segment.recording_id != query.recording_id:
        return False
    return segment.t0_ms < query.t1_ms + bout_ms and query.t0_ms - bout_ms < segment.t1_ms
