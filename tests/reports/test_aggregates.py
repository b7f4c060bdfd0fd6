"""Figures are found by name and group, and only a figure's own denominator makes a rate."""

from rab.domain import AggregateEntry
from rab.reports import Report
from rab.reports.aggregates import Aggregates, name_words, rate


def entry(name: str, value: float, **more: object) -> AggregateEntry:
    content = {"key": "a1", "name": name, "value": value, "unit": "segments", "basis": "counted", "rows_sha256": "0"}
    return AggregateEntry.model_validate(content | more)


def test_species_are_those_that_were_detected() -> None:
    """Most detections first, ties by name; a taxon with none is no row."""
    counts = {"B b": 2, "C c": 9, "A a": 2, "D d": 0}
    figures = Aggregates(tuple(entry("detections", n, group=taxon) for taxon, n in counts.items()))
    assert [row.scientific_name for row in figures.species] == ["C c", "A a", "B b"]
    assert (figures.species[0].status, figures.species[0].common_name) == (None, "C c")


def test_the_whole_is_no_group(report: Report) -> None:
    """Total effort and the effort of a site are told apart."""
    figures = Aggregates(report.passages[0].text.pack.aggregates)
    total = figures.total("effort_hours")
    assert total is not None
    assert (total.value, [row.site for row in figures.sites]) == (23.5, ["Beech ridge", "Alder brook"])
    assert figures.site_columns == ("effort_hours", "largest_gap_hours")


def test_a_site_without_a_name_is_called_what_its_figures_call_it() -> None:
    """The words of the group are printed, not its key."""
    figures = Aggregates((entry("effort_hours", 1, group="site:unnamed", group_words="no site given"),))
    assert [row.site for row in figures.sites] == ["no site given"]


def test_a_rate_needs_something_watched() -> None:
    """Nothing over nothing is no rate."""
    assert rate(entry("detections", 6, denominator=3.0)) == 2.0
    assert rate(entry("detections", 6, denominator=0.0)) is None
    assert rate(entry("detections", 6)) is None


def test_an_unknown_figure_is_named_all_the_same() -> None:
    """A name that the report does not know is printed in its own words."""
    assert name_words("moon_phase") == "moon phase"
