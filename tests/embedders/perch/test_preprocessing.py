"""What Perch hears of a window: values computed by hand, and silence that stays silent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.embedders.perch.preprocessing import normalised


def test_mean_goes_and_peak_becomes_a_quarter() -> None:
    """[1, 2, 3, 6] has mean 3: [−2, −1, 0, 3] remains, times 0.25 / 3."""
    heard = normalised(np.array([[1, 2, 3, 6]], dtype=np.float32))

    assert np.float32 == heard.dtype
    np.testing.assert_allclose(heard, [[-1 / 6, -1 / 12, 0, 0.25]], atol=1e-7)


def test_each_window_is_scaled_by_itself() -> None:
    """[0, 1] becomes ±0.25 beside [0, 4, 0, 0]-like company; a loud window quiets no other."""
    heard = normalised(np.array([[0, 1, 0, 1], [0, 40, 0, 0]], dtype=np.float32))

    np.testing.assert_allclose(heard, [[-0.25, 0.25, -0.25, 0.25], [-1 / 12, 0.25, -1 / 12, -1 / 12]], atol=1e-7)


@pytest.mark.parametrize("level", [0.0, 0.1, -0.3, 1e-30, 1.0])
def test_silence_stays_silent(level: float) -> None:
    """A constant has no sound in it: zeros come out, no NaN and no magnified rounding."""
    heard = normalised(np.full((2, 160_000), level, dtype=np.float32))

    assert not heard.any()


def test_no_windows_are_no_windows() -> None:
    """An empty batch keeps its shape."""
    assert (0, 160_000) == normalised(np.zeros((0, 160_000), dtype=np.float32)).shape


@given(
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-0.5, 0.5),
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(16, 400),
)
def test_distance_and_offset_do_not_matter(gain: float, offset: float, seed: int, n_samples: int) -> None:
    """Whatever the gain and the offset of a microphone, the network hears the same."""
    sound = np.random.default_rng(seed).normal(size=(1, n_samples))
    near = normalised(sound.astype(np.float32))
    far = normalised((gain * (sound + offset)).astype(np.float32))

    assert 0.25 == pytest.approx(float(np.abs(near).max()), abs=1e-6)
    np.testing.assert_allclose(near, far, atol=1e-5)
