"""The making of a sketch: one pass over the collection, and a measurement of how far it may be trusted.

The engine goes through points by their ids, which are hashes, so the first thousands are a fair sample: the axes are
fitted on them, and 64 of them serve as probes. Their true neighbours are found on the way, as every vector passes.
Then the sketch is asked for the same, and its depths are set so that it looks at 99.5 % of them, with a quarter to
spare. Where that takes an eighth of the collection, vectors have no shape that a sketch could use (random ones have
none), and the engine's exact search is as fast.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.domain import SegmentPayload
from rab.store.sketch import Sketch, Vectors, best

Page = tuple[Sequence[str], Sequence[SegmentPayload], Vectors]
"""Points (UUIDs), their payloads, and their unit vectors [n, dim]."""

_N_SAMPLE = 8192
_BLOCK = 2048
"""Rows that are worked on at once. On a busy machine a product of matrices waits for its threads, whatever its size: by
pages of 64, a making took ten times as long."""

_N_PROBES = 64
_N_TRUE = 10
_SEEN = 0.995
_SPARE = 1.25
_MIN_COARSE, _MIN_PART = 4096, 1 / 64
"""What is looked at finely at least. Sixty-four probes say little of the worst queries: of 1,000,000 segments they
asked for 1,507, which hold 0.973 of the ten nearest (by 24 dimensions), where 1 in 64 hold 0.999, and take 0.8 ms."""

_MIN_FINE, _MAX_FINE = 128, 1024
_MAX_FRACTION = 1 / 8


def make_sketch(folder: Path, pages: Iterable[Page]) -> Sketch | None:
    """Make the sketch of all points of some pages in a new folder; None where it would not help, or there are none."""
    pages = iter(pages)
    first = _joined(pages, _N_SAMPLE)
    if first is None:
        return None
    sketch = Sketch.make(folder, first[2])
    truth = _Truth(first[2][:_N_PROBES])
    for points, payloads, vectors in chain([first], iter(partial(_joined, pages, _BLOCK), None)):
        sketch.put(points, payloads, vectors)
        truth.look(vectors)
    depths = _depths(sketch, truth)
    if depths is None:
        return None
    sketch.set_depths(n_coarse=depths[0], n_fine=depths[1])
    return sketch


def _joined(pages: Iterator[Page], n: int) -> Page | None:
    """Take pages until there are n rows, as one; None where there are no more."""
    taken: list[Page] = []
    while n > 0 and (page := next(pages, None)) is not None:
        taken.append(page)
        n -= len(page[0])
    if not taken:
        return None
    points, payloads, vectors = zip(*taken, strict=True)
    return [*chain.from_iterable(points)], [*chain.from_iterable(payloads)], np.concatenate(vectors)


class _Truth:
    """The true neighbours of probes, which are the first rows that it is shown; none is its own."""

    def __init__(self, probes: Vectors) -> None:
        self.probes = probes
        self.n_seen = 0
        self.rows = np.empty((len(probes), 0), np.int64)
        self._similar = np.empty((len(probes), 0), np.float32)

    def look(self, vectors: Vectors) -> None:
        similar = np.concatenate([self._similar, self.probes @ vectors.T], axis=1)
        new = np.broadcast_to(np.arange(self.n_seen, self.n_seen + len(vectors)), (len(self.probes), len(vectors)))
        rows = np.concatenate([self.rows, new], axis=1)
        similar[rows == np.arange(len(self.probes))[:, np.newaxis]] = -np.inf
        order = np.argsort(-similar, axis=1, kind="stable")[:, :_N_TRUE]
        self.rows, self._similar = np.take_along_axis(rows, order, 1), np.take_along_axis(similar, order, 1)
        self.n_seen += len(vectors)


def _depths(sketch: Sketch, truth: _Truth) -> tuple[int, int] | None:
    """Return how many rows to look at by coarse and by fine dimensions; None where the sketch would not help."""
    n = truth.n_seen
    probes = [(sketch.turned(probe), rows) for probe, rows in zip(truth.probes, truth.rows, strict=True)]
    coarse_ranks = [_ranks(sketch.coarse(turned, n), rows) for turned, rows in probes]
    n_coarse = max(_MIN_COARSE, int(_MIN_PART * n), int(_SPARE * np.quantile(coarse_ranks, _SEEN)) + 1)
    if n_coarse > max(_MAX_FRACTION * n, _MIN_COARSE):
        return None
    fine_ranks = []
    for turned, rows in probes:
        chosen = best(sketch.coarse(turned, n), n_coarse)
        fine_ranks.append(_ranks(sketch.fine(turned, chosen), np.flatnonzero(np.isin(chosen, rows))))
    n_fine = max(_MIN_FINE, int(_SPARE * np.quantile(np.concatenate(fine_ranks), _SEEN)) + 1)
    return None if n_fine > _MAX_FINE else (n_coarse, n_fine)


def _ranks(similar: Vectors, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many are better than each of some rows."""
    ordered = np.sort(similar)
    return len(similar) - np.searchsorted(ordered, similar[rows], side="right")
