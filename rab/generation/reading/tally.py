"""Tally: the aggregates of a summary pack, by name and group, in the terms of a policy."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rab.domain import AggregateEntry
from rab.generation.policy import GroundingPolicy

EFFORT_PARTS = ("effort_hours", "n_recordings", "recorder_days")
"""What one sentence on the whole effort is made of."""
TAXON_PARTS = (
    "detections",
    "detection_recordings",
    "detection_days",
    "verified_detections",
    "rejected_detections",
    "calibrated_detections",
)
"""What one sentence on a taxon is made of."""
SNR_PARTS = ("snr_median_db", "low_snr_share")
FLAG_PARTS = ("clipped_share", "rain_share", "wind_share", "silent_share", "overlap_share")
"""What the two sentences on quality are made of."""


SPANS = ("recorded_days", "recorded_days_asked")
"""Days with any recording: of those from the first to the last, or of an interval that was asked for. The group is the
first and the last day."""
TIME_UNITS = {"hour": "clock hours", "week": "weeks", "month": "months", "sun": "day-parts"}
"""What detections are counted by → what so many of them are called."""

_LEAST_DENOMINATOR = 1e-6
"""Less than this (3.6 ms of effort) is nothing to divide by."""


def has_rate(entry: AggregateEntry) -> bool:
    """Return whether an aggregate has a denominator to divide by."""
    return entry.denominator is not None and entry.denominator >= _LEAST_DENOMINATOR


def rate(entry: AggregateEntry) -> float:
    """Return an aggregate's value per unit of its denominator; 0 without one."""
    return entry.value / entry.denominator if has_rate(entry) and entry.denominator else 0.0


@dataclass(frozen=True, eq=False)
class Tally:
    """The aggregates of a summary. Of several with one name and group, the first counts."""

    entries: tuple[AggregateEntry, ...]
    policy: GroundingPolicy

    @cached_property
    def _by_name(self) -> dict[str, dict[str | None, AggregateEntry]]:
        found: dict[str, dict[str | None, AggregateEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.name, {}).setdefault(entry.group, entry)
        return found

    def entry(self, name: str, group: str | None = None) -> AggregateEntry | None:
        """Return the aggregate of a name and a group; None when the pack has none."""
        return self._by_name.get(name, {}).get(group)

    def parts(self, names: Iterable[str], group: str | None = None) -> tuple[AggregateEntry, ...]:
        """Return the aggregates of several names that the pack has for a group, in the order of the names."""
        return tuple(entry for name in names if (entry := self.entry(name, group)) is not None)

    def figure(self, name: str) -> float | None:
        """Return the value of an aggregate over the whole; None when the pack has none."""
        entry = self.entry(name)
        return None if entry is None else entry.value

    def value_of(self, name: str, group: str) -> float | None:
        """Return the value of an aggregate of a group; None when the pack has none."""
        entry = self.entry(name, group)
        return None if entry is None else entry.value

    @cached_property
    def span(self) -> AggregateEntry | None:
        """The days with any recording, of those between the first and the last, or of those that were asked for."""
        found = (entry for name in SPANS for entry in self.named(name).values())
        return next(found, None)

    @property
    def effort_hours(self) -> float:
        """Hours of sound behind the summary, 0 when none are recorded."""
        return self.figure("effort_hours") or 0.0

    def named(self, name: str) -> dict[str | None, AggregateEntry]:
        """Return the aggregates of a name by group, in the pack's order."""
        return self._by_name.get(name, {})

    @cached_property
    def sites(self) -> tuple[AggregateEntry, ...]:
        """Effort by site, most first, when there are several sites."""
        sites = self.largest_first("effort_hours")
        return sites if len(sites) > 1 else ()

    @cached_property
    def detections(self) -> tuple[AggregateEntry, ...]:
        """Taxa with detections, most first, ties by name."""
        return self.largest_first("detections")

    @cached_property
    def sounds(self) -> tuple[AggregateEntry, ...]:
        """Sounds that are no animals with detections, most first, ties by name."""
        return self.largest_first("sound_detections")

    @property
    def counted(self) -> tuple[AggregateEntry, ...]:
        """All that was detected: taxa, then other sounds."""
        return self.detections + self.sounds

    @cached_property
    def outside(self) -> tuple[AggregateEntry, ...]:
        """Taxa with detections that the location and week model set aside, most first, ties by name."""
        return self.largest_first("out_of_range_detections")

    @cached_property
    def verified(self) -> tuple[AggregateEntry, ...]:
        """Taxa of which listeners verified a detection, most first, ties by name."""
        return self.largest_first("verified_detections")

    @property
    def verified_on_days(self) -> tuple[AggregateEntry, ...]:
        """Those of them that were detected on a known day, as richness counts them."""
        return tuple(one for one in self.verified if self.entry("detection_days", one.group) is not None)

    @cached_property
    def longest_gap(self) -> AggregateEntry | None:
        """The longest gap of any site; None when there is none."""
        return next(iter(self.largest_first("largest_gap_hours")), None)

    def largest_first(self, name: str) -> tuple[AggregateEntry, ...]:
        """Return the aggregates of a name above 0, the largest first, ties by group."""
        counted = [one for group, one in self._by_name.get(name, {}).items() if group is not None and one.value > 0]
        return tuple(sorted(counted, key=lambda one: (-one.value, one.group or "")))

    def times(self, unit: str, taxon: str | None = None) -> dict[str, AggregateEntry]:
        """Return the detections of a taxon, or of all together, by `hour`, `week`, `month` or `sun`."""
        if taxon is None:
            by_group = self.named(f"detections_by_{unit}")
            return {group: one for group, one in by_group.items() if group is not None}
        own = f"{taxon}\t"
        by_group = self.named(f"taxon_by_{unit}")
        return {group[len(own) :]: one for group, one in by_group.items() if group and group.startswith(own)}

    def comparable(self, unit: str, taxon: str | None = None) -> tuple[AggregateEntry, ...]:
        """Return those times of a unit that have enough effort to be compared, in their order."""
        return tuple(one for _, one in sorted(self.times(unit, taxon).items()) if self.has_effort(one))

    def left_out(self, unit: str) -> tuple[AggregateEntry, ...]:
        """Return those times of a unit that have too little effort to be compared."""
        return tuple(one for _, one in sorted(self.times(unit).items()) if not self.has_effort(one))

    @cached_property
    def is_untimed(self) -> bool:
        """Whether the pack has times, and no two of a kind have enough effort to be compared."""
        units = [unit for unit in TIME_UNITS if self.times(unit)]
        return bool(units) and all(len(self.comparable(unit)) < 2 for unit in units)

    def has_effort(self, entry: AggregateEntry) -> bool:
        """Return whether the effort behind a figure is enough for a rate to be told at all."""
        return has_rate(entry) and (entry.denominator or 0.0) >= self.policy.min_bin_effort_hours

    def peaks(self, times: tuple[AggregateEntry, ...]) -> tuple[AggregateEntry, ...]:
        """Return the times with the highest rate, ties included; none when too little can be compared."""
        if len(times) < 2 or sum(one.value for one in times) < self.policy.min_pattern_detections:
            return ()
        highest = max(rate(one) for one in times)
        peak = tuple(one for one in times if rate(one) >= highest * (1 - 1e-9))
        return peak if len(peak) < len(times) else ()
