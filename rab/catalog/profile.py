"""Signal quality of many segments: how well the library, or a part of it, can be heard.

Counted by the database, recording by recording: a million segments are a few thousand rows then, and those are what the
fingerprint takes in. Read one by one, they took three seconds of the ten that a summary has.
"""

import math
from collections import Counter

import numpy as np
from sqlalchemy import Connection, func, select

from rab.catalog.aggregates import QualityLimits, QualityProfile, SnrBin, rows_sha256
from rab.catalog.filters import matching
from rab.catalog.schema import recordings, segments
from rab.domain import SegmentFilter

_BIN_DB = 5
_ROW = segments.c


def quality_profile(
    connection: Connection, space: str, where: SegmentFilter, limits: QualityLimits, n_exemplars: int
) -> QualityProfile:
    """Count the matching segments by SNR and by what spoils them."""
    meant = matching(space, where)
    spoilt = {
        "n_unmeasured": _ROW.snr_db.is_(None),
        "n_low_snr": _ROW.snr_db < limits.low_snr_db,
        "n_clipped": _ROW.clipped_fraction > limits.clipped_fraction,
        "n_overlapped": _ROW.overlap_fraction > limits.overlap_fraction,
        "n_rain": _ROW.rain,
        "n_wind": _ROW.wind,
        "n_silent": _ROW.silent,
    }
    counts = [func.count().label("n_segments"), *(func.count().filter(one).label(name) for name, one in spoilt.items())]
    measured = select(_ROW.id).where(meant, _ROW.snr_db.is_not(None))
    levels = connection.scalars(select(_ROW.snr_db).where(meant, _ROW.snr_db.is_not(None))).all()
    at, n_each = np.unique(np.array(levels, dtype=np.float64), return_counts=True)
    n_at: dict[float, int] = dict(zip(at.tolist(), n_each.tolist(), strict=True))
    per_recording = select(_ROW.recording_pk, *counts).where(meant).group_by(_ROW.recording_pk).subquery()
    named = select(recordings.c.id, *per_recording.c).join(
        per_recording, per_recording.c.recording_pk == recordings.c.pk
    )
    rows = connection.execute(named.order_by(recordings.c.id)).all()
    kinds = [one.name for one in counts]
    return QualityProfile(
        limits=limits,
        **{kind: sum(getattr(row, kind) for row in rows) for kind in kinds},
        median_snr_db=_median(n_at),
        snr_bins=_bins(n_at),
        lowest_snr_ids=tuple(connection.scalars(measured.order_by(_ROW.snr_db, _ROW.id).limit(n_exemplars))),
        rows_sha256=rows_sha256([*((row.id, *(getattr(row, kind) for kind in kinds)) for row in rows), *n_at.items()]),
    )


def _median(n_at: dict[float, int]) -> float | None:
    """Return the median of levels that occur so many times; `n_at` is in their order."""
    n_all, n_seen, middle = sum(n_at.values()), 0, []
    for level, n in n_at.items():
        middle += [level for half in ((n_all - 1) // 2, n_all // 2) if n_seen <= half < n_seen + n]
        n_seen += n
    return sum(middle) / 2 if middle else None


def _bins(n_at: dict[float, int]) -> tuple[SnrBin, ...]:
    n_in: Counter[int] = Counter()
    for level, n in n_at.items():
        n_in[_BIN_DB * math.floor(level / _BIN_DB)] += n
    lows = range(min(n_in), max(n_in) + 1, _BIN_DB) if n_in else ()
    return tuple(SnrBin(low_db, low_db + _BIN_DB, n_in[low_db]) for low_db in lows)
