"""Night: whether a stretch of time lies between sunset and sunrise at a place, with margins.

Sunset and sunrise are when the sun's upper edge touches a flat horizon (its centre 0.833° below it, refraction
included). They are found on the sun's height, hour by hour from the place's mean solar midnight. Asked for the sunsets
of calendar days, astral raises on days without one and drops one of two that fall on the same UTC day, which put 5 of
12,000 moments drawn beyond 60° of latitude on the wrong side of a horizon more than 4° away. Where the sun does not
rise for days, all is night; where it does not set, nothing is. Bats of the far north fly under the midnight sun, so
there a survey in June is better run without this window. A night shorter than half an hour may be passed over.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

from pydantic import Field

from rab.domain import Value

NightShare = Literal["wholly", "partly", "none"]
"""How much of a stretch of time lies in the activity window."""

_HORIZON_DEG = -0.833
"""Height of the sun's centre at sunset: 34′ of refraction and 16′ of radius."""


class NightPolicy(Value):
    """The activity window of nocturnal animals: from before sunset until after sunrise."""

    is_on: bool = False
    before_sunset_min: float = Field(default=0.0, ge=-720, le=720)
    """Minutes before sunset at which it opens; negative: after sunset."""
    after_sunrise_min: float = Field(default=0.0, ge=-720, le=720)
    """Minutes after sunrise at which it closes; negative: before sunrise."""


def night_share(
    t0: datetime | None, t1: datetime | None, place: tuple[float | None, float | None], policy: NightPolicy
) -> NightShare | None:
    """Say how much of [t0, t1], t0 ≤ t1, lies in the window at a place (latitude and longitude in degrees).

    None where the clock or the place is not known: that cannot be judged. With the policy off, all times are wholly in
    it. A moment, t0 = t1, is wholly in or not at all. Raises `ValueError` for times without a zone.
    """
    if not policy.is_on:
        return "wholly"
    lat_deg, lon_deg = place
    if t0 is None or t1 is None or lat_deg is None or lon_deg is None:
        return None
    if t0.tzinfo is None or t1.tzinfo is None:
        raise ValueError("a time without a zone has no sun above it")
    t0, t1 = t0.astimezone(UTC), t1.astimezone(UTC)
    windows = [
        (dusk - timedelta(minutes=policy.before_sunset_min), dawn + timedelta(minutes=policy.after_sunrise_min))
        for dusk, dawn in _nights(lat_deg, lon_deg, t0.date(), t1.date())
    ]
    touching = [(start, end) for start, end in windows if start < end and start <= t1 and t0 <= end]
    if any(start <= t0 and t1 <= end for start, end in _united(touching)):
        return "wholly"
    return "partly" if any(start < t1 and t0 < end for start, end in touching) else "none"


@lru_cache(maxsize=256)
def _nights(lat_deg: float, lon_deg: float, first: date, last: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return the dark stretches from the day before `first` to the day after `last`, in order."""
    is_dark = _darkness(lat_deg, lon_deg)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=1, minutes=4 * lon_deg)
    n_hours = 24 * ((last - first).days + 4)
    hours = [start + timedelta(hours=number) for number in range(n_hours + 1)]
    nights: list[tuple[datetime, datetime]] = []
    dusk = hours[0] if is_dark(hours[0]) else None
    for earlier, later in pairwise(hours):
        if is_dark(later) and dusk is None:
            dusk = _turn(is_dark, earlier, later)
        elif not is_dark(later) and dusk is not None:
            nights.append((dusk, _turn(is_dark, earlier, later)))
            dusk = None
    return tuple(nights if dusk is None else [*nights, (dusk, hours[-1])])


def _darkness(lat_deg: float, lon_deg: float) -> Callable[[datetime], bool]:
    from astral import Observer
    from astral.sun import elevation

    observer = Observer(latitude=lat_deg, longitude=lon_deg)
    return cache(lambda moment: elevation(observer, moment, with_refraction=False) < _HORIZON_DEG)


def _turn(is_dark: Callable[[datetime], bool], earlier: datetime, later: datetime) -> datetime:
    """Return when it turned dark or light between two moments that differ in it, to a second."""
    began = is_dark(earlier)
    while later - earlier > timedelta(seconds=1):
        halfway = earlier + (later - earlier) / 2
        earlier, later = (halfway, later) if is_dark(halfway) == began else (earlier, halfway)
    return later


def _united(windows: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join windows that overlap, as they do where margins are longer than the day."""
    united: list[tuple[datetime, datetime]] = []
    for start, end in windows:
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united
