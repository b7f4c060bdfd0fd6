"""The catalog: what is known of every recording and every segment, in SQL. Vectors live elsewhere, in the store.

SQLite by default, PostgreSQL by another address; nothing above this package sees either. Importing it loads SQLAlchemy,
which takes 0.6 s: whoever answers without a library imports it when it is needed.
"""

from rab.catalog.aggregates import (
    ClusterSize,
    Count,
    Detections,
    Effort,
    Gap,
    Gaps,
    HourEffort,
    QualityLimits,
    QualityProfile,
    SiteEffort,
    SnrBin,
    TaxonDetections,
)
from rab.catalog.clusters import Clusters
from rab.catalog.counting import Counting
from rab.catalog.labels import Labels
from rab.catalog.learned import Learned, LearnedThings
from rab.catalog.observed import Observing
from rab.catalog.payloads import Payloads
from rab.catalog.recordings import Recordings
from rab.catalog.records import JobRecord, Records, ReportRecord
from rab.catalog.reviews import ReviewCount, ReviewedTaxon, Reviews
from rab.catalog.segments import Segments
from rab.catalog.sequences import MeasuredSegment, Ordered, OrderedSegment

__all__ = [
    "Catalog",
    "ClusterSize",
    "Count",
    "Detections",
    "Effort",
    "Gap",
    "Gaps",
    "HourEffort",
    "JobRecord",
    "Learned",
    "MeasuredSegment",
    "OrderedSegment",
    "QualityLimits",
    "QualityProfile",
    "ReportRecord",
    "ReviewCount",
    "ReviewedTaxon",
    "SiteEffort",
    "SnrBin",
    "TaxonDetections",
]


class Catalog(
    Recordings,
    Segments,
    Labels,
    Reviews,
    Payloads,
    Clusters,
    Counting,
    Ordered,
    Observing,
    Records,
    LearnedThings,
):
    """One library's catalog. Thread-safe; `Catalog.open(url)` opens it, and leaving its `with` block closes it.

    Every method is one snapshot or one transaction. Where the database refuses, it raises `Unavailable` or one of its
    kinds, `Conflict` for what contradicts what is stored, `InputError` for values that cannot be kept.
    """
