"""Night: Zurich at midsummer, Quito at the equinox, Suva by the date line, Tromsø in the polar day and night.

Times are those of `astral.sun.sun` 3.2, which works from calendar days and shares nothing with what is tested but the
sun's position.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.audio.night import NightPolicy, NightShare, night_share

ZURICH, QUITO, TROMSO, SUVA = (47.3769, 8.5417), (-0.1807, -78.4678), (69.65, 18.96), (-18.14, 178.44)
ON = NightPolicy(is_on=True)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def utc(text: str) -> datetime:
    """Return an instant written without its zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "sunrise", "sunset"),
    [
        (ZURICH, "2024-06-21 03:29", "2024-06-21 19:26"),  # 05:29 and 21:26 CEST
        (QUITO, "2024-03-20 11:18", "2024-03-20 23:24"),  # 06:18 and 18:24: 12 h and 2 × 0.833° of the sun's path
        (SUVA, "2024-03-20 18:10", "2024-03-20 06:17"),  # 06:10 and 18:17 on either side of the date line's midnight
    ],
    ids=["Zurich", "Quito", "Suva"],
)
def test_the_window_opens_at_sunset_and_closes_at_sunrise(
    place: tuple[float, float], sunrise: str, sunset: str
) -> None:
    """Within two minutes: heights of places and rounding differ by one."""
    dawn, dusk, near = utc(sunrise), utc(sunset), 2 * MINUTE

    def at(moment: datetime) -> NightShare | None:
        return night_share(moment, moment, place, ON)

    assert ("wholly", "none", "none", "wholly") == (at(dawn - near), at(dawn + near), at(dusk - near), at(dusk + near))


def test_a_recording_across_midnight_is_wholly_inside() -> None:
    """The calendar's day does not matter; a recording across dusk is partly inside, one at noon not at all."""
    midnight = utc("2024-06-22 00:00")

    assert "wholly" == night_share(midnight - HOUR, midnight + HOUR, ZURICH, ON)
    assert "partly" == night_share(midnight - 6 * HOUR, midnight, ZURICH, ON)
    assert "partly" == night_share(midnight - 24 * HOUR, midnight + 24 * HOUR, ZURICH, ON)
    assert "none" == night_share(midnight - 12 * HOUR, midnight - 6 * HOUR, ZURICH, ON)


def test_margins_widen_the_window_and_narrow_it() -> None:
    """Half an hour before sunset is inside with such a margin; half an hour after is outside with a negative one."""
    sunset = utc("2024-06-21 19:26")
    early, late = sunset - 25 * MINUTE, sunset + 25 * MINUTE

    assert "wholly" == night_share(early, early, ZURICH, NightPolicy(is_on=True, before_sunset_min=30))
    assert "none" == night_share(late, late, ZURICH, NightPolicy(is_on=True, before_sunset_min=-30))
    morning = utc("2024-06-21 03:50")
    assert "wholly" == night_share(morning, morning, ZURICH, NightPolicy(is_on=True, after_sunrise_min=30))


def test_margins_longer_than_the_day_leave_no_gap() -> None:
    """A week is wholly inside when the windows overlap."""
    policy = NightPolicy(is_on=True, before_sunset_min=600, after_sunrise_min=600)

    assert "wholly" == night_share(utc("2024-06-20"), utc("2024-06-27"), ZURICH, policy)


@pytest.mark.parametrize(("day", "share"), [("2024-06-21", "none"), ("2024-12-21", "wholly")])
def test_the_polar_day_has_no_night_and_the_polar_night_no_day(day: str, share: NightShare) -> None:
    """In Tromsø the sun stays up from late May to late July and down from late November to mid-January."""
    assert share == night_share(utc(day), utc(day) + 24 * HOUR, TROMSO, ON)


def test_the_last_night_before_the_polar_day_is_short() -> None:
    """In Tromsø on 16 May 2024 the sun was down for about an hour around 22:40 UTC, and at noon it was up."""
    middle = utc("2024-05-16 22:40")

    assert "wholly" == night_share(middle, middle, TROMSO, ON)
    assert "partly" == night_share(middle - 3 * HOUR, middle + 3 * HOUR, TROMSO, ON)
    assert "none" == night_share(middle - 12 * HOUR, middle - 6 * HOUR, TROMSO, ON)


def test_what_is_not_known_cannot_be_judged() -> None:
    """Without a clock, a latitude or a longitude there is no answer; with the policy off, none is needed."""
    noon = utc("2024-06-21 12:00")

    assert [None] * 4 == [
        night_share(None, noon, ZURICH, ON),
        night_share(noon, None, ZURICH, ON),
        night_share(noon, noon, (None, 8.5), ON),
        night_share(noon, noon, (47.4, None), ON),
    ]
    assert "wholly" == night_share(None, None, (None, None), NightPolicy())


def test_a_time_without_a_zone_is_a_mistake() -> None:
    """It would be day somewhere and night elsewhere."""
    naive = utc("2024-06-21").replace(tzinfo=None)

    with pytest.raises(ValueError, match="zone"):
        night_share(naive, naive, ZURICH, ON)


def test_a_sunrise_at_midnight_utc_is_not_lost() -> None:
    """In Siberia early in April 2001 the sun rose twice within one UTC day, and the night was a night all the same."""
    moment = utc("2001-04-03 15:53")

    assert "wholly" == night_share(moment, moment, (60.6027, 79.7559), ON)


@given(
    st.integers(0, 14_000_000).map(lambda n: utc("2000-01-01") + n * 90 * timedelta(seconds=1)),
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_the_sun_is_down_wherever_it_is_night(moment: datetime, lat_deg: float, lon_deg: float) -> None:
    """Anywhere on Earth, the poles too, the window agrees with the sun's height, clear of the horizon."""
    from astral import Observer
    from astral.sun import elevation

    height_deg = elevation(Observer(lat_deg, lon_deg), moment, with_refraction=False)

    share = night_share(moment, moment, (lat_deg, lon_deg), ON)

    if abs(height_deg + 0.833) > 0.1:
        assert ("wholly" if height_deg < -0.833 else "none") == share
