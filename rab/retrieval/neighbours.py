"""Neighbours: the calls nearest to a query, without repeats.

Segments of the same bout are near in any embedding space, and say nothing new: a bird resembles itself a moment ago. So
the query's own recording is left out for a minute on both sides, and no recording, and if asked no bout of one, gives
more than a few neighbours, however many of its calls are near. Nor is a copy a witness, be it cut, coded or levelled
anew: it is counted once, and its copies are told; copies of the query itself are none at all. Calls of two recordings
count as copies from a cosine of 0.99 on (BirdNET V2.4): of 1,240 windows of real recordings no two with a signal came
that near but exact doubles. Half the level or 16 bits leave 0.995 and more, MP3 0.987 (6 of 8 above the line), OGG
Vorbis 0.966 (6 of 12): a lossy copy may pass for a call of its own. Silence is no sound to share: calls without a
measured SNR are copies of nothing. Two recordings that share a sound are one source: what was said
above of one recording holds of both together.

Points that the catalog does not know (left by an ingest that was cut off before its commit) are passed over: they come
back when that recording is ingested again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import CallSegment, SegmentFilter, SegmentPlace, StoredSegment
from rab.domain.value import Value
from rab.retrieval.one_core import on_one_core
from rab.store.base import Hit, VectorStore

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

    def places(self, ids: Sequence[str]) -> Mapping[str, SegmentPlace]:
        """Return where those are that exist, by id."""
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


class Candidate(NamedTuple):
    """A segment near the query, before all else is known of it; `n_copies` as of a neighbour."""

    place: SegmentPlace
    similarity: float
    n_copies: int = 0

    @property
    def has_signal(self) -> bool:
        """Whether its SNR could be measured."""
        return self.place.snr_db is not None


Vectors = Mapping[str, npt.NDArray[np.float32]]
"""Segment id → unit vector, float32 [dim]."""
Arrange = Callable[[Sequence[Candidate], Vectors], Sequence[Candidate]]
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

    Fewer come back when the library, under `where` and the policy, holds no more: until then the search goes on among
    recordings that have not given all they may. The ends of recordings that hardly fill their window are no neighbours,
    unless the query is such an end itself.
    """
    n_candidates = k if arrange is None else max(k, policy.n_candidates)
    asked = max(2 * k, n_candidates) + 8
    takes_remnants = store.card.is_remnant(query.t0_ms, query.t1_ms)
    hits: list[Hit] = []
    places: dict[str, SegmentPlace] = {}
    vectors: dict[str, npt.NDArray[np.float32]] = {}
    spent: set[str] = set()
    while True:
        passed = [one.segment_id for one in hits if _recording(places, one) not in spent]
        more = store.search(vector, asked, _elsewhere(where, spent), exclude_ids=[query.id, *passed])
        hits += more
        places |= catalog.places([one.segment_id for one in more])
        apart = [
            Candidate(places[one.segment_id], one.similarity)
            for one in hits
            if one.segment_id in places
            and not _same_bout(places[one.segment_id], query, policy.own_bout_ms)
            and (takes_remnants or not store.card.is_remnant(*_span(places[one.segment_id])))
        ]
        copies = [one for one in apart if policy.folds_copies and one.similarity >= _COPY and one.has_signal]
        pool = _pool(_without_surroundings(apart, copies, policy), k, n_candidates, policy)
        unread = [one.place.segment_id for one in pool if one.place.segment_id not in vectors]
        vectors |= store.vectors(unread)
        sounds = _without_copies(pool, vectors, policy)
        if len(_witnesses(sounds.near, sounds.source_of, policy)) >= k or len(more) < asked:
            break
        given = Counter(one.place.recording_id for one in sounds.near)
        spent = {one for one, n in given.items() if n >= policy.max_per_recording}
        asked *= 2
    ordered = sounds.near if arrange is None else arrange(sounds.near, vectors)
    chosen = _witnesses(ordered, sounds.source_of, policy)[:k]
    stored = catalog.segments([one.place.segment_id for one in (*chosen, *copies)])
    neighbours = (
        Neighbour(stored=stored[one.place.segment_id], similarity=one.similarity, n_copies=one.n_copies)
        for one in chosen
        if one.place.segment_id in stored
    )
    own = (stored.get(one.place.segment_id) for one in copies)
    return Nearby(tuple(neighbours), tuple(one for one in own if one is not None))


def _span(place: SegmentPlace) -> tuple[float, float]:
    return place.t0_ms, place.t1_ms


def _recording(places: Mapping[str, SegmentPlace], hit: Hit) -> str | None:
    place = places.get(hit.segment_id)
    return None if place is None else place.recording_id


def _elsewhere(where: SegmentFilter, spent: Collection[str]) -> SegmentFilter:
    """Return the filter, less some recordings."""
    if not spent:
        return where
    return where.model_copy(update={"exclude": (*where.exclude, SegmentFilter(recording_ids=tuple(spent)))})


class _Sounds(NamedTuple):
    """What is near, each sound once; and recording id → id of the first of its source."""

    near: list[Candidate]
    source_of: dict[str, str]


def _pool(apart: Sequence[Candidate], k: int, n_candidates: int, policy: NeighbourPolicy) -> list[Candidate]:
    """Return the nearest, and behind them those that may still be witnesses, three times as many as are wanted.

    The hundredth call of one recording cannot be a witness, so its vector need not be fetched.
    """
    first = apart[:n_candidates] if n_candidates > k else []
    some = _witnesses(apart, {}, policy.model_copy(update={"max_per_bout": None}))[: 3 * k + 8]
    return sorted({one.place.segment_id: one for one in (*first, *some)}.values(), key=_nearest_first)


def _nearest_first(one: Candidate) -> tuple[float, str]:
    return -one.similarity, one.place.segment_id


def _without_surroundings(
    near: Sequence[Candidate], copies: Sequence[Candidate], policy: NeighbourPolicy
) -> list[Candidate]:
    """Leave out copies of the query, and what surrounds them in their files as it surrounds the query in its own."""
    return [one for one in near if not any(_same_bout(one.place, copy.place, policy.own_bout_ms) for copy in copies)]


@on_one_core()
def _without_copies(near: Sequence[Candidate], vectors: Vectors, policy: NeighbourPolicy) -> _Sounds:
    """Fold copies into the first of them."""
    near = [one for one in near if one.place.segment_id in vectors]
    if not policy.folds_copies or not near:
        return _Sounds(list(near), {})
    matrix = np.stack([vectors[one.place.segment_id] for one in near])
    is_like = matrix @ matrix.T >= _COPY
    kept: dict[int, Candidate] = {}
    source_of: dict[str, str] = {}
    for row, one in enumerate(near):
        like = (at for at in np.flatnonzero(is_like[row, :row]).tolist() if at in kept and one.has_signal)
        first = next((at for at in like if near[at].place.recording_id != one.place.recording_id), None)
        if first is None:
            kept[row] = one
            continue
        original = kept[first]
        kept[first] = original._replace(n_copies=original.n_copies + 1)
        source = source_of.get(original.place.recording_id, original.place.recording_id)
        source_of.setdefault(one.place.recording_id, source)
    return _Sounds(list(kept.values()), source_of)


def _witnesses(near: Sequence[Candidate], source_of: Mapping[str, str], policy: NeighbourPolicy) -> list[Candidate]:
    """Return the first few of every source, and of every bout of one."""
    per_source: Counter[str] = Counter()
    kept: list[Candidate] = []
    for one in near:
        place = one.place
        source = source_of.get(place.recording_id, place.recording_id)
        if per_source[source] == policy.max_per_recording:
            continue
        if policy.max_per_bout is not None:
            n_near = sum(_same_bout(other.place, place, policy.own_bout_ms) for other in kept)
            if n_near >= policy.max_per_bout:
                continue
        per_source[source] += 1
        kept.append(one)
    return kept


def _same_bout(one: CallSegment | SegmentPlace, other: CallSegment | SegmentPlace, bout_ms: float) -> bool:
    if one.recording_id != other.recording_id:
        return False
    return one.t0_ms < other.t1_ms + bout_ms and other.t0_ms - bout_ms < one.t1_ms
