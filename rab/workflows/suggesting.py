"""Suggesting: what stored calls could be labelled, one by one or many in the order in which listening teaches most."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from rab.domain import (
    AnnotationSuggestion,
    Claim,
    EmbedderCard,
    NeighbourEntry,
    Recording,
    SegmentFilter,
    SuggestedAnnotation,
    names_in_force,
)
from rab.errors import RabError
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.reading.quantities import frequency_limits
from rab.logs import canonical_line
from rab.retrieval.active import frequent_first, in_turns, score_margin, similarity_margins
from rab.workflows.questions import EVERYTHING, evidence
from rab.workflows.workspace import Workspace
from rab.workflows.writing import write

Order = Literal["uncertain", "frequent", "time"]
Watch = Callable[[int, int], None]

_N_AT_ONCE = 2_000
"""Vectors in memory at a time, beside those of the labelled calls."""


class Chosen(NamedTuple):
    """The segments that suggestions are made for, in their order."""

    segment_ids: tuple[str, ...]
    n_matching: int
    """Segments that match and that nobody has reviewed."""
    n_reviewed: int
    """Segments that match and that people have reviewed: nothing is suggested for them again."""


class Suggested(NamedTuple):
    """A suggestion, or why there is none."""

    segment_id: str
    suggestion: AnnotationSuggestion | None
    error: RabError | None = None


def suggest(workspace: Workspace, segment: str, *, where: SegmentFilter = EVERYTHING) -> AnnotationSuggestion:
    """Say what a segment could be labelled, or why a person should listen first; `where` limits its neighbours."""
    return write(workspace, evidence(workspace, segment, where=where), "suggestion")


def choose(
    workspace: Workspace, *, model: str, where: SegmentFilter, limit: int | None, order: Order = "uncertain"
) -> Chosen:
    """Choose among the matching segments that nobody has reviewed.

    `uncertain`: those nearest a decision first, one of each cluster before a second of any. `frequent`: those of the
    largest cluster first. `time`: recordings as they were taken in, and time. Raises `NotFound` for a model that never
    filled the library.
    """
    card, catalog = workspace.card(model), workspace.catalog
    unreviewed = SegmentFilter(**{**dict(where), "exclude": (*where.exclude, SegmentFilter(reviewed=True))})
    ids = catalog.segment_ids(card.space, unreviewed)
    n_all = catalog.library_facts(card.space, where).n_segments
    if order == "time":
        ordered = ids
    else:
        clusters = catalog.members_of_clusters(card.space)
        groups = [clusters.get(one) for one in ids]
        places = frequent_first(groups) if order == "frequent" else in_turns(_margins(workspace, card, ids), groups)
        ordered = [ids[place] for place in places]
    return Chosen(tuple(ordered[:limit]), len(ids), n_all - len(ids))


def suggestions(
    workspace: Workspace, segment_ids: Sequence[str], watch: Watch = lambda _done, _all: None
) -> Iterator[Suggested]:
    """Go through segments and suggest a label for each; one that fails is told, and the others go on.

    Every Evidence Pack is kept. `watch` is told how many are done, and of how many.
    """
    with canonical_line("suggestions", n_segments=len(segment_ids)) as line:
        n_failed = 0
        for n_done, segment_id in enumerate(segment_ids, start=1):
            try:
                yield Suggested(segment_id, suggest(workspace, segment_id))
            except RabError as error:
                n_failed += 1
                yield Suggested(segment_id, None, error)
            watch(n_done, len(segment_ids))
        line["n_failed"] = n_failed


def annotation(workspace: Workspace, suggestion: AnnotationSuggestion) -> SuggestedAnnotation | None:
    """Return a suggestion as a row of a table; None where nothing is suggested and no review is asked for."""
    query, status = suggestion.pack.query, suggestion.outcome
    if query is None or (status != "suggested" and status != "review"):
        return None
    kind = "label_suggestion" if status == "suggested" else "review_request"
    claims = [claim for claim in suggestion.claims if claim.kind == kind]
    recording = workspace.catalog.recording(query.call.recording_id)
    return _row(suggestion, claims, recording)


def _row(suggestion: AnnotationSuggestion, claims: Sequence[Claim], recording: Recording) -> SuggestedAnnotation:
    pack, query = suggestion.pack, suggestion.pack.query
    assert query is not None
    status: Literal["suggested", "review"] = "suggested" if suggestion.taxon is not None else "review"
    cited = tuple(dict.fromkeys(item_id for claim in claims for item_id in claim.citations))
    calls = [item for item_id in cited if isinstance(item := pack.items[item_id], NeighbourEntry)]
    names = [one.name for one in calls if one.name is not None and one.name.scientific_name == suggestion.taxon]
    low_hz, high_hz = frequency_limits(query) or (None, None)
    return SuggestedAnnotation(
        segment_id=query.call.segment_id,
        pack_id=pack.pack_id,
        recording_id=recording.id,
        file_name=recording.file_name,
        path=recording.path,
        channel=query.call.channel,
        t0_ms=query.call.t0_ms,
        t1_ms=query.call.t1_ms,
        low_hz=low_hz,
        high_hz=high_hz,
        nyquist_hz=recording.sample_rate_hz / 2,
        status=status,
        taxon=suggestion.taxon,
        common_name=next((name.common_name for name in names), None),
        reasons=suggestion.reasons,
        evidence=cited,
        similarity=max((one.similarity for one in calls), default=None),
        models=tuple(f"{model.key} ({model.licence})" for model in suggestion.models),
        label_licences=tuple(dict.fromkeys(name.licence for name in names if name.licence)),
        statement=" ".join(claim.text for claim in claims),
    )


def _margins(workspace: Workspace, card: EmbedderCard, ids: Sequence[str]) -> list[float]:
    """Return how far each segment is from the nearest decision: by people's labels, or by raw scores without any."""
    store, catalog, policy = workspace.store(card), workspace.catalog, DEFAULT_POLICY
    taxon_of = {
        segment_id: label.taxon
        for segment_id, labels in catalog.labels_of([one for one, _ in catalog.labels(card.space, _REVIEWED)]).items()
        for label in names_in_force(labels)
        if label.source == "human"
    }
    labelled = store.vectors(list(taxon_of))
    if not labelled:
        scores = catalog.raw_scores(ids)
        return [score_margin(list(scores.get(one, {}).values()), policy.candidate_score) for one in ids]
    teaching, names = np.stack(list(labelled.values())), [taxon_of[one] for one in labelled]
    margins: list[float] = []
    for start in range(0, len(ids), _N_AT_ONCE):
        some = ids[start : start + _N_AT_ONCE]
        found = store.vectors(some)
        unit = np.stack([found.get(one, np.zeros(card.dim, np.float32)) for one in some])
        margins += similarity_margins(unit, teaching, names, policy.near_similarity).tolist()
    return margins


_REVIEWED = SegmentFilter(reviewed=True)
