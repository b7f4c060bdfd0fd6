"""Richness is what a count over every order of the days gives, and the estimate is that of the book."""

from itertools import permutations
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.evidence.summary.richness import chao2, expected_taxa


def test_the_curve_is_the_mean_over_all_orders() -> None:
    """Four days, three taxa: the exact formula gives the mean number found over all 24 orders."""
    days = [{"a", "b"}, {"a"}, set(), {"a", "c"}]
    orders = list(permutations(days))
    means = [sum(len(set().union(*order[:n])) for order in orders) / len(orders) for n in (1, 2, 3, 4)]
    assert means == pytest.approx(expected_taxa(np.array([3, 1, 1]), 4).tolist())


def test_one_of_two_days_holds_half_of_the_uniques() -> None:
    """By hand: of two taxa, one on both days and one on a single one, the first day has 1.5 on average."""
    assert [1.5, 2.0] == pytest.approx(expected_taxa(np.array([2, 1]), 2).tolist())


@given(n_days=st.integers(1, 400), seed=st.integers(0, 1000))
def test_the_curve_rises_to_what_was_seen(n_days: int, seed: int) -> None:
    """It begins with the mean of a day, never falls, and ends with all taxa, over many days without overflow too."""
    n_days_of = np.random.default_rng(seed).integers(1, n_days + 1, size=30)
    curve = expected_taxa(n_days_of, n_days)
    assert n_days_of.sum() / n_days == pytest.approx(curve[0])
    assert len(n_days_of) == pytest.approx(curve[-1])
    assert np.all(np.diff(curve) >= -1e-9)


def test_chao2_is_that_of_the_book() -> None:
    """By hand: 10 days, 8 taxa, of which 4 on one day and 2 on two."""
    n_days_of = np.array([1, 1, 1, 1, 2, 2, 5, 9])
    unseen = 0.9 * 4 * 3 / (2 * 3)
    variance = unseen + 0.81 * 4 * 49 / (4 * 9) + 0.81 * 16 * 2 * 9 / (4 * 81)
    spread = exp(1.959964 * sqrt(log(1 + variance / unseen**2)))
    found = chao2(n_days_of, 10)
    assert found is not None
    assert (8 + unseen, 8 + unseen / spread, 8 + unseen * spread) == pytest.approx(tuple(found), rel=1e-5)
    assert 9.8 == pytest.approx(found.estimate)


def test_nothing_is_estimated_where_nothing_points_to_more() -> None:
    """Without taxa on a single day, with just one, or on a single day of effort, there is no estimate."""
    assert chao2(np.array([2, 3, 4]), 10) is None
    assert chao2(np.array([1, 3, 4]), 10) is None
    assert chao2(np.array([1, 1, 1]), 1) is None


def test_an_estimate_without_duplicates_stands() -> None:
    """With no taxon on exactly two days, the form that divides by none of them is used."""
    found = chao2(np.array([1, 1, 1, 4]), 12)
    assert found is not None
    assert 4 + 11 / 12 * 3 == pytest.approx(found.estimate)
    assert 4 < found.low < found.estimate < found.high
