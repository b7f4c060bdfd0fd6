"""BirdNET's network: 3 s of sound in, a place among sounds and 6,522 opinions out, in one pass.

The embedding is the global average pool before the classifier. Reading it beside the logits costs nothing once it is an
output of the model (see `rab.embedders.birdnet.flatbuffer`). Windows go through one by one: batches of 4 to 16 measured
the same 27 ms a window on one thread (25 on two), and one by one a vector does not depend on its company.
"""

import os

import numpy as np
import numpy.typing as npt

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon
from rab.embedders.birdnet.flatbuffer import with_output
from rab.embedders.birdnet.labels import read_labels
from rab.embedders.birdnet.runtime import Network
from rab.embedders.weights import InstalledModel
from rab.errors import InputError

_SAMPLE_RATE_HZ = 48_000
_WINDOW_SAMPLES = 144_000
_DIM = 1024
_EMBEDDING = "model/GLOBAL_AVG_POOL/Mean"


class BirdNET:
    """BirdNET V2.4 FP32 on LiteRT, an `rab.embedders.base.Embedder`.

    `n_threads` None takes one per core. Embeddings agree with those of the authors' own package within 1e-5.

    Source: Kahl, Wood, Eibl & Klinck 2021, Ecological Informatics 61:101236; BirdNET-Analyzer's model card for V2.4.
    """

    def __init__(self, installed: InstalledModel, *, n_threads: int | None = None) -> None:
        self._taxa = read_labels(installed.path("labels"))
        self._card = _card(installed, n_classes=len(self._taxa))
        model = with_output(installed.path("network").read_bytes(), _EMBEDDING)
        self._network = Network(model, n_threads=n_threads or os.cpu_count() or 1, name=self._card.key)

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
        if windows.ndim != 2 or windows.shape[1] != _WINDOW_SAMPLES:
            raise InputError(
                f"{self._card.key} hears windows of {_WINDOW_SAMPLES} samples, not an array of {windows.shape}",
                hint="cut them with rab.segments.windows and the model's card",
            )
        if not np.isfinite(windows).all():
            raise InputError("a window holds samples that are not finite", hint="leave that stretch of sound out")
        embeddings = np.empty((len(windows), _DIM), dtype=np.float32)
        logits = np.empty((len(windows), len(self._taxa)), dtype=np.float32)
        for row, window in enumerate(windows):
            logits[row], embeddings[row] = self._network(window[np.newaxis])
        return EmbeddedBatch(embeddings, logits)


def _card(installed: InstalledModel, *, n_classes: int) -> EmbedderCard:
    return EmbedderCard(
        name="birdnet",
        version="2.4",
        task="birds",
        sample_rate_hz=_SAMPLE_RATE_HZ,
        window_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        hop_ms=1000 * _WINDOW_SAMPLES / _SAMPLE_RATE_HZ,
        dim=_DIM,
        n_classes=n_classes,
        weights_sha256=installed.sha256("network"),
        preprocessing="soxr very high quality to 48 kHz; no gain, no filter; a short last window ends in zeros",
        licence=installed.source.licence,
        licence_url=installed.source.licence_url,
        citation="Kahl S, Wood CM, Eibl M, Klinck H (2021) BirdNET: a deep learning solution for avian diversity "
        "monitoring. Ecological Informatics 61:101236",
        score_threshold=0.3,
    )
