"""ONNX Runtime: the one module that imports it, and where graphs that RAB builds are kept.

Models that are published in another form are translated once, on first use, and kept beside their weights. The file's
name holds what it was made from and by (`recipe`) and its own sha256, so one that is old, cut short or damaged is
noticed and made anew; it appears under that name only when it is whole.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from rab.errors import ModelMissing

_log = logging.getLogger(__name__)

_PART = ".part"
_WRITTEN_WITHIN_S = 600
_HINT = "see that the file is an ONNX network, and that onnxruntime is the one that RAB's lock names"


class OnnxNetwork:
    """An ONNX graph, ready to run. Serves any number of threads at once, each call on `n_threads` threads."""

    def __init__(self, model: bytes | Path, *, n_threads: int, name: str) -> None:
        import onnxruntime

        self._name = name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            source = model if isinstance(model, bytes) else os.fspath(model)
            self._session: Any = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own exceptions have no common base
            raise ModelMissing(f"ONNX Runtime cannot load {name}: {error}", hint=_HINT) from error
        self.inputs: Mapping[str, Sequence[Any]] = {one.name: one.shape for one in self._session.get_inputs()}
        self.outputs: Mapping[str, Sequence[Any]] = {one.name: one.shape for one in self._session.get_outputs()}

    def __call__(self, outputs: Sequence[str], /, **inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Run on named inputs; return the named outputs in that order.

        Raises `ModelMissing` for a graph that does not take them: of another type, or for a fixed number of windows.
        """
        try:
            values: list[npt.NDArray[np.float32]] = self._session.run(list(outputs), inputs)
        except Exception as error:  # the runtime's own exceptions have no common base
            raise ModelMissing(
                f"{self._name} does not run: {error}", hint="it is not the network that RAB knows; install that one"
            ) from error
        return values


def kept_model(folder: Path, name: str, *, recipe: str, build: Callable[[], bytes]) -> bytes:
    """Return the graph `name` made by `recipe`, from `folder` or built and kept there.

    `recipe` names all that decides what `build` returns: weights, translator and their versions. A folder that cannot
    be written costs a build each time, and a log line that says so. Several processes may do this at once.
    """
    _remove_left_over(folder, name)
    prefix = f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}-"
    for path in sorted(folder.glob(f"{prefix}*.onnx")):
        with suppress(OSError):  # another process has removed it
            content = path.read_bytes()
            if path.name == _file_name(prefix, content):
                return content
    content = build()
    try:
        _keep(folder, name, _file_name(prefix, content), content)
    except OSError as error:
        _log.warning("the translated network is not kept: %s cannot be written: %s", folder, error.strerror)
    return content


def _file_name(prefix: str, content: bytes) -> str:
    return f"{prefix}{hashlib.sha256(content).hexdigest()[:16]}.onnx"


def _keep(folder: Path, name: str, file_name: str, content: bytes) -> None:
    """Put a graph in place whole, and remove those of other recipes and damaged ones."""
    part = folder / f"{file_name}.{uuid4().hex}{_PART}"
    try:
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(folder / file_name)
    finally:
        part.unlink(missing_ok=True)
    for other in folder.glob(f"{name}-*.onnx"):
        if other.name != file_name:
            with suppress(OSError):  # another process may be reading it, or has removed it
                other.unlink()


def _remove_left_over(folder: Path, name: str) -> None:
    """Remove what a process that was killed while writing left behind; a younger file may still be written."""
    for part in folder.glob(f"{name}-*{_PART}"):
        with suppress(OSError):  # another process has removed it, or the folder cannot be written
            if time.time() - part.stat().st_mtime > _WRITTEN_WITHIN_S:
                part.unlink()
