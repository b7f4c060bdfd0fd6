"""Counting: the figures of a monitoring summary, each over the segments of a space that match a filter."""

from rab.catalog.activity import cluster_sizes, detections
from rab.catalog.aggregates import ClusterSize, Detections, Effort, Gaps, QualityLimits, QualityProfile
from rab.catalog.database import Database
from rab.catalog.effort import effort, gaps
from rab.catalog.profile import quality_profile
from rab.domain import SegmentFilter

_N_EXEMPLARS = 5
_LIMITS = QualityLimits()


class Counting(Database):
    """The part of the catalog that counts."""

    def effort(self, space: str, where: SegmentFilter) -> Effort:
        """Count the recording time at which a matching segment could be heard.

        Conditions on taxa, clusters and SNR do not shorten it; those on site, recording, hour and interval do.
        """
        with self._reading() as connection:
            return effort(connection, space, where)

    def gaps(self, space: str, where: SegmentFilter, *, longer_than_ms: float) -> Gaps:
        """Find the pauses between the recordings of each site; hours that the filter leaves out are no pauses."""
        with self._reading() as connection:
            return gaps(connection, space, where, longer_than_ms)

    def detections(self, space: str, where: SegmentFilter, *, n_exemplars: int = _N_EXEMPLARS) -> Detections:
        """Count what was detected: scores at or above the model's threshold, of taxa that are not out of range."""
        with self._reading() as connection:
            return detections(connection, space, where, n_exemplars, out_of_range=False)

    def out_of_range(self, space: str, where: SegmentFilter, *, n_exemplars: int = _N_EXEMPLARS) -> Detections:
        """Count what would have been detected, had the range model expected it there and then."""
        with self._reading() as connection:
            return detections(connection, space, where, n_exemplars, out_of_range=True)

    def quality_profile(
        self, space: str, where: SegmentFilter, limits: QualityLimits = _LIMITS, *, n_exemplars: int = _N_EXEMPLARS
    ) -> QualityProfile:
        """Count segments by SNR, and those that something spoils."""
        with self._reading() as connection:
            return quality_profile(connection, space, where, limits, n_exemplars)

    def cluster_sizes(self, space: str, where: SegmentFilter) -> tuple[ClusterSize, ...]:
        """Count the segments of each cluster, most first; clusters without any are left out."""
        with self._reading() as connection:
            return cluster_sizes(connection, space, where)
