"""Counting: the figures of a monitoring summary, each over the segments of a space that match a filter."""

import numpy as np
from sqlalchemy import select

from rab.catalog.activity import cluster_sizes, detections
from rab.catalog.aggregates import ClusterSize, Detections, Effort, Gaps, NovelSegments, QualityLimits, QualityProfile
from rab.catalog.database import Database
from rab.catalog.effort import Listened, effort, gaps, listened
from rab.catalog.heard import Heard, heard
from rab.catalog.profile import quality_profile
from rab.catalog.rarity import novel_segments
from rab.catalog.rows import label_of
from rab.catalog.schema import labels
from rab.domain import Label, SegmentFilter

_N_EXEMPLARS = 5
_LIMITS = QualityLimits()


class Counting(Database):
    """The part of the catalog that counts."""

    def listened(self, space: str, where: SegmentFilter) -> Listened:
        """Read the recording time at which a matching segment could be heard.

        Conditions on taxa, clusters and SNR do not shorten it; those on site, recording, hour and interval do.
        """
        with self._reading() as connection:
            return listened(connection, space, where)

    def heard(self, space: str, where: SegmentFilter) -> Heard:
        """Read the scores at or above the threshold in matching segments, those out of range too."""
        with self._reading() as connection:
            return heard(connection, space, where)

    def said_by_people(self) -> list[Label]:
        """Return what people who listened said of any segment: the taxa that it bears, and those that it does not."""
        said = select(labels).where(labels.c.source == "human", labels.c.kind.in_(("taxon", "rejection")))
        with self._reading() as connection:
            return [label_of(row) for row in connection.execute(said.order_by(labels.c.pk))]

    def effort(self, space: str, where: SegmentFilter) -> Effort:
        """Count the recording time at which a matching segment could be heard."""
        return effort(self.listened(space, where))

    def gaps(self, space: str, where: SegmentFilter, *, longer_than_ms: float) -> Gaps:
        """Find the pauses between the recordings of each site; hours that the filter leaves out are no pauses."""
        return gaps(self.listened(space, where), longer_than_ms, where)

    def detections(self, space: str, where: SegmentFilter, *, n_exemplars: int = _N_EXEMPLARS) -> Detections:
        """Count what was detected: scores at or above the model's threshold, of taxa that are not out of range."""
        found = self.heard(space, where)
        return detections(found, found.detected, n_exemplars=n_exemplars)

    def out_of_range(self, space: str, where: SegmentFilter, *, n_exemplars: int = _N_EXEMPLARS) -> Detections:
        """Count what would have been detected, had the range model expected it there and then."""
        found = self.heard(space, where)
        return detections(found, np.flatnonzero(found.out_of_range), n_exemplars=n_exemplars)

    def quality_profile(
        self, space: str, where: SegmentFilter, limits: QualityLimits = _LIMITS, *, n_exemplars: int = _N_EXEMPLARS
    ) -> QualityProfile:
        """Count segments by SNR, and those that something spoils."""
        with self._reading() as connection:
            return quality_profile(connection, space, where, limits, n_exemplars)

    def novel_segments(
        self, space: str, where: SegmentFilter, *, at_least: float, n_exemplars: int = _N_EXEMPLARS
    ) -> NovelSegments:
        """Count the segments of a novelty or more, and those whose novelty is known."""
        with self._reading() as connection:
            return novel_segments(connection, space, where, at_least, n_exemplars)

    def cluster_sizes(self, space: str, where: SegmentFilter) -> tuple[ClusterSize, ...]:
        """Count the segments of each cluster, most first; clusters without any are left out."""
        with self._reading() as connection:
            return cluster_sizes(connection, space, where)
