"""The `birdnet` package on BirdNET V2.4, with its own defaults and one worker a thread.

Its embeddings and its species scores need a pass each, so who needs both pays for both. Sessions stay open: starting
workers and loading weights is not timed. Where TensorFlow is installed, it runs on that, as is its default, else on
LiteRT. It hears with the weights that RAB installed, linked to where it keeps its own.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from protocol import Works, serve

WEIGHTS = "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"
LABELS = "BirdNET_GLOBAL_6K_V2.4_Labels.txt"
LANGUAGES = "af ar cs da de en_uk en_us es fi fr hu it ja ko nl no pl pt ro ru sk sl sv th tr uk zh"


@contextmanager
def load(n_threads: int, weights: Path) -> Iterator[Works]:
    """Open a session for embeddings and one for species, both with `n_threads` workers."""
    library = "tflite" if find_spec("tensorflow") else "litert"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BIRDNET_APP_DATA"] = folder
        link_weights(weights, Path(folder) / "acoustic-models" / "v2.4" / "tf")
        import birdnet

        model = birdnet.load("acoustic", "2.4", "tf", library=library)
        with (
            model.encode_session(n_workers=n_threads) as encoding,
            model.predict_session(n_workers=n_threads) as scoring,
        ):
            runtime = {"tflite": "TFLite", "litert": "LiteRT"}[library]
            title = f"birdnet {version('birdnet')}, {runtime}, {n_threads} worker{'s' * (n_threads > 1)}"
            yield {
                f"{title}: embeddings and species": lambda path: (encoding.run(path), scoring.run(path)),
                f"{title}: embeddings": encoding.run,
                f"{title}: species": scoring.run,
            }


def link_weights(weights: Path, folder: Path) -> None:
    """Lay the weights where the package looks for what it would download; one label file serves for every language."""
    (folder / "labels").mkdir(parents=True)
    (folder / "model-fp32.tflite").symlink_to(weights / WEIGHTS)
    for language in LANGUAGES.split():
        (folder / "labels" / f"{language}.txt").symlink_to(weights / LABELS)


if __name__ == "__main__":
    serve(load)
