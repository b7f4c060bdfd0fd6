"""Merging: detections of one taxon in windows that overlap, adjoin or nearly adjoin become one.

BirdNET-Analyzer merges too (`merge_consecutive`), differently: as many windows as is stated, one by default, which
merges none; across no gap; and with the mean of the three best confidences. Here a song lasts as long as it is heard,
and its score is the best one, with the segment that gave it: what is cited can be played.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic import Field

from rab.domain import CallSegment, Detection, TaxonScore, Value
from rab.domain.value import Ms


class MergePolicy(Value):
    """How far apart detections may be and still be one."""

    max_gap_ms: Ms = Field(default=0.0, ge=0)
    """Silence between them, at most. 0: windows that overlap or adjoin."""


def detections_of(segment: CallSegment, scores: Iterable[TaxonScore], threshold: float) -> list[Detection]:
    """Return a segment's detections: each score of at least `threshold` that its place does not rule out."""
    return [
        Detection(
            recording_id=segment.recording_id,
            channel=segment.channel,
            t0_ms=segment.t0_ms,
            t1_ms=segment.t1_ms,
            score=score,
            segment_id=segment.id,
        )
        for score in scores
        if score.raw_score >= threshold and score.in_range is not False
    ]


def merged_detections(detections: Iterable[Detection], policy: MergePolicy | None = None) -> list[Detection]:
    """Merge detections of the same taxon by the same model in the same voice of the same recording.

    Returns them by recording, voice, time and name. Order does not matter, and merging twice changes nothing. Of equal
    scores the segment with the smaller id stands for all.
    """
    gap_ms = (policy or MergePolicy()).max_gap_ms
    merged = []
    for _, of_one_taxon in groupby(sorted(detections, key=lambda one: (*_what(one), one.t0_ms, one.t1_ms)), key=_what):
        run: list[Detection] = []
        end_ms = 0.0
        for detection in of_one_taxon:
            if run and round(detection.t0_ms - end_ms, 3) > gap_ms:
                merged.append(_joined(run))
                run = []
            end_ms = max(end_ms, detection.t1_ms) if run else detection.t1_ms
            run.append(detection)
        merged.append(_joined(run))
    return sorted(merged, key=lambda one: (*_voice(one), one.t0_ms, one.t1_ms, *_what(one)))


def _voice(detection: Detection) -> tuple[str, int]:
    return detection.recording_id, -1 if detection.channel is None else detection.channel


def _what(detection: Detection) -> tuple[str, int, str, str]:
    return *_voice(detection), detection.score.model, detection.score.taxon.scientific_name


def _joined(run: Sequence[Detection]) -> Detection:
    """Return the detection that a run of them makes."""
    best = min(run, key=lambda one: (-one.score.raw_score, -one.score.logit, one.segment_id))
    return best.model_copy(
        update={
            "t0_ms": run[0].t0_ms,
            "t1_ms": max(one.t1_ms for one in run),
            "n_segments": sum(one.n_segments for one in run),
        }
    )
