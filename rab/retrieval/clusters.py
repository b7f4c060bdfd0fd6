"""Clusters: groups of calls that sound alike to a model, found by density and left unnamed.

HDBSCAN (Campello, Moulavi & Sander 2013; McInnes & Healy 2017) on unit vectors reduced by PCA: it needs no number of
clusters, and what belongs nowhere stays unassigned. The reduction matters: density is meaningless in 1,024 dimensions,
and 32 of them keep most of the variance of BirdNET's space. Between unit vectors, Euclidean distance orders pairs as
cosine does.

The `hdbscan` package has no wheel for ARM Linux; scikit-learn's implementation stands in there. It knows no cluster
persistence, so that is None.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Cluster, Clustering, EmbedderCard, content_id
from rab.domain.value import Value


class ClusterPolicy(Value):
    """How dense a group must be. Defaults suit a few hundred to some ten thousand segments."""

    min_cluster_size: int = Field(default=5, ge=2)
    min_samples: int = Field(default=3, ge=1)
    n_components: int = Field(default=32, ge=2)
    n_exemplars: int = Field(default=3, ge=0)


class Assignment(NamedTuple):
    """A clustering, and the cluster of every segment; None where it belongs nowhere."""

    clustering: Clustering
    cluster_of: dict[str, str | None]


def cluster(
    card: EmbedderCard, segment_ids: Sequence[str], vectors: npt.NDArray[np.float32], policy: ClusterPolicy
) -> Assignment:
    """Group unit vectors float32 [n, dim], one per segment id. The order of the segments does not matter.

    Fewer segments than `min_cluster_size` give a clustering without clusters.
    """
    order = sorted(range(len(segment_ids)), key=lambda i: segment_ids[i])
    ids = [segment_ids[i] for i in order]
    unit = np.asarray(vectors, dtype=np.float32)[order]
    labels, persistences, method = _density_groups(unit, policy)
    run = content_id("\n".join([card.space, method, *ids]).encode())[:4]
    clusters = []
    cluster_of: dict[str, str | None] = dict.fromkeys(ids)
    for number, persistence in enumerate(persistences):
        members = np.flatnonzero(labels == number)
        name = f"c{number + 1}.{run}"
        clusters.append(_cluster(name, card.space, ids, unit, members, persistence, policy.n_exemplars))
        cluster_of.update((ids[i], name) for i in members)
    clustering = Clustering(
        id=run,
        space=card.space,
        method=method,
        n_segments=len(ids),
        n_unassigned=int(np.count_nonzero(labels < 0)),
        clusters=tuple(clusters),
    )
    return Assignment(clustering, cluster_of)


def _density_groups(
    unit: npt.NDArray[np.float32], policy: ClusterPolicy
) -> tuple[npt.NDArray[np.int64], list[float | None], str]:
    """Return labels [n] (−1 for none), the persistence of each group, and the method in one line."""
    words = f"PCA {policy.n_components}, min_cluster_size {policy.min_cluster_size}, min_samples {policy.min_samples}"
    if len(unit) < max(policy.min_cluster_size, policy.min_samples + 1):
        return np.full(len(unit), -1), [], f"too few segments for HDBSCAN, {words}"
    from sklearn.decomposition import PCA

    n_components = min(policy.n_components, *unit.shape)
    reduced = PCA(n_components=n_components, svd_solver="full").fit_transform(unit.astype(np.float64))
    sizes = {"min_cluster_size": policy.min_cluster_size, "min_samples": policy.min_samples}
    try:
        import hdbscan
    except ImportError:
        import sklearn
        from sklearn.cluster import HDBSCAN

        fitted = HDBSCAN(**sizes, copy=True).fit(reduced)
        groups: list[float | None] = [None] * (int(fitted.labels_.max()) + 1)
        return np.asarray(fitted.labels_), groups, f"scikit-learn {sklearn.__version__} HDBSCAN, {words}"
    from importlib.metadata import version

    fitted = hdbscan.HDBSCAN(**sizes, core_dist_n_jobs=1).fit(reduced)
    kept = [min(1.0, max(0.0, float(value))) for value in fitted.cluster_persistence_]
    return np.asarray(fitted.labels_), list(kept), f"hdbscan {version('hdbscan')}, {words}"


def _cluster(
    name: str,
    space: str,
    ids: Sequence[str],
    unit: npt.NDArray[np.float32],
    members: npt.NDArray[np.int64],
    persistence: float | None,
    n_exemplars: int,
) -> Cluster:
    own = unit[members]
    medoid = int(np.argmax(own @ own.mean(axis=0)))
    exemplars = _spread(own, medoid, n_exemplars)
    return Cluster(
        id=name,
        space=space,
        n_members=len(members),
        persistence=persistence,
        medoid_id=ids[members[medoid]],
        exemplar_ids=tuple(ids[members[i]] for i in exemplars),
    )


def _spread(unit: npt.NDArray[np.float32], start: int, n: int) -> list[int]:
    """Return up to n rows mutually far apart, the first far from `start` (farthest-first traversal, Gonzalez 1985)."""
    chosen: list[int] = []
    nearest = unit @ unit[start]
    nearest[start] = np.inf
    while len(chosen) < min(n, len(unit) - 1):
        farthest = int(np.argmin(nearest))
        chosen.append(farthest)
        nearest = np.maximum(nearest, unit @ unit[farthest])
        nearest[farthest] = np.inf
    return chosen
