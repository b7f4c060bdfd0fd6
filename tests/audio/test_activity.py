"""Activity: the band and the time in which calls sound."""

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio.activity import Activity, activity, energy_band, noise_power
from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform

RATE_HZ = 48_000
T_S = np.arange(3 * RATE_HZ) / RATE_HZ


def heard(
    sound: npt.NDArray[np.float64], band_hz: tuple[float, float] | None = None, *, above_hz: float = 0.0
) -> Activity | None:
    background = 0.01 * np.random.default_rng(0).standard_normal(len(sound))
    return activity(spectrogram(Waveform((sound + background).astype(np.float32), RATE_HZ)), band_hz, above_hz=above_hz)


def burst(hz: float, start_s: float, end_s: float) -> npt.NDArray[np.float64]:
    return np.where((start_s <= T_S) & (end_s > T_S), 0.1 * np.sin(2 * np.pi * hz * T_S), 0)


def test_noise_has_no_activity() -> None:
    """Where nothing stands out there is nothing to describe."""
    assert heard(np.zeros(len(T_S))) is None


def test_pauses_are_not_active() -> None:
    """Five notes of 100 ms with pauses of 100 ms are active for half a second."""
    notes = sum((burst(4000, start, start + 0.1) for start in (0.5, 0.7, 0.9, 1.1, 1.3)), np.zeros(len(T_S)))
    found = heard(notes)
    assert found is not None
    assert found.active_ms == pytest.approx(500, abs=60)


def test_tone_is_as_wide_as_the_window() -> None:
    """The band of a pure tone is the main lobe of the window, 188 Hz, about its frequency."""
    found = heard(burst(4000, 1, 2))
    assert found is not None
    assert (found.low_hz, found.high_hz) == pytest.approx((3906, 4094), abs=25)


def test_band_can_be_set() -> None:
    """With a band given, only what sounds in it counts."""
    sound = burst(4000, 0.5, 1.0) + burst(9000, 1.5, 2.5)
    found = heard(sound, (3500, 4500))
    assert found is not None
    assert (found.low_hz, found.high_hz) == (3500, 4500)
    assert found.active_ms == pytest.approx(500, abs=30)


def test_search_can_leave_out_rumble() -> None:
    """Above 300 Hz, a gust at 150 Hz is not looked at."""
    found = heard(20 * burst(150, 0.2, 2.8) + burst(4000, 1, 2), above_hz=300)
    assert found is not None
    assert found.low_hz > 3000


def test_steady_line_is_no_part_of_a_call() -> None:
    """A whistle throughout is left out beside a call, and is the call when alone."""
    line = 0.3 * burst(12_000, 0, 3)
    beside, alone = heard(line + burst(4000, 1, 2)), heard(line)
    assert beside is not None
    assert alone is not None
    assert beside.high_hz < 5000
    assert alone.low_hz > 11_500


def test_band_that_was_found_is_found_again() -> None:
    """Asked for the band of the last answer, rounded as a quality keeps it, the answer is that one."""
    samples = burst(4000, 1, 2) + 0.01 * np.random.default_rng(0).standard_normal(len(T_S))
    picture = spectrogram(Waveform(samples.astype(np.float32), RATE_HZ))
    found = activity(picture)
    assert found is not None
    assert found is activity(picture, (round(found.low_hz, 1), round(found.high_hz, 1)))
    assert found is not activity(picture, (found.low_hz, found.high_hz + 100))


def test_noise_power_counts_parts_of_bins() -> None:
    """Between two frequencies lies the floor's share, to a fraction of a bin."""
    background = 0.01 * np.random.default_rng(1).standard_normal(len(T_S))
    found = spectrogram(Waveform(background.astype(np.float32), RATE_HZ))
    density = float(found.floor[50:60].mean()) / found.bin_hz
    assert noise_power(found, 2500, 2510) == pytest.approx(10 * density, rel=0.2)
    assert noise_power(found, 2000, 6000) == pytest.approx(1e-4 / 6, rel=0.05)


def test_energy_band_interpolates() -> None:
    """Even energy from 1 to 2 kHz leaves 10 % below 1.1 and above 1.9 kHz."""
    hz = np.arange(0, 4000, 50.0) + 25
    energy = np.where((hz > 1000) & (hz < 2000), 1.0, 0.0)
    assert energy_band(hz, energy, 0.1) == pytest.approx((1100, 1900))
