"""Geometry of the document's plots: axes, bars by hour, a histogram.

Everything is in per cent of the plot's box and templates draw it, so a plot is as wide as its column while its letters
keep their size. No figure is made here that an aggregate does not hold; a rate is its value over its denominator.
"""

import math
from dataclasses import dataclass

from rab.domain import AggregateEntry
from rab.reports.aggregates import Aggregates, rate
from rab.reports.printing import denominator, figure, signed, significant
from rab.reports.report import CallMedia

_STEPS = (1, 2, 2.5, 5, 10)
_UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in per cent from the axis's start, and its label."""

    percent: float
    label: str


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
class Diel:
    """Detections per recorder-hour by hour of the site's clock, and beneath them the recorder-hours."""

    rates: Plot
    effort: Plot


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


def diel(aggregates: Aggregates) -> Diel | None:
    """Return activity by hour of day; None when no hour of the summary has effort on a site's clock."""
    entries = {int(entry.group): entry for entry in aggregates.groups("detections_by_hour") if entry.group}
    rates = {hour: value for hour, entry in entries.items() if (value := rate(entry)) is not None}
    if not rates:
        return None
    watched = {hour: entry.denominator or 0.0 for hour, entry in entries.items() if hour in rates}
    most, longest = max(rates.values()) or 1.0, max(watched.values())
    return Diel(
        rates=Plot(_by_hour(entries, rates, most), ticks(0.0, most, 4)),
        effort=Plot(_by_hour(entries, watched, longest), (Tick(0.0, "0"), Tick(100.0, f"{longest:,.3g}"))),
    )


def _by_hour(entries: dict[int, AggregateEntry], values: dict[int, float], top: float) -> tuple[Bar, ...]:
    width = 100 / 24
    return tuple(
        Bar(
            left=round(hour * width, 3),
            width=round(width, 3),
            height=round(100 * values[hour] / top, 3) if hour in values else None,
            words=_hour_words(hour, entries.get(hour)),
            entry=entries.get(hour),
        )
        for hour in range(24)
    )


def _hour_words(hour: int, entry: AggregateEntry | None) -> str:
    words = f"{hour:02}:00–{(hour + 1) % 24:02}:00"
    per_hour = None if entry is None else rate(entry)
    if entry is None or per_hour is None:
        return f"{words}: no effort"
    return f"{words}: {figure(entry)} in {denominator(entry)}, {significant(per_hour)} per recorder-hour"


def snr_histogram(aggregates: Aggregates) -> Plot | None:
    """Return segments by SNR in rising order, those without an SNR last; None when the summary holds no bins."""
    bins = aggregates.groups("snr_bin")
    if not bins:
        return None
    measured = sorted((one for one in bins if one.group != _UNMEASURED), key=lambda one: _limits(one)[0])
    rest = [one for one in bins if one.group == _UNMEASURED]
    top = max(entry.value for entry in bins) or 1.0
    width = 100 / (len(measured) + 1.5 * len(rest))
    lefts = [n * width for n in range(len(measured))] + [100 - width for _ in rest]
    bars = tuple(
        Bar(
            left=round(left, 3),
            width=round(width, 3),
            height=round(100 * entry.value / top, 3),
            words=f"{_bin_words(entry)}: {figure(entry)}",
            entry=entry,
        )
        for left, entry in zip(lefts, (*measured, *rest), strict=True)
    )
    return Plot(bars, ticks(0.0, top, 4), _bin_edges(bars))


def _limits(entry: AggregateEntry) -> tuple[float, float]:
    """Return a bin's edges in dB from its group, `0..5`; an open end is infinite."""
    low, _, high = (entry.group or "").partition("..")
    return float(low or -math.inf), float(high or math.inf)


def _bin_edges(bars: tuple[Bar, ...]) -> tuple[Tick, ...]:
    edges: dict[float, str] = {}
    for bar in bars:
        if bar.entry is None or bar.entry.group == _UNMEASURED:
            edges[round(bar.left + bar.width / 2, 3)] = "no SNR"
            continue
        for place, limit in zip((bar.left, bar.left + bar.width), _limits(bar.entry), strict=True):
            if math.isfinite(limit):
                edges[round(place, 2)] = signed(limit)
    return tuple(Tick(percent, label) for percent, label in edges.items())


def _bin_words(entry: AggregateEntry) -> str:
    if entry.group == _UNMEASURED:
        return "SNR not measured"
    low, high = _limits(entry)
    if low == -math.inf:
        return f"below {signed(high)} dB"
    return f"{signed(low)} to {signed(high)} dB" if high < math.inf else f"{signed(low)} dB and above"
