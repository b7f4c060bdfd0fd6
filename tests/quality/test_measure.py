"""Signal quality says what is there, in bounds, whatever it is given."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.audio.spectrogram import spectrogram
from rab.domain import SignalQuality, Waveform
from rab.quality import measure

RATE_HZ = 48_000
T_S = np.arange(2 * RATE_HZ) / RATE_HZ


def quality_of(
    samples: npt.NDArray[np.floating], rate_hz: int = RATE_HZ, band_hz: tuple[float, float] | None = None
) -> SignalQuality:
    waveform = Waveform(samples.astype(np.float32), rate_hz)
    return measure(waveform, spectrogram(waveform), band_hz=band_hz)


def call_in_noise(seed: int, level: float) -> npt.NDArray[np.float64]:
    noise = 0.01 * np.random.default_rng(seed).standard_normal(len(T_S))
    sweep = np.sin(2 * np.pi * (3000 * T_S + 500 * T_S**2))
    return noise + np.where((T_S > 0.5) & (T_S < 1.5), level * sweep, 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 0.3), st.floats(-60, 6))
def test_gain_moves_levels_and_nothing_else(seed: int, level: float, gain_db: float) -> None:
    """Turned up or down, a segment keeps its SNR and band; its floor and its peak move by the gain."""
    samples = call_in_noise(seed, level)
    before, after = quality_of(samples), quality_of(samples * 10 ** (gain_db / 20))
    assert (before.snr_unmeasured, after.snr_unmeasured) == (None, None)
    assert after.snr_db == pytest.approx(before.snr_db, abs=0.05)
    assert after.band_low_hz == pytest.approx(before.band_low_hz, abs=1)
    assert before.noise_floor_dbfs is not None
    assert before.peak_dbfs is not None
    assert after.noise_floor_dbfs == pytest.approx(before.noise_floor_dbfs + gain_db, abs=0.05)
    assert after.peak_dbfs == pytest.approx(before.peak_dbfs + gain_db, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 30_000),
    rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000, 250_000]),
    kind=st.sampled_from(["noise", "click", "steps", "gated", "square", "ramp"]),
    seed=st.integers(0, 99),
)
def test_anything_can_be_measured(n: int, rate_hz: int, kind: str, seed: int) -> None:
    """Clicks, steps, gates and ramps of any length give values in bounds, and a reason wherever there is no SNR."""
    rng = np.random.default_rng(seed)
    noise = 0.1 * rng.standard_normal(n)
    samples = {
        "noise": noise,
        "click": np.where(np.arange(n) == n // 2, 1.0, 0.0),
        "steps": np.sign(noise) * (np.arange(n) > n // 3),
        "gated": noise * (np.arange(n) // 3000 % 2),
        "square": np.where(np.arange(n) // 20 % 2, 0.9, -0.9),
        "ramp": np.linspace(-1, 1, n),
    }[kind]
    found = quality_of(samples, rate_hz)
    assert (found.snr_db is None) == (found.snr_unmeasured is not None)
    assert (found.band_low_hz is None) == (found.snr_db is None)
    if found.band_low_hz is not None and found.band_high_hz is not None:
        assert 0 <= found.band_low_hz < found.band_high_hz <= rate_hz / 2 + rate_hz / 100
    assert found.silent == (n == 0 or np.ptp(samples.astype(np.float32)) <= 2**-23)


@pytest.mark.parametrize("offset", [0.0, 0.25, -1.0])
def test_constant_is_silence(offset: float) -> None:
    """An offset without sound is silence: nothing of it is measured."""
    found = quality_of(np.full(RATE_HZ, offset))
    assert (found.silent, found.snr_unmeasured) == (True, "silent")
    assert (found.snr_db, found.noise_floor_dbfs, found.peak_dbfs) == (None, None, None)


def test_offset_is_not_signal() -> None:
    """Noise with an offset of a quarter of full scale holds no signal, and its floor is that of the noise."""
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(T_S))
    found = quality_of(noise + 0.25)
    assert found.snr_unmeasured == "no_signal"
    assert found.noise_floor_dbfs == pytest.approx(20 * np.log10(0.01) + 3.01, abs=0.2)


def test_full_scale_sine_is_0_dbfs() -> None:
    """Peak and level are read after AES17."""
    assert quality_of(np.sin(2 * np.pi * 997 * T_S)).peak_dbfs == pytest.approx(0, abs=0.01)


def test_band_can_be_set() -> None:
    """In a band set beside the call there is no signal; in a band around it, the wider the lower the SNR."""
    samples = call_in_noise(0, 0.1)
    assert quality_of(samples, band_hz=(8000, 9000)).snr_unmeasured == "no_signal"
    close, wide = (quality_of(samples, band_hz=band).snr_db for band in ((3000, 5000), (2000, 6000)))
    assert close is not None
    assert wide == pytest.approx(close - 3.0, abs=0.3)
