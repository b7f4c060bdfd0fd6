"""Perch 2.0: 5 s of sound in, a place among sounds and 14,795 opinions out, in one pass.

The published network has four outputs; only the embedding and the labels are asked for, so the 16 × 4 spatial
embedding and the spectrogram are never copied out. A network without its classifier gives embeddings alone. It runs on
ONNX Runtime, or from a `.tflite` file on LiteRT. The real weights, 409 MB, have not been run in RAB's tests: those use
small networks of the same inputs, outputs and shapes.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon
from rab.embedders.perch.labels import N_CLASSES, read_labels
from rab.embedders.perch.preprocessing import normalised
from rab.embedders.weights import InstalledModel
from rab.embedders.windows import require_windows
from rab.errors import ModelMissing

_SAMPLE_RATE_HZ = 32_000
_WINDOW_SAMPLES = 160_000
_DIM = 1536


class Perch:
    """Perch 2.0, an `rab.embedders.base.Embedder`.

    `n_threads` None takes one per core. Windows go through one by one, so that a vector does not depend on its company
    and memory does not grow with the batch.

    Source: van Merriënboer et al. 2025, arXiv:2508.04665; the model card of `google/bird-vocalization-classifier`.
    """

    def __init__(self, installed: InstalledModel, *, n_threads: int | None = None) -> None:
        self._card = card(installed)
        self._taxa: tuple[Taxon, ...] = ()
        self._ebird_codes: tuple[str | None, ...] = ()
        if self._card.n_classes:
            self._taxa, self._ebird_codes = read_labels(installed.path("labels"), installed.path("ebird"))
        self._network = _load(installed, n_threads or os.cpu_count() or 1)
        self._input = _named(self._network.inputs, "inputs", _WINDOW_SAMPLES, self._card.key)
        self._wanted = [_named(self._network.outputs, "embedding", _DIM, self._card.key)]
        if self._taxa:
            self._wanted.append(_named(self._network.outputs, "label", N_CLASSES, self._card.key))

    @property
    def card(self) -> EmbedderCard:
        """What Perch is and wants."""
        return self._card

    @property
    def taxa(self) -> tuple[Taxon, ...]:
        """Its 14,795 classes, in the order of the logits' columns; none without a classifier."""
        return self._taxa

    @property
    def ebird_codes(self) -> tuple[str | None, ...]:
        """The eBird code of each class, None for what is no bird."""
        return self._ebird_codes

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Embed float32 [n, 160000] at 32 kHz, full scale ±1; n may be 0.

        Returns embeddings float32 [n, 1536] and logits float32 [n, 14795], or [n, 0] without a classifier. Raises
        `InputError` for another shape or for samples that are not finite.
        """
        require_windows(windows, self._card)
        embeddings = np.empty((len(windows), _DIM), dtype=np.float32)
        logits = np.empty((len(windows), self._card.n_classes), dtype=np.float32)
        for row in range(len(windows)):
            values = self._network(self._wanted, **{self._input: normalised(windows[row : row + 1])})
            embeddings[row] = values[0][0]
            if self._taxa:
                logits[row] = values[1][0]
        return EmbeddedBatch(embeddings, logits)


def card(installed: InstalledModel) -> EmbedderCard:
    """Return the card of installed weights, without loading them.

    Its threshold lets at most three classes of a window count, since all share 1. It is no calibration.
    """
    return EmbedderCard(
        name="perch",
        version=installed.source.key.removeprefix("perch-v"),
        task="birds and other animals",
        sample_rate_hz=_SAMPLE_RATE_HZ,
        window_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        hop_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        dim=_DIM,
        n_classes=N_CLASSES if "labels" in installed.source.files else 0,
        weights_sha256=installed.sha256("network"),
        preprocessing="polyphase to 32 kHz; mean of each window removed, its peak scaled to 0.25, silence left silent; "
        "a short last window ends in zeros",
        resampler="polyphase",
        licence=installed.source.licence,
        licence_url=installed.source.licence_url,
        citation="van Merriënboer B et al. (2025) Perch 2.0: The Bittern Lesson for Bioacoustics. arXiv:2508.04665",
        score_threshold=0.3,
        activation="softmax",
    )


class _Network(Protocol):
    @property
    def inputs(self) -> Mapping[str, Sequence[Any]]: ...

    @property
    def outputs(self) -> Mapping[str, Sequence[Any]]: ...

    def __call__(
        self, outputs: Sequence[str], /, **inputs: npt.NDArray[np.float32]
    ) -> list[npt.NDArray[np.float32]]: ...


def _load(installed: InstalledModel, n_threads: int) -> _Network:
    path, key = installed.path("network"), installed.source.key
    if path.suffix == ".tflite":
        from rab.embedders.litert import LiteRTNetwork

        return LiteRTNetwork(path, n_threads=n_threads, name=key)
    from rab.embedders.onnx_runtime import OnnxNetwork

    return OnnxNetwork(path, n_threads=n_threads, name=key)


def _named(tensors: Mapping[str, Sequence[Any]], name: str, size: int, key: str) -> str:
    """Return the tensor of that name, or where converters renamed it, the only one of [batch, size].

    Raises `ModelMissing` where the network is none of Perch's.
    """
    fitting = [one for one, shape in tensors.items() if len(shape) == 2 and shape[1] == size]
    if name in fitting:
        return name
    if len(fitting) != 1:
        shapes = ", ".join(f"{one} {list(shape)}" for one, shape in tensors.items())
        raise ModelMissing(
            f"the network of {key} has no `{name}` of [batch, {size}], but {shapes}",
            hint=f"run `rab models verify {key}`, and see that the file is a Perch 2.0 network",
        )
    return fitting[0]
