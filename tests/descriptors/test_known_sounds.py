"""Sounds of known shape come back with that shape."""

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio.spectrogram import spectrogram
from rab.descriptors import describe
from rab.domain import Descriptors, Waveform
from rab.quality import measure

RATE_HZ = 48_000
T_S = np.arange(3 * RATE_HZ) / RATE_HZ


def shape_of(sound: npt.NDArray[np.float64], *, noise: float = 0.002, seed: int = 0) -> Descriptors:
    """Describe a sound in faint white noise."""
    rng = np.random.default_rng(seed)
    waveform = Waveform((sound + noise * rng.standard_normal(len(sound))).astype(np.float32), RATE_HZ)
    picture = spectrogram(waveform)
    return describe(waveform, picture, measure(waveform, picture))


def between(start_s: float, end_s: float) -> npt.NDArray[np.bool_]:
    return (start_s <= T_S) & (end_s > T_S)


def test_tone_has_its_pitch_and_its_length() -> None:
    """A tone of 3 kHz for 0.8 s: pitch within 10 Hz, length within 50 ms, a narrow band, little entropy."""
    found = shape_of(np.where(between(1.0, 1.8), 0.2 * np.sin(2 * np.pi * 3000 * T_S), 0))
    assert found.pitch_median_hz == pytest.approx(3000, abs=10)
    assert found.peak_hz == pytest.approx(3000, abs=50)
    assert found.duration_ms == pytest.approx(800, abs=50)
    assert found.bandwidth_hz is not None
    assert found.bandwidth_hz < 200
    assert found.flatness is not None
    assert found.flatness < 0.3


def test_sweep_has_its_slope_and_its_range() -> None:
    """A sweep of 2–5 kHz in 1 s rises by 3,000 Hz/s over 3 kHz, within 10 %."""
    sweep = 0.2 * np.sin(2 * np.pi * (2000 * (T_S - 1) + 1500 * (T_S - 1) ** 2))
    found = shape_of(np.where(between(1.0, 2.0), sweep, 0))
    assert found.pitch_slope_hz_per_s == pytest.approx(3000, rel=0.1)
    assert found.pitch_range_hz == pytest.approx(3000, rel=0.15)
    assert found.low_hz == pytest.approx(2000, abs=250)
    assert found.high_hz == pytest.approx(5000, abs=250)


def test_beats_have_their_rhythm() -> None:
    """Ten notes of 50 ms, 200 ms apart: ten onsets, 200 ms between them, hardly any variation."""
    gate = ((T_S - 0.5) % 0.2 < 0.05) & between(0.5, 2.5)
    found = shape_of(np.where(gate, 0.2 * np.sin(2 * np.pi * 4000 * T_S), 0))
    assert found.n_onsets == 10
    assert found.onset_interval_ms == pytest.approx(200, abs=15)
    assert found.onset_interval_cv is not None
    assert found.onset_interval_cv < 0.1


def test_noise_burst_is_flatter_than_a_tone() -> None:
    """A burst of white noise has more flatness and entropy than a tone of the same length."""
    burst = np.where(between(1.0, 1.8), 0.2 * np.random.default_rng(1).standard_normal(len(T_S)), 0)
    tone = np.where(between(1.0, 1.8), 0.2 * np.sin(2 * np.pi * 3000 * T_S), 0)
    noisy, tonal = shape_of(burst), shape_of(tone)
    assert noisy.flatness is not None
    assert tonal.flatness is not None
    assert noisy.entropy is not None
    assert tonal.entropy is not None
    assert noisy.flatness > tonal.flatness + 0.2
    assert noisy.entropy > tonal.entropy + 0.2


def test_nothing_is_said_of_silence() -> None:
    """Digital silence has no shape at all."""
    assert shape_of(np.zeros(len(T_S)), noise=0.0) == Descriptors()
