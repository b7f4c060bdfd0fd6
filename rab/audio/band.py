"""Band: a sound without what lies outside a band of frequencies, so that a model hears one caller of several."""

import numpy as np

from rab.domain import Samples

_EDGE = 0.1
"""Width of the slope beyond either limit, as a share of it: a steeper one rings."""


def band_passed(samples: Samples, rate_hz: int, low_hz: float, high_hz: float) -> Samples:
    """Return float32 [n] samples with nothing left below `low_hz` and above `high_hz`, and no shift in time.

    The limits pass whole; beyond them the gain falls as a squared sine over a tenth of the limit.
    """
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    below = (hz - low_hz * (1 - _EDGE)) / (low_hz * _EDGE) if low_hz > 0 else np.ones_like(hz)
    above = (high_hz * (1 + _EDGE) - hz) / (high_hz * _EDGE)
    gain = np.sin(np.clip(np.minimum(below, above), 0, 1) * np.pi / 2) ** 2
    return np.asarray(np.fft.irfft(spectrum * gain, len(samples)), dtype=np.float32)
