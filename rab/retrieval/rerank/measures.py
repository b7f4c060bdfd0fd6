"""How good a ranking is, and how sure that is.

Average precision at k is the mean, over the first k places, of the precision at each relevant one, divided by how many
relevant ones could stand there: AP@k = Σᵢ≤k P(i)·rel(i) / min(k, n relevant in the whole library). What was never a
candidate counts against it. Intervals resample whole groups (recordists, recordings), since windows of one are not
independent (Efron & Tibshirani 1993, ch. 8.4).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.domain.value import Value

Floats = npt.NDArray[np.float64]
MEASURES = ("average_precision", "precision", "recall", "reciprocal_rank", "ndcg")


class Ranked(NamedTuple):
    """What a ranking of relevant and other results is worth, each 0–1, up is good."""

    average_precision: float
    precision: float
    recall: float
    """Relevant ones among the first k, of those that could stand there."""
    reciprocal_rank: float
    """Of the first relevant one among the first k; 0 without."""
    ndcg: float
    """Järvelin & Kekäläinen (2002), binary gain."""


class Interval(Value):
    """A mean and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def measure_ranking(relevant: npt.NDArray[np.bool_], n_relevant: int, k: int = 10) -> Ranked:
    """Measure a ranking's first k: `relevant` [n] in ranked order, `n_relevant` ≥ 1 of them in the whole library."""
    first = np.asarray(relevant[:k], dtype=np.float64)
    possible = min(k, n_relevant)
    place = np.arange(1, len(first) + 1)
    gains = 1 / np.log2(np.arange(2, k + 2))
    return Ranked(
        average_precision=float((np.cumsum(first) / place * first).sum() / possible),
        precision=float(first.sum() / k),
        recall=float(first.sum() / possible),
        reciprocal_rank=float((first / place).max(initial=0.0)),
        ndcg=float((first * gains[: len(first)]).sum() / gains[:possible].sum()),
    )


def clustered_interval(values: Floats, groups: Sequence[str], *, seed: int, n_resamples: int = 2000) -> Interval:
    """Return the mean of values [n] and its interval, resampling the groups that they belong to."""
    _, of_group = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(of_group, values), np.bincount(of_group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(n_resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high))
