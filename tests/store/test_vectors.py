"""What every store does alike: unit vectors, one order of hits."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rab.store.base import Hit
from rab.store.vectors import nearest, ranked, unit_rows

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)


@given(hnp.arrays(np.float32, (3, 5), elements=FINITE).filter(lambda rows: bool(rows.any(axis=1).all())))
def test_rows_become_unit_vectors_of_the_same_direction(rows: np.ndarray) -> None:
    """Whatever their lengths, from 1e-45 to 1e30, rows come back with length 1 along themselves."""
    units = unit_rows(rows, 3, 5).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, atol=1e-6)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    np.testing.assert_allclose((units * rows).sum(axis=1), lengths, rtol=1e-6)


def test_hits_are_ranked_to_six_decimals() -> None:
    """What float32 cannot tell apart is a tie, and ties go by segment id; nothing exceeds 1."""
    found = [("b", 0.50000001), ("a", 0.49999999), ("d", 1.0000001), ("c", 0.7)]
    assert [Hit("d", 1.0), Hit("c", 0.7), Hit("a", 0.5), Hit("b", 0.5)] == ranked(found)


@given(
    levels=st.lists(st.integers(0, 3), max_size=200),
    k=st.integers(1, 40),
    order=st.randoms(use_true_random=False),
)
def test_an_engine_that_breaks_ties_at_random_gives_the_right_k(levels: list[int], k: int, order: Random) -> None:
    """Whichever of the tied hits an engine cuts off, the k best by similarity and segment id are found."""
    hits = [(f"{n:03d}", level / 3) for n, level in enumerate(levels)]

    def propose(limit: int) -> list[Hit]:
        shuffled = order.sample(hits, len(hits))
        return ranked(sorted(shuffled, key=lambda hit: -hit[1])[:limit])

    assert ranked(hits)[:k] == nearest(propose, k)
