"""CallSegment: the span of sound that is embedded, compared and cited.

One embedder's window on one voice of one recording, or a call that a model found there. A StoredSegment is that span
with everything that was measured on it: the unit in which evidence is gathered.
"""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from rab.domain.descriptors import Descriptors
from rab.domain.label import Label
from rab.domain.quality import SignalQuality
from rab.domain.recording import Recording
from rab.domain.taxon import TaxonScore
from rab.domain.value import Fraction, Hz, Instant, Ms, Value


class CallSegment(Value):
    """A span [t0_ms, t1_ms) of one voice of a recording. A file's last window may be padded: t1 is where sound ends."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    recording_id: str
    channel: int | None = None
    """Channel from 0; None when the channels were averaged."""
    t0_ms: Ms
    t1_ms: Ms
    embedder: str
    """`EmbedderCard.key`."""
    low_hz: Hz | None = None
    high_hz: Hz | None = None
    """The band of a call that the model found; None where a window is a segment, whatever sounds in it."""
    detection_score: Fraction | None = None
    """How sure the model is that there is a call, whosever it is; None where windows are segments."""


class SegmentPlace(NamedTuple):
    """Where a segment is and how well it is heard: enough to choose among many, for a fraction of a noun."""

    segment_id: str
    recording_id: str
    t0_ms: float
    t1_ms: float
    channel: int | None = None
    snr_db: float | None = None


class StoredSegment(Value):
    """A segment with its recording and all that was measured on it."""

    segment: CallSegment
    recording: Recording
    quality: SignalQuality
    descriptors: Descriptors
    scores: tuple[TaxonScore, ...] = ()
    """Best first."""
    labels: tuple[Label, ...] = ()
    cluster_id: str | None = None
    human_voice: bool = False
    """Whether a classifier hears people in it, by the policy under which it was ingested."""

    @property
    def heard_at(self) -> Instant | None:
        """When the segment began, in UTC; None when the recording's start is not known."""
        return self.recording.heard_at(self.segment.t0_ms)

    @property
    def heard_local(self) -> datetime | None:
        """When it began on the site's clock; None when either is not known."""
        return local_time(self.heard_at, self.recording.notes.zone)


def local_time(instant: datetime | None, zone: str | None) -> datetime | None:
    """Return `instant` on the clock of `zone` (an IANA name or `UTC±hh:mm`); None when either is missing."""
    if instant is None or zone is None:
        return None
    if zone.startswith("UTC") and len(zone) == len("UTC+00:00"):
        return instant.astimezone(datetime.strptime(zone[3:], "%z").tzinfo)
    return instant.astimezone(ZoneInfo(zone))
