"""What the claims of a summary beyond its counts rest on: one function per kind, from the claim back to the pack."""

from collections.abc import Iterable

from rab.domain import AggregateEntry, Claim, ClaimKind
from rab.evidence.summary.contrast import P_MAX
from rab.generation.codes import Failure
from rab.generation.needs.base import Form, Grounds, Needs, unsupported
from rab.generation.reading.quantities import is_visible
from rab.generation.reading.survey import PERIODS, SIDES, SUN_ORDER, SurveyTerms
from rab.generation.reading.tally import rate


def occupancy(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The taxon's sites out of those with effort; or its days at every site, none left out."""
    tally = grounds.reading.tally
    if claim.taxon is None or tally.entry("detections", claim.taxon) is None:
        return unsupported("the taxon has no detection")
    if claim.code == "naive":
        sites = tally.entry("occupied_sites", claim.taxon)
        if sites is None or sites.value <= 0:
            return unsupported("the taxon has no site with a detection")
        return _with_verified(_figures([sites], grounds, *_SHARE), claim.taxon, grounds)
    history = [one for group, one in tally.named("history_days").items() if (group or "").split("\t")[0] == claim.taxon]
    if not any(one.value > 0 for one in history):
        return unsupported("the taxon has no day with a detection")
    return _with_verified(_figures(history, grounds, *_SHARE), claim.taxon, grounds)


def _with_verified(needs: Needs, taxon: str, grounds: Grounds) -> Needs:
    """Add what listeners verified of the taxon, where that is anything."""
    verified = grounds.reading.tally.entry("verified_detections", taxon)
    if verified is None or verified.value <= 0:
        return needs
    own = _figures([verified], grounds, "value")
    return Needs(needs.support | own.support, refs=needs.refs | own.refs)


def temporal_pattern(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All hours (weeks, months) that no comparable one exceeds in detections per hour of effort; all bins of the sun.

    Of the taxon that the claim names, or of all together where it names none.
    """
    tally, cited = grounds.reading.tally, _entries(claim, grounds)
    if claim.code == "sun":
        bins = [one for time, one in tally.times("sun", claim.taxon).items() if time in SUN_ORDER]
        bins = [one for one in bins if tally.has_effort(one)]
        if len(bins) < 2 or sum(one.value for one in bins) < tally.policy.min_pattern_detections:
            return unsupported("too few detections, or one time of the sun alone")
        return _with_left_out(_figures(bins, grounds, *_RATE), "sun", grounds)
    units = ("hour",) if claim.code == "peak" else PERIODS
    unit = next((one for one in units if tally.comparable(one, claim.taxon)), units[0])
    periods = tally.comparable(unit, claim.taxon)
    if len(periods) < 2 or sum(one.value for one in periods) < tally.policy.min_pattern_detections:
        return unsupported("too few detections to compare")
    least = min(rate(one) for one in cited)
    if any(one not in periods for one in cited) or any(rate(one) > least * (1 + 1e-9) for one in periods):
        return unsupported("another time has more detections per hour of effort")
    peak = [one for one in periods if rate(one) >= least * (1 - 1e-9)]
    if len(peak) == len(periods):
        return unsupported("all times are alike")
    return _with_left_out(_figures(peak, grounds, *_RATE), unit, grounds)


def _with_left_out(needs: Needs, unit: str, grounds: Grounds) -> Needs:
    """Add how many times have too little effort to be compared, where there are such."""
    if not grounds.reading.tally.left_out(unit):
        return needs
    return Needs(needs.support, refs=needs.refs | {f"left_out:{unit}", "policy:min_bin_effort_hours"})


def richness(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Taxa and recorder-days with the expectation at half of them; or the estimate with its interval."""
    tally = grounds.reading.tally
    observed = ("richness_taxa", "richness_days", "richness_at_half", "richness_half_days")
    estimate = ("chao2", "chao2_low", "chao2_high", "richness_uniques")
    parts = [tally.entry(name) for name in (observed if claim.code == "observed" else estimate)]
    found = [one for one in parts if one is not None]
    if len(found) < len(parts):
        return unsupported("the pack has no such figure")
    needs, verified = _figures(found, grounds, "value"), tally.verified_on_days
    if not verified:
        return needs
    return Needs(needs.support | grounds.ids(verified), refs=needs.refs | {"verified:taxa"})


def review_coverage(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Reviewed detections and the share that nobody reviewed; or the faint ones."""
    tally = grounds.reading.tally
    if claim.code == "weak":
        weak = tally.entry("weak_detections")
        return unsupported("faint detections are not counted") if weak is None else _figures([weak], grounds, *_SHARE)
    reviewed, rest = tally.entry("reviewed_detections"), tally.entry("unreviewed_share")
    if reviewed is None or rest is None:
        return unsupported("the pack does not count reviews")
    share, left = _figures([reviewed], grounds, *_SHARE), _figures([rest], grounds, "value")
    return Needs(share.support | left.support, refs=share.refs | left.refs)


def novel_count(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Novel segments, of those compared."""
    novel = grounds.reading.tally.entry("novel_segments")
    return unsupported("novelty was not measured") if novel is None else _figures([novel], grounds, *_SHARE)


def recorder_drift(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """A change as the pack has it; none, where recorders were tested; or that none could be."""
    tally, first = grounds.reading.tally, _entries(claim, grounds)[0]
    if claim.code == "change":
        if first.name != "recorder_change" or tally.entry(first.name, first.group) is not first:
            return unsupported("the cited item is no change of a recorder")
        return _figures([first], grounds, "value")
    tested = tally.entry("recorders_tested")
    if tested is None or (tested.value > 0) != (claim.code == "none") or tally.named("recorder_change"):
        return unsupported("recorders changed, or were not looked at, or were")
    return _figures([tested], grounds, "value" if claim.code == "none" else "denominator")


def noise(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The detections of a sound that is no animal."""
    tally = grounds.reading.tally
    counted = tally.entry("sound_detections", claim.taxon)
    if counted is None or counted.value <= 0:
        return unsupported("the sound has no detection")
    rate_ref = f"{grounds.reading.id_of(counted)}:rate"
    shown = tally.has_effort(counted) and is_visible(grounds.table[rate_ref])
    return _figures([counted], grounds, *(("value", "rate") if shown else ("value",)))


def model_agreement(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Pairs that are shared and pairs of each model alone; or a taxon on which the models differ."""
    tally = grounds.reading.tally
    if claim.code == "taxon":
        split = tally.entry("models_split", claim.taxon)
        if claim.taxon is None or split is None or split.value <= 0:
            return unsupported("the models do not differ on the taxon")
        return _figures([split], grounds, *_SHARE)
    recordings, shared = tally.entry("models_recordings"), tally.entry("models_shared")
    alone = [one for group, one in tally.named("models_alone").items() if group]
    if claim.taxon is not None or recordings is None or shared is None or not alone:
        return unsupported("no two models ran on the same recordings")
    ran, pairs, rest = (
        _figures([recordings], grounds, "value"),
        _figures([shared], grounds, *_SHARE),
        _figures(alone, grounds, "count"),
    )
    return Needs(ran.support | pairs.support | rest.support, refs=ran.refs | pairs.refs | rest.refs)


def comparison(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """What was compared, what came of it, or all figures of one taxon with the direction that its test allows."""
    terms, tally = SurveyTerms(grounds.reading.tally), grounds.reading.tally
    hours = next(iter(tally.named("compared_hours").values()), None)
    if hours is None:
        return unsupported("nothing was compared")
    there = tally.entry("side_effort", "there")
    if (claim.code == "no_effort") != (there is not None and there.value <= 0):
        return unsupported("the other side has effort, or has none")
    if claim.code == "no_effort" and claim.taxon is None and there is not None:
        effort = _figures([there], grounds, "value")
        return Needs(effort.support | grounds.ids([hours]), refs=effort.refs)
    apart = hours.group == "nothing" or hours.value <= 0
    if (claim.code == "apart") != apart or (claim.taxon is not None) != (claim.code in ("more", "less", "same")):
        return unsupported("the sides can be compared otherwise, or not at all")
    if claim.code == "apart":
        return Needs(grounds.ids([hours]))
    if claim.code == "design":
        sides = [tally.entry(name, side) for name in ("compared_days", "compared_effort") for side in SIDES]
        return _figures([hours, *(one for one in sides if one is not None)], grounds, "value")
    tested, told = tally.entry("compared_taxa"), tally.entry("compared_told")
    if claim.code == "untested":
        least = tally.entry("compared_min_days")
        failed = tested is not None or least is None
        return unsupported("taxa were tested") if failed or least is None else _figures([least], grounds, "value")
    if claim.code == "outcome":
        if tested is None or told is None:
            return unsupported("no taxon was tested")
        return _figures([tested, told], grounds, "value")
    return _contrast(claim, grounds, terms)


def _contrast(claim: Claim, grounds: Grounds, terms: SurveyTerms) -> Needs | Failure:
    tally = grounds.reading.tally
    p, difference = tally.entry("difference_p", claim.taxon), tally.entry("rate_difference", claim.taxon)
    if p is None or difference is None:
        return unsupported("the taxon was not tested")
    allowed = "same" if p.value > P_MAX or not difference.value else "more" if difference.value > 0 else "less"
    if claim.code != allowed:
        return unsupported("the corrected test does not say so")
    entries = terms.contrasted[claim.taxon or ""]
    days = _figures((one for one in entries if "days" in one.name), grounds, *_SHARE)
    rates = _figures((one for one in entries if "days" not in one.name), grounds, "value")
    return Needs(days.support | rates.support, refs=days.refs | rates.refs)


_SHARE = ("count", "denominator")
_RATE = ("rate", "value", "denominator")


def _entries(claim: Claim, grounds: Grounds) -> list[AggregateEntry]:
    return [one for one in grounds.cited(claim) if isinstance(one, AggregateEntry)]


def _figures(entries: Iterable[AggregateEntry], grounds: Grounds, *names: str) -> Needs:
    ids = grounds.ids(entries)
    refs = {f"{item_id}:{name}" for item_id in ids for name in names}
    return Needs(ids, refs=frozenset(refs & grounds.table.keys()))


_A = (AggregateEntry,)
SURVEY_FORMS: dict[ClaimKind, Form] = {
    "occupancy": Form(_A, occupancy, frozenset({"naive", "history"}), taxon=True),
    "temporal_pattern": Form(_A, temporal_pattern, frozenset({"peak", "season", "sun"}), taxon=None),
    "richness": Form(_A, richness, frozenset({"observed", "estimate"})),
    "review_coverage": Form(_A, review_coverage, frozenset({"reviewed", "weak"})),
    "novel_count": Form(_A, novel_count),
    "recorder_drift": Form(_A, recorder_drift, frozenset({"change", "none", "untested"})),
    "noise": Form(_A, noise, taxon=True),
    "model_agreement": Form(_A, model_agreement, frozenset({"total", "taxon"}), taxon=None),
    "comparison": Form(
        _A,
        comparison,
        frozenset({"apart", "no_effort", "design", "untested", "outcome", "more", "less", "same"}),
        taxon=None,
    ),
}
"""The kinds of claims of a summary beyond its counts."""
