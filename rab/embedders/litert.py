"""LiteRT, started quietly: the one module that imports it. Inputs and outputs have names, as in `onnx_runtime`.

One interpreter serves one call at a time, so calls take turns.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from rab.errors import ModelMissing


class LiteRTNetwork:
    """A TFLite network, ready to run. Threads take turns, each call on `n_threads` threads."""

    def __init__(self, model: bytes | Path, *, n_threads: int, name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        source = {"model_content": model} if isinstance(model, bytes) else {"model_path": os.fspath(model)}
        try:
            with _without_greeting():
                self._interpreter: Any = Interpreter(**source, num_threads=n_threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelMissing(
                f"LiteRT cannot load {name}: {error}", hint="install the ai-edge-litert that RAB's lock names"
            ) from error
        self._running = Lock()
        details = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._inputs, self._outputs = ({one["name"]: one["index"] for one in tensors} for tensors in details)
        self.inputs: Mapping[str, Sequence[int]] = {one["name"]: one["shape"].tolist() for one in details[0]}
        self.outputs: Mapping[str, Sequence[int]] = {one["name"]: one["shape"].tolist() for one in details[1]}

    def __call__(self, outputs: Sequence[str], /, **inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Run on named inputs of the network's own shapes; return the named outputs, copied, in that order."""
        with self._running:
            for name, values in inputs.items():
                self._interpreter.set_tensor(self._inputs[name], values)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(self._outputs[name]) for name in outputs]


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Hold back what the runtime's C++ writes on standard error, and pass all of it on but its INFO lines.

    It greets every process with a line about its delegate and has no setting against that.
    """
    if sys.stderr is None:  # a process without a console
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not line.startswith(b"INFO:"):
                    os.write(2, line)
