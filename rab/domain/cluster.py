"""Cluster and Prototype: calls that sound alike to a model, and the calls that stand for them.

A cluster is found, not named: it says "these belong together", never what they are.
"""

from rab.domain.value import Fraction, Value


class Cluster(Value):
    """A group of segments of one embedding space."""

    id: str
    """`c` and a number within its clustering, with the clustering's short hash: `c3.9fa2`."""
    space: str
    n_members: int
    persistence: Fraction | None
    """Stability of the cluster in the condensed tree (hdbscan), 0–1; None where the implementation gives none."""
    medoid_id: str
    """Segment with the greatest mean cosine similarity to the members: the cluster's prototype."""
    exemplar_ids: tuple[str, ...]
    """Members that stand for the cluster beside the medoid, mutually far apart."""


class Clustering(Value):
    """One run of clustering over one space, with what is needed to repeat it."""

    id: str
    space: str
    method: str
    """Algorithm, version and parameters in one line."""
    n_segments: int
    n_unassigned: int
    clusters: tuple[Cluster, ...]
