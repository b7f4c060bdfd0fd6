"""Reduction: from an embedding to the few directions in which a library varies.

Density means nothing in 1,024 dimensions. Unit vectors are centred on the library's mean, projected on its principal
components and scaled to length 1 again, so that what is compared is in which direction a call departs from the average
of its library, not how far. That scaling is what counts: without it soft and noisy calls, which depart little from the
mean whatever they are, gather in its middle. Adjusted mutual information with the labels, unassigned calls counted as
one group, before (32 components, not scaled) and after (20, scaled):

| set | before | after |
|---|---|---|
| esc10, 280 windows | .390 | .656 |
| phoebe_xc, 200 | .728 | .814 |
| qut_stbees, 369 | .643 | .734 |
| five sets in one library, 914 | .697 | .756 |

24 and 32 components give the same within .02 on average, 8 and 64 less.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

_N_ROWS = 4096
"""Rows that are worked on at once: their float64 copy takes 32 MiB at 1,024 dimensions."""
_LEAST_SHARE = 1e-9
"""Of the first component's variance: what varies less is rounding."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """The mean, float32 [dim], and the principal components, float32 [d, dim], of a library's unit vectors."""

    mean: Vectors
    components: Vectors

    def apply(self, unit: Vectors) -> tuple[Vectors, Vectors]:
        """Return unit vectors [n, dim] as directions float32 [n, d], and how much of each they leave out, float32 [n].

        What is left out is a share, 0–1, of the squared distance from the mean. A vector that is the mean, or that
        departs from it in no component, has the direction zero.
        """
        directions = np.empty((len(unit), len(self.components)), dtype=np.float32)
        left_out = np.empty(len(unit), dtype=np.float32)
        for start in range(0, len(unit), _N_ROWS):
            centred = unit[start : start + _N_ROWS] - self.mean
            projected = centred @ self.components.T
            kept, whole = (np.einsum("ij,ij->i", rows, rows) for rows in (projected, centred))
            part = slice(start, start + len(centred))
            directions[part] = projected / np.sqrt(np.where(kept > 0, kept, 1))[:, None]
            left_out[part] = np.clip(1 - kept / np.where(whole > 0, whole, 1), 0, 1)
        return directions, left_out


def fitted_reduction(unit: Vectors, n_components: int) -> Reduction:
    """Return the principal components of unit vectors float32 [n, dim], n ≥ 1: at most `n_components`, at least one.

    Exact, by the covariance matrix, a block of rows at a time. A component's largest entry is positive, so that equal
    vectors give equal components.
    """
    mean = unit.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((unit.shape[1],) * 2)
    for start in range(0, len(unit), _N_ROWS):
        centred = unit[start : start + _N_ROWS] - mean
        covariance += centred.T @ centred
    variances, directions = np.linalg.eigh(covariance)
    rank = int(np.count_nonzero(variances > _LEAST_SHARE * max(variances[-1], np.finfo(np.float64).tiny)))
    components = directions[:, ::-1][:, : max(1, min(n_components, rank, len(unit)))].T
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    return Reduction(mean.astype(np.float32), (components * np.sign(largest)).astype(np.float32))
