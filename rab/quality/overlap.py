"""Overlap: how much of the active time several sources sound at once.

A frame holds two sources when two bands stand out of the noise, apart from each other, both loud, and neither a
harmonic of the other. Harmonics come at whole multiples of a common fundamental and share their onset (the grouping
cues of Bregman 1990, "Auditory Scene Analysis"), so a stack is one source however many bands it has. Two singers in one
band are one source to this measure, and so are two whose pitches happen to stand in a harmonic ratio.
"""

import numpy as np
import numpy.typing as npt

from rab.audio.activity import Activity
from rab.domain.spectrogram import Cells, Mask, Spectrogram

_LEAST_EXCESS = 4.0
"""In units of the noise: 6 dB."""
_LEAST_SHARE = 0.1
"""Of the frame's loudest cell: an echo of the note before is fainter."""
_MAX_BANDS = 3
"""More are the partials of one rich or noisy call: a chickadee's "dee" has eight, in no simple ratio."""
_MIN_GAP_BINS = 6
"""Of quiet between two bands, 280 Hz."""
_MIN_RUN_FRAMES = 3
"""A note that follows another shares up to two frames with it."""
_MAX_FUNDAMENTAL_DIVISOR = 3
_HARMONIC_TOLERANCE = 0.06
"""Of the fundamental, by which a harmonic may miss its multiple."""


def overlap_fraction(spectrogram: Spectrogram, active: Activity) -> float:
    """Return the share of active frames, 0–1, in which two bands sound that no harmonic series relates."""
    frames = np.flatnonzero(active.frames)
    bins = np.flatnonzero(spectrogram.foreground[frames].any(axis=0))
    if not len(bins):
        return 0.0
    part = slice(bins[0], bins[-1] + 1)
    floor, hz = spectrogram.floor[part], spectrogram.hz[part]
    power = _mean3(spectrogram.power[frames, part])
    loud = spectrogram.foreground[frames, part] & (power > (1 + _LEAST_EXCESS) * floor)
    loudest = (power * loud).max(axis=1, keepdims=True)
    loud &= power >= _LEAST_SHARE * loudest
    n_bands = (loud[:, 1:] > loud[:, :-1]).sum(axis=1) + loud[:, 0]
    double = _lasting((n_bands > 1) & (n_bands <= _MAX_BANDS), frames)
    if not double.any():
        return 0.0
    loud = loud[double]
    first, second = _two_bands(power[double] * loud, loud, hz)
    double[double] = ~np.isnan(second) & ~_harmonic(first, second)
    return float(np.count_nonzero(_lasting(double, frames)) / len(frames))


def _two_bands(
    power: Cells, loud: Mask, hz: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the centre of each frame's loudest band, and of the loudest one apart from it (NaN without one): [n]."""
    band_of = np.cumsum(~loud, axis=1, dtype=np.int32)
    rows = np.arange(len(power))
    of_first = band_of[rows, power.argmax(axis=1)][:, None]
    apart = np.where(np.abs(band_of - of_first) >= _MIN_GAP_BINS, power, 0)
    of_second = band_of[rows, apart.argmax(axis=1)][:, None]
    first = _centre(np.where(band_of == of_first, power, 0), hz)
    second = _centre(np.where(band_of == of_second, apart, 0), hz)
    return first, second


def _centre(power: Cells, hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = power.sum(axis=1)
    return np.where(total > 0, np.einsum("ij,j->i", power, hz) / np.where(total > 0, total, 1), np.nan)


def _harmonic(one_hz: npt.NDArray[np.float64], other_hz: npt.NDArray[np.float64]) -> Mask:
    """Return where two frequencies are harmonics of the lower one, of its half or of its third."""
    low, high = np.fmin(one_hz, other_hz), np.fmax(one_hz, other_hz)
    related = np.zeros(len(low), dtype=bool)
    for divisor in range(1, _MAX_FUNDAMENTAL_DIVISOR + 1):
        multiple = high * divisor / low
        related |= np.abs(multiple - np.round(multiple)) < _HARMONIC_TOLERANCE
    return related


def _lasting(double: Mask, frames: npt.NDArray[np.intp]) -> Mask:
    """Keep only what lasts for several frames on end."""
    apart = ~double
    apart[1:] |= frames[1:] - frames[:-1] > 1
    run = np.cumsum(apart)
    return double & (np.bincount(run, weights=double)[run] >= _MIN_RUN_FRAMES)


def _mean3(power: Cells) -> Cells:
    """Return each cell's mean with its neighbours in frequency; the outermost stay as they are."""
    mean = power.copy()
    line = power.ravel()
    mean.ravel()[1:-1] += line[:-2] + line[2:]
    mean /= 3
    mean[:, 0], mean[:, -1] = power[:, 0], power[:, -1]
    return mean
