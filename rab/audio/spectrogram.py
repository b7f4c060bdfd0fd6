"""Spectrograms: power over time and frequency, at a resolution that follows what is recorded.

Audible sound (sampled at up to 96 kHz) is cut into frames of 21.3 ms, 1024 samples at 48 kHz: bins of 47 Hz tell birds
apart, and a trill of 25 notes a second still shows its notes. Ultrasound is cut into frames of 4 ms, 1024 samples at
256 kHz, with bins of 250 Hz: the shape of a 5 ms pulse. The frame lasts as long at every rate within a regime, so the
same call has the same descriptors whatever the recorder was set to. Frames are half overlapped under a Hann window
(Harris 1978, Proc. IEEE 66:51–83), whose square sums to a constant, so every sample but those of the first and last
half frame counts the same.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from rab.audio.foreground import MIN_FRAMES, noise_and_foreground
from rab.domain.spectrogram import Spectrogram
from rab.domain.waveform import Waveform

_MAX_AUDIBLE_RATE_HZ = 96_000
_AUDIBLE_FRAME_S = 1024 / 48_000
_ULTRASONIC_FRAME_S = 1024 / 256_000
_BLOCK_FRAMES = 48
"""Transformed at a time: they stay in the processor's cache, and long sound needs no more memory than its result."""


def frame_samples(sample_rate_hz: int) -> int:
    """Return the length of a frame, an even number that is fast to transform.

    21.3 ms, or 4 ms where the rate is above 96 kHz, and up to 3 % more.
    """
    from scipy.fft import next_fast_len

    frame_s = _AUDIBLE_FRAME_S if sample_rate_hz <= _MAX_AUDIBLE_RATE_HZ else _ULTRASONIC_FRAME_S
    return 2 * int(next_fast_len(max(8, int(np.ceil(sample_rate_hz * frame_s / 2))), real=True))


def spectrogram(waveform: Waveform) -> Spectrogram:
    """Return the spectrogram of a waveform, with its noise floor and foreground.

    The mean is taken off first: a recorder's offset is no sound. Only whole frames count; a waveform shorter than one
    has none. With fewer than 16 frames that are not digital silence the floor stays unmeasured: 0, with no foreground.
    """
    n_samples, rate_hz = frame_samples(waveform.sample_rate_hz), waveform.sample_rate_hz
    power = _power(waveform.samples, n_samples)
    n_frames, n_bins = power.shape
    if n_frames >= MIN_FRAMES and (power[:, 1] > 0).all():  # one bin tells that no frame is digital silence
        floor, foreground = noise_and_foreground(power)
    else:
        floor, foreground = np.zeros(n_bins, dtype=np.float32), np.zeros(power.shape, dtype=bool)
        heard = power.max(axis=1, initial=0) > 0
        if np.count_nonzero(heard) >= MIN_FRAMES:
            floor, foreground[heard] = noise_and_foreground(power[heard])
    return Spectrogram(
        power=power,
        floor=floor,
        foreground=foreground,
        hz=np.arange(n_bins) * rate_hz / n_samples,
        ms=1000 * (np.arange(n_frames) + 1) * (n_samples // 2) / rate_hz,
        frame_ms=1000 * n_samples / rate_hz,
        hop_ms=500 * n_samples / rate_hz,
    )


def _power(samples: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """Return one-sided power, float32 [n_frames, n // 2 + 1], of frames of n samples, n even."""
    from scipy.fft import rfft

    hop = n // 2
    halves = samples[: len(samples) // hop * hop].reshape(-1, hop)  # a frame is two neighbours
    n_frames = max(len(halves) - 1, 0)
    power = np.empty((n_frames, hop + 1), dtype=np.float32)
    if n_frames == 0:
        return power
    mean, window = samples.mean(), _window(n)
    frames = np.empty((min(_BLOCK_FRAMES, n_frames), n), dtype=np.float32)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        block = power[first : first + _BLOCK_FRAMES]
        centred = halves[first : first + len(block) + 1] - mean
        np.multiply(centred[:-1], window[:hop], out=frames[: len(block), :hop])
        np.multiply(centred[1:], window[hop:], out=frames[: len(block), hop:])
        spectra = rfft(frames[: len(block)], workers=1)
        np.square(spectra.real, out=block)
        block += np.square(spectra.imag)
    power[:, 0] *= np.float32(0.5)
    power[:, -1] *= np.float32(0.5)
    return power


@cache
def _window(n: int) -> npt.NDArray[np.float32]:
    """Return a Hann window so scaled that the bins of a frame sum to its mean square (Parseval)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    scaled: npt.NDArray[np.float32] = (window * np.sqrt(2 / (n * np.sum(window**2)))).astype(np.float32)
    return scaled
