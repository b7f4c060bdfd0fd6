"""From what a recorder's clock said to an instant, or to a sentence on why there is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.audio.clocks import canonical_zone, stamp_in_name, start_of, zone_of
from rab.errors import InputError

LOCAL = datetime.fromisoformat("2019-05-22T04:30:00")


@pytest.mark.parametrize(
    "name",
    [
        "20190522_043000.WAV",  # AudioMoth
        "20190522_043000T.WAV",  # AudioMoth, triggered
        "242A2604603691DD_20190522_043000.WAV",  # AudioMoth, with its serial number
        "SITE-4_20190522_043000.wav",  # Song Meter Mini
        "S4A03895_20190522_043000_000.wav",  # Song Meter SM4, split
        "ARIZONA-1_0+1_20190522$043000.wav",  # Song Meter SM3, clock set by GPS
        "CHE_01_20190522_043000.wav",
        "St_Bees_Currawong_20190522-043000_2.flac",
        "2019-05-22T04-30-00.flac",
        "2019-05-22 04-30-00.wav",
        "rec_2019_05_22_04_30_00.wav",
        "2019-05-22T04:30:00.wav",
        "20190522043000.ogg",
        "1234_20190522_043000_5678.mp3",
    ],
)
def test_names_tell_a_time_without_a_zone(name: str) -> None:
    """Every recorder writes it its own way, and none of these says where on Earth it was that time."""
    assert stamp_in_name(name) == LOCAL


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2019-05-22T04-30-00Z.wav", "2019-05-22T04:30:00+00:00"),
        ("20190522T043000+0200.wav", "2019-05-22T04:30:00+02:00"),
        ("20190522T043000-0330_site.flac", "2019-05-22T04:30:00-03:30"),
        ("S20190522T043000.125+1000_E20190522T053000.wav", "2019-05-22T04:30:00.125+10:00"),
        ("5CE4D2E0.WAV", "2019-05-22T04:41:04+00:00"),
    ],
)
def test_some_names_tell_their_offset(name: str, expected: str) -> None:
    """ISO 8601 with Z or an offset, and the Unix time of the first AudioMoths."""
    stamp = stamp_in_name(name)
    assert stamp is not None
    assert stamp.isoformat(timespec="auto") == datetime.fromisoformat(expected).isoformat()


@pytest.mark.parametrize(
    "name",
    [
        "recording.wav",
        "20190231_043000.wav",  # no such day
        "20190522_246000.wav",  # no such time
        "20190522.wav",  # a day is not a time
        "20190522_0430.wav",  # may be a count
        "120190522_043000.wav",  # nine digits are no date
        "2021-B32-0415_05-11.wav",
        "XC663885.mp3",
        "12345678.wav",  # hexadecimal digits, but a plain number
        "DEADBEEF.WAV",  # the year 2088
        "5ce4d2e0.wav",  # AudioMoth writes capitals
    ],
)
def test_what_is_no_date_is_no_time(name: str) -> None:
    """A time that may be something else would be believed by everything after it."""
    assert stamp_in_name(name) is None


def test_a_number_before_the_date_is_passed_over() -> None:
    """A catalogue number that looks like a date and is none does not hide the date."""
    assert stamp_in_name("20199999999999_20190522_043000.wav") == LOCAL


@given(
    st.datetimes(datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2099-12-31")),
    st.sampled_from(["%Y%m%d_%H%M%S", "%Y-%m-%dT%H-%M-%S"]),
)
def test_every_time_comes_back_from_its_name(stamp: datetime, form: str) -> None:
    """Writing a time into a name and reading it again changes nothing but fractions."""
    assert stamp_in_name(f"SITE_{stamp:{form}}.wav") == stamp.replace(microsecond=0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Europe/Amsterdam", "Europe/Amsterdam"),
        (" UTC ", "UTC"),
        ("Z", "UTC"),
        ("gmt", "UTC"),
        ("UTC+0", "UTC"),
        ("UTC+2", "UTC+02:00"),
        ("utc-3:30", "UTC-03:30"),
        ("+0545", "UTC+05:45"),
        ("+10", "UTC+10:00"),
    ],
)
def test_zones_have_one_spelling(name: str, expected: str) -> None:
    """Fixed offsets are written `UTC±hh:mm`; names of the zone database stay."""
    assert canonical_zone(name) == expected


@pytest.mark.parametrize("name", ["", "Europe", "Europe/Nowhere", "UTC+25", "local", "../etc/passwd", "UTC+02:00:00"])
def test_unknown_zones_are_refused(name: str) -> None:
    """The hint shows the two spellings."""
    with pytest.raises(InputError, match=r"Europe/Amsterdam or UTC\+02:00"):
        canonical_zone(name)


@pytest.mark.parametrize(
    ("zone", "hour_utc"),
    [("UTC", 4), ("Europe/Amsterdam", 2), ("UTC+01:00", 3), ("utc-5:30", 10), ("Asia/Kathmandu", 22)],
)
def test_a_zone_makes_an_instant(zone: str, hour_utc: int) -> None:
    """The same time of day is another instant in each zone."""
    start = start_of(LOCAL, zone, "A test gives")
    assert start.at is not None
    assert (start.at.tzinfo, start.at.hour, start.caveat) == (UTC, hour_utc, None)


def test_without_a_zone_there_is_no_instant() -> None:
    """The caveat says who told the time and what to do."""
    start = start_of(LOCAL, None, "A test gives")
    assert start.at is None
    assert start.caveat is not None
    assert start.caveat.startswith("A test gives a start time without a time zone")
    assert "deployments CSV or with --zone" in start.caveat


@pytest.mark.parametrize(
    ("told", "trouble"),
    [
        ("2021-10-31T02:30:00", "occurs twice"),
        ("2021-03-28T02:30:00", "never occurred"),
    ],
)
def test_hours_of_clock_changes_are_not_guessed(told: str, trouble: str) -> None:
    """The repeated hour has two instants and the skipped one none; a fixed offset has neither trouble."""
    local = datetime.fromisoformat(told)
    start = start_of(local, "Europe/Amsterdam", "A test gives")
    assert start.at is None
    assert trouble in (start.caveat or "")
    assert start_of(local, "UTC+01:00", "A test gives").at == local.replace(tzinfo=UTC) - timedelta(hours=1)


def test_a_clock_that_was_never_set_is_told() -> None:
    """Recorders without a set clock write 1970; with a spent battery, anything."""
    for year in (1970, 9999):
        start = start_of(datetime(year, 1, 1, tzinfo=UTC), None, "A test gives")
        assert start == (None, f"A test gives the year {year}: the recorder's clock was never set.")


@pytest.mark.parametrize(("hours", "expected"), [(0, "UTC"), (2, "UTC+02:00"), (-3.5, "UTC-03:30")])
def test_an_offset_is_named(hours: float, expected: str) -> None:
    """So that local hours can be told from the file alone."""
    assert zone_of(LOCAL.replace(tzinfo=timezone(timedelta(hours=hours)))) == expected
    assert zone_of(LOCAL) is None
