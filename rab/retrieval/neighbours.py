"""Neighbours: the calls nearest to a query, without repeats.

Segments of the same bout are near in any embedding space, and say nothing new: a bird resembles itself a moment ago. So
the query's own recording is left out for a minute on both sides, and no recording, and if asked no bout of one, gives
more than a few neighbours, however many of its calls are near. Nor is a copy a witness, be it cut, coded or levelled
anew: it is counted once, and its copies are told; copies of the query itself are none at all. Calls of two recordings
count as copies from a cosine of 0.99 on: of 1,240 windows of real recordings no two of different sounds came that near
(BirdNET V2.4), and MP3 or OGG leave more than 0.995. Two recordings that share a sound are one source: what was said
above of one recording holds of both together.

Points that the catalog does not know (left by an ingest that was cut off before its commit) are passed over: they come
back when that recording is ingested again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import CallSegment, SegmentFilter, StoredSegment
from rab.domain.value import Value
from rab.store.base import VectorStore

_COPY = 0.99
"""Cosine from which calls of two recordings are one sound."""


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
        apart = tuple(
            Neighbour(stored=known[hit.segment_id], similarity=hit.similarity)
            for hit in hits
            if hit.segment_id in known and not _same_bout(known[hit.segment_id].segment, query, policy.own_bout_ms)
        )
        found, source_of = _without_copies(apart, store, query, policy) if policy.folds_copies else (Nearby(apart), {})
        kept = _witnesses(found.neighbours, source_of, policy)
        if len(kept) >= k or len(hits) < asked:
            break
        asked *= 4
    if arrange is not None:
        kept = _witnesses(arrange(found.neighbours), source_of, policy)
    return found._replace(neighbours=tuple(kept[:k]))


def _without_copies(
    near: Sequence[Neighbour], store: VectorStore, query: CallSegment, policy: NeighbourPolicy
) -> tuple[Nearby, dict[str, str]]:
    """Fold copies into the first of them and leave out those of the query, and of what surrounds it in their files.

    Also return which recordings are of one source: recording id → the id of the first of them.
    """
    vectors = store.fetch([one.stored.segment.id for one in near])
    near = [one for one in near if one.stored.segment.id in vectors]
    copies = tuple(one.stored for one in near if one.similarity >= _COPY)
    kept: list[Neighbour] = []
    rows: list[npt.NDArray[np.float32]] = []
    source_of: dict[str, str] = {}
    for one in near:
        segment = one.stored.segment
        if any(_same_bout(segment, _placed(query, copy.segment), policy.own_bout_ms) for copy in copies):
            continue
        vector = vectors[segment.id].vector
        cosines = np.stack(rows) @ vector if rows else np.zeros(0, np.float32)
        like = [at for at in np.flatnonzero(cosines >= _COPY) if kept[at].stored.recording.id != segment.recording_id]
        if like:
            first = kept[like[0]]
            kept[like[0]] = first.model_copy(update={"n_copies": first.n_copies + 1})
            source = source_of.get(first.stored.recording.id, first.stored.recording.id)
            source_of.setdefault(segment.recording_id, source)
        else:
            kept.append(one)
            rows.append(vector)
    return Nearby(tuple(kept), copies), source_of


def _placed(query: CallSegment, copy: CallSegment) -> CallSegment:
    """Return the query where its copy lies."""
    return query.model_copy(update={"recording_id": copy.recording_id, "t0_ms": copy.t0_ms, "t1_ms": copy.t1_ms})


def _witnesses(near: Sequence[Neighbour], source_of: Mapping[str, str], policy: NeighbourPolicy) -> list[Neighbour]:
    """Return the first few of every source, and of every bout of one."""
    per_source: Counter[str] = Counter()
    kept: list[Neighbour] = []
    for one in near:
        segment = one.stored.segment
        source = source_of.get(segment.recording_id, segment.recording_id)
        if per_source[source] == policy.max_per_recording:
            continue
        if policy.max_per_bout is not None:
            n_near = sum(_same_bout(other.stored.segment, segment, policy.own_bout_ms) for other in kept)
            if n_near >= policy.max_per_bout:
                continue
        per_source[source] += 1
        kept.append(one)
    return kept


def _same_bout(segment: CallSegment, query: CallSegment, bout_ms: float) -> bool:
    if segment.recording_id != query.recording_id:
        return False
    return segment.t0_ms < query.t1_ms + bout_ms and query.t0_ms - bout_ms < segment.t1_ms
