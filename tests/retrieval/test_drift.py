"""Drift: planted changes are found on their day, steady recorders are left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.retrieval.drift import DriftPolicy, change_points, daily_figure

DATES = [f"2026-05-{day:02d}" for day in range(1, 32)]


def weather(seed: int, n: int, alike: float) -> np.ndarray:
    """Return a noise floor in dB whose days are as alike to the day before as said."""
    random = np.random.default_rng(seed)
    days = random.normal(0, 1.5, n)
    for day in range(1, n):
        days[day] = alike * days[day - 1] + np.sqrt(1 - alike**2) * days[day]
    return -60 + days


def test_planted_rise_is_found_on_its_day() -> None:
    """A rise of 6 dB after twelve days is dated, sized and signed, over many seeds."""
    n_right = 0
    for seed in range(20):
        values = weather(seed, 21, 0)
        values[12:] += 6
        changes = daily_figure("noise_floor_dbfs", DATES[:21], values).changes
        n_right += len(changes) >= 1 and any(one.date == DATES[12] for one in changes)
        assert any(4 < one.size < 8 for one in changes)
    assert n_right >= 17


@pytest.mark.parametrize("alike", [0.0, 0.4])
def test_steady_recorder_has_no_change(alike: float) -> None:
    """Without a change none is found, though neighbouring days are alike, over many seeds."""
    found = [daily_figure("noise_floor_dbfs", DATES, weather(seed, 31, alike)).changes for seed in range(60)]
    assert sum(map(bool, found)) <= 4


def test_two_steps_are_both_found() -> None:
    """Two changes are told apart, in the order of time, each with its own days before and after."""
    values = weather(1, 30, 0)
    values[10:] -= 12
    values[20:] -= 12
    first, second = daily_figure("snr_db", DATES[:30], values).changes
    assert [(DATES[10], 10, 10), (DATES[20], 10, 10)] == [
        (one.date, one.n_before, one.n_after) for one in (first, second)
    ]
    assert max(first.size, second.size) < 0


def test_mean_embedding_that_moves_is_found() -> None:
    """A shift in many dimensions is dated though each of them hardly moves; the size is the distance of the means."""
    random = np.random.default_rng(0)
    rows = np.ones(256) + random.normal(0, 0.5, (20, 256))
    assert () == daily_figure("embedding", DATES[:20], rows).changes
    rows[11:] += random.normal(0, 0.5, 256)
    (change,) = daily_figure("embedding", DATES[:20], rows).changes
    assert (DATES[11], None) == (change.date, change.before)
    assert 0 < change.size < 1


def test_few_days_say_so() -> None:
    """A recorder with three days is not judged, nor one with a single day, and the reason is given."""
    figure = daily_figure("snr_db", DATES[:3], np.array([1.0, 2.0, 30.0]))
    assert ((), "3 days are fewer than the 8 that a change needs") == (figure.changes, figure.untested)
    assert "1 day is fewer than the 8 that a change needs" == daily_figure("snr_db", DATES[:1], np.ones(1)).untested


@given(st.floats(-100, 0), st.integers(8, 30))
def test_constant_figure_never_changes(level: float, n: int) -> None:
    """What is the same every day has no change, whatever it is: clipping of 0 most of all."""
    assert [] == change_points(np.full((n, 1), level))


def test_perfect_step_is_found() -> None:
    """A step without any noise, as of a gain switch, is the clearest change of all."""
    ((_, split, _, p_value),) = change_points(np.repeat([0.0, 1.0], 10)[:, None])
    assert (10, True) == (split, p_value <= DriftPolicy().p_max)
