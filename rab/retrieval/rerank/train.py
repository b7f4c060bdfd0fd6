"""Training: from labels where there are some, from sequence where there are none.

Labels say which candidates name the same taxon as the query. Without labels, two segments of one bout are two views of
one caller: what the second view finds in other recordings, by mutual agreement, is presumed relevant to the first, and
what it finds last is presumed not to be. The obvious other way, to take segments of the same bout as relevant and those
of other recordings as not, teaches to recognise the recorder: with groups left out it fell from .708 (cosine) to .605
on one set and from .603 to .429 on another, where two views reach .796 and .698. What is presumed is
no proof: measured on it, a reranker is measured on the rule that taught it.

The loss is logistic, each query weighing the same and its relevant candidates as much as the others together. The
weights are held to the prior by a square penalty, so few examples change little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.errors import InputError
from rab.retrieval.rerank.attention import Ties, listen, ties
from rab.retrieval.rerank.features import FEATURES, features
from rab.retrieval.rerank.graph import CandidateGraph, Floats
from rab.retrieval.rerank.k_reciprocal import KReciprocal, k_reciprocal
from rab.retrieval.rerank.model import GraphReranker, Source

Masks = npt.NDArray[np.bool_]

PENALTY = 0.01
"""Between 0.003 and 0.03 no set of size changed by more than 0.01."""
_N_RELEVANT, _N_DOUBTFUL = 8, 30
"""Of the second view's ranking: the first are presumed relevant, those between are left out of the loss."""
_MAX_ITERATIONS = 80


@dataclass(frozen=True, eq=False)
class Example:
    """A query's candidates, and which of them are relevant. `known` are those of which that can be said; both [n]."""

    columns: Floats
    ties: Ties
    cosine: Floats
    plain: Floats
    """Relevance by plain k-reciprocal re-ranking, the bar; both [n]."""
    relevant: Masks
    known: Masks
    n_relevant: int
    """In the whole library, candidates or not."""
    group: str
    """What may not stand on both sides of a split: the query's recording, recordist or station."""

    @property
    def teaches(self) -> bool:
        """Whether it holds both kinds of candidate."""
        return bool((self.relevant & self.known).any() and (~self.relevant & self.known).any())


class Presumed(NamedTuple):
    """What the second view of a caller presumes of each candidate; both [n]."""

    relevant: Masks
    known: Masks


def example(graph: CandidateGraph, relevant: Masks, known: Masks, *, n_relevant: int, group: str) -> Example:
    """Return an example of one query."""
    return Example(
        columns=features(graph),
        ties=ties(graph),
        cosine=graph.similarity[0, 1:].astype(np.float64),
        plain=KReciprocal().relevance(graph),
        relevant=relevant,
        known=known,
        n_relevant=n_relevant,
        group=group,
    )


def presumed_relevant(second_view: CandidateGraph) -> Presumed:
    """Return what the graph of the same candidates around the query's fellow in sequence presumes of them."""
    agreement = k_reciprocal(second_view.centred, k=10, n_averaged=4) + 1e-3 * second_view.centred[0, 1:]
    rank = np.argsort(np.argsort(-agreement, kind="stable"), kind="stable")
    return Presumed(rank < _N_RELEVANT, (rank < _N_RELEVANT) | (rank >= _N_DOUBTFUL))


def train(examples: Sequence[Example], source: Source, today: date) -> GraphReranker:
    """Fit the weights. Raises `InputError` where no example holds both kinds of candidate."""
    from scipy.optimize import minimize

    teaching = [one for one in examples if one.teaches]
    if not teaching:
        raise InputError(
            "there is nothing to learn a reranker from: no call has both a relevant and another candidate",
            hint="label more segments with `rab label`, of several taxa in several recordings",
        )
    prior = GraphReranker().parameters

    def objective(parameters: Floats) -> tuple[float, Floats]:
        away = parameters - prior
        loss, gradient = 0.5 * PENALTY * float(away @ away), PENALTY * away
        for one in teaching:
            own_loss, own_gradient = loss_of(parameters, one)
            loss += own_loss / len(teaching)
            gradient += own_gradient / len(teaching)
        return loss, gradient

    found = minimize(objective, prior, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_ITERATIONS})
    learned = GraphReranker(source=source, n_segments=len(teaching), trained_on=today)
    return learned.with_parameters(np.asarray(found.x, dtype=np.float64))


def loss_of(parameters: Floats, one: Example) -> tuple[float, Floats]:
    """Return an example's loss and its gradient [parameters]."""
    n_features = len(FEATURES)
    step = float(parameters[-1])
    own = one.columns @ parameters[:n_features]
    heard = listen(own, one.ties, parameters[n_features:-1], step)
    wanted, others = one.relevant & one.known, ~one.relevant & one.known
    weight = wanted * (0.5 / max(1, wanted.sum())) + others * (0.5 / max(1, others.sum()))
    sign = np.where(one.relevant, 1.0, -1.0)
    margin = sign * heard.relevance
    loss = float((weight * np.logaddexp(0.0, -margin)).sum())
    slope = -weight * sign / (1 + np.exp(np.clip(margin, -500, 500)))
    if one.ties.fellows.shape[1] == 0:
        return loss, np.concatenate([one.columns.T @ slope, np.zeros(len(parameters) - n_features)])
    message = (heard.attention * heard.told).sum(axis=1)
    passed = step * slope[:, None] * heard.attention
    own_slope = (1 - step) * slope
    own_slope += np.bincount(one.ties.fellows.ravel(), passed.ravel(), minlength=len(own))
    urgency_slope = passed * (heard.told - message[:, None])
    of_ties = urgency_slope.ravel() @ one.ties.columns.reshape(-1, one.ties.columns.shape[2])
    return loss, np.concatenate([one.columns.T @ own_slope, of_ties, [slope @ (message - own)]])
