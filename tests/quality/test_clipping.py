"""Clipping is found where sound was cut off, at any level, and nowhere else."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from rab.quality.clipping import clipped_fraction

T_S = np.arange(48_000) / 48_000


def sine(hz: float, amplitude: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (amplitude * np.sin(2 * np.pi * hz * T_S + 0.1)).astype(np.float32)


@given(st.floats(60, 11_000), st.floats(0.05, 1.0))
def test_clean_tone_is_not_clipped(hz: float, amplitude: float) -> None:
    """The peaks of a tone touch its highest value, and are no clipping."""
    assert clipped_fraction(sine(hz, amplitude)) == 0


@given(st.floats(60, 9_000), st.floats(1.2, 4.0), st.floats(0.1, 1.0))
def test_cut_tone_is_clipped_where_it_was_cut(hz: float, drive: float, gain: float) -> None:
    """A tone driven into the rails and turned down is clipped for as long as it would have been beyond them."""
    driven = sine(hz, drive)
    clipped = np.clip(driven, -1, 1) * np.float32(gain)
    assert clipped_fraction(clipped) == pytest.approx(np.mean(np.abs(driven) >= 1), abs=0.02)


def test_quantised_full_scale_tone_is_not_clipped() -> None:
    """A 16-bit sine at full scale repeats its top code, and is no clipping."""
    assert clipped_fraction(np.round(sine(1000) * 32_767).astype(np.float32) / np.float32(32_768)) == 0


def test_one_rail_is_enough() -> None:
    """A waveform cut off on one side alone is clipped."""
    assert clipped_fraction(np.minimum(sine(440), np.float32(0.5))) == pytest.approx(1 / 3, abs=0.01)


def test_cut_noise_is_clipped() -> None:
    """Noise cut off at 2.5 standard deviations is clipped for 1.2 % of its samples."""
    samples = (0.2 * np.random.default_rng(0).standard_normal(144_000)).astype(np.float32)
    assert clipped_fraction(samples) < 1e-4
    assert clipped_fraction(np.clip(samples, -0.5, 0.5)) == pytest.approx(np.mean(np.abs(samples) >= 0.5), abs=1e-4)


def test_beyond_full_scale_is_clipped() -> None:
    """Samples that no player can render count, as a lossy codec leaves them."""
    assert clipped_fraction(sine(997, 2.0)) == pytest.approx(2 / 3, abs=0.01)


def test_faint_codes_are_not_clipping() -> None:
    """A recording of a few 16-bit codes is quiet, not clipped."""
    samples = np.round(np.random.default_rng(0).standard_normal(48_000)).astype(np.float32) / np.float32(32_768)
    assert clipped_fraction(samples) == 0


@pytest.mark.shared
def test_known_clipped_recordings_are_found(shared_data: Path) -> None:
    """Of the wider recordings, those known to be clipped are found, to 0.1 %, and no other bird's file is."""
    manifest = (shared_data / "MANIFEST.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(manifest.splitlines()):
        if row["set"] in {"pykanto_great_tit", "phoebe_xc"}:
            sound, _ = soundfile.read(shared_data / row["path"], dtype="float32", always_2d=True)
            found = np.mean([clipped_fraction(np.ascontiguousarray(channel)) for channel in sound.T])
            assert found == pytest.approx(float(row["clipped_fraction"]), abs=1e-3), row["path"]
