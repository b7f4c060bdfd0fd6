"""Times: detections per hour of effort by hour of the day, by week or month, and by the sun.

A time in which nobody listened has no figure, not a figure of nothing.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from rab.catalog.activity import count
from rab.catalog.heard import NEVER, Rows, columns_sha256
from rab.catalog.sun import SUN_BINS, SunClock, sun_clock
from rab.evidence.summary.rows import HOUR_MS, HOUR_US, Row, Survey, of, over, row

Numbers = npt.NDArray[np.int64]
_SUN_WORDS = {
    "night": "night",
    "dawn": "within an hour of sunrise",
    "day": "day",
    "dusk": "within an hour of sunset",
}
_EPOCH = date(1970, 1, 1)


def hour_rows(survey: Survey) -> Iterator[Row]:
    """Yield detections in each hour of the site's clock that has effort."""
    basis = f"{survey.detected}, in this hour of the site's clock over all days; a segment with two taxa counts once"
    for hour, counted in zip(survey.effort.hours, survey.found.hours, strict=True):
        if hour.recorder_ms > 0:
            begins = hour.local_hour
            group = of(f"{begins:02}", f"{begins:02}:00–{(begins + 1) % 24:02}:00")
            figure = row("detections_by_hour", counted.n_segments, "segments", basis, counted.rows_sha256)
            yield figure | group | over(hour.recorder_ms / HOUR_MS, "h")


def season_rows(survey: Survey) -> Iterator[Row]:
    """Yield detections by month, or by week, where the recordings span enough days for it."""
    pieces, heard = survey.listened.pieces, survey.heard
    dated = pieces.date != NEVER
    if not dated.any():
        return
    n_days = int(pieces.date[dated].max() - pieces.date[dated].min()) + 1
    if n_days < survey.policy.min_weeks_days:
        return
    months = n_days >= survey.policy.min_months_days
    name, unit = ("detections_by_month", "month") if months else ("detections_by_week", "week")
    basis = f"{survey.detected}, in this {unit} of the site's calendar; a segment with two taxa counts once"
    effort = _by_period(pieces.date[dated], months=months)
    first = heard.first_of_segment(heard.detected)
    rows = first[heard.date[first] != NEVER]
    of_row = _by_period(heard.date[rows], months=months)
    for period in np.unique(effort).tolist():
        listened_us = int(pieces.length_us[dated][effort == period].sum())
        begins = _begin(period, months=months)
        words = f"{begins:%Y-%m}" if months else f"week of {begins.isoformat()}"
        yield (
            _counted(survey, name, basis, rows[of_row == period])
            | of(words[-7 if months else -10 :], words)
            | over(listened_us / HOUR_US, "h")
        )


def sun_rows(survey: Survey) -> Iterator[Row]:
    """Yield detections at night, at dawn, by day and at dusk, where clock and place are known."""
    pieces, heard = survey.listened.pieces, survey.heard
    known = np.array([place is not None for place in survey.listened.places], dtype=bool)
    usable = (pieces.start_us != NEVER) & known[pieces.recording] if len(known) else pieces.start_us != pieces.start_us
    if not usable.any():
        return
    clocks = _clocks(survey, usable)
    spent_us = np.zeros(len(SUN_BINS))
    n_unturned = 0
    for clock, mine in clocks.values():
        starts = pieces.start_us[mine]
        spent_us += clock.spent_us(starts, starts + pieces.length_us[mine]).sum(axis=0)
        n_unturned += clock.days_without_turn(starts)
    first = heard.first_of_segment(heard.detected)
    in_bin = np.full(len(first), -1)
    for number, place in enumerate(heard.places):
        if place in clocks:
            own = (heard.place[first] == number) & (heard.heard_at_us[first] != NEVER)
            in_bin[own] = clocks[place][0].at(heard.heard_at_us[first[own]])
    basis = (
        f"{survey.detected}, in segments that begin then, at recordings whose clock and place are known;"
        " dawn and dusk are an hour before to an hour after sunrise and sunset"
    )
    for number, name in enumerate(SUN_BINS):
        if spent_us[number] > 0:
            counted = _counted(survey, "detections_by_sun", basis, first[in_bin == number])
            yield counted | of(name, _SUN_WORDS[name]) | over(float(spent_us[number]) / HOUR_US, "h")
    if n_unturned:
        basis = "days at a place, with recordings, on which the sun neither rises nor sets: all day, or all night"
        sha = columns_sha256(np.sort(pieces.start_us[usable]))
        yield row("sunless_turns", n_unturned, "days", basis, sha)


def _clocks(survey: Survey, usable: npt.NDArray[np.bool_]) -> dict[tuple[float, float] | None, tuple[SunClock, Rows]]:
    """Return for each place its course of the sun, and its pieces of recording time."""
    pieces, places = survey.listened.pieces, survey.listened.places
    number = {place: n for n, place in enumerate(dict.fromkeys(places))}
    of_recording = np.array([number[place] for place in places], dtype=np.int64)
    found: dict[tuple[float, float] | None, tuple[SunClock, Rows]] = {}
    for place, n in number.items():
        mine = np.flatnonzero(usable & (of_recording[pieces.recording] == n))
        if place is not None and len(mine):
            starts = pieces.start_us[mine]
            found[place] = sun_clock(place, int(starts.min()), int((starts + pieces.length_us[mine]).max())), mine
    return found


def _counted(survey: Survey, name: str, basis: str, rows: Rows) -> Row:
    """Return a count of segments with the calls behind it."""
    heard, policy = survey.heard, survey.policy
    counted = count(heard, rows, n_exemplars=1, clear_from_db=policy.low_snr_db)
    figure = row(name, counted.n_segments, "segments", basis, counted.rows_sha256)
    return figure | survey.calls({name: counted}, {})[name]


def _by_period(days: Numbers, *, months: bool) -> Numbers:
    """Return the number of the month, or of the week (Monday to Sunday), that each day since 1970 lies in."""
    if months:
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return (days + 3) // 7  # 1970-01-01 was a Thursday


def _begin(period: int, *, months: bool) -> date:
    if months:
        return date(1970 + period // 12, period % 12 + 1, 1)
    return _EPOCH + timedelta(days=7 * period - 3)
