"""Pitch contour: how the frequency of a call moves.

In each active frame the pitch is the lowest peak within 6 dB of the strongest: of a harmonic stack the fundamental, or
the lowest strong harmonic. Noise has no pitch: a single frame of it has a spectral flatness of e^−γ = 0.56 (γ being
Euler's constant) whatever its band, while tones and sweeps stay below 0.5 at 5 dB and below 0.33 at 10 dB. Neither has
a call whose peaks leap about its band from frame to frame, faster than frames can follow.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.audio.activity import Activity
from rab.descriptors.peaks import interpolated_peak
from rab.domain.spectrogram import Cells, Spectrogram

_LEAST_SHARE = 0.25
"""Of the frame's strongest bin, from which a peak counts."""
_LEAST_EXCESS = 5.0
"""Times the noise, from which a frame's pitch is trusted: 7 dB."""
_MIN_FRAMES = 3
_MAX_FLATNESS = 0.4
"""Median over the frames, geometric over arithmetic mean of the band's bins."""
_EMPTY = 1e-3
"""Of a frame's mean bin, at which an empty one counts."""
_MAX_ROUGHNESS = 0.15
"""Of the band: the median second difference of a smooth contour; of noise it is about 0.6."""


class Contour(NamedTuple):
    """What a contour comes to."""

    median_hz: float
    range_hz: float
    """Between its 5th and 95th percentiles."""
    slope_hz_per_s: float | None
    """Of the straight lines, all of one slope, that fit the unbroken runs best; None where no run has two frames."""


def contour(spectrogram: Spectrogram, active: Activity) -> Contour | None:
    """Return the contour of the calls, or None when fewer than three frames have a clear pitch or they form no line."""
    frames = np.flatnonzero(active.frames)
    power, hz = active.power, spectrogram.hz[active.bins]
    strongest = power.argmax(axis=1)
    rows = np.arange(len(frames))
    clear = power[rows, strongest] > _LEAST_EXCESS * spectrogram.floor[active.bins][strongest]
    if np.count_nonzero(clear) < _MIN_FRAMES or power.shape[1] < 3:
        return None
    frames, power = frames[clear], power[clear]
    if _flatness(power) > _MAX_FLATNESS:
        return None
    pitch = interpolated_peak(power, _lowest_peak(power), hz)
    run = np.zeros(len(frames), dtype=np.intp)
    np.cumsum(frames[1:] - frames[:-1] > 1, out=run[1:])
    if _roughness(pitch, run) > _MAX_ROUGHNESS * (hz[-1] - hz[0]) + spectrogram.bin_hz:
        return None
    low, median, high = _percentiles(pitch)
    slope = _common_slope(pitch, frames * spectrogram.hop_ms / 1000, run)
    return Contour(median, high - low, slope)


def _flatness(power: Cells) -> float:
    """Return the median over spectra [n, n_bins] of geometric over arithmetic mean."""
    mean = power.mean(axis=1)
    logs = np.log(np.maximum(power, _EMPTY * mean[:, None]))
    return _median(np.exp(logs.mean(axis=1)) / mean)


def _lowest_peak(power: Cells) -> npt.NDArray[np.intp]:
    """Return [n], the bin of each spectrum's lowest local maximum within 6 dB of the strongest."""
    peak = power >= _LEAST_SHARE * power.max(axis=1, keepdims=True)
    peak[:, 1:] &= power[:, 1:] >= power[:, :-1]
    peak[:, :-1] &= power[:, :-1] >= power[:, 1:]
    lowest: npt.NDArray[np.intp] = peak.argmax(axis=1)
    return lowest


def _roughness(pitch: npt.NDArray[np.float64], run: npt.NDArray[np.intp]) -> float:
    """Return the median size of the second difference within runs; 0 where no run has three frames."""
    second = np.abs(pitch[2:] - 2 * pitch[1:-1] + pitch[:-2])[run[2:] == run[:-2]]
    return _median(second) if len(second) else 0.0


def _common_slope(
    pitch: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64], run: npt.NDArray[np.intp]
) -> float | None:
    size = np.bincount(run)
    pitch = pitch - (np.bincount(run, weights=pitch) / size)[run]
    seconds = seconds - (np.bincount(run, weights=seconds) / size)[run]
    spread = float(seconds @ seconds)
    return float(seconds @ pitch) / spread if spread > 0 else None


def _median(values: npt.NDArray[np.floating]) -> float:
    ordered = np.sort(values)
    return float(ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _percentiles(values: npt.NDArray[np.floating]) -> list[float]:
    """Return the 5th, 50th and 95th percentile. A quarter of the time of NumPy's own, for a hundred values."""
    last = len(values) - 1
    at = np.array([0.05 * last, 0.5 * last, 0.95 * last])
    percentiles: list[float] = np.interp(at, np.arange(last + 1), np.sort(values)).tolist()
    return percentiles
