"""A sketch of a collection: few numbers a segment, which tell the engine which few it need compare.

Comparing all of 100,000 vectors of 1,024 dimensions takes the engine 18 to 36 ms, and its index takes ten minutes to
build, so a search goes from coarse to exact. Vectors are turned by a principal component analysis (Hotelling 1933)
of a sample, and 256 dimensions are kept as 8-bit integers with one scale a segment:

1. coarse: 20 of the first 128 dimensions of every segment, those that tell most about this query;
2. fine: all 256, of the best `n_coarse` that the filter lets through;
3. exact: the best `n_fine` are named to the engine, which compares their whole vectors.

A query stands out in a few dimensions, and each in others. What dimension d adds to the similarity of a near neighbour
is about q_d (q_d - m_d), where m is the mean, so those are read in which that is most; a file by dimensions gives them
alone. At 1,000,000 segments that is 20 MB a query. The first 64 as float32, the same for all queries, are 256 MB, and
put 995 of 1,000 true neighbours among the best 8,500, where these put them among the best 7,800. A product of 8-bit
integers as floats is made block by block in the cache, where it needs no second thread.

The mean is taken off what is stored and not off the query, which moves all similarities to a query alike. How many are
looked at in 1 and 2 is measured where the sketch is made (`sketch_making`). A row is as old as its segment; a segment
stored anew is written over, a discarded one is marked. What is stored here can be made again from the engine's vectors.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import SegmentFilter, SegmentPayload
from rab.domain.value import Value
from rab.store.columns import Columns, answers
from rab.store.growing import GrowingRows

N_KEPT_DIMS = 256
N_CHOICE_DIMS = 128
N_COARSE_DIMS = 20
"""With 24, 1,000,000 segments take 5.5 ms instead of 4.4 and 0.998 of the ten nearest are found among the best 8,192;
with 20 among the best 16,384 0.999, which take 0.4 ms more; with 16 among as many 0.995."""

N_LIMIT = 26
"""Hits for which `n_coarse` and `n_fine` are measured: ten, and those that a store asks for beyond. More want more."""

_MAX_RESCORED = 4096
"""Beyond, the engine is faster without a sketch: it takes 2.3 µs for each segment that it is given by name."""

_BLOCK = 4096
"""Segments whose dimensions lie together, a page of memory each; a block of what is read stays in the cache."""

_FINE_BLOCK = 1024
"""Segments that are compared finely at once: 20,000 take 1.2 ms, and 1.8 all at once."""

_FEW = 1 / 16
"""Where no larger part matches, all of it is compared finely, at 0.06 µs a segment; the rest of the way takes 0.006."""

_VERY_MANY, _STEP = 2**17, 16
"""From how many on a sample tells where the best begin, and every which one it takes."""

_SAME = 1e-6
"""Similarities as close as this are taken for equal: the sums of float32 carry no more."""

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


class SketchState(Value):
    """What a sketch must remember beside its files."""

    n_rows: int = 0
    n_entries: dict[str, int] = Field(default_factory=dict)
    n_fitted: int
    """Segments that there were when the axes were fitted and the depths measured."""
    n_coarse: int
    n_fine: int


@dataclass(frozen=True, eq=False)
class Axes:
    """Mean [dim] and orthonormal axes [dim, m] of a sample, those of most variance first."""

    mean: Vectors
    axes: Vectors

    def turned(self, vectors: Vectors) -> Vectors:
        """Return what vectors [n, dim] are along the axes, less the mean, [n, m]."""
        return np.asarray((vectors - self.mean) @ self.axes, np.float32)

    @cached_property
    def turned_mean(self) -> Vectors:
        """What the mean is along the axes, [m]."""
        return self.mean @ self.axes


def fit_axes(sample: Vectors) -> Axes:
    """Return the principal axes of a sample [n, dim], as many as a sketch keeps."""
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean.astype(np.float32)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = vectors[:, ::-1][:, :N_KEPT_DIMS]
    return Axes(mean.astype(np.float32), np.ascontiguousarray(kept, dtype=np.float32))


class Sketch:
    """The sketch of one collection in a folder. One writer at a time; any number of readers, who never wait."""

    def __init__(self, folder: Path, axes: Axes, state: SketchState) -> None:
        """Open the files, or make them. Raises `OSError` or `ValueError` where they cannot be used."""
        self.folder = folder
        self._state = state
        self._axes = axes
        n_kept = axes.axes.shape[1]
        self._n_choice = min(n_kept, N_CHOICE_DIMS)
        self._coarse = GrowingRows(folder / "coarse.i8", np.int8, self._n_choice, _BLOCK)
        self._fine = GrowingRows(folder / "fine.i8", np.int8, n_kept)
        self._scale = GrowingRows(folder / "scale.f32", np.float32)
        self._ids = GrowingRows(folder / "point.id", np.dtype("V16"))
        self._alive = GrowingRows(folder / "alive.flag", np.bool_)
        self._columns = Columns(folder, state.n_entries)
        self._n = state.n_rows
        n_blocks = -(-self._n // _BLOCK)
        if len(self._coarse.rows) < n_blocks or any(len(file.rows) < self._n for file in self.files()[1:5]):
            raise ValueError(f"the files in {folder} are shorter than {self._n} rows")
        self._row_of = dict(zip(self._ids.rows[: self._n].tolist(), range(self._n), strict=True))
        for row in np.flatnonzero(~self._alive.rows[: self._n]).tolist():
            if self._row_of.get(self._ids.rows[row].tobytes()) == row:
                del self._row_of[self._ids.rows[row].tobytes()]

    @classmethod
    def make(cls, folder: Path, sample: Vectors) -> "Sketch":
        """Make an empty sketch with the axes of a sample [n, dim]. Its depths are to be set."""
        axes = fit_axes(sample)
        folder.mkdir(parents=True)
        np.savez(folder / "axes.npz", mean=axes.mean, axes=axes.axes)
        return cls(folder, axes, SketchState(n_fitted=1, n_coarse=1, n_fine=1))

    @classmethod
    def open(cls, folder: Path, state: SketchState) -> "Sketch":
        """Open a sketch that was made. Raises `OSError` or `ValueError` where it is damaged."""
        with np.load(folder / "axes.npz") as kept:
            return cls(folder, Axes(kept["mean"], kept["axes"]), state)

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def state(self) -> SketchState:
        """What to remember, as of now."""
        return self._state.model_copy(update={"n_rows": self._n, "n_entries": self._columns.n_entries})

    def set_depths(self, *, n_coarse: int, n_fine: int) -> None:
        """Set how many segments are looked at, for the number of rows of now."""
        depths = {"n_fitted": max(1, self._n), "n_coarse": n_coarse, "n_fine": n_fine}
        self._state = self._state.model_copy(update=depths)

    def put(self, points: Sequence[str], payloads: Sequence[SegmentPayload], vectors: Vectors | None) -> None:
        """Write points (UUIDs, each once), payloads and unit vectors [n, dim]; None keeps the vectors there are."""
        keys = [uuid.UUID(point).bytes for point in points]
        if vectors is None:
            known = [at for at, key in enumerate(keys) if key in self._row_of]
            keys, payloads = [keys[at] for at in known], [payloads[at] for at in known]
        if not keys:
            return
        n_known, n = self._n, self._n
        rows = np.empty(len(keys), np.int64)
        for at, key in enumerate(keys):
            row = self._row_of.get(key)
            if row is None:
                row, n = n, n + 1
                self._row_of[key] = row
            rows[at] = row
        self._coarse.reserve(-(-n // _BLOCK))
        for file in (self._fine, self._scale, self._ids, self._alive):
            file.reserve(n)
        if vectors is not None:
            self._put_vectors(rows, vectors)
        self._ids.rows[rows] = np.frombuffer(b"".join(keys), "V16")
        self._columns.put(rows, payloads, n_known=n_known)
        self._alive.rows[rows] = True
        self._n = n

    def remove(self, points: Sequence[str]) -> None:
        """Forget points; those that are not here are passed over."""
        for point in points:
            row = self._row_of.pop(uuid.UUID(point).bytes, None)
            if row is not None:
                self._alive.rows[row] = False

    def nearest(
        self, query: Vectors, limit: int, where: SegmentFilter, excluded: Sequence[str] = ()
    ) -> list[str] | None:
        """Return the points among which the `limit` nearest to a unit query [dim] are; all, where few match.

        None where the engine had better look at all of them: for so many hits, for so many that are nearly equal, or
        for a filter with conditions that are not known here.
        """
        deeper = max(1.0, limit / N_LIMIT)
        n_fine = int(self._state.n_fine * deeper)
        if n_fine > _MAX_RESCORED or not answers(where):
            return None
        n = self._n
        matching = self._matching(where, excluded, n)
        rows = np.flatnonzero(matching)
        n_matching = len(rows)
        if n_matching > n_fine:
            n_coarse = int(self._state.n_coarse * deeper * max(1.0, n / self._state.n_fitted))
            turned = self.turned(query)
            if n_matching > max(n_coarse, int(_FEW * n)):
                similar = self.coarse(turned, n)
                rows = rows[best(similar if n_matching == n else similar[rows], n_coarse)]
                if len(rows) > 2 * n_coarse:
                    return None
            rows = rows[best(self.fine(turned, rows), n_fine)]
            if len(rows) > _MAX_RESCORED:
                return None
        return [_point(key.hex()) for key in self._ids.rows[rows].tolist()]

    def coarse(self, turned: Vectors, n: int) -> Vectors:
        """Return how good the first n rows are by the dimensions that tell most about a turned query [m], [n]."""
        signal = (turned * (turned - self._axes.turned_mean))[: self._n_choice]
        chosen = np.sort(np.argsort(-signal)[:N_COARSE_DIMS])
        weights = turned[chosen]
        blocks = self._coarse.rows[: -(-n // _BLOCK)]
        similar = np.empty((len(blocks), _BLOCK), np.float32)
        for block, out in zip(blocks, similar, strict=True):
            np.matmul(weights, block.take(chosen, axis=0).astype(np.float32), out=out)
        return np.asarray(similar.reshape(-1)[:n] * self._scale.rows[:n], np.float32)

    def fine(self, turned: Vectors, rows: Rows) -> Vectors:
        """Return how good rows [n] are by all dimensions that are kept, [n]."""
        similar = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _FINE_BLOCK):
            block = slice(start, start + _FINE_BLOCK)  # `take` copies rows, where an index goes by elements
            np.matmul(self._fine.rows.take(rows[block], axis=0).astype(np.float32), turned, out=similar[block])
        return np.asarray(similar * self._scale.rows[rows], np.float32)

    def turned(self, query: Vectors) -> Vectors:
        """Return a query [dim] along the axes."""
        return query @ self._axes.axes

    def files(self) -> list[GrowingRows]:
        """Return all growing files."""
        return [self._coarse, self._fine, self._scale, self._ids, self._alive, *self._columns.files()]

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        for file in self.files():
            file.sync()

    def _matching(self, where: SegmentFilter, excluded: Sequence[str], n: int) -> npt.NDArray[np.bool_]:
        matching = np.array(self._alive.rows[:n], np.bool_)
        if not where.is_empty:
            matching &= self._columns.matching(where, n)
        rows = [row for point in excluded if (row := self._row_of.get(uuid.UUID(point).bytes, n)) < n]
        matching[rows] = False
        return matching

    def _put_vectors(self, rows: Rows, vectors: Vectors) -> None:
        turned = self._axes.turned(vectors)
        scale = np.maximum(np.abs(turned).max(axis=1), np.finfo(np.float32).tiny) / 127
        kept = np.rint(turned / scale[:, np.newaxis]).astype(np.int8)
        self._scale.rows[rows] = scale
        self._fine.rows[rows] = kept
        self._coarse.rows[rows // _BLOCK, :, rows % _BLOCK] = kept[:, : self._n_choice]


def best(similar: Vectors, n: int) -> Rows:
    """Return where the n best are, with all that are as good as the last; of very many up to twice as many.

    Of very many a sixteenth tells where to cut. To order 1,000,000 takes 0.7 ms, but 20 to 40 where half are equal, as
    the silence of a recorder is.
    """
    if len(similar) <= n:
        return np.arange(len(similar))
    if len(similar) > max(_VERY_MANY, 4 * n):
        expected = n / _STEP
        sampled = _not_worse(similar, _nth(similar[::_STEP], int(expected + 3 * expected**0.5) + 1))
        if n <= len(sampled) <= 2 * n:
            return sampled
    return _not_worse(similar, _nth(similar, n))


def _nth(similar: Vectors, n: int) -> np.float32:
    """Return how good the n-th best is."""
    nth: np.float32 = np.partition(similar, len(similar) - n)[len(similar) - n]
    return nth


def _not_worse(similar: Vectors, bound: np.float32) -> Rows:
    return np.flatnonzero(similar >= bound - _SAME)


def _point(digits: str) -> str:
    """Return the UUID of 32 hexadecimal digits, in a sixth of the time that `uuid.UUID` takes for the same."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
