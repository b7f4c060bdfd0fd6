"""What speaks for a candidate: acoustic, mutual, named, and the quality of its signal.

Every feature is put on the scale of its own list (mean 0, standard deviation 1 over the candidates), because a weight
learned in one library must hold in another, where cosines lie elsewhere. Agreement of taxon scores is given three
times: as it is, and multiplied by two gates that say whether the classifier's names mean anything here: the query's
greatest raw score, and how well the candidates' names predict who sounds like whom among them. Inside BirdNET's
vocabulary names are the best feature there is, outside it the worst.
"""

import numpy as np

from rab.retrieval.rerank.graph import CandidateGraph, Floats, Matrix
from rab.retrieval.rerank.k_reciprocal import k_reciprocal

FEATURES = (
    "cosine",
    "centred_cosine",
    "k_reciprocal",
    "centred_k_reciprocal",
    "wide_k_reciprocal",
    "named_k_reciprocal",
    "score_agreement",
    "score_agreement_where_scores_are_high",
    "score_agreement_where_scores_predict_sound",
    "named_k_reciprocal_where_scores_are_high",
    "named_k_reciprocal_where_scores_predict_sound",
    "snr",
)
_NAMED_SHARE = 0.25
"""Weight of score agreement beside centred cosine in the graph of `named_k_reciprocal`."""
_N_PREDICTED = 60
"""Nearest candidates among which the second gate is measured."""


def features(graph: CandidateGraph) -> Floats:
    """Return float64 [n, features], columns as in `FEATURES`."""
    named = graph.centred + np.float32(_NAMED_SHARE) * graph.agreement
    agreement = _scaled(graph.agreement[0, 1:])
    named_mutual = _scaled(k_reciprocal(named, k=10, n_averaged=4))
    gates = (graph.best_score, max(0.0, prediction(graph)))
    columns = [
        _scaled(graph.similarity[0, 1:]),
        _scaled(graph.centred[0, 1:]),
        _scaled(k_reciprocal(graph.similarity, k=10)),
        _scaled(k_reciprocal(graph.centred, k=10, n_averaged=4)),
        _scaled(k_reciprocal(graph.centred, k=20, n_averaged=8)),
        named_mutual,
        agreement,
        *(gate * agreement for gate in gates),
        *(gate * named_mutual for gate in gates),
        _scaled(graph.snr_db[1:]),
    ]
    return np.stack(columns, axis=1)


def prediction(graph: CandidateGraph) -> float:
    """Return how well the candidates' score agreement predicts their acoustic similarity: a correlation, −1 to 1.

    Over pairs of the nearest candidates from different recordings; 0 where there are too few, or no scores.
    """
    near = slice(1, 1 + min(graph.n, _N_PREDICTED))
    apart = np.triu(~(graph.follows | graph.together)[near, near], k=1)
    agreement, acoustic = graph.agreement[near, near][apart], graph.centred[near, near][apart]
    if len(agreement) < 3 or agreement.std() < 1e-6 or acoustic.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(agreement, acoustic)[0, 1])


def _scaled(values: Floats | Matrix) -> Floats:
    values = values.astype(np.float64)
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6))
