"""The learned reranker: a weighted sum of features, and one round of messages between the candidates.

Eighteen numbers, each with a name, kept as JSON. They begin at a prior that is set by hand and is a good reranker
itself (`GraphReranker()`): training moves them only as far as the examples ask.
"""

from datetime import date
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rab.domain.value import Value
from rab.retrieval.rerank.attention import TIES, Ties, listen, ties
from rab.retrieval.rerank.base import PRESUMED
from rab.retrieval.rerank.features import FEATURES, features
from rab.retrieval.rerank.graph import CandidateGraph, Floats

PRIOR_FEATURES = {
    "cosine": 0.5,
    "centred_k_reciprocal": 1.0,
    "score_agreement_where_scores_are_high": 0.8,
    "named_k_reciprocal_where_scores_are_high": 0.5,
}
"""Weights before any training; what is not named weighs nothing. Set by hand: acoustic agreement first, names where the
classifier is sure of them."""
PRIOR_TIES = {"similarity": 1.0}
PRIOR_STEP = 0.5

Source = Literal["labels", "sequence", "prior"]


class GraphReranker(Value):
    """Feature weights, attention weights and the step of the messages, with what they were learned from."""

    feature_weights: dict[str, float] = Field(default_factory=lambda: dict(PRIOR_FEATURES))
    attention_weights: dict[str, float] = Field(default_factory=lambda: dict(PRIOR_TIES))
    step: float = PRIOR_STEP
    source: Source = "prior"
    n_segments: int = 0
    """Queries that it was trained on."""
    trained_on: date | None = None
    version: int | None = None
    """Its number in the library that keeps it."""

    @model_validator(mode="after")
    def _names_known(self) -> Self:
        for given, known in ((self.feature_weights, FEATURES), (self.attention_weights, TIES)):
            if unknown := set(given) - set(known):
                raise ValueError(f"no such weight: {', '.join(sorted(unknown))}")
        return self

    @property
    def words(self) -> str:
        """What it is, for an Evidence Pack."""
        kind = "k-reciprocal agreement, sequence and taxon scores, one round of attention"
        if self.source == "prior" or self.trained_on is None:
            return f"reranker, untrained ({kind})"
        name = "reranker" if self.version is None else f"reranker v{self.version}"
        material = "labelled segments" if self.source == "labels" else f"segments in sequence: {PRESUMED}"
        return f"{name} (trained {self.trained_on.isoformat()} on {self.n_segments} {material}; {kind})"

    def relevance(self, graph: CandidateGraph) -> Floats:
        """Return float64 [n]."""
        return relevance_of(self.parameters, features(graph), ties(graph))

    @property
    def parameters(self) -> Floats:
        """All weights in one row: features, ties, step."""
        of_features = [self.feature_weights.get(name, 0.0) for name in FEATURES]
        of_ties = [self.attention_weights.get(name, 0.0) for name in TIES]
        return np.array([*of_features, *of_ties, self.step], dtype=np.float64)

    def with_parameters(self, parameters: Floats) -> Self:
        """Return the same with other weights, to four decimals."""
        rounded = [round(float(value), 4) for value in parameters]
        return self.model_copy(
            update={
                "feature_weights": dict(zip(FEATURES, rounded, strict=False)),
                "attention_weights": dict(zip(TIES, rounded[len(FEATURES) :], strict=False)),
                "step": rounded[-1],
            }
        )


def relevance_of(parameters: Floats, columns: Floats, ties: Ties) -> Floats:
    """Return float64 [n] from features [n, features] and ties, with the weights in one row."""
    of_features, of_ties = parameters[: len(FEATURES)], parameters[len(FEATURES) : -1]
    return listen(columns @ of_features, ties, of_ties, float(parameters[-1])).relevance
