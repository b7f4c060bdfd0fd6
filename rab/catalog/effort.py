"""Effort: how long was listened, where and when. It is what every count is divided by.

It is counted from recordings, not from segments, so that overlapping windows, two channels or two models do not listen
twice. A filter cuts into recordings: `hour=4..6` takes those hours out of a night. So a recording is cut into pieces at
the hours of the site's clock, at changes of summer time, and at the instants that the filter names; then each piece
counts whole or not at all. No database knows clocks as `zoneinfo` does, so this is done here; 100,000 recordings of ten
minutes take about four seconds. Whoever needs several figures of effort reads `Listened` once.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, select

from rab.catalog.aggregates import Effort, Gap, Gaps, HourEffort, SiteEffort, rows_sha256
from rab.catalog.filters import of_recording_time
from rab.catalog.heard import NEVER, NO_HOUR, Place, place_of
from rab.catalog.rows import from_us, to_us
from rab.catalog.schema import model_runs, recordings, spaces
from rab.domain import SegmentFilter, SegmentPayload, local_time

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)


class _Piece(NamedTuple):
    """A stretch of a recording within one hour of the site's clock; without a start, all of the recording."""

    length_us: int
    start_us: int | None
    local_hour: int | None
    local_date: str | None


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of recording time as columns [n]: `recording` is a place in `Listened.counted`."""

    recording: npt.NDArray[np.int64]
    start_us: npt.NDArray[np.int64]
    """Microseconds since 1970 in UTC, or NEVER."""
    length_us: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    """Hour of the site's clock, or NO_HOUR."""
    date: npt.NDArray[np.int64]
    """Days since 1970 on the site's calendar, or NEVER."""


@dataclass(frozen=True, eq=False)
class Listened:
    """The recording time at which a matching segment could be heard: recordings by id, each with its pieces."""

    counted: Sequence[tuple[Row[Any], list[_Piece]]]

    @cached_property
    def pieces(self) -> Pieces:
        """All pieces, in the order of recordings and time."""
        rows = [
            (
                number,
                NEVER if piece.start_us is None else piece.start_us,
                piece.length_us,
                NO_HOUR if piece.local_hour is None else piece.local_hour,
                NEVER if piece.local_date is None else date.fromisoformat(piece.local_date).toordinal() - _EPOCH,
            )
            for number, (_, pieces) in enumerate(self.counted)
            for piece in pieces
        ]
        return Pieces(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)

    @cached_property
    def sites(self) -> tuple[str | None, ...]:
        """The site of each recording."""
        return tuple(row.site for row, _ in self.counted)

    @cached_property
    def places(self) -> tuple[Place | None, ...]:
        """Where each recording was made; None where that is not known."""
        return tuple(place_of(row.lat_deg, row.lon_deg) for row, _ in self.counted)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The id of each recording."""
        return tuple(row.id for row, _ in self.counted)


_EPOCH = date(1970, 1, 1).toordinal()


def listened(connection: Connection, space: str, where: SegmentFilter) -> Listened:
    """Read the recording time, of recordings that a space holds, at which a matching segment could be heard."""
    return Listened(list(_counted(connection, space, where)))


def effort(listened: Listened) -> Effort:
    """Count recording time: in all, by site and by hour of the site's clock."""
    whole, by_site, by_hour = _Tally(), defaultdict[str | None, _Tally](_Tally), [_Tally() for _ in range(24)]
    n_without_clock = 0
    earliest_us, latest_us = [], []
    for row, pieces in listened.counted:
        whole.add(row, pieces)
        by_site[row.site].add(row, pieces)
        for hour in {piece.local_hour for piece in pieces if piece.local_hour is not None}:
            by_hour[hour].add(row, [piece for piece in pieces if piece.local_hour == hour])
        n_without_clock += pieces[0].local_hour is None
        if (start_us := pieces[0].start_us) is not None:
            earliest_us.append(start_us)
            latest_us.append((pieces[-1].start_us or 0) + pieces[-1].length_us)
    return Effort(
        recorder_ms=whole.recorder_ms,
        n_recordings=whole.n_recordings,
        n_recorder_days=len(whole.days),
        n_without_clock=n_without_clock,
        earliest=from_us(min(earliest_us)) if earliest_us else None,
        latest=from_us(max(latest_us)) if latest_us else None,
        sites=tuple(
            SiteEffort(site, tally.recorder_ms, tally.n_recordings, len(tally.days), rows_sha256(tally.rows))
            for site, tally in sorted(by_site.items(), key=lambda item: (item[0] is None, item[0]))
        ),
        hours=tuple(
            HourEffort(hour, tally.recorder_ms, tally.n_recordings, rows_sha256(tally.rows))
            for hour, tally in enumerate(by_hour)
        ),
        rows_sha256=rows_sha256(whole.rows),
    )


def gaps(listened: Listened, longer_than_ms: float, where: SegmentFilter = SegmentFilter()) -> Gaps:
    """Find the times without recording between those recordings that count in the effort, site by site.

    Where the filter names an interval, its ends bound gaps too: a recorder that died on its second day has one.
    """
    rows: list[tuple[object, ...]] = [(str(where.heard_from), str(where.heard_before))]
    found: list[Gap] = []
    by_site: dict[str | None, list[tuple[int, int, str | None]]] = defaultdict(list)
    for row, _ in listened.counted:
        if row.started_at_us is not None:
            span = row.started_at_us, row.started_at_us + _length_us(row), row.id
            rows.append((row.id, row.site, *span[:2]))
            by_site[row.site].append(span)
    for site, spans in sorted(by_site.items(), key=lambda item: (item[0] is None, item[0])):
        spans.sort()
        if where.heard_before is not None:
            spans.append((to_us(where.heard_before), to_us(where.heard_before), None))
        end_us, last = (spans[0][0], spans[0][2]) if where.heard_from is None else (to_us(where.heard_from), None)
        for start_us, stop_us, recording_id in spans:
            if start_us - end_us > 1000 * longer_than_ms:
                found.append(Gap(site, from_us(end_us), from_us(start_us), last, recording_id))
            end_us, last = max((end_us, last), (stop_us, recording_id))
    return Gaps(longer_than_ms, tuple(found), rows_sha256(rows))


@dataclass
class _Tally:
    """The running account of some recording time."""

    rows: list[tuple[str, float]] = field(default_factory=list)
    days: set[tuple[str | None, str]] = field(default_factory=set)
    n_recordings: int = 0
    length_us: int = 0

    def add(self, row: Row[Any], pieces: list[_Piece]) -> None:
        length_us = sum(piece.length_us for piece in pieces)
        self.rows.append((row.id, length_us / 1000))
        self.days |= {(row.site, piece.local_date) for piece in pieces if piece.local_date is not None}
        self.n_recordings += 1
        self.length_us += length_us

    @property
    def recorder_ms(self) -> float:
        return self.length_us / 1000


def _counted(connection: Connection, space: str, where: SegmentFilter) -> Iterator[tuple[Row[Any], list[_Piece]]]:
    """Yield each recording of which something counts, by id, with the pieces that do."""
    moments = of_recording_time(where)
    cuts_us = sorted(set(_instants_us(moments)))
    held = (
        select(recordings, spaces.c.model)
        .select_from(recordings.join(model_runs).join(spaces))
        .where(spaces.c.space == space)
    )
    if moments.sites:
        held = held.where(recordings.c.site.in_(moments.sites))
    if moments.recording_ids:
        held = held.where(recordings.c.id.in_(moments.recording_ids))
    for row in connection.execute(held.order_by(recordings.c.id)):
        pieces = [piece for piece in _pieces(row, cuts_us) if moments.is_empty or _holds(moments, row, piece)]
        if pieces:
            yield row, pieces


def _instants_us(where: SegmentFilter) -> Iterator[int]:
    yield from (to_us(instant) for instant in (where.heard_from, where.heard_before) if instant is not None)
    for part in where.parts:
        yield from _instants_us(part)


def _holds(moments: SegmentFilter, row: Row[Any], piece: _Piece) -> bool:
    heard_at = None if piece.start_us is None else from_us(piece.start_us)
    return moments.matches(
        SegmentPayload(
            segment_id="",
            recording_id=row.id,
            site=row.site,
            habitat=row.habitat,
            lat_deg=row.lat_deg,
            lon_deg=row.lon_deg,
            heard_at=heard_at,
            local_hour=piece.local_hour,
            month_day=None if piece.local_date is None else int(piece.local_date[5:].replace("-", "")),
            model=row.model,
        )
    )


def _length_us(row: Row[Any]) -> int:
    return round(1000 * float(row.duration_ms))


def _pieces(row: Row[Any], cuts_us: list[int]) -> Iterator[_Piece]:
    if row.started_at_us is None:
        yield _Piece(_length_us(row), None, None, None)
        return
    at_us, end_us = row.started_at_us, row.started_at_us + _length_us(row)
    inner = [cut_us for cut_us in cuts_us if at_us < cut_us < end_us]
    for stop_us in [*inner, end_us]:
        while at_us < stop_us:
            start = from_us(at_us)
            local = local_time(start, row.zone)
            piece_end_us = stop_us if local is None else min(stop_us, to_us(_hour_end(start, local, row.zone)))
            hour, date = (None, None) if local is None else (local.hour, local.date().isoformat())
            yield _Piece(piece_end_us - at_us, at_us, hour, date)
            at_us = piece_end_us


def _hour_end(start: datetime, local: datetime, zone: str) -> datetime:
    """Return when the hour of the site's clock that `start` lies in ends: on the hour, or when the clock is changed."""
    end = start + _HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    if _offset(end - _TICK, zone) == local.utcoffset():
        return end
    same, other = start, end - _TICK
    while other - same > _TICK:
        middle = same + (other - same) / 2
        same, other = (middle, other) if _offset(middle, zone) == local.utcoffset() else (same, middle)
    return other


def _offset(instant: datetime, zone: str) -> timedelta | None:
    local = local_time(instant, zone)
    return None if local is None else local.utcoffset()
