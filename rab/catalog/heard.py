"""Heard: the scores at or above the threshold, read once, as columns that every figure of a summary is counted from.

A fingerprint takes in every row behind a figure, so every row must be read; a count by SQL beside it would be a second
account that could disagree with the first. So one statement reads the rows, filtered by the database, and all figures
are sums over the same columns. A million segments with half a million detections are read in 2 to 4 s; put into nouns
one by one they took a minute.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, case, select

from rab.catalog.filters import matching
from rab.catalog.rows import taxon_of
from rab.catalog.schema import classes, recordings, segments, spaces, taxon_scores
from rab.domain import SegmentFilter, Taxon

Rows = npt.NDArray[np.intp]
"""Numbers of rows, ascending."""
Place = tuple[float, float]
"""Latitude and longitude in degrees, to a hundredth: a recorder's fixes differ by less, and the sun by seconds."""
NEVER = np.iinfo(np.int64).min
"""Stands for an instant or a date that is not known."""
NO_HOUR = -1
_DAYS = 1 << 24
"""More than the days between any two dates of a calendar."""
_N_AT_ONCE = 20_000
Name = TypeVar("Name", str, Place)


@dataclass(frozen=True, eq=False)
class Heard:
    """Scores that reach the threshold, in the order of segment ids, the best of a segment first. Arrays are [n]."""

    segment_ids: npt.NDArray[np.bytes_]
    recording: npt.NDArray[np.int64]
    """Number of the recording among those of the library, ascending as they were taken in."""
    site: npt.NDArray[np.int64]
    """Place of the site in `sites`."""
    place: npt.NDArray[np.int64]
    """Place of the coordinates in `places`."""
    date: npt.NDArray[np.int64]
    """Days since 1970 on the site's calendar, or NEVER."""
    hour: npt.NDArray[np.int64]
    """Hour of the site's clock, or NO_HOUR."""
    heard_at_us: npt.NDArray[np.int64]
    """Microseconds since 1970 in UTC, or NEVER."""
    snr_db: npt.NDArray[np.float64]
    """NaN where it could not be measured: inside this class alone."""
    taxon: npt.NDArray[np.int64]
    """Place of the taxon in `taxa`."""
    raw_score: npt.NDArray[np.float64]
    out_of_range: npt.NDArray[np.bool_]
    unchecked: npt.NDArray[np.bool_]
    """Where it is not known whether the taxon is expected there and then."""
    taxa: tuple[Taxon, ...]
    """By scientific name, each once."""
    sites: tuple[str | None, ...]
    places: tuple[Place | None, ...]
    recording_ids: tuple[str, ...]
    """Of all recordings of the library, in the order of their numbers."""

    @cached_property
    def segment(self) -> npt.NDArray[np.int64]:
        """The number of each row's segment in the order of ids: equal for rows of one segment."""
        if len(self.segment_ids) == 0:
            return np.zeros(0, np.int64)
        return np.cumsum(np.concatenate([[0], self.segment_ids[1:] != self.segment_ids[:-1]]))

    @cached_property
    def recorder_days(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Site and date of each recorder-day with a row, [n_days]; `recorder_day` says which is whose."""
        dates = self._dated[1]
        return self._dated[0] // _DAYS, dates

    @cached_property
    def recorder_day(self) -> npt.NDArray[np.int64]:
        """The place of each row's recorder-day in `recorder_days`; -1 without a clock."""
        return self._dated[2]

    @cached_property
    def _dated(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        known = self.date != NEVER
        key = self.site[known] * _DAYS + self.date[known] + _DAYS // 2
        keys, places = np.unique(key, return_inverse=True)
        number = np.full(len(self.date), -1)
        number[known] = places
        return keys, keys % _DAYS - _DAYS // 2, number

    @cached_property
    def detected(self) -> Rows:
        """The rows that the location and week model does not rule out."""
        return np.flatnonzero(~self.out_of_range)

    @cached_property
    def named(self) -> Rows:
        """Those of them that name a taxon, and no sound of another kind."""
        if not self.taxa:
            return self.detected
        return self.detected[~self.is_sound[self.taxon[self.detected]]]

    @cached_property
    def is_sound(self) -> npt.NDArray[np.bool_]:
        """Whether each of `taxa` is a sound that is no animal."""
        return np.array([taxon.group == "sound" for taxon in self.taxa], dtype=bool)

    def of_taxon(self, rows: Rows) -> dict[int, Rows]:
        """Return the rows of each taxon that has some among `rows`."""
        return grouped(rows, self.taxon[rows])

    def first_of_segment(self, rows: Rows) -> Rows:
        """Return of each segment the first row, which has its best score among `rows`."""
        own = self.segment[rows]
        return rows[np.concatenate([[True], own[1:] != own[:-1]])] if len(rows) else rows

    def ids(self, rows: Rows) -> tuple[str, ...]:
        """Return the segment ids of rows."""
        return tuple(one.decode("ascii") for one in self.segment_ids[rows].tolist())

    def fingerprint(self, rows: Rows) -> str:
        """Return the sha256 of rows: their segment ids, scientific names and raw scores."""
        codes, own = np.unique(self.taxon[rows], return_inverse=True)
        names = "\n".join(self.taxa[code].scientific_name for code in codes.tolist())
        return columns_sha256(self.segment_ids[rows], names, own.astype("<i8"), self.raw_score[rows].astype("<f8"))


def columns_sha256(*columns: npt.NDArray[Any] | str) -> str:
    """Return the fingerprint of columns, one after the other, each as its bytes."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(column.encode() if isinstance(column, str) else np.ascontiguousarray(column).tobytes())
        digest.update(b"\0")
    return digest.hexdigest()


def grouped(rows: Rows, key: npt.NDArray[np.int64]) -> dict[int, Rows]:
    """Return rows by their key, ascending within each; keys ascend too."""
    if len(rows) == 0:
        return {}
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    return dict(zip(keys.tolist(), np.split(rows[order], starts[1:]), strict=True))


def heard(connection: Connection, space: str, where: SegmentFilter) -> Heard:
    """Read the scores at or above the threshold of the matching segments of a space."""
    of_class = connection.execute(
        select(classes)
        .join(spaces, spaces.c.model == classes.c.model)
        .where(spaces.c.space == space)
        .order_by(classes.c.scientific_name, classes.c.pk)
    ).all()
    taxa: dict[str, Taxon] = {}
    for one in of_class:
        taxa.setdefault(one.scientific_name, taxon_of(one))
    number_of = {name: number for number, name in enumerate(taxa)}
    taxon_at = {one.pk: number_of[one.scientific_name] for one in of_class}
    row = recordings.c
    held = connection.execute(select(row.pk, row.id, row.site, row.lat_deg, row.lon_deg).order_by(row.pk)).all()
    recording_at = {one.pk: number for number, one in enumerate(held)}
    sites, site_of = _numbered([one.site for one in held])
    places, at_place = _numbered([place_of(one.lat_deg, one.lon_deg) for one in held])
    read = _columns(connection, space, where)
    taxon = _mapped(read["class_and_range"] // 3, taxon_at)
    order = _in_order(read["id"], read["raw_score"], taxon)
    columns = {name: column[order] for name, column in read.items()}
    recording = _mapped(columns["recording_pk"], recording_at)
    return Heard(
        segment_ids=columns["id"],
        recording=recording,
        site=site_of[recording],
        place=at_place[recording],
        date=columns["date"],
        hour=columns["hour"],
        heard_at_us=columns["heard_at_us"],
        snr_db=columns["snr_db"],
        taxon=taxon[order],
        raw_score=columns["raw_score"],
        out_of_range=columns["class_and_range"] % 3 == 1,
        unchecked=columns["class_and_range"] % 3 == 2,
        taxa=tuple(taxa.values()),
        sites=sites,
        places=places,
        recording_ids=tuple(one.id for one in held),
    )


def place_of(lat_deg: float | None, lon_deg: float | None) -> Place | None:
    """Return where a recording was made; None where a coordinate is missing."""
    return None if lat_deg is None or lon_deg is None else (round(lat_deg, 2), round(lon_deg, 2))


def _numbered(names: Sequence[Name | None]) -> tuple[tuple[Name | None, ...], npt.NDArray[np.int64]]:
    """Return the names, each once and sorted, None last, and the number of each."""
    known = sorted(set(names), key=lambda name: (name is None, name))
    number = {name: n for n, name in enumerate(known)}
    return tuple(known), np.array([number[name] for name in names], dtype=np.int64)


def _columns(connection: Connection, space: str, where: SegmentFilter) -> dict[str, npt.NDArray[Any]]:
    row, score = segments.c, taxon_scores.c
    of_segment = (row.id, row.recording_pk, row.local_date, row.local_hour, row.heard_at_us, row.snr_db)
    in_range = case((score.in_range.is_(False), 1), (score.in_range.is_(None), 2), else_=0)
    of_score = (3 * score.class_pk + in_range, score.raw_score)
    rows = select(*of_segment, *of_score).select_from(segments.join(taxon_scores))
    rows = rows.where(matching(space, where), score.above_threshold)
    found = connection.execute(rows, execution_options={"yield_per": _N_AT_ONCE}).partitions()
    days: dict[str | None, int] = {None: NEVER}
    parts = [_read(part, days) for part in found] or [_read([], days)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read(part: Sequence[Sequence[Any]], days: dict[str | None, int]) -> dict[str, npt.NDArray[Any]]:
    ids, recording_pk, date, hour, at_us, snr_db, class_and_range, raw_score = (
        tuple(zip(*part, strict=True)) or ((),) * 8
    )
    for new in set(date) - days.keys():
        days[new] = int(np.datetime64(new, "D").astype(np.int64))
    return {
        "id": np.array(ids, dtype="S32"),
        "recording_pk": np.array(recording_pk, dtype=np.int64),
        "date": np.array([days[one] for one in date], dtype=np.int64),
        "hour": _whole(hour, NO_HOUR),
        "heard_at_us": _whole(at_us, NEVER),
        "snr_db": np.array(snr_db, dtype=np.float64),
        "class_and_range": np.array(class_and_range, dtype=np.int64),
        "raw_score": np.array(raw_score, dtype=np.float64),
    }


def n_distinct(numbers: npt.NDArray[np.int64]) -> int:
    """Return how many different numbers there are, of small ones from 0; those below 0 are passed over."""
    return int(np.count_nonzero(np.bincount(numbers[numbers >= 0]))) if len(numbers) else 0


def _whole(values: Iterable[int | None], absent: int) -> npt.NDArray[np.int64]:
    return np.array([absent if value is None else value for value in values], dtype=np.int64)


def _mapped(keys: npt.NDArray[np.int64], of: dict[int, int]) -> npt.NDArray[np.int64]:
    known, places = np.unique(keys, return_inverse=True)
    return np.array([of[key] for key in known.tolist()], dtype=np.int64)[places]


def _in_order(
    ids: npt.NDArray[np.bytes_], raw_score: npt.NDArray[np.float64], taxon: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Return the order of ids, then of raw scores from the best, then of taxa.

    Ids are 32 hexadecimal digits, which are two whole numbers; the first nearly always tells them apart.
    """
    halves = np.frombuffer(bytes.fromhex(ids.tobytes().decode("ascii")), dtype=">u8").astype(np.uint64).reshape(-1, 2)
    by_first = np.argsort(halves[:, 0], kind="stable")
    first, second = halves[by_first].T
    if np.any((first[1:] == first[:-1]) & (second[1:] != second[:-1])):
        return np.lexsort((taxon, -raw_score, halves[:, 1], halves[:, 0]))
    number = np.cumsum(np.concatenate([[0], first[1:] != first[:-1]])) if len(first) else np.zeros(0, np.int64)
    return by_first[np.lexsort((taxon[by_first], -raw_score[by_first], number))]
