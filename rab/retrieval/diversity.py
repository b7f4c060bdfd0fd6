"""Maximal marginal relevance: witnesses that are near the query and unlike each other.

Ten calls of one bird in one night are one witness ten times. Carbonell & Goldstein (1998) take one result after the
other, each the best trade between its similarity to the query and its greatest similarity to those already taken.
"""

import numpy as np
import numpy.typing as npt

from rab.errors import InputError

Floats = npt.NDArray[np.floating]


def diverse(similarity_to_query: Floats, pairwise: Floats, n: int, trade_off: float) -> list[int]:
    """Return the indices of at most n of m results, in the order in which they are taken.

    `similarity_to_query` is [m], `pairwise` [m, m], both cosine or on one scale. `trade_off` 1 gives the order of
    similarity, 0 takes after the nearest what is least like the rest. Ties go to the earlier index. Raises
    `InputError` for shapes that do not fit and for a trade-off outside 0–1.
    """
    relevance = np.asarray(similarity_to_query, dtype=np.float64)
    between = np.asarray(pairwise, dtype=np.float64)
    if relevance.ndim != 1 or between.shape != (len(relevance), len(relevance)):
        raise InputError(
            f"similarities {relevance.shape} and {between.shape} do not fit each other", hint="give [m] and [m, m]"
        )
    if not 0 <= trade_off <= 1:
        raise InputError(f"a trade-off of {trade_off} is not between 0 and 1", hint="0.7 favours similarity gently")
    if n < 1 or not len(relevance):
        return []
    taken = [int(np.argmax(relevance))]
    left = np.ones(len(relevance), dtype=bool)
    left[taken] = False
    redundancy = between[:, taken[0]].copy()
    while len(taken) < n and left.any():
        gain = trade_off * relevance - (1 - trade_off) * redundancy
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        taken.append(best)
        left[best] = False
        redundancy = np.maximum(redundancy, between[:, best])
    return taken
