"""Times: detections per hour of effort by hour of the day, by week or month, and by the sun; of all taxa, then of each.

A time in which nobody listened has no figure, not a figure of nothing. Effort is the same for every taxon, since a
recorder listens to all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.catalog.activity import count
from rab.catalog.heard import NEVER, Place, Rows, columns_sha256, grouped
from rab.catalog.sun import SUN_BINS, SunClock, sun_clock
from rab.domain import Taxon
from rab.evidence.summary.rows import HOUR_MS, HOUR_US, Row, Survey, of, over, row

Numbers = npt.NDArray[np.int64]
_SUN_WORDS = {
    "night": "night",
    "dawn": "within an hour of sunrise",
    "day": "day",
    "dusk": "within an hour of sunset",
}
_EPOCH = date(1970, 1, 1)
Clocks = dict[Place | None, tuple[SunClock, Rows]]
"""Place → its course of the sun, and its pieces of recording time."""


class Bin(NamedTuple):
    """A time: its key, its words, and the hours of effort in it, above 0."""

    key: str
    words: str
    effort_h: float


@dataclass(frozen=True, eq=False)
class Division:
    """A division of time into bins with effort, and in which of them each detection lies."""

    name: str
    """What the figures are by: `hour`, `week`, `month` or `sun`."""
    bins: tuple[Bin, ...]
    places: Numbers
    """The number of the bin of each row of `Heard`, [n]; -1 where it lies in none."""
    basis: str
    """How the time of a segment is told, in words."""


def time_rows(survey: Survey) -> Iterator[Row]:
    """Yield detections in each time that has effort, of all taxa together and of the taxa with the most detections."""
    of_taxon = survey.heard.of_taxon(survey.heard.detected)
    rows_of = {survey.heard.taxa[number].scientific_name: rows for number, rows in of_taxon.items()}
    counted = [one for one in survey.found.taxa if one.taxon.group != "sound"]
    often = [one.taxon for one in counted if one.count.n_segments >= survey.policy.min_timed_detections]
    timed = {taxon: rows_of[taxon.scientific_name] for taxon in often[: survey.policy.n_timed_taxa]}
    clocks = _clocks(survey)
    for division in (_hours(survey), *_seasons(survey), *_sun(survey, clocks)):
        yield from _rows(survey, division, survey.heard.named)
        for taxon, rows in timed.items():
            n_timed = len(survey.heard.first_of_segment(rows[division.places[rows] >= 0]))
            if n_timed >= survey.policy.min_timed_detections:
                yield from _rows(survey, division, rows, taxon)
    yield from _unplaced_rows(survey)
    yield from _sunless_rows(survey, clocks)


def _rows(survey: Survey, division: Division, rows: Rows, taxon: Taxon | None = None) -> Iterator[Row]:
    """Yield a count of segments for each bin, with a call behind it."""
    heard, policy = survey.heard, survey.policy
    in_bin = grouped(rows, division.places[rows])
    counts = {
        one.key: count(heard, in_bin.get(number, rows[:0]), n_exemplars=1, clear_from_db=policy.low_snr_db)
        for number, one in enumerate(division.bins)
    }
    calls = survey.calls(counts, {} if taxon is None else dict.fromkeys(counts, taxon))
    name = f"detections_by_{division.name}" if taxon is None else f"taxon_by_{division.name}"
    once = "; a segment with two taxa counts once" if taxon is None else ""
    for one in division.bins:
        whose = (
            of(one.key, one.words)
            if taxon is None
            else of(f"{taxon.scientific_name}\t{one.key}", f"{taxon.common_name}, {one.words}")
        )
        counted = counts[one.key]
        basis = f"{survey.detected}, {division.basis}{once}"
        figure = row(name, counted.n_segments, "segments", basis, counted.rows_sha256)
        yield figure | whose | over(one.effort_h, "h") | calls[one.key]


def _hours(survey: Survey) -> Division:
    watched = [one for one in survey.effort.hours if one.recorder_ms > 0]
    number = np.full(25, -1)  # the last place is that of an hour that is not known, -1
    number[[one.local_hour for one in watched]] = np.arange(len(watched))
    bins = (
        Bin(
            f"{one.local_hour:02}",
            f"{one.local_hour:02}:00–{(one.local_hour + 1) % 24:02}:00",
            one.recorder_ms / HOUR_MS,
        )
        for one in watched
    )
    return Division("hour", tuple(bins), number[survey.heard.hour], "in this hour of the site's clock over all days")


def _seasons(survey: Survey) -> Iterator[Division]:
    """Yield months, or weeks, where the recordings span enough days for it."""
    pieces, heard = survey.listened.pieces, survey.heard
    dated = pieces.date != NEVER
    if not dated.any():
        return
    n_days = int(pieces.date[dated].max() - pieces.date[dated].min()) + 1
    if n_days < survey.policy.min_weeks_days:
        return
    months = n_days >= survey.policy.min_months_days
    unit = "month" if months else "week"
    effort = _by_period(pieces.date[dated], months=months)
    periods, number = np.unique(effort, return_inverse=True)
    effort_h = np.bincount(number, pieces.length_us[dated]) / HOUR_US
    places = np.full(len(heard.date), -1)
    known = heard.date != NEVER
    of_row = _by_period(heard.date[known], months=months)
    at = np.minimum(np.searchsorted(periods, of_row), len(periods) - 1)
    places[known] = np.where(periods[at] == of_row, at, -1)
    yield Division(
        unit,
        tuple(_periods(periods.tolist(), effort_h.tolist(), months=months)),
        places,
        f"in this {unit} of the site's calendar",
    )


def _periods(periods: Sequence[int], effort_h: Sequence[float], *, months: bool) -> Iterator[Bin]:
    for period, hours in zip(periods, effort_h, strict=True):
        begins = _begin(period, months=months)
        key = f"{begins:%Y-%m}" if months else begins.isoformat()
        yield Bin(key, key if months else f"week of {key}", hours)


def _sun(survey: Survey, clocks: Clocks) -> Iterator[Division]:
    """Yield night, dawn, day and dusk, where clock and place are known."""
    pieces, heard = survey.listened.pieces, survey.heard
    if not clocks:
        return
    spent_us = np.zeros(len(SUN_BINS))
    for clock, mine in clocks.values():
        starts = pieces.start_us[mine]
        spent_us += clock.spent_us(starts, starts + pieces.length_us[mine]).sum(axis=0)
    watched = np.flatnonzero(spent_us > 0)
    number = np.full(len(SUN_BINS), -1)
    number[watched] = np.arange(len(watched))
    places = np.full(len(heard.place), -1)
    for at, place in enumerate(heard.places):
        if place in clocks:
            own = (heard.place == at) & (heard.heard_at_us != NEVER)
            places[own] = number[clocks[place][0].at(heard.heard_at_us[own])]
    names = [SUN_BINS[one] for one in watched.tolist()]
    bins = (Bin(name, _SUN_WORDS[name], hours) for name, hours in zip(names, spent_us[watched] / HOUR_US, strict=True))
    basis = (
        "in segments that begin then, at recordings whose clock and place are known;"
        " dawn and dusk are an hour before to an hour after sunrise and sunset"
    )
    yield Division("sun", tuple(bins), places, basis)


def _sunless_rows(survey: Survey, clocks: Clocks) -> Iterator[Row]:
    """Yield on how many days the sun has no rise and no set, where there are any."""
    pieces = survey.listened.pieces
    n_unturned = sum(clock.days_without_turn(pieces.start_us[mine]) for clock, mine in clocks.values())
    if n_unturned:
        starts = np.concatenate([pieces.start_us[mine] for _, mine in clocks.values()])
        basis = "days at a place, with recordings, on which the sun neither rises nor sets: all day, or all night"
        yield row("sunless_turns", n_unturned, "days", basis, columns_sha256(np.sort(starts)))


def _unplaced_rows(survey: Survey) -> Iterator[Row]:
    """Yield how many recordings have a clock and no place, and so no sunrise."""
    listened = survey.listened
    clocked = np.unique(listened.pieces.recording[listened.pieces.start_us != NEVER]).tolist()
    ids = [listened.ids[number] for number in clocked if listened.places[number] is None]
    if ids:
        basis = "recordings whose time is known and whose place is not; they count in no part of the day by the sun"
        yield row("unplaced_recordings", len(ids), "recordings", basis, columns_sha256("\n".join(ids)))


def _clocks(survey: Survey) -> Clocks:
    """Return for each place with a clock its course of the sun, and its pieces of recording time."""
    pieces, places = survey.listened.pieces, survey.listened.places
    number = {place: n for n, place in enumerate(dict.fromkeys(places))}
    of_recording = np.array([number[place] for place in places], dtype=np.int64)
    dated = pieces.start_us != NEVER
    found: Clocks = {}
    for place, n in number.items():
        mine = np.flatnonzero(dated & (of_recording[pieces.recording] == n))
        if place is not None and len(mine):
            starts = pieces.start_us[mine]
            found[place] = sun_clock(place, int(starts.min()), int((starts + pieces.length_us[mine]).max())), mine
    return found


def _by_period(days: Numbers, *, months: bool) -> Numbers:
    """Return the number of the month, or of the week (Monday to Sunday), that each day since 1970 lies in."""
    if months:
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return (days + 3) // 7  # 1970-01-01 was a Thursday


def _begin(period: int, *, months: bool) -> date:
    if months:
        return date(1970 + period // 12, period % 12 + 1, 1)
    return _EPOCH + timedelta(days=7 * period - 3)
