"""Density: HDBSCAN's tree of clusters, kept so that a call that comes later finds its place in it.

HDBSCAN (Campello, Moulavi & Sander 2013; McInnes & Healy 2017) needs no number of clusters, and what belongs nowhere
stays unassigned. The costly part, single linkage over mutual reachability, is the `hdbscan` package's, or
scikit-learn's where that has no wheel (ARM Linux). The tree is condensed and cut here, by excess of mass: the same on
both, in plain arrays that can be kept without pickling. The cut differs from theirs in one thing: no distance counts as
less than `_LEAST_DISTANCE`. Windows that overlap and files that are copies lie at nearly no distance, their density is
nearly infinite, and a handful of them would outweigh any cluster around them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_LEAST_DISTANCE = 0.2
"""Between directions of length 1: cosine .98. No labelled set is grouped otherwise with 0.01 or with 0.3."""
_LEAST_STABILITY = 1e-9


@dataclass(frozen=True, eq=False)
class DensityTree:
    """A condensed tree of m nodes over n points; node 0 is the root, and every parent comes before its children."""

    parent: Ints
    """[m]; the root is its own."""
    birth_distance: Points
    """[m]: at which mutual reachability a node parted from its parent; infinite for the root."""
    node_of: Ints
    """[n]: the last node that a point belonged to."""
    leaving_distance: Points
    """[n]: at which mutual reachability the point left it."""
    group_of: Ints
    """[m]: the number of the chosen cluster that a node is or lies in; −1 outside all."""

    @property
    def labels(self) -> Ints:
        """The group of every point, −1 for none."""
        return np.asarray(self.group_of[self.node_of])

    def persistences(self) -> list[float]:
        """Return how much closer each group's members stay than the distance at which it parted: mean share, 0–1."""
        labels = self.labels
        chosen = [int(np.flatnonzero(self.group_of == number)[0]) for number in range(int(self.group_of.max()) + 1)]
        shares = [
            1 - self.leaving_distance[labels == self.group_of[node]] / self.birth_distance[node] for node in chosen
        ]
        return [min(1.0, max(0.0, float(share.mean()))) for share in shares]

    def group_at(self, neighbour: int, distance: float) -> int:
        """Return the group of a new point whose nearest point is `neighbour`, by mutual reachability at `distance`.

        The point joins the neighbour's node, or the nearest node above it that is old enough to hold the distance
        (McInnes & Healy 2017, `approximate_predict`).
        """
        node = int(self.node_of[neighbour])
        while distance > self.birth_distance[node]:
            node = int(self.parent[node])
        return int(self.group_of[node])


def density_tree(points: npt.NDArray[np.float64], min_cluster_size: int, min_samples: int) -> tuple[DensityTree, str]:
    """Return the tree over points [n, d], n > min_samples, and who computed the linkage, with the version."""
    linkage, by = _single_linkage(points, min_cluster_size, min_samples)
    return _chosen(*_condensed(linkage, min_cluster_size)), by


def root_alone(n: int) -> DensityTree:
    """Return the tree of points that are too few to form a group."""
    none = np.full(1, -1, dtype=np.int32)
    zeros = np.zeros(n, dtype=np.int32)
    far = np.full(1, np.inf, dtype=np.float32)
    return DensityTree(np.zeros(1, dtype=np.int32), far, zeros, np.zeros(n, dtype=np.float32), none)


def _single_linkage(
    points: npt.NDArray[np.float64], min_cluster_size: int, min_samples: int
) -> tuple[npt.NDArray[np.float64], str]:
    """Return merges [n − 1, 4] in the order of their distances: left, right, distance, size."""
    try:
        import hdbscan
    except ImportError:
        import sklearn
        from sklearn.cluster import HDBSCAN

        own_too = min_samples + 1  # scikit-learn counts the point itself
        fitted = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=own_too, copy=True).fit(points)
        tree = fitted._single_linkage_tree_
        fields = ("left_node", "right_node", "value", "cluster_size")
        return np.stack(
            [tree[name].astype(np.float64) for name in fields], axis=1
        ), f"scikit-learn {sklearn.__version__}"
    from importlib.metadata import version

    policy = {"min_cluster_size": min_cluster_size, "min_samples": min_samples}
    fitted = hdbscan.HDBSCAN(**policy, core_dist_n_jobs=1).fit(points)
    return np.asarray(fitted.single_linkage_tree_.to_numpy(), dtype=np.float64), f"hdbscan {version('hdbscan')}"


def _condensed(
    linkage: npt.NDArray[np.float64], min_cluster_size: int
) -> tuple[list[int], list[float], list[int], Ints, npt.NDArray[np.float64]]:
    """Return parent, birth distance and size of every node, and node and leaving distance of every point.

    From the last merge to the first: one into two large enough parts gives two nodes; a smaller part falls out.
    """
    n = len(linkage) + 1
    left, right = (linkage[:, side].astype(np.int64).tolist() for side in (0, 1))
    distances = np.maximum(linkage[:, 2], _LEAST_DISTANCE).tolist()
    sizes = [1] * n + linkage[:, 3].astype(np.int64).tolist()
    start, node_at = [0] * len(sizes), [-1] * len(sizes)
    node_at[-1] = 0
    parent, birth, size = [0], [np.inf], [n]
    node_of, leaving = np.zeros(n, dtype=np.int32), np.zeros(n)
    for merge in range(n - 2, -1, -1):
        here, parts, distance = n + merge, (left[merge], right[merge]), distances[merge]
        start[parts[0]], start[parts[1]] = start[here], start[here] + sizes[parts[0]]
        if node_at[here] < 0:
            continue
        large = [part for part in parts if sizes[part] >= min_cluster_size]
        for part in parts:
            if part not in large:
                fallen = slice(start[part], start[part] + sizes[part])
                node_of[fallen], leaving[fallen] = node_at[here], distance
            elif len(large) == 1:
                node_at[part] = node_at[here]
            else:
                node_at[part] = len(parent)
                parent.append(node_at[here])
                birth.append(distance)
                size.append(sizes[part])
    places = np.array(start[:n])
    return parent, birth, size, node_of[places], leaving[places]


def _chosen(
    parent: list[int], birth: list[float], size: list[int], node_of: Ints, leaving: npt.NDArray[np.float64]
) -> DensityTree:
    """Cut the tree by excess of mass: a node is a group where it is more stable than the groups below it together.

    One that its points leave at the distance at which it was born is none.
    """
    density = [1 / distance for distance in birth]
    stability = np.zeros(len(parent))
    np.add.at(stability, node_of, 1 / leaving - np.take(density, node_of))
    for node in range(1, len(parent)):
        stability[parent[node]] += size[node] * (density[node] - density[parent[node]])
    below = np.zeros(len(parent))
    is_group = np.zeros(len(parent), dtype=np.bool_)
    for node in range(len(parent) - 1, 0, -1):
        is_group[node] = stability[node] >= max(below[node], _LEAST_STABILITY)
        below[parent[node]] += max(stability[node], below[node])
    group_of = np.full(len(parent), -1, dtype=np.int32)
    n_groups = 0
    for node in range(1, len(parent)):
        group_of[node] = group_of[parent[node]]
        if group_of[node] < 0 and is_group[node]:
            group_of[node] = n_groups
            n_groups += 1
    births, leavings = (np.array(distances, dtype=np.float32) for distances in (birth, leaving))
    return DensityTree(np.array(parent, dtype=np.int32), births, node_of, leavings, group_of)
