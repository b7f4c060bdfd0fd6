"""EmbedderCard and EmbeddedBatch: who embedded a sound, and what came out.

Vectors compare only within one embedding space: one model, one version, one preprocessing. The card is stored beside
the vectors, so a collection knows what filled it, and vectors with another fingerprint are refused.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.ids import canonical_json, content_id
from rab.domain.value import Ms, Value

Activation = Literal["sigmoid", "softmax"]
"""What makes raw scores of logits: each class by itself, or all classes sharing 1."""


_LEAST_FILLED = 2 / 3
"""Share of a window that must be sound for the end of a recording to be compared with others."""


class EmbedderCard(Value):
    """What a model is, what it wants to hear, and under which terms it may be used."""

    name: str
    version: str
    task: str
    """What it names, in words: `birds`, `bats`."""
    sample_rate_hz: int
    window_ms: Ms
    hop_ms: Ms
    dim: int
    n_classes: int
    weights_sha256: str
    preprocessing: str
    """All that is done to samples before the network sees them, in one line: resampler, gain, padding."""
    resampler: str = "soxr"
    """`soxr` (very high quality) or `polyphase`."""
    licence: str
    licence_url: str
    citation: str
    min_source_rate_hz: int = 0
    """Recordings with a lower sample rate are skipped with a reason."""
    score_threshold: float = Field(default=0.3, ge=0, le=1)
    """Raw score from which a class counts as detected."""
    activation: Activation = "sigmoid"
    finds_calls: bool = False
    """Whether its segments are the calls that it finds inside its windows, or the windows themselves."""

    @property
    def key(self) -> str:
        """Name and version, as users write it: `birdnet-v2.4`."""
        return f"{self.name}-v{self.version}"

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal characters over everything that decides what a vector means."""
        decides = {
            "name",
            "version",
            "sample_rate_hz",
            "window_ms",
            "dim",
            "weights_sha256",
            "preprocessing",
            "resampler",
        }
        others = set(type(self).model_fields) - decides
        return content_id(canonical_json(self, exclude=others))[:16]

    def is_remnant(self, t0_ms: float, t1_ms: float) -> bool:
        """Return whether a span is the end of a recording that fills less than two thirds of its window.

        The rest of the window is silence, and such ends resemble each other by that: of the ten windows nearest to one
        below 2 s, BirdNET V2.4 puts nine below 2 s, whatever they hold. A recording as short as a whole is none.
        """
        return not self.finds_calls and t0_ms > 0 and t1_ms - t0_ms < _LEAST_FILLED * self.window_ms

    @property
    def space(self) -> str:
        """Name of the embedding space, which is the name of its collection."""
        return f"{self.key}-{self.dim}-{self.fingerprint[:8]}"


class ModelCredit(Value):
    """Who made a model and under which terms: part of every output."""

    key: str
    licence: str
    licence_url: str
    citation: str
    weights_sha256: str

    @classmethod
    def of(cls, card: EmbedderCard) -> "ModelCredit":
        """Return the credit that a card asks for."""
        return cls(
            key=card.key,
            licence=card.licence,
            licence_url=card.licence_url,
            citation=card.citation,
            weights_sha256=card.weights_sha256,
        )


@dataclass(frozen=True)
class FoundCall:
    """A call inside a window: which window of the batch, from when to when (from the window's start), in which band.

    `detection_score`, 0–1, is how sure the model is that there is a call, whosever it is.
    """

    window: int
    t0_ms: float
    t1_ms: float
    low_hz: float
    high_hz: float
    detection_score: float


@dataclass(frozen=True, eq=False)
class EmbeddedBatch:
    """What one pass over n windows gives: embeddings float32 [m, dim] and logits float32 [m, n_classes].

    A model that hears windows as they are gives a row to each, m = n. One that finds calls in them (`card.finds_calls`)
    gives a row to each call, by window and then by time, and says in `calls` where each one is.
    """

    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    calls: tuple[FoundCall, ...] | None = None

    def __post_init__(self) -> None:
        if self.calls is not None and len(self.calls) != len(self.embeddings):
            raise ValueError(f"{len(self.calls)} calls cannot have {len(self.embeddings)} embeddings")
        for array in (self.embeddings, self.logits):
            array.flags.writeable = False
