"""A map keeps what belongs together, says how well it does, and can be drawn again."""

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.errors import InputError, Unavailable
from rab.retrieval.structure import (
    MapPolicy,
    Reduction,
    choose_landmarks,
    lay_out,
    nearest_edges,
    preservation,
)

Points = npt.NDArray[np.float32]


def _groups(n_groups: int, n_each: int, *, spread: float = 0.05, dim: int = 32, seed: int = 0) -> Points:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(n_groups, 1, dim))
    points = (centres + spread * random.normal(size=(n_groups, n_each, dim))).reshape(-1, dim)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


def test_groups_stay_together_on_the_map() -> None:
    """The nearest point on the map is of the same group, for points that were laid out and for those placed between."""
    unit = _groups(5, 60)
    reduced = Reduction.fit(unit, 10).apply(unit)
    layout = lay_out(reduced, MapPolicy(n_landmarks=100, perplexity=15))
    assert 100 >= len(layout.landmarks) > 80
    apart = np.linalg.norm(layout.xy[:, None] - layout.xy[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    group = np.arange(300) // 60
    assert np.mean(group[apart.argmin(axis=1)] == group) > 0.98
    kept = preservation(unit, layout.xy, 10)
    assert kept.trustworthiness > 0.9
    assert kept.continuity > 0.9


def test_the_same_seed_draws_the_same_map() -> None:
    """A map is repeatable from its seed, and the seed and method stand in its words."""
    reduced = Reduction.fit(_groups(3, 30), 8).apply(_groups(3, 30))
    policy = MapPolicy(n_landmarks=50, seed=7)
    first, second = lay_out(reduced, policy), lay_out(reduced, policy)
    np.testing.assert_array_equal(first.xy, second.xy)
    assert "t-SNE" in first.method
    assert "landmarks by k-means++" in first.method
    assert "seed 7" in first.method


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(12, 40), st.integers(1, 5))
def test_trustworthiness_is_that_of_scikit_learn(seed: int, n: int, k: int) -> None:
    """Trustworthiness is Venna and Kaski's, as scikit-learn computes it."""
    from sklearn.manifold import trustworthiness

    random = np.random.default_rng(seed)
    unit = random.normal(size=(n, 6)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    xy = random.normal(size=(n, 2)).astype(np.float32)
    ours = preservation(unit, xy, k)
    assert trustworthiness(unit, xy, n_neighbors=k, metric="cosine") == pytest.approx(ours.trustworthiness, abs=0.01)
    assert 0 <= ours.continuity <= 1


def test_a_faithful_map_scores_one() -> None:
    """Points of a plane, drawn as they are, keep all their neighbours; shuffled, they keep no more than chance."""
    angles = np.random.default_rng(1).uniform(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert (1.0, 1.0) == pytest.approx(preservation(circle, circle, 10), abs=1e-3)
    shuffled = preservation(circle, np.random.default_rng(2).permutation(circle), 10)
    assert (0.5, 0.5) == pytest.approx(shuffled, abs=0.1)


def test_edges_are_the_nearest_by_cosine() -> None:
    """Every edge leads to one of the k most similar others, never to the point itself, best first."""
    unit = _groups(4, 10)
    edges = nearest_edges(unit, 5)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    np.testing.assert_allclose(-np.sort(-cosines, axis=1)[:, :5], edges.similarities, atol=1e-6)
    assert not np.any(edges.indices == np.arange(40)[:, None])
    assert (3, 2) == nearest_edges(unit[:3], 10).indices.shape


def test_landmarks_reach_a_rare_group() -> None:
    """Landmarks are spread by distance: ten segments among two thousand alike are not passed over."""
    common, rare = _groups(1, 2000, spread=0.01), _groups(1, 10, spread=0.01, seed=9)
    landmarks = choose_landmarks(np.concatenate([common, rare]), 30)
    assert np.count_nonzero(landmarks >= 2000) >= 1
    assert len(landmarks) == len(set(landmarks.tolist()))


def test_copies_give_fewer_landmarks() -> None:
    """Points that are all the same need one landmark, and the choice ends."""
    assert 1 == len(choose_landmarks(np.ones((500, 4), dtype=np.float32), 30))


@pytest.mark.parametrize("n", [3, 4, 12])
def test_small_libraries_have_maps_too(n: int) -> None:
    """A handful of segments is laid out, with finite places and figures between 0 and 1."""
    unit = _groups(1, n, spread=0.5)
    layout = lay_out(Reduction.fit(unit, 50).apply(unit))
    assert (n, 2) == layout.xy.shape
    assert np.isfinite(layout.xy).all()
    assert 0 <= preservation(unit, layout.xy, 10).trustworthiness <= 1


def test_two_segments_are_no_map() -> None:
    """Fewer than three points show nothing, and that is said."""
    with pytest.raises(InputError, match="a map of 2 segments"):
        lay_out(np.ones((2, 4), dtype=np.float32))


def test_umap_draws_or_is_named_as_missing() -> None:
    """UMAP draws where it is installed; where it is not, the error says what to install and what to use instead."""
    if find_spec("umap") is None:
        with pytest.raises(Unavailable, match="UMAP is not installed"):
            lay_out(np.eye(12, dtype=np.float32), MapPolicy(method="umap"))
    else:
        assert "umap-learn" in lay_out(np.eye(12, dtype=np.float32), MapPolicy(method="umap")).method


def test_the_reduction_keeps_most_distances() -> None:
    """With as many components as the points span, distances are kept; components come largest first."""
    unit = _groups(3, 20)
    reduced = Reduction.fit(unit, 32).apply(unit)
    whole = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    np.testing.assert_allclose(whole, np.linalg.norm(reduced[:, None] - reduced[None], axis=2), atol=1e-4)
    assert np.all(np.diff(reduced.var(axis=0)) <= 1e-9)
