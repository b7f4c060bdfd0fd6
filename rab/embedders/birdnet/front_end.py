"""BirdNET's front end: two mel spectrograms, whose linear part is one matrix each.

The graph takes the *real part* of each frame's spectrum (it casts complex to float) and multiplies it by a mel matrix.
Window, cosine transform and mel matrix are linear, so they are one matrix; a cosine and a Hann window are even about
the frame's middle, so a frame is folded first, sample n onto sample N − n, and half the products remain. That takes
1.2 ms a window on one thread (0.3 of it folding); without folding, as a strided convolution, 2.2 ms; plain numpy, with
an FFT per frame, 16 ms.

Where a band is all but empty, in digital silence or above the band of a slow recorder, what counts is how the samples
were rounded, and the network hears that: |mel| to the power 0.4 lifts 1e-7 to 0.002, and logits move by 0.5. So frames
with empty bands are computed again in the steps of the published graph: samples times window rounded to float32, a
transform in float64 (TFLite's), rounded to float32, then the mel matrix.

Source: the constants and operators of the published flatbuffer (`model/MEL_SPEC1`, `model/MEL_SPEC2`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Constant = Callable[[str], npt.NDArray[Any]]
"""Returns the constant of a name, in its shape."""

N_SAMPLES = 144_000
SPECTROGRAMS = ("model/MEL_SPEC1", "model/MEL_SPEC2")

_EMPTY = 1e-4
"""A band of this magnitude or less counts as empty."""
_N_EMPTY = 1
"""Frames with so many empty bands are computed again.

Over 428 windows of 641 recordings logits then differ from LiteRT's by at most 1.1e-4 and embeddings by 6.6e-6 of their
length, and about 41 % of the frames are computed again. With two empty bands, 35 % are, 5 % of the time is saved, and
the differences are four times as large. Never: 0.5 and 0.06.
"""
_BLOCK = 8
"""Frames transformed at a time: they stay in the cache, and BLAS wakes no thread for so small a product.

511 frames of 2,048 take 3.1 ms of CPU so, and 16 ms all at once.
"""


@dataclass(frozen=True, eq=False)
class Branch:
    """One spectrogram: `hann` float32 [N], `mel` float32 [N / 2 + 1, n_bands] with the highest band first."""

    hann: Floats
    mel: Floats
    step_samples: int
    exponent: float

    @property
    def n_frames(self) -> int:
        """Number of whole frames in a window of sound."""
        return 1 + (N_SAMPLES - len(self.hann)) // self.step_samples

    @cached_property
    def matrix(self) -> Floats:
        """Float32 [N / 2, n_bands], multiplied in float64: takes a folded frame to its mel bands."""
        return np.asarray(self._exact, dtype=np.float32)

    @cached_property
    def used(self) -> slice:
        """The bins that any band takes: 1–127 of 1,025 below 3 kHz, 11–319 of 513 up to 15 kHz."""
        bins = np.flatnonzero(self.mel.any(axis=1))
        return slice(int(bins[0]), int(bins[-1]) + 1)

    @cached_property
    def offset(self) -> Floats:
        """Float32 [n_bands]: the mel bands of a constant 1."""
        return np.asarray(2 * self._exact.sum(axis=0), dtype=np.float32)

    @cached_property
    def _exact(self) -> npt.NDArray[np.float64]:
        n = len(self.hann)
        phases = np.outer(np.arange(1, n // 2 + 1), np.arange(len(self.mel))) % n
        cosines = np.cos(2 * np.pi / n * np.arange(n))[phases]
        matrix = self.hann[1 : n // 2 + 1, np.newaxis] * (cosines @ self.mel.astype(np.float64))
        matrix[-1] /= 2  # the middle sample meets itself
        return np.asarray(matrix)

    def fold(self, samples: Floats, backwards: Floats) -> Floats:
        """Return the frames of a window, folded, [1, n_frames, N / 2]; `backwards` are the same samples reversed."""
        half = len(self.hann) // 2
        steps = slice(None, self.n_frames * self.step_samples, self.step_samples)
        first = N_SAMPLES - len(self.hann)
        rising = np.lib.stride_tricks.sliding_window_view(samples[1:], half)[steps]
        falling = np.lib.stride_tricks.sliding_window_view(backwards, half)[first :: -self.step_samples]
        folded: Floats = rising[: self.n_frames] + falling[: self.n_frames]
        return folded[np.newaxis]

    def as_published(self, samples: Floats, frames: npt.NDArray[np.intp]) -> Floats:
        """Return the bands [n_bands, m] of some frames, in the steps and the precision of the published graph."""
        every = np.lib.stride_tricks.sliding_window_view(samples, len(self.hann))[:: self.step_samples]
        mel = self.mel[self.used]
        bands = np.empty((len(frames), mel.shape[1]), dtype=np.float32)
        for start in range(0, len(frames), _BLOCK):
            rows = slice(start, start + _BLOCK)
            spectra = np.fft.rfft((every[frames[rows]] * self.hann).astype(np.float64))[:, self.used].real
            np.matmul(spectra.astype(np.float32), mel, out=bands[rows])
        powers: Floats = np.power(bands * bands, np.float32(self.exponent))
        return np.asarray(powers.T)


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Takes a window's samples to −1–1: ((x − min) / (max − min + least) − centre) × gain."""

    least: np.float32
    centre: np.float32
    gain: np.float32

    def __call__(self, window: Floats) -> Floats:
        """Return the samples [N] normalised. A constant window becomes −1 throughout."""
        samples: Floats = window - window.min()
        samples /= samples.max() + self.least
        samples -= self.centre
        samples *= self.gain
        return samples


class FrontEnd:
    """Samples in, two spectrograms out. Serves any number of threads.

    `bands` takes the folded frames of both branches, and the offset that was taken off the samples before, to
    spectrograms, float32 [1, 2, n_bands, n_frames], that are the caller's own. Raises `KeyError` for a constant that is
    not there.
    """

    def __init__(self, constant: Constant, bands: Callable[[Sequence[Floats], Floats], Floats]) -> None:
        self._normalised = read_normalisation(constant)
        self._branches = [read_branch(constant, name) for name in SPECTROGRAMS]
        self._bands = bands

    def __call__(self, window: Floats) -> Floats:
        """Return float32 [1, 2, 96, 511] of a window [144000]."""
        samples = self._normalised(window)
        offset = samples.mean(keepdims=True)
        level = samples - offset
        backwards = level[::-1].copy()
        spectrograms = self._bands([branch.fold(level, backwards) for branch in self._branches], offset)
        for spectrogram, branch in zip(spectrograms[0], self._branches, strict=True):
            empty = spectrogram <= np.float32(_EMPTY ** (2 * branch.exponent))
            frames = np.flatnonzero(empty.sum(axis=0) >= _N_EMPTY)
            if len(frames):
                spectrogram[:, frames] = branch.as_published(samples, frames)
        return spectrograms


def read_normalisation(constant: Constant) -> Normalisation:
    """Read the three numbers, which both spectrograms share."""
    least, centre, gain = (np.float32(constant(f"model/MEL_SPEC1/{name}/y")) for name in ("add", "Sub_1", "Mul"))
    return Normalisation(least, centre, gain)


def read_branch(constant: Constant, name: str) -> Branch:
    """Read one of `SPECTROGRAMS`. Raises `KeyError` for a constant that is not there."""
    return Branch(
        hann=constant(f"{name}/stft/hann_window/sub_2").astype(np.float32),
        mel=np.ascontiguousarray(constant(f"{name}/Tensordot/MatMul").astype(np.float32)[::-1].T),
        step_samples=int(constant(f"{name}/stft/frame_step")),
        exponent=float(constant(f"{name}/truediv_1")),
    )
