"""SegmentPayload: what a store keeps beside a vector, so that a search can be filtered.

The catalog keeps the whole truth; a payload is a copy of the part that filters ask for, and `version` says which part.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from rab.domain.label import LabelSource
from rab.domain.value import Db, Degrees, Fraction, Instant, Value

PAYLOAD_VERSION = 2
"""What a payload of today holds. One of before lacks fields, and would be left out by conditions that it meets."""


def _as_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the years 1 to 9999") from None


UtcInstant = Annotated[Instant, AfterValidator(_as_utc)]


class ScoredTaxon(Value):
    """A taxon's raw score on a segment."""

    taxon: str
    """Scientific name."""
    raw_score: Fraction


class GivenLabel(Value):
    """What a segment is labelled, and by what kind of author."""

    name: str
    source: LabelSource


class SegmentPayload(Value):
    """What a filter may ask of a segment. What is not known is None or empty."""

    version: int = 1
    """`PAYLOAD_VERSION` where all fields were filled; those that were stored before it was counted do not say."""
    segment_id: str
    recording_id: str
    site: str | None = None
    habitat: str | None = None
    lat_deg: Degrees | None = None
    lon_deg: Degrees | None = None
    heard_at: UtcInstant | None = None
    local_hour: int | None = Field(default=None, ge=0, le=23)
    month_day: int | None = Field(default=None, ge=101, le=1231)
    """The day on the site's calendar, whatever the year: 100 × month + day."""
    snr_db: Db | None = None
    model: str | None = None
    """`EmbedderCard.key`."""
    taxa: tuple[str, ...] = ()
    """Scientific names detected: at or above the model's threshold and not out of range."""
    scores: tuple[ScoredTaxon, ...] = ()
    """Every score that the catalog keeps of a taxon that is not out of range."""
    labels: tuple[GivenLabel, ...] = ()
    cluster_id: str | None = None
    human_voice: bool = False

    @property
    def reviewed(self) -> bool:
        """Whether a person has labelled the segment."""
        return any(label.source == "human" for label in self.labels)
