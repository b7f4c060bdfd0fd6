"""GroundingPolicy: from where on evidence counts. Every threshold that a statement depends on stands here.

`near_similarity` was chosen on BirdNET V2.4: 198 windows of ten North American species, neighbours from the query's own
recordist left out, and 140 windows of rain, sea, fire, engines, dogs and roosters. The nearest call of the same species
has a cosine of 0.70 or more in 74 % of the cases, the nearest call of a library without that species in 10 %, and the
nearest bird to a noise in 14 %. At 0.60 these are 93 %, 76 % and 59 %: most unknown species would be taken for known
ones. Written through at 0.70, with five neighbours and BirdNET's own candidates, 141 of the 198 calls were likened to
their species, 8 to another, and 49 abstained; with the species left out of the library, 191 abstained and 7 were
likened to another. All thresholds are provisional until a calibration per model exists.
"""

from pydantic import Field

from rab.domain.value import Value


class GroundingPolicy(Value):
    """When a stored call counts as similar, a score as a candidate, a signal as weak."""

    near_similarity: float = Field(default=0.70, ge=-1, le=1)
    """Cosine from which a stored call counts as near the query; `rab calibrate` learns one for each band of SNR."""
    near_calibration: int | None = None
    """Version of the calibration that `near_similarity` comes from; None: the default above."""
    candidate_score: float = Field(default=0.30, ge=0, le=1)
    """Raw score from which a class of a classifier counts as a candidate."""
    min_calibration_labels: int = Field(default=50, ge=1)
    """Labels that must stand behind a calibrated probability before it is printed."""
    novel_from: float = Field(default=0.95, ge=0, le=1)
    """Share of the library that must lie less far out than a call, before it is said: of recordings that a library had
    not met, 4 to 12 % of the calls reach it."""
    max_following_q: float = Field(default=0.05, gt=0, lt=1)
    """False-discovery rate up to which what usually comes before or after is told."""
    weak_signal_db: float = 5.0
    """Below this SNR, or without one, statements are tentative: votes were right in 97 to 98 % of the cases at 10 dB,
    and in 93 to 95 % at 0 dB."""
    min_recordings: int = Field(default=2, ge=1)
    """Recordings, other than the query's own, from which similar calls must come to count as independent."""
    flat_neighbours: int = Field(default=5, ge=2)
    """Near neighbours from which it makes sense to ask whether one of them stands out."""
    flat_spread: float = Field(default=0.02, ge=0)
    """Difference between first and last near neighbour below which none stands out: the flattest 6 % of the queries."""
    max_resembling: int = Field(default=3, ge=1, le=10)
    """Calls that one resemblance cites."""
    max_differences: int = Field(default=3, ge=1)
    """Descriptors that one difference names, greatest first in units of their resolution."""
    max_taxa: int = Field(default=15, ge=1)
    """Taxa that a summary counts one by one."""
    min_pattern_detections: int = Field(default=10, ge=1)
    """Detections below which a summary names no peak hour."""
    min_bin_effort_hours: float = Field(default=0.25, ge=0)
    """Hours of effort below which no rate is told, and no hour, week, month or time of the sun compared: a rate from a
    few seconds of sound says nothing of a season."""

    min_units: int = Field(default=5, ge=2)
    """Units of observation on each side of a contrast from which it may raise a question."""
    max_shuffle_share: float = Field(default=0.025, gt=0, lt=1)
    """Share of shuffles that may show as much as a contrast that raises a question."""


DEFAULT_POLICY = GroundingPolicy()
