"""The facts of a suggestion: a label that the evidence carries, or every reason for listening first."""

from collections.abc import Iterable, Iterator, Sequence

from rab.domain import PackItem
from rab.generation.facts.base import Fact, compose
from rab.generation.facts.segment import abstentions, caveats, signal_quality
from rab.generation.needs.base import Grounds
from rab.generation.reading.listeners import Listeners

SAID_BY_REASON = {
    "single_recording": "one_recording",
    "unlabelled": "no_human_label",
    "model_labels_only": "no_human_label",
    "imported_labels": "no_human_label",
    "out_of_range": "out_of_range",
}
"""Caveats that a reason for a review says already: true still, but no text must say them twice."""


def suggestion_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what may be suggested for a call, in reading order; nothing for a pack without a query."""
    if grounds.reading.query is None:
        return
    listeners = Listeners(grounds.reading)
    yield signal_quality(grounds)
    yield from _existing(grounds)
    yield from abstentions(grounds)
    yield from _suggestion(grounds, listeners)
    yield from _review_requests(grounds, listeners)
    for fact in caveats(grounds):
        is_said = SAID_BY_REASON.get(fact.claim.code or "") in listeners.reasons
        yield Fact(fact.claim, fact.mandatory and not is_said)


def _existing(grounds: Grounds) -> Iterator[Fact]:
    query = grounds.reading.query
    assert query is not None
    for taxon in dict.fromkeys(name.scientific_name for name in query.names):
        yield compose(grounds, "existing_label", [query], code="given", taxon=taxon, mandatory=True)
    for taxon in query.rejected_taxa:
        yield compose(grounds, "existing_label", [query], code="rejected", taxon=taxon, mandatory=True)


def _suggestion(grounds: Grounds, listeners: Listeners) -> Iterator[Fact]:
    query, taxon = grounds.reading.query, listeners.leader
    if query is None or taxon is None or not listeners.may_suggest:
        return
    support: list[PackItem] = [query, *listeners.heard, *listeners.agreeing]
    yield compose(
        grounds,
        "label_suggestion",
        support,
        [*_LIMITS, f"labelled_as:{taxon}", "labelled:recordings", "similarity", "raw_score"],
        contra=listeners.dissent,
        taxon=taxon,
        mandatory=True,
    )


_LIMITS = ("begin_s", "end_s", "limit_low_hz", "limit_high_hz")


def _review_requests(grounds: Grounds, listeners: Listeners) -> Iterator[Fact]:
    reading = grounds.reading
    assert reading.query is not None
    query, first, others = [reading.query], *reading.by_model
    near: Sequence[PackItem] = reading.near or query
    evidence: dict[str, tuple[Iterable[PackItem], Iterable[PackItem], list[str]]] = {
        "labels_conflict": (query, (), []),
        "rejected": ([*query, *listeners.heard], (), []),
        "neighbours_disagree": (listeners.labelled, (), []),
        "classifier_conflict": (listeners.heard, listeners.against, []),
        "models_disagree": (first, others, []),
        "out_of_range": (listeners.outside, (), []),
        "far": (reading.ranked[:1], (), ["similarity", "policy:near_similarity"]),
        "no_human_label": (reading.near, (), ["cited:calls"]),
        "one_recording": (listeners.heard, (), ["labelled:recordings"]),
        "vote_unclear": (near, (), []),
        "weak_signal": (query, (), ["snr_db", "policy:weak_signal_db"] if reading.snr_db is not None else []),
    }
    for code in listeners.reasons:
        support, contra, names = evidence[code]
        yield compose(grounds, "review_request", support, names, contra=contra, code=code, mandatory=True)
