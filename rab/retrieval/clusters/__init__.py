"""Clusters: groups of calls that sound alike to a model, found by density and left unnamed.

Vectors are reduced (`reduction`), grouped by density (`density`), known again from one clustering to the next
(`matching`), and each group is stood for by calls of its own (`prototypes`). What is needed to place a call that comes
later is a `ClusterModel` (`model`).
"""

from rab.retrieval.clusters.grouping import ClusterPolicy, Grouping, group
from rab.retrieval.clusters.matching import changes, followed, identified, in_number_order
from rab.retrieval.clusters.model import ClusterModel
from rab.retrieval.clusters.prototypes import stand_for

__all__ = [
    "ClusterModel",
    "ClusterPolicy",
    "Grouping",
    "changes",
    "followed",
    "group",
    "identified",
    "in_number_order",
    "stand_for",
]
