"""How the values of a filter are written and read: quotes, times, numbers, hours, days and places."""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from rab.domain.filter.place import Box, Near

BARE = r'[^\s,"()]+'
"""A value that needs no quotes."""

HOURS = tuple(range(24))
MONTH_DAYS = tuple(
    100 * day.month + day.day for day in (date(2024, 1, 1) + timedelta(days=offset) for offset in range(366))
)
"""The days of any year, the leap day among them, as 100 × month + day."""


def quoted(value: str) -> str:
    """Return a value as it stands in a filter, quoted as in JSON where it must be."""
    return value if re.fullmatch(BARE, value) else json.dumps(value, ensure_ascii=False)


def shown_time(instant: datetime) -> str:
    """Return the date alone for midnight UTC, else to the minute, second or microsecond that it needs."""
    if instant.time() == datetime.min.time():
        return instant.date().isoformat()
    precision = "auto" if instant.second or instant.microsecond else "minutes"
    return instant.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def read_time(value: str) -> datetime:
    """Return the instant, in UTC where no zone is given; `ValueError` names a word that is none."""
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no date or time such as 2025-05-03 or 2025-05-03T04:30Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def shown_number(number: float) -> str:
    """Return the shortest digits that mean the number."""
    return repr(float(number)).removesuffix(".0")


def shown_hours(hours: Sequence[int]) -> str:
    """Return hours as ranges, over midnight where they go on there: `4..6,8`, `22..3`."""
    return _shown_ranges(hours, HOURS, str)


def read_hours(values: Sequence[str]) -> tuple[int, ...]:
    """Read `5` and `4..7`, ends included; `22..3` passes midnight."""
    wanted = "is no hour from 0 to 23, and no range of hours such as 4..7"
    return _read_ranges(values, HOURS, lambda text: int(text) if re.fullmatch(r"[0-9]{1,2}", text) else -1, wanted)


def shown_month_days(month_days: Sequence[int]) -> str:
    """Return days of any year as ranges, over the year's end where they go on there: `04-15..07-31`."""
    return _shown_ranges(month_days, MONTH_DAYS, lambda day: f"{day // 100:02d}-{day % 100:02d}")


def read_month_days(values: Sequence[str]) -> tuple[int, ...]:
    """Read `05-01` and `04-15..07-31`, ends included; `11-15..02-29` passes the year's end."""
    wanted = "is no day of the year such as 04-15, and no range of days such as 04-15..07-31"
    return _read_ranges(values, MONTH_DAYS, _month_day, wanted)


def _month_day(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", text)
    return 100 * int(match[1]) + int(match[2]) if match else -1


def shown_box(box: Box) -> str:
    """Return south, west, north and east."""
    return ",".join(map(shown_number, (box.south_deg, box.west_deg, box.north_deg, box.east_deg)))


def read_box(values: Sequence[str]) -> Box:
    """Read south, west, north and east, in degrees."""
    if len(values) != 4:
        raise ValueError(f"a box has four sides, south,west,north,east, not {len(values)}: {','.join(values)}")
    south, north = map(_latitude, values[::2])
    west, east = map(_longitude, values[1::2])
    return Box(south_deg=south, west_deg=west, north_deg=north, east_deg=east)


def shown_near(near: Near) -> str:
    """Return latitude, longitude and distance."""
    metres = near.radius_m
    reach = f"{shown_number(metres)}m" if metres < 1000 else f"{shown_number(round(metres / 1000, 6))}km"
    return f"{shown_number(near.lat_deg)},{shown_number(near.lon_deg)},{reach}"


def read_near(values: Sequence[str]) -> Near:
    """Read latitude, longitude and a distance in km or m."""
    reach = re.fullmatch(r"(.+?)\s*(km|m)", values[2]) if len(values) == 3 else None
    if reach is None:
        raise ValueError(f"{','.join(values)!r} is no latitude, longitude and distance such as 46.5,6.2,5km")
    km = read_number(reach[1], "distance in km", 0, 1e5) if reach[2] == "km" else None
    radius_m = read_number(reach[1], "distance in m", 0, 1e8) if km is None else 1000 * km
    return Near(lat_deg=_latitude(values[0]), lon_deg=_longitude(values[1]), radius_m=radius_m)


def read_number(value: str, noun: str = "number", low: float = -math.inf, high: float = math.inf) -> float:
    """Read a finite number within bounds, ends included; `ValueError` names a word that is none."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and low <= number <= high):
        bounds = "" if low == -math.inf else f" from {low:,.12g} to {high:,.12g}"
        raise ValueError(f"{value!r} is no {noun}{bounds}")
    return number


def _latitude(value: str) -> float:
    return read_number(value, "latitude", -90, 90)


def _longitude(value: str) -> float:
    return read_number(value, "longitude", -180, 180)


def _shown_ranges(values: Sequence[int], cycle: Sequence[int], show: Callable[[int], str]) -> str:
    at = sorted(map(cycle.index, values))
    breaks = [0, *(place for place, (a, b) in enumerate(pairwise(at), start=1) if b != a + 1), len(at)]
    runs = [(at[a], at[b - 1]) for a, b in pairwise(breaks)]
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][1] == len(cycle) - 1:
        runs = [*runs[1:-1], (runs[-1][0], runs[0][1])]
    return ",".join(
        show(cycle[first]) if first == last else f"{show(cycle[first])}..{show(cycle[last])}" for first, last in runs
    )


def _read_ranges(
    values: Sequence[str], cycle: Sequence[int], read: Callable[[str], int], wanted: str
) -> tuple[int, ...]:
    found: list[int] = []
    for value in values:
        low, dots, high = value.partition("..")
        ends = read(low), read(high if dots else low)
        if not set(ends) <= set(cycle):
            raise ValueError(f"{value!r} {wanted}")
        first, last = map(cycle.index, ends)
        found += cycle[first : last + 1] if first <= last else [*cycle[first:], *cycle[: last + 1]]
    return tuple(found)
