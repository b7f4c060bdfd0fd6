"""What a reranker is given and what it gives back.

It is handed the query, some hundred candidates with their vectors, and nothing else: no library, no index. So it costs
the same in a library of a million segments as in one of a thousand, and can be tested with arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.value import Value
from rab.errors import InputError
from rab.retrieval.one_core import on_one_core
from rab.retrieval.rerank.graph import CandidateGraph, Floats, candidate_graph

Proof = Literal["labels", "presumed relevance, no label"]
"""What stood for right where a way of reranking was measured: what labels say, or what a rule presumed by itself."""
PRESUMED: Proof = "presumed relevance, no label"


class RerankPolicy(Value):
    """How many candidates are put into another order, and how strongly plain k-reciprocal re-ranking weighs."""

    n_candidates: int = Field(default=128, ge=10, le=512)
    k: int = Field(default=10, ge=2)
    """Nearest neighbours that must be mutual."""
    cosine_weight: float = Field(default=0.5, ge=0, le=1)
    """λ of Zhong et al. (2017): the share of the cosine beside the Jaccard similarity of mutual neighbours."""


@dataclass(frozen=True, eq=False)
class RerankQuery:
    """The call in question. `vector` is float32 [dim] of unit length; `raw_scores` are taxon name → raw score."""

    vector: npt.NDArray[np.float32]
    recording_id: str
    channel: int | None
    t0_ms: float
    t1_ms: float
    snr_db: float | None
    raw_scores: Mapping[str, float]
    cluster_id: str | None = None


@dataclass(frozen=True, eq=False)
class RerankCandidate(RerankQuery):
    """A stored call near the query."""

    similarity: float = 0.0
    """Cosine to the query, as the store gave it."""


class Reranker(Protocol):
    """Says how relevant each candidate is. Pure and thread-safe."""

    @property
    def words(self) -> str:
        """What it is, for an Evidence Pack: `k-reciprocal agreement (k 10, cosine weight 0.5)`."""
        ...

    def relevance(self, graph: CandidateGraph) -> Floats:
        """Return float64 [n], one for each candidate, up is good; it compares within one query alone."""
        ...


class Reranking(NamedTuple):
    """Candidates in a new order. Their cosines stay what they were: evidence cites those."""

    order: tuple[int, ...]
    """Indices of the candidates, most relevant first; equally relevant ones stay in the order given."""
    relevance: tuple[float, ...]
    """Of each candidate, in the order given."""


@on_one_core()
def rerank(query: RerankQuery, candidates: Sequence[RerankCandidate], model: Reranker) -> Reranking:
    """Put candidates into the order of their relevance. Raises `InputError` for vectors of different length."""
    if not candidates:
        return Reranking((), ())
    dims = {len(one.vector) for one in [query, *candidates]}
    if len(dims) > 1:
        raise InputError(
            f"vectors of {', '.join(map(str, sorted(dims)))} dimensions cannot be compared",
            hint="rerank within one embedding space",
        )
    relevance = model.relevance(candidate_graph(query, candidates))
    order = np.argsort(-relevance, kind="stable")
    return Reranking(tuple(order.tolist()), tuple(relevance.tolist()))
