"""Whether a reranker helps calls that it was not trained on: before and after, with groups left out.

Each query is ranked by a model that saw no query of its group, and measured beside cosine and plain k-reciprocal
re-ranking on the same candidates.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from rab.domain.value import Value
from rab.errors import InputError
from rab.retrieval.rerank.graph import Floats
from rab.retrieval.rerank.measures import Interval, clustered_interval, measure_ranking
from rab.retrieval.rerank.model import Source, relevance_of
from rab.retrieval.rerank.train import Example, train

N_FOLDS = 5
MIN_GROUPS = 4
"""With fewer, an interval over groups says nothing."""


class MethodQuality(Value):
    """What a way of ranking is worth on held-out queries, and how much more than cosine, paired by query."""

    method: str
    mean_average_precision: Interval
    """At 10."""
    gain_over_cosine: Interval


def held_out(examples: Sequence[Example], source: Source, today: date, *, seed: int) -> tuple[MethodQuality, ...]:
    """Measure `cosine`, `k_reciprocal` and `learned` on examples, each learned from other groups.

    Raises `InputError` where there are too few groups, or nothing to learn from in one part of them.
    """
    teaching = [one for one in examples if one.teaches]
    n_groups = len({one.group for one in teaching})
    if n_groups < MIN_GROUPS:
        raise InputError(
            f"{n_groups} recording(s) hold calls to learn from, and a reranker is proven on {MIN_GROUPS} or more",
            hint="label segments of more recordings, or ingest more of them",
        )
    relevance = {
        "cosine": [one.cosine for one in teaching],
        "k_reciprocal": [one.plain for one in teaching],
        "learned": left_out(teaching, source, today, seed=seed),
    }
    precision = {
        method: np.array([_average_precision(one, values) for one, values in zip(teaching, found, strict=True)])
        for method, found in relevance.items()
    }
    groups = [one.group for one in teaching]
    return tuple(
        MethodQuality(
            method=method,
            mean_average_precision=clustered_interval(values, groups, seed=seed),
            gain_over_cosine=clustered_interval(values - precision["cosine"], groups, seed=seed),
        )
        for method, values in precision.items()
    )


def left_out(examples: Sequence[Example], source: Source, today: date, *, seed: int) -> list[Floats]:
    """Return the relevance of each example's candidates, by a model trained without the example's group."""
    groups = sorted({one.group for one in examples})
    shuffled = np.random.default_rng(seed).permutation(len(groups)).tolist()
    fold = {group: place % N_FOLDS for group, place in zip(groups, shuffled, strict=True)}
    models = {
        part: train([one for one in examples if fold[one.group] != part], source, today).parameters
        for part in sorted(set(fold.values()))
    }
    return [relevance_of(models[fold[one.group]], one.columns, one.ties) for one in examples]


def _average_precision(one: Example, relevance: Floats) -> float:
    """Measure the candidates of which it is known whether they are relevant."""
    order = np.argsort(-relevance, kind="stable")
    known = order[one.known[order]]
    return measure_ranking(one.relevant[known], one.n_relevant).average_precision
