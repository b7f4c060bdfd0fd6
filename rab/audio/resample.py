"""Resampling of a stream: the same samples as resampling the whole, in the memory of one block.

Two methods, because a model's vectors depend on the one it was trained with. `soxr` at very high quality rejects
aliases by 137 dB; `polyphase` is `scipy.signal.resample_poly`, which rejects them by 43 dB and is what Perch hears.
Neither shifts the sound: sample i of the result is the instant i / rate.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from rab.domain import Samples, Waveform
from rab.errors import SettingsError


def resampled(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
    """Resample contiguous blocks of one rate to `rate_hz` by `soxr` or `polyphase`.

    n samples become n · ratio: rounded by soxr, rounded up by polyphase. Block borders leave no trace, and the blocks
    that come out have lengths of their own. Raises `SettingsError` for another method.
    """
    if method not in _METHODS:
        raise SettingsError(f"there is no resampler {method!r}", hint=f"choose one of {', '.join(_METHODS)}")
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        return
    blocks = chain([first], blocks)
    if first.sample_rate_hz == rate_hz:
        yield from blocks
        return
    n_out = 0
    for samples in _METHODS[method]((block.samples for block in blocks), first.sample_rate_hz, rate_hz):
        if len(samples):
            yield Waveform(samples, rate_hz, first.t0_ms + 1000 * n_out / rate_hz)
            n_out += len(samples)


def _soxr(chunks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    import soxr

    resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="VHQ")
    for chunk in chunks:
        yield resampler.resample_chunk(chunk)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _polyphase(chunks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    """As `scipy.signal.resample_poly`: a Kaiser window (β = 5) of 10 zero crossings a side, as one matrix.

    A block of output samples is a product of the sound around it and a matrix that is the same for all blocks. That
    spares importing scipy.signal, 1 s, which only rates without a common measure (a matrix too large) still need.
    """
    divisor = math.gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    if max(up, down) > _MAX_RATIO:
        yield from _polyphase_by_scipy(chunks, up, down)
        return
    repeats = max(1, _BLOCK // max(up, down))
    n_in, n_out = repeats * down, repeats * up
    half = 10 * max(up, down)
    reach = math.ceil(half / up)
    taps = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    offset = np.arange(n_out) * down - (np.arange(n_in + 2 * reach)[:, np.newaxis] - reach) * up
    matrix = np.where(abs(offset) <= half, taps[np.clip(offset + half, 0, 2 * half)] * up / taps.sum(), 0)
    matrix = matrix.astype(np.float32)

    held, n_heard, n_told = np.zeros(reach, np.float32), 0, 0
    for chunk in chunks:
        n_heard += len(chunk)
        held = np.concatenate([held, chunk])
        n_blocks = (len(held) - 2 * reach) // n_in
        if n_blocks > 0:
            yield _blocks(held, n_blocks, n_in, matrix)
            n_told += n_blocks * n_out
            held = held[n_blocks * n_in :]
    n_missing = math.ceil(n_heard * up / down) - n_told
    n_blocks = math.ceil(n_missing / n_out)
    held = np.pad(held, (0, max(n_blocks * n_in + 2 * reach - len(held), 0)))
    yield _blocks(held, n_blocks, n_in, matrix)[:n_missing]


def _blocks(held: Samples, n_blocks: int, n_in: int, matrix: Samples) -> Samples:
    """Return the first blocks of a sound that begins the filter's reach before them."""
    if n_blocks == 0:
        return np.zeros(0, np.float32)
    around = np.lib.stride_tricks.sliding_window_view(held, len(matrix))[::n_in][:n_blocks]
    out = np.empty((n_blocks, matrix.shape[1]), np.float32)
    for first in range(0, matrix.shape[1], _BLOCK):
        part = matrix[:, first : first + _BLOCK]
        used = np.flatnonzero(part.any(axis=1))
        part = np.ascontiguousarray(part[used[0] : used[-1] + 1])
        at_once = max(1, _ONE_THREAD // part.size)
        for row in range(0, n_blocks, at_once):
            heard = around[row : row + at_once, used[0] : used[-1] + 1]
            out[row : row + at_once, first : first + _BLOCK] = heard @ part
    return out.ravel()


def _polyphase_by_scipy(chunks: Iterator[Samples], up: int, down: int) -> Iterator[Samples]:
    """Overlap-save: each piece is resampled with as much sound on either side as the filter reaches.

    The sound before a piece is a whole number of `down` samples long, so that the phases of the filter fall as they do
    in the whole.
    """
    from scipy.signal import firwin, resample_poly

    half = 10 * max(up, down)
    taps = firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0)).astype(np.float32)
    reach = math.ceil(half / up)
    lead = math.ceil(reach / down) * down
    skip = lead // down * up
    held = np.zeros(lead, np.float32)
    for chunk in chunks:
        held = np.concatenate([held, chunk])
        n_whole = (len(held) - lead - reach) // down
        if n_whole > 0:
            yield resample_poly(held, up, down, window=taps)[skip : skip + n_whole * up]
            held = held[n_whole * down :]
    yield resample_poly(held, up, down, window=taps)[skip:]


_MAX_RATIO = 1024
_BLOCK = 128
_ONE_THREAD = 200_000
"""Products of so many multiplications are not shared out among threads: who resamples is one of several workers."""

_METHODS = {"soxr": _soxr, "polyphase": _polyphase}
