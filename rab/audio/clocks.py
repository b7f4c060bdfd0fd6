"""Clocks: from what a recorder's clock said to an instant, or to a sentence on why there is none.

A name such as `20190522_043000.WAV` tells a time of day and not where on Earth it was that time. RAB never guesses
the missing half: without a time zone there is no instant, and the recording says so. The same holds for the hour that
a clock going back repeats, and for the one that a clock going forward never shows.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import PurePath
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rab.errors import InputError

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_MAX_OFFSET_HOURS = 14
_YEARS = range(1980, 2100)
"""When recorders keep digital time; one whose clock was never set says 1970."""

_IN_NAME = re.compile(
    r"""(?<!\d)
    (?P<date>(?:19[7-9]|20\d)\d([-_.]?)\d\d\2\d\d)
    [T_$\ -]{0,2}
    (?P<time>\d\d([-_.:]?)\d\d\4\d\d)
    (?P<fraction>\.\d{1,6})?
    (?P<offset>Z|[+-](?:0\d|1[0-4])[-:]?(?:00|15|30|45))?
    (?!\d)""",
    re.VERBOSE,
)
_HEXADECIMAL = re.compile(r"(?=.*[A-F])[5-7][0-9A-F]{7}")


class Start(NamedTuple):
    """When a recording began, in UTC, or a sentence on why that is not known."""

    at: datetime | None
    caveat: str | None = None


def canonical_zone(name: str) -> str:
    """Return an IANA zone name as it is, and a fixed offset (`UTC+2`, `+05:30`) as `UTC+02:00`; none is `UTC`.

    Raises `InputError` for a zone that does not exist.
    """
    name = name.strip()
    if name.upper() in {"UTC", "GMT", "Z"}:
        return "UTC"
    if (offset := _OFFSET.fullmatch(name)) and int(offset[2]) <= _MAX_OFFSET_HOURS:
        sign, hours, minutes = offset[1], int(offset[2]), offset[3] or "00"
        return f"UTC{sign}{hours:02}:{minutes}" if hours or int(minutes) else "UTC"
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"there is no time zone {name!r}", hint="write Europe/Amsterdam or UTC+02:00") from error


def clock(zone: str) -> tzinfo:
    """Return the clock of a zone. Raises `InputError` for one that does not exist."""
    zone = canonical_zone(zone)
    if offset := _OFFSET.fullmatch(zone):
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-shift if offset[1] == "-" else shift)
    return UTC if zone == "UTC" else ZoneInfo(zone)


def stamp_in_name(file_name: str) -> datetime | None:
    """Return the time that a file's name tells, without a time zone unless the name gives an offset.

    Known forms: AudioMoth `20190522_043000.WAV`, with a serial before it or a `T` behind; its first firmware's
    hexadecimal Unix time, `5CE4D2E0.WAV`, which is UTC; Song Meter `SITE_20190522_043000_000.wav`, with `$` for `_`
    where the clock was set by GPS; ISO 8601, `2019-05-22T04-30-00Z` or `20190522T043000+0200`. What is no date of the
    calendar is no time.
    """
    stem = PurePath(file_name).stem
    if _HEXADECIMAL.fullmatch(stem):
        return datetime.fromtimestamp(int(stem, 16), UTC)
    for match in _IN_NAME.finditer(stem):
        digits = re.sub(r"\D", "", match["date"] + match["time"])
        try:
            stamp = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007  the zone follows, or is not known
        except ValueError:
            continue
        stamp += timedelta(seconds=float(match["fraction"] or 0))
        offset = match["offset"]
        return stamp.replace(tzinfo=clock(offset[0] + re.sub(r"\D", "", offset))) if offset else stamp
    return None


def start_of(stamp: datetime, zone: str | None, told_by: str) -> Start:
    """Turn a recorder's time into an instant. `zone` is the clock's, where `stamp` has no offset of its own.

    `told_by` begins the caveat: who gave the time, and the verb. Raises `InputError` for a zone that does not exist.
    """
    if stamp.year not in _YEARS:
        return Start(None, f"{told_by} the year {stamp.year}: the recorder's clock was never set.")
    if stamp.tzinfo is not None:
        return Start(stamp.astimezone(UTC))
    if zone is None:
        return Start(
            None,
            f"{told_by} a start time without a time zone, so the start is not known; "
            "name the zone of the recorder's clock in a deployments CSV or with --zone.",
        )
    local = clock(zone)
    first, second = (stamp.replace(tzinfo=local, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return Start(first)
    if first.astimezone(local).replace(tzinfo=None) == stamp:
        trouble = "occurs twice, on the day that the clocks went back"
    else:
        trouble = "never occurred, on the day that the clocks went forward"
    return Start(
        None,
        f"{told_by} {stamp:%Y-%m-%d %H:%M:%S}, which in {zone} {trouble}, so the start is not known; "
        "if the recorder's clock did not follow summer time, give its zone as a fixed offset such as UTC+01:00.",
    )


def zone_of(stamp: datetime) -> str | None:
    """Return the fixed offset of a time as a zone name (`UTC`, `UTC+02:00`); None for a time without one."""
    return None if stamp.tzinfo is None else canonical_zone(f"{stamp:%z}")
