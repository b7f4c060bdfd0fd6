"""Spectrograms hold the power that the sound has, where and when it has it, and tell noise from calls."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.audio.spectrogram import frame_samples, spectrogram
from rab.domain import Waveform
from rab.domain.spectrogram import Spectrogram

RATE_HZ = 48_000


def noise(seconds: float, seed: int = 0, rate_hz: int = RATE_HZ) -> npt.NDArray[np.float64]:
    return 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))


def tone(hz: float, seconds: float, rate_hz: int = RATE_HZ) -> npt.NDArray[np.float64]:
    return np.asarray(np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz))


def made(samples: npt.NDArray[np.float64], rate_hz: int = RATE_HZ) -> Spectrogram:
    return spectrogram(Waveform(samples.astype(np.float32), rate_hz))


@pytest.mark.parametrize(
    ("rate_hz", "frame_ms"),
    [(8_000, 21.3), (22_050, 21.3), (44_100, 21.3), (48_000, 21.3), (96_000, 21.3), (192_000, 4.0), (500_000, 4.0)],
)
def test_frames_last_as_long_at_every_rate(rate_hz: int, frame_ms: float) -> None:
    """A frame has an even number of samples and lasts at least its nominal time, and 6 % more at most."""
    n = frame_samples(rate_hz)
    assert n % 2 == 0
    assert frame_ms - 0.05 <= 1000 * n / rate_hz <= 1.06 * frame_ms


def test_full_scale_sine_has_its_power_in_its_bin() -> None:
    """The bins of every frame sum to ½, and two thirds of that lie in the bin at the sine's frequency."""
    found = made(tone(3000, 1.0))
    assert found.power.sum(axis=1) == pytest.approx(0.5, rel=1e-3)
    assert found.hz[found.power.argmax(axis=1)] == pytest.approx(3000)
    assert found.power[:, 64] == pytest.approx(1 / 3, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([8_000, 22_050, 44_100, 256_000]))
def test_bins_sum_to_the_mean_square(seed: int, rate_hz: int) -> None:
    """Each frame's bins sum to the mean square of its samples under the window (Parseval)."""
    n = frame_samples(rate_hz)
    samples = np.random.default_rng(seed).uniform(-1, 1, 4 * n).astype(np.float32)
    samples -= samples.mean()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    second = samples[n // 2 : n // 2 + n] * window
    expected = np.sum(second**2) / np.sum(window**2)
    assert spectrogram(Waveform(samples, rate_hz)).power[1].sum() == pytest.approx(expected, rel=1e-4)


def test_times_are_those_of_the_frames_centres() -> None:
    """A click at 500 ms has its energy in the frame around 500 ms."""
    samples = np.zeros(RATE_HZ)
    samples[RATE_HZ // 2] = 1
    found = made(samples)
    assert found.ms[found.power.sum(axis=1).argmax()] == pytest.approx(500, abs=found.hop_ms / 2)
    assert np.diff(found.ms) == pytest.approx(found.hop_ms)
    assert found.frame_ms == pytest.approx(2 * found.hop_ms)


def test_offset_is_no_sound() -> None:
    """A constant added to the samples changes nothing."""
    samples = noise(1.0)
    assert made(samples + 0.4).power == pytest.approx(made(samples).power, rel=1e-2, abs=1e-11)


def test_snippet_has_no_frames() -> None:
    """Sound shorter than a frame has none, and no floor."""
    found = made(noise(0.02))
    assert found.power.shape == (0, 513)
    assert not found.floor.any()
    assert not found.foreground.any()


def test_arrays_are_read_only() -> None:
    """What is shared cannot be changed."""
    found = made(noise(1.0))
    with pytest.raises(ValueError, match="read-only"):
        found.power[0, 0] = 1


@pytest.mark.parametrize("rate_hz", [22_050, 48_000, 256_000])
def test_floor_is_the_noise(rate_hz: int) -> None:
    """The floor of white noise sums to its mean square within 0.2 dB."""
    samples = noise(1.0, rate_hz=rate_hz)
    assert made(samples, rate_hz).floor.sum() == pytest.approx(np.mean(samples**2), rel=0.045)


def test_floor_does_not_hear_the_calls() -> None:
    """A loud sweep for 60 % of the time, and a tone all of the time, leave the floor within 0.5 dB of the noise."""
    background = noise(3.0)
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    sweep = np.where(t % 1.0 < 0.6, 0.3 * np.sin(2 * np.pi * (3000 * t + 40 * np.sin(2 * np.pi * 8 * t))), 0)
    found = made(background + sweep + 0.05 * tone(7000, 3.0))
    assert 10 * np.log10(found.floor[10:].sum() / made(background).floor[10:].sum()) == pytest.approx(0, abs=0.5)


def test_foreground_is_where_the_call_is() -> None:
    """A burst of 4 kHz at 1–2 s is foreground in its cells; a second away and a kilohertz away nothing is."""
    samples = noise(3.0)
    samples[RATE_HZ : 2 * RATE_HZ] += 0.1 * tone(4000, 1.0)
    found = made(samples)
    during, bins = (found.ms > 1020) & (found.ms < 1980), (found.hz > 3980) & (found.hz < 4020)
    assert found.foreground[np.ix_(during, bins)].all()
    assert not found.foreground[(found.ms < 900) | (found.ms > 2100)].any()
    assert not found.foreground[:, (found.hz < 3000) | (found.hz > 5000)].any()


def test_digital_silence_is_no_floor() -> None:
    """Half a segment of zeros, with no offset, tells nothing of the noise in the other half."""
    samples = np.zeros(3 * RATE_HZ)
    samples[RATE_HZ:] = np.random.default_rng(0).permutation(np.repeat([-1 / 64, 1 / 64], RATE_HZ))
    found = made(samples)
    assert found.floor.sum() == pytest.approx(1 / 64**2, rel=0.06)
    assert not found.foreground[found.ms < 950].any()
