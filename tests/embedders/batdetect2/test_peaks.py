"""Peaks: one call where the chance is highest around, with the place, size and names that stand there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.embedders.batdetect2.peaks import Calls, find_calls


def found(chance: np.ndarray, *, threshold: float = 0.3, end_ms: float = np.inf) -> Calls:
    """Find calls on a map of chances [128, w], all 3 columns long and 2 rows high."""
    shape = chance.shape
    return find_calls(
        chance[np.newaxis].astype(np.float32),
        np.linspace(-2, 2, 17, dtype=np.float32)[:, np.newaxis, np.newaxis] + np.zeros(shape, np.float32),
        np.stack([np.full(shape, 3, np.float32), np.full(shape, 2, np.float32)]),
        np.zeros((32, *shape), np.float32),
        threshold=threshold,
        end_ms=end_ms,
    )


def test_a_peak_is_a_call_where_it_stands() -> None:
    """Row 28 of 128 is 100 rows above 10 kHz; column 10 begins at 11.5 ms; three columns are 3 ms."""
    chance = np.zeros((128, 64))
    chance[28, 10] = 0.9

    calls = found(chance)

    np.testing.assert_allclose([calls.t0_ms, calls.t1_ms], [[11.5], [14.5]])
    np.testing.assert_allclose([calls.low_hz, calls.high_hz], [[95_937.5], [97_656.25]])
    np.testing.assert_allclose(calls.detection_score, [0.9], rtol=1e-6)


@pytest.mark.parametrize(("apart", "n_calls"), [(4, 1), (5, 2)])
def test_neighbours_within_four_pixels_are_one_call(apart: int, n_calls: int) -> None:
    """The weaker of two stays only outside the square around the stronger."""
    chance = np.zeros((128, 64))
    chance[50, 20], chance[50 + apart, 20 + apart] = 0.9, 0.8

    assert n_calls == len(found(chance).t0_ms)


def test_of_a_crowd_the_surest_stay() -> None:
    """64 columns are 33.5 ms in the authors' count, which is 6 calls."""
    chance = np.zeros((128, 64))
    rows, columns = np.meshgrid(np.arange(5, 125, 10), np.arange(5, 60, 10), indexing="ij")
    chance[rows, columns] = np.linspace(0.4, 0.9, rows.size).reshape(rows.shape)

    calls = found(chance)

    np.testing.assert_allclose(np.sort(calls.detection_score), np.linspace(0.4, 0.9, rows.size)[-6:], rtol=1e-6)
    assert (np.diff(calls.t0_ms) >= 0).all()


def test_what_begins_behind_the_sound_is_none() -> None:
    """The sound ends at 20 ms; the second peak stands at 31.5."""
    chance = np.zeros((128, 64))
    chance[50, [10, 30]] = 0.9

    assert len(found(chance, end_ms=20.0).t0_ms) == 1


def test_no_vector_is_without_length() -> None:
    """Also where all features are zero."""
    chance = np.zeros((128, 64))
    chance[50, 10] = 0.9

    assert (np.linalg.norm(found(chance).features, axis=1) > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0]))
def test_a_logit_is_of_the_share_among_all(seed: int, spread: float) -> None:
    """Its sigmoid is the softmax over 17 classes and "no call", also far out."""
    relative = np.random.default_rng(seed).normal(0, spread, 17)
    chance = np.zeros((128, 64))
    chance[50, 10] = 0.9

    calls = find_calls(
        chance[np.newaxis].astype(np.float32),
        np.broadcast_to(relative.astype(np.float32)[:, np.newaxis, np.newaxis], (17, 128, 64)),
        np.ones((2, 128, 64), np.float32),
        np.ones((32, 128, 64), np.float32),
        threshold=0.3,
        end_ms=np.inf,
    )

    weights = np.exp(relative - max(relative.max(), 0))
    shares = weights / (weights.sum() + np.exp(-max(relative.max(), 0)))
    np.testing.assert_allclose(1 / (1 + np.exp(-calls.logits[0].astype(np.float64))), shares, atol=1e-5)
    assert np.isfinite(calls.logits).all()
