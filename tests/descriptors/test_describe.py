"""What is said of a call fits the call, and nothing is said where nothing was found."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.audio.spectrogram import spectrogram
from rab.descriptors import describe
from rab.domain import MEASURES, Descriptors, Waveform
from rab.quality import measure

RATE_HZ = 48_000
T_S = np.arange(3 * RATE_HZ) / RATE_HZ


def shape_of(sound: npt.NDArray[np.float64], *, noise: float = 0.002, rate_hz: int = RATE_HZ) -> Descriptors:
    background = noise * np.random.default_rng(0).standard_normal(len(sound))
    waveform = Waveform((sound + background).astype(np.float32), rate_hz)
    picture = spectrogram(waveform)
    return describe(waveform, picture, measure(waveform, picture))


def during(start_s: float, end_s: float, sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where((start_s <= T_S) & (end_s > T_S), sound, 0)


def test_every_descriptor_can_be_printed() -> None:
    """Each field has its words, unit and resolution, in the order of the fields."""
    assert list(MEASURES) == list(Descriptors.model_fields)


def test_noise_has_no_descriptors() -> None:
    """Where quality found no signal there is nothing to describe."""
    assert shape_of(np.zeros(len(T_S))) == Descriptors()


@settings(max_examples=20, deadline=None)
@given(st.floats(500, 15_000), st.floats(0.2, 2.0), st.floats(0.01, 0.5))
def test_tone_is_described_as_a_tone(hz: float, seconds: float, amplitude: float) -> None:
    """Any tone comes back with its frequency, within a tenth of a bin, and its length, within two hops."""
    found = shape_of(during(0.4, 0.4 + seconds, amplitude * np.sin(2 * np.pi * hz * T_S)))
    assert found.peak_hz == pytest.approx(hz, abs=5)
    assert found.pitch_median_hz == pytest.approx(hz, abs=5)
    assert found.centroid_hz == pytest.approx(hz, abs=15)
    assert found.duration_ms == pytest.approx(1000 * seconds, abs=22)
    assert found.n_onsets == 1


def test_pitch_of_a_stack_is_its_fundamental() -> None:
    """Five equal partials on 900 Hz have a pitch of 900 Hz, and a centroid of 2,700 Hz."""
    stack = sum((0.05 * np.sin(2 * np.pi * 900 * n * T_S + n) for n in range(1, 6)), np.zeros(len(T_S)))
    found = shape_of(during(1, 2, stack))
    assert found.pitch_median_hz == pytest.approx(900, abs=5)
    assert found.centroid_hz == pytest.approx(2700, abs=20)


def test_noise_burst_has_no_pitch() -> None:
    """A burst of noise from 3 to 5 kHz has a band, and no pitch."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(len(T_S)))
    hz = np.fft.rfftfreq(len(T_S), 1 / RATE_HZ)
    spectrum[(hz < 3000) | (hz > 5000)] = 0
    found = shape_of(during(1, 2, 0.3 * np.fft.irfft(spectrum, len(T_S))))
    assert found.pitch_median_hz is None
    assert found.low_hz == pytest.approx(3050, abs=60)
    assert found.high_hz == pytest.approx(4950, abs=60)


def test_falling_notes_have_one_slope() -> None:
    """Eight notes that each fall by 2 kHz in 80 ms have a slope of −25 kHz/s, wherever they lie."""
    phase_s = T_S % 0.25
    notes = 0.1 * np.sin(2 * np.pi * (6000 * phase_s - 12_500 * phase_s**2))
    found = shape_of(during(0.5, 2.5, np.where(phase_s < 0.08, notes, 0)))
    assert found.pitch_slope_hz_per_s == pytest.approx(-25_000, rel=0.1)
    assert found.n_onsets == 8


@pytest.mark.parametrize("interval_s", [0.05, 0.1, 0.333])
def test_clicks_have_their_interval(interval_s: float) -> None:
    """A train of clicks has its interval, within half a hop, and hardly any variation."""
    clicks = np.zeros(len(T_S))
    clicks[np.round(np.arange(0.2, 2.8, interval_s) * RATE_HZ).astype(int)] = 0.9
    found = shape_of(clicks, noise=0.001)
    assert found.onset_interval_ms == pytest.approx(1000 * interval_s, abs=5.4)
    assert found.onset_interval_cv is not None
    assert found.onset_interval_cv < 0.1


def test_uneven_notes_vary() -> None:
    """Notes in a limping rhythm, 150 and 350 ms apart, vary by 40 %."""
    starts = np.cumsum([0.3, *([0.15, 0.35] * 5)])
    notes = sum((during(s, s + 0.05, 0.1 * np.sin(2 * np.pi * 4000 * T_S)) for s in starts), np.zeros(len(T_S)))
    assert shape_of(notes).onset_interval_cv == pytest.approx(0.4, abs=0.03)


def test_bat_pulses_are_described_in_their_own_units() -> None:
    """Ten sweeps of 60 to 30 kHz in 5 ms, 80 ms apart: ten onsets, 50 ms of sound, a band of 30 kHz."""
    rate_hz = 256_000
    t_s = np.arange(rate_hz) / rate_hz
    phase_s = t_s % 0.08
    pulses = np.where(
        (phase_s < 0.005) & (t_s > 0.08) & (t_s < 0.88), np.sin(2 * np.pi * (60_000 * phase_s - 3e6 * phase_s**2)), 0
    )
    found = shape_of(0.1 * pulses, rate_hz=rate_hz)
    assert found.n_onsets == 10
    assert found.onset_interval_ms == pytest.approx(80, abs=1)
    assert found.duration_ms == pytest.approx(50, rel=0.25)
    assert found.bandwidth_hz == pytest.approx(30_000, rel=0.12)
