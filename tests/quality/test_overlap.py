"""Overlap: two singers are two, a harmonic stack is one."""

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform
from rab.quality import measure

RATE_HZ = 48_000
T_S = np.arange(3 * RATE_HZ) / RATE_HZ
Sound = npt.NDArray[np.float64]


def overlap(sound: Sound) -> float:
    background = 0.003 * np.random.default_rng(0).standard_normal(len(sound))
    waveform = Waveform((sound + background).astype(np.float32), RATE_HZ)
    return measure(waveform, spectrogram(waveform)).overlap_fraction


def during(start_s: float, end_s: float, sound: Sound) -> Sound:
    return np.where((start_s <= T_S) & (end_s > T_S), sound, 0)


def warble(hz: float, rate_hz: float) -> Sound:
    return np.asarray(0.1 * np.sin(2 * np.pi * hz * T_S + 20 * np.sin(2 * np.pi * rate_hz * T_S)))


def test_two_singers_overlap_while_both_sing() -> None:
    """One sings at 0.5–2 s, another at 1–2.5 s: they overlap for half of the active time."""
    sound = during(0.5, 2.0, warble(2500, 5)) + during(1.0, 2.5, warble(6700, 3))
    assert overlap(sound) == pytest.approx(0.5, abs=0.1)


def test_two_tones_in_no_simple_ratio_overlap() -> None:
    """Two tones that begin and end together, 2.1 and 4.7 kHz, are two sources."""
    sound = during(1.0, 2.0, 0.1 * np.sin(2 * np.pi * 2100 * T_S) + 0.1 * np.sin(2 * np.pi * 4700 * T_S))
    assert overlap(sound) > 0.9


@pytest.mark.parametrize("fundamental_hz", [700, 1000, 1700])
@pytest.mark.parametrize("partials", [(1, 2), (1, 3), (2, 3), (1, 2, 3, 4, 5)])
def test_harmonic_stack_is_one_source(fundamental_hz: float, partials: tuple[int, ...]) -> None:
    """Partials of one gliding fundamental do not overlap, even when the fundamental is missing."""
    phase = 2 * np.pi * fundamental_hz * T_S + 15 * np.sin(2 * np.pi * 2 * T_S)
    stack = sum((0.05 * np.sin(partial * phase) for partial in partials), np.zeros(len(T_S)))
    assert overlap(during(0.5, 2.5, stack)) < 0.05


def test_singers_that_take_turns_do_not_overlap() -> None:
    """Two voices one after the other never sound at once."""
    assert overlap(during(0.5, 1.2, warble(2500, 5)) + during(1.3, 2.5, warble(6700, 3))) == 0


def test_single_sweep_does_not_overlap() -> None:
    """One voice that glides through its band is one source."""
    sweep = 0.1 * np.sin(2 * np.pi * (2000 * T_S + 1000 * T_S**2))
    assert overlap(during(0.5, 2.5, sweep)) == 0
