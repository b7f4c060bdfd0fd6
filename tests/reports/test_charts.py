"""Plots keep to their figures: marks are round and in place, bars are in proportion, no effort is no zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import AggregateEntry
from rab.reports.aggregates import Aggregates
from rab.reports.charts import Bar, axes, diel, snr_histogram, ticks
from rab.reports.report import CallMedia


def entry(name: str, group: str, value: float, hours: float | None = None) -> AggregateEntry:
    return AggregateEntry(
        key=f"a{group}",
        name=name,
        group=group,
        value=value,
        unit="segments",
        denominator=hours,
        denominator_unit=None if hours is None else "h",
        basis="counted",
        rows_sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 12.0, ["0.0", "2.5", "5.0", "7.5", "10.0"]),
        (0.0, 3.0, ["0", "1", "2", "3"]),
        (0.0, 0.5, ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (10.0, 192.0, ["50", "100", "150"]),
        (0.0, 9105.0, ["0", "2,000", "4,000", "6,000", "8,000"]),
        (1.0, 1.0, []),
    ],
)
def test_marks_are_round_numbers(low: float, high: float, labels: list[str]) -> None:
    """The step is 1, 2, 2.5 or 5 times a power of ten."""
    assert [tick.label for tick in ticks(low, high)] == labels


@given(low=st.floats(0, 1e5), span=st.floats(1e-3, 1e6))
def test_marks_stand_where_their_labels_say(low: float, span: float) -> None:
    """A mark's place on the axis is its label's value, within the label's last digit, and inside the axis."""
    high = low + span
    for tick in ticks(low, high):
        assert -1e-3 <= tick.percent <= 100.001
        last_digit = 10.0 ** -len(tick.label.partition(".")[2])
        there = low + tick.percent / 100 * span
        assert abs(there - float(tick.label.replace(",", ""))) <= last_digit / 2 + 2e-5 * span


def test_a_spectrogram_has_kilohertz_and_seconds() -> None:
    """The axes are those of the picture's own limits: a bat's reach to 192 kHz."""
    frame = axes(CallMedia(b"", b"", low_hz=0.0, high_hz=192_000.0, duration_ms=500.0))
    assert [tick.label for tick in frame.khz] == ["0", "50", "100", "150"]
    assert [tick.label for tick in frame.seconds] == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]


def test_an_hour_without_effort_is_no_zero() -> None:
    """Silence that was watched has a bar of no height, an hour that was not watched has none."""
    found = [entry("detections_by_hour", "05", 8, 2.0), entry("detections_by_hour", "06", 0, 2.0)]
    plot = diel(Aggregates((*found, entry("detections_by_hour", "07", 0, 0.0))))
    assert plot is not None
    heights = {n: bar.height for n, bar in enumerate(plot.rates.bars)}
    assert (heights[5], heights[6], heights[7], heights[8]) == (100.0, 0.0, None, None)
    assert plot.rates.bars[7].words == "07:00–08:00: no effort"
    assert (
        plot.rates.bars[5].words
        == "05:00–06:00: 8\N{NO-BREAK SPACE}segments in 2\N{NO-BREAK SPACE}h, 4.0 per recorder-hour"
    )


def test_bars_are_rates_not_counts() -> None:
    """Twice the detections in twice the effort is the same activity."""
    plot = diel(Aggregates((entry("detections_by_hour", "04", 3, 1.0), entry("detections_by_hour", "05", 6, 2.0))))
    assert plot is not None
    assert (plot.rates.bars[4].height, plot.rates.bars[5].height) == (100.0, 100.0)
    assert (plot.effort.bars[4].height, plot.effort.bars[5].height) == (50.0, 100.0)


def test_no_clock_is_no_plot() -> None:
    """Without an hour that has effort there is nothing to draw."""
    assert diel(Aggregates(())) is None
    assert diel(Aggregates((entry("detections_by_hour", "05", 0, 0.0),))) is None


def test_bins_rise_and_the_unmeasured_stand_apart() -> None:
    """Bins are in the order of their SNR whatever the pack's order, open ends at the ends."""
    groups = ["unmeasured", "5..10", "..-5", "-5..0", "10..", "0..5"]
    plot = snr_histogram(Aggregates(tuple(entry("snr_bin", group, 1 + n) for n, group in enumerate(groups))))
    assert plot is not None
    assert [bar.entry.group for bar in plot.bars if bar.entry] == [
        "..-5",
        "-5..0",
        "0..5",
        "5..10",
        "10..",
        "unmeasured",
    ]
    assert [edge.label for edge in plot.edges] == ["−5", "0", "5", "10", "no SNR"]
    assert [bar.words.partition(":")[0] for bar in plot.bars][:2] == ["below −5 dB", "−5 to 0 dB"]
    assert _gap(plot.bars[-2], plot.bars[-1]) > 0
    assert max(bar.height or 0 for bar in plot.bars) == 100


def _gap(left: Bar, right: Bar) -> float:
    return round(right.left - left.left - left.width, 2)
