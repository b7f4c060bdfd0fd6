"""Signal quality of a segment, from its samples and its spectrogram.

Levels are in dBFS after AES17: a full-scale sine is 0 dBFS, in level and in peak. A floor of white noise therefore
reads 10·log₁₀(2·P), P being its mean square over the full band. Nothing is ever NaN or infinite: what silence leaves
unmeasured is None.
"""

import math

import numpy as np

from rab.audio.activity import activity
from rab.audio.foreground import MIN_FRAMES
from rab.domain.quality import SignalQuality, Unmeasured
from rab.domain.spectrogram import Spectrogram
from rab.domain.waveform import Waveform
from rab.quality.clipping import clipped_fraction
from rab.quality.overlap import overlap_fraction
from rab.quality.snr import snr_db
from rab.quality.weather import WIND_BELOW_HZ, is_rain, is_wind

_SILENT_STEP = 2.0**-23
"""Samples that differ by no more than one step of 24-bit audio are digital silence."""
_SINE_MEAN_SQUARE = 0.5


def measure(
    waveform: Waveform, spectrogram: Spectrogram, *, band_hz: tuple[float, float] | None = None
) -> SignalQuality:
    """Return the signal quality of a waveform, given its own spectrogram.

    `band_hz` sets the band in which the SNR is measured; without it the calls' band is found, in wind not below 300 Hz.
    `snr_db` is None, and
    `snr_unmeasured` says why, for digital silence (`silent`), for fewer than 16 frames of sound (`too_short`: less than
    0.2 s, or 34 ms of ultrasound) and where nothing stands out of the noise (`no_signal`).
    """
    samples = waveform.samples
    high, low = (float(samples.max()), float(samples.min())) if len(samples) else (0.0, 0.0)
    silent = high - low <= _SILENT_STEP
    wind = not silent and is_wind(spectrogram)
    found = None if silent else activity(spectrogram, band_hz, above_hz=WIND_BELOW_HZ if wind else 0.0)
    snr = None if found is None else snr_db(spectrogram, found)
    unmeasured: Unmeasured | None = None
    if snr is None:
        unmeasured = "silent" if silent else "no_signal" if _has_floor(spectrogram) else "too_short"
    heard = found if snr is not None else None
    return SignalQuality(
        snr_db=snr,
        snr_unmeasured=unmeasured,
        band_low_hz=None if heard is None else heard.low_hz,
        band_high_hz=None if heard is None else heard.high_hz,
        noise_floor_dbfs=None if silent else _level_dbfs(float(spectrogram.floor.sum(dtype=np.float64))),
        peak_dbfs=None if silent else 20 * math.log10(max(high, -low)),
        clipped_fraction=0.0 if silent else clipped_fraction(samples, (low, high)),
        overlap_fraction=0.0 if heard is None else overlap_fraction(spectrogram, heard),
        rain=not silent and is_rain(spectrogram),
        wind=wind,
        silent=silent,
    )


def _has_floor(spectrogram: Spectrogram) -> bool:
    return len(spectrogram.power) >= MIN_FRAMES and bool(spectrogram.floor.any())


def _level_dbfs(mean_square: float) -> float | None:
    return 10 * math.log10(mean_square / _SINE_MEAN_SQUARE) if mean_square > 0 else None
