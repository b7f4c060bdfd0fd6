"""Cluster and Prototype: calls that sound alike to a model, and the calls that stand for them.

A cluster is found, not named: it says "these belong together", never what they are. A person may name it, and may say
that two are one; both are kept with its identity, which outlives the clustering that found it.
"""

from typing import Literal, NamedTuple

from rab.domain.value import Fraction, Instant, Value


class Cluster(Value):
    """A group of segments of one embedding space."""

    id: str
    """`c` and a number that no other cluster of the library ever had: `c3`. One that is found again keeps it."""
    space: str
    n_members: int
    persistence: Fraction | None
    """How much closer the members stay to each other than the distance at which they parted from the rest, as a mean
    share; None for clusters that a person made one."""
    medoid_id: str
    """Segment with the greatest mean cosine similarity to the members: the cluster's prototype."""
    exemplar_ids: tuple[str, ...]
    """Members that stand for the cluster beside the medoid, mutually far apart."""
    name: str | None = None
    """What a person calls it."""
    merged_ids: tuple[str, ...] = ()
    """Clusters that a person said are one with this one."""


class Medoid(NamedTuple):
    """The segment that stands for a cluster, and how large that is: enough to find the nearest among many clusters."""

    segment_id: str
    cluster_id: str
    n_members: int


class ClusterIdentity(Value):
    """What is known of a cluster beyond the clustering that found it: what people said of it."""

    id: str
    space: str
    name: str | None = None
    named_by: str | None = None
    named_at: Instant | None = None
    merged_into: str | None = None
    """The cluster that a person said it is one with."""
    merged_by: str | None = None
    merged_at: Instant | None = None


class ClusterChange(Value):
    """What became of a cluster when the library was clustered again."""

    kind: Literal["resized", "new", "split", "dissolved"]
    cluster_id: str
    n_before: int
    n_after: int
    into_ids: tuple[str, ...] = ()
    """Clusters that hold a fair part of its members now, itself among them: of a split, and of one that dissolved."""

    @property
    def words(self) -> str:
        """The change in a few words."""
        if self.kind == "resized":
            return f"{self.cluster_id}: {self.n_before} → {self.n_after} members"
        if self.kind == "new":
            return f"{self.cluster_id} is new, {self.n_after} members"
        if self.kind == "split":
            return f"{self.cluster_id} split into {' and '.join(self.into_ids)}"
        went = f", now in {' and '.join(self.into_ids)}" if self.into_ids else ""
        return f"{self.cluster_id} dissolved, {self.n_before} members{went}"


class Clustering(Value):
    """One run of clustering over one space, with what is needed to repeat it."""

    id: str
    space: str
    method: str
    """Algorithm, version and parameters in one line."""
    n_segments: int
    n_unassigned: int
    clusters: tuple[Cluster, ...]
    changes: tuple[ClusterChange, ...] = ()
    """What this run changed against the one before; empty once it is read back."""


class NoveltyScore(Value):
    """How far a segment lies from everything that other recordings of its library hold."""

    segment_id: str
    novelty: Fraction | None
    """The share of the library's segments that lie nearer to the rest of it; None where there is no other recording."""

    @property
    def words(self) -> str:
        """The novelty in words."""
        if self.novelty is None:
            return "no other recording to compare with"
        if self.novelty < 0.9:
            return "like much of the library"
        per_cent = int(1000 * self.novelty) / 10
        return f"{'unlike anything else here' if self.novelty >= 0.99 else 'unusual'}: farther out than {per_cent:g} %"
