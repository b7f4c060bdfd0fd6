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
    """Overlap-save: each piece is resampled with as much sound on either side as the filter reaches.

    The filter is `resample_poly`'s own: a Kaiser window (β = 5) of 10 zero crossings a side. The sound before a piece
    is a whole number of `down` samples long, so that the phases of the filter fall as they do in the whole.
    """
    from scipy.signal import firwin, resample_poly

    divisor = math.gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
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


_METHODS = {"soxr": _soxr, "polyphase": _polyphase}
