"""BirdNET's network: 3 s of sound in, a place among sounds and 6,522 opinions out, in one pass.

The embedding is the global average pool before the classifier. Two runtimes give it: ONNX Runtime, for which the
network is translated once, and LiteRT, for which it was published. Their logits agree within 1e-3 and their embeddings
within 1e-4, so the runtime is no part of the model's fingerprint.

On ONNX Runtime windows go through in fours: the network takes 6.8 ms a window one by one, 5.9 in twos, 5.5 in fours
(one thread; the classifier's 27 MB of weights are read once for all four), and a vector is the same to the bit in any
company. On LiteRT they go one by one: batches of 4 to 16 measured the same.
"""

import os
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon
from rab.embedders.birdnet.flatbuffer import constants, with_output
from rab.embedders.birdnet.front_end import SPECTROGRAMS, FrontEnd, read_branch
from rab.embedders.birdnet.labels import read_labels
from rab.embedders.birdnet.onnx_graphs import (
    EMBEDDING,
    LOGITS,
    RECIPE,
    SPECTROGRAM,
    network_graph,
    spectrogram_graph,
)
from rab.embedders.birdnet.tflite_graph import read_graph
from rab.embedders.litert import LiteRTNetwork
from rab.embedders.onnx_runtime import OnnxNetwork, kept_model
from rab.embedders.weights import InstalledModel
from rab.embedders.windows import require_windows
from rab.errors import ModelMissing

Runtime = Literal["onnx", "litert"]
Floats = npt.NDArray[np.float32]
Run = Callable[[Floats], tuple[Floats, Floats]]
"""Windows [n, 144000] in; their logits [n, 6522] and embeddings [n, 1024] out."""

_SAMPLE_RATE_HZ = 48_000
_WINDOW_SAMPLES = 144_000
_DIM = 1024
_N_CLASSES = 6522
_CHUNK = 4
_EMBEDDING = "model/GLOBAL_AVG_POOL/Mean"


class BirdNET:
    """BirdNET V2.4 FP32, an `rab.embedders.base.Embedder`.

    On ONNX Runtime calls run side by side, each on `n_threads` threads; on LiteRT they wait for each other.
    `n_threads` None takes one per core. On LiteRT embeddings agree with those of the authors' own package within 1e-5.

    Source: Kahl, Wood, Eibl & Klinck 2021, Ecological Informatics 61:101236; BirdNET-Analyzer's model card for V2.4.
    """

    def __init__(self, installed: InstalledModel, *, n_threads: int | None = None, runtime: Runtime = "onnx") -> None:
        self._taxa = read_labels(installed.path("labels"))
        self._card = card(installed)
        start = {"onnx": _on_onnx_runtime, "litert": _on_litert}[runtime]
        self._run = start(installed, n_threads or os.cpu_count() or 1, self._card.key)

    @property
    def card(self) -> EmbedderCard:
        """What BirdNET is and wants."""
        return self._card

    @property
    def taxa(self) -> tuple[Taxon, ...]:
        """Its 6,522 classes, in the order of the logits' columns."""
        return self._taxa

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Embed float32 [n, 144000] at 48 kHz, full scale ±1; n may be 0.

        Returns embeddings float32 [n, 1024] and logits float32 [n, 6522]. Raises `InputError` for another shape or for
        samples that are not finite.
        """
        require_windows(windows, self._card)
        embeddings = np.empty((len(windows), _DIM), dtype=np.float32)
        logits = np.empty((len(windows), len(self._taxa)), dtype=np.float32)
        for start in range(0, len(windows), _CHUNK):
            rows = slice(start, start + _CHUNK)
            logits[rows], embeddings[rows] = self._run(windows[rows])
        return EmbeddedBatch(embeddings, logits)


def _on_onnx_runtime(installed: InstalledModel, n_threads: int, key: str) -> Run:
    """Translate BirdNET or read what was translated before, and load it."""
    model = installed.path("network").read_bytes()
    recipe = f"{RECIPE}; weights {installed.sha256('network')}"
    constant = constants(model)

    def build_network() -> bytes:
        branch = read_branch(constant, SPECTROGRAMS[0])
        return network_graph(read_graph(model), branch.mel.shape[1], branch.n_frames)

    def build_spectrogram() -> bytes:
        return spectrogram_graph([read_branch(constant, name) for name in SPECTROGRAMS])

    def loaded(name: str, build: Callable[[], bytes]) -> OnnxNetwork:
        content = kept_model(installed.folder, name, recipe=recipe, build=build)
        return OnnxNetwork(content, n_threads=n_threads, name=f"the {name} of {key}")

    try:
        network, spectrogram = loaded("network", build_network), loaded("spectrogram", build_spectrogram)
        front_end = FrontEnd(
            constant,
            lambda frames, offset: spectrogram([SPECTROGRAM], frames0=frames[0], frames1=frames[1], offset=offset)[0],
        )
    except KeyError as error:
        raise ModelMissing(
            f"{installed.path('network')} has no tensor {error}", hint=f"run `rab models install {key}`"
        ) from error

    def run(windows: Floats) -> tuple[Floats, Floats]:
        spectrograms = np.concatenate([front_end(window) for window in windows])
        logits, embeddings = network([LOGITS, EMBEDDING], **{SPECTROGRAM: spectrograms})
        return logits, embeddings

    return run


def _on_litert(installed: InstalledModel, n_threads: int, key: str) -> Run:
    model = with_output(installed.path("network").read_bytes(), _EMBEDDING)
    network = LiteRTNetwork(model, n_threads=n_threads, name=key)
    (sound,), outputs = network.inputs, list(network.outputs)

    def run(windows: Floats) -> tuple[Floats, Floats]:
        logits, embeddings = zip(*(network(outputs, **{sound: window[np.newaxis]}) for window in windows), strict=True)
        return np.concatenate(logits), np.concatenate(embeddings)

    return run


def card(installed: InstalledModel) -> EmbedderCard:
    """Return BirdNET's card; no weights are loaded."""
    return EmbedderCard(
        name="birdnet",
        version="2.4",
        task="birds",
        sample_rate_hz=_SAMPLE_RATE_HZ,
        window_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        hop_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        dim=_DIM,
        n_classes=_N_CLASSES,
        weights_sha256=installed.sha256("network"),
        preprocessing="soxr very high quality to 48 kHz; no gain, no filter; a short last window ends in zeros",
        licence=installed.source.licence,
        licence_url=installed.source.licence_url,
        citation="Kahl S, Wood CM, Eibl M, Klinck H (2021) BirdNET: a deep learning solution for avian diversity "
        "monitoring. Ecological Informatics 61:101236",
        score_threshold=0.3,
    )
