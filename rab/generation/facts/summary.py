"""The facts of a monitoring summary: effort first, then what was counted, then how well it could be heard."""

from collections.abc import Iterable, Iterator

from rab.domain import AggregateEntry, PackItem
from rab.generation.facts.base import Fact, compose
from rab.generation.facts.survey import (
    comparison_facts,
    model_facts,
    place_facts,
    review_facts,
    richness_facts,
    time_facts,
)
from rab.generation.needs.base import Grounds
from rab.generation.reading.quantities import is_visible
from rab.generation.reading.tally import EFFORT_PARTS, FLAG_PARTS, SNR_PARTS, TAXON_PARTS


def summary_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what is true of a summary's pack, in reading order."""
    reading, tally = grounds.reading, grounds.reading.tally
    yield from _effort(grounds)
    if reading.reasons and reading.pack.aggregates:
        support = tally.parts(["effort_hours"]) or reading.pack.aggregates[:1]
        yield compose(grounds, "abstention", support, code=reading.reasons[0], mandatory=True)
    if not reading.reasons:
        yield from _activity(grounds)
    for code, parts in (("snr", SNR_PARTS), ("flags", FLAG_PARTS)):
        if found := tally.parts(parts):
            yield compose(grounds, "quality_profile", found, ["value"], code=code, mandatory=True)
    if not reading.reasons:
        yield from review_facts(grounds)
        yield from _noise(grounds)
        yield from model_facts(grounds)
        yield from comparison_facts(grounds)
    yield from _summary_caveats(grounds)


def _effort(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    if tally.effort_hours > 0:
        yield compose(grounds, "effort", tally.parts(EFFORT_PARTS), ["value"], code="total", mandatory=True)
    if (span := tally.span) is not None:
        yield compose(grounds, "effort", [span], ["count", "denominator"], code="span", mandatory=True)
    if (tally.figure("n_gaps") or 0) > 0:
        longest = () if tally.longest_gap is None else (tally.longest_gap,)
        yield compose(grounds, "effort", (*tally.parts(["n_gaps"]), *longest), ["value"], code="gaps", mandatory=True)
    for site in tally.sites:
        yield compose(grounds, "effort", [site], ["value"], code="site")


def _activity(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    if total := tally.parts(["n_taxa"]):
        unlisted = ["policy:max_taxa", "unlisted:taxa"] if "unlisted:taxa" in grounds.table else []
        yield compose(grounds, "activity_count", total, ["value", *unlisted], mandatory=True)
    for counted in tally.detections:
        parts = tally.parts(TAXON_PARTS, counted.group)
        names = ["value", *_rate_of(counted, grounds)]
        yield compose(grounds, "activity_count", parts, names, taxon=counted.group)
    yield from place_facts(grounds)
    yield from time_facts(grounds)
    yield from richness_facts(grounds)


def _noise(grounds: Grounds) -> Iterator[Fact]:
    for counted in grounds.reading.tally.sounds:
        names = ["value", *_rate_of(counted, grounds)]
        yield compose(grounds, "noise", [counted], names, taxon=counted.group)


def _rate_of(counted: AggregateEntry, grounds: Grounds) -> list[str]:
    """Return the reference of a count's rate, where there is enough effort and it is not printed as zero."""
    ref = f"{grounds.reading.id_of(counted)}:rate"
    is_told = grounds.reading.tally.has_effort(counted) and is_visible(grounds.table[ref])
    return [ref] if is_told else []


def _summary_caveats(grounds: Grounds) -> Iterator[Fact]:
    tally = grounds.reading.tally
    once = tally.parts(["out_of_range_segments"])
    in_segments = [f"{one}:value" for one in grounds.reading.ids_of(once)]
    unchecked = tally.parts(["unchecked_segments", "unchecked_taxa"])
    ids = grounds.reading.ids_of(unchecked)
    of_unchecked = [f"{one}:{name}" for one in ids[:1] for name in ("count", "denominator")]
    of_unchecked += [f"{one}:value" for one in ids[1:]]
    evidence: dict[str, tuple[Iterable[PackItem], list[str]]] = {
        "uncalibrated": (tally.counted[:1], []),
        "out_of_range": ((*tally.outside, *once), ["set_aside:detections", "set_aside:taxa", *in_segments]),
        "range_unchecked": (unchecked, of_unchecked),
        "single_recording": (tally.parts(["n_recordings"]), ["value"]),
        "untimed": (tally.parts(["effort_hours"]), ["policy:min_bin_effort_hours"]),
        "unknown_place": (tally.parts(["unplaced_recordings"]), ["value"]),
        "unknown_clock": (tally.parts(["unclocked_recordings"]), ["value"]),
        "failed_files": (tally.parts(["n_failed_files"]), ["value"]),
        "sunless": (tally.parts(["sunless_turns"]), ["value"]),
    }
    for code in grounds.reading.caveats:
        support, names = evidence[code]
        yield compose(grounds, "caveat", support, names, code=code, mandatory=True)
