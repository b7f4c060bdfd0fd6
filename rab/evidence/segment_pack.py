"""The Evidence Pack of a call: everything that may be said of it, gathered once and sealed.

Depth first (how many witnesses the signal asks for), then the witnesses, the clusters it lies near, what sounds before
and after it, and what the classifier thinks. Nothing is judged here; that is the validator's work.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import (
    CallSegment,
    DepthDecision,
    EmbedderCard,
    EvidencePack,
    FollowingEntry,
    LibraryFacts,
    Medoid,
    ModelCredit,
    NameCount,
    NeighbourEntry,
    NoveltyScore,
    PrototypeEntry,
    QueryEntry,
    SegmentFilter,
    SequenceStep,
    StoredSegment,
    TaxonScore,
    TaxonScoreEntry,
    rejected_taxa,
)
from rab.domain.calibration import Calibrations
from rab.domain.probe import Probe
from rab.domain.value import Value
from rab.errors import NotFound
from rab.evidence.calls import call_name, call_ref, call_types, human_names
from rab.retrieval.depth import DepthPolicy, cut, depth, order, settled, vote, weights
from rab.retrieval.diversity import diverse
from rab.retrieval.neighbours import Candidate, Nearby, Neighbour, NeighbourPolicy, SegmentSource, Vectors, nearest
from rab.retrieval.probes import probe_scores
from rab.retrieval.rerank import RerankCandidate, Reranker, rerank
from rab.retrieval.rerank.nodes import nodes
from rab.store.base import VectorStore


class EvidencePolicy(Value):
    """How much of each kind a pack holds, beside the neighbours that its depth asks for."""

    depth: DepthPolicy = DepthPolicy()
    neighbours: NeighbourPolicy = NeighbourPolicy()
    n_prototypes: int = Field(default=3, ge=0, le=10)
    n_steps: int = Field(default=2, ge=0, le=5)
    """Sequence steps on each side."""
    n_taxon_scores: int = Field(default=5, ge=0, le=10)


class Learned(NamedTuple):
    """What a library has learned of its own calls, that its evidence makes use of."""

    reranker: Reranker | None = None
    probes: tuple[Probe, ...] = ()
    calibrations: Calibrations | None = None
    followings: tuple[FollowingEntry, ...] = ()
    """What usually comes before and after the cluster that the call lies in."""


class Unstored(NamedTuple):
    """What is known of a call that the library does not hold, in place of what the library would say of one it does."""

    vector: npt.NDArray[np.float32]
    """Float32 [dim], of length 1."""
    novelty: NoveltyScore | None
    """None where no clustering has placed it."""
    around: Sequence[tuple[int, StoredSegment]]
    """What sounds before and after it in its file, by offset."""


NOTHING_LEARNED = Learned()
_LEAST_TAUGHT = 5
"""Examples of a class, from which a probe's word on it enters a pack."""


class Library(SegmentSource, Protocol):
    """What the catalog must answer for a pack to be gathered."""

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how much is searched."""
        ...

    def medoids(self, space: str) -> Sequence[Medoid]:
        """Return the medoids of the newest clustering of a space; none before the first."""
        ...

    def exemplars(self, cluster_id: str) -> Sequence[str]:
        """Return the segments that stand for a cluster beside its medoid."""
        ...

    def names_of_clusters(self, cluster_ids: Sequence[str]) -> Mapping[str, Sequence[NameCount]]:
        """Return the names that the members of clusters bear, most frequent first; clusters that are gone not."""
        ...

    def exemplars_per_name(self, space: str) -> float | None:
        """Return how many segments a typical name of the library has."""
        ...

    def raw_scores(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Return the raw scores of segments by scientific name."""
        ...

    def novelty(self, segment_id: str) -> NoveltyScore | None:
        """Return how far out a segment lies; None before a clustering has placed it."""
        ...

    def around(self, segment_id: str, n_before: int, n_after: int) -> Sequence[tuple[int, StoredSegment]]:
        """Return the steps before and after a segment, by offset."""
        ...


def gather(
    library: Library,
    store: VectorStore,
    query: StoredSegment,
    *,
    where: SegmentFilter,
    policy: EvidencePolicy,
    learned: Learned = NOTHING_LEARNED,
    unstored: Unstored | None = None,
    others: Sequence[tuple[EmbedderCard, Sequence[TaxonScore]]] = (),
) -> EvidencePack:
    """Gather and seal the pack of a call. `where` limits the neighbours; `learned` says how they are ordered.

    `others` are models that name the same animals, with what they gave the same stretch of sound, best first.
    `unstored` says of a call that the library does not hold what is asked of the library otherwise. Raises `NotFound`
    without it when the call's vector is not in the store.
    """
    segment_id, card = query.segment.id, store.card
    vector = _vector(store, query) if unstored is None else unstored.vector
    search = _Search(library, store, query, vector, where, policy)
    near, decision = search.witnesses(learned.reranker)
    is_remnant = card.is_remnant(query.segment.t0_ms, query.segment.t1_ms)
    decision = _without_claims(decision, query.segment, card) if is_remnant else decision
    neighbours = [_neighbour(n, one, card.score_threshold) for n, one in enumerate(near.neighbours, start=1)]
    n_steps = policy.n_steps
    around = library.around(segment_id, n_steps, n_steps) if unstored is None else unstored.around
    return EvidencePack(
        kind="segment",
        subject=segment_id,
        library=library.library_facts(card.space, where),
        models=(ModelCredit.of(card), *(ModelCredit.of(other) for other, scores in others if scores)),
        query=_query(query, library.novelty(segment_id) if unstored is None else unstored.novelty),
        depth=decision,
        neighbours=tuple(_in_position(library, neighbours, around)),
        prototypes=_prototypes(library, store, segment_id, vector, near.neighbours, policy.n_prototypes),
        sequence=_sequence(query, around, card.score_threshold),
        followings=learned.followings,
        taxon_scores=_taxon_scores(query, vector, learned, [scores for _, scores in others], policy.n_taxon_scores),
        notes=(*query.recording.notes.caveats, *_short_words(query, card), *map(_copy_words, near.copies_of_query)),
    )


def similar(
    library: Library,
    store: VectorStore,
    query: StoredSegment,
    *,
    n: int,
    where: SegmentFilter,
    policy: EvidencePolicy,
    learned: Learned = NOTHING_LEARNED,
    variety: float = 0.0,
    unstored: Unstored | None = None,
) -> tuple[NeighbourEntry, ...]:
    """Return the n calls nearest to a stored one, without regard to its signal; nothing is cut.

    With `variety` from 0 to 1, calls that are unlike those listed before them come earlier: maximal marginal relevance
    with 1 − variety for a trade-off, among four times as many. Raises `NotFound` when the vector is not in the store.
    """
    vector = _vector(store, query) if unstored is None else unstored.vector
    search = _Search(library, store, query, vector, where, policy)
    near = search.nearest(n if variety == 0 else 4 * n, learned.reranker).neighbours
    if variety > 0 and near:
        found = store.vectors([one.stored.segment.id for one in near])
        near = tuple(one for one in near if one.stored.segment.id in found)
        vectors = np.stack([found[one.stored.segment.id] for one in near])
        similarities = np.array([one.similarity for one in near])
        near = tuple(near[at] for at in diverse(similarities, vectors @ vectors.T, n, 1 - variety))
    return tuple(_neighbour(number, one, store.card.score_threshold) for number, one in enumerate(near[:n], start=1))


def _vector(store: VectorStore, query: StoredSegment) -> npt.NDArray[np.float32]:
    found = store.vectors([query.segment.id]).get(query.segment.id)
    if found is None:
        raise NotFound(
            f"the vector of segment {query.segment.id} is not in the store",
            hint=f"ingest {query.recording.file_name} again with --again",
        )
    return found


def _query(query: StoredSegment, placed: NoveltyScore | None) -> QueryEntry:
    return QueryEntry(
        call=call_ref(query),
        quality=query.quality,
        descriptors=query.descriptors,
        novelty=None if placed is None else placed.novelty,
        names=human_names(query),
        rejected_taxa=rejected_taxa(query.labels),
        low_hz=query.segment.low_hz,
        high_hz=query.segment.high_hz,
        cluster_id=query.cluster_id,
        is_placed=placed is not None,
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """A question for the calls that bear witness to one."""

    library: Library
    store: VectorStore
    query: StoredSegment
    vector: npt.NDArray[np.float32]
    where: SegmentFilter
    policy: EvidencePolicy

    def witnesses(self, reranker: Reranker | None) -> tuple[Nearby, DepthDecision]:
        """Find as many as the signal asks for, leave out those that weigh too little, and judge their vote."""
        policy, card = self.policy.depth, self.store.card
        asked = depth(self.query.quality, policy)
        near = self.nearest(asked.k, reranker)
        n_exemplars = self.library.exemplars_per_name(card.space)
        similarities = [one.similarity for one in near.neighbours]
        snr_db = [one.stored.quality.snr_db for one in near.neighbours]
        weighed = weights(similarities, snr_db, self.query.quality.snr_db, policy, n_exemplars=n_exemplars)
        ordered = order(weighed)
        kept = ordered[: cut(weighed, asked.k, policy)]
        names = [call_name(near.neighbours[at].stored, card.score_threshold) for at in kept]
        said = [None if name is None else name.scientific_name for name in names]
        voted = vote(said, weighed[kept], policy, n_exemplars=n_exemplars)
        decision = settled(asked, [similarities[at] for at in ordered], voted, policy)
        if reranker is not None:
            kept = np.sort(kept)  # in the reranker's order
            words = f"the neighbours are in the order of {reranker.words}"
            decision = decision.model_copy(update={"reasons": (*decision.reasons, words)})
        return near._replace(neighbours=tuple(near.neighbours[at] for at in kept)), decision

    def nearest(self, k: int, reranker: Reranker | None) -> Nearby:
        """Return the nearest k, or the first k as a reranker orders them."""
        arrange = None if reranker is None else partial(self._reranked, reranker)
        policy = self.policy.neighbours
        return nearest(
            self.store,
            self.library,
            self.query.segment,
            self.vector,
            k=k,
            where=self.where,
            policy=policy,
            arrange=arrange,
        )

    def _reranked(self, reranker: Reranker, near: Sequence[Candidate], vectors: Vectors) -> list[Candidate]:
        """Put the nearest candidates into a reranker's order; those behind them follow as they are."""
        n = self.policy.neighbours.n_candidates
        raw_scores = self.library.raw_scores([one.place.segment_id for one in near[:n]])
        candidates = [
            RerankCandidate(
                vector=vectors[one.place.segment_id],
                recording_id=one.place.recording_id,
                channel=one.place.channel,
                t0_ms=one.place.t0_ms,
                t1_ms=one.place.t1_ms,
                snr_db=one.place.snr_db,
                raw_scores=raw_scores.get(one.place.segment_id, {}),
                similarity=one.similarity,
            )
            for one in near[:n]
        ]
        (query,) = nodes([self.query], {self.query.segment.id: self.vector}, [1.0])
        return [near[at] for at in rerank(query, candidates, reranker).order] + list(near[n:])


def _taxon_scores(
    query: StoredSegment,
    vector: npt.NDArray[np.float32],
    learned: Learned,
    others: Sequence[Sequence[TaxonScore]],
    n: int,
) -> tuple[TaxonScoreEntry, ...]:
    """Return each classifier's best scores, and the best of every proven probe of species that knows such a sound."""
    found = [_calibrated(score, learned.calibrations, query.recording.site) for score in query.scores[:n]]
    for probe in learned.probes:
        best = probe_scores(probe, vector)[0]
        n_taught = probe.n_per_class[probe.classes.index(best.score.taxon.scientific_name)]
        is_proven = probe.metrics is not None and probe.metrics.beats_chance and n_taught >= _LEAST_TAUGHT
        if probe.kind == "species" and is_proven and best.is_familiar:
            found.append(TaxonScoreEntry(key="t", score=best.score, probability=best.probability))
    found += [TaxonScoreEntry(key="t", score=score) for scores in others for score in scores[:n]]
    return tuple(one.model_copy(update={"key": f"t{number}"}) for number, one in enumerate(found, start=1))


def _calibrated(score: TaxonScore, calibrations: Calibrations | None, site: str | None) -> TaxonScoreEntry:
    """Return a classifier's score with its probability, or with the reason why the calibration gives none."""
    entry = TaxonScoreEntry(key="t", score=score)
    if calibrations is None:
        return entry
    found, own = calibrations.probability(score, site), calibrations.find(score.taxon.scientific_name, site)
    if found is not None:
        return entry.model_copy(update={"probability": found.probability, "calibration": found.ref})
    return entry.model_copy(update={"withheld": "no_labels" if own is None else own.withheld or "outside"})


def _without_claims(decision: DepthDecision, segment: CallSegment, card: EmbedderCard) -> DepthDecision:
    """Return a decision for the end of a recording, which is alike to other ends by the silence behind it."""
    length_s = (segment.t1_ms - segment.t0_ms) / 1000
    words = (
        f"species-level claims not supported: {length_s:.1f} s of sound at the end of a recording, in a window of"
        f" {card.window_ms / 1000:g} s"
    )
    return decision.model_copy(
        update={
            "species_claims_supported": False,
            "unsupported_by": "length",
            "reasons": (*decision.reasons, words),
        }
    )


def _short_words(query: StoredSegment, card: EmbedderCard) -> Iterator[str]:
    """Say of a recording that hardly fills a window how far to trust what it resembles."""
    length_ms = query.segment.t1_ms - query.segment.t0_ms
    if query.segment.t0_ms == 0 and card.is_remnant(1, 1 + length_ms):
        yield (
            f"The recording holds {length_ms / 1000:.1f} s of sound in a window of {card.window_ms / 1000:g} s; the"
            " rest is silence, by which short recordings resemble each other."
        )


def _copy_words(copy: StoredSegment) -> str:
    """Say that a file holds the query's own sound."""
    at_s = copy.segment.t0_ms / 1000
    return f"The same sound lies in {copy.recording.file_name} at {at_s:.3f} s; a copy is no neighbour."


def _neighbour(number: int, near: Neighbour, threshold: float) -> NeighbourEntry:
    stored = near.stored
    return NeighbourEntry(
        key=f"n{number}",
        call=call_ref(stored),
        similarity=near.similarity,
        n_copies=near.n_copies,
        quality=stored.quality,
        descriptors=stored.descriptors,
        name=call_name(stored, threshold),
        cluster_id=stored.cluster_id,
        call_types=call_types(stored),
    )


def _in_position(
    library: Library, neighbours: Iterable[NeighbourEntry], around: Sequence[tuple[int, StoredSegment]]
) -> Iterator[NeighbourEntry]:
    """Say of neighbours whose type of call is labelled whether they stand between the same clusters as the query."""
    own = _clusters_beside(around)
    for one in neighbours:
        is_alike = bool(one.call_types and own) and own == _clusters_beside(library.around(one.call.segment_id, 1, 1))
        yield one.model_copy(update={"is_in_same_position": True}) if is_alike else one


def _clusters_beside(around: Sequence[tuple[int, StoredSegment]]) -> dict[int, str]:
    return {offset: step.cluster_id for offset, step in around if abs(offset) == 1 and step.cluster_id is not None}


def _prototypes(
    library: Library,
    store: VectorStore,
    query_id: str,
    vector: npt.NDArray[np.float32],
    near: Sequence[Neighbour],
    n: int,
) -> tuple[PrototypeEntry, ...]:
    """Return the nearest prototypes. Where the query is a medoid itself, an exemplar or a neighbour stands in."""
    if n == 0:
        return ()
    cluster_of = {one.segment_id: one for one in library.medoids(store.card.space)}
    own = cluster_of.pop(query_id, None)
    if own is not None:
        fellows = (one.stored.segment.id for one in near if one.stored.cluster_id == own.cluster_id)
        cluster_of |= dict.fromkeys((*library.exemplars(own.cluster_id), *fellows), own)
    cosines = {one: float(own @ vector) for one, own in store.vectors(list(cluster_of)).items()}
    nearest_of: dict[str, str] = {}
    for one in sorted(cosines, key=lambda one: (-cosines[one], one)):
        nearest_of.setdefault(cluster_of[one].cluster_id, one)
    nearest_first = list(nearest_of.values())[:n]
    stored, names = library.segments(nearest_first), library.names_of_clusters(list(nearest_of)[:n])
    return tuple(
        PrototypeEntry(
            key=f"p{number}",
            call=call_ref(stored[one]),
            cluster_id=cluster_of[one].cluster_id,
            similarity=min(1.0, cosines[one]),
            n_members=cluster_of[one].n_members,
            names=tuple(names.get(cluster_of[one].cluster_id, ())),
            descriptors=stored[one].descriptors,
        )
        for number, one in enumerate(nearest_first, start=1)
    )


def _sequence(
    query: StoredSegment, around: Sequence[tuple[int, StoredSegment]], threshold: float
) -> tuple[SequenceStep, ...]:
    steps = {offset: step for offset, step in around if offset}
    by_offset = {**steps, 0: query}
    return tuple(
        SequenceStep(
            key=f"s{offset:+d}",
            offset=offset,
            gap_ms=_gap_ms(by_offset, offset),
            call=call_ref(step),
            name=call_name(step, threshold),
            cluster_id=step.cluster_id,
            snr_db=step.quality.snr_db,
        )
        for offset, step in sorted(steps.items())
    )


def _gap_ms(by_offset: dict[int, StoredSegment], offset: int) -> float:
    """Return the pause between a step and the one next to it on the query's side."""
    towards_query = offset + 1 if offset < 0 else offset - 1
    earlier, later = sorted((offset, towards_query))
    return by_offset[later].segment.t0_ms - by_offset[earlier].segment.t1_ms
