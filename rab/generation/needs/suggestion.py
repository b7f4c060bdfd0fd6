"""What the claims of a suggestion rest on: one function per kind, from the claim back to the pack."""

from collections.abc import Iterable

from rab.domain import Claim, ClaimKind, NeighbourEntry, QueryEntry, TaxonScoreEntry
from rab.generation.codes import Failure
from rab.generation.needs import segment as segment_needs
from rab.generation.needs.base import Form, Grounds, Needs, unsupported
from rab.generation.reading.quantities import CITED_CALLS


def label_suggestion(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Every near call that people label so, from recordings enough, and nothing against it but a classifier's word."""
    reading, query = grounds.reading, grounds.reading.query
    if query is None or query.names:
        return unsupported("somebody labelled the call already")
    if claim.taxon in query.rejected_taxa:
        return unsupported("somebody rejected the name for this call")
    if reading.weak_signal or not reading.holds_call:
        return unsupported("the signal is too weak for a suggestion")
    near = _near(grounds)
    heard = [one for one in near if _source(one) == "human" and _taxon(one) == claim.taxon]
    if any(_source(one) in ("human", "imported") and _taxon(one) != claim.taxon for one in near):
        return unsupported("near calls bear different labels")
    recordings = {one.call.recording_id for one in heard} - {query.call.recording_id}
    if len(recordings) < reading.policy.min_recordings:
        return unsupported("labels of too few independent recordings say so")
    scores = _candidates(grounds)
    best = max(scores, key=lambda one: one.score.raw_score, default=None)
    agreeing = [one for one in scores if one.score.taxon.scientific_name == claim.taxon]
    if best is not None and best.score.raw_score > max((one.score.raw_score for one in agreeing), default=-1.0):
        return unsupported("a classifier puts another name first")
    dissent = [one for one in near if _source(one) == "model" and _taxon(one) != claim.taxon]
    item_id = reading.id_of(query)
    refs = {f"{item_id}:begin_s", f"{item_id}:end_s", f"labelled_as:{claim.taxon}", "labelled:recordings"}
    refs |= {f"{item_id}:limit_low_hz", f"{item_id}:limit_high_hz"} & grounds.table.keys()
    refs |= {f"{one}:similarity" for one in grounds.ids(heard)} | {f"{one}:raw_score" for one in grounds.ids(agreeing)}
    return Needs(grounds.ids([query, *heard, *agreeing]), grounds.ids(dissent), frozenset(refs))


def existing_label(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The query, that a person labelled so, or for which a person rejected the name."""
    query = grounds.reading.query
    said = set() if query is None else {name.scientific_name for name in query.names}
    if query is not None and claim.code == "rejected":
        said = set(query.rejected_taxa)
    if query is None or claim.taxon not in said:
        return unsupported("nobody said so of this call")
    return Needs(grounds.ids([query]))


def review_request(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """A reason that holds, on all that it is read from."""
    query = grounds.reading.query
    if query is None or not grounds.reading.holds_call:
        return unsupported("there is no call to listen to")
    if query.names:
        return _contested(claim, grounds, query)
    if claim.code in ("rejected", "neighbours_disagree", "no_human_label", "one_recording", "classifier_conflict"):
        return _of_labels(claim, grounds, query)
    return _of_signal(claim, grounds, query)


def _contested(claim: Claim, grounds: Grounds, query: QueryEntry) -> Needs | Failure:
    by_author: dict[str, set[str]] = {}
    for name in query.names:
        by_author.setdefault(name.by, set()).add(name.scientific_name)
    contested = any(one.isdisjoint(other) for one in by_author.values() for other in by_author.values())
    if claim.code != "labels_conflict" or not contested:
        return unsupported("somebody labelled the call, and nobody says otherwise")
    return Needs(grounds.ids([query]))


def _of_labels(claim: Claim, grounds: Grounds, query: QueryEntry) -> Needs | Failure:
    near = _near(grounds)
    heard = [one for one in near if _source(one) == "human"]
    labelled = [one for one in near if _source(one) in ("human", "imported")]
    taxa = {_taxon(one) for one in labelled}
    match claim.code:
        case "rejected":
            if not heard or len(taxa) != 1 or not taxa <= set(query.rejected_taxa):
                return unsupported("the labels of near calls are not rejected for this one")
            return Needs(grounds.ids([query, *heard]))
        case "neighbours_disagree":
            return Needs(grounds.ids(labelled)) if len(taxa) > 1 else unsupported("the labels of near calls agree")
        case "no_human_label":
            if not near or heard:
                return unsupported("a near call bears a person's label, or none is near")
            return Needs(grounds.ids(near), refs=frozenset({CITED_CALLS}))
        case "one_recording":
            recordings = {one.call.recording_id for one in heard} - {query.call.recording_id}
            if not heard or len(recordings) >= grounds.reading.policy.min_recordings:
                return unsupported("the labels come from recordings enough, or there are none")
            return Needs(grounds.ids(heard), refs=frozenset({"labelled:recordings"}))
        case _:
            best = max(_candidates(grounds), key=lambda one: one.score.raw_score, default=None)
            if best is None or not heard or best.score.taxon.scientific_name in {_taxon(one) for one in heard}:
                return unsupported("no classifier puts another name first")
            return Needs(grounds.ids(heard), grounds.ids([best]))


def _of_signal(claim: Claim, grounds: Grounds, query: QueryEntry) -> Needs | Failure:
    reading = grounds.reading
    if claim.code == "models_disagree":
        first, others = reading.by_model
        if not others or not {_name(one) for one in first}.isdisjoint(map(_name, others)):
            return unsupported("the models share a candidate")
        return Needs(grounds.ids(first), grounds.ids(others))
    if claim.code == "weak_signal":
        if not reading.weak_signal:
            return unsupported("the signal is strong enough")
        snr = f"{reading.id_of(query)}:snr_db"
        return Needs(
            grounds.ids([query]), refs=frozenset({snr, "policy:weak_signal_db"} if snr in grounds.table else ())
        )
    if claim.code not in reading.reasons:
        return unsupported(f"the reason {claim.code} does not hold")
    if claim.code == "far":
        nearest = reading.ranked[0]
        similarity = f"{reading.id_of(nearest)}:similarity"
        return Needs(grounds.ids([nearest]), refs=frozenset({similarity, "policy:near_similarity"}))
    if claim.code == "out_of_range":
        return Needs(grounds.ids(one for one in reading.pack.taxon_scores if one.score.in_range is False))
    return Needs(grounds.ids(_near(grounds) or [query]))


def _near(grounds: Grounds) -> list[NeighbourEntry]:
    threshold = grounds.reading.policy.near_similarity
    return [one for one in grounds.reading.pack.neighbours if one.similarity >= threshold]


def _candidates(grounds: Grounds) -> list[TaxonScoreEntry]:
    """Return scores that count: high enough, not out of range, and not rejected by a person for this call."""
    reading = grounds.reading
    rejected: Iterable[str] = () if reading.query is None else reading.query.rejected_taxa
    return [
        one
        for one in reading.pack.taxon_scores
        if one.score.raw_score >= reading.policy.candidate_score
        and one.score.in_range is not False
        and _name(one) not in rejected
    ]


def _source(call: NeighbourEntry) -> str | None:
    return None if call.name is None else call.name.source


def _taxon(call: NeighbourEntry) -> str | None:
    return None if call.name is None else call.name.scientific_name


def _name(entry: TaxonScoreEntry) -> str:
    return entry.score.taxon.scientific_name


REVIEW_REASONS = (
    "labels_conflict",
    "rejected",
    "neighbours_disagree",
    "classifier_conflict",
    "models_disagree",
    "out_of_range",
    "far",
    "no_human_label",
    "one_recording",
    "vote_unclear",
    "weak_signal",
)
"""Codes of the reasons for a review, gravest first. They are stable: tables and answers over HTTP carry them."""

FORMS: dict[ClaimKind, Form] = {
    **{kind: segment_needs.FORMS[kind] for kind in ("signal_quality", "abstention", "caveat")},
    "label_suggestion": Form((QueryEntry, NeighbourEntry, TaxonScoreEntry), label_suggestion, taxon=True),
    "review_request": Form(
        (QueryEntry, NeighbourEntry, TaxonScoreEntry), review_request, frozenset(REVIEW_REASONS), taxon=False
    ),
    "existing_label": Form((QueryEntry,), existing_label, frozenset({"given", "rejected"}), taxon=True),
}
"""The kinds of claims of a suggestion."""
