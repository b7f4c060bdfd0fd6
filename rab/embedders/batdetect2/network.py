"""BatDetect2's network: 3 s of ultrasound in, the calls in it out, each with a place among sounds and 17 opinions.

A window is the authors' chunk, since what is taken off each band is its mean over the chunk. Of a window that the sound
does not fill, `find` is told how much is sound; that is lengthened by the authors' rule, so a short file gives their
numbers, and 0.5 s costs a sixth of 3 s. `embed` is not told, and takes zeros at a window's end for none.

Chunks do not overlap. A call across their border is found in the chunk where the network sees it begin, or in both, in
halves, or in none, as with the authors' own code. A border comes every 3 s, a call lasts 2 to 60 ms. A call's end may
lie behind the window's, and its highest frequency above what the recorder could hear: whoever knows the recording's own
rate leaves those out, as the authors do.

On one thread 6.7 s take 0.67 s, theirs 2.03 s in the same run; of 245 calls above 0.3 in seven recordings all are the
same, times within 0.001 ms and probabilities within 2e-5.
"""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rab.domain import EmbeddedBatch, EmbedderCard, FoundCall, Taxon
from rab.embedders.batdetect2.checkpoint import read_checkpoint
from rab.embedders.batdetect2.graph import CLASSES, DETECTION, FEATURES, RECIPE, SIZES, build_graph
from rab.embedders.batdetect2.peaks import Calls, find_calls
from rab.embedders.batdetect2.species import N_CLASSES, taxa_of
from rab.embedders.batdetect2.spectrogram import SAMPLE_RATE_HZ, picture
from rab.embedders.onnx_runtime import OnnxNetwork, kept_model
from rab.embedders.weights import InstalledModel
from rab.embedders.windows import require_windows

_WINDOW_SAMPLES = 768_000
_DIM = 32
_OUTPUTS = (DETECTION, CLASSES, SIZES, FEATURES)


class BatDetect2:
    """BatDetect2 1.3.1 on ONNX Runtime, an `rab.embedders.base.CallFinder`.

    `embed` may be called from several threads at once; each call computes on `n_threads`. Calls whose detection score
    is above `detection_threshold` are kept. The embedding of a call is what the network's last layer but one holds at
    its start: 32 numbers, all positive. `n_threads` None takes one thread per core.

    Source: Mac Aodha et al. 2022, bioRxiv 10.1101/2022.12.14.520490; the package batdetect2 1.3.1.
    """

    def __init__(
        self, installed: InstalledModel, *, n_threads: int | None = None, detection_threshold: float = 0.3
    ) -> None:
        checkpoint = read_checkpoint(installed.path("network"))
        self._card = card(installed)
        self._taxa = taxa_of(checkpoint.params["class_names"])
        self._threshold = detection_threshold
        content = kept_model(
            installed.folder,
            self._card.key,
            recipe=f"{installed.sha256('network')} {RECIPE}",
            build=lambda: build_graph(checkpoint.tensors),
        )
        self._network = OnnxNetwork(content, n_threads=n_threads or os.cpu_count() or 1, name=self._card.key)

    @property
    def card(self) -> EmbedderCard:
        """What BatDetect2 is and wants."""
        return self._card

    @property
    def taxa(self) -> tuple[Taxon, ...]:
        """Its 17 species, in the order of the logits' columns."""
        return self._taxa

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Find calls in float32 [n, 768000] at 256 kHz, full scale ±1; n may be 0.

        Returns embeddings float32 [m, 32] and logits float32 [m, 17] of the m calls, by window and start. Raises
        `InputError` for another shape or for samples that are not finite.
        """
        require_windows(windows, self._card)
        return self.find(windows, [len(np.trim_zeros(window, "b")) for window in windows])

    def find(self, windows: npt.NDArray[np.float32], n_samples: Sequence[int]) -> EmbeddedBatch:
        """Find calls as `embed` does, in windows of which the first `n_samples` of each are sound, silence included."""
        require_windows(windows, self._card)
        embeddings, logits, calls = [np.zeros((0, _DIM), np.float32)], [np.zeros((0, N_CLASSES), np.float32)], []
        for index, (window, n) in enumerate(zip(windows, n_samples, strict=True)):
            sound = window[:n]
            if np.ptp(sound) if len(sound) else 0:
                found = self._found(sound)
                embeddings.append(found.features)
                logits.append(found.logits)
                calls += _named(index, found)
        return EmbeddedBatch(np.concatenate(embeddings), np.concatenate(logits), tuple(calls))

    def _found(self, sound: npt.NDArray[np.float32]) -> Calls:
        maps = self._network(_OUTPUTS, picture=picture(sound)[np.newaxis, np.newaxis])
        detection, classes, sizes, features = (one[0] for one in maps)
        end_ms = 1000 * len(sound) / SAMPLE_RATE_HZ
        return find_calls(detection, classes, sizes, features, threshold=self._threshold, end_ms=end_ms)


def card(installed: InstalledModel) -> EmbedderCard:
    """Return the card of installed weights, without loading them."""
    return EmbedderCard(
        name="batdetect2",
        version="1.3.1",
        task="bats",
        sample_rate_hz=SAMPLE_RATE_HZ,
        window_ms=1000 * _WINDOW_SAMPLES / SAMPLE_RATE_HZ,
        hop_ms=1000 * _WINDOW_SAMPLES / SAMPLE_RATE_HZ,
        dim=_DIM,
        n_classes=N_CLASSES,
        weights_sha256=installed.sha256("network"),
        preprocessing="polyphase to 256 kHz; no gain, no filter; zeros at a window's end cut off; magnitudes of 2 ms "
        "frames, 10 to 120 kHz, energy normalised per band, its mean over the window taken off",
        resampler="polyphase",
        licence=installed.source.licence,
        licence_url=installed.source.licence_url,
        citation="Mac Aodha O, Martínez Balvanera S, Damstra E, Cooke M, Eichinski P, Browning E, Barataud M, Boughey "
        "K, Coles R, Giacomini G, Mac Swiney G. MC, Obrist MK, Parsons S, Sattler T, Jones KE (2022) Towards a General "
        "Approach for Bat Echolocation Detection and Classification. bioRxiv 10.1101/2022.12.14.520490",
        min_source_rate_hz=192_000,
        score_threshold=0.3,
        activation="sigmoid",
        finds_calls=True,
    )


def _named(window: int, found: Calls) -> list[FoundCall]:
    columns = (found.t0_ms, found.t1_ms, found.low_hz, found.high_hz, found.detection_score)
    return [FoundCall(window, *values) for values in zip(*(one.tolist() for one in columns), strict=True)]
