"""Detection: a species heard for a while, whichever and however many windows it was heard in."""

from pydantic import Field

from rab.domain.taxon import TaxonScore
from rab.domain.value import Ms, Value


class Detection(Value):
    """A span [t0_ms, t1_ms) of one voice of a recording in which one model heard one taxon."""

    recording_id: str
    channel: int | None = None
    """Channel from 0; None when the channels were averaged."""
    t0_ms: Ms
    t1_ms: Ms
    score: TaxonScore
    """The best of its segments: its raw score is never averaged, so a clip can show it."""
    segment_id: str
    """The segment that gave the best score."""
    n_segments: int = Field(default=1, ge=1)
