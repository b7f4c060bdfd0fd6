"""Rain and wind are flagged in most recordings of them, and hardly ever in those of birds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rab.audio.spectrogram import spectrogram
from rab.domain import SignalQuality, Waveform
from rab.quality import measure


def qualities(folder: Path, pattern: str, *, every: int = 1) -> Iterator[SignalQuality]:
    """Measure the first 3 s of the files of a folder."""
    paths = sorted(folder.rglob(pattern))[::every]
    assert paths, folder
    for path in paths:
        sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        waveform = Waveform(sound.mean(axis=1)[: 3 * rate_hz], rate_hz)
        yield measure(waveform, spectrogram(waveform))


def made(sound: np.ndarray[tuple[int], np.dtype[np.float64]], rate_hz: int = 48_000) -> SignalQuality:
    waveform = Waveform(sound.astype(np.float32), rate_hz)
    return measure(waveform, spectrogram(waveform))


@pytest.mark.shared
def test_rain_is_heard(shared_data: Path) -> None:
    """At least 15 of 20 clips of rain are flagged (measured: 16), and at most one of 50 of birds (measured: none)."""
    assert sum(quality.rain for quality in qualities(shared_data / "esc10/002_-_Rain", "*.ogg")) >= 15
    assert sum(quality.rain for quality in qualities(shared_data / "phoebe_xc", "*.mp3", every=2)) <= 1


@pytest.mark.shared
def test_wind_is_heard(shared_data: Path) -> None:
    """All six clips of wind are flagged, and at most three of 50 of birds (measured: 2 of 100)."""
    assert sum(quality.wind for quality in qualities(shared_data / "qut_stbees/other", "wind*.flac")) == 6
    assert sum(quality.wind for quality in qualities(shared_data / "phoebe_xc", "*.mp3", every=2)) <= 3


def test_self_noise_is_no_rain() -> None:
    """The steady hiss of a quiet recorder, at −60 dBFS, is no rain; the same at −20 dBFS reads as rain."""
    hiss = np.random.default_rng(0).standard_normal(3 * 48_000)
    assert not made(0.0007 * hiss).rain
    assert made(0.07 * hiss).rain


def test_gusts_are_wind_and_hum_is_not() -> None:
    """Rumble that comes and goes is wind; as loud a hum at a constant level is none."""
    t_s = np.arange(3 * 48_000) / 48_000
    rng = np.random.default_rng(1)
    rumble = np.convolve(rng.standard_normal(len(t_s)), np.ones(200) / 14, mode="same")
    hiss = 0.0005 * rng.standard_normal(len(t_s))
    gusts = np.exp(-(((t_s - 1) / 0.2) ** 2)) + np.exp(-(((t_s - 2.2) / 0.15) ** 2))
    assert made(0.1 * rumble * gusts + hiss).wind
    assert not made(0.1 * np.sin(2 * np.pi * 120 * t_s) + hiss).wind


def test_weather_is_not_judged_on_ultrasound() -> None:
    """Bins of 250 Hz are too wide to tell."""
    loud = made(0.1 * np.random.default_rng(0).standard_normal(256_000), 256_000)
    assert (loud.rain, loud.wind) == (False, False)
