"""LiteRT, started quietly: the one module that imports it."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from rab.errors import ModelMissing


class Network:
    """A TFLite network with one input: float32 [1, n] in, one float32 array per output out. Threads take turns."""

    def __init__(self, model: bytes, *, n_threads: int, name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with _without_greeting():
                self._interpreter: Any = Interpreter(model_content=model, num_threads=n_threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelMissing(
                f"LiteRT cannot load {name}: {error}", hint="install the ai-edge-litert that RAB's lock names"
            ) from error
        self._running = Lock()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, values: Any) -> list[Any]:
        """Run on float32 [1, n]; return each output's first row, copied, in the model's order."""
        with self._running:
            self._interpreter.set_tensor(self._input, values)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(output)[0] for output in self._outputs]


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
