"""Which calls are listened to first: the undecided ones, in turns of clusters."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.retrieval.active import frequent_first, in_turns, score_margin, similarity_margins


def unit(*degrees: float) -> npt.NDArray[np.float32]:
    """Return unit vectors in the plane, at these angles."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_margin_is_to_the_nearest_decision() -> None:
    """Half way between two names nothing is decided; beside one, only the threshold is near; far out, nothing is."""
    margins = similarity_margins(unit(45, 0, 180), unit(0, 90), ["a", "b"], near_similarity=0.7)
    np.testing.assert_allclose([0.0, 0.3, 0.7], margins, atol=1e-6)


def test_one_name_is_decided_by_the_threshold_alone() -> None:
    """Of several calls of a name the nearest counts."""
    margins = similarity_margins(unit(0, 45.573), unit(0, 180), ["a", "a"], near_similarity=0.7)
    np.testing.assert_allclose([0.3, 0.0], margins, atol=1e-4)


@pytest.mark.parametrize(("scores", "margin"), [([0.9, 0.1], 0.6), ([0.31], 0.01), ([0.8, 0.75], 0.05), ([], 0.0)])
def test_without_labels_raw_scores_decide(scores: list[float], margin: float) -> None:
    """The distance to the candidate score, or to the second class."""
    assert margin == pytest.approx(score_margin(scores, 0.3))


def test_clusters_take_turns() -> None:
    """The least decided of each cluster first, then the second of each."""
    assert [1, 3, 0, 4, 2] == in_turns([0.3, 0.1, 0.4, 0.2, 0.5], ["a", "a", "a", "b", "b"])


def test_the_largest_cluster_is_first() -> None:
    """Calls of one cluster stay in their order; those of none come last."""
    assert [1, 3, 4, 0, 2] == frequent_first([None, "b", None, "b", "a"])
    assert [] == frequent_first([])


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([None, "a", "b", "c"])), max_size=30))
def test_orders_lose_nobody(calls: list[tuple[float, str | None]]) -> None:
    """Every call stands in every order once, and no cluster waits while another has had two turns more."""
    margins, groups = [one for one, _ in calls], [group for _, group in calls]
    turns = in_turns(margins, groups)
    assert list(range(len(calls))) == sorted(turns) == sorted(frequent_first(groups))
    first = turns[: len(set(groups))]
    assert set(groups) == {groups[place] for place in first}
