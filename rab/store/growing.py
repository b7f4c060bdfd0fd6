"""Rows in a file that grows, seen through a memory map: what the sketch of a collection is kept in.

A map of a sparse file kills the process when the disk is full, so the file is lengthened by writing zeros, which fails
as any write does, and the map covers only what has been written. Room is made a quarter ahead, so that appending row by
row maps the file anew a few dozen times on the way to a million rows. Who holds an array from before goes on reading
the same file, and the map ends with the last array.
"""

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_AHEAD = 1.25
_MIN_BYTES = 2**14
_ZEROS = bytes(2**20)


class GrowingRows:
    """An array [capacity, *shape] of one dtype over a file. One writer at a time, any number of readers."""

    def __init__(self, path: Path, dtype: npt.DTypeLike, *shape: int) -> None:
        """Open the file, or make it. Raises `OSError` where it cannot be."""
        self._dtype = np.dtype(dtype)
        self._shape = shape
        self._row_bytes = self._dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        self._path = path
        path.touch(exist_ok=True)
        self.rows: npt.NDArray[Any] = self._mapped()
        """All there is room for; how many rows mean something is the owner's to know."""

    def reserve(self, n: int) -> None:
        """Make room for n rows in all."""
        if n > len(self.rows):
            n_rows = max(int(n * _AHEAD), _MIN_BYTES // self._row_bytes)
            n_bytes = n_rows * self._row_bytes
            with self._path.open("ab", buffering=0) as file:
                at = file.tell()
                while at < n_bytes:
                    at += file.write(_ZEROS[: n_bytes - at])
            self.rows = self._mapped()

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        with self._path.open("r+b") as file:
            os.fsync(file.fileno())

    def _mapped(self) -> npt.NDArray[Any]:
        with self._path.open("r+b") as file:
            n = self._path.stat().st_size // self._row_bytes
            if n == 0:
                return np.empty((0, *self._shape), self._dtype)
            whole = mmap.mmap(file.fileno(), n * self._row_bytes)
        return np.frombuffer(whole, self._dtype).reshape(n, *self._shape)
