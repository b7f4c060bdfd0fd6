"""Intervals cover what they say, and groups widen them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.evals.intervals import UNKNOWN, Bounds, by_group, of_difference, of_share, of_strata


def test_groups_widen_an_interval() -> None:
    """Windows that repeat their group's value tell no more than the group does."""
    value = np.random.default_rng(1).normal(size=20)
    repeated, groups = np.repeat(value, 10), [f"{i // 10}" for i in range(200)]
    low, high = by_group(repeated, groups, seed=1)
    alone_low, alone_high = by_group(repeated, [f"{i}" for i in range(200)], seed=1)
    assert None not in (low, high, alone_low, alone_high)
    assert (high or 0) - (low or 0) > 2 * ((alone_high or 0) - (alone_low or 0))


def test_one_group_tells_nothing() -> None:
    """Of a single group nobody knows how another one would be."""
    assert UNKNOWN == by_group([0.1, 0.2], ["a", "a"], seed=1)
    assert UNKNOWN == of_strata([np.array([0.1, 0.2])], [["a", "a"]], seed=1)


def test_the_mean_of_strata_lies_in_its_interval() -> None:
    """Every stratum weighs the same, however many values it has."""
    values = [np.linspace(0, 1, 11), np.linspace(0.5, 0.6, 200)]
    groups = [[f"{i}" for i in range(len(one))] for one in values]
    low, high = of_strata(values, groups, seed=1)
    assert (low or 0) < np.mean([one.mean() for one in values]) < (high or 0)


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_share_lies_in_its_interval(n_of: int, n: int) -> None:
    """Wilson's interval holds the share, stays within 0 and 1, and is no point even at their ends."""
    n_of = min(n_of, n)
    low, high = of_share(n_of, n)
    assert low is not None
    assert high is not None
    assert 0 <= low <= n_of / n + 1e-12
    assert n_of / n - 1e-12 <= high <= 1
    assert low < high


def test_wilson_is_what_he_published() -> None:
    """Of 81 of 263 (Newcombe 1998, table 1) the interval is 0.2553 to 0.3662."""
    assert (0.2553, 0.3662) == pytest.approx(of_share(81, 263), abs=5e-5)


def test_the_interval_of_a_difference_adds_both() -> None:
    """Two intervals of half-widths 3 and 4 leave one of half-width 5; without one of them nothing is known."""
    assert Bounds(-4.0, 6.0) == of_difference((10.0, Bounds(7.0, 13.0)), (11.0, Bounds(7.0, 15.0)))
    assert UNKNOWN == of_difference((10.0, UNKNOWN), (11.0, Bounds(7.0, 15.0)))
