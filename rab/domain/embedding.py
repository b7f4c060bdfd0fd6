"""EmbedderCard and EmbeddedBatch: who embedded a sound, and what came out.

Vectors compare only within one embedding space: one model, one version, one preprocessing. The card is stored beside
the vectors, so a collection knows what filled it, and vectors with another fingerprint are refused.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.ids import canonical_json, content_id
from rab.domain.value import Ms, Value


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


@dataclass(frozen=True, eq=False)
class EmbeddedBatch:
    """What one pass over n windows gives: embeddings float32 [n, dim] and logits float32 [n, n_classes]."""

    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        for array in (self.embeddings, self.logits):
            array.flags.writeable = False
