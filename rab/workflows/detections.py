"""Detections: what was heard when, in a list that other programs can read."""

from collections.abc import Sequence
from dataclasses import dataclass

from rab.domain import Detection, Recording, SegmentFilter
from rab.embedders.scores import MergePolicy, detections_of, merged_detections
from rab.workflows.calibrating import calibrations_in_use
from rab.workflows.workspace import Workspace

_PASS_GAP_MS = 1000.0
"""Bats call several times a second as they pass by; surveys take a second without calls for the end of a pass."""


@dataclass(frozen=True)
class HeardDetection:
    """A detection with the recording that it is in."""

    detection: Detection
    recording: Recording
    probability: float | None = None
    """Calibrated, of the segment with the best raw score; None where that is all that is known."""


def detections(
    workspace: Workspace, *, model: str, where: SegmentFilter, merge: MergePolicy | None = None
) -> Sequence[HeardDetection]:
    """Return the detections in matching segments, by recording, channel and time, each species merged over time.

    Without `merge`, windows that overlap or adjoin are one, and so are calls less than a second apart: a bat passing
    by. What its place rules out is left out. Raises `NotFound` for a model that heard nothing in this library.
    """
    card = workspace.card(model)
    merge = merge or MergePolicy(max_gap_ms=_PASS_GAP_MS if card.finds_calls else 0.0)
    found = workspace.catalog.list_segments(card.space, where)
    recordings = {one.recording.id: one.recording for one in found}
    each = (one for stored in found for one in detections_of(stored.segment, stored.scores, card.score_threshold))
    order = {recording_id: position for position, recording_id in enumerate(recordings)}
    merged = sorted(merged_detections(each, merge), key=lambda one: order[one.recording_id])
    learned = calibrations_in_use(workspace, card)
    heard = []
    for one in merged:
        recording = recordings[one.recording_id]
        given = None if learned is None else learned.probability(one.score, recording.site)
        heard.append(HeardDetection(one, recording, None if given is None else given.probability))
    return heard
