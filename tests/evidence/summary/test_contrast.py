"""A difference is told when the days say so, and not when the sides merely listened otherwise."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.evidence.summary.contrast import ContrastPolicy, Days, contrasts, holm

POLICY = ContrastPolicy(n_bootstraps=199)


def days_of(ours: list[int], theirs: list[int], *, paired: bool = False) -> Days:
    """Return days of an hour's effort each, with so many detections of one taxon."""
    counts = np.array([*ours, *theirs], dtype=float)
    is_ours = np.arange(len(counts)) < len(ours)
    stratum = np.concatenate([np.arange(len(ours)), np.arange(len(theirs))]) if paired else np.zeros(len(counts), int)
    return Days(is_ours, stratum, np.ones((len(counts), 1)), counts[None, :, None])


def test_p_is_a_count_of_all_ways() -> None:
    """Four days against three: of the 35 ways to share them out, those that differ as much are counted by hand."""
    ours, theirs = [5, 3, 4, 6], [0, 1, 2]
    every = np.array([*ours, *theirs], dtype=float)
    observed = abs(np.mean(ours) - np.mean(theirs))
    ways = [abs(every[list(way)].mean() - np.delete(every, way).mean()) for way in combinations(range(7), 4)]
    found = contrasts(days_of(ours, theirs), POLICY)[0]
    assert sum(one >= observed - 1e-9 for one in ways) / 35 == pytest.approx(found.p_value)
    assert (4.5, 1.0, 3.5) == pytest.approx((found.rate, found.other_rate, found.difference))
    assert found.low <= 3.5 <= found.high


def test_pairs_are_exchanged_within_their_date() -> None:
    """Five dates, each busier on our side: of the 32 ways to swap, two differ as much."""
    found = contrasts(days_of([9, 7, 5, 8, 6], [1, 2, 0, 3, 1], paired=True), POLICY)[0]
    assert 2 / 32 == pytest.approx(found.p_value)


def test_weather_that_both_share_is_no_difference() -> None:
    """A wild week and a still one at both places: by date they differ hardly, though days differ widely."""
    quiet, loud = [0, 1, 0, 1, 0], [30, 28, 33, 29, 31]
    found = contrasts(days_of([*quiet, *loud], [1, 0, 1, 0, 1, 29, 30, 31, 30, 30], paired=True), POLICY)[0]
    assert found.p_value > 0.5


def test_more_effort_is_no_more_activity() -> None:
    """Twelve hours a day with twelve times the detections of one hour a day are the same rate."""
    counts = np.array([24.0] * 6 + [2.0] * 6)
    effort_h = np.array([12.0] * 6 + [1.0] * 6)
    found = contrasts(Days(np.arange(12) < 6, np.zeros(12, int), effort_h[:, None], counts[None, :, None]), POLICY)[0]
    assert found.rate == pytest.approx(found.other_rate)
    assert 1.0 == found.p_value


def test_other_hours_are_no_other_activity() -> None:
    """A dawn singer: our side listened mostly at dawn, theirs mostly at noon, and per hour of each both are alike."""
    effort_h = np.array([[3.0, 1.0]] * 6 + [[1.0, 3.0]] * 6)
    counts = effort_h * np.array([10.0, 0.0])
    found = contrasts(Days(np.arange(12) < 6, np.zeros(12, int), effort_h, counts[None]), POLICY)[0]
    assert found.rate == pytest.approx(found.other_rate)
    assert 1.0 == found.p_value


def test_unequal_sites_do_not_reverse_a_difference() -> None:
    """A busy site listened to mostly before and a quiet one mostly after: within each, nothing differs."""
    site = np.array([0] * 8 + [1] * 8)
    is_ours = np.array([True] * 6 + [False] * 2 + [True] * 2 + [False] * 6)
    counts = np.where(site == 0, 20.0, 2.0) + np.tile([0.0, 1.0], 8)
    found = contrasts(Days(is_ours, site, np.ones((16, 1)), counts[None, :, None]), POLICY)[0]
    assert found.rate == pytest.approx(found.other_rate)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_chance_alone_is_seldom_told(seed: int) -> None:
    """Days of one kind on both sides: the p-value is one, over all ways, and never below what all ways allow."""
    counts = np.random.default_rng(seed).poisson(3, 9).astype(float)
    found = contrasts(Days(np.arange(9) < 4, np.zeros(9, int), np.ones((9, 1)), counts[None, :, None]), POLICY)[0]
    assert 1 / 126 - 1e-9 <= found.p_value <= 1


def test_chance_alone_keeps_to_its_rate() -> None:
    """Of 400 comparisons of the same Poisson days, 5 % or so have p ≤ 0.05: no more than 8 %."""
    counts = np.random.default_rng(7).poisson(4, (400, 10, 1)).astype(float)
    found = contrasts(Days(np.arange(10) < 5, np.zeros(10, int), np.ones((10, 1)), counts), POLICY)
    assert np.mean([one.p_value <= 0.05 for one in found]) <= 0.08


def test_holm_is_that_of_the_paper() -> None:
    """By hand: .01, .04 and .03 become .03, .06 and .06."""
    assert [0.03, 0.06, 0.06] == pytest.approx(holm(np.array([0.01, 0.04, 0.03])).tolist())


def test_many_days_are_sampled_and_p_is_never_nothing() -> None:
    """Thirty days a side cannot be shared out in all ways; p then counts the way that was observed."""
    found = contrasts(days_of([9] * 30, [1] * 30), POLICY)[0]
    assert 1 / 5000 == pytest.approx(found.p_value)
