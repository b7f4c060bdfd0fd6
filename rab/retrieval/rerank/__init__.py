"""Rerank: put the nearest calls into the order in which they bear witness. It classifies nothing."""

from rab.retrieval.rerank.base import RerankCandidate, Reranker, Reranking, RerankPolicy, RerankQuery, rerank
from rab.retrieval.rerank.graph import CandidateGraph, candidate_graph
from rab.retrieval.rerank.k_reciprocal import KReciprocal, k_reciprocal
from rab.retrieval.rerank.model import GraphReranker

__all__ = [
    "CandidateGraph",
    "GraphReranker",
    "KReciprocal",
    "RerankCandidate",
    "RerankPolicy",
    "RerankQuery",
    "Reranker",
    "Reranking",
    "candidate_graph",
    "k_reciprocal",
    "rerank",
]
