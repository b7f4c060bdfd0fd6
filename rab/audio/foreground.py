"""Noise floor and foreground: which cells of a spectrogram hold more than noise.

Periodogram power of stationary noise is exponentially distributed, so a low quantile over time, times a known factor,
is its mean, however loud the calls are that sound the rest of the time (the idea of minimum statistics: Martin 2001,
IEEE Trans. Speech Audio Process. 9:504–512; its use on recordings of birds: Towsey 2013, "Noise removal from waveforms
and spectrograms derived from natural recordings of the environment", QUT). Sums of neighbouring cells are taken as
gamma distributed, with the shape that their correlation under a Hann window leaves.

The foreground is found on a pyramid of block sizes, fine to coarse, each cell compared with what noise reaches by
chance: loud calls stand out in single cells, faint ones only in the mean of a thousand. What a finer level has found is
taken out before the next, so that a loud tone does not light up a wide block. At the threshold used, 3 of 100 segments
of white or pink noise hold any foreground at all (3 s at 48 kHz, 400 of each).
"""

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rab.domain.spectrogram import DYNAMIC_RANGE, Cells, Mask

LOWEST_BIN = 2
"""Bins below hold the leakage of an offset and of drift: never foreground. Nor are as many at the upper end, where
converters leave a tone at half the sample rate."""
MIN_FRAMES = 16
"""Fewer frames leave a floor uncertain by more than a decibel."""

_CORRELATION = ((1.0, 16 / 36, 1 / 36), (1 / 36, 0.72 / 36, 0.25 / 36))
"""Of the noise power of two cells, by their distance in frames and bins: Hann window, half overlapped."""
_FLOOR_QUANTILE = 0.2
_FLOOR_SHAPE = 0.45
"""Gamma shape of the rough floor, per pair of frames and bin: its error, measured on white noise of 0.2 to 3 s."""
_FLOOR_REACH_BINS = 43
"""To either side, 2 kHz of 47 Hz bins: a bin is held against the median of this neighbourhood."""
_FLOOR_EXCESS = 1.6
"""A floor this far above its neighbourhood is a call that never pauses."""
_FALSE_ALARM = 0.03
_FRAME_BLOCKS = (2, 4, 8, 16)
_BIN_BLOCKS = (1, 4, 16)
_SQUARE = 4
"""The foreground is told apart in squares of 4 frames × 4 bins, which also takes in a call's skirts."""
_FOUR_BYTES = np.uint32(0x01010101)
"""Times a flag: four flags side by side, eight times as fast as repeating it."""
_MARGIN_PAIRS, _MARGIN_BINS = 8, 16
"""Of nothing but noise around the cells, so that a block at their edge has neighbours."""
_MIN_FREE_FRACTION = 0.5


def noise_and_foreground(power: Cells) -> tuple[Cells, Mask]:
    """Return the noise floor, float32 [n_bins], and the foreground, bool [n_frames, n_bins], of a spectrogram.

    `power` is float32 [n_frames, n_bins] with at least 16 frames, none of them digital silence.
    """
    pairs = power[:-1:2] + power[1::2]
    rough = _rough_floor(pairs)
    squares = _squares(pairs, np.maximum(rough, power.max() * DYNAMIC_RANGE))
    bins = (squares * _FOUR_BYTES).view(np.bool_)[:, : power.shape[1]]
    bins[:, :LOWEST_BIN] = bins[:, -LOWEST_BIN:] = False
    foreground = np.repeat(bins, _SQUARE, axis=0)[: len(power)]
    return _settled_floor(pairs, rough, foreground), foreground


@cache
def gamma_shape(n_frames: int, n_bins: int) -> float:
    """Return the shape of the gamma distribution nearest to the sum of a block of noise cells.

    Mean and variance agree (Box 1954, Ann. Math. Stat. 25:290–302); independent cells would have n_frames · n_bins.
    """
    variance = sum(
        max(0, n_frames - abs(d_frame)) * max(0, n_bins - abs(d_bin)) * _CORRELATION[abs(d_frame)][abs(d_bin)]
        for d_frame in (-1, 0, 1)
        for d_bin in (-2, -1, 0, 1, 2)
    )
    return (n_frames * n_bins) ** 2 / variance


@cache
def noise_quantile(shape: float, log10_above: float, floor_shape: float = math.inf) -> float:
    """Return the multiple of the noise floor that a mean of noise cells exceeds with probability 10^log10_above.

    The mean is a gamma variable of a given shape, and so is the estimate of the floor it is divided by: their ratio has
    an F distribution, whose cube root is nearly a ratio of normals (Paulson 1942, Ann. Math. Stat. 13:233–235; with a
    known floor, Wilson and Hilferty 1931, PNAS 17:684–688). Infinite where the floor is too uncertain to tell.
    """
    z = -NormalDist().inv_cdf(10.0**log10_above)
    a, b = 1 / (9 * shape), 1 / (9 * floor_shape)
    square, linear, constant = (1 - b) ** 2 - z**2 * b, (1 - a) * (1 - b), (1 - a) ** 2 - z**2 * a
    if square <= 0:
        return math.inf
    root = math.copysign(math.sqrt(linear**2 - square * constant), z)
    return float(((linear + root) / square) ** 3)


def _rough_floor(pairs: Cells) -> Cells:
    """Estimate the noise power of each bin from its quiet fifth: float32 [n_bins].

    Right while the bin's calls pause for more than a fifth of the time. A bin that stands 2 dB above the median of its
    neighbours, within 2 kHz, is taken for a call that never pauses, and given that median. The neighbourhood is
    symmetric, so that a slope (pink noise, an anti-alias filter) has its own value for a median.
    """
    rank = int(_FLOOR_QUANTILE * len(pairs))
    over_time = np.ascontiguousarray(pairs.T)
    sums = np.empty_like(over_time)
    np.add(over_time[:-2], over_time[2:], out=sums[1:-1])
    sums[1:-1] += over_time[1:-1]
    sums[0], sums[-1] = sums[1], sums[-2]
    sums.sort(axis=1)  # faster than a partition of so few
    quiet = sums[:, rank] / 6
    above = math.log10(1 - (rank + 1) / (len(pairs) + 1))
    floor = np.log(np.maximum(quiet / noise_quantile(gamma_shape(2, 3), above), 1e-30))
    nearby = _neighbourhood(floor)
    return np.exp(np.where(floor > nearby + math.log(_FLOOR_EXCESS), nearby, floor)).astype(np.float32)


def _settled_floor(pairs: Cells, rough: Cells, foreground: Mask) -> Cells:
    """Return the mean power of each bin outside the foreground: float32 [n_bins].

    Bins that the foreground covers for more than half of the time are read off between their neighbours, or keep the
    rough estimate where that is lower.
    """
    free = ~foreground[: 2 * len(pairs) : 2]
    n_free = count(free)
    settled = n_free > _MIN_FREE_FRACTION * len(free)
    settled[:LOWEST_BIN] = False
    if not settled.any():
        return rough
    mean: Cells = (pairs * free).sum(axis=0) / (2 * np.maximum(n_free, 1)).astype(np.float32)
    if settled[LOWEST_BIN:].all():
        return mean
    bins = np.arange(len(rough))
    between = np.exp(np.interp(bins, bins[settled], np.log(np.maximum(mean[settled], 1e-30))))
    settled[:LOWEST_BIN] = True
    floor: Cells = np.where(settled, mean, np.minimum(rough, between)).astype(np.float32)
    return floor


def count(mask: Mask) -> npt.NDArray[np.intp]:
    """Return how many frames of each bin are set: intp [n_bins]. Bytes, 255 at a time, add up three times as fast."""
    n_set = np.zeros(mask.shape[1], dtype=np.intp)
    for first in range(0, len(mask), 255):
        n_set += np.add.reduce(mask[first : first + 255].view(np.uint8), axis=0, dtype=np.uint8)
    return n_set


def _squares(pairs: Cells, floor: Cells) -> Mask:
    """Return bool [⌈n_frames / 4⌉, ⌈n_bins / 4⌉]: the squares in which some block of cells stands out of the noise."""
    n_pairs, n_bins = pairs.shape
    cells = np.ones(
        (_ceil(n_pairs, _MARGIN_PAIRS) + 2 * _MARGIN_PAIRS, _ceil(n_bins, 16) + 2 * _MARGIN_BINS), np.float32
    )
    inner = cells[_MARGIN_PAIRS : _MARGIN_PAIRS + n_pairs, _MARGIN_BINS : _MARGIN_BINS + n_bins]
    np.divide(pairs, 2 * floor, out=inner)
    inner[:, :LOWEST_BIN] = inner[:, -LOWEST_BIN:] = 1
    found = np.zeros((cells.shape[0] // 2, cells.shape[1] // _SQUARE), dtype=bool)
    floor_shape = n_pairs * _FLOOR_SHAPE * 3
    _find(cells, 1, floor_shape, found)
    cells = _mean4(cells)
    np.copyto(cells, 1, where=np.repeat(found, 2, axis=0))
    _find(cells, 4, 4 * floor_shape, found)
    np.copyto(cells, 1, where=np.repeat(found, 2, axis=0))
    _find(_mean4(cells), 16, 16 * floor_shape, found)
    return found[_MARGIN_PAIRS // 2 :, _MARGIN_BINS // _SQUARE :]


def _find(cells: Cells, bin_block: int, floor_shape: float, found: Mask) -> None:
    """Mark in `found` the squares that stand out when blocks of more and more frames are averaged.

    `floor_shape` tells how well the floor is known over three blocks of bins.
    """
    sums = _sum3(cells)
    for frame_block in _FRAME_BLOCKS:
        if frame_block > _FRAME_BLOCKS[0]:
            sums = sums[::2] + sums[1::2]
        blocks = sums[:-2] + sums[2:]
        blocks += sums[1:-1]
        expected = 3 * frame_block / 2
        loud = np.zeros(sums.shape, dtype=bool)
        np.greater(blocks, 3 * expected * _threshold(frame_block, bin_block, sums.size, floor_shape), out=loud[1:-1])
        if loud.any():
            found |= _in_squares(loud, frame_block, bin_block)
            if frame_block < _FRAME_BLOCKS[-1]:
                np.copyto(sums, expected, where=loud)


@cache
def _threshold(frame_block: int, bin_block: int, n_blocks: int, floor_shape: float) -> float:
    """Return the multiple of the noise that none of so many means of 3 × 3 blocks exceeds, but for a false alarm."""
    chance = _FALSE_ALARM / (len(_FRAME_BLOCKS) * len(_BIN_BLOCKS) * n_blocks)
    return noise_quantile(gamma_shape(3 * frame_block, 3 * bin_block), round(math.log10(chance), 2), floor_shape)


def _in_squares(loud: Mask, frame_block: int, bin_block: int) -> Mask:
    """Return the squares that the loud blocks touch."""
    if bin_block < _SQUARE:
        loud = loud.view(np.uint32) != 0  # four bins at a time
    if frame_block < _SQUARE:
        loud = loud[::2] | loud[1::2]
    if bin_block > _SQUARE:
        loud = (loud * _FOUR_BYTES).view(np.bool_)
    return np.repeat(loud, frame_block // _SQUARE, axis=0) if frame_block > _SQUARE else loud


def _ceil(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _mean4(cells: Cells) -> Cells:
    """Return the means of four neighbours in frequency, added as pairs: ten times as fast as reshape and mean."""
    pairs = cells.view(np.complex64)
    fours = pairs[:, ::2] + pairs[:, 1::2]
    mean: Cells = fours.real + fours.imag
    mean *= np.float32(0.25)
    return mean


def _sum3(cells: Cells) -> Cells:
    """Return each cell plus its neighbours in frequency; the outermost take their neighbour's sum.

    Rows are added as one line, which is three times as fast; what runs over their ends is overwritten.
    """
    sums = np.empty_like(cells)
    line, inner = cells.ravel(), sums.ravel()[1:-1]
    np.add(line[:-2], line[2:], out=inner)
    inner += line[1:-1]
    sums[:, 0], sums[:, -1] = sums[:, 1], sums[:, -2]
    return sums


def _neighbourhood(floor: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the running median of a log spectrum, mirrored in a point at its ends so that slopes stay unbiased."""
    reach = min(_FLOOR_REACH_BINS, len(floor) - 1)
    before, after = 2 * floor[0] - floor[reach:0:-1], 2 * floor[-1] - floor[-2 : -2 - reach : -1]
    wide = np.concatenate((before, floor, after))
    step = 4
    windows = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1)[::step]
    medians = np.sort(windows, axis=1)[:, reach]
    bins = np.arange(len(floor))
    nearby: npt.NDArray[np.float64] = np.interp(bins, bins[::step], medians)
    return nearby
