"""The picture that BatDetect2 sees: finite, wide enough, and in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from rab.embedders.batdetect2.spectrogram import _past, column_ms, picture


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40_000), loudness=st.sampled_from([0.0, 1e-20, 1e-3, 1.0, 1e20]), seed=st.integers(0, 99))
def test_any_sound_has_a_picture(n: int, loudness: float, seed: int) -> None:
    """128 rows, a multiple of 32 columns that holds the sound, nothing negative or infinite."""
    sound = (loudness * np.random.default_rng(seed).normal(0, 1, n)).astype(np.float32)

    seen = picture(sound)

    assert (seen.shape[0], seen.shape[1] % 32, seen.dtype.name) == (128, 0, "float32")
    assert seen.shape[1] >= max(64, (n - 384) // 256)
    assert np.isfinite(seen).all()
    assert (seen >= 0).all()


@pytest.mark.parametrize(("tone_hz", "row"), [(20_000.0, 116), (50_000.0, 81), (110_000.0, 11)])
def test_a_tone_stands_where_it_sounds(tone_hz: float, row: int) -> None:
    """110 kHz over 128 rows, the highest first; 10 ms at 50 ms stand from about column 48."""
    t_s = np.arange(5_120 * 5) / 256_000
    sound = np.where((t_s >= 0.05) & (t_s < 0.06), np.sin(2 * np.pi * tone_hz * t_s), 0) + 1e-4 * np.cos(t_s)

    seen = picture(sound.astype(np.float32))

    assert abs(int(seen.sum(axis=1).argmax()) - row) <= 1
    assert 44 <= int((seen[row] > 0.1 * seen[row].max()).argmax()) <= 50


def test_columns_are_a_millisecond_apart() -> None:
    """The first is at 1.5 ms, as the authors count."""
    np.testing.assert_allclose(column_ms(np.arange(3.0)), [1.5, 2.5, 3.5])


def test_the_running_mean_is_the_filter_of_the_source() -> None:
    """A filter of one pole, which begins as if 1 had always been heard."""
    values = np.random.default_rng(1).exponential(1e6, (500, 3))
    memory = 0.4 * 25_600 / 512
    share = (np.sqrt(1 + 4 * memory**2) - 1) / (2 * memory**2)

    expected, _ = lfilter([share], [1, share - 1], values, axis=0, zi=np.full((1, 3), 1 - share))

    np.testing.assert_allclose(_past(values), expected, rtol=1e-12)
