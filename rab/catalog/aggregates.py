"""What a monitoring summary counts, each figure with the segments to listen to and a fingerprint of the rows behind it.

`rows_sha256` is over the rows that were counted, in the order of their ids: one line each, tab-separated, values as
Python writes them, nothing where one is missing. Equal fingerprints mean that the same rows were counted.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rab.domain import Taxon


def row_line(row: Iterable[object]) -> bytes:
    """Return a row as a fingerprint takes it in."""
    return ("\t".join(["" if value is None else str(value) for value in row]) + "\n").encode()


def rows_sha256(rows: Iterable[Iterable[object]]) -> str:
    """Return the fingerprint of rows, in hexadecimal."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row_line(row))
    return digest.hexdigest()


@dataclass(frozen=True)
class SiteEffort:
    """Recording time at a site; `site` is None for recordings whose site nobody told."""

    site: str | None
    recorder_ms: float
    n_recordings: int
    n_recorder_days: int
    rows_sha256: str


@dataclass(frozen=True)
class HourEffort:
    """Recording time in one hour of the site's clock, over all days."""

    local_hour: int
    recorder_ms: float
    n_recordings: int
    rows_sha256: str


@dataclass(frozen=True)
class Effort:
    """How long was listened, where and when. Each recording counts once, whatever its channels and windows."""

    recorder_ms: float
    n_recordings: int
    n_recorder_days: int
    """Days of a site's clock with any recording, summed over sites."""
    n_without_clock: int
    """Recordings whose time of day is not known: they count in `recorder_ms`, but in no hour and no day."""
    earliest: datetime | None
    """Start of the first moment that counts, in UTC."""
    latest: datetime | None
    """End of the last one."""
    sites: tuple[SiteEffort, ...]
    hours: tuple[HourEffort, ...]
    """All 24, from 0."""
    rows_sha256: str
    """Over (recording id, counted milliseconds)."""


@dataclass(frozen=True)
class Gap:
    """A time without recording at a site, from the end of all before it, or an asked beginning, to the next."""

    site: str | None
    begins: datetime
    ends: datetime
    after_recording_id: str | None
    """None where the gap begins with the interval that was asked for."""
    before_recording_id: str | None
    """None where it ends with that."""

    @property
    def duration_ms(self) -> float:
        """How long nothing was recorded."""
        return 1000 * (self.ends - self.begins).total_seconds()


@dataclass(frozen=True)
class Gaps:
    """Where recording paused for longer than `longer_than_ms`."""

    longer_than_ms: float
    gaps: tuple[Gap, ...]
    """By site, then in the order of time."""
    rows_sha256: str
    """Over (recording id, site, start, end), the times in microseconds since 1970."""


@dataclass(frozen=True)
class Count:
    """How much was detected."""

    n_segments: int
    n_recordings: int
    n_days: int
    """Dates of the site's clock; segments without a clock count in none."""
    n_recorder_days: int
    """The same, summed over sites: what recorder-days of effort can be divided into."""
    best_raw_score: float | None
    exemplar_ids: tuple[str, ...]
    """Segments to listen to, best raw score first, from as many recordings as there are."""
    rows_sha256: str
    """Over the columns (segment id, scientific name, raw score): see `rab.catalog.heard`."""


@dataclass(frozen=True)
class TaxonDetections:
    """What was detected of a taxon."""

    taxon: Taxon
    count: Count


@dataclass(frozen=True)
class Detections:
    """What was detected, in all and by taxon. A segment with two taxa counts once in the whole."""

    count: Count
    taxa: tuple[TaxonDetections, ...]
    """Most segments first."""


@dataclass(frozen=True)
class QualityLimits:
    """From where a segment is counted as poor."""

    low_snr_db: float = 0.0
    """An SNR below this is low."""
    clipped_fraction: float = 0.01
    """A greater share of clipped samples counts as clipped."""
    overlap_fraction: float = 0.0
    """A greater share of overlapped time counts as overlapped."""


@dataclass(frozen=True)
class SnrBin:
    """Segments with an SNR in [low_db, high_db)."""

    low_db: float
    high_db: float
    n_segments: int


@dataclass(frozen=True)
class QualityProfile:
    """How well the segments can be heard."""

    limits: QualityLimits
    n_segments: int
    n_unmeasured: int
    """Segments without an SNR."""
    n_low_snr: int
    """Segments with an SNR below the limit; those without one are not among them."""
    n_clipped: int
    n_overlapped: int
    n_rain: int
    n_wind: int
    n_silent: int
    median_snr_db: float | None
    snr_bins: tuple[SnrBin, ...]
    """Bins of 5 dB, from the lowest that holds a segment to the highest."""
    lowest_snr_ids: tuple[str, ...]
    """Segments to listen to, lowest SNR first."""
    rows_sha256: str
    """Over (recording id, its number of segments and of each kind of poor one), then (SNR, how many have it)."""


@dataclass(frozen=True)
class NovelSegments:
    """How many segments lie far from all other recordings, of those that a clustering has compared."""

    n_placed: int
    n_novel: int
    exemplar_ids: tuple[str, ...]
    """The farthest first."""
    rows_sha256: str
    """Over (segment id, novelty) of the novel ones, and how many were compared."""


@dataclass(frozen=True)
class ClusterSize:
    """How many of the segments belong to a cluster."""

    cluster_id: str
    medoid_id: str
    n_segments: int
    n_recordings: int
    rows_sha256: str
    """Over (segment id, cluster id)."""
