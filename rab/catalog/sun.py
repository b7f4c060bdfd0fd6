"""Sun: whether a time is night, day, or within an hour of sunrise or sunset, and how much effort each of these had.

The dawn chorus keeps to the sun, not to the clock: over a spring in central Europe sunrise moves by three hours.
Sunrise and sunset are when the sun's upper edge touches a flat horizon (its centre 0.833° below it, refraction
included), found on the sun's height, hour by hour. Heights are those of NOAA's solar calculator (after Meeus,
Astronomical Algorithms, 1998), for whole arrays of instants: astral, which computes the same one by one, would take
20 s for a year at fifty sites, raises on days without a sunrise, and serves the tests as the judge. Beyond the polar
circles there are days that are all day or all night; they are counted, so that a reader is told.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from rab.catalog.heard import Place

SunBin = Literal["night", "dawn", "day", "dusk"]
SUN_BINS: tuple[SunBin, ...] = ("night", "dawn", "day", "dusk")
"""`dawn` lies within an hour of sunrise, `dusk` of sunset; where they meet, the nearer one counts."""
_NIGHT, _DAWN, _DAY, _DUSK = range(4)

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
_HORIZON_DEG = -0.833
"""Height of the sun's centre at sunset: 34′ of refraction and 16′ of radius."""
_J2000_US = 946_728_000_000_000
"""Noon of 1 January 2000, in microseconds since 1970."""

Instants = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SunClock:
    """The course of the sun at a place: `bins[i]` holds from `breaks_us[i]` to `breaks_us[i + 1]`."""

    breaks_us: Instants
    bins: npt.NDArray[np.int64]
    turns_us: Instants
    """Every sunrise and sunset."""
    midnight_us: int
    """A mean solar midnight of the place."""

    def at(self, instants_us: Instants) -> npt.NDArray[np.int64]:
        """Return the place in `SUN_BINS` of each instant within the course."""
        place = np.searchsorted(self.breaks_us, instants_us, side="right") - 1
        return self.bins[np.clip(place, 0, len(self.bins) - 1)]

    def spent_us(self, starts_us: Instants, ends_us: Instants) -> Floats:
        """Return how long each stretch of time [n] is in each bin, [n, 4]."""
        lengths = np.diff(self.breaks_us)
        since = [np.concatenate([[0], np.cumsum(lengths * (self.bins == one))]) for one in range(len(SUN_BINS))]
        origin = self.breaks_us[0]  # small numbers keep microseconds exact in floats
        at = [np.interp(np.stack([starts_us, ends_us]) - origin, self.breaks_us - origin, total) for total in since]
        return np.stack([ends - starts for starts, ends in at], axis=-1)

    def days_without_turn(self, instants_us: Instants) -> int:
        """Return how many of the solar days on which the instants lie have neither sunrise nor sunset."""
        days = np.unique((instants_us - self.midnight_us) // DAY_US)
        return len(np.setdiff1d(days, (self.turns_us - self.midnight_us) // DAY_US))


@lru_cache(maxsize=256)
def sun_clock(place: Place, first_us: int, last_us: int) -> SunClock:
    """Return the course of the sun at a place from before the first instant until after the last."""
    lat_deg, lon_deg = place
    midnight_us = -round(lon_deg * DAY_US / 360)
    start_us = (first_us - midnight_us) // DAY_US * DAY_US + midnight_us - DAY_US
    hours_us = np.arange(start_us, last_us + 2 * DAY_US, HOUR_US, dtype=np.int64)
    is_up = sun_height_deg(lat_deg, lon_deg, hours_us) >= _HORIZON_DEG
    turned = np.flatnonzero(is_up[1:] != is_up[:-1])
    turns_us = _turns(place, hours_us[turned], hours_us[turned + 1], is_up[turned])
    is_rise = ~is_up[turned]
    middle_us = (turns_us[1:] + turns_us[:-1]) // 2
    opens_us = np.maximum(turns_us - HOUR_US, np.concatenate([hours_us[:1], middle_us]))
    closes_us = np.minimum(turns_us + HOUR_US, np.concatenate([middle_us, hours_us[-1:]]))
    breaks_us = np.concatenate([hours_us[:1], np.stack([opens_us, closes_us], axis=1).ravel(), hours_us[-1:]])
    around, after = np.where(is_rise, _DAWN, _DUSK), np.where(is_rise, _DAY, _NIGHT)
    begins = _DAY if is_up[0] else _NIGHT
    bins = np.concatenate([[begins], np.stack([around, after], axis=1).ravel()])
    return SunClock(breaks_us, bins, turns_us, midnight_us)


def sun_height_deg(lat_deg: float, lon_deg: float, instants_us: Instants) -> Floats:
    """Return the height of the sun's centre above the horizon in degrees, refraction left out (NOAA, after Meeus)."""
    centuries = (instants_us - _J2000_US) / (36_525 * DAY_US)
    mean_longitude = np.radians((280.46646 + centuries * (36000.76983 + centuries * 0.0003032)) % 360)
    anomaly = np.radians(357.52911 + centuries * (35999.05029 - 0.0001537 * centuries))
    eccentricity = 0.016708634 - centuries * (0.000042037 + 0.0000001267 * centuries)
    centre = (
        np.sin(anomaly) * (1.914602 - centuries * (0.004817 + 0.000014 * centuries))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * centuries)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * centuries)
    longitude = mean_longitude + np.radians(centre - 0.00569 - 0.00478 * np.sin(node))
    tilt_deg = 23 + (26 + (21.448 - centuries * (46.815 + centuries * (0.00059 - centuries * 0.001813))) / 60) / 60
    tilt = np.radians(tilt_deg + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    y = np.tan(tilt / 2) ** 2
    equation_of_time = (  # radians
        y * np.sin(2 * mean_longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_longitude)
        - 0.5 * y**2 * np.sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    day = 2 * np.pi * ((instants_us % DAY_US) / DAY_US)
    hour_angle = day + equation_of_time + np.radians(lon_deg) - np.pi
    lat = np.radians(lat_deg)
    height = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(np.clip(height, -1, 1))))


def _turns(place: Place, earlier_us: Instants, later_us: Instants, was_up: npt.NDArray[np.bool_]) -> Instants:
    """Return when the sun rose or set between pairs of instants, to a second."""
    while len(earlier_us) and int((later_us - earlier_us).max()) > 1_000_000:
        halfway = (earlier_us + later_us) // 2
        as_before = (sun_height_deg(*place, halfway) >= _HORIZON_DEG) == was_up
        earlier_us, later_us = np.where(as_before, halfway, earlier_us), np.where(as_before, later_us, halfway)
    return later_us
