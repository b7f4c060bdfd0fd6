"""The Evidence Pack of a summary: figures, each with its basis in words, a fingerprint of its rows, and calls to hear.

Effort comes first, since a count without it says nothing. A detection is a raw score at or above the model's threshold
on a taxon that the location and week model does not rule out; the basis of each figure says so, and what people said of
detections stands beside them. Sounds that are no animals (engines, voices) are counted apart, never among the taxa.

The catalog is read once for each side and model; all figures are sums over the same columns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rab.catalog import QualityLimits, QualityProfile
from rab.catalog.activity import detections
from rab.catalog.aggregates import NovelSegments
from rab.catalog.effort import Listened, effort, gaps
from rab.catalog.heard import Heard
from rab.domain import (
    AggregateEntry,
    EmbedderCard,
    EvidencePack,
    Label,
    LibraryFacts,
    ModelCredit,
    SegmentFilter,
    StoredSegment,
    content_id,
)
from rab.evidence.summary.comparison import comparison_rows
from rab.evidence.summary.contrast import ContrastPolicy
from rab.evidence.summary.coverage import effort_rows, gap_rows, span_rows
from rab.evidence.summary.models import model_rows
from rab.evidence.summary.quality import drift_rows, novel_rows, quality_rows, weak_rows
from rab.evidence.summary.richness import richness_rows
from rab.evidence.summary.rows import HOUR_MS, Row, SummaryPolicy, Survey, row
from rab.evidence.summary.taxa import (
    CalibratedThreshold,
    Thresholds,
    occupancy_rows,
    review_rows,
    ruled_out_rows,
    sound_rows,
    taxon_rows,
    unchecked_rows,
    verdicts_on,
)
from rab.evidence.summary.times import time_rows
from rab.retrieval.drift import RecorderDrift

__all__ = ["Beside", "CalibratedThreshold", "Counts", "SummaryPolicy", "Thresholds", "gather_summary"]


class Counts(Protocol):
    """What the catalog must read for a summary."""

    def listened(self, space: str, where: SegmentFilter) -> Listened:
        """Read recording time."""
        ...

    def heard(self, space: str, where: SegmentFilter) -> Heard:
        """Read the scores at or above the threshold."""
        ...

    def quality_profile(self, space: str, where: SegmentFilter, limits: QualityLimits) -> QualityProfile:
        """Count segments by how well they can be heard."""
        ...

    def novel_segments(self, space: str, where: SegmentFilter, *, at_least: float, n_exemplars: int) -> NovelSegments:
        """Count segments unlike the rest of the library."""
        ...

    def said_by_people(self) -> Iterable[Label]:
        """Return what people said of any segment."""
        ...

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how much is searched."""
        ...

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


@dataclass(frozen=True)
class Beside:
    """What else a summary may draw on: each is left out of it where it is not given."""

    thresholds: Thresholds | None = None
    """Taxon → the raw score from which its detections are right as often as was asked for."""
    other_models: Sequence[EmbedderCard] = ()
    """Classifiers that may have run on the same recordings."""
    drift: Sequence[RecorderDrift] = ()
    compared_to: SegmentFilter | None = None
    """The other side of a comparison."""
    notes: Sequence[str] = ()
    failed_files: Sequence[str] = ()
    """Files that could not be read: they are in no figure, and a reader must know."""


def gather_summary(
    counts: Counts,
    card: EmbedderCard,
    *,
    where: SegmentFilter,
    policy: SummaryPolicy,
    contrast: ContrastPolicy = ContrastPolicy(),
    beside: Beside = Beside(),
) -> EvidencePack:
    """Count what was heard under `where`, and seal it.

    Raises `InputError` for a comparison of recording time with itself.
    """
    survey = _survey(counts, card, where, policy)
    models, rows = [card], list(_own_rows(counts, card, where, survey, beside))
    for other in beside.other_models:
        found = list(_beside_model(counts, survey, card, other, where))
        models += [other] if found else []
        rows += found
    if beside.compared_to is not None:
        theirs = _survey(counts, card, beside.compared_to, policy)
        rows += comparison_rows(survey, theirs, beside.compared_to.words, contrast)
    compared = "" if beside.compared_to is None else f" compared with {beside.compared_to.words}"
    return EvidencePack(
        kind="summary",
        subject=f"{where.words}{compared}",
        library=counts.library_facts(card.space, where),
        models=tuple(map(ModelCredit.of, models)),
        aggregates=_keyed(rows),
        notes=tuple(beside.notes),
    )


def _own_rows(
    counts: Counts, card: EmbedderCard, where: SegmentFilter, survey: Survey, beside: Beside
) -> Iterator[Row]:
    policy, heard = survey.policy, survey.heard
    verdicts = verdicts_on(survey, counts.said_by_people())
    ruled_out = detections(heard, np.flatnonzero(heard.out_of_range), n_exemplars=policy.n_exemplars)
    yield from effort_rows(survey.effort)
    yield from gap_rows(survey.effort, gaps(survey.listened, policy.gap_hours * HOUR_MS, where))
    yield from span_rows(survey, where)
    yield from taxon_rows(survey, verdicts, beside.thresholds)
    yield from occupancy_rows(survey)
    yield from time_rows(survey)
    yield from richness_rows(survey)
    yield from ruled_out_rows(survey, ruled_out)
    yield from unchecked_rows(survey)
    yield from quality_rows(counts.quality_profile(card.space, where, QualityLimits(low_snr_db=policy.low_snr_db)))
    yield from weak_rows(survey)
    yield from review_rows(survey, verdicts)
    found = counts.novel_segments(card.space, where, at_least=policy.novel_at, n_exemplars=policy.n_exemplars)
    yield from novel_rows(survey, found)
    yield from drift_rows(beside.drift)
    yield from sound_rows(survey)
    if beside.failed_files:
        basis = "files of the whole library that an ingest could not read and no later one did"
        sha = content_id("\n".join(sorted(beside.failed_files)).encode())
        yield row("n_failed_files", len(beside.failed_files), "files", basis, sha)


def _survey(counts: Counts, card: EmbedderCard, where: SegmentFilter, policy: SummaryPolicy) -> Survey:
    listened, heard = counts.listened(card.space, where), counts.heard(card.space, where)
    found = detections(heard, heard.detected, n_exemplars=policy.n_exemplars, clear_from_db=policy.low_snr_db)
    basis = (
        f"segments with a raw score of at least {card.score_threshold:g} by {card.key}, for taxa that"
        " the location and week model does not rule out"
    )
    return Survey(counts, policy, listened, heard, effort(listened), found, basis)


def _beside_model(
    counts: Counts, survey: Survey, card: EmbedderCard, other: EmbedderCard, where: SegmentFilter
) -> Iterator[Row]:
    listened, heard = counts.listened(other.space, where), counts.heard(other.space, where)
    yield from model_rows(survey, card.key, other.key, listened, heard)


def _keyed(rows: Iterable[Row]) -> tuple[AggregateEntry, ...]:
    return tuple(AggregateEntry(key=f"a{number}", **one) for number, one in enumerate(rows, start=1))
