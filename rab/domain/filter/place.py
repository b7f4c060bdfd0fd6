"""Places that a filter asks for: a box of coordinates, and all that lies within a distance of a point.

Distances are measured on a sphere of the Earth's mean radius, 6,371.0088 km (IUGG, Moritz 2000), which is within 0.6 %
of the ellipsoid. A distance is compared by the squared chord between unit vectors: it grows with the great-circle
distance, keeps nanometres where a cosine would lose metres, and is three products and sums, which Python, numpy and
both databases compute to the same bit. So every engine draws the same border.
"""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from rab.domain.value import Degrees, Metres, Value

EARTH_RADIUS_M = 6_371_008.8
_HALF_WAY_ROUND_M = math.pi * EARTH_RADIUS_M

Latitude = Annotated[Degrees, Field(ge=-90, le=90)]
Longitude = Annotated[Degrees, Field(ge=-180, le=180)]


class Box(Value):
    """Coordinates between two parallels and two meridians, ends included; `west` > `east` crosses 180°."""

    south_deg: Latitude
    west_deg: Longitude
    north_deg: Latitude
    east_deg: Longitude

    @model_validator(mode="after")
    def _upright(self) -> Self:
        if self.south_deg > self.north_deg:
            raise ValueError(f"the south of a box, {self.south_deg}, lies north of its north, {self.north_deg}")
        return self

    @property
    def lon_ranges_deg(self) -> tuple[tuple[float, float], ...]:
        """Longitudes inside, as ranges with both ends included; 180 and −180 are one meridian."""
        west, east = self.west_deg, self.east_deg
        if west > east:
            return (west, 180.0), (-180.0, east)
        other = ((180.0, 180.0),) if west == -180 else ()
        return (west, east), *other, *(((-180.0, -180.0),) if east == 180 else ())

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether a point lies inside or on the border."""
        return self.south_deg <= lat_deg <= self.north_deg and any(
            low <= lon_deg <= high for low, high in self.lon_ranges_deg
        )


class Near(Value):
    """All within a great-circle distance of a point, the border included."""

    lat_deg: Latitude
    lon_deg: Longitude
    radius_m: Metres

    @property
    def centre(self) -> tuple[float, float, float]:
        """The point as a unit vector."""
        return unit_vector(self.lat_deg, self.lon_deg)

    @property
    def chord2(self) -> float:
        """The squared chord of the radius on the unit sphere; nothing on it is farther away than 4."""
        half = min(self.radius_m, _HALF_WAY_ROUND_M) / (2 * EARTH_RADIUS_M)
        return (2 * math.sin(half)) ** 2 + 1e-18  # 1e-18 is 6 mm: where one stands is within 0 m

    @property
    def box(self) -> Box:
        """A box that holds all of it, and more: what an engine without geometry may ask for first."""
        reach = math.degrees(self.radius_m / EARTH_RADIUS_M) + 1e-5
        south, north = self.lat_deg - reach, self.lat_deg + reach
        if south <= -90 or north >= 90:
            return Box(south_deg=max(south, -90), west_deg=-180, north_deg=min(north, 90), east_deg=180)
        sine = math.sin(math.radians(reach)) / math.cos(math.radians(self.lat_deg))
        aside = math.degrees(math.asin(min(1.0, sine))) + 1e-5
        west, east = self.lon_deg - aside, self.lon_deg + aside
        return Box(
            south_deg=south,
            west_deg=west + 360 if west < -180 else west,
            north_deg=north,
            east_deg=east - 360 if east > 180 else east,
        )

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether a point lies within the distance."""
        (x, y, z), (x0, y0, z0) = unit_vector(lat_deg, lon_deg), self.centre
        return (x - x0) * (x - x0) + (y - y0) * (y - y0) + (z - z0) * (z - z0) <= self.chord2


def unit_vector(lat_deg: float, lon_deg: float) -> tuple[float, float, float]:
    """Return a point of the unit sphere: x towards 0° N 0° E, y towards 0° N 90° E, z towards the north pole."""
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
