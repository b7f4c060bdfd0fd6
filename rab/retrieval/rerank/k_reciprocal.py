"""k-reciprocal re-ranking: two calls belong together when each is among the other's nearest, and so are their friends.

After Zhong, Zheng, Cao & Li (2017), "Re-ranking person re-identification with k-reciprocal encoding", CVPR: a call is
described by its mutual neighbours, widened by the mutual neighbours of those, and two calls are compared by the Jaccard
similarity of these descriptions. With k 10 and half the weight left to the cosine it lifts mean average precision on
every labelled set measured, without any training: it is the bar for what is learned.
"""

import numpy as np
import numpy.typing as npt

from rab.retrieval.rerank.base import PRESUMED, Proof, RerankPolicy
from rab.retrieval.rerank.graph import CandidateGraph, Floats, Matrix, nearest_first


class KReciprocal(RerankPolicy):
    """The untrained reranker: λ · cosine + (1 − λ) · Jaccard similarity of the mutual neighbours."""

    proof: Proof | None = None
    """What it was chosen by, where it was measured in a library."""

    @property
    def words(self) -> str:
        """What it is, for an Evidence Pack."""
        chosen = f", chosen by {PRESUMED}" if self.proof == PRESUMED else ""
        return f"k-reciprocal agreement (k {self.k}, cosine weight {self.cosine_weight:g}), untrained{chosen}"

    def relevance(self, graph: CandidateGraph) -> Floats:
        """Return float64 [n]."""
        mutual = k_reciprocal(graph.similarity, k=self.k)
        return self.cosine_weight * graph.similarity[0, 1:] + (1 - self.cosine_weight) * mutual


def k_reciprocal(similarity: Matrix, *, k: int, n_averaged: int = 1) -> Floats:
    """Return float64 [n]: the Jaccard similarity of node 0's description and each other node's.

    `similarity` is [n + 1, n + 1]. With `n_averaged` above 1 a node's description is the mean of those of its nearest,
    itself among them (local query expansion, k₂ in the paper).
    """
    itself = np.eye(len(similarity), dtype=similarity.dtype)
    nearest = nearest_first(similarity + 4 * itself, max(k + 1, n_averaged))
    mutual = _mutual(nearest[:, : k + 1])
    closer = _mutual(nearest[:, : k // 2 + 1])
    widening = mutual * ((mutual @ closer.T) >= 2 / 3 * closer.sum(axis=1))
    friends = (mutual + widening @ closer) > 0
    described = np.where(friends, np.exp(2 * similarity - 2), 0)
    described /= described.sum(axis=1, keepdims=True)
    if n_averaged > 1:
        described = described[nearest[:, :n_averaged]].mean(axis=1)
    held = described[0] > 0
    overlap = np.minimum(described[0, held], described[:, held]).sum(axis=1, dtype=np.float64)
    return np.asarray((overlap / (2 - overlap))[1:])


def _mutual(nearest: npt.NDArray[np.intp]) -> Matrix:
    """Return which pairs are in each other's rows of `nearest` [m, k]: 1 or 0."""
    known = np.zeros((len(nearest), len(nearest)), dtype=np.float32)
    np.put_along_axis(known, nearest, 1.0, axis=1)
    return np.asarray(known * known.T)
