"""Prototypes: the calls that stand for a cluster, one in its middle and a few that show how wide it is."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def stand_for(unit: npt.NDArray[np.float32], ids: Sequence[str], n_exemplars: int) -> tuple[str, tuple[str, ...]]:
    """Return the medoid and up to `n_exemplars` exemplars of a cluster's unit vectors float32 [n, dim].

    The medoid has the greatest mean cosine similarity to the members; the exemplars are mutually far apart.
    """
    medoid = int(np.argmax(unit @ unit.mean(axis=0)))
    return ids[medoid], tuple(ids[row] for row in _spread(unit, medoid, n_exemplars))


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
