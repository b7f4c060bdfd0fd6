"""A PyTorch checkpoint, read without PyTorch.

A `.pth.tar` of today is a zip: `archive/data.pkl` says which tensors there are, `archive/data/*` are their numbers. A
pickle may name any function of any module and have it called, so this reader admits three names and nothing else: an
ordered dictionary, storages, and the function that makes a tensor of a storage, in whose place ours stands. It takes
only tensors that lie whole and in order inside their storage. Reading BatDetect2's 81 tensors takes 16 ms; importing
torch takes seconds and 3 GB of disk.

Source: the layout that `torch.save` writes since PyTorch 1.6.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rab.errors import ModelMissing

Array = npt.NDArray[Any]

_ARCHIVE = "archive/"
_STORAGES = {"FloatStorage": np.dtype("<f4"), "DoubleStorage": np.dtype("<f8"), "LongStorage": np.dtype("<i8")}
_HINT = "run `rab models install batdetect2-v1.3.1` again"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds: its tensors by name, read-only, and its training parameters."""

    tensors: Mapping[str, Array]
    params: Mapping[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint with the entries `state_dict` and `params`.

    Raises `ModelMissing` when it is none, is damaged, or names anything but tensors and plain data.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = _Reader(archive).load()
        tensors, params = content["state_dict"], content["params"]
        if not all(isinstance(one, np.ndarray) for one in tensors.values()):
            raise _refused("its state is not made of tensors alone")
        return Checkpoint(dict(tensors), dict(params))
    except ModelMissing as error:
        raise ModelMissing(f"{path} is refused: {error.message}", hint=_HINT) from error
    except Exception as error:  # damage raises whatever the bytes happen to mean
        raise ModelMissing(f"{path} is no checkpoint that RAB can read: {error!r}", hint=_HINT) from error


class _Reader(pickle.Unpickler):
    """An unpickler that admits tensors, ordered dictionaries and plain data."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        super().__init__(io.BytesIO(archive.read(f"{_ARCHIVE}data.pkl")))
        self._archive = archive

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands in for a global name, or refuse it."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise _refused(f"it names {module}.{name}, which is neither tensor nor plain data")

    def persistent_load(self, pid: Any) -> Array:
        """Return a storage, one-dimensional and read-only, of the length that the pickle says."""
        kind, dtype, key, _, n_numbers = pid
        if kind != "storage" or not isinstance(key, str) or not key.isdigit():
            raise _refused(f"it names a storage {pid!r}")
        entry = self._archive.getinfo(f"{_ARCHIVE}data/{key}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != n_numbers * dtype.itemsize:
            raise _refused(f"its storage {key} is not {n_numbers} numbers of {dtype}")
        return np.frombuffer(self._archive.read(entry), dtype)


def _tensor(storage: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> Array:
    """Return the tensor as an array, which must lie whole and in order inside its storage."""
    n_numbers = math.prod(shape)
    in_order = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if tuple(strides) != in_order or not 0 <= offset <= offset + n_numbers <= len(storage):
        raise _refused(f"a tensor of shape {shape} does not lie in order in its storage")
    return storage[offset : offset + n_numbers].reshape(shape)


def _refused(why: str) -> ModelMissing:
    return ModelMissing(why, hint=_HINT)
