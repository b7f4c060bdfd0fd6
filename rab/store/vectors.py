"""What every store does alike: refuse vectors that mean nothing, and put hits in one order."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from rab.errors import InputError
from rab.store.base import Hit

_DECIMALS = 6
_SPARE = 16
"""Hits asked for beyond k, so that a tie at the k-th place is mostly seen whole at once."""


def unit_rows(vectors: npt.NDArray[np.float32], n: int, dim: int) -> npt.NDArray[np.float32]:
    """Return vectors [n, dim] scaled to length 1, float32. Raises `InputError` where a row has no direction."""
    if vectors.shape != (n, dim):
        raise InputError(
            f"vectors of shape {list(vectors.shape)} do not fit: {[n, dim]} is wanted",
            hint="pass one vector per segment, of the collection's dimension",
        )
    rows = vectors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    broken = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if broken.size:
        raise InputError(
            f"vector {broken[0]} is all zero or not finite, and has no direction",
            hint="look at the sound behind it and at the model that embedded it",
        )
    units: npt.NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return units


def unit_query(vector: npt.NDArray[np.float32], k: int, dim: int) -> npt.NDArray[np.float32]:
    """Return a query [dim] scaled to length 1, float32. Raises `InputError` as `unit_rows` does, and for k < 1."""
    if k < 1:
        raise InputError(f"{k} neighbours cannot be searched for", hint="ask for at least 1")
    query: npt.NDArray[np.float32] = unit_rows(np.atleast_1d(vector)[np.newaxis], 1, dim)[0]
    return query


def ranked(found: Iterable[tuple[str, float]]) -> list[Hit]:
    """Return segment ids and their similarities as hits, best first, ties by segment id."""
    hits = (Hit(segment, round(min(1.0, max(-1.0, similarity)), _DECIMALS)) for segment, similarity in found)
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.segment_id))


def nearest(
    propose: Callable[[int], list[Hit]], k: int, keep: Callable[[list[Hit]], list[Hit]] | None = None
) -> list[Hit]:
    """Return the k best of an engine that breaks ties as it likes: `propose(limit)` gives its `limit` best, ranked.

    Equal sounds tie: all digital silence has one vector. So more than k are asked for, until the last hit is worse
    than the k-th or there are no more. `keep` leaves out hits that the engine could not tell from those meant.
    """
    limit = k + _SPARE
    while True:
        hits = propose(limit)
        kept = keep(hits) if keep else hits
        if len(hits) < limit or (len(kept) >= k and hits[-1].similarity < kept[k - 1].similarity):
            return kept[:k]
        limit *= 4
