"""Probe: a small linear classifier on embeddings, taught by the labels of one library, and how far it can be trusted.

A classifier that names 6,500 birds of the world does not know the local call types, the habitats or the individuals of
a study. A probe learns those from a few examples: a weight for every dimension of the embedding and class. It is data,
not code: its weights are JSON, and anyone can compute its scores with one matrix product.

A probe knows its own classes alone, and would name rain as one of them. So it also keeps where its examples lie, and
says of a sound far from all of them that it is unlike anything it was taught.
"""

import base64
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from rab.domain.taxon import TaxonScore
from rab.domain.value import Fraction, Instant, Ratio, Similarity, Value

ProbeKind = Literal["species", "call-type", "habitat", "individual", "sensor"]
"""What a probe tells apart. `sensor` is a check of the embedding: a probe that tells recorders apart is bad news."""

HeldOut = Literal["site", "recording", "group", "segment"]
"""What stood wholly on one side of every split. `segment` flatters: clips of one recording resemble each other."""


class ShotAccuracy(Value):
    """Held-out balanced accuracy with a given number of examples of each class, over repeated random draws."""

    n_per_class: int
    n_draws: int
    balanced_accuracy: Fraction
    low: Fraction
    """5 % of the draws are worse."""
    high: Fraction
    """5 % of the draws are better."""


class ProbeMetrics(Value):
    """How a probe did on examples that it was not taught with."""

    held_out: HeldOut
    n_examples: int
    n_groups: int
    n_folds: int
    balanced_accuracy: Fraction
    """Mean over the classes of the share of their examples that were named rightly."""
    low: Fraction
    """Lower end of the 95 % interval: groups drawn again with replacement."""
    high: Fraction
    chance: Fraction
    """Balanced accuracy of a guess: 1 / number of classes."""
    recalls: tuple[Fraction, ...]
    """Share of each class's examples that were named rightly, in the order of the classes."""
    log_loss: Ratio
    """Mean negative natural logarithm of the right class's probability, calibrated where that was possible."""
    calibration_error: Fraction | None = None
    """Expected calibration error over ten bins, each fold's temperature taken from the others; None uncalibrated."""

    @property
    def beats_chance(self) -> bool:
        """Whether the whole interval lies above a guess."""
        return self.low > self.chance


class Probe(Value):
    """A trained linear probe: softmax over `classes` of weights · unit vector + biases."""

    name: str
    kind: ProbeKind
    space: str
    """`EmbedderCard.space`; vectors of another one have no meaning here."""
    classes: tuple[str, ...] = Field(min_length=2)
    n_per_class: tuple[int, ...]
    dim: int
    weights: str
    """float32 [n_classes, dim], little-endian, row by row, in base64."""
    biases: str
    """float32 [n_classes], likewise."""
    centres: str
    """float32 [n_classes, dim]: unit mean vector of each class's examples."""
    familiar_similarity: Similarity
    """Cosine to the nearest centre below which a sound is unlike anything that was taught."""
    inverse_regularisation: float
    """C of the logistic regression."""
    temperature: float | None = Field(default=None, gt=0)
    """What logits are divided by so that their softmax is calibrated; None where too little was held out."""
    metrics: ProbeMetrics | None = None
    """None where nothing could be held out."""
    curve: tuple[ShotAccuracy, ...] = ()
    caveats: tuple[str, ...] = ()
    taught_with: str
    """Which segments and labels, in words."""
    sklearn_version: str
    trained_at: Instant

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        n = len(self.classes)
        sizes = {name: len(base64.b64decode(getattr(self, name))) for name in ("weights", "biases", "centres")}
        if sizes != {"weights": 4 * n * self.dim, "biases": 4 * n, "centres": 4 * n * self.dim}:
            raise ValueError(f"the weights are not those of {n} classes in {self.dim} dimensions")
        if len(self.n_per_class) != n:
            raise ValueError(f"{len(self.n_per_class)} counts stand beside {n} classes")
        return self

    def array(self, name: Literal["weights", "biases", "centres"]) -> npt.NDArray[np.float32]:
        """Return weights or centres float32 [n_classes, dim], or biases float32 [n_classes]."""
        flat = np.frombuffer(base64.b64decode(getattr(self, name)), dtype="<f4").astype(np.float32)
        return flat if name == "biases" else flat.reshape(len(self.classes), self.dim)


class ProbeScore(Value):
    """What a probe gave one of its classes on one segment."""

    score: TaxonScore
    """The class as a taxon, the softmax of the bare logits as its raw score, the probe's name as its model."""
    probability: Fraction | None = None
    """Calibrated, among the probe's classes and with all of them equally likely; None leaves a raw score."""
    is_familiar: bool
    """Whether the sound lies near what the probe was taught; where it does not, no class may be right."""


def packed(array: npt.NDArray[np.floating]) -> str:
    """Return an array as base64 of little-endian float32, row by row."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode("ascii")
