"""Descriptors: the measurable shape of a call, which "differs by Z" is made of.

How each figure is measured, and after whom, stands in `rab.descriptors`.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from rab.domain.value import Fraction, Hz, Ms, Value


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
    pitch_slope_hz_per_s: Annotated[float, Field()] | None = None
    n_onsets: int | None = None
    onset_interval_ms: Ms | None = None
    onset_interval_cv: float | None = None
    flatness: Fraction | None = None
    entropy: Fraction | None = None


MEASURES: dict[str, Measure] = {
    "duration_ms": Measure("active duration", "ms", 0, 50.0),
    "low_hz": Measure("lowest frequency", "Hz", 0, 100.0),
    "high_hz": Measure("highest frequency", "Hz", 0, 100.0),
    "bandwidth_hz": Measure("bandwidth", "Hz", 0, 150.0),
    "peak_hz": Measure("peak frequency", "Hz", 0, 100.0),
    "centroid_hz": Measure("spectral centroid", "Hz", 0, 100.0),
    "pitch_median_hz": Measure("median pitch", "Hz", 0, 100.0),
    "pitch_range_hz": Measure("pitch range", "Hz", 0, 150.0),
    "pitch_slope_hz_per_s": Measure("pitch slope", "Hz/s", 0, 500.0),
    "n_onsets": Measure("onsets", "onsets", 0, 1.0),
    "onset_interval_ms": Measure("median onset interval", "ms", 0, 20.0),
    "onset_interval_cv": Measure("onset interval variation", "", 2, 0.10),
    "flatness": Measure("spectral flatness", "", 2, 0.05),
    "entropy": Measure("spectral entropy", "", 2, 0.05),
}
"""Of each descriptor: words, unit, printed decimals, and resolution. A difference is only stated above the resolution:
two to four frames or bins of the analysis for times and frequencies, 0.05 for the ratios."""
