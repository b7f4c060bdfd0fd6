"""The facts of an interpretation: every claim that is true of a call's pack, most useful first within its kind."""

from collections.abc import Iterable, Iterator, Sequence

from rab.domain import Descriptors, NeighbourEntry, PackItem, PrototypeEntry
from rab.generation.facts.base import Fact, compose
from rab.generation.needs.base import Grounds, labels_of
from rab.generation.reading.quantities import (
    CALIBRATED,
    CITED_CALLS,
    FOLLOWING,
    delta_ref,
    is_visible,
    resolved_measures,
)


def segment_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what is true of a call, in reading order; nothing for a pack without a query."""
    if grounds.reading.query is None:
        return
    yield signal_quality(grounds)
    yield from abstentions(grounds)
    yield from _resemblances(grounds)
    yield from _differences(grounds)
    yield from _membership(grounds)
    yield from _call_types(grounds)
    yield from _novelty(grounds)
    yield from _votes(grounds)
    yield from _scores(grounds)
    yield from _conflict(grounds)
    yield from _sequence(grounds)
    yield from _usual_sequence(grounds)
    yield from caveats(grounds)


def signal_quality(grounds: Grounds) -> Fact:
    """Return what the signal of the query allows."""
    query = grounds.reading.pack.query
    assert query is not None
    item_id = grounds.reading.id_of(query)
    names = ["snr_db"]
    if all(f"{item_id}:{name}" in grounds.table for name in ("snr_db", "band_low_hz", "band_high_hz")):
        names += ["band_low_hz", "band_high_hz"]
    names += [name for name in ("clipped_share", "overlap_share") if is_visible(grounds.table[f"{item_id}:{name}"])]
    return compose(grounds, "signal_quality", [query], names, mandatory=True)


def abstentions(grounds: Grounds) -> Iterator[Fact]:
    """Yield every reason to name nothing; the gravest one is mandatory."""
    reading = grounds.reading
    query = [] if reading.query is None else [reading.query]
    outside = [one for one in reading.pack.taxon_scores if one.score.in_range is False]
    for code in reading.reasons:
        elsewhere: dict[str, Sequence[PackItem]] = {"far": reading.ranked[:1], "out_of_range": outside}
        names = ["snr_db"] if code == "species_unsupported" else []
        yield compose(
            grounds, "abstention", elsewhere.get(code, query), names, code=code, mandatory=code == reading.reasons[0]
        )


def _resemblances(grounds: Grounds) -> Iterator[Fact]:
    """The nearest calls of each name, and the nearest without one; where no name may be given, the nearest of all."""
    reading = grounds.reading
    names, most = [CITED_CALLS, "similarity"], reading.policy.max_resembling
    for taxon, ballot in reading.votes.items() if reading.may_name else ():
        others = (one for name, rivals in reading.votes.items() if name != taxon for one in rivals)
        nearer = [one for one in others if one.similarity > ballot[0].similarity]
        yield compose(grounds, "resemblance", ballot[:most], names, contra=nearer, taxon=taxon)
    unnamed = [one for one in reading.near if one.name is None or not reading.may_name]
    if unnamed:
        yield compose(grounds, "resemblance", unnamed[:most], names)


def _differences(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    if reading.query is None or not reading.holds_call:
        return
    near = [one for one in reading.pack.prototypes if one.similarity >= reading.policy.near_similarity]
    others: list[NeighbourEntry | PrototypeEntry] = [*reading.near, *near]
    for other in others:
        measures = _telling(reading.query.descriptors, other.descriptors)[: reading.policy.max_differences]
        if measures:
            refs = [delta_ref(reading.id_of(other), measure) for measure in measures]
            yield compose(grounds, "difference", [reading.query, other], refs)


_FAMILIES = (
    ("peak_hz", "pitch_median_hz", "centroid_hz", "high_hz", "low_hz"),
    ("bandwidth_hz", "pitch_range_hz"),
    ("duration_ms", "n_onsets"),
    ("onset_interval_ms", "onset_interval_cv"),
    ("flatness", "entropy"),
    ("pitch_slope_hz_per_s",),
)
"""Descriptors that tell of one thing: a call that lies higher has a higher peak, pitch, centroid and top as well."""


def _telling(query: Descriptors, other: Descriptors) -> list[str]:
    """Return what differs by more than its resolution, one of a family, greatest first in units of it.

    Of frequencies it is the first whose difference in hertz is half of the greatest or more.
    """
    resolved = resolved_measures(query, other)
    chosen = []
    for family in _FAMILIES:
        own = [name for name in resolved if name in family]
        if own and family is _FAMILIES[0]:
            by_hz = {name: abs(getattr(query, name) - getattr(other, name)) for name in own}
            chosen.append(next(name for name in family if 2 * by_hz.get(name, 0) >= max(by_hz.values())))
        elif own:
            chosen.append(own[0])
    return sorted(chosen, key=resolved.index)


def _membership(grounds: Grounds) -> Iterator[Fact]:
    """Where the call was placed, and the prototype that lies nearest: one sentence where both are of one cluster."""
    reading, prototype = grounds.reading, grounds.reading.nearest_prototype
    if reading.query is not None and reading.query.is_placed and reading.holds_call:
        if reading.query.cluster_id is None:
            yield compose(grounds, "cluster_membership", [reading.query], code="unassigned")
        elif prototype is None or prototype.cluster_id != reading.query.cluster_id:
            yield compose(grounds, "cluster_membership", [reading.query], code="elsewhere")
    if prototype is None:
        return
    figures = ["similarity", "members"]
    query = reading.query
    is_own = query is not None and query.cluster_id == prototype.cluster_id
    cited: list[PackItem] = [prototype] if query is None or not is_own else [query, prototype]
    code = "own" if is_own else None
    counts = sorted(prototype.names, key=lambda name: -name.n_members)
    leads = counts and (len(counts) == 1 or counts[0].n_members > counts[1].n_members)
    taxon = counts[0].scientific_name if leads and reading.may_name else None
    figures += [] if taxon is None else [f"named:{taxon}"]
    yield compose(grounds, "cluster_membership", cited, figures, code=code, taxon=taxon)


def _call_types(grounds: Grounds) -> Iterator[Fact]:
    """What people call the type of near calls: one claim for each set of calls, whatever words it bears."""
    near = grounds.reading.near
    for kind in dict.fromkeys(kind for one in near for kind in one.call_types):
        bearers = [one for one in near if kind in one.call_types]
        code = "same_position" if all(one.is_in_same_position for one in bearers) else None
        fact = compose(grounds, "call_type", bearers, [CITED_CALLS], code=code)
        if kind == labels_of(bearers, near)[0]:
            yield fact


def _novelty(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    if reading.holds_call and reading.ranked and not reading.near:
        yield compose(grounds, "novelty", reading.ranked[:1], ["similarity", "policy:near_similarity"], mandatory=True)
    if reading.holds_call and reading.query is not None and (reading.query.novelty or 0) >= reading.policy.novel_from:
        yield compose(grounds, "novelty", [reading.query], ["less_far_share"], code="rank", mandatory=True)


def _votes(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    for taxon, ballot in reading.votes.items() if reading.may_name else ():
        against = [one for name, rivals in reading.votes.items() if name != taxon for one in rivals]
        names = [f"vote:{taxon}", "near:named"]
        yield compose(grounds, "taxon_vote", ballot, names, contra=against, taxon=taxon, mandatory=bool(against))


def _scores(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    for entry in reading.candidates if reading.may_name else ():
        score = entry.score
        rivals = [one for one in reading.candidates if one.score.model == score.model]
        higher = [one for one in rivals if one.score.raw_score > score.raw_score]
        names = ["raw_score", *CALIBRATED]
        yield compose(grounds, "classifier_score", [entry], names, contra=higher, taxon=score.taxon.scientific_name)


def _conflict(grounds: Grounds) -> Iterator[Fact]:
    reading, code = grounds.reading, grounds.reading.disagreement
    if code is None:
        return
    first, others = (reading.named, reading.candidates) if code == "neighbours" else reading.by_model
    yield compose(grounds, "conflict", first, contra=others, code=code, mandatory=True)


def _sequence(grounds: Grounds) -> Iterator[Fact]:
    """Steps with a name or a cluster, nearest first."""
    reading = grounds.reading
    for step in sorted(reading.pack.sequence, key=lambda one: (abs(one.offset), one.offset)):
        names = ["steps", "gap_s"] if abs(step.offset) == 1 else ["steps"]
        if step.name is not None and reading.may_name:
            yield compose(grounds, "sequence_context", [step], names, taxon=step.name.scientific_name)
        elif step.cluster_id is not None:
            yield compose(grounds, "sequence_context", [step], names)


def _usual_sequence(grounds: Grounds) -> Iterator[Fact]:
    """What usually comes before and after the calls of the query's cluster, where it stands out against chance."""
    reading = grounds.reading
    if reading.query is None or not reading.holds_call:
        return
    for entry in reading.pack.followings:
        is_found = entry.q_value <= reading.policy.max_following_q
        if is_found and entry.n_recordings >= reading.policy.min_recordings:
            yield compose(grounds, "usual_sequence", [reading.query, entry], FOLLOWING)


def caveats(grounds: Grounds) -> Iterator[Fact]:
    """Yield every caveat that is due."""
    reading = grounds.reading
    evidence: dict[str, tuple[Iterable[PackItem], list[str]]] = {
        "single_recording": (reading.near, ["near:recordings"]),
        "unlabelled": (reading.near, []),
        "model_labels_only": (reading.named, ["near:model_named", "near:named", "labelled:recordings"]),
        "imported_labels": (reading.named, ["near:imported", "near:named"]),
        "flat_similarities": ((reading.near[:1] + reading.near[-1:]), ["similarity"]),
        "uncalibrated": (reading.uncalibrated, []),
        "range_unchecked": (reading.unchecked, []),
        "no_candidate": (reading.pack.taxon_scores, ["policy:candidate_score"]),
        "out_of_range": (reading.set_aside, ["set_aside:candidates"]),
    }
    for code in reading.caveats:
        support, names = evidence[code]
        yield compose(grounds, "caveat", support, names, code=code, mandatory=True)
