"""Geometry of the plots of a survey: days by site and times by taxon, the accumulation curve, sides of a comparison.

As in `rab.reports.charts`, everything is in per cent of a plot's box, and no figure is made that an aggregate does not
hold.
"""

from dataclasses import dataclass
from datetime import date

from rab.domain import AggregateEntry
from rab.reports.aggregates import Aggregates
from rab.reports.charts import SUN, Tick, ticks
from rab.reports.printing import figure

_WIDEST_ESTIMATE = 3.0
"""An estimate whose upper end is more than this many times the taxa seen is not drawn: it would flatten the curve."""


@dataclass(frozen=True)
class HistoryRow:
    """A taxon, and at each site its days with a detection; None where the site was never watched."""

    common_name: str
    scientific_name: str
    cells: tuple[AggregateEntry | None, ...]


@dataclass(frozen=True)
class History:
    """Days with a detection, by taxon and site: the detection history in short."""

    sites: tuple[str, ...]
    rows: tuple[HistoryRow, ...]


@dataclass(frozen=True)
class Time:
    """A column of a taxon's times: its label, and the entry that tells its effort."""

    label: str
    entry: AggregateEntry


@dataclass(frozen=True)
class TimesCell:
    """Detections of a taxon in a time, and their rate as a share of the taxon's highest, in per cent."""

    entry: AggregateEntry
    percent: float | None
    """None where too little was listened for a rate."""


@dataclass(frozen=True)
class TimesRow:
    """A taxon over the times of a day or a year; None where nothing was recorded."""

    common_name: str
    scientific_name: str
    cells: tuple[TimesCell | None, ...]


@dataclass(frozen=True)
class Times:
    """Detections by taxon and time."""

    words: str
    times: tuple[Time, ...]
    rows: tuple[TimesRow, ...]


@dataclass(frozen=True)
class Point:
    """A point of a curve."""

    x: float
    y: float
    """Per cent from the top."""
    words: str
    entry: AggregateEntry


@dataclass(frozen=True)
class Curve:
    """Taxa over recorder-days: expected in any order, in the order of time, and estimated with those unseen."""

    expected: tuple[Point, ...]
    in_order: tuple[Point, ...]
    estimate: tuple[Point, ...]
    """The estimate, its lower and its upper end; empty where there is none, or where it would flatten the curve."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def path(self) -> str:
        """The expected curve from the origin, as points of a polyline in a box of 100 by 100."""
        return " ".join(["0,100", *(f"{point.x:g},{point.y:g}" for point in self.expected)])


@dataclass(frozen=True)
class ContrastRow:
    """A taxon on both sides: its rates, their difference with its interval, and where these lie on the axis."""

    common_name: str
    scientific_name: str
    here: AggregateEntry
    there: AggregateEntry
    difference: AggregateEntry
    low: AggregateEntry
    high: AggregateEntry
    p: AggregateEntry
    at: float
    low_at: float
    high_at: float

    @property
    def is_told(self) -> bool:
        """Whether the interval and the corrected test both leave no room for none."""
        return self.p.value <= 0.05 and (self.low.value > 0 or self.high.value < 0)


@dataclass(frozen=True)
class Contrasts:
    """Differences of rates with their intervals on one axis, the surest first."""

    rows: tuple[ContrastRow, ...]
    zero_at: float
    x_ticks: tuple[Tick, ...]


def history(aggregates: Aggregates) -> History | None:
    """Return days by taxon and site; None where no site has days on a clock."""
    cells: dict[str, dict[str, AggregateEntry]] = {}
    names: dict[str, str] = {}
    for entry in aggregates.groups("history_days"):
        taxon, _, site = (entry.group or "").partition("\t")
        cells.setdefault(taxon, {})[site] = entry
        names[taxon] = (entry.group_words or taxon).removesuffix(f" at {site}")
    if not cells:
        return None
    sites = tuple(dict.fromkeys(site for by_site in cells.values() for site in by_site))
    rows = [HistoryRow(names[taxon], taxon, tuple(map(by_site.get, sites))) for taxon, by_site in cells.items()]
    return History(sites, tuple(rows))


def times_of_taxa(aggregates: Aggregates) -> tuple[Times, ...]:
    """Return when each taxon was detected: by hour, by season, by the sun, as far as the summary holds them."""
    found = (_times(aggregates, unit) for unit in _TIME_WORDS)
    return tuple(one for one in found if one is not None)


def _times(aggregates: Aggregates, unit: str) -> Times | None:
    cells: dict[str, dict[str, AggregateEntry]] = {}
    names: dict[str, str] = {}
    for entry in aggregates.groups(f"taxon_by_{unit}"):
        taxon, _, time = (entry.group or "").partition("\t")
        cells.setdefault(taxon, {})[time] = entry
        names[taxon] = (entry.group_words or "").rpartition(", ")[0] or taxon
    if not cells:
        return None
    of_time = {time: entry for by_time in cells.values() for time, entry in by_time.items()}
    columns = [time for time in SUN if time in of_time] if unit == "sun" else sorted(of_time)
    rows = []
    for taxon, by_time in cells.items():
        rates = {time: aggregates.rate(one) for time, one in by_time.items()}
        highest = max((one for one in rates.values() if one is not None), default=0.0) or 1.0
        shares = {time: None if one is None else round(100 * one / highest, 1) for time, one in rates.items()}
        own = (TimesCell(by_time[time], shares[time]) if time in by_time else None for time in columns)
        rows.append(TimesRow(names[taxon], taxon, tuple(own)))
    return Times(
        _TIME_WORDS[unit], tuple(Time(_time_label(unit, time), of_time[time]) for time in columns), tuple(rows)
    )


def _time_label(unit: str, time: str) -> str:
    if unit == "sun":
        return SUN[time][0]
    if unit == "week":
        return f"{date.fromisoformat(time):%d %b}"
    return time


_TIME_WORDS = {
    "hour": "by hour of the site’s clock",
    "week": "by week, from Monday",
    "month": "by month",
    "sun": "by the sun",
}


def accumulation(aggregates: Aggregates) -> Curve | None:
    """Return the curve of taxa over recorder-days; None where there are too few."""
    expected = aggregates.groups("richness_expected")
    if not expected:
        return None
    in_order = aggregates.groups("richness_in_order")
    last, seen = _days(expected[-1]), max(entry.value for entry in (*expected, *in_order))
    estimate = aggregates.totals(("chao2", "chao2_low", "chao2_high"))
    if len(estimate) < 3 or estimate[2].value > _WIDEST_ESTIMATE * seen:
        estimate = ()
    top = max(1.0, seen, *(entry.value for entry in estimate)) * 1.04

    def points(entries: tuple[AggregateEntry, ...]) -> tuple[Point, ...]:
        return tuple(
            Point(
                round(100 * _days(entry) / last, 3) if entry.group else 100.0,
                round(100 - 100 * entry.value / top, 3),
                f"{entry.group_words or 'estimated'}: {figure(entry)}",
                entry,
            )
            for entry in entries
        )

    whole_days = tuple(tick for tick in ticks(0.0, last, 6) if float(tick.label.replace(",", "")).is_integer())
    return Curve(points(expected), points(in_order), points(estimate), whole_days, ticks(0.0, top, 4))


def contrasts(aggregates: Aggregates) -> Contrasts | None:
    """Return the differences between both sides of a comparison; None where none could be tested."""
    by_taxon = {
        taxon: [next((one for one in aggregates.groups(name) if one.group == taxon), None) for name in _CONTRAST]
        for taxon in (entry.group for entry in aggregates.groups("difference_p"))
    }
    found = [[one for one in entries if one is not None] for entries in by_taxon.values()]
    whole = [entries for entries in found if len(entries) == len(_CONTRAST)]
    if not whole:
        return None
    low = min(0.0, *(entries[3].value for entries in whole))
    high = max(0.0, *(entries[4].value for entries in whole))
    margin = 0.04 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 3)

    rows = tuple(
        ContrastRow(
            here.group_words or here.group or "",
            here.group or "",
            *(here, there, difference, bottom, top, p),
            *(at(difference.value), at(bottom.value), at(top.value)),
        )
        for here, there, difference, bottom, top, p in whole
    )
    return Contrasts(rows, at(0.0), ticks(low, high, 4))


_CONTRAST = (
    "compared_rate",
    "compared_rate_other",
    "rate_difference",
    "rate_difference_low",
    "rate_difference_high",
    "difference_p",
)


def _days(entry: AggregateEntry) -> int:
    return int(entry.group or 0)
