"""Clipping: samples that a waveform should have passed and did not.

Sound that was clipped piles up at its highest or lowest value, each polarity for itself, and a recording that was
turned down afterwards still does. So do the peaks of a clean tone whose period is a whole number of samples, and low
clean tones linger there; therefore the pile counts only if some of it is cut off. The two samples before and after a
peak say how high a sine through them would have gone: from xₙ₋₁ + xₙ₊₁ = 2·cos ω·X and xₙ₋₂ + xₙ₊₂ = 2·cos 2ω·X follows
2X² + (xₙ₋₂ + xₙ₊₂)·X − (xₙ₋₁ + xₙ₊₁)² = 0, which for a clean sine gives its own peak.

Samples beyond full scale, which only lossy codecs and float files hold, count as clipped: no player can render them.
What was clipped and then resampled, mixed or coded with loss piles up no longer, and is not found otherwise.
"""

import numpy as np
import numpy.typing as npt

from rab.domain.waveform import Samples

_TOLERANCE = 1e-4
"""Of the extreme value: three steps of 16-bit audio, by which converters dither about their rail."""
_JUST_BELOW = 1e-2
_OVERSHOOT = 1.01
_LONG_RUN = 5
"""A clean sine stays within the tolerance for so long only below 54 Hz at 48 kHz."""
_MIN_PEAK = 0.01
"""Below −40 dBFS a 16-bit waveform has so few codes that its peaks are flat by themselves."""


def clipped_fraction(samples: Samples, extremes: tuple[float, float] | None = None) -> float:
    """Return the share of samples that are clipped, 0–1. `extremes` are the lowest and the highest, where known."""
    low, high = extremes or (float(samples.min()), float(samples.max()))
    n_clipped = 0
    for sign, rail in ((1, high), (-1, -low)):
        if rail >= _MIN_PEAK:
            limit = min(1.0, rail * (1 - _JUST_BELOW))
            near_rail = np.flatnonzero(samples >= limit if sign > 0 else samples <= -limit)
            n_clipped += _n_clipped(samples, sign, near_rail, rail)
    return n_clipped / len(samples)


def _n_clipped(samples: Samples, sign: int, near_rail: npt.NDArray[np.intp], rail: float) -> int:
    """Return how many samples near a rail are clipped: those at it, or 0 if they are few or nothing is cut off."""
    if rail > 1:
        return int(np.count_nonzero(sign * samples[near_rail] > 1))
    peaks = near_rail[sign * samples[near_rail] >= rail * (1 - _TOLERANCE)]
    if 2 * len(peaks) <= len(near_rail):
        return 0
    at = peaks[:, None] + np.arange(-2, 3)
    inside = (at >= 0) & (at < len(samples))
    around = sign * np.where(inside, samples.take(at, mode="clip"), 0).astype(np.float64)
    near, far = around[:, 1] + around[:, 3], around[:, 0] + around[:, 4]
    cut_off = (np.sqrt(far**2 + 8 * near**2) - far) / 4 > _OVERSHOOT * rail
    long_run = len(peaks) >= _LONG_RUN and bool((peaks[_LONG_RUN - 1 :] - peaks[: 1 - _LONG_RUN] < _LONG_RUN).any())
    return len(peaks) if long_run or cut_off.any() else 0
