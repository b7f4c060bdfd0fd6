"""Grouping: one run of clustering, from unit vectors to groups, their persistence, every segment's novelty and a model.

100,000 segments of 1,024 dimensions, mixed from real ones until more than half belonged nowhere, took 235 s of
processor time (187 s of it for the linkage) and 835 MB, of which their matrix is 400.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.value import Value
from rab.retrieval.clusters.density import density_tree, root_alone
from rab.retrieval.clusters.model import ClusterModel, calibrated, farness
from rab.retrieval.clusters.nearest import neighbour_distances
from rab.retrieval.clusters.reduction import Vectors, fitted_reduction

N_CALIBRATED = 2001
"""Points of the calibration curve: novelty to 0.0005."""


class ClusterPolicy(Value):
    """How dense a group must be. Defaults were chosen by the agreement with labels on five sets (see `reduction`)."""

    min_cluster_size: int | None = Field(default=None, ge=2)
    """None grows with the library: 5 below 100 segments, 10 from 200, 22 from 10,000, 25 at most. On the labelled sets
    8 to 12 agree best with the labels, and in a large library a person wants to hear fewer clusters."""
    min_samples: int = Field(default=1, ge=1)
    """1 agrees best with the labels (mean information .740; 2 gives .730, 3 gives .71) and leaves fewest unassigned."""
    n_components: int = Field(default=20, ge=2)
    n_exemplars: int = Field(default=3, ge=0)

    def least_size(self, n: int) -> int:
        """Return the smallest cluster among n segments."""
        return self.min_cluster_size or min(25, max(5, min(10, n // 20), round(n ** (1 / 3))))


class Grouping(NamedTuple):
    """What one run found among n segments."""

    labels: npt.NDArray[np.int32]
    """[n]: the group of each, from 0; −1 for none."""
    persistences: list[float]
    novelty: list[float | None]
    """[n]: see `NoveltyScore`."""
    model: ClusterModel
    method: str
    """Algorithm, version and parameters in one line."""


def group(unit: Vectors, recording_ids: Sequence[str], policy: ClusterPolicy) -> Grouping:
    """Group unit vectors float32 [n, dim], n ≥ 1, each of a recording. Equal input gives equal groups.

    Fewer segments than a cluster needs give no groups.
    """
    n, least = len(unit), policy.least_size(len(unit))
    reduction = fitted_reduction(unit, policy.n_components)
    directions, left_out = reduction.apply(unit)
    points = directions.astype(np.float16)
    by = "too few segments for hdbscan"
    tree = root_alone(n)
    if n >= max(least, policy.min_samples + 1):
        tree, by = density_tree(points.astype(np.float64), least, policy.min_samples)
    _, recordings = np.unique(np.asarray(recording_ids), return_inverse=True)
    core, elsewhere = neighbour_distances(points.astype(np.float32), recordings.astype(np.int64), policy.min_samples)
    far = farness(elsewhere, left_out)
    curve = _curve(far[np.isfinite(far)])
    words = f"{len(reduction.components)} principal components, scaled to length 1"
    return Grouping(
        labels=tree.labels,
        persistences=tree.persistences(),
        novelty=calibrated(far, curve),
        model=ClusterModel(reduction, points, core, tree, policy.min_samples, curve),
        method=f"{by}, {words}, min_cluster_size {least}, min_samples {policy.min_samples}",
    )


def _curve(measured: Vectors) -> Vectors:
    """Return the values in ascending order, or as many quantiles of them as a curve needs."""
    if len(measured) <= N_CALIBRATED:
        return np.sort(measured)
    return np.quantile(measured, np.linspace(0, 1, N_CALIBRATED)).astype(np.float32)
