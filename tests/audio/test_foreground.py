"""Noise is told from calls by the distributions that its power has."""

import math

import numpy as np
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import gamma

from rab.audio.foreground import count, gamma_shape, noise_and_foreground, noise_quantile
from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform


@pytest.mark.parametrize("shape", [4.0, 10.0, 50.0, 500.0])
@pytest.mark.parametrize("log10_above", [-8.0, -3.0, -0.1])
def test_quantile_over_a_known_floor_is_that_of_a_gamma(shape: float, log10_above: float) -> None:
    """With the floor known, the threshold is the gamma quantile, within 5 %."""
    assert noise_quantile(shape, log10_above) == pytest.approx(gamma.isf(10**log10_above, shape) / shape, rel=0.05)


@pytest.mark.parametrize("floor_shape", [20.0, 60.0, 200.0])
def test_quantile_over_an_estimated_floor_is_that_of_f(floor_shape: float) -> None:
    """With the floor estimated, the threshold is the quantile of the F distribution, within 10 %."""
    expected = f_distribution.isf(1e-6, 2 * 10.0, 2 * floor_shape)
    assert noise_quantile(10.0, -6.0, floor_shape) == pytest.approx(expected, rel=0.1)


def test_hopeless_floor_has_no_threshold() -> None:
    """Where the floor itself may be far off, nothing can stand out of it."""
    assert noise_quantile(10.0, -6.0, 1.0) == math.inf


@pytest.mark.parametrize(("n_frames", "n_bins"), [(1, 1), (1, 3), (6, 3), (12, 12)])
def test_blocks_of_noise_scatter_as_their_shape_says(n_frames: int, n_bins: int) -> None:
    """The variance of means of blocks of noise is the inverse of their shape, within 10 %."""
    noise = np.random.default_rng(0).standard_normal(60 * 48_000).astype(np.float32)
    power = spectrogram(Waveform(noise, 48_000)).power[:, 6:-6]
    rows, columns = len(power) // n_frames * n_frames, power.shape[1] // n_bins * n_bins
    means = power[:rows, :columns].reshape(-1, n_frames, columns // n_bins, n_bins).mean(axis=(1, 3))
    assert (means.mean() / means.std()) ** 2 == pytest.approx(gamma_shape(n_frames, n_bins), rel=0.1)


@pytest.mark.parametrize("n_frames", [0, 1, 255, 256, 700])
def test_every_frame_is_counted(n_frames: int) -> None:
    """Counts go past what a byte can hold."""
    mask = np.random.default_rng(0).random((n_frames, 5)) < [0, 0.1, 0.5, 0.9, 1]
    assert mask.sum(axis=0).tolist() == count(mask).tolist()


@pytest.mark.parametrize("n_frames", [16, 60, 280])
def test_noise_is_rarely_foreground(n_frames: int) -> None:
    """Of 40 spectrograms of noise, short or long, at most two hold any foreground (measured: 1 of 100)."""
    rng = np.random.default_rng(1)
    n_found = 0
    for _ in range(40):
        noise = Waveform(rng.standard_normal(512 * (n_frames + 1)).astype(np.float32), 48_000)
        n_found += int(noise_and_foreground(spectrogram(noise).power)[1].any())
    assert n_found <= 2
