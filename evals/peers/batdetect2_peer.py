"""The `batdetect2` package through its API, file by file, with its own defaults and the weights in its wheel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from protocol import Works, serve


@contextmanager
def load(n_threads: int, weights: Path) -> Iterator[Works]:
    """Load the detector; torch computes on one thread, and on `n_threads` where these are more."""
    import torch
    from batdetect2 import api

    def on(n: int) -> Callable[[Path], object]:
        def work(path: Path) -> object:
            torch.set_num_threads(n)
            return api.process_file(str(path))

        return work

    title = f"batdetect2 {version('batdetect2')}"
    yield {f"{title}, {n} thread{'s' * (n > 1)}": on(n) for n in sorted({1, n_threads})}


if __name__ == "__main__":
    serve(load)
