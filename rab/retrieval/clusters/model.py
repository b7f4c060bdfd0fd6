"""ClusterModel: what a clustering leaves behind, so that a call that comes later finds its cluster and its novelty.

It is kept with the library as JSON, its arrays in base64: 7 MB for 100,000 segments, most of it the reduced points in
float16, which moves no distance by more than 0.001. Placing 1,000 calls among 100,000 takes 0.7 s of processor time.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rab.errors import StorageFailed
from rab.retrieval.clusters.density import DensityTree
from rab.retrieval.clusters.nearest import squared_distances
from rab.retrieval.clusters.reduction import Reduction, Vectors

_FORMAT = 1
_N_HELD = 1 << 24
_STRANGE = 1.5
_TREE = ("parent", "birth_distance", "node_of", "leaving_distance", "group_of")


@dataclass(frozen=True, eq=False)
class ClusterModel:
    """A clustering over n segments, ready to place others."""

    reduction: Reduction
    points: npt.NDArray[np.float16]
    """[n, d] reduced directions."""
    core_distance: Vectors
    """[n]: to the `min_samples`-th nearest other segment."""
    tree: DensityTree
    min_samples: int
    farness: Vectors
    """Ascending: how far members lie from the nearest segment of another recording, at most `N_CALIBRATED` of them."""
    group_ids: tuple[str, ...] = ()
    """The cluster of every group of the tree, as it was found: what people made one stands apart here."""

    def place(self, unit: Vectors) -> tuple[list[str | None], list[float | None]]:
        """Return the cluster and the novelty of unit vectors [m, dim] of recordings that the clustering did not see.

        The cluster is that of the nearest segment in mutual reachability, as far as its density reaches
        (McInnes & Healy 2017); one that lies half as far again as the farthest member joins none, for what the
        reduction leaves out may be all that it is. Novelty is the share of the members that lie nearer to another
        recording.
        """
        directions, left_out = self.reduction.apply(unit)
        points = self.points.astype(np.float32)
        norms = np.einsum("ij,ij->i", points, points)
        clusters: list[str | None] = []
        nearest = np.empty(len(unit), dtype=np.float32)
        n_rows = max(1, _N_HELD // max(1, len(points)))
        for start in range(0, len(unit), n_rows):
            distances = np.sqrt(squared_distances(directions[start : start + n_rows], points, norms))
            nearest[start : start + n_rows] = distances.min(axis=1)
            clusters += [self._cluster(row) for row in distances]
        far = farness(nearest, left_out)
        is_strange = far > _STRANGE * self.farness.max(initial=0) if len(self.farness) else np.isinf(far)
        clusters = [None if strange else cluster for cluster, strange in zip(clusters, is_strange, strict=True)]
        return clusters, calibrated(far, self.farness)

    def with_ids(self, cluster_ids: tuple[str, ...]) -> Self:
        """Return the model with the cluster of every group."""
        return replace(self, group_ids=cluster_ids)

    def _cluster(self, distances: Vectors) -> str | None:
        if len(distances) < self.min_samples:
            return None
        core = np.partition(distances, self.min_samples - 1)[self.min_samples - 1]
        reachability = np.maximum(np.maximum(distances, self.core_distance), core)
        neighbour = int(reachability.argmin())
        group = self.tree.group_at(neighbour, float(reachability[neighbour]))
        return None if group < 0 else self.group_ids[group]

    def to_json(self) -> str:
        """Return the model as JSON."""
        arrays = {
            "mean": self.reduction.mean,
            "components": self.reduction.components,
            "points": self.points,
            "core_distance": self.core_distance,
            "farness": self.farness,
            **{name: getattr(self.tree, name) for name in _TREE},
        }
        kept = {"format": _FORMAT, "min_samples": self.min_samples, "group_ids": self.group_ids}
        return json.dumps({**kept, "arrays": {name: _packed(array) for name, array in arrays.items()}})

    @classmethod
    def from_json(cls, document: str) -> Self:
        """Read a model. Raises `StorageFailed` for what is none, or of another format."""
        try:
            kept = json.loads(document)
            if kept["format"] != _FORMAT:
                raise ValueError(f"format {kept['format']}")
            arrays = {name: _unpacked(packed) for name, packed in kept["arrays"].items()}
            return cls(
                reduction=Reduction(arrays["mean"], arrays["components"]),
                points=arrays["points"],
                core_distance=arrays["core_distance"],
                tree=DensityTree(**{name: arrays[name] for name in _TREE}),
                min_samples=kept["min_samples"],
                farness=arrays["farness"],
                group_ids=tuple(kept["group_ids"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StorageFailed(f"the cluster model cannot be read: {error}", hint="run `rab cluster` again") from error


def farness(nearest: Vectors, left_out: Vectors) -> Vectors:
    """Return how far segments lie from others: the distance to the nearest, and the share that is left out.

    Both are squared distances of a kind and are added.
    """
    return np.asarray(np.sqrt(np.square(nearest) + left_out))


def calibrated(measured: Vectors, members: Vectors) -> list[float | None]:
    """Return for each farness the share of `members` (ascending) that lie nearer; None where that cannot be said."""
    if not len(members):
        return [None] * len(measured)
    ranks: Sequence[int] = np.searchsorted(members, measured).tolist()
    return [rank / len(members) if np.isfinite(far) else None for rank, far in zip(ranks, measured, strict=True)]


def _packed(array: npt.NDArray[Any]) -> dict[str, object]:
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": plain.dtype.str, "shape": plain.shape, "base64": base64.b64encode(plain.tobytes()).decode()}


def _unpacked(packed: dict[str, Any]) -> npt.NDArray[Any]:
    flat = np.frombuffer(base64.b64decode(packed["base64"], validate=True), dtype=np.dtype(packed["dtype"]))
    return flat.reshape(packed["shape"])
