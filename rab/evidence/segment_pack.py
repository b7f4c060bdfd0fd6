"""The Evidence Pack of a call: everything that may be said of it, gathered once and sealed.

Depth first (how many witnesses the signal asks for), then the witnesses, the clusters it lies near, what sounds before
and after it, and what the classifier thinks. Nothing is judged here; that is the validator's work.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import (
    Clustering,
    EvidencePack,
    LibraryFacts,
    ModelCredit,
    NameCount,
    NeighbourEntry,
    PrototypeEntry,
    QueryEntry,
    SegmentFilter,
    SequenceStep,
    StoredSegment,
    TaxonScoreEntry,
)
from rab.domain.value import Value
from rab.errors import NotFound
from rab.evidence.calls import call_name, call_ref
from rab.retrieval.depth import DepthPolicy, depth
from rab.retrieval.neighbours import Neighbour, NeighbourPolicy, SegmentSource, nearest
from rab.store.base import VectorStore


class EvidencePolicy(Value):
    """How much of each kind a pack holds, beside the neighbours that its depth asks for."""

    depth: DepthPolicy = DepthPolicy()
    neighbours: NeighbourPolicy = NeighbourPolicy()
    n_prototypes: int = Field(default=3, ge=0, le=10)
    n_steps: int = Field(default=2, ge=0, le=5)
    """Sequence steps on each side."""
    n_taxon_scores: int = Field(default=5, ge=0, le=10)


class Library(SegmentSource, Protocol):
    """What the catalog must answer for a pack to be gathered."""

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how much is searched."""
        ...

    def clustering(self, space: str) -> Clustering | None:
        """Return the newest clustering of a space."""
        ...

    def cluster_names(self, cluster_id: str) -> Sequence[NameCount]:
        """Return the names that a cluster's members bear, most frequent first."""
        ...

    def around(self, segment_id: str, n_before: int, n_after: int) -> Sequence[tuple[int, StoredSegment]]:
        """Return the steps before and after a segment, by offset."""
        ...


def gather(
    library: Library, store: VectorStore, query: StoredSegment, *, where: SegmentFilter, policy: EvidencePolicy
) -> EvidencePack:
    """Gather and seal the pack of a stored call. `where` limits the neighbours.

    Raises `NotFound` when the call's vector is not in the store.
    """
    segment_id, card = query.segment.id, store.card
    found = store.fetch([segment_id]).get(segment_id)
    if found is None:
        raise NotFound(
            f"the vector of segment {segment_id} is not in the store",
            hint=f"ingest {query.recording.file_name} again with --again",
        )
    decision = depth(query.quality, policy.depth)
    near = nearest(store, library, query.segment, found.vector, k=decision.k, where=where, policy=policy.neighbours)
    return EvidencePack(
        kind="segment",
        subject=segment_id,
        library=library.library_facts(card.space, where),
        models=(ModelCredit.of(card),),
        query=QueryEntry(call=call_ref(query), quality=query.quality, descriptors=query.descriptors),
        depth=decision,
        neighbours=tuple(_neighbour(n, one, card.score_threshold) for n, one in enumerate(near.neighbours, start=1)),
        prototypes=_prototypes(library, store, segment_id, found.vector, policy.n_prototypes),
        sequence=_sequence(library, query, policy.n_steps, card.score_threshold),
        taxon_scores=tuple(
            TaxonScoreEntry(key=f"t{n}", score=score)
            for n, score in enumerate(query.scores[: policy.n_taxon_scores], start=1)
        ),
        notes=(*query.recording.notes.caveats, *map(_copy_words, near.copies_of_query)),
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
    )


def _prototypes(
    library: Library, store: VectorStore, query_id: str, vector: npt.NDArray[np.float32], n: int
) -> tuple[PrototypeEntry, ...]:
    """Return the nearest prototypes. Where the query is a medoid itself, its cluster's first exemplar stands in."""
    clustering = library.clustering(store.card.space)
    if clustering is None or n == 0:
        return ()
    cluster_of = {
        next((one for one in (cluster.medoid_id, *cluster.exemplar_ids) if one != query_id), query_id): cluster
        for cluster in clustering.clusters
    }
    medoids = store.fetch([one for one in cluster_of if one != query_id])
    cosines = {medoid: float(found.vector @ vector) for medoid, found in medoids.items()}
    nearest_first = sorted(cosines, key=lambda medoid: (-cosines[medoid], medoid))[:n]
    stored = library.segments(nearest_first)
    return tuple(
        PrototypeEntry(
            key=f"p{number}",
            call=call_ref(stored[medoid]),
            cluster_id=cluster_of[medoid].id,
            similarity=min(1.0, cosines[medoid]),
            n_members=cluster_of[medoid].n_members,
            names=tuple(library.cluster_names(cluster_of[medoid].id)),
            descriptors=stored[medoid].descriptors,
        )
        for number, medoid in enumerate(nearest_first, start=1)
    )


def _sequence(library: Library, query: StoredSegment, n_steps: int, threshold: float) -> tuple[SequenceStep, ...]:
    steps = {offset: step for offset, step in library.around(query.segment.id, n_steps, n_steps) if offset}
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
