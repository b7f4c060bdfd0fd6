"""Rain and wind: the two kinds of weather that make a recording worse than its calls deserve.

Rain after Bedoya et al. (2017, Ecological Indicators 75:95–100), who look at the level and the steadiness of two bands,
0.6–1.2 kHz and 4.4–5.6 kHz, with thresholds learnt from rain on the same recorder (hardRain: Metcalf et al. 2020).
Without such recordings the thresholds below are set once: a floor louder than any recorder's own noise, in both bands,
and steady in the upper. Measured: 80 of 100 rain clips of ESC-10 are flagged and none of 300 clips of birds
(phoebe_xc, pykanto) or of a dry forest (scikit_maad); but 20 of 100 of surf and 1 in 6 of aeroplanes, which sound alike
to two bands, and no drizzle below −50 dBFS.

Wind is turbulence at the microphone: its energy lies below 300 Hz (Nelke et al. 2014, ICASSP, tell it by the low
centroid of the first kilohertz) and comes in gusts. Measured: all 6 clips labelled wind in qut_stbees, 2 to 4 of 100
clips of animals, 14 of 100 from the forest, nearly all by day; also half of ESC-10's fires and a quarter of its
helicopters.

Neither is judged on ultrasound, whose bins are too wide.
"""

import math

import numpy as np

from rab.audio.foreground import LOWEST_BIN
from rab.domain.spectrogram import Spectrogram

_MAX_BIN_HZ = 100.0
_RAIN_LOW_HZ, _RAIN_HIGH_HZ = (600.0, 1200.0), (4400.0, 5600.0)
_RAIN_FLOOR_DBFS = -50.0
_RAIN_MAX_TILT_DB = 13.0
_RAIN_MAX_SWELL_LOW_DB, _RAIN_MAX_SWELL_HIGH_DB = 10.0, 3.0
WIND_BELOW_HZ = 300.0
_WIND_LEAST_SHARE = 0.3
_WIND_LEAST_CV = 1.0
"""Of the power below 300 Hz from frame to frame; steady noise in those bins has 0.65."""


def is_rain(spectrogram: Spectrogram) -> bool:
    """Return whether a loud, broad and steady noise covers the segment."""
    if not _judged(spectrogram) or spectrogram.hz[-1] < _RAIN_HIGH_HZ[1]:
        return False
    low, high = (slice(*np.searchsorted(spectrogram.hz, band)) for band in (_RAIN_LOW_HZ, _RAIN_HIGH_HZ))
    floor_low, floor_high = _floor_db(spectrogram, low), _floor_db(spectrogram, high)
    return (
        min(floor_low, floor_high) > _RAIN_FLOOR_DBFS
        and floor_low - floor_high < _RAIN_MAX_TILT_DB
        and _mean_db(spectrogram, low) - floor_low < _RAIN_MAX_SWELL_LOW_DB
        and _mean_db(spectrogram, high) - floor_high < _RAIN_MAX_SWELL_HIGH_DB
    )


def is_wind(spectrogram: Spectrogram) -> bool:
    """Return whether gusts below 300 Hz hold a large part of the power."""
    if not _judged(spectrogram):
        return False
    low = slice(LOWEST_BIN, int(np.searchsorted(spectrogram.hz, WIND_BELOW_HZ)))
    rumble = spectrogram.power[:, low].sum(axis=1, dtype=np.float64)
    if rumble @ rumble <= (1 + _WIND_LEAST_CV**2) * len(rumble) * rumble.mean() ** 2:
        return False
    total = spectrogram.power.sum(axis=0)[LOWEST_BIN:].sum(dtype=np.float64)
    return bool(rumble.sum() > _WIND_LEAST_SHARE * total)


def _judged(spectrogram: Spectrogram) -> bool:
    return spectrogram.bin_hz < _MAX_BIN_HZ and bool(spectrogram.floor.any())


def _floor_db(spectrogram: Spectrogram, bins: slice) -> float:
    """Return the floor of a band in dBFS."""
    return _dbfs(float(spectrogram.floor[bins].sum(dtype=np.float64)))


def _mean_db(spectrogram: Spectrogram, bins: slice) -> float:
    """Return the mean power of a band in dBFS."""
    return _dbfs(float(spectrogram.power[:, bins].mean(axis=0).sum(dtype=np.float64)))


def _dbfs(mean_square: float) -> float:
    return 10 * math.log10(2 * mean_square) if mean_square > 0 else -math.inf
