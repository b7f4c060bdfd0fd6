"""Spectral shape: where a call's energy lies, and how evenly.

All of it is read from the mean power spectrum of the active frames, noise subtracted, within the call's band.
"""

import math
from typing import NamedTuple

import numpy as np

from rab.audio.activity import Activity, energy_band
from rab.descriptors.peaks import interpolated_peak
from rab.domain.spectrogram import Spectrogram

_TAIL_FRACTION = 0.025
_LEAST_POWER = 1e-3
"""Of the mean bin: an empty bin counts as 30 dB below it, since a geometric mean knows no zero."""


class Spectrum(NamedTuple):
    """The shape of one spectrum; `flatness` and `entropy` are 0–1."""

    low_hz: float
    high_hz: float
    """Between the two lie 95 % of the energy."""
    peak_hz: float
    centroid_hz: float
    """The energy's mean frequency."""
    flatness: float
    """Geometric over arithmetic mean of the power in the band (Johnston 1988, IEEE J. Sel. Areas Commun. 6:314–323)."""
    entropy: float
    """Shannon entropy of the power in the band, over the logarithm of its bins (Sueur et al. 2008, PLoS ONE 3:e4065)"""


def spectrum(spectrogram: Spectrogram, active: Activity) -> Spectrum | None:
    """Return the shape of the calls' spectrum, or None when the noise takes all of it."""
    power = np.maximum(active.spectrum - spectrogram.floor[active.bins], 0)
    if not power.any():
        return None
    hz = spectrogram.hz[active.bins]
    low_hz, high_hz = energy_band(hz, power, _TAIL_FRACTION)
    share = power / power.sum()
    filled = np.maximum(share, _LEAST_POWER * share.mean())
    return Spectrum(
        low_hz=max(low_hz, 0.0),
        high_hz=high_hz,
        peak_hz=float(interpolated_peak(power[None], np.array([power.argmax()]), hz)[0]),
        centroid_hz=float(share @ hz),
        flatness=float(np.exp(np.log(filled).mean()) / filled.mean()),
        entropy=float(-(share[share > 0] @ np.log(share[share > 0])) / math.log(len(share))),
    )
