"""The facts of an interpretation: every claim that is true of a call's pack, most useful first within its kind."""

from collections.abc import Iterable, Iterator, Sequence

from rab.domain import NeighbourEntry, PackItem, PrototypeEntry
from rab.generation.fact import Fact, compose
from rab.generation.needs import Grounds
from rab.generation.quantities import CITED_CALLS, delta_ref, is_visible, resolved_measures


def segment_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what is true of a call, in reading order; nothing for a pack without a query."""
    if grounds.reading.query is None:
        return
    yield _signal_quality(grounds)
    yield from _abstentions(grounds)
    yield from _resemblances(grounds)
    yield from _differences(grounds)
    yield from _membership(grounds)
    yield from _novelty(grounds)
    yield from _votes(grounds)
    yield from _scores(grounds)
    yield from _conflict(grounds)
    yield from _sequence(grounds)
    yield from _caveats(grounds)


def _signal_quality(grounds: Grounds) -> Fact:
    query = grounds.reading.pack.query
    assert query is not None
    item_id = grounds.reading.id_of(query)
    names = ["snr_db"]
    if all(f"{item_id}:{name}" in grounds.table for name in ("snr_db", "band_low_hz", "band_high_hz")):
        names += ["band_low_hz", "band_high_hz"]
    names += [name for name in ("clipped_share", "overlap_share") if is_visible(grounds.table[f"{item_id}:{name}"])]
    return compose(grounds, "signal_quality", [query], names, mandatory=True)


def _abstentions(grounds: Grounds) -> Iterator[Fact]:
    """Every reason is a fact; the gravest one is mandatory."""
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
        measures = resolved_measures(reading.query.descriptors, other.descriptors)[: reading.policy.max_differences]
        if measures:
            refs = [delta_ref(reading.id_of(other), measure) for measure in measures]
            yield compose(grounds, "difference", [reading.query, other], refs)


def _membership(grounds: Grounds) -> Iterator[Fact]:
    prototype = grounds.reading.nearest_prototype
    if prototype is None:
        return
    figures = ["similarity", "members"]
    counts = sorted(prototype.names, key=lambda name: -name.n_members)
    leads = counts and (len(counts) == 1 or counts[0].n_members > counts[1].n_members)
    if leads and grounds.reading.may_name:
        taxon = counts[0].scientific_name
        yield compose(grounds, "cluster_membership", [prototype], [*figures, f"named:{taxon}"], taxon=taxon)
    else:
        yield compose(grounds, "cluster_membership", [prototype], figures)


def _novelty(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    if reading.holds_call and reading.ranked and not reading.near:
        yield compose(grounds, "novelty", reading.ranked[:1], ["similarity", "policy:near_similarity"], mandatory=True)


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
        yield compose(
            grounds, "classifier_score", [entry], ["raw_score"], contra=higher, taxon=score.taxon.scientific_name
        )


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


def _caveats(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    imported = [one for one in reading.named if one.name and one.name.source == "imported"]
    evidence: dict[str, tuple[Iterable[PackItem], list[str]]] = {
        "single_recording": (reading.near, ["near:recordings"]),
        "unlabelled": (reading.near, []),
        "model_labels_only": (reading.named, []),
        "imported_labels": (imported, []),
        "flat_similarities": ((reading.near[:1] + reading.near[-1:]), ["similarity"]),
        "uncalibrated": (reading.candidates, []),
        "range_unchecked": (reading.unchecked, []),
        "no_candidate": (reading.pack.taxon_scores, ["policy:candidate_score"]),
        "out_of_range": (reading.set_aside, ["set_aside:candidates"]),
    }
    for code in reading.caveats:
        support, names = evidence[code]
        yield compose(grounds, "caveat", support, names, code=code, mandatory=True)
