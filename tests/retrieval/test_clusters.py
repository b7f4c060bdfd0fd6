"""Clusters are found by density as hdbscan finds them, are known again, and place what comes later."""

from itertools import pairwise

import hdbscan
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import ClusterIdentity
from rab.errors import StorageFailed
from rab.retrieval.clusters import ClusterModel, ClusterPolicy, changes, followed, group, identified, stand_for
from rab.retrieval.clusters.nearest import neighbour_distances
from rab.retrieval.clusters.reduction import fitted_reduction

Vectors = npt.NDArray[np.float32]


def some_groups(seed: int = 0, n_each: int = 60) -> tuple[Vectors, list[str]]:
    """Unit vectors about five directions, wider and wider, then forty anywhere; ten segments to a recording."""
    rng = np.random.default_rng(seed)
    centred = [np.eye(16)[n] + rng.normal(0, 0.12 + 0.02 * n, (n_each, 16)) for n in range(5)]
    raw = np.vstack([*centred, rng.normal(0, 1, (40, 16))])
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return unit.astype(np.float32), [f"r{n // 10}" for n in range(len(unit))]


def named(model: ClusterModel) -> ClusterModel:
    """Return the model with its groups called by their numbers."""
    return model.with_ids(tuple(str(number) for number in range(int(model.tree.group_of.max()) + 1)))


@pytest.mark.parametrize(("min_cluster_size", "min_samples"), [(5, 1), (10, 1), (10, 3), (25, 5)])
def test_groups_are_those_of_hdbscan(min_cluster_size: int, min_samples: int) -> None:
    """The tree cut here gives the same partition as the package's own, over the same reduced points."""
    unit, recordings = some_groups()
    policy = ClusterPolicy(min_cluster_size=min_cluster_size, min_samples=min_samples, n_components=8)
    found = group(unit, recordings, policy)
    reference = hdbscan.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, core_dist_n_jobs=1)
    expected = reference.fit(found.model.points.astype(np.float64)).labels_
    assert expected.max() == found.labels.max() > 0
    pairs = set(zip(expected.tolist(), found.labels.tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    assert (-1, -1) in pairs
    assert len(found.persistences) == found.labels.max() + 1
    assert all(0 < one < 1 for one in found.persistences)


def test_what_comes_later_is_placed_as_hdbscan_places_it() -> None:
    """Nine of ten new calls go where `approximate_predict` puts them, and none into another cluster's place."""
    unit, recordings = some_groups()
    later, _ = some_groups(seed=1)
    policy = ClusterPolicy(min_cluster_size=10, min_samples=3, n_components=8)
    found = group(unit, recordings, policy)
    points = found.model.points.astype(np.float64)
    reference = hdbscan.HDBSCAN(min_cluster_size=10, min_samples=3, prediction_data=True, core_dist_n_jobs=1)
    reference.fit(points)
    same = dict(zip(found.labels.tolist(), reference.labels_.tolist(), strict=True))
    directions, _ = found.model.reduction.apply(later)
    expected, _ = hdbscan.approximate_predict(reference, directions.astype(np.float64))
    clusters, _ = named(found.model).place(later)
    ours = np.array([same[-1 if one is None else int(one)] for one in clusters])
    assert np.mean(ours == expected) > 0.9
    assert not np.any((ours != expected) & (ours >= 0) & (expected >= 0))


def test_the_order_of_recordings_and_a_second_run_change_nothing() -> None:
    """Equal input gives equal groups and the same model, to the byte."""
    unit, recordings = some_groups()
    first, second = (group(unit, recordings, ClusterPolicy()) for _ in range(2))
    assert first.labels.tolist() == second.labels.tolist()
    assert first.model.to_json() == second.model.to_json()


def test_a_model_comes_back_from_its_json() -> None:
    """What is read places calls as what was written does; other JSON is refused with a next step."""
    unit, recordings = some_groups()
    model = named(group(unit, recordings, ClusterPolicy()).model)
    again = ClusterModel.from_json(model.to_json())
    assert model.place(unit) == again.place(unit)
    for document in ("{}", "[]", "nonsense", model.to_json().replace('"format": 1', '"format": 9')):
        with pytest.raises(StorageFailed, match="rab cluster"):
            ClusterModel.from_json(document)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_too_few_segments_form_no_group(n: int) -> None:
    """A handful of segments is kept, in no group, without an error; later ones find none either."""
    unit, recordings = some_groups()
    found = group(unit[:n], recordings[:n], ClusterPolicy(min_cluster_size=10))
    assert [-1] * n == found.labels.tolist()
    assert [None] * n == found.novelty
    assert ([None] * 3, [None] * 3) == found.model.place(unit[:3])


def test_equal_vectors_are_grouped_without_an_error() -> None:
    """A library of copies has no direction in which it varies."""
    unit = np.repeat(np.eye(8, dtype=np.float32)[:1], 30, axis=0)
    found = group(unit, [f"r{n}" for n in range(30)], ClusterPolicy())
    assert 30 == len(found.labels) == len(found.novelty)
    assert np.isfinite(found.model.points).all()


def test_copies_do_not_outweigh_the_cluster_around_them() -> None:
    """Six copies of a call, nearly infinitely dense, leave the cluster that they lie in whole."""
    unit, recordings = some_groups()
    unit[:6] = unit[0]
    found = group(unit, recordings, ClusterPolicy(min_cluster_size=5, n_components=8))
    assert len(set(found.labels[:60].tolist())) == 1
    assert found.labels[0] >= 0


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 4))
def test_distances_are_those_of_every_pair(seed: int, n: int, rank: int) -> None:
    """The blocked search finds what comparing every pair finds, the own recording left out or not."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3)).astype(np.float32)
    recordings = rng.integers(0, 4, size=n)
    pairs = np.linalg.norm(points[:, None].astype(np.float64) - points, axis=2)
    np.fill_diagonal(pairs, np.inf)
    near, elsewhere = neighbour_distances(points, recordings, rank)
    expected = np.sort(pairs, axis=1)[:, rank - 1] if rank <= n else np.full(n, np.inf)
    assert np.allclose(expected, near, atol=1e-3)
    assert np.allclose(np.where(recordings[:, None] == recordings, np.inf, pairs).min(axis=1), elsewhere, atol=1e-3)


def test_components_are_the_principal_ones() -> None:
    """The reduction spans the same directions, in the same order, as a singular value decomposition."""
    unit, _ = some_groups()
    reduction = fitted_reduction(unit, 4)
    expected = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)[2][:4]
    assert np.allclose(1, np.abs(np.einsum("ij,ij->i", expected, reduction.components)), atol=1e-4)
    directions, left_out = reduction.apply(unit)
    assert np.allclose(1, np.linalg.norm(directions, axis=1), atol=1e-5)
    assert ((left_out >= 0) & (left_out <= 1)).all()


def test_prototypes_are_the_middle_and_the_width() -> None:
    """The medoid is nearest to all members on average; exemplars are other members, far from it and from each other."""
    unit, _ = some_groups()
    ids = [str(n) for n in range(60)]
    medoid, exemplars = stand_for(unit[:60], ids, 3)
    mean = (unit[:60] @ unit[:60].T).mean(axis=1)
    assert str(int(mean.argmax())) == medoid
    assert len({medoid, *exemplars}) == 4
    assert (medoid, ()) == stand_for(unit[:60], ids, 0)


def test_novelty_is_a_rank_among_the_members() -> None:
    """Members are spread evenly over 0–1, and what lies in no member's direction is at its top."""
    unit, recordings = some_groups()
    found = group(unit, recordings, ClusterPolicy(n_components=8))
    novelty = sorted(one for one in found.novelty if one is not None)
    assert len(unit) == len(novelty)
    assert max(second - first for first, second in pairwise(novelty)) < 0.02
    _, later = named(found.model).place(-np.eye(16, dtype=np.float32)[9:10])
    assert later[0] is not None
    assert later[0] > 0.9


def test_a_cluster_that_is_found_again_keeps_its_id() -> None:
    """Most members shared: the same cluster. A fresh one, and one that shares too little, get the next numbers."""
    ids = [f"s{n}" for n in range(40)]
    before = dict.fromkeys(ids[:10], "c7") | dict.fromkeys(ids[10:20], "c2") | dict.fromkeys(ids[20:30])
    labels = [1] * 9 + [-1] + [0] * 3 + [-1] * 7 + [2] * 20
    assert ("c9", "c7", "c8") == identified(ids, labels, before, first_number=8)


def test_of_two_halves_the_larger_keeps_the_id() -> None:
    """A cluster that falls apart is told as a split; the id stays with the part that shares most."""
    ids = [f"s{n}" for n in range(20)]
    before = dict.fromkeys(ids, "c4")
    names = identified(ids, [0] * 9 + [1] * 11, before, first_number=12)
    assert ("c12", "c4") == names
    after = {one: names[0] if n < 9 else names[1] for n, one in enumerate(ids)}
    assert ["c4 split into c4 and c12", "c12 is new, 9 members"] == [one.words for one in changes(before, after)]


def test_changes_tell_what_dissolved_and_where_it_went() -> None:
    """A cluster that is gone is told with the clusters that have its members; what did not change is not told."""
    before = {"a": "c1", "b": "c1", "c": "c2", "d": "c2", "e": "c3"}
    after = {"a": "c1", "b": "c1", "c": "c3", "d": "c3", "e": "c3"}
    expected = ["c2 dissolved, 2 members, now in c3", "c3: 1 → 3 members"]
    assert expected == [one.words for one in changes(before, after)]


def test_what_people_made_one_is_followed_to_the_end() -> None:
    """c3 is one with c2, and c2 with c1: so is c3."""
    said = [ClusterIdentity(id=one, space="s", merged_into=into) for one, into in (("c2", "c1"), ("c3", "c2"))]
    assert {"a": "c1", "b": "c1", "c": None} == followed({"a": "c3", "b": "c1", "c": None}, said)
