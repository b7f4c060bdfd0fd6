"""Facts: every claim of the known kinds that is true of a pack, most useful first within its kind.

RAB writes the facts, and marks those that every text must state. Whoever words them may select and order them, and
nothing else. Claims come without words: those
are written from templates when the claims are validated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rab.domain import Claim, ClaimKind, EvidencePack, NeighbourEntry, PackItem, PrototypeEntry
from rab.generation.needs import Grounds
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.quantities import CITED_CALLS, cited_calls, delta_ref, is_visible, resolved_measures
from rab.generation.tally import EFFORT_PARTS, FLAG_PARTS, SNR_PARTS, SOUND_PARTS, TAXON_PARTS


@dataclass(frozen=True)
class Fact:
    """A claim that is true of a pack, and whether every text about the pack must make it."""

    claim: Claim
    mandatory: bool = False


def facts(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> tuple[Fact, ...]:
    """Return the facts of a pack in reading order, with ids `f1…`; none for a segment pack without a query."""
    return facts_of(Grounds.of(pack, policy))


def facts_of(grounds: Grounds) -> tuple[Fact, ...]:
    """Return the facts of a pack that has been read."""
    found = _of_summary(grounds) if grounds.reading.pack.kind == "summary" else _of_segment(grounds)
    return tuple(
        Fact(fact.claim.model_copy(update={"id": f"f{number}"}), fact.mandatory)
        for number, fact in enumerate(found, start=1)
    )


def _fact(
    grounds: Grounds,
    kind: ClaimKind,
    support: Iterable[PackItem],
    names: Iterable[str] = (),
    *,
    contra: Iterable[PackItem] = (),
    code: str | None = None,
    taxon: str | None = None,
    mandatory: bool = False,
) -> Fact:
    """Return a fact. `names` are references, or figures of the supporting items; absent ones are passed over."""
    ids = grounds.reading.ids_of(support)
    refs = [ref for name in names for ref in (name, *(f"{item_id}:{name}" for item_id in ids))]
    known = grounds.table | {CITED_CALLS: cited_calls(ids)}
    claim = Claim(
        id="f",
        kind=kind,
        code=code,
        taxon=taxon,
        support=ids,
        contra=grounds.reading.ids_of(contra),
        quantities=tuple(known[ref] for ref in refs if ref in known),
        hedge=grounds.reading.hedge(kind, taxon, ids),
    )
    return Fact(claim, mandatory)


def _of_segment(grounds: Grounds) -> Iterator[Fact]:
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
    return _fact(grounds, "signal_quality", [query], names, mandatory=True)


def _abstentions(grounds: Grounds) -> Iterator[Fact]:
    """Every reason is a fact; the gravest one is mandatory."""
    reading = grounds.reading
    query = [] if reading.query is None else [reading.query]
    outside = [one for one in reading.pack.taxon_scores if one.score.in_range is False]
    for code in reading.reasons:
        elsewhere: dict[str, Sequence[PackItem]] = {"far": reading.ranked[:1], "out_of_range": outside}
        names = ["snr_db"] if code == "species_unsupported" else []
        yield _fact(
            grounds, "abstention", elsewhere.get(code, query), names, code=code, mandatory=code == reading.reasons[0]
        )


def _resemblances(grounds: Grounds) -> Iterator[Fact]:
    """The nearest calls of each name, and the nearest without one; where no name may be given, the nearest of all."""
    reading = grounds.reading
    names, most = [CITED_CALLS, "similarity"], reading.policy.max_resembling
    for taxon, ballot in reading.votes.items() if reading.may_name else ():
        others = (one for name, rivals in reading.votes.items() if name != taxon for one in rivals)
        nearer = [one for one in others if one.similarity > ballot[0].similarity]
        yield _fact(grounds, "resemblance", ballot[:most], names, contra=nearer, taxon=taxon)
    unnamed = [one for one in reading.near if one.name is None or not reading.may_name]
    if unnamed:
        yield _fact(grounds, "resemblance", unnamed[:most], names)


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
            yield _fact(grounds, "difference", [reading.query, other], refs)


def _membership(grounds: Grounds) -> Iterator[Fact]:
    prototype = grounds.reading.nearest_prototype
    if prototype is None:
        return
    figures = ["similarity", "members"]
    counts = sorted(prototype.names, key=lambda name: -name.n_members)
    leads = counts and (len(counts) == 1 or counts[0].n_members > counts[1].n_members)
    if leads and grounds.reading.may_name:
        taxon = counts[0].scientific_name
        yield _fact(grounds, "cluster_membership", [prototype], [*figures, f"named:{taxon}"], taxon=taxon)
    else:
        yield _fact(grounds, "cluster_membership", [prototype], figures)


def _novelty(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    if reading.holds_call and reading.ranked and not reading.near:
        yield _fact(grounds, "novelty", reading.ranked[:1], ["similarity", "policy:near_similarity"], mandatory=True)


def _votes(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    for taxon, ballot in reading.votes.items() if reading.may_name else ():
        against = [one for name, rivals in reading.votes.items() if name != taxon for one in rivals]
        names = [f"vote:{taxon}", "near:named"]
        yield _fact(grounds, "taxon_vote", ballot, names, contra=against, taxon=taxon, mandatory=bool(against))


def _scores(grounds: Grounds) -> Iterator[Fact]:
    reading = grounds.reading
    for entry in reading.candidates if reading.may_name else ():
        score = entry.score
        rivals = [one for one in reading.candidates if one.score.model == score.model]
        higher = [one for one in rivals if one.score.raw_score > score.raw_score]
        yield _fact(
            grounds, "classifier_score", [entry], ["raw_score"], contra=higher, taxon=score.taxon.scientific_name
        )


def _conflict(grounds: Grounds) -> Iterator[Fact]:
    reading, code = grounds.reading, grounds.reading.disagreement
    if code is None:
        return
    first, others = (reading.named, reading.candidates) if code == "neighbours" else reading.by_model
    yield _fact(grounds, "conflict", first, contra=others, code=code, mandatory=True)


def _sequence(grounds: Grounds) -> Iterator[Fact]:
    """Steps with a name or a cluster, nearest first."""
    reading = grounds.reading
    for step in sorted(reading.pack.sequence, key=lambda one: (abs(one.offset), one.offset)):
        names = ["steps", "gap_s"] if abs(step.offset) == 1 else ["steps"]
        if step.name is not None and reading.may_name:
            yield _fact(grounds, "sequence_context", [step], names, taxon=step.name.scientific_name)
        elif step.cluster_id is not None:
            yield _fact(grounds, "sequence_context", [step], names)


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
        yield _fact(grounds, "caveat", support, names, code=code, mandatory=True)


def _of_summary(grounds: Grounds) -> Iterator[Fact]:
    reading, tally = grounds.reading, grounds.reading.tally
    yield from _effort(grounds)
    if reading.reasons and reading.pack.aggregates:
        support = tally.parts(["effort_hours"]) or reading.pack.aggregates[:1]
        yield _fact(grounds, "abstention", support, code=reading.reasons[0], mandatory=True)
    if not reading.reasons:
        yield from _activity(grounds)
    for code, parts in (("snr", SNR_PARTS), ("flags", FLAG_PARTS)):
        if found := tally.parts(parts):
            yield _fact(grounds, "quality_profile", found, ["value"], code=code, mandatory=True)
    yield from _summary_caveats(grounds)


def _effort(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    if tally.effort_hours > 0:
        yield _fact(grounds, "effort", tally.parts(EFFORT_PARTS), ["value"], code="total", mandatory=True)
    if (tally.figure("n_gaps") or 0) > 0:
        longest = () if tally.longest_gap is None else (tally.longest_gap,)
        yield _fact(grounds, "effort", (*tally.parts(["n_gaps"]), *longest), ["value"], code="gaps", mandatory=True)
    for site in tally.sites:
        yield _fact(grounds, "effort", [site], ["value"], code="site")


def _activity(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    if total := tally.parts(["n_taxa"]):
        yield _fact(grounds, "activity_count", total, ["value"], mandatory=True)
    for code, names, counts in ((None, TAXON_PARTS, tally.detections), ("sound", SOUND_PARTS, tally.sounds)):
        for counted in counts:
            rate_ref = f"{grounds.reading.id_of(counted)}:rate"
            rates = [rate_ref] if rate_ref in grounds.table and is_visible(grounds.table[rate_ref]) else []
            parts = tally.parts(names, counted.group)
            yield _fact(grounds, "activity_count", parts, ["value", *rates], code=code, taxon=counted.group)
    if tally.peak_hours:
        yield _fact(grounds, "temporal_pattern", tally.peak_hours, ["rate"], code="peak")


def _summary_caveats(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    evidence: dict[str, tuple[Iterable[PackItem], list[str]]] = {
        "uncalibrated": (tally.counted[:1], []),
        "out_of_range": (tally.outside, ["set_aside:segments", "set_aside:taxa"]),
        "single_recording": (tally.parts(["n_recordings"]), ["value"]),
        "unknown_clock": (tally.parts(["unclocked_recordings"]), ["value"]),
        "failed_files": (tally.parts(["n_failed_files"]), ["value"]),
    }
    for code in grounds.reading.caveats:
        support, names = evidence[code]
        yield _fact(grounds, "caveat", support, names, code=code, mandatory=True)
