"""The facts of a summary beyond its counts: sites, seasons and sun, richness, review, change, models, comparison."""

from collections.abc import Iterator, Sequence

from rab.domain import AggregateEntry
from rab.generation.facts.base import Fact, compose
from rab.generation.needs.base import Grounds
from rab.generation.reading.survey import ESTIMATE_PARTS, OF_DAYS, REVIEW_PARTS, RICHNESS_PARTS, SurveyTerms


def place_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield at how many sites each taxon was detected, then on which days at each."""
    terms = SurveyTerms(grounds.reading.tally)
    for one in terms.occupied:
        yield _days_or_sites(grounds, [one], "naive", one.group)
    for taxon, entries in terms.histories.items():
        yield _days_or_sites(grounds, entries, "history", taxon)


def _days_or_sites(grounds: Grounds, entries: Sequence[AggregateEntry], code: str, taxon: str | None) -> Fact:
    verified = [one for one in grounds.reading.tally.verified if one.group == taxon]
    names = [f"{one}:{name}" for name in ("count", "denominator") for one in grounds.reading.ids_of(entries)]
    names += [f"{one}:value" for one in grounds.reading.ids_of(verified)]
    return compose(grounds, "occupancy", [*entries, *verified], names, code=code, taxon=taxon)


def time_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield the hour, and the week or month, with the most detections per hour of effort, and the rates by the sun.

    Of all taxa together first, then of each whose times are told.
    """
    tally = grounds.reading.tally
    terms = SurveyTerms(tally)
    for taxon in (None, *(terms.timed if len(tally.detections) > 1 else ())):
        found = {"peak": terms.peak_hours(taxon), "season": terms.peak_periods(taxon), "sun": terms.by_sun(taxon)}
        for code, times in found.items():
            if times:
                unit = times[0].name.rpartition("_by_")[2]
                left_out = [f"left_out:{unit}", "policy:min_bin_effort_hours"] if tally.left_out(unit) else []
                figures = ["rate", "value", "denominator", *left_out]
                yield compose(grounds, "temporal_pattern", times, figures, code=code, taxon=taxon)


def richness_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield taxa over recorder-days, and the estimate of all taxa."""
    tally = grounds.reading.tally
    for code, names in (("observed", RICHNESS_PARTS), ("estimate", ESTIMATE_PARTS)):
        if tally.parts(names[:1]):
            figures = tally.parts(names)
            own = [f"{one}:value" for one in grounds.reading.ids_of(figures)]
            own += ["verified:taxa"] if tally.verified_on_days else []
            yield compose(grounds, "richness", (*figures, *tally.verified_on_days), own, code=code)


def review_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what nobody reviewed, what is faint, what is novel, and which recorders changed."""
    tally = grounds.reading.tally
    if len(reviewed := tally.parts(REVIEW_PARTS)) == len(REVIEW_PARTS):
        own, rest = grounds.reading.ids_of(reviewed)
        names = [f"{own}:count", f"{own}:denominator", f"{rest}:value"]
        yield compose(grounds, "review_coverage", reviewed, names, code="reviewed", mandatory=True)
    if weak := tally.parts(["weak_detections"]):
        yield compose(grounds, "review_coverage", weak, ["count", "denominator"], code="weak", mandatory=True)
    if novel := tally.parts(["novel_segments"]):
        yield compose(grounds, "novel_count", novel, ["count", "denominator"])
    changes = SurveyTerms(tally).changes
    for one in changes:
        yield compose(grounds, "recorder_drift", [one], ["value"], code="change", mandatory=True)
    tested = tally.parts(["recorders_tested"])
    if tested and tested[0].value > 0 and not changes:
        yield compose(grounds, "recorder_drift", tested, ["value"], code="none")
    if tested and tested[0].value == 0:
        yield compose(grounds, "recorder_drift", tested, ["denominator"], code="untested")


def model_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what two models share, and the taxa on which they differ."""
    terms, tally = SurveyTerms(grounds.reading.tally), grounds.reading.tally
    shared = tally.parts(("models_recordings", "models_shared"))
    if len(shared) == 2 and terms.alone:
        recordings, *pairs = grounds.reading.ids_of((*shared, *terms.alone))
        names = [f"{recordings}:value", *(f"{one}:count" for one in pairs), f"{pairs[0]}:denominator"]
        yield compose(grounds, "model_agreement", (*shared, *terms.alone), names, code="total", mandatory=True)
    for one in terms.split:
        yield compose(grounds, "model_agreement", [one], ["count", "denominator"], code="taxon", taxon=one.group)


def comparison_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what was compared, whether it could be tested, and each taxon, the surest difference first."""
    terms, tally = SurveyTerms(grounds.reading.tally), grounds.reading.tally
    if not terms.design:
        return
    if terms.silent_side is not None:
        support = (terms.design[0], terms.silent_side)
        names = [f"{grounds.reading.id_of(terms.silent_side)}:value"]
        yield compose(grounds, "comparison", support, names, code="no_effort", mandatory=True)
        return
    shared = terms.design[0].group
    if shared == "nothing" or not terms.design[0].value:
        yield compose(grounds, "comparison", terms.design[:1], code="apart", mandatory=True)
        return
    yield compose(grounds, "comparison", terms.design, ["value"], code="design", mandatory=True)
    outcome = tally.parts(("compared_taxa", "compared_told"))
    if not outcome:
        least = tally.parts(["compared_min_days"])
        yield compose(grounds, "comparison", least, ["value"], code="untested", mandatory=True)
        return
    yield compose(grounds, "comparison", outcome, ["value"], code="outcome", mandatory=True)
    for taxon, entries in terms.contrasted.items():
        code = terms.direction(taxon)
        told = code != "same"
        names = [
            f"{grounds.reading.id_of(one)}:{name}"
            for one in entries
            for name in (("count", "denominator") if one.name in OF_DAYS else ("value",))
        ]
        yield compose(grounds, "comparison", entries, names, code=code, taxon=taxon, mandatory=told)
