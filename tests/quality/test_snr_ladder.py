"""Known calls in known noise come back with their SNR, from 0 to 40 dB, within 1.5 dB."""

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio.spectrogram import spectrogram
from rab.domain import SignalQuality, Waveform
from rab.quality import measure

Array = npt.NDArray[np.float64]
RATE_HZ = 48_000
SECONDS = 3.0


def noise(colour: str, rng: np.random.Generator, rate_hz: int, seconds: float) -> Array:
    """Return noise of mean square 1: white, or pink (−3 dB an octave above 20 Hz)."""
    n = round(seconds * rate_hz)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    if colour == "pink":
        hz = np.fft.rfftfreq(n, 1 / rate_hz)
        spectrum /= np.sqrt(np.maximum(hz, 20))
    sound = np.fft.irfft(spectrum, n)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)))


def band_power(sound: Array, rate_hz: int, band_hz: tuple[float, float]) -> float:
    """Return the mean square of what lies in a band."""
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    inside = (hz >= band_hz[0]) & (hz <= band_hz[1])
    return float(2 * np.sum(np.abs(np.fft.rfft(sound)[inside]) ** 2) / len(sound) ** 2)


def chirp(low_hz: float, high_hz: float, seconds: float, rate_hz: int) -> Array:
    """Return a linear sweep of mean square 1/2 with edges of 5 ms (or a tenth of it)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sweep = np.sin(2 * np.pi * (low_hz * t + (high_hz - low_hz) * t**2 / (2 * seconds)))
    n_edge = max(2, min(round(0.005 * rate_hz), len(t) // 10))
    edge = 0.5 - 0.5 * np.cos(np.pi * np.arange(n_edge) / n_edge)
    sweep[:n_edge] *= edge
    sweep[-n_edge:] *= edge[::-1]
    return np.asarray(sweep)


def mixed(
    call: Array,
    starts_s: tuple[float, ...],
    band_hz: tuple[float, float],
    snr_db: float,
    background: Array,
    rate_hz: int,
) -> Waveform:
    """Return calls in noise: call power while it sounds over noise power in the call's band is `snr_db`."""
    wanted = band_power(background, rate_hz, band_hz) * 10 ** (snr_db / 10)
    scaled = call * np.sqrt(wanted / np.mean(call**2))
    sound = background.copy()
    for start_s in starts_s:
        start = round(start_s * rate_hz)
        sound[start : start + len(call)] += scaled
    return Waveform((0.3 * sound / np.abs(sound).max()).astype(np.float32), rate_hz)


def quality_of(sound: Waveform) -> SignalQuality:
    return measure(sound, spectrogram(sound))


CALLS = {
    "one sweep of 2–4 kHz": ((2000.0, 4000.0), 1.0, (1.0,)),
    "one sweep of 4–7 kHz": ((4000.0, 7000.0), 0.6, (0.7,)),
    "three sweeps of 3–6 kHz": ((3000.0, 6000.0), 0.3, (0.4, 1.2, 2.1)),
}


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("snr_db", [0.0, 5.0, 10.0, 20.0, 30.0, 40.0])
def test_known_snr_comes_back(call: str, colour: str, snr_db: float) -> None:
    """Each call of the ladder comes back within 1.5 dB, in each of four draws of noise."""
    band_hz, seconds, starts_s = CALLS[call]
    for seed in range(4):
        background = noise(colour, np.random.default_rng(seed), RATE_HZ, SECONDS)
        sound = mixed(chirp(*band_hz, seconds, RATE_HZ), starts_s, band_hz, snr_db, background, RATE_HZ)
        measured = quality_of(sound).snr_db
        assert measured is not None
        assert abs(measured - snr_db) <= 1.5, f"seed {seed}: {measured}"


@pytest.mark.parametrize("snr_db", [10.0, 30.0])
def test_known_snr_comes_back_from_ultrasound(snr_db: float) -> None:
    """Bat-like pulses, 5 ms sweeping 60 to 30 kHz at 256 kHz, come back within 1.5 dB."""
    rate_hz, band_hz = 256_000, (30_000.0, 60_000.0)
    background = noise("white", np.random.default_rng(1), rate_hz, 1.0)
    pulse = chirp(60_000, 30_000, 0.005, rate_hz)
    sound = mixed(pulse, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), band_hz, snr_db, background, rate_hz)
    measured = quality_of(sound).snr_db
    assert measured is not None
    assert abs(measured - snr_db) <= 1.5


def test_gain_does_not_matter() -> None:
    """The same sound 40 dB softer has the same SNR, and a floor 40 dB lower."""
    background = noise("white", np.random.default_rng(3), RATE_HZ, SECONDS)
    loud = mixed(chirp(2000, 4000, 1.0, RATE_HZ), (1.0,), (2000, 4000), 15.0, background, RATE_HZ)
    soft = Waveform(loud.samples * np.float32(0.01), RATE_HZ)
    before, after = quality_of(loud), quality_of(soft)
    assert before.snr_db is not None
    assert after.snr_db == pytest.approx(before.snr_db, abs=0.05)
    assert before.noise_floor_dbfs is not None
    assert after.noise_floor_dbfs == pytest.approx(before.noise_floor_dbfs - 40, abs=0.05)


def test_silence_is_not_measured() -> None:
    """Digital silence has no levels and no SNR, and says why."""
    silent = quality_of(Waveform(np.zeros(RATE_HZ, np.float32), RATE_HZ))
    assert (silent.snr_db, silent.noise_floor_dbfs, silent.peak_dbfs) == (None, None, None)
    assert (silent.silent, silent.snr_unmeasured) == (True, "silent")


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_noise_alone_holds_no_signal(colour: str) -> None:
    """Of 24 segments of plain noise, at most three are taken for signal (measured: 3 of 100)."""
    backgrounds = (noise(colour, np.random.default_rng(seed), RATE_HZ, SECONDS) for seed in range(24))
    found = [quality_of(Waveform((0.05 * sound).astype(np.float32), RATE_HZ)) for sound in backgrounds]
    assert sum(one.snr_db is not None for one in found) <= 3
    assert {one.snr_unmeasured for one in found if one.snr_db is None} == {"no_signal"}


def test_snippet_is_too_short() -> None:
    """A tenth of a second is too short to tell signal from noise."""
    sound = noise("white", np.random.default_rng(0), RATE_HZ, 0.1)
    assert quality_of(Waveform((0.1 * sound).astype(np.float32), RATE_HZ)).snr_unmeasured == "too_short"
