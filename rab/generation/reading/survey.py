"""Survey: the figures of a summary that stand in groups, in terms that facts and needs share.

Which entries belong together (the days of a taxon at every site, the bins of the sun, both sides of a comparison) is
said here; what is claimed of them, and what a claim needs, is not.
"""

from dataclasses import dataclass
from functools import cached_property

from rab.domain import AggregateEntry
from rab.evidence.summary.contrast import P_MAX
from rab.generation.reading.tally import TIME_UNITS, Tally

SUN_ORDER = ("night", "dawn", "day", "dusk")
PERIODS = ("week", "month")
RICHNESS_PARTS = ("richness_taxa", "richness_days", "richness_at_half", "richness_half_days")
ESTIMATE_PARTS = ("chao2", "chao2_low", "chao2_high", "richness_uniques")
REVIEW_PARTS = ("reviewed_detections", "unreviewed_share")
CONTRAST_PARTS = (
    "compared_rate",
    "compared_detection_days",
    "compared_rate_other",
    "compared_detection_days_other",
    "rate_difference",
    "rate_difference_low",
    "rate_difference_high",
    "difference_p",
)
"""What one sentence on a taxon on both sides is made of."""
OF_DAYS = ("compared_detection_days", "compared_detection_days_other")
"""Those of them that are printed beside their denominator."""
SIDES = ("here", "there")


@dataclass(frozen=True, eq=False)
class SurveyTerms:
    """A tally, in the terms of monitoring."""

    tally: Tally

    @cached_property
    def occupied(self) -> tuple[AggregateEntry, ...]:
        """Sites with detections by taxon, in the order of the taxa's detections."""
        return self._by_taxon("occupied_sites")

    @cached_property
    def histories(self) -> dict[str, tuple[AggregateEntry, ...]]:
        """Scientific name → its days at every site, by site, where it has any; in the order of detections."""
        of: dict[str, list[AggregateEntry]] = {}
        for group, entry in self.tally.named("history_days").items():
            of.setdefault((group or "").partition("\t")[0], []).append(entry)
        order = [one.group for one in self.tally.detections]
        return {taxon: tuple(of[taxon]) for taxon in order if taxon in of and any(one.value for one in of[taxon])}

    @cached_property
    def timed(self) -> tuple[str, ...]:
        """Taxa whose times the pack tells, in the order of their detections."""
        groups = [one.group for one in self.tally.detections if one.group is not None]
        return tuple(one for one in groups if any(self.tally.times(unit, one) for unit in TIME_UNITS))

    def peak_hours(self, taxon: str | None = None) -> tuple[AggregateEntry, ...]:
        """Return the hours with the most detections of a taxon, or of all, per hour of effort, ties included."""
        return self.tally.peaks(self.tally.comparable("hour", taxon))

    def peak_periods(self, taxon: str | None = None) -> tuple[AggregateEntry, ...]:
        """Return the weeks or months with the most detections of a taxon, or of all, per hour of effort."""
        periods = (self.tally.comparable(unit, taxon) for unit in PERIODS)
        return self.tally.peaks(next((found for found in periods if found), ()))

    def by_sun(self, taxon: str | None = None) -> tuple[AggregateEntry, ...]:
        """Return night, dawn, day and dusk as far as they have effort; none where too little was detected."""
        bins = self.tally.times("sun", taxon)
        found = [bins[name] for name in SUN_ORDER if name in bins and self.tally.has_effort(bins[name])]
        enough = sum(one.value for one in found) >= self.tally.policy.min_pattern_detections
        return tuple(found) if len(found) > 1 and enough else ()

    @cached_property
    def changes(self) -> tuple[AggregateEntry, ...]:
        """Changes of recorders, as the pack orders them."""
        return tuple(one for group, one in self.tally.named("recorder_change").items() if group)

    @cached_property
    def alone(self) -> tuple[AggregateEntry, ...]:
        """Pairs that one model alone detects, by model."""
        return tuple(one for group, one in self.tally.named("models_alone").items() if group)

    @cached_property
    def split(self) -> tuple[AggregateEntry, ...]:
        """Taxa on which two models differ, by recordings that one alone detects, most first."""
        return self.tally.largest_first("models_split")

    @cached_property
    def design(self) -> tuple[AggregateEntry, ...]:
        """What was compared with what: hours of the clock, then recorder-days and effort of both sides."""
        hours = next(iter(self.tally.named("compared_hours").values()), None)
        names = ("compared_days", "compared_effort")
        sides = (self.tally.entry(name, side) for side in SIDES for name in names)
        return () if hours is None else (hours, *(one for one in sides if one is not None))

    @cached_property
    def silent_side(self) -> AggregateEntry | None:
        """The effort of the other side where that is none."""
        there = self.tally.entry("side_effort", "there")
        return there if there is not None and there.value <= 0 else None

    @cached_property
    def contrasted(self) -> dict[str, tuple[AggregateEntry, ...]]:
        """Scientific name → its figures on both sides, in the pack's order: the surest difference first."""
        groups = [group for group in self.tally.named("difference_p") if group is not None]
        return {group: self.tally.parts(CONTRAST_PARTS, group) for group in groups}

    def direction(self, taxon: str) -> str:
        """Return `more` or `less` where a difference can be told, else `same`."""
        p, difference = (self.tally.entry(name, taxon) for name in ("difference_p", "rate_difference"))
        if p is None or difference is None or p.value > P_MAX or difference.value == 0:
            return "same"
        return "more" if difference.value > 0 else "less"

    def _by_taxon(self, name: str) -> tuple[AggregateEntry, ...]:
        found = (self.tally.entry(name, one.group) for one in self.tally.detections)
        return tuple(one for one in found if one is not None and one.value > 0)
