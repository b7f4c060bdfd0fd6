"""RAB itself, from a file to embeddings in a fresh interpreter, so that its cold start is taken as everyone's is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol import Works, serve


@contextmanager
def load(n_threads: int, weights: Path) -> Iterator[Works]:
    """Load the model in the folder `weights`, on one session of `n_threads`."""
    import numpy as np

    from rab import __version__
    from rab.audio import read_recording
    from rab.embedders.weights import build, find
    from rab.segments import WindowPolicy, windows

    embedder = build(find(weights.name, weights.parent), n_threads=n_threads)

    def work(path: Path) -> object:
        heard = windows(read_recording(path), embedder.card, WindowPolicy(), None)
        return embedder.embed(np.stack([window.samples for window in heard]))

    yield {f"rab {__version__}, {n_threads} thread{'s' * (n_threads > 1)}": work}


if __name__ == "__main__":
    serve(load)
