"""What the claims of a monitoring summary rest on: one function per kind, from the claim back to the pack."""

from rab.domain import AggregateEntry, Claim, ClaimKind
from rab.generation.codes import Failure
from rab.generation.needs.base import Form, Grounds, Needs, unsupported
from rab.generation.needs.survey import SURVEY_FORMS
from rab.generation.reading.quantities import is_visible
from rab.generation.reading.tally import EFFORT_PARTS, FLAG_PARTS, SNR_PARTS, TAXON_PARTS


def effort(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Hours above zero with all that belongs to them: of the whole, of one site, or the gaps between recordings."""
    tally, first = grounds.reading.tally, _first(claim, grounds)
    if claim.code == "total":
        if tally.effort_hours <= 0:
            return unsupported("there is no effort")
        return _values(tally.parts(EFFORT_PARTS), grounds)
    if claim.code == "site":
        if first.name != "effort_hours" or first.group is None or first.value <= 0 or len(tally.sites) < 2:
            return unsupported("the cited item is not the effort of one of several sites")
        return _values((first,), grounds)
    if claim.code == "span":
        if first is not tally.span:
            return unsupported("the cited item is not the days with recordings")
        ids = grounds.ids([first])
        return Needs(ids, refs=frozenset(f"{one}:{name}" for one in ids for name in ("count", "denominator")))
    if (tally.figure("n_gaps") or 0) <= 0:
        return unsupported("there is no gap")
    longest = (tally.longest_gap,) if tally.longest_gap is not None else ()
    return _values((*tally.parts(("n_gaps",)), *longest), grounds)


def activity_count(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All counts of one taxon with detections, or the number of taxa."""
    tally = grounds.reading.tally
    if claim.taxon is None:
        total = tally.parts(("n_taxa",))
        if not total:
            return unsupported("the pack does not count taxa")
        told = _values(total, grounds)
        longer = total[0].value > grounds.reading.policy.max_taxa
        return Needs(told.support, refs=told.refs | {"policy:max_taxa", "unlisted:taxa"}) if longer else told
    counted = tally.entry("detections", claim.taxon)
    if counted is None or counted.value <= 0:
        return unsupported("the taxon has no detection")
    needs = _values(tally.parts(TAXON_PARTS, claim.taxon), grounds)
    rate_ref = f"{grounds.reading.id_of(counted)}:rate"
    shown = tally.has_effort(counted) and is_visible(grounds.table[rate_ref])
    return Needs(needs.support, refs=needs.refs | ({rate_ref} if shown else frozenset()))


def quality_profile(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All figures on SNR, or all shares of flagged segments, as stored."""
    parts = grounds.reading.tally.parts(SNR_PARTS if claim.code == "snr" else FLAG_PARTS)
    return _values(parts, grounds) if parts else unsupported("the pack has no such figure")


def abstention(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """No effort, on the total that says so or on whatever the pack begins with."""
    reading = grounds.reading
    if claim.code not in reading.reasons:
        return unsupported(f"the reason {claim.code} does not hold")
    return Needs(grounds.ids((reading.tally.parts(("effort_hours",)) or reading.pack.aggregates)[:1]))


def caveat(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """A code that is due, on the figures that it is read from."""
    reading, tally = grounds.reading, grounds.reading.tally
    if claim.code not in reading.caveats:
        return unsupported(f"the caveat {claim.code} does not hold")
    match claim.code:
        case "uncalibrated":
            return Needs(grounds.ids(tally.counted[:1]))
        case "out_of_range":
            once = _values(tally.parts(("out_of_range_segments",)), grounds)
            refs = once.refs | {"set_aside:detections", "set_aside:taxa"}
            return Needs(grounds.ids(tally.outside) | once.support, refs=refs)
        case "single_recording":
            return _values(tally.parts(("n_recordings",)), grounds)
        case "sunless":
            return _values(tally.parts(("sunless_turns",)), grounds)
        case "unknown_place":
            return _values(tally.parts(("unplaced_recordings",)), grounds)
        case "untimed":
            return Needs(grounds.ids(tally.parts(("effort_hours",))), refs=frozenset({"policy:min_bin_effort_hours"}))
        case "range_unchecked":
            counted, taxa = tally.entry("unchecked_segments"), tally.entry("unchecked_taxa")
            if counted is None or taxa is None:
                return unsupported("the pack does not count what was not checked")
            own, other = grounds.reading.id_of(counted), grounds.reading.id_of(taxa)
            return Needs(
                frozenset({own, other}), refs=frozenset({f"{own}:count", f"{own}:denominator", f"{other}:value"})
            )
        case "unknown_clock":
            return _values(tally.parts(("unclocked_recordings",)), grounds)
        case _:
            return _values(tally.parts(("n_failed_files",)), grounds)


def _first(claim: Claim, grounds: Grounds) -> AggregateEntry:
    return next(one for one in grounds.cited(claim) if isinstance(one, AggregateEntry))


def _values(entries: tuple[AggregateEntry, ...], grounds: Grounds) -> Needs:
    ids = grounds.ids(entries)
    return Needs(ids, refs=frozenset(f"{item_id}:value" for item_id in ids))


FORMS: dict[ClaimKind, Form] = {
    "effort": Form((AggregateEntry,), effort, frozenset({"total", "span", "site", "gaps"})),
    "activity_count": Form((AggregateEntry,), activity_count, taxon=None),
    "quality_profile": Form((AggregateEntry,), quality_profile, frozenset({"snr", "flags"})),
    "abstention": Form((AggregateEntry,), abstention, frozenset({"no_effort"})),
    "caveat": Form(
        (AggregateEntry,),
        caveat,
        frozenset(
            {
                "uncalibrated",
                "out_of_range",
                "range_unchecked",
                "single_recording",
                "untimed",
                "unknown_clock",
                "unknown_place",
                "failed_files",
                "sunless",
            }
        ),
    ),
    **SURVEY_FORMS,
}
"""The kinds of claims of a monitoring summary."""
