"""Clusters are found by density, stand for themselves, and do not depend on the order of arrival."""

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import EmbedderCard
from rab.retrieval.clusters import ClusterPolicy, cluster


@pytest.fixture
def card() -> EmbedderCard:
    return EmbedderCard(
        name="toy",
        version="1",
        task="birds",
        sample_rate_hz=48_000,
        window_ms=3000,
        hop_ms=3000,
        dim=16,
        n_classes=1,
        weights_sha256="0" * 64,
        preprocessing="none",
        licence="Apache-2.0",
        licence_url="",
        citation="",
    )


def three_groups(seed: int = 0) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Thirty unit vectors about each of three directions, and five far from all."""
    rng = np.random.default_rng(seed)
    centres = np.eye(16)[:3].repeat(30, axis=0)
    lone = np.eye(16)[8:13]
    raw = np.vstack([centres + rng.normal(0, 0.05, centres.shape), lone])
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return [f"{i:032x}" for i in range(len(unit))], unit.astype(np.float32)


def test_groups_are_found_and_loners_left_alone(card: EmbedderCard) -> None:
    """Three dense groups become three clusters with a member as medoid; the loners stay unassigned."""
    ids, vectors = three_groups()
    found = cluster(card, ids, vectors, ClusterPolicy())
    groups = [{found.cluster_of[i] for i in ids[n : n + 30]} for n in (0, 30, 60)]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert len(set.union(*groups) - {None}) == 3
    assert found.clustering.n_unassigned == sum(c is None for c in found.cluster_of.values()) >= 5
    for one in found.clustering.clusters:
        assert found.cluster_of[one.medoid_id] == one.id
        assert {found.cluster_of[i] for i in one.exemplar_ids} == {one.id}
        assert one.medoid_id not in one.exemplar_ids


def test_order_of_arrival_does_not_matter(card: EmbedderCard) -> None:
    """The same segments in another order give the same clustering."""
    ids, vectors = three_groups()
    shuffled = np.random.default_rng(1).permutation(len(ids))
    again = cluster(card, [ids[i] for i in shuffled], vectors[shuffled], ClusterPolicy())
    assert cluster(card, ids, vectors, ClusterPolicy()) == again


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_segments_form_no_cluster(card: EmbedderCard, n: int) -> None:
    """A handful of segments is kept, unassigned, without an error."""
    ids, vectors = three_groups()
    found = cluster(card, ids[:n], vectors[:n], ClusterPolicy())
    assert (found.clustering.clusters, found.clustering.n_unassigned) == ((), n)
