"""Observed: what was measured on segments, as columns, in the order of time: the ground on which screens compare.

One statement reads them, since a screen looks at hundreds of contrasts of the same segments; 100,000 take a second.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from rab.catalog.database import Database
from rab.catalog.filters import IN_ORDER, matching
from rab.catalog.heard import NEVER, NO_HOUR
from rab.catalog.schema import cluster_members, clusters, novelties, recordings, segments
from rab.domain import SegmentFilter

_N_AT_ONCE = 20_000
_SHAPE = ("peak_hz", "duration_ms")
_NUMBER = {name: re.compile(rf'"{name}":\s*(-?[0-9.eE+-]+)') for name in _SHAPE}

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Observed:
    """Segments by recording, voice and time, as columns [n]. What was not measured is NaN, inside this class alone."""

    segment_ids: npt.NDArray[np.bytes_]
    recording: Whole
    """Place of the recording in `recording_ids`."""
    channel: Whole
    """−1 where channels were averaged."""
    t0_ms: Floats
    t1_ms: Floats
    date: Whole
    """Days since 1970 on the site's calendar, or NEVER."""
    hour: Whole
    """Hour of the site's clock, or NO_HOUR."""
    cluster: Whole
    """Place of the cluster in `clusters`, −1 in none."""
    novelty: Floats
    snr_db: Floats
    noise_floor_dbfs: Floats
    clipped_fraction: Floats
    peak_hz: Floats
    duration_ms: Floats
    recording_ids: tuple[str, ...]
    sites: tuple[str | None, ...]
    """The site of each recording."""
    clusters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.recording)

    def id(self, row: int) -> str:
        """Return a segment's id."""
        return bytes(self.segment_ids[row]).decode("ascii")

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Segment id → row."""
        return {one.decode("ascii"): row for row, one in enumerate(self.segment_ids.tolist())}


class Observing(Database):
    """The part of the catalog that gives columns to screens."""

    def observed(self, space: str, where: SegmentFilter) -> Observed:
        """Read what was measured on the matching segments of a space."""
        row = segments.c
        joined = (
            segments.join(recordings, recordings.c.pk == row.recording_pk)
            .outerjoin(cluster_members, cluster_members.c.segment_pk == row.pk)
            .outerjoin(clusters, clusters.c.pk == cluster_members.c.cluster_pk)
            .outerjoin(novelties, novelties.c.segment_pk == row.pk)
        )
        columns = (
            row.id,
            recordings.c.id,
            recordings.c.site,
            row.channel,
            row.t0_ms,
            row.t1_ms,
            row.local_date,
            row.local_hour,
            clusters.c.id,
            novelties.c.novelty,
            row.snr_db,
            row.noise_floor_dbfs,
            row.clipped_fraction,
            row.descriptors,
        )
        chosen = select(*columns).select_from(joined).where(matching(space, where)).order_by(*IN_ORDER, row.id)
        with self._reading() as connection:
            rows = connection.execute(chosen, execution_options={"yield_per": _N_AT_ONCE})
            return _columns(rows.partitions())


_COLUMNS = (
    "segment_ids",
    "recording",
    "channel",
    "t0_ms",
    "t1_ms",
    "date",
    "hour",
    "cluster",
    "novelty",
    "snr_db",
    "noise_floor_dbfs",
    "clipped_fraction",
    *_SHAPE,
)


def _columns(partitions: Any) -> Observed:
    recording_at: dict[str, int] = {}
    sites: list[str | None] = []
    cluster_at: dict[str, int] = {}
    days: dict[str | None, int] = {None: NEVER}
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for part in partitions:
        ids, of, site, channel, t0_ms, t1_ms, date, hour, cluster, novelty, snr, floor, clipped, shape = zip(
            *part, strict=True
        )
        for one, where in zip(of, site, strict=True):
            if one not in recording_at:
                recording_at[one] = len(recording_at)
                sites.append(where)
        for new in set(date) - days.keys():
            days[new] = int(np.datetime64(new, "D").astype(np.int64))
        parts.append(
            (
                np.array(ids, dtype="S32"),
                np.array([recording_at[one] for one in of], dtype=np.int64),
                np.array([-1 if one is None else one for one in channel], dtype=np.int64),
                np.array(t0_ms, dtype=np.float64),
                np.array(t1_ms, dtype=np.float64),
                np.array([days[one] for one in date], dtype=np.int64),
                np.array([NO_HOUR if one is None else one for one in hour], dtype=np.int64),
                np.array([-1 if one is None else cluster_at.setdefault(one, len(cluster_at)) for one in cluster]),
                np.array(novelty, dtype=np.float64),
                np.array(snr, dtype=np.float64),
                np.array(floor, dtype=np.float64),
                np.array(clipped, dtype=np.float64),
                *(np.array([_number(name, one) for one in shape], dtype=np.float64) for name in _SHAPE),
            )
        )
    if not parts:
        empty: tuple[Any, ...] = tuple(
            np.zeros(0, kind) for kind in ("S32", "i8", "i8", "f8", "f8", "i8", "i8", "i8", *["f8"] * 6)
        )
        return Observed(**dict(zip(_COLUMNS, empty, strict=True)), recording_ids=(), sites=(), clusters=())
    whole: dict[str, Any] = {
        name: np.concatenate(column) for name, column in zip(_COLUMNS, zip(*parts, strict=True), strict=True)
    }
    return Observed(**whole, recording_ids=tuple(recording_at), sites=tuple(sites), clusters=tuple(cluster_at))


def _number(name: str, shape: str) -> float:
    """Return a number out of the JSON of descriptors, which is read whole where it is written otherwise."""
    found = _NUMBER[name].search(shape)
    if found is not None:
        return float(found[1])
    value = json.loads(shape).get(name)
    return np.nan if value is None else float(value)
