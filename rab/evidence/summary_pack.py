"""The Evidence Pack of a summary: figures, each with its basis in words, a fingerprint of its rows, and calls to hear.

Effort comes first, since a count without it says nothing. A detection is a raw score at or above the model's threshold
on a taxon that the location and week model does not rule out; nobody verified it, and the basis of each figure says so.
Sounds that are no animals (engines, voices) are counted apart, never among the taxa.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import Field

from rab.catalog import Detections, Effort, Gaps, QualityLimits, QualityProfile, TaxonDetections
from rab.domain import (
    AggregateEntry,
    EmbedderCard,
    EvidencePack,
    LibraryFacts,
    ModelCredit,
    SegmentFilter,
    StoredSegment,
    Taxon,
    content_id,
)
from rab.domain.value import Value
from rab.evidence.calls import call_ref

_HOUR_MS = 3_600_000.0


class SummaryPolicy(Value):
    """What counts as a gap, as a faint signal, and how many calls stand behind a figure."""

    gap_hours: float = Field(default=24.0, gt=0)
    """Pauses between recordings at a site that are longer than this are gaps: a missed night, not a duty cycle."""
    low_snr_db: float = 5.0
    n_exemplars: int = Field(default=5, ge=1)


class Counts(Protocol):
    """What the catalog must count for a summary."""

    def effort(self, space: str, where: SegmentFilter) -> Effort:
        """Count recording time."""
        ...

    def gaps(self, space: str, where: SegmentFilter, *, longer_than_ms: float) -> Gaps:
        """Find pauses."""
        ...

    def detections(self, space: str, where: SegmentFilter, *, n_exemplars: int) -> Detections:
        """Count detected taxa that are not out of range."""
        ...

    def out_of_range(self, space: str, where: SegmentFilter, *, n_exemplars: int) -> Detections:
        """Count taxa above the threshold that the location and week model rules out."""
        ...

    def quality_profile(self, space: str, where: SegmentFilter, limits: QualityLimits) -> QualityProfile:
        """Count segments by how well they can be heard."""
        ...

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how much is searched."""
        ...

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


def gather_summary(
    counts: Counts,
    card: EmbedderCard,
    *,
    where: SegmentFilter,
    policy: SummaryPolicy,
    notes: Sequence[str] = (),
    failed_files: Sequence[str] = (),
) -> EvidencePack:
    """Count what was heard under `where`, and seal it.

    `failed_files` names files that could not be read: they are in no figure, and a reader must know.
    """
    space = card.space
    effort = counts.effort(space, where)
    gaps = counts.gaps(space, where, longer_than_ms=policy.gap_hours * _HOUR_MS)
    found = counts.detections(space, where, n_exemplars=policy.n_exemplars)
    ruled_out = counts.out_of_range(space, where, n_exemplars=policy.n_exemplars)
    audible = where.model_copy(update={"snr_min_db": max(policy.low_snr_db, where.snr_min_db or policy.low_snr_db)})
    clear = counts.detections(space, audible, n_exemplars=1)
    quality = counts.quality_profile(space, where, QualityLimits(low_snr_db=policy.low_snr_db))
    table = _Table(counts, card, effort)
    rows = [
        *table.effort_rows(),
        *table.gap_rows(gaps),
        *table.taxon_rows(found),
        *table.hour_rows(found),
        *table.ruled_out_rows(ruled_out),
        *table.quality_rows(quality),
        *table.weak_rows(found, clear, policy.low_snr_db),
    ]
    if failed_files:
        basis = "files of the whole library that an ingest could not read and no later one did"
        sha = content_id("\n".join(sorted(failed_files)).encode())
        rows.append(_row("n_failed_files", len(failed_files), "files", basis, sha))
    return EvidencePack(
        kind="summary",
        subject=where.words,
        library=counts.library_facts(space, where),
        models=(ModelCredit.of(card),),
        aggregates=tuple(AggregateEntry(key=f"a{n}", **row) for n, row in enumerate(rows, start=1)),
        notes=tuple(notes),
    )


_Row = dict[str, Any]


class _Table:
    """The rows of a summary, in the order of the document."""

    def __init__(self, counts: Counts, card: EmbedderCard, effort: Effort) -> None:
        self._counts = counts
        self._effort = effort
        self._hours = effort.recorder_ms / _HOUR_MS
        self._detected = (
            f"segments with a raw score of at least {card.score_threshold:g} by {card.key}, for taxa that"
            " the location and week model does not rule out"
        )

    def effort_rows(self) -> Iterator[_Row]:
        effort = self._effort
        sha = effort.rows_sha256
        heard = "recording time, each recording once, whatever its channels and windows"
        yield _row("effort_hours", self._hours, "h", heard, sha, decimals=_hour_decimals(self._hours))
        yield _row("n_recordings", effort.n_recordings, "recordings", "recordings with any time that counts", sha)
        clocked = "days of the site's clock with any recording, summed over sites"
        if effort.n_recorder_days:
            yield _row("recorder_days", effort.n_recorder_days, "recorder-days", clocked, sha)
        if effort.n_without_clock:
            unclocked = "recordings whose time of day is not known; they count in no hour and no day"
            yield _row("unclocked_recordings", effort.n_without_clock, "recordings", unclocked, sha)
        for site in effort.sites:
            group = {"group": f"site:{site.site or 'unnamed'}", "group_words": site.site or "no site given"}
            hours = site.recorder_ms / _HOUR_MS
            yield _row("effort_hours", hours, "h", heard, site.rows_sha256, decimals=_hour_decimals(hours)) | group
            yield _row("n_recordings", site.n_recordings, "recordings", heard, site.rows_sha256) | group
            if site.n_recorder_days:
                yield _row("recorder_days", site.n_recorder_days, "recorder-days", clocked, site.rows_sha256) | group

    def gap_rows(self, gaps: Gaps) -> Iterator[_Row]:
        limit = gaps.longer_than_ms / _HOUR_MS
        basis = f"times without recording at a site, longer than {limit:g} h, between recordings with a known start"
        if self._effort.n_recordings > self._effort.n_without_clock:
            yield _row("n_gaps", len(gaps.gaps), "gaps", basis, gaps.rows_sha256)
        longest: dict[str | None, float] = {}
        for gap in gaps.gaps:
            longest[gap.site] = max(longest.get(gap.site, 0.0), gap.duration_ms / _HOUR_MS)
        for site, hours in longest.items():
            group = {"group": f"site:{site or 'unnamed'}", "group_words": site or "no site given"}
            yield _row("largest_gap_hours", hours, "h", basis, gaps.rows_sha256, decimals=1) | group

    def taxon_rows(self, found: Detections) -> Iterator[_Row]:
        taxa = [one for one in found.taxa if one.taxon.group != "sound"]
        count = found.count
        yield _row("n_taxa", len(taxa), "taxa", f"taxa with any of: {self._detected}", count.rows_sha256)
        calls = self._calls(found.taxa)
        for one in taxa:
            yield from self._taxon(one, calls[one.taxon.scientific_name])
        for one in found.taxa:
            if one.taxon.group == "sound":
                basis = f"{self._detected}; a sound that is no animal"
                yield self._counted("sound_detections", one, basis, calls[one.taxon.scientific_name])

    def _taxon(self, one: TaxonDetections, calls: _Row) -> Iterator[_Row]:
        count, group = one.count, _taxon_group(one)
        yield self._counted("detections", one, self._detected, calls)
        recordings = _row("detection_recordings", count.n_recordings, "recordings", self._detected, count.rows_sha256)
        over = {"denominator": self._effort.n_recordings, "denominator_unit": "recordings"}
        yield recordings | group | over
        if count.n_days:
            days = _row("detection_days", count.n_days, "days", self._detected, count.rows_sha256)
            yield days | group | {"denominator": self._effort.n_recorder_days, "denominator_unit": "recorder-days"}

    def _counted(self, name: str, one: TaxonDetections, basis: str, calls: _Row) -> _Row:
        row = _row(name, one.count.n_segments, "segments", basis, one.count.rows_sha256)
        return row | _taxon_group(one) | self._per_hour() | calls

    def _per_hour(self) -> _Row:
        return {"denominator": round(self._hours, 9), "denominator_unit": "h"}

    def weak_rows(self, found: Detections, clear: Detections, low_snr_db: float) -> Iterator[_Row]:
        """Yield how many detections lie where hardly anything can be heard: a classifier names noise, too."""
        n_weak = found.count.n_segments - clear.count.n_segments
        if found.count.n_segments:
            basis = f"{self._detected}, with an SNR below {low_snr_db:g} dB or none that could be measured"
            yield _row("weak_detections", n_weak, "segments", basis, clear.count.rows_sha256) | {
                "denominator": found.count.n_segments,
                "denominator_unit": "segments",
            }

    def hour_rows(self, found: Detections) -> Iterator[_Row]:
        """Yield an hour's row for each hour with effort: an hour nobody listened in has no count, not a count of 0."""
        basis = f"{self._detected}, in this hour of the site's clock over all days; a segment with two taxa counts once"
        for hour, count in zip(self._effort.hours, found.hours, strict=True):
            if hour.recorder_ms > 0:
                begins = hour.local_hour
                yield _row("detections_by_hour", count.n_segments, "segments", basis, count.rows_sha256) | {
                    "group": f"{begins:02}",
                    "group_words": f"{begins:02}:00–{(begins + 1) % 24:02}:00",
                    "denominator": round(hour.recorder_ms / _HOUR_MS, 9),
                    "denominator_unit": "h",
                }

    def ruled_out_rows(self, ruled_out: Detections) -> Iterator[_Row]:
        basis = "segments that reach the threshold, set aside: the location and week model does not expect the taxon"
        calls = self._calls(ruled_out.taxa)
        for one in ruled_out.taxa:
            yield self._counted("out_of_range_detections", one, basis, calls[one.taxon.scientific_name])

    def quality_rows(self, quality: QualityProfile) -> Iterator[_Row]:
        n, sha, limits = quality.n_segments, quality.rows_sha256, quality.limits
        yield _row("n_segments", n, "segments", "segments measured", sha)
        if quality.median_snr_db is not None:
            measured = "median over segments with a measured SNR, each in its own band"
            yield _row("snr_median_db", quality.median_snr_db, "dB", measured, sha, decimals=1)
        low = f"segments with an SNR below {limits.low_snr_db:g} dB or none that could be measured"
        shares = (
            ("low_snr_share", quality.n_low_snr + quality.n_unmeasured, low),
            ("clipped_share", quality.n_clipped, f"more than {100 * limits.clipped_fraction:g} % of samples clipped"),
            ("rain_share", quality.n_rain, "segments flagged as rain"),
            ("wind_share", quality.n_wind, "segments flagged as wind"),
            ("silent_share", quality.n_silent, "segments of digital silence"),
            ("overlap_share", quality.n_overlapped, "segments in which several sources sound at once"),
        )
        for name, count, basis in shares if n else ():
            over = {"denominator": n, "denominator_unit": "segments"}
            yield _row(name, 100 * count / n, "%", basis, sha, decimals=1) | over
        for one in quality.snr_bins:
            yield _row("snr_bin", one.n_segments, "segments", "segments by SNR", sha) | {
                "group": f"{one.low_db:g}..{one.high_db:g}",
                "group_words": f"{one.low_db:g} to {one.high_db:g} dB",
            }
        if quality.n_unmeasured:
            yield _row("snr_bin", quality.n_unmeasured, "segments", "segments without an SNR", sha) | {
                "group": "unmeasured",
                "group_words": "not measured",
            }

    def _calls(self, taxa: Sequence[TaxonDetections]) -> dict[str, _Row]:
        """Return, by scientific name, the calls behind a taxon's count, with their raw scores and SNR."""
        stored = self._counts.segments([one for taxon in taxa for one in taxon.count.exemplar_ids])
        return {
            taxon.taxon.scientific_name: _exemplars([stored[one] for one in taxon.count.exemplar_ids], taxon.taxon)
            for taxon in taxa
        }


def _exemplars(calls: Sequence[StoredSegment], taxon: Taxon) -> _Row:
    raw_scores = ({score.taxon: score.raw_score for score in call.scores} for call in calls)
    return {
        "exemplars": tuple(call_ref(call) for call in calls),
        "exemplar_raw_scores": tuple(scores[taxon] for scores in raw_scores),
        "exemplar_snr_db": tuple(call.quality.snr_db for call in calls),
    }


def _row(name: str, value: float, unit: str, basis: str, sha: str, *, decimals: int = 0) -> _Row:
    return {
        "name": name,
        "value": round(float(value), 9),
        "unit": unit,
        "decimals": decimals,
        "basis": basis,
        "rows_sha256": sha,
    }


def _taxon_group(one: TaxonDetections) -> _Row:
    return {"group": one.taxon.scientific_name, "group_words": one.taxon.common_name}


def _hour_decimals(hours: float) -> int:
    """Return how many decimals an effort is worth: minutes matter in a small survey."""
    return 3 if hours < 1 else 2 if hours < 100 else 0
