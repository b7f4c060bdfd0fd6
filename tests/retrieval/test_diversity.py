"""Maximal marginal relevance: near the query, unlike each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.errors import InputError
from rab.retrieval.diversity import diverse

TWINS = np.array([[1.0, 0.99, 0.1], [0.99, 1.0, 0.1], [0.1, 0.1, 1.0]])


def test_a_twin_waits_for_what_is_different() -> None:
    """Of two results that are nearly one, the second comes after a result that says something new."""
    assert [0, 2, 1] == diverse(np.array([0.9, 0.89, 0.6]), TWINS, 3, 0.5)


def test_similarity_alone_keeps_its_order() -> None:
    """With the whole weight on similarity the order is that of similarity, ties by index."""
    assert [1, 0, 2] == diverse(np.array([0.6, 0.9, 0.6]), TWINS, 3, 1.0)


@given(seed=st.integers(0, 2**32 - 1), m=st.integers(0, 12), n=st.integers(0, 15), trade_off=st.floats(0, 1))
def test_greedy_choice_is_the_definition(seed: int, m: int, n: int, trade_off: float) -> None:
    """Every choice is the best that was left, and none is taken twice."""
    drawn = np.random.default_rng(seed)
    relevance, between = drawn.uniform(-1, 1, m), drawn.uniform(-1, 1, (m, m))
    taken = diverse(relevance, between, n, trade_off)
    assert min(n, m) == len(set(taken)) == len(taken)
    for place, one in enumerate(taken[1:], start=1):
        gains = {
            other: trade_off * relevance[other] - (1 - trade_off) * between[other, taken[:place]].max()
            for other in range(m)
            if other not in taken[:place]
        }
        assert gains[one] == max(gains.values())


def test_what_cannot_be_meant_is_refused() -> None:
    """Shapes that do not fit and trade-offs outside 0–1 are errors of the caller."""
    with pytest.raises(InputError, match="do not fit"):
        diverse(np.zeros(2), TWINS, 2, 0.5)
    with pytest.raises(InputError, match="between 0 and 1"):
        diverse(np.zeros(3), TWINS, 2, 1.5)
