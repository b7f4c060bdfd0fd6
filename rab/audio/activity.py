"""Activity: when and in which band a segment's calls sound.

One answer for all that is measured on a call, so that its SNR, its duration and its pitch speak of the same cells. The
band is where 99 % of the call's energy lies, each bin in units of its own noise, so that rumble does not outweigh a
bird. The frames are those in which the band's power stands within 13 dB of the call's typical level, or as near to it
as the noise allows.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from rab.audio.foreground import LOWEST_BIN, count, gamma_shape
from rab.domain.spectrogram import Cells, Mask, Spectrogram

_TAIL_FRACTION = 0.005
"""Of the energy, left out at either end of the band."""
_MIN_BAND_BINS = 4
"""The main lobe of a Hann window: no band is told narrower."""
_WINDOW_SPREAD_BINS = 0.5
"""By which the window widens a band at either end, at 0.5 % of its energy."""
_STRONG_SIGMAS, _WEAK_SIGMAS = 3.0, 2.0
_LINE_BINS = 6
_STEADY_QUARTER = 0.4
"""Of a bin's mean power, that the lower quartile of its frames reaches (noise: 0.29). A tone so narrow and steady is
interference beside a call, and the call where it is alone."""
_LEAST_BIN_FRACTION = 0.01
"""A bin 20 dB below the band's strongest adds nothing to the call's power and may be a sidelobe."""
_ACTIVE_FRACTION, _MAX_ACTIVE_FRACTION = 0.05, 0.5
_ACTIVE_SIGMAS = 2.0
_SMOOTHING_FRAMES = (1, 3, 5, 9)
_REACH_FRAMES = 4
_KEPT_HZ = 0.1
"""To this a signal quality rounds its band."""
_EDGE_SHARE = 0.7
"""Share of a sharp edge's smear that is taken off: between calls that begin at once (1) and over 10 ms (0.4)."""


@dataclass(frozen=True, eq=False)
class Activity:
    """The band of a segment's calls and the frames in which they sound."""

    low_hz: float
    high_hz: float
    bins: slice
    """The bins of the band, and one to either side into which the window spreads it."""
    frames: Mask
    """[n_frames]"""
    level: npt.NDArray[np.float64]
    """[n_frames], power in those bins over their noise, in units of one bin's noise; 0 away from the foreground, and
    averaged over some frames where the noise asks for it."""
    least_level: float
    """Above it a frame is active."""
    active_ms: float
    power: Cells
    """[number of active frames, n_bins of the band]: the spectrogram there."""

    @cached_property
    def spectrum(self) -> npt.NDArray[np.float64]:
        """[n_bins of the band], mean power while the calls sound."""
        mean: npt.NDArray[np.float64] = self.power.mean(axis=0).astype(np.float64)
        return mean


_LAST: WeakKeyDictionary[Spectrogram, Activity] = WeakKeyDictionary()
"""What was last found in a spectrogram: a description asks again for the band whose quality was measured."""


def activity(
    spectrogram: Spectrogram, band_hz: tuple[float, float] | None = None, *, above_hz: float = 0.0
) -> Activity | None:
    """Return when and where calls sound, or None when nothing stands out of the noise.

    `band_hz` sets the band; without it, it is looked for at frequencies from `above_hz`.
    """
    last = _LAST.get(spectrogram)
    if last is not None and band_hz is not None and _is_band_of(last, *band_hz):
        return last
    if not spectrogram.foreground.any():
        return None
    band = band_hz or _band(spectrogram, above_hz)
    if band is None:
        return None
    reach_hz = (1 + _WINDOW_SPREAD_BINS) * spectrogram.bin_hz
    first, last = np.searchsorted(spectrogram.hz, [band[0] - reach_hz, band[1] + reach_hz])
    bins = slice(max(int(first), LOWEST_BIN), int(last))
    near = _mean(spectrogram.foreground[:, bins].any(axis=1), 2 * _REACH_FRAMES + 1) > 0
    power = spectrogram.power[:, bins]
    # einsum sums without a temporary array, and without the threads of a matrix product
    excess = np.einsum("ij,j->i", power, 1 / spectrogram.noise[bins]) - (bins.stop - bins.start)
    level, typical, fraction = _level(np.where(near, excess, 0), n_bins=bins.stop - bins.start)
    frames = level > fraction * typical
    n_frames, n_runs = np.count_nonzero(frames), frames[0] + np.count_nonzero(frames[1:] > frames[:-1])
    if n_frames == 0:
        return None
    n_active = max(n_frames - n_runs * _EDGE_SHARE * _edge_frames(fraction), n_runs)
    found = Activity(*band, bins, frames, level, fraction * typical, n_active * spectrogram.hop_ms, power[frames])
    _LAST[spectrogram] = found
    return found


def noise_power(spectrogram: Spectrogram, low_hz: float, high_hz: float) -> float:
    """Return the noise power between two frequencies; bins at the ends count by the share that lies inside."""
    half = spectrogram.bin_hz / 2
    inside = np.minimum(spectrogram.hz + half, high_hz) - np.maximum(spectrogram.hz - half, low_hz)
    return float(spectrogram.floor @ np.minimum(np.maximum(inside / spectrogram.bin_hz, 0), 1))


def energy_band(hz: npt.NDArray[np.float64], energy: npt.NDArray[np.floating], tail: float) -> tuple[float, float]:
    """Return the frequencies that leave the fraction `tail` of the energy below and above; `energy` is [n_bins] ≥ 0."""
    bin_hz = hz[1] - hz[0]
    share = np.cumsum(energy, dtype=np.float64)
    share /= share[-1]
    before = share - energy / energy.sum(dtype=np.float64)
    low, high = int(np.searchsorted(share, tail)), int(np.searchsorted(share, 1 - tail))
    return (
        float(hz[low] + bin_hz * ((tail - before[low]) / (share[low] - before[low]) - 0.5)),
        float(hz[high] + bin_hz * ((1 - tail - before[high]) / (share[high] - before[high]) - 0.5)),
    )


def _is_band_of(found: Activity, low_hz: float, high_hz: float) -> bool:
    return max(abs(low_hz - found.low_hz), abs(high_hz - found.high_hz)) < _KEPT_HZ


def _band(spectrogram: Spectrogram, above_hz: float) -> tuple[float, float] | None:
    """Find the band: bins that the foreground makes certain, and those next to them that are likely."""
    power, foreground, noise = spectrogram.power, spectrogram.foreground, spectrogram.noise
    n_cells = count(foreground)
    energy = np.where(spectrogram.hz >= above_hz, np.einsum("ij,ij->j", power, foreground) / noise - n_cells, 0)
    certain = _stands_out(energy, n_cells, _STRONG_SIGMAS) & (energy > 0)
    if not certain.any():
        return None
    certain = _without_lines(certain, power)
    frames = (foreground & certain).any(axis=1)
    n_frames = np.count_nonzero(frames)
    energy = np.einsum("i,ij->j", frames.astype(np.float32), power) / noise - n_frames
    likely = certain | _stands_out(energy, np.full_like(n_cells, n_frames), _WEAK_SIGMAS)
    energy = np.where(_runs_with(certain, likely), np.maximum(energy, 0), 0)
    if not energy.any():
        return None
    low_hz, high_hz = energy_band(spectrogram.hz, energy, _TAIL_FRACTION)
    spread_hz, half_hz = _WINDOW_SPREAD_BINS * spectrogram.bin_hz, _MIN_BAND_BINS / 2 * spectrogram.bin_hz
    middle_hz = max((low_hz + high_hz) / 2, half_hz)
    return min(low_hz + spread_hz, middle_hz - half_hz), max(high_hz - spread_hz, middle_hz + half_hz)


def _without_lines(certain: Mask, power: Cells) -> Mask:
    """Leave out narrow runs of bins that sound steadily throughout, unless there is nothing else."""
    run_of = np.cumsum(~certain)
    narrow = certain & (np.bincount(run_of, weights=certain) <= _LINE_BINS)[run_of]
    if not narrow.any():
        return certain
    over_time = np.sort(power.T[narrow], axis=1)
    rank = (len(power) - 1) / 4
    below, above = over_time[:, math.floor(rank)], over_time[:, math.ceil(rank)]
    steady = np.zeros_like(certain)
    steady[narrow] = below + (rank % 1) * (above - below) > _STEADY_QUARTER * over_time.mean(axis=1)
    calls = certain & ~_runs_with(steady, certain)
    return calls if calls.any() else certain


def _runs_with(some: Mask, mask: Mask) -> Mask:
    """Return the runs of a mask that hold one of `some`, itself part of the mask."""
    run_of = np.cumsum(~mask)
    holds = np.zeros(len(mask) + 1, dtype=bool)
    holds[run_of[some]] = True
    runs: Mask = mask & holds[run_of]
    return runs


def _stands_out(energy: npt.NDArray[np.floating], n_cells: npt.NDArray[np.intp], sigmas: float) -> Mask:
    """Return the bins whose energy, averaged over three, is certain by `sigmas` and not negligible."""
    smooth = _mean(energy, 3)
    sigma = np.sqrt(_mean(n_cells, 3) / gamma_shape(1, 3))
    return np.asarray(smooth > np.maximum(sigmas * sigma, _LEAST_BIN_FRACTION * smooth.max()))


def _level(level: Cells, n_bins: int) -> tuple[npt.NDArray[np.float64], float, float]:
    """Return the level, smoothed as needed, the typical level, and the fraction of it from which frames are active.

    The typical level is the energy's own mean: the plateau of a call that has one. Noise asks for a threshold of two
    standard deviations; where that exceeds half of the typical level, more and more frames are averaged.
    """
    sigma = n_bins / math.sqrt(gamma_shape(1, n_bins))
    for n in _SMOOTHING_FRAMES:
        smooth = _mean(level, n)
        heard = np.maximum(smooth, 0)
        typical = float(heard @ heard / max(heard.sum(), 1e-12))
        fraction = _ACTIVE_SIGMAS * sigma / math.sqrt(n) / max(typical, 1e-12)
        if fraction <= _MAX_ACTIVE_FRACTION:
            break
    return smooth, typical, min(max(fraction, _ACTIVE_FRACTION), _MAX_ACTIVE_FRACTION)


def _edge_frames(fraction: float) -> float:
    """Return by how many frames a run outlasts a call with sharp edges, seen through half-overlapped Hann windows.

    A frame whose centre lies u frame lengths outside holds the integral of cos⁴(πx) from u to ½ of the call's power.
    """
    tails, reaches = _smear()
    return 4 * float(np.interp(fraction, tails, reaches))


@cache
def _smear() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    outside = np.linspace(0.5, 0, 129)
    sines = 8 * np.sin(2 * np.pi * outside) + np.sin(4 * np.pi * outside)
    return 0.5 - outside - sines / (12 * np.pi), outside


def _mean(values: npt.ArrayLike, n: int) -> npt.NDArray[np.float64]:
    """Return the running mean over n values, n odd; zeros lie beyond the ends."""
    values = np.asarray(values, dtype=np.float64)
    return np.convolve(values, _boxcar(n), mode="same") if n > 1 else values


@cache
def _boxcar(n: int) -> npt.NDArray[np.float64]:
    return np.full(n, 1 / n)
