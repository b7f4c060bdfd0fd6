"""What BatDetect2 sees: 10 to 120 kHz over time, each band relative to how loud it has been.

The steps and their constants are the authors': magnitudes of 2 ms frames every 0.5 ms, per-channel energy
normalisation, what is steady in a band over the chunk taken away, and the picture resized to half its width. Transform
and normalisation run in float64, since the normalisation lifts the faintest band to the height of the loudest: pictures
agree with theirs within 1e-6, where the highest values are about 3.

Source: batdetect2 1.3.1, `utils.audio_utils`; per-channel energy normalisation: Wang et al. 2017, ICASSP, with the
constants of librosa's `pcen`, called with sr = 25,600 Hz and its default hop of 512 samples.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

SAMPLE_RATE_HZ = 256_000
LOW_HZ, HIGH_HZ = 10_000.0, 120_000.0
N_ROWS = 128
"""Height of the picture: its first row is the highest band."""

_FRAME, _STEP = 512, 128
_FIRST_BIN, _END_BIN = 21, 241  # 10 and 120 kHz at 500 Hz a bin; the lowest is left out
_COLUMNS_MULTIPLE = 32
"""The network halves the picture three times; the authors pad it to a multiple of this many columns."""

_GAIN, _BIAS, _FLOOR = 0.98, 2.0, 1e-6
_FULL_SCALE = 2.0**31
_FRAMES_OF_MEMORY = 0.4 * 25_600 / 512


Column = TypeVar("Column", float, Doubles)


def column_ms(column: Column) -> Column:
    """Return the time of a column in milliseconds from the window's start, as the authors count it."""
    return (2 * column * _STEP + _FRAME - _STEP) * 1000 / SAMPLE_RATE_HZ


def picture(sound: Floats) -> Floats:
    """Return the picture of a sound at 256 kHz: float32 [128, n_columns], n_columns a multiple of 32.

    A sound too short for that is lengthened with zeros by the authors' rule.
    """
    bands = _normalised(_magnitudes(_lengthened(sound)))
    bands = np.maximum(bands - bands.mean(axis=0), 0)
    columns = _resized(bands, len(bands) // 2)
    return np.ascontiguousarray(_resized(columns.T[::-1], N_ROWS))


def _lengthened(sound: Floats) -> Floats:
    """Return the sound with zeros behind it, so that its picture's width suits the network."""
    n_columns = (len(sound) - (_FRAME - _STEP)) // _STEP // 2
    n_wanted = max(-(-n_columns // _COLUMNS_MULTIPLE), 2) * _COLUMNS_MULTIPLE
    if n_columns == n_wanted:
        return sound
    return np.pad(sound, (0, 2 * n_wanted * _STEP + _FRAME - _STEP - len(sound)))


def _magnitudes(sound: Floats) -> Doubles:
    """Return float64 [n_frames, 220], lowest band first."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_STEP]
    spectrum = np.fft.rfft(frames * hann)[:, _FIRST_BIN:_END_BIN]
    magnitudes: Doubles = np.abs(spectrum)
    return magnitudes


def _normalised(magnitudes: Doubles) -> Floats:
    """Return each band over a power of its own recent past, which starts at 1."""
    loud = magnitudes * _FULL_SCALE
    past = _past(loud) + _FLOOR
    relative = loud * past**-_GAIN
    normalised: Floats = (np.sqrt(relative + _BIAS) - np.sqrt(_BIAS)).astype(np.float32)
    return normalised


def _past(values: Doubles) -> Doubles:
    """Return the running mean of each band: a share of the new, the rest of the old. Before the first frame it is 1.

    Frame by frame in numpy takes 12 ms for 3 s; scipy.signal's filter as long, and 1 s to import.
    """
    share = (np.sqrt(1 + 4 * _FRAMES_OF_MEMORY**2) - 1) / (2 * _FRAMES_OF_MEMORY**2)
    past: Doubles = values * share
    before = np.ones(values.shape[1])
    for now in past:
        now += (1 - share) * before
        before = now
    return past


def _resized(rows: Floats, n_rows: int) -> Floats:
    """Interpolate linearly between rows, whose centres stay where they are in the whole."""
    centres = np.maximum((np.arange(n_rows) + 0.5) * len(rows) / n_rows - 0.5, 0)
    before = np.minimum(centres.astype(np.intp), len(rows) - 1)
    after = np.minimum(before + 1, len(rows) - 1)
    share = (centres - before).astype(np.float32)[:, np.newaxis]
    resized: Floats = rows[before] * (1 - share) + rows[after] * share
    return resized
