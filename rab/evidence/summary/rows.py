"""Rows: the fields of an aggregate before it gets its key, and what all sections of a summary share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field

from rab.catalog import Count, Detections, Effort
from rab.catalog.effort import Listened
from rab.catalog.heard import Heard
from rab.domain import StoredSegment, Taxon
from rab.domain.value import Value
from rab.evidence.calls import call_ref

Row = dict[str, Any]
"""Fields of an `AggregateEntry`, without its key."""

HOUR_MS = 3_600_000.0
HOUR_US = 3_600_000_000


class SummaryPolicy(Value):
    """What counts as a gap, as a faint signal, and from how much on a figure says something."""

    gap_hours: float = Field(default=24.0, gt=0)
    """Pauses between recordings at a site that are longer than this are gaps: a missed night, not a duty cycle."""
    low_snr_db: float = 5.0
    n_exemplars: int = Field(default=5, ge=1)
    n_history_taxa: int = Field(default=15, ge=0)
    """Taxa, most detections first, whose days are told site by site."""
    n_timed_taxa: int = Field(default=10, ge=0)
    """Taxa, most detections first, whose hours, seasons and parts of the day are told."""
    min_timed_detections: int = Field(default=5, ge=1)
    """Segments with a detection from which they are."""
    novel_at: float = Field(default=0.99, ge=0, le=1)
    """Novelty from which a segment counts as unlike the rest of the library."""
    min_weeks_days: int = Field(default=14, ge=1)
    """Days from the first recording to the last from which weeks are compared."""
    min_months_days: int = Field(default=120, ge=1)
    """The same for months."""
    min_richness_days: int = Field(default=10, ge=3)
    """Recorder-days from which an estimate of unseen taxa is given: with fewer, its interval spans everything."""
    n_curve_points: int = Field(default=20, ge=2)
    """Points of the accumulation curve that a pack holds."""


class Voices(Protocol):
    """Where stored segments come from."""

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


@dataclass(frozen=True, eq=False)
class Survey:
    """What one filter selects, counted once: the ground that all sections stand on."""

    voices: Voices
    policy: SummaryPolicy
    listened: Listened
    heard: Heard
    effort: Effort
    found: Detections
    detected: str
    """How detections are counted, in words."""

    @property
    def hours(self) -> float:
        """Recorder-hours."""
        return self.effort.recorder_ms / HOUR_MS

    def per_hour(self) -> Row:
        """Return the whole effort as a denominator."""
        return over(self.hours, "h")

    def calls(self, counts: Mapping[str, Count], taxa: Mapping[str, Taxon]) -> dict[str, Row]:
        """Return, by key, the calls behind a count, with their SNR and, where a taxon is given, its raw scores."""
        stored = self.voices.segments([one for count in counts.values() for one in count.exemplar_ids])
        return {
            key: exemplars([stored[one] for one in count.exemplar_ids if one in stored], taxa.get(key))
            for key, count in counts.items()
        }


def exemplars(calls: Sequence[StoredSegment], taxon: Taxon | None = None) -> Row:
    """Return calls to listen to as fields of an aggregate."""
    row: Row = {
        "exemplars": tuple(call_ref(call) for call in calls),
        "exemplar_snr_db": tuple(call.quality.snr_db for call in calls),
    }
    if taxon is not None:
        scores = ({score.taxon.scientific_name: score.raw_score for score in call.scores} for call in calls)
        row["exemplar_raw_scores"] = tuple(of_call[taxon.scientific_name] for of_call in scores)
    return row


def row(name: str, value: float, unit: str, basis: str, sha: str, *, decimals: int = 0) -> Row:
    """Return a figure of the whole."""
    return {
        "name": name,
        "value": round(float(value), 9),
        "unit": unit,
        "decimals": decimals,
        "basis": basis,
        "rows_sha256": sha,
    }


def of(group: str, words: str | None = None) -> Row:
    """Return of whom a figure is."""
    return {"group": group, "group_words": words}


def of_taxon(taxon: Taxon) -> Row:
    """Return a taxon as the group of a figure."""
    return of(taxon.scientific_name, taxon.common_name)


def of_site(site: str | None) -> Row:
    """Return a site as the group of a figure."""
    return of(f"site:{site or ''}", site or "no site given")


def over(denominator: float, unit: str) -> Row:
    """Return what a figure is divided by."""
    return {"denominator": round(float(denominator), 9), "denominator_unit": unit}


def hour_decimals(hours: float) -> int:
    """Return how many decimals an effort is worth: minutes matter in a small survey."""
    return 3 if hours < 1 else 2 if hours < 100 else 0
