"""Plots of a survey keep to their figures, and are left out where there is nothing to draw."""

import pytest

from rab.domain import AggregateEntry
from rab.reports.aggregates import Aggregates
from rab.reports.charts import by_sun, season, snr_histogram
from rab.reports.survey_charts import accumulation, contrasts, history, times_of_taxa


def figures(*rows: tuple[str, str | None, float, float | None]) -> Aggregates:
    """Return aggregates of name, group, value and hours or days behind them."""
    return Aggregates(
        tuple(
            AggregateEntry(
                key=f"a{number}",
                name=name,
                group=group,
                group_words=None if group is None else group.replace("\t", " at "),
                value=value,
                unit="segments",
                decimals=2,
                denominator=over,
                denominator_unit=None if over is None else "h",
                basis="counted",
                rows_sha256="0" * 64,
            )
            for number, (name, group, value, over) in enumerate(rows, start=1)
        )
    )


def test_a_week_without_recordings_keeps_its_place() -> None:
    """Weeks stand in a row from first to last; one without effort has no bar, and is not left out."""
    found = season(figures(("detections_by_week", "2025-05-05", 4, 2.0), ("detections_by_week", "2025-05-19", 2, 2.0)))
    assert found is not None
    assert [bar.height for bar in found.rates.bars] == [100.0, None, 50.0]
    assert [label.label for label in found.labels] == ["05 May", "12 May", "19 May"]
    assert found.rates.bars[1].words == "week of 2025-05-12: no effort"


def test_months_go_over_the_year() -> None:
    """December is followed by January."""
    found = season(figures(("detections_by_month", "2024-12", 1, 1.0), ("detections_by_month", "2025-02", 3, 1.0)))
    assert found is not None
    assert [label.label for label in found.labels] == ["Dec 2024", "Jan 2025", "Feb 2025"]


def test_parts_of_the_day_are_in_its_order() -> None:
    """Whatever the pack's order: night, sunrise, day, sunset."""
    found = by_sun(figures(("detections_by_sun", "dusk", 1, 1.0), ("detections_by_sun", "dawn", 2, 1.0)))
    assert found is not None
    assert [bar.height for bar in found.rates.bars] == [None, 100.0, None, 50.0]


def test_a_long_run_of_empty_bins_is_left_out_and_marked() -> None:
    """Silence at 200 dB does not press the rest together."""
    bins = [("snr_bin", f"{low}..{low + 5}", 4.0 if low in (0, 5, 200) else 0.0, None) for low in range(0, 205, 5)]
    plot = snr_histogram(figures(*bins))
    assert plot is not None
    assert [bar.entry.group for bar in plot.bars if bar.entry] == ["0..5", "5..10", "200..205"]
    assert "…" in [edge.label for edge in plot.edges]


def test_history_has_every_site_of_every_taxon() -> None:
    """A site where a taxon was never counted is told from one where it was not detected."""
    found = history(figures(("history_days", "A a\tMarsh", 3, 10), ("history_days", "B b\tRidge", 0, 4)))
    assert found is not None
    assert found.sites == ("Marsh", "Ridge")
    assert [[cell and cell.value for cell in row.cells] for row in found.rows] == [[3, None], [None, 0]]
    assert found.rows[0].common_name == "A a"


def test_times_of_taxa_are_shaded_by_rate() -> None:
    """A taxon's cells are compared by detections per hour; hours without effort have no cell."""
    (found,) = times_of_taxa(
        figures(
            ("taxon_by_hour", "A a\t12", 6, 6.0),
            ("taxon_by_hour", "A a\t04", 4, 2.0),
            ("taxon_by_hour", "B b\t04", 0, 2.0),
        )
    )
    assert [time.label for time in found.times] == ["04", "12"]
    assert [[cell and cell.percent for cell in row.cells] for row in found.rows] == [[100.0, 50.0], [0.0, None]]
    (by_sun,) = times_of_taxa(figures(("taxon_by_sun", "A a\tday", 1, 1.0), ("taxon_by_sun", "A a\tdawn", 1, 1.0)))
    assert [time.label for time in by_sun.times] == ["sunrise ± 1 h", "day"]
    assert times_of_taxa(figures()) == ()


def test_the_curve_begins_at_nothing_and_rises_to_the_whole() -> None:
    """Days give the place from left to right, taxa the height; the estimate stands at the right."""
    found = accumulation(
        figures(
            *(("richness_expected", f"{day:06}", taxa, None) for day, taxa in ((1, 2), (2, 3), (4, 4))),
            *(("richness_in_order", f"{day:06}", taxa, None) for day, taxa in ((1, 1), (2, 4), (4, 4))),
            *(("chao2", None, 5, None), ("chao2_low", None, 4.2, None), ("chao2_high", None, 9, None)),
        )
    )
    assert found is not None
    assert [point.x for point in found.expected] == [25.0, 50.0, 100.0]
    assert [point.y for point in found.expected] == sorted((point.y for point in found.expected), reverse=True)
    assert found.path.startswith("0,100 25,")
    middle, low, high = found.estimate
    assert high.y < middle.y < low.y < found.expected[-1].y + 1e-9
    assert {point.x for point in found.estimate} == {100.0}


def test_an_estimate_that_would_flatten_the_curve_is_not_drawn() -> None:
    """An upper end of fifty times the taxa seen leaves nothing to see of the curve."""
    found = accumulation(
        figures(
            *(("richness_expected", "000002", 4, None), ("richness_in_order", "000002", 4, None)),
            *(("chao2", None, 9, None), ("chao2_low", None, 4.2, None), ("chao2_high", None, 200, None)),
        )
    )
    assert found is not None
    assert found.estimate == ()


@pytest.mark.parametrize(
    ("low", "high", "p", "is_told"), [(0.5, 3.0, 0.01, True), (-1.0, 3.0, 0.01, False), (0.5, 3.0, 0.2, False)]
)
def test_a_difference_is_told_by_test_and_interval(low: float, high: float, p: float, is_told: bool) -> None:
    """A mark is filled where both leave no room for none, and zero is always on the axis."""
    found = contrasts(
        figures(
            ("compared_rate", "A a", 3, None),
            ("compared_rate_other", "A a", 1.5, None),
            ("rate_difference", "A a", 1.5, None),
            ("rate_difference_low", "A a", low, None),
            ("rate_difference_high", "A a", high, None),
            ("difference_p", "A a", p, None),
        )
    )
    assert found is not None
    (row,) = found.rows
    assert row.is_told == is_told
    assert 0 < row.low_at < row.at < row.high_at < 100
    assert 0 < found.zero_at < 100
    assert "0" in {tick.label.rstrip("0").rstrip(".") or "0" for tick in found.x_ticks}


def test_nothing_to_draw_is_no_plot() -> None:
    """A small summary has none of them."""
    bare = figures(("effort_hours", None, 1, None))
    assert [season(bare), by_sun(bare), history(bare), accumulation(bare), contrasts(bare)] == [None] * 5
