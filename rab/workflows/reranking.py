"""Reranking: learn from a library how to order its neighbours, prove it on held-out groups, switch it on or leave it.

Nothing is reranked until this was done. What was learned is kept as a new version whatever it is worth, but comes into
use only where it beats cosine on calls that it was not trained on, by 0.01 of mAP@10 at the low end of a 95 % interval.
Above 0 would not do: relevance belongs to pairs, so groups that share labels are not quite independent, and of five
libraries of 12 recordings with labels dealt at random two had a low end above 0 (0.006 at most). Where plain
k-reciprocal re-ranking does better than what was learned, that is used instead.

Without labels a reranker is measured on relevance that was presumed by the rule that taught it: that is no proof, every
answer says so, and it never replaces one that labels proved. `switch_off` ends that one first.

Labels of people and tables teach; a model's do not. A group, which never stands on both sides of a split, is a site
where the labelled calls come from five or more, else a recording.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError, model_validator

from rab.domain import EmbedderCard, SegmentFilter, StoredSegment, Value
from rab.errors import InputError, StorageFailed
from rab.logs import canonical_line
from rab.retrieval.rerank import (
    CandidateGraph,
    GraphReranker,
    KReciprocal,
    Reranker,
    RerankPolicy,
    candidate_graph,
)
from rab.retrieval.rerank.base import PRESUMED, Proof
from rab.retrieval.rerank.held_out import MIN_GROUPS, MethodQuality, held_out
from rab.retrieval.rerank.model import Source
from rab.retrieval.rerank.nodes import nodes
from rab.retrieval.rerank.train import Example, example, presumed_relevant, train
from rab.workflows.recordists import recordists
from rab.workflows.workspace import Workspace

KIND = "reranker"
_LEARNED, _IN_USE = "graph", "in-use"
SEED = 20260101
MAX_QUERIES = 200
"""Calls that are asked in training: more take longer and change little."""
_MIN_LABELLED = 40
"""Calls that teach, from which labels are trusted to do so alone."""
_MIN_SITES = 5
_MIN_GAIN = 0.01

Method = Literal["learned", "k_reciprocal"]


class InUse(Value):
    """Which way of reranking is in use; `method` None: none is."""

    method: Method | None
    version: int | None = None
    proof: Proof | None = None
    """What it was measured on when it came into use."""


class RerankReport(Value):
    """What was learned, what it is worth, and whether it is in use."""

    model: str
    version: int
    source: Source
    proof: Proof
    """What `held_out` was measured on: with presumed relevance it proves nothing about names."""
    n_segments: int
    n_groups: int
    learned: GraphReranker
    held_out: tuple[MethodQuality, ...]
    in_use: InUse
    reason: str
    """Why it is in use, or is not, in words."""

    @model_validator(mode="before")
    @classmethod
    def _proof_of_source(cls, given: Any) -> Any:
        """Say of what was kept before proofs were named what its source says."""
        return {"proof": _proof(given["source"]), **given} if isinstance(given, dict) and "source" in given else given


def train_reranker(
    workspace: Workspace,
    *,
    model: str,
    source: Literal["labels", "sequence", "auto"] = "auto",
    policy: RerankPolicy = RerankPolicy(),
) -> RerankReport:
    """Learn a reranker from the library, prove it with groups left out, keep it, and use what is best.

    `auto` takes labels where at least 40 calls teach. What labels proved stays in use, whatever is found without.
    Raises `InputError` where there is too little to learn from.
    """
    card = workspace.card(model)
    with canonical_line("train_reranker", model=model) as line:
        examples, taken = _examples(workspace, card, source, policy)
        today = datetime.now(UTC).date()
        qualities = held_out(examples, taken, today, seed=SEED)
        learned = train(examples, taken, today)
        report = _kept(workspace, card, learned, examples, qualities)
        line.update(source=taken, n_segments=report.n_segments, in_use=report.in_use.method)
    return report


def reranker_in_use(workspace: Workspace, card: EmbedderCard) -> Reranker | None:
    """Return what reranks the neighbours of a space; None until something was trained and proven, or when it is off."""
    in_use = _in_use(workspace, card)
    if in_use.method is None:
        return None
    if in_use.method == "k_reciprocal":
        return KReciprocal(proof=in_use.proof)
    kept = workspace.catalog.learned(KIND, _LEARNED, card.space, in_use.version)
    return None if kept is None else _report_of(kept.document).learned


def last_report(workspace: Workspace, *, model: str) -> tuple[RerankReport, InUse] | None:
    """Return the newest training and what is in use now; None where nothing was trained."""
    card = workspace.card(model)
    kept = workspace.catalog.learned(KIND, _LEARNED, card.space)
    return None if kept is None else (_report_of(kept.document), _in_use(workspace, card))


def switch_off(workspace: Workspace, *, model: str) -> InUse:
    """Rerank no more; what was learned stays kept. Return what was in use."""
    card = workspace.card(model)
    before = _in_use(workspace, card)
    if before.method is not None:
        _use(workspace, card, InUse(method=None))
    return before


def _examples(
    workspace: Workspace, card: EmbedderCard, source: str, policy: RerankPolicy
) -> tuple[list[Example], Source]:
    if source != "sequence":
        examples = [one for one in _from_labels(workspace, card, policy) if one.teaches]
        enough = len(examples) >= _MIN_LABELLED and len({one.group for one in examples}) >= MIN_GROUPS
        if enough or source == "labels":
            return examples, "labels"
    examples = [one for one in _from_sequence(workspace, card, policy) if one.teaches]
    if not examples:
        raise InputError(
            "there is nothing to learn a reranker from: few calls in other recordings, or none that follow each other",
            hint="label segments with `rab label`, or ingest more recordings and longer ones",
        )
    return examples, "sequence"


def _from_labels(workspace: Workspace, card: EmbedderCard, policy: RerankPolicy) -> Iterator[Example]:
    taxon_of = {
        segment_id: label.taxon
        for segment_id, label in workspace.catalog.labels(card.space, SegmentFilter())
        if label.kind == "taxon" and label.source != "model"
    }
    stored = workspace.catalog.segments(list(taxon_of))
    sites = {one.recording.site for one in stored.values()} - {None}
    by_site = len(sites) >= _MIN_SITES
    recordist_of = recordists((one.recording.id, label) for one in stored.values() for label in one.labels)
    recorded_by = defaultdict(list)
    for recording_id, recordist in recordist_of.items():
        recorded_by[recordist].append(recording_id)

    def group(one: StoredSegment) -> str:
        own = one.recording
        return (by_site and own.site) or recordist_of.get(own.id, own.id)

    group_of = {segment_id: group(one) for segment_id, one in stored.items()}
    bearers = defaultdict(list)
    for segment_id in stored:
        bearers[taxon_of[segment_id]].append(group_of[segment_id])
    for query in _drawn(stored):
        site = stored[query].recording.site if by_site else None
        own = recorded_by.get(group_of[query], [stored[query].recording.id])
        apart = SegmentFilter(sites=(site,)) if site else SegmentFilter(recording_ids=tuple(own))
        asked = _ask(workspace, card, stored[query], apart, policy)
        if asked is None:
            continue
        graph, candidates = asked
        names = [taxon_of.get(one.segment.id) for one in candidates]
        yield example(
            graph,
            np.array([name == taxon_of[query] for name in names]),
            np.array([name is not None for name in names]),
            n_relevant=max(1, sum(group != group_of[query] for group in bearers[taxon_of[query]])),
            group=group_of[query],
        )


def _from_sequence(workspace: Workspace, card: EmbedderCard, policy: RerankPolicy) -> Iterator[Example]:
    ids = workspace.catalog.segment_ids(card.space, SegmentFilter())
    found = workspace.catalog.segments(_drawn(ids))
    for segment_id, one in found.items():
        beside = workspace.catalog.around(segment_id, 0, 1) or workspace.catalog.around(segment_id, 1, 0)
        asked = _ask(workspace, card, one, SegmentFilter(recording_ids=(one.recording.id,)), policy)
        if not beside or asked is None:
            continue
        graph, candidates = asked
        presumed = presumed_relevant(_graph(workspace, card, beside[0][1], candidates))
        n_relevant = int(presumed.relevant.sum())
        yield example(graph, *presumed, n_relevant=n_relevant, group=one.recording.id)


def _ask(
    workspace: Workspace, card: EmbedderCard, query: StoredSegment, apart: SegmentFilter, policy: RerankPolicy
) -> tuple[CandidateGraph, list[StoredSegment]] | None:
    """Return the graph around a query and its candidates, those of its group left out; None where there are none."""
    store = workspace.store(card)
    vector = store.fetch([query.segment.id]).get(query.segment.id)
    if vector is None:
        return None
    hits = store.search(vector.vector, policy.n_candidates, SegmentFilter(exclude=apart))
    known = workspace.catalog.segments([hit.segment_id for hit in hits])
    candidates = [known[hit.segment_id] for hit in hits if hit.segment_id in known]
    return (_graph(workspace, card, query, candidates), candidates) if candidates else None


def _graph(
    workspace: Workspace, card: EmbedderCard, query: StoredSegment, candidates: Sequence[StoredSegment]
) -> CandidateGraph:
    ids = [one.segment.id for one in [query, *candidates]]
    vectors = {one: found.vector for one, found in workspace.store(card).fetch(ids).items()}
    own = vectors[query.segment.id]
    similarities = [float(own @ vectors[one]) for one in ids]
    query_node, *others = nodes([query, *candidates], vectors, similarities)
    return candidate_graph(query_node, others)


def _drawn(ids: Sequence[str] | Mapping[str, object]) -> list[str]:
    """Return some of the ids, the same for the same library."""
    ordered = sorted(ids)
    if len(ordered) <= MAX_QUERIES:
        return ordered
    chosen = np.random.default_rng(SEED).choice(len(ordered), MAX_QUERIES, replace=False)
    return [ordered[at] for at in sorted(chosen.tolist())]


def _proof(source: Source) -> Proof:
    return "labels" if source == "labels" else PRESUMED


def _choice(worth: Mapping[str, MethodQuality], proof: Proof) -> tuple[Method | None, str]:
    """Return the better of two methods where it beats cosine for certain, and why."""
    learned, plain = worth["learned"], worth["k_reciprocal"]
    better: Method = "learned"
    if plain.mean_average_precision.mean > learned.mean_average_precision.mean:
        better = "k_reciprocal"
    gain = worth[better].gain_over_cosine
    words = {"learned": "what was learned", "k_reciprocal": "plain k-reciprocal re-ranking"}[better]
    groups = "held-out groups" if proof == "labels" else f"held-out groups by {proof}"
    if gain.low < _MIN_GAIN:
        return None, f"{words} does not beat cosine for certain on {groups}: {gain}"
    return better, f"{words} beats cosine on {groups}: {gain}"


def _chosen(qualities: tuple[MethodQuality, ...], proof: Proof, version: int, before: InUse) -> tuple[InUse, str]:
    """Return what is to be in use, and why: what labels proved gives way only to what is measured on labels."""
    method, reason = _choice({one.method: one for one in qualities}, proof)
    if before.method is not None and before.proof == "labels" and proof != "labels":
        return before, f"{reason}; what is in use was proven on labels and stays"
    if method is None:
        return InUse(method=None), reason
    return InUse(method=method, version=version if method == "learned" else None, proof=proof), reason


def _kept(
    workspace: Workspace,
    card: EmbedderCard,
    learned: GraphReranker,
    examples: Sequence[Example],
    qualities: tuple[MethodQuality, ...],
) -> RerankReport:
    before = workspace.catalog.learned(KIND, _LEARNED, card.space)
    version = 1 + (before.version if before else 0)
    proof = _proof(learned.source)
    in_use, reason = _chosen(qualities, proof, version, _in_use(workspace, card))
    report = RerankReport(
        model=card.key,
        version=version,
        source=learned.source,
        proof=proof,
        n_segments=learned.n_segments,
        n_groups=len({one.group for one in examples}),
        learned=learned.model_copy(update={"version": version}),
        held_out=qualities,
        in_use=in_use,
        reason=reason,
    )
    workspace.catalog.keep_learned(KIND, _LEARNED, card.space, report.model_dump_json())
    _use(workspace, card, in_use)
    return report


def _in_use(workspace: Workspace, card: EmbedderCard) -> InUse:
    kept = workspace.catalog.learned(KIND, _IN_USE, card.space)
    found = InUse(method=None) if kept is None else InUse.model_validate_json(kept.document)
    if found.method is None or found.proof is not None:
        return found
    return found.model_copy(update={"proof": _proof_kept(workspace, card, found)})


def _proof_kept(workspace: Workspace, card: EmbedderCard, in_use: InUse) -> Proof | None:
    """Return what brought into use what was kept before proofs were named: the newest training that chose the same."""
    newest = workspace.catalog.learned(KIND, _LEARNED, card.space)
    for version in range(newest.version if newest else 0, 0, -1):
        kept = workspace.catalog.learned(KIND, _LEARNED, card.space, version)
        report = kept and _report_of(kept.document)
        if report and (report.in_use.method, report.in_use.version) == (in_use.method, in_use.version):
            return report.proof
    return None


def _use(workspace: Workspace, card: EmbedderCard, choice: InUse) -> None:
    workspace.catalog.keep_learned(KIND, _IN_USE, card.space, choice.model_dump_json())


def _report_of(document: str) -> RerankReport:
    try:
        return RerankReport.model_validate_json(document)
    except ValidationError as error:
        raise StorageFailed(
            "the reranker kept in this library cannot be read", hint="run `rab rerank train` again"
        ) from error
