"""Neighbours: the calls nearest to a query, without repeats.

Segments of the same bout are near in any embedding space, and say nothing new: a bird resembles itself a moment ago. So
the query's own recording is left out for a minute on both sides, and no recording, and if asked no bout of one, gives
more than a few neighbours, however many of its calls are near. Nor is a copy a witness: the same sound in two files has
the same vector, is counted once, and its copies are told; copies of the query itself are none at all.

Points that the catalog does not know (left by an ingest that was cut off before its commit) are passed over: they come
back when that recording is ingested again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import CallSegment, SegmentFilter, StoredSegment
from rab.domain.value import Value
from rab.store.base import StoredVector, VectorStore

_SAME = 2e-6
"""Cosines closer to 1 than this are of one vector: twice what six decimals round away."""


class NeighbourPolicy(Value):
    """Which near calls count as separate witnesses."""

    max_per_recording: int = Field(default=3, ge=1)
    max_per_bout: int | None = Field(default=None, ge=1)
    """Of neighbours within `own_bout_ms` of each other; None: as many as their recording may give."""
    own_bout_ms: float = Field(default=60_000.0, ge=0)
    """Span around the query, in its own recording, whose segments are not its neighbours."""
    folds_copies: bool = True
    n_candidates: int = Field(default=128, ge=1)
    """Calls to choose among, at least, when an order other than similarity's is asked for."""


class SegmentSource(Protocol):
    """Where the truth about segments comes from: the catalog."""

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


class Neighbour(Value):
    """A stored call, its cosine similarity to the query, and how many exact copies of its sound were folded into it."""

    stored: StoredSegment
    similarity: float
    n_copies: int = 0


class Nearby(NamedTuple):
    """What is near: neighbours, best first, and the calls with the query's own sound in other files."""

    neighbours: tuple[Neighbour, ...]
    copies_of_query: tuple[StoredSegment, ...] = ()


Arrange = Callable[[Sequence[Neighbour]], Sequence[Neighbour]]
"""Puts candidates, nearest first, into another order."""


def nearest(
    store: VectorStore,
    catalog: SegmentSource,
    query: CallSegment,
    vector: npt.NDArray[np.float32],
    *,
    k: int,
    where: SegmentFilter,
    policy: NeighbourPolicy,
    arrange: Arrange | None = None,
) -> Nearby:
    """Return at most k calls near `vector` (float32 [dim]): the nearest, or the first k as `arrange` orders them.

    Fewer come back when the library, under `where` and the policy, holds no more: the search is widened until then.
    """
    asked = 2 * k + 8 if arrange is None else max(2 * k + 8, policy.n_candidates)
    known: dict[str, StoredSegment] = {}
    seen: set[str] = set()
    while True:
        hits = store.search(vector, asked, where, exclude_ids=[query.id])
        known |= catalog.segments([hit.segment_id for hit in hits if hit.segment_id not in seen])
        seen.update(hit.segment_id for hit in hits)
        apart = [
            Neighbour(stored=known[hit.segment_id], similarity=hit.similarity)
            for hit in hits
            if hit.segment_id in known and not _same_bout(known[hit.segment_id].segment, query, policy.own_bout_ms)
        ]
        found = _without_copies(apart, store) if policy.folds_copies else Nearby(tuple(apart))
        kept = _witnesses(found.neighbours, policy)
        if len(kept) >= k or len(hits) < asked:
            break
        asked *= 4
    if arrange is not None:
        kept = _witnesses(arrange(found.neighbours), policy)
    return found._replace(neighbours=tuple(kept[:k]))


def _without_copies(near: Sequence[Neighbour], store: VectorStore) -> Nearby:
    """Fold neighbours, best first, with one vector into the first of them; leave out those with the query's."""
    others = [one for one in near if one.similarity < 1 - _SAME]
    as_near = [pair for pair in pairwise(others) if pair[0].similarity - pair[1].similarity <= _SAME]
    vectors = store.fetch(sorted({one.stored.segment.id for pair in as_near for one in pair})) if as_near else {}
    kept: list[Neighbour] = []
    for one in others:
        at = len(kept) - 1
        while at >= 0 and kept[at].similarity - one.similarity <= _SAME and not _is_copy(kept[at], one, vectors):
            at -= 1
        if at >= 0 and kept[at].similarity - one.similarity <= _SAME:
            kept[at] = kept[at].model_copy(update={"n_copies": kept[at].n_copies + 1})
        else:
            kept.append(one)
    return Nearby(tuple(kept), tuple(one.stored for one in near[: len(near) - len(others)]))


def _is_copy(one: Neighbour, other: Neighbour, vectors: Mapping[str, StoredVector]) -> bool:
    first, second = (vectors.get(each.stored.segment.id) for each in (one, other))
    return first is not None and second is not None and float(first.vector @ second.vector) >= 1 - _SAME


def _witnesses(near: Sequence[Neighbour], policy: NeighbourPolicy) -> list[Neighbour]:
    """Return the first few of every recording, and of every bout of one."""
    per_recording: Counter[str] = Counter()
    kept: list[Neighbour] = []
    for one in near:
        segment = one.stored.segment
        if per_recording[segment.recording_id] == policy.max_per_recording:
            continue
        if policy.max_per_bout is not None:
            n_near = sum(_same_bout(other.stored.segment, segment, policy.own_bout_ms) for other in kept)
            if n_near >= policy.max_per_bout:
                continue
        per_recording[segment.recording_id] += 1
        kept.append(one)
    return kept


def _same_bout(segment: CallSegment, query: CallSegment, bout_ms: float) -> bool:
    if segment.recording_id != query.recording_id:
        return False
    return segment.t0_ms < query.t1_ms + bout_ms and query.t0_ms - bout_ms < segment.t1_ms
