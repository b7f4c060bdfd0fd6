"""Geometry of the document's bars: axes, detections by hour, by the sun and by season, a histogram.

Everything is in per cent of the plot's box and templates draw it, so a plot is as wide as its column while its letters
keep their size. No figure is made here that an aggregate does not hold; a rate is its value over its denominator.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from rab.domain import AggregateEntry
from rab.reports.aggregates import Aggregates
from rab.reports.printing import denominator, figure, signed, significant
from rab.reports.report import CallMedia

_STEPS = (1, 2, 2.5, 5, 10)
_UNMEASURED = "unmeasured"
_LONG_GAP = 3
"""Empty bins in a row from which a histogram leaves them out."""
SUN = {
    "night": ("night", "at night"),
    "dawn": ("sunrise ± 1 h", "within an hour of sunrise"),
    "day": ("day", "by day"),
    "dusk": ("sunset ± 1 h", "within an hour of sunset"),
}
"""Bin → its label and its words, in the order of the day."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in per cent from the axis's start, and its label."""

    percent: float
    label: str
    is_minor: bool = False
    """Left out where the plot is narrow."""


@dataclass(frozen=True)
class Bar:
    """A bar, or a place without one. `height` is in per cent of the plot; None means that nothing was watched."""

    left: float
    width: float
    height: float | None
    words: str
    entry: AggregateEntry | None = None


@dataclass(frozen=True)
class Plot:
    """Bars over a common scale, with what stands under them."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    edges: tuple[Tick, ...] = ()


@dataclass(frozen=True)
class Rates:
    """Detections per recorder-hour in periods beside each other, and beneath them the recorder-hours."""

    rates: Plot
    effort: Plot
    labels: tuple[Tick, ...]


@dataclass(frozen=True)
class _Period:
    label: str
    words: str
    entry: AggregateEntry | None
    is_minor: bool = False


@dataclass(frozen=True)
class Axes:
    """Axes of a spectrogram: kilohertz upwards, seconds to the right."""

    khz: tuple[Tick, ...]
    seconds: tuple[Tick, ...]


def ticks(low: float, high: float, n_about: int = 5) -> tuple[Tick, ...]:
    """Return marks at round numbers within [low, high]."""
    if not high > low:
        return ()
    raw = (high - low) / n_about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in _STEPS if one * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if step / power == 2.5 and power <= 1 else 0)
    return tuple(
        Tick(round(100 * (n * step - low) / (high - low), 3), f"{n * step:,.{decimals}f}")
        for n in range(first, last + 1)
    )


def axes(media: CallMedia) -> Axes:
    """Return the axes of a call's spectrogram, from its own limits."""
    return Axes(
        khz=ticks(media.low_hz / 1000, media.high_hz / 1000),
        seconds=ticks(0.0, media.duration_ms / 1000, 6),
    )


def diel(aggregates: Aggregates) -> Rates | None:
    """Return activity by hour of day; None when no hour of the summary has effort on a site's clock."""
    entries = {int(entry.group): entry for entry in aggregates.groups("detections_by_hour") if entry.group}
    return _rates(
        aggregates,
        [
            _Period(f"{hour:02}", f"{hour:02}:00–{(hour + 1) % 24:02}:00", entries.get(hour), hour % 3 > 0)
            for hour in range(24)
        ],
    )


def by_sun(aggregates: Aggregates) -> Rates | None:
    """Return activity at night, round sunrise, by day and round sunset; None without places and clocks."""
    entries = {entry.group: entry for entry in aggregates.groups("detections_by_sun")}
    return _rates(aggregates, [_Period(label, words, entries.get(name)) for name, (label, words) in SUN.items()])


def season(aggregates: Aggregates) -> Rates | None:
    """Return activity by week or month, first to last; None where the recordings span too few days for either."""
    weeks = {date.fromisoformat(one.group): one for one in aggregates.groups("detections_by_week") if one.group}
    months = {
        date.fromisoformat(f"{one.group}-01"): one for one in aggregates.groups("detections_by_month") if one.group
    }
    entries = weeks or months
    begins = _weeks(weeks) if weeks else _months(months)
    every = max(1, math.ceil(len(begins) / 12))
    return _rates(
        aggregates,
        [
            _Period(
                ("" if n % every else f"{begin:%d %b}" if weeks else f"{begin:%b %Y}"),
                f"week of {begin.isoformat()}" if weeks else f"{begin:%Y-%m}",
                entries.get(begin),
                n % (3 * every) > 0,
            )
            for n, begin in enumerate(begins)
        ],
    )


def _weeks(entries: Collection[date]) -> list[date]:
    if not entries:
        return []
    first, last = min(entries), max(entries)
    return [first + timedelta(days=7 * n) for n in range((last - first).days // 7 + 1)]


def _months(entries: Collection[date]) -> list[date]:
    if not entries:
        return []
    first, last = (12 * one.year + one.month - 1 for one in (min(entries), max(entries)))
    return [date(n // 12, n % 12 + 1, 1) for n in range(first, last + 1)]


def _rates(aggregates: Aggregates, periods: Sequence[_Period]) -> Rates | None:
    values = [None if one.entry is None else aggregates.rate(one.entry) for one in periods]
    watched = [one for one in values if one is not None]
    if not watched:
        return None
    hours = [None if one.entry is None else one.entry.denominator or None for one in periods]
    most, longest = max(watched) or 1.0, max(one for one in hours if one is not None)
    width = 100 / len(periods)
    return Rates(
        rates=Plot(_bars(aggregates, periods, values, most), ticks(0.0, most, 4)),
        effort=Plot(_bars(aggregates, periods, hours, longest), (Tick(0.0, "0"), Tick(100.0, f"{longest:,.3g}"))),
        labels=tuple(
            Tick(round((n + 0.5) * width, 3), one.label, one.is_minor) for n, one in enumerate(periods) if one.label
        ),
    )


def _bars(
    aggregates: Aggregates, periods: Sequence[_Period], values: Sequence[float | None], top: float
) -> tuple[Bar, ...]:
    width = 100 / len(periods)
    return tuple(
        Bar(
            left=round(n * width, 3),
            width=round(width, 3),
            height=None if value is None else round(100 * value / top, 3),
            words=_period_words(aggregates, period),
            entry=period.entry,
        )
        for n, (period, value) in enumerate(zip(periods, values, strict=True))
    )


def _period_words(aggregates: Aggregates, period: _Period) -> str:
    if period.entry is None or not period.entry.denominator:
        return f"{period.words}: no effort"
    counted = f"{figure(period.entry)} in {denominator(period.entry)}"
    per_hour = aggregates.rate(period.entry)
    if per_hour is None:
        return f"{period.words}: {counted}, too little effort for a rate"
    return f"{period.words}: {counted}, {significant(per_hour)} per recorder-hour"


def snr_histogram(aggregates: Aggregates) -> Plot | None:
    """Return segments by SNR in rising order, those without an SNR last; None when the summary holds no bins.

    A long run of empty bins is left out, and marked on the axis: digital silence can lie 200 dB beyond the rest.
    """
    bins = aggregates.groups("snr_bin")
    if not bins:
        return None
    measured = sorted((one for one in bins if one.group != _UNMEASURED), key=lambda one: _limits(one)[0])
    rest = [one for one in bins if one.group == _UNMEASURED]
    slots: list[AggregateEntry | None] = [*_without_gaps(measured), *([None] if measured and rest else []), *rest]
    top = max(entry.value for entry in bins) or 1.0
    width = 100 / len(slots)
    bars = tuple(
        Bar(
            left=round(n * width, 3),
            width=round(width, 3),
            height=round(100 * entry.value / top, 3),
            words=f"{_bin_words(entry)}: {figure(entry)}",
            entry=entry,
        )
        for n, entry in enumerate(slots)
        if entry is not None
    )
    breaks = [
        n for n, entry in enumerate(slots[: len(slots) - len(rest)]) if entry is None and slots[n + 1] not in rest
    ]
    marks = (Tick(round((n + 0.5) * width, 3), "…") for n in breaks)
    return Plot(bars, ticks(0.0, top, 4), (*_bin_edges(bars), *marks))


def _without_gaps(bins: Sequence[AggregateEntry]) -> Iterator[AggregateEntry | None]:
    """Yield bins, and None once in place of each long run of empty ones."""
    for is_empty, run in groupby(bins, key=lambda one: one.value == 0):
        entries = list(run)
        if is_empty and len(entries) >= _LONG_GAP:
            yield None
        else:
            yield from entries


def _limits(entry: AggregateEntry) -> tuple[float, float]:
    """Return a bin's edges in dB from its group, `0..5`; an open end is infinite."""
    low, _, high = (entry.group or "").partition("..")
    return float(low or -math.inf), float(high or math.inf)


def _bin_edges(bars: Sequence[Bar]) -> tuple[Tick, ...]:
    edges: dict[float, float] = {}
    for bar in bars:
        if bar.entry is not None and bar.entry.group != _UNMEASURED:
            for place, limit in zip((bar.left, bar.left + bar.width), _limits(bar.entry), strict=True):
                if math.isfinite(limit):
                    edges[round(place, 2)] = limit
    span = max(edges.values()) - min(edges.values()) if edges else 0.0
    step = next((step for step in (5.0, 10.0, 20.0, 50.0) if span <= 12 * step), 100.0)
    unmeasured = [bar for bar in bars if bar.entry is not None and bar.entry.group == _UNMEASURED]
    return (
        *(Tick(place, signed(limit)) for place, limit in edges.items() if limit % step == 0),
        *(Tick(round(bar.left + bar.width / 2, 3), "no SNR") for bar in unmeasured),
    )


def _bin_words(entry: AggregateEntry) -> str:
    if entry.group == _UNMEASURED:
        return "SNR not measured"
    low, high = _limits(entry)
    if low == -math.inf:
        return f"below {signed(high)} dB"
    return f"{signed(low)} to {signed(high)} dB" if high < math.inf else f"{signed(low)} dB and above"
