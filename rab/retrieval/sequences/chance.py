"""Chance: p-values from shuffles, and how many of many may be false.

Two hundred shuffles tell no p-value below 0.005, and among ten thousand possible pairs that is no finding. So the
tail is fitted: counts over shuffles by their mean and variance, as Poisson, or as negative binomial where they spread
wider. The mean is taken one standard error higher than it is found, which also keeps what no shuffle ever showed from
becoming impossible.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class ShuffleCounts:
    """Counts over shuffles, summed as they come."""

    def __init__(self, observed: npt.NDArray[np.int64]) -> None:
        self._observed = observed
        self._sum = np.zeros(observed.shape)
        self._squares = np.zeros(observed.shape)
        self._n_reached = np.zeros(observed.shape, dtype=np.int64)
        self.n_shuffles = 0

    def add(self, counts: npt.NDArray[np.int64]) -> None:
        """Take the counts of one more shuffle."""
        self._sum += counts
        self._squares += np.square(counts, dtype=np.float64)
        self._n_reached += counts >= self._observed
        self.n_shuffles += 1

    @property
    def mean(self) -> Floats:
        """Mean count over shuffles."""
        return np.asarray(self._sum / self.n_shuffles)

    @property
    def p_shuffles(self) -> Floats:
        """Share of shuffles that reach the observed count, which is counted among them (Phipson & Smyth 2010)."""
        return np.asarray((1 + self._n_reached) / (1 + self.n_shuffles))

    @property
    def p_values(self) -> Floats:
        """Probability of the observed count or more, from the fitted tail."""
        return _upper_tail(self._observed, self.mean, self._squares / self.n_shuffles, self.n_shuffles)

    def p_of(self, place: int, n: int) -> float:
        """Return the same for another count at one place."""
        means, squares = self.mean[place : place + 1], self._squares[place : place + 1] / self.n_shuffles
        return float(_upper_tail(np.array([n]), means, squares, self.n_shuffles)[0])


def _upper_tail(counts: npt.NDArray[np.int64], means: Floats, squares: Floats, n: int) -> Floats:
    from scipy.stats import nbinom, poisson

    variance = np.maximum(squares - means**2, 0) * n / max(n - 1, 1)
    mean = means + np.sqrt(np.maximum(np.maximum(variance, means), 1 / n) / n)
    excess = variance - mean
    wider = excess > 1e-9
    size = mean**2 / np.where(wider, excess, 1.0)
    p_wide = nbinom.sf(counts - 1, size, size / (size + mean))
    return np.asarray(np.where(wider, p_wide, poisson.sf(counts - 1, mean)))


def q_values(p_values: Floats, n_tests: float) -> Floats:
    """Return the least false-discovery rate at which each is a finding (Benjamini & Hochberg 1995).

    `n_tests` counts what was possible, of which those given are the ones seen: the others have p = 1. To count only
    what was seen often would choose by the outcome.
    """
    order = np.argsort(p_values)
    ranked = p_values[order] * n_tests / np.arange(1, len(p_values) + 1)
    kept = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    found = np.empty_like(kept)
    found[order] = kept
    return found


def wilson(n_of: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.959964, n_of / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
