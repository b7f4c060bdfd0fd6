"""From logits to raw scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rab.domain import Activation
from rab.embedders.scores import Logits, raw_scores

LOGITS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 4), st.integers(1, 6)),
    elements=st.floats(-200, 200, width=32, allow_subnormal=False),
)


@given(LOGITS, st.floats(0.5, 1.5, width=32))
def test_a_raw_score_is_the_sigmoid_of_its_steepened_logit(logits: Logits, sensitivity: float) -> None:
    """No logit overflows, and float64 arithmetic agrees."""
    expected = [[1 / (1 + math.exp(-sensitivity * float(logit))) for logit in row] for row in logits]

    raw = raw_scores(logits, sensitivity=sensitivity)

    np.testing.assert_allclose(raw, np.reshape(expected, logits.shape), rtol=5e-5, atol=1e-37)


@pytest.mark.parametrize("sensitivity", [0.5, 0.75, 1.0, 1.25, 1.5])
def test_birdnets_clipped_sigmoid_differs_below_any_floor(sensitivity: float) -> None:
    """BirdNET clips logits at ±15; that changes no score by more than 0.0006."""
    logits = np.linspace(-40, 40, 801, dtype=np.float32)[None]

    clipped = 1 / (1 + np.exp(-sensitivity * np.clip(logits, -15, 15)))

    np.testing.assert_allclose(raw_scores(logits, sensitivity=sensitivity), clipped, atol=0.0006, rtol=0)


@given(LOGITS, st.floats(0.5, 1.5))
def test_a_softmax_shares_one_and_knows_no_sensitivity(logits: Logits, sensitivity: float) -> None:
    """Each row adds up to 1 in float32, whatever the slope."""
    raw = raw_scores(logits, "softmax", sensitivity)

    np.testing.assert_allclose(raw.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(raw, raw_scores(logits, "softmax"))


def test_a_softmax_is_what_it_is_by_hand() -> None:
    """Logits of ln 1, ln 2 and ln 5 share 1 as 1:2:5, also far from zero."""
    logits = np.log([[1, 2, 5]], dtype=np.float32)

    np.testing.assert_allclose(raw_scores(logits + 80, "softmax"), [[0.125, 0.25, 0.625]], rtol=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_no_rows_give_no_scores(activation: Activation) -> None:
    """A batch without a window has float32 scores of its shape."""
    raw = raw_scores(np.zeros((0, 5), np.float32), activation)

    assert ((0, 5), np.dtype(np.float32)) == (raw.shape, raw.dtype)
