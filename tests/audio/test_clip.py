"""Clips that browsers play."""

from io import BytesIO

import numpy as np
import pytest
import soundfile

from rab.audio import clip_expansion, clip_wav
from rab.domain import Waveform


def played(content: bytes) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int16]], int]:
    """Decode a clip to 16-bit samples and its declared rate."""
    samples, rate_hz = soundfile.read(BytesIO(content), dtype="int16")
    return samples, rate_hz


def test_a_clip_is_the_sound_at_its_level() -> None:
    """16-bit samples come back as they were, between the fades; equal sound gives equal bytes."""
    pcm = np.random.default_rng(0).integers(-32768, 32768, 48_000).astype(np.int16)
    waveform = Waveform((pcm / 32768).astype(np.float32), 48_000)
    content = clip_wav(waveform)
    samples, rate_hz = played(content)
    assert rate_hz == 48_000
    np.testing.assert_array_equal(samples[240:-240], pcm[240:-240])
    assert content == clip_wav(waveform)


def test_the_ends_are_faded() -> None:
    """From nothing to full level and back, without a jump."""
    samples, _ = played(clip_wav(Waveform(np.full(48_000, 0.5, np.float32), 48_000), fade_ms=10))
    assert abs(int(samples[0])) < 10 > abs(int(samples[-1]))
    assert (samples[240], samples[480], samples[-481]) == (pytest.approx(8192, abs=60), 16384, 16384)
    assert np.abs(np.diff(samples.astype(int))).max() < 60


@pytest.mark.parametrize("n_samples", [0, 1, 2, 100])
def test_a_clip_shorter_than_its_fades_is_whole(n_samples: int) -> None:
    """The fades meet in the middle."""
    samples, _ = played(clip_wav(Waveform(np.ones(n_samples, np.float32), 48_000)))
    assert len(samples) == n_samples


@pytest.mark.parametrize(
    ("sample_rate_hz", "declared_hz", "expansion"),
    [(22_050, 22_050, 1), (96_000, 96_000, 1), (192_000, 19_200, 10), (312_500, 31_250, 10), (500_000, 50_000, 10)],
)
def test_ultrasound_is_slowed_to_be_heard(sample_rate_hz: int, declared_hz: int, expansion: int) -> None:
    """Above 96 kHz a clip plays ten times slower, and the factor can be told to the listener."""
    _, rate_hz = played(clip_wav(Waveform(np.zeros(100, np.float32), sample_rate_hz)))
    assert (rate_hz, clip_expansion(sample_rate_hz)) == (declared_hz, expansion)


def test_gain_raises_the_level_up_to_full_scale() -> None:
    """Six decibels double a sample; what does not fit is clipped, not wrapped."""
    samples, _ = played(clip_wav(Waveform(np.array([0.25, -0.75], np.float32), 48_000), fade_ms=0, gain_db=6.0206))
    assert samples.tolist() == [16384, -32768]
