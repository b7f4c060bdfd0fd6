"""Descriptors: the measurable shape of a call, which "differs by Z" is made of.

How each figure is measured, and after whom, stands in `rab.descriptors`.
"""

from typing import NamedTuple

from rab.domain.value import Fraction, Hz, HzPerSecond, Ms, Ratio, Value


class Measure(NamedTuple):
    """How a descriptor is printed: its name in words, unit, decimals, and the least difference that means anything."""

    words: str
    unit: str
    decimals: int
    resolution: float


class Descriptors(Value):
    """The measurable shape of what sounds in a segment; None where it could not be measured."""

    duration_ms: Ms | None = None
    low_hz: Hz | None = None
    high_hz: Hz | None = None
    bandwidth_hz: Hz | None = None
    peak_hz: Hz | None = None
    centroid_hz: Hz | None = None
    pitch_median_hz: Hz | None = None
    pitch_range_hz: Hz | None = None
    pitch_slope_hz_per_s: HzPerSecond | None = None
    n_onsets: int | None = None
    onset_interval_ms: Ms | None = None
    onset_interval_cv: Ratio | None = None
    flatness: Fraction | None = None
    entropy: Fraction | None = None


MEASURES: dict[str, Measure] = {
    "duration_ms": Measure("active duration", "ms", 0, 75.0),
    "low_hz": Measure("lowest frequency", "Hz", 0, 300.0),
    "high_hz": Measure("highest frequency", "Hz", 0, 50.0),
    "bandwidth_hz": Measure("bandwidth", "Hz", 0, 300.0),
    "peak_hz": Measure("peak frequency", "Hz", 0, 50.0),
    "centroid_hz": Measure("spectral centroid", "Hz", 0, 50.0),
    "pitch_median_hz": Measure("median pitch", "Hz", 0, 150.0),
    "pitch_range_hz": Measure("pitch range", "Hz", 0, 350.0),
    "pitch_slope_hz_per_s": Measure("pitch slope", "Hz/s", 0, 5000.0),
    "n_onsets": Measure("onsets", "onsets", 0, 3.0),
    "onset_interval_ms": Measure("median onset interval", "ms", 0, 150.0),
    "onset_interval_cv": Measure("onset interval variation", "", 2, 0.30),
    "flatness": Measure("spectral flatness", "", 2, 0.08),
    "entropy": Measure("spectral entropy", "", 2, 0.05),
}
"""Of each descriptor: words, unit, printed decimals, and resolution. A difference is only stated above the resolution:
what nine of ten differences stay below when one call is measured twice, under noise that leaves it 10 and 20 dB of SNR
(34 recordings of phoebe_xc and pykanto, 544 pairs), and no less than a bin of 47 Hz. For ultrasound, whose bins are
250 Hz wide, the resolutions in hertz are too fine."""
