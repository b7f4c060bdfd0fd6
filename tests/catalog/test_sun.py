"""The course of the sun agrees with astral, and no moment is lost or counted twice, beyond the polar circles too."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from astral import Observer
from astral.sun import elevation, sunrise, sunset
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.catalog.sun import DAY_US, HOUR_US, SUN_BINS, sun_clock, sun_height_deg

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000


def us(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


@given(
    lat_deg=st.floats(-89, 89),
    lon_deg=st.floats(-180, 180),
    at=st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds it
)
@settings(max_examples=200, deadline=None)
def test_the_sun_stands_where_astral_says(lat_deg: float, lon_deg: float, at: datetime) -> None:
    """Heights agree to a millionth of a degree, wherever and whenever; astral passes over parts of a second."""
    at = at.replace(microsecond=0)
    expected = elevation(Observer(lat_deg, lon_deg), at, with_refraction=False)
    assert sun_height_deg(lat_deg, lon_deg, np.array([us(at)]))[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("place", [(52.15, 4.47), (-20.92, 149.44), (0.0, -78.5)])
def test_sunrise_and_sunset_are_those_of_the_almanac(place: tuple[float, float]) -> None:
    """At middle latitudes, sunrise and sunset of a day lie within a minute of astral's."""
    day = datetime(2025, 5, 3, 12, tzinfo=UTC)
    turns = sun_clock(place, us(day), us(day)).turns_us
    observer = Observer(*place)
    for event in (sunrise(observer, day.date()), sunset(observer, day.date())):
        assert np.abs(turns - us(event)).min() < MINUTE_US


def test_an_hour_round_sunrise_is_dawn() -> None:
    """Dawn and dusk are two hours each; what is left of a day is day and night."""
    start = us(datetime(2025, 5, 3, tzinfo=UTC))
    clock = sun_clock((52.15, 4.47), start, start + DAY_US)
    spent = clock.spent_us(np.array([start]), np.array([start + DAY_US]))[0]
    night, dawn, day, dusk = spent / HOUR_US
    assert (2, 2, 24) == pytest.approx((dawn, dusk, spent.sum() / HOUR_US))
    rise, down = (us(event(Observer(52.15, 4.47), date(2025, 5, 3))) for event in (sunrise, sunset))
    assert (down - rise) / HOUR_US - 2 == pytest.approx(day, abs=1 / 30)
    assert 24 - (down - rise) / HOUR_US - 2 == pytest.approx(night, abs=1 / 30)


@given(
    lat_deg=st.floats(-89, 89),
    lon_deg=st.floats(-180, 180),
    start=st.integers(0, 2_000_000_000).map(lambda s: s * 1_000_000),
    n_minutes=st.integers(1, 3000),
)
@settings(max_examples=60, deadline=None)
def test_time_is_neither_lost_nor_doubled(lat_deg: float, lon_deg: float, start: int, n_minutes: int) -> None:
    """The bins add up to the whole, and each holds the minutes that a look at every single one counts."""
    end = start + n_minutes * MINUTE_US
    clock = sun_clock((lat_deg, lon_deg), start, end)
    spent = clock.spent_us(np.array([start]), np.array([end]))[0]
    assert n_minutes * MINUTE_US == pytest.approx(spent.sum())
    minutes = np.bincount(clock.at(np.arange(start, end, MINUTE_US)), minlength=len(SUN_BINS))
    n_edges = 1 + len(clock.breaks_us)
    assert np.all(np.abs(spent / MINUTE_US - minutes) <= n_edges)


def test_polar_days_have_no_dawn_and_are_told_of() -> None:
    """In June at 70° N the sun does not set, in December it does not rise; in March it does both."""
    tromso = (69.65, 18.96)
    for month, expected in ((6, "day"), (12, "night")):
        start = us(datetime(2025, month, 15, tzinfo=UTC))
        hours = np.arange(start, start + 5 * DAY_US, HOUR_US)
        clock = sun_clock(tromso, start, start + 5 * DAY_US)
        assert {expected} == {SUN_BINS[one] for one in clock.at(hours).tolist()}
        assert clock.days_without_turn(hours) in (5, 6)
    march = us(datetime(2025, 3, 15, tzinfo=UTC))
    assert 0 == sun_clock(tromso, march, march).days_without_turn(np.array([march]))
