"""A sketch of a collection: few numbers a segment, which tell the engine which few it need compare.

Comparing all of 100,000 vectors of 1,024 dimensions takes the engine 18 to 36 ms, and its index takes ten minutes to
build, so a search goes from coarse to exact. Vectors are turned by a principal component analysis (Hotelling 1933)
of a sample, after which the first dimensions carry most of what tells them apart:

1. coarse: the first 64 dimensions of every segment that the filter lets through, as float32, 256 bytes each;
2. fine: the next 192 as 8-bit integers with one scale a row, read only for the best `n_coarse`;
3. exact: the best `n_fine` are named to the engine, which compares their whole vectors.

The mean is taken off what is stored and not off the query, which moves all similarities to a query alike. How many are
looked at in 1 and 2 is measured where the sketch is made (`sketch_making`). A row is as old as its segment; a segment
stored anew is written over, a discarded one is marked. What is stored here can be made again from the engine's vectors.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import SegmentFilter, SegmentPayload
from rab.domain.value import Value
from rab.store.columns import Columns, answers
from rab.store.growing import GrowingRows

N_COARSE_DIMS = 64
N_FINE_DIMS = 192
N_LIMIT = 26
"""Hits for which `n_coarse` and `n_fine` are measured: ten, and those that a store asks for beyond. More want more."""

_MAX_RESCORED = 4096
"""Beyond, the engine is faster without a sketch: it takes 2.3 µs for each segment that it is given by name."""

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


def fit_axes(sample: Vectors) -> Axes:
    """Return the principal axes of a sample [n, dim], as many as a sketch keeps."""
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean.astype(np.float32)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = vectors[:, ::-1][:, : N_COARSE_DIMS + N_FINE_DIMS]
    return Axes(mean.astype(np.float32), np.ascontiguousarray(kept, dtype=np.float32))


class Sketch:
    """The sketch of one collection in a folder. One writer at a time; any number of readers, who never wait."""

    def __init__(self, folder: Path, axes: Axes, state: SketchState) -> None:
        """Open the files, or make them. Raises `OSError` or `ValueError` where they cannot be used."""
        self.folder = folder
        self._state = state
        self._axes = axes
        n_kept = axes.axes.shape[1]
        self._n_coarse_dims = min(n_kept, N_COARSE_DIMS)
        self._coarse = GrowingRows(folder / "coarse.f32", np.float32, self._n_coarse_dims)
        self._fine = GrowingRows(folder / "fine.i8", np.int8, max(1, n_kept - self._n_coarse_dims))
        self._scale = GrowingRows(folder / "scale.f32", np.float32)
        self._ids = GrowingRows(folder / "point.id", np.dtype("V16"))
        self._alive = GrowingRows(folder / "alive.flag", np.bool_)
        self._columns = Columns(folder, state.n_entries)
        self._n = state.n_rows
        if any(len(file.rows) < self._n for file in self.files()[:5]):
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
        for file in (self._coarse, self._fine, self._scale, self._ids, self._alive):
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
        n_matching = int(np.count_nonzero(matching))
        if n_matching <= n_fine:
            rows = np.flatnonzero(matching)
        else:
            n_coarse = int(self._state.n_coarse * deeper * max(1.0, n / self._state.n_fitted))
            turned = query @ self._axes.axes
            rows, coarse = self.best_coarse(turned, n_coarse, matching, n_matching)
            if len(rows) > 2 * max(n_coarse, n_matching if n_matching <= n_coarse else 0):
                return None
            rows = best(self.with_fine(turned, rows, coarse), n_fine, rows)[0]
            if len(rows) > _MAX_RESCORED:
                return None
        return [str(uuid.UUID(bytes=key)) for key in self._ids.rows[rows].tolist()]

    def best_coarse(
        self, turned: Vectors, n_coarse: int, matching: npt.NDArray[np.bool_], n_matching: int
    ) -> tuple[Rows, Vectors]:
        """Return the rows that match and are best by the coarse dimensions of a turned query, and how good they are."""
        query = turned[: self._n_coarse_dims]
        coarse: Vectors = self._coarse.rows[: len(matching)]
        if n_matching <= max(n_coarse, len(matching) // 8):
            rows = np.flatnonzero(matching)
            return best(coarse[rows] @ query, n_coarse, rows)
        similar = coarse @ query
        if n_matching < len(matching):
            return best(similar[matching], n_coarse, np.flatnonzero(matching))
        return best(similar, n_coarse, None)

    def with_fine(self, turned: Vectors, rows: Rows, coarse: Vectors) -> Vectors:
        """Return how good rows are by all dimensions that are kept, from how good they are by the coarse ones."""
        rest = turned[self._n_coarse_dims :]
        if not rest.size:
            return coarse
        fine: Vectors = self._fine.rows[rows].astype(np.float32) @ rest
        return np.asarray(coarse + fine * self._scale.rows[rows], np.float32)

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
        coarse, fine = turned[:, : self._n_coarse_dims], turned[:, self._n_coarse_dims :]
        self._coarse.rows[rows] = coarse
        if fine.size:
            scale = np.maximum(np.abs(fine).max(axis=1), np.finfo(np.float32).tiny) / 127
            self._scale.rows[rows] = scale
            self._fine.rows[rows] = np.rint(fine / scale[:, np.newaxis])


def best(similar: Vectors, n: int, rows: Rows | None) -> tuple[Rows, Vectors]:
    """Return the n best of rows (None: all), with all that are as good as the last, and how good they are."""
    if len(similar) <= n:
        chosen = np.arange(len(similar))
    else:
        last = np.partition(similar, len(similar) - n)[len(similar) - n]
        chosen = np.flatnonzero(similar >= last - _SAME)
    return (chosen if rows is None else rows[chosen]), similar[chosen]
