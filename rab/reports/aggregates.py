"""A summary's figures by name: what the tables and plots of a report are made of.

The names are a contract with whoever gathers a summary's pack; any of them may be absent, and an absent figure leaves
its place in the document out. A rate is the one thing that is worked out here: a value over its own denominator.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rab.domain import AggregateEntry
from rab.generation.reading.tally import SPANS

_WORDS = {
    "effort_hours": "Recorder-hours",
    "n_recordings": "Recordings",
    "n_segments": "Segments",
    "n_failed_files": "Files that failed",
    "recorder_days": "Recorder-days",
    "largest_gap_hours": "Longest gap",
    "n_gaps": "Gaps",
    "unclocked_recordings": "Recordings without a clock",
    "n_taxa": "Taxa",
    "occupied_sites": "Sites with a detection",
    "history_days": "Days with a detection, by site",
    "verified_detections": "Detections that listeners verified",
    "rejected_detections": "Detections that listeners rejected",
    "calibrated_detections": "Detections at the calibrated threshold or above",
    "reviewed_detections": "Segments with a detection that listeners reviewed",
    "unreviewed_share": "Not reviewed",
    "detections": "Detections",
    "detection_recordings": "Recordings with a detection",
    "detection_days": "Days with a detection",
    "recorded_days": "Days with any recording",
    "recorded_days_asked": "Days with any recording, of those asked for",
    "unplaced_recordings": "Recordings with a clock and without a place",
    "unchecked_segments": "Segments with a detection whose range is not known",
    "unchecked_taxa": "Taxa with such detections",
    "unchecked_detections": "Range not known",
    "out_of_range_detections": "Removed by the location filter",
    "out_of_range_segments": "Segments with a taxon that the location filter removed",
    "sound_detections": "Sounds other than animals",
    "weak_detections": "Detections with a weak signal or none",
    "detections_by_hour": "Detections by local hour",
    "detections_by_week": "Detections by week",
    "detections_by_month": "Detections by month",
    "detections_by_sun": "Detections by the sun",
    "taxon_by_hour": "Detections of a taxon by local hour",
    "taxon_by_week": "Detections of a taxon by week",
    "taxon_by_month": "Detections of a taxon by month",
    "taxon_by_sun": "Detections of a taxon by the sun",
    "sunless_turns": "Days without sunrise or sunset",
    "richness_days": "Recorder-days of the accumulation curve",
    "richness_taxa": "Taxa of the accumulation curve",
    "richness_expected": "Taxa expected after so many recorder-days",
    "richness_in_order": "Taxa after so many recorder-days, in the order of time",
    "richness_half_days": "Half of the recorder-days",
    "richness_at_half": "Taxa expected on half of the recorder-days",
    "richness_uniques": "Taxa on a single recorder-day",
    "chao2": "Taxa with those unseen, after Chao",
    "chao2_low": "Lower end of that estimate",
    "chao2_high": "Upper end of that estimate",
    "novel_segments": "Segments unlike the rest of the library",
    "recorders_tested": "Recorders tested for a change",
    "recorder_change": "Changes of recorders",
    "models_recordings": "Recordings on which two models ran",
    "models_shared": "Detections that both models share",
    "models_alone": "Detections of one model alone",
    "models_split": "Taxa that one model alone detects",
    "compared_hours": "Hours of the clock in which both sides listened",
    "compared_days": "Recorder-days compared",
    "compared_effort": "Effort compared",
    "side_effort": "Effort of each side",
    "compared_min_days": "Recorder-days that a test needs",
    "compared_taxa": "Taxa tested for a difference",
    "compared_told": "Taxa with a difference",
    "compared_rate": "Detections per hour, here",
    "compared_rate_other": "Detections per hour, there",
    "compared_detection_days": "Days with a detection, here",
    "compared_detection_days_other": "Days with a detection, there",
    "rate_difference": "Difference of the rates",
    "rate_difference_low": "Lower end of the difference",
    "rate_difference_high": "Upper end of the difference",
    "difference_p": "Corrected p of the difference",
    "snr_median_db": "Median SNR",
    "snr_bin": "Segments by SNR",
    "low_snr_share": "Low SNR",
    "clipped_share": "Clipped",
    "rain_share": "Rain",
    "wind_share": "Wind",
    "silent_share": "Silent",
    "overlap_share": "Overlapping sources",
}
_EFFORT = ("effort_hours", "recorder_days", "n_recordings", "n_gaps", "largest_gap_hours", "unclocked_recordings")
_SHARES = ("low_snr_share", "clipped_share", "rain_share", "wind_share", "silent_share", "overlap_share")
_OF_TAXON = ("detection_recordings", "detection_days", "occupied_sites", "unchecked_detections")
_KNOWN = ("verified_detections", "calibrated_detections", "rejected_detections")
_SITE = "site:"


def name_words(name: str) -> str:
    """Return an aggregate's name in words."""
    return _WORDS.get(name, name.replace("_", " "))


@dataclass(frozen=True)
class SpeciesRow:
    """A taxon of the summary: its detections, where and when there were any, and what is known of them."""

    detections: AggregateEntry
    by_name: dict[str, AggregateEntry]
    """Its other figures: recordings, days, sites, and what listeners said."""

    @property
    def scientific_name(self) -> str:
        """The taxon."""
        return self.detections.group or ""

    @property
    def common_name(self) -> str:
        """The taxon as people say it."""
        return self.detections.group_words or self.scientific_name

    @property
    def status(self) -> AggregateEntry | None:
        """The best that is known of the name: verified, at a calibrated threshold, rejected; None: a model said so."""
        known = (self.by_name.get(name) for name in _KNOWN)
        return next((entry for entry in known if entry is not None and entry.value > 0), None)


@dataclass(frozen=True)
class SiteRow:
    """A site's effort, by aggregate name."""

    site: str
    by_name: dict[str, AggregateEntry]


@dataclass(frozen=True, eq=False)
class Aggregates:
    """The aggregates of one pack. Rows and groups keep the pack's order unless a method says otherwise."""

    entries: tuple[AggregateEntry, ...]
    least_effort_h: float = 0.0
    """Hours of effort below which no rate is shown, as the text states none."""

    def rate(self, entry: AggregateEntry) -> float | None:
        """Return detections per hour of effort; None where too little was listened."""
        return rate(entry) if (entry.denominator or 0.0) >= self.least_effort_h else None

    def total(self, name: str) -> AggregateEntry | None:
        """Return the figure for the whole."""
        return next((entry for entry in self.entries if entry.name == name and entry.group is None), None)

    def totals(self, names: Iterable[str]) -> tuple[AggregateEntry, ...]:
        """Return those of the figures for the whole that there are."""
        return tuple(entry for entry in map(self.total, names) if entry is not None)

    def groups(self, name: str) -> tuple[AggregateEntry, ...]:
        """Return the figures of every group."""
        return tuple(entry for entry in self.entries if entry.name == name and entry.group is not None)

    @cached_property
    def by_name(self) -> dict[str, tuple[AggregateEntry, ...]]:
        """Name → figures, in the order in which the names first appear."""
        names = dict.fromkeys(entry.name for entry in self.entries)
        return {name: tuple(entry for entry in self.entries if entry.name == name) for name in names}

    @cached_property
    def species(self) -> tuple[SpeciesRow, ...]:
        """The taxa that were detected, most detections first."""
        by_taxon: dict[str | None, dict[str, AggregateEntry]] = {}
        for name in (*_OF_TAXON, *_KNOWN):
            for entry in self.groups(name):
                by_taxon.setdefault(entry.group, {})[name] = entry
        most_first = sorted(
            (one for one in self.groups("detections") if one.value > 0),
            key=lambda entry: (-entry.value, entry.group or ""),
        )
        return tuple(SpeciesRow(one, by_taxon.get(one.group, {})) for one in most_first)

    @cached_property
    def species_columns(self) -> tuple[str, ...]:
        """The figures beside detections that some taxon has."""
        return tuple(name for name in _OF_TAXON if any(name in row.by_name for row in self.species))

    @cached_property
    def counted(self) -> tuple[AggregateEntry, ...]:
        """The figures whose exemplars bear the group's name: of the species, then of sounds that are no animals."""
        return (*(row.detections for row in self.species), *self.groups("sound_detections"))

    @cached_property
    def sites(self) -> tuple[SiteRow, ...]:
        """Effort by site."""
        rows: dict[str, dict[str, AggregateEntry]] = {}
        for name in _EFFORT:
            for entry in self.groups(name):
                rows.setdefault(entry.group or "", {})[name] = entry
        return tuple(SiteRow(_site_words(next(iter(by_name.values()))), by_name) for by_name in rows.values())

    @cached_property
    def site_columns(self) -> tuple[str, ...]:
        """The figures of effort that some site has."""
        return tuple(name for name in _EFFORT if any(name in row.by_name for row in self.sites))

    @cached_property
    def effort(self) -> tuple[AggregateEntry, ...]:
        """Effort of the whole."""
        return (*self.totals(_EFFORT), *(() if self.span is None else (self.span,)))

    @cached_property
    def span(self) -> AggregateEntry | None:
        """The days with any recording, and their dates; None without a clock."""
        return next((entry for name in SPANS for entry in self.groups(name)), None)

    @cached_property
    def shares(self) -> tuple[AggregateEntry, ...]:
        """Shares of segments with a fault, in per cent."""
        return self.totals(_SHARES)


def _site_words(entry: AggregateEntry) -> str:
    return entry.group_words or (entry.group or "").removeprefix(_SITE)


def rate(entry: AggregateEntry) -> float | None:
    """Return value over denominator; None where nothing was watched."""
    return entry.value / entry.denominator if entry.denominator else None
