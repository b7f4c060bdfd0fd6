"""A summary's figures by name: what the tables and plots of a report are made of.

The names are a contract with whoever gathers a summary's pack; any of them may be absent, and an absent figure leaves
its place in the document out. A rate is the one thing that is worked out here: a value over its own denominator.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rab.domain import AggregateEntry

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
    "detections": "Detections",
    "detection_recordings": "Recordings with a detection",
    "detection_days": "Days with a detection",
    "out_of_range_detections": "Removed by the location filter",
    "sound_detections": "Sounds that are no animals",
    "weak_detections": "Detections with a weak signal or none",
    "detections_by_hour": "Detections by local hour",
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
_SITE = "site:"


def name_words(name: str) -> str:
    """Return an aggregate's name in words."""
    return _WORDS.get(name, name.replace("_", " "))


@dataclass(frozen=True)
class SpeciesRow:
    """A taxon of the summary: its detections, and in how many recordings and on how many days there were any."""

    detections: AggregateEntry
    recordings: AggregateEntry | None
    days: AggregateEntry | None

    @property
    def scientific_name(self) -> str:
        """The taxon."""
        return self.detections.group or ""

    @property
    def common_name(self) -> str:
        """The taxon as people say it."""
        return self.detections.group_words or self.scientific_name


@dataclass(frozen=True)
class SiteRow:
    """A site's effort, by aggregate name."""

    site: str
    by_name: dict[str, AggregateEntry]


@dataclass(frozen=True, eq=False)
class Aggregates:
    """The aggregates of one pack. Rows and groups keep the pack's order unless a method says otherwise."""

    entries: tuple[AggregateEntry, ...]

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
        recordings = {entry.group: entry for entry in self.groups("detection_recordings")}
        days = {entry.group: entry for entry in self.groups("detection_days")}
        most_first = sorted(
            (one for one in self.groups("detections") if one.value > 0),
            key=lambda entry: (-entry.value, entry.group or ""),
        )
        return tuple(SpeciesRow(one, recordings.get(one.group), days.get(one.group)) for one in most_first)

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
        return self.totals(_EFFORT)

    @cached_property
    def shares(self) -> tuple[AggregateEntry, ...]:
        """Shares of segments with a fault, in per cent."""
        return self.totals(_SHARES)


def _site_words(entry: AggregateEntry) -> str:
    return entry.group_words or (entry.group or "").removeprefix(_SITE)


def rate(entry: AggregateEntry) -> float | None:
    """Return value over denominator; None where nothing was watched."""
    return entry.value / entry.denominator if entry.denominator else None
