"""Made sounds: calls, noises and weather whose levels are known because they were computed.

The truth of a made mixture owes nothing to `rab.quality`: a call's band and the samples in which it sounds are those
that it was made with, and the noise power in its band is summed over the noise's own Fourier transform. So an estimator
that is wrong by a constant is found out, which mixing at levels that it measured itself would hide.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.domain import Waveform

Sound = npt.NDArray[np.float64]
RATE_HZ = 48_000
SECONDS = 3.0
LEAST_BAND_HZ = 190.0
"""Noise bandwidth taken for a pure tone: no band is told narrower."""
_PEAK = 0.5


class MadeCall(NamedTuple):
    """A call of constant level: samples [n], where it sounds [n], and its band."""

    kind: str
    samples: Sound
    sounds: npt.NDArray[np.bool_]
    low_hz: float
    high_hz: float


def sweep(random: np.random.Generator) -> MadeCall:
    """Return notes that rise by 2 to 3 kHz."""
    low_hz, width_hz = random.uniform(1500, 5000), random.uniform(2000, 3000)
    at_s, sounds, note_s = _notes(random, 0.15, 0.3)
    phase = 2 * np.pi * (low_hz * at_s + width_hz / (2 * note_s) * at_s**2)
    return MadeCall("sweep", np.sin(phase) * sounds, sounds, low_hz, low_hz + width_hz)


def stack(random: np.random.Generator) -> MadeCall:
    """Return notes of four harmonics of equal level."""
    base_hz = random.uniform(600, 1400)
    at_s, sounds, _ = _notes(random, 0.15, 0.3)
    tones = sum(np.sin(2 * np.pi * base_hz * n * at_s + random.uniform(0, 6)) for n in range(1, 5))
    return MadeCall("stack", np.asarray(tones * sounds), sounds, base_hz - 50, 4 * base_hz + 50)


def trill(random: np.random.Generator) -> MadeCall:
    """Return notes whose pitch swings by 1.5 kHz, 30 to 50 times a second."""
    middle_hz, swing_hz, rate_hz = random.uniform(3000, 6000), 750.0, random.uniform(30, 50)
    at_s, sounds, _ = _notes(random, 0.3, 0.6)
    phase = 2 * np.pi * middle_hz * at_s + swing_hz / rate_hz * np.sin(2 * np.pi * rate_hz * at_s)
    return MadeCall("trill", np.sin(phase) * sounds, sounds, middle_hz - swing_hz, middle_hz + swing_hz)


def burst(random: np.random.Generator) -> MadeCall:
    """Return notes of a band of noise, 1 to 2 kHz wide."""
    low_hz = random.uniform(2000, 6000)
    high_hz = low_hz + random.uniform(1000, 2000)
    _, sounds, _ = _notes(random, 0.1, 0.25)
    sound = shaped(random, lambda hz: ((hz >= low_hz) & (hz <= high_hz)).astype(np.float64))
    return MadeCall("burst", sound * sounds, sounds, low_hz, high_hz)


CALLS: Mapping[str, Callable[[np.random.Generator], MadeCall]] = {
    "sweep": sweep,
    "stack": stack,
    "trill": trill,
    "burst": burst,
}


def shaped(random: np.random.Generator, gain: Callable[[Sound], Sound]) -> Sound:
    """Return Gaussian noise [n] whose amplitude spectrum follows `gain` of the frequency in Hz, mean square 1."""
    n = round(SECONDS * RATE_HZ)
    spectrum = np.fft.rfft(random.standard_normal(n)) * gain(np.asarray(np.fft.rfftfreq(n, 1 / RATE_HZ), np.float64))
    sound = np.fft.irfft(spectrum, n)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)))


def white(random: np.random.Generator) -> Sound:
    """Return noise of equal power at all frequencies."""
    return shaped(random, np.ones_like)


def pink(random: np.random.Generator) -> Sound:
    """Return noise that falls by 3 dB an octave, as most habitats do."""
    return shaped(random, lambda hz: 1 / np.sqrt(np.maximum(hz, 20)))


def insects(random: np.random.Generator) -> Sound:
    """Return pink noise with a steady chorus about 8 kHz, 600 Hz wide."""
    chorus = shaped(random, lambda hz: np.exp(-0.5 * ((hz - 8000) / 300) ** 2))
    return pink(random) + 0.3 * chorus


def rain(random: np.random.Generator) -> Sound:
    """Return steady broad noise with a hundred drops a second, each a click that dies within 2 ms."""
    drops = np.zeros(round(SECONDS * RATE_HZ))
    hits = random.integers(0, len(drops), round(100 * SECONDS))
    drops[hits] = random.exponential(1.0, len(hits)) * random.choice((-1, 1), len(hits))
    fall = np.exp(-np.arange(96) / 24.0) * np.cos(2 * np.pi * 3000 * np.arange(96) / RATE_HZ)
    drops = np.convolve(drops, fall)[: len(drops)]
    steady = shaped(random, lambda hz: 1 / (1 + hz / 8000))
    return np.asarray(steady + 0.5 * drops / np.sqrt(np.mean(drops**2)))


def wind(random: np.random.Generator) -> Sound:
    """Return turbulence below 200 Hz that comes in gusts of half a second, over faint pink noise."""
    rumble = shaped(random, lambda hz: np.exp(-hz / 60) * (hz > 20))
    n_gusts = round(2 * SECONDS)
    at = np.linspace(0, n_gusts - 1, len(rumble))
    strength = np.exp(np.interp(at, np.arange(n_gusts), random.normal(0, 1, n_gusts)))
    return np.asarray(rumble * strength + 0.1 * pink(random))


NOISES: Mapping[str, Callable[[np.random.Generator], Sound]] = {
    "white": white,
    "pink": pink,
    "insects": insects,
    "rain": rain,
    "wind": wind,
}


def at_level(sound: Sound, level_dbfs: float) -> Sound:
    """Return a sound scaled to a level in dBFS (AES17: a full-scale sine reads 0)."""
    return np.asarray(sound * np.sqrt(0.5 * 10 ** (level_dbfs / 10) / np.mean(sound**2)))


def band_power(sound: Sound, low_hz: float, high_hz: float, rate_hz: int = RATE_HZ) -> float:
    """Return the mean square of a sound between two frequencies, summed over its Fourier transform."""
    middle, half = (low_hz + high_hz) / 2, max(high_hz - low_hz, LEAST_BAND_HZ) / 2
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    return float(2 * power[(hz >= middle - half) & (hz <= middle + half)].sum() / len(sound) ** 2)


def in_noise(call: MadeCall, noise: Sound, snr_db: float) -> Waveform:
    """Return a call in noise, at `snr_db` in its band while it sounds, with a peak of −6 dBFS."""
    power = float(np.mean(call.samples[call.sounds] ** 2))
    present = band_power(noise, call.low_hz, call.high_hz)
    return made(call.samples + noise * np.sqrt(power / present / 10 ** (snr_db / 10)))


def made(sound: Sound, *, peak: float | None = _PEAK) -> Waveform:
    """Return samples as a waveform, scaled to a peak unless it is None."""
    scale = 1.0 if peak is None else peak / max(float(np.abs(sound).max()), 1e-12)
    return Waveform((scale * sound).astype(np.float32), RATE_HZ)


def _notes(
    random: np.random.Generator, shortest_s: float, longest_s: float
) -> tuple[Sound, npt.NDArray[np.bool_], float]:
    """Return the time since each note began [n], where it sounds [n], and its length."""
    note_s = float(random.uniform(shortest_s, longest_s))
    period_s = note_s + float(random.uniform(0.25, 0.5))
    t_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ - float(random.uniform(0.1, 0.3))
    within_s = np.where(t_s >= 0, t_s % period_s, period_s)
    return within_s, within_s < note_s, note_s
