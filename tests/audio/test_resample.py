"""Resampling in blocks equals resampling the whole."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from rab.audio import resampled
from rab.domain import Waveform
from rab.errors import SettingsError

RATES = st.sampled_from([8_000, 22_000, 22_050, 32_000, 44_100, 48_000, 96_000, 250_000, 312_500, 500_000])
TARGETS = st.sampled_from([32_000, 48_000, 256_000])


def blocks(
    samples: npt.NDArray[np.float32], rate_hz: int, lengths: list[int], t0_ms: float = 0.0
) -> Iterator[Waveform]:
    """Cut samples into blocks, taking the lengths in turn."""
    at = 0
    while at < len(samples):
        for length in lengths:
            yield Waveform(samples[at : at + length], rate_hz, t0_ms + 1000 * at / rate_hz)
            at += length


def joined(stream: Iterator[Waveform]) -> npt.NDArray[np.float32]:
    """Return all samples of a stream."""
    return np.concatenate([np.zeros(0, np.float32), *(block.samples for block in stream)])


def whole(samples: npt.NDArray[np.float32], from_hz: int, to_hz: int, method: str) -> npt.NDArray[np.float32]:
    """Resample in one piece, by the libraries themselves."""
    divisor = math.gcd(from_hz, to_hz)
    if method == "soxr":
        one_piece: npt.NDArray[np.float32] = soxr.resample(samples, from_hz, to_hz, quality="VHQ")
    else:
        one_piece = resample_poly(samples, to_hz // divisor, from_hz // divisor)
    return one_piece


@given(
    from_hz=RATES,
    to_hz=TARGETS,
    method=st.sampled_from(["soxr", "polyphase"]),
    n_samples=st.integers(1, 4000),
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
def test_block_borders_leave_no_trace(
    from_hz: int, to_hz: int, method: str, n_samples: int, lengths: list[int]
) -> None:
    """For any rates, lengths and cuts, the stream is the whole, sample by sample."""
    samples = np.random.default_rng(n_samples).uniform(-1, 1, n_samples).astype(np.float32)
    expected = samples if from_hz == to_hz else whole(samples, from_hz, to_hz, method)
    actual = joined(resampled(blocks(samples, from_hz, lengths), to_hz, method))
    assert len(actual) == len(expected)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["soxr", "polyphase"])
@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44_100, 48_000), (48_000, 32_000), (384_000, 256_000), (22_050, 48_000)]
)
def test_sound_is_not_shifted(method: str, from_hz: int, to_hz: int) -> None:
    """A click stays at its instant, and each block says where it begins."""
    samples = np.zeros(from_hz, np.float32)
    samples[from_hz // 2] = 1.0
    stream = list(resampled(blocks(samples, from_hz, [4096], t0_ms=2000.0), to_hz, method))
    assert int(joined(iter(stream)).argmax()) == to_hz // 2
    assert stream[0].t0_ms == 2000.0
    assert all(math.isclose(before.t1_ms, after.t0_ms) for before, after in pairwise(stream))
    assert {block.sample_rate_hz for block in stream} == {to_hz}


@pytest.mark.parametrize("method", ["soxr", "polyphase"])
def test_a_tone_keeps_its_level_and_pitch(method: str) -> None:
    """1 kHz at 44.1 kHz is 1 kHz at 48 kHz, to a thousandth of its amplitude away from the ends."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100).astype(np.float32)
    expected = np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    actual = joined(resampled(blocks(tone, 44_100, [10_000]), 48_000, method))
    np.testing.assert_allclose(actual[2000:-2000], expected[2000:-2000], atol=2e-3)


def test_soxr_removes_what_would_alias() -> None:
    """A 40 kHz tone has no place at 48 kHz: over 120 dB below itself."""
    tone = np.sin(2 * np.pi * 40_000 * np.arange(192_000) / 192_000).astype(np.float32)
    left = joined(resampled(blocks(tone, 192_000, [50_000]), 48_000, "soxr"))[4000:-4000]
    assert 20 * np.log10(np.abs(left).max()) < -120


def test_the_same_rate_passes_through() -> None:
    """Block for block, untouched."""
    given_blocks = list(blocks(np.ones(100, np.float32), 48_000, [30]))
    assert list(resampled(iter(given_blocks), 48_000, "soxr")) == given_blocks


def test_nothing_gives_nothing() -> None:
    """No blocks, no sound."""
    assert list(resampled([], 48_000, "soxr")) == []


def test_an_unknown_method_is_refused() -> None:
    """The hint names those there are."""
    with pytest.raises(SettingsError, match=r"there is no resampler 'linear' \(choose one of soxr, polyphase\)"):
        next(resampled([], 48_000, "linear"))
