"""Clusterings come back as they were saved, and clusters are called what their members are called."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, Label, Medoid, NameCount, SegmentFilter, StoredSegment
from rab.domain.label import LabelSource
from rab.errors import InputError, NotFound

if TYPE_CHECKING:
    from tests.conftest import Make

BLACKBIRD = ("Turdus merula", "Eurasian Blackbird")
CUCKOO = ("Cuculus canorus", "Common Cuckoo")


def committed(catalog: Catalog, make: "Make") -> list[StoredSegment]:
    """Commit six segments: three blackbirds, a cuckoo, one out of range, and one below the threshold."""
    recording = make.recording()
    scores = [
        [make.score("Turdus merula", 0.9), make.score("Cuculus canorus", 0.4)],
        [make.score("Turdus merula", 0.8)],
        [make.score("Turdus merula", 0.7)],
        [make.score("Turdus merula", 0.9, in_range=False), make.score("Cuculus canorus", 0.5, in_range=True)],
        [make.score("Cuculus canorus", 0.6, in_range=False)],
        [make.score("Cuculus canorus", 0.2)],
    ]
    segments = [make.segment(recording, n, scores=some) for n, some in enumerate(scores)]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    return segments


def saved(catalog: Catalog, make: "Make", segments: list[StoredSegment], name: str = "9fa2") -> Clustering:
    """Save a clustering of two clusters: the first four segments, and the last."""
    ids = [one.segment.id for one in segments]
    space = make.card().space
    clusters = (
        Cluster(
            id=f"c1.{name}",
            space=space,
            n_members=4,
            persistence=0.25,
            medoid_id=ids[1],
            exemplar_ids=(ids[3], ids[0]),
        ),
        Cluster(id=f"c2.{name}", space=space, n_members=1, persistence=None, medoid_id=ids[5], exemplar_ids=()),
    )
    clustering = Clustering(id=name, space=space, method="toy", n_segments=6, n_unassigned=1, clusters=clusters)
    cluster_of: dict[str, str | None] = {**dict.fromkeys(ids[:4], f"c1.{name}"), ids[4]: None, ids[5]: f"c2.{name}"}
    catalog.save_clustering(clustering, cluster_of)
    return clustering


def test_a_clustering_comes_back_as_it_was(catalog: Catalog, make: "Make") -> None:
    """The clustering, its clusters and every segment's cluster are what was saved."""
    segments = committed(catalog, make)
    space = make.card().space
    assert catalog.clustering(space) is None
    clustering = saved(catalog, make, segments)
    assert clustering == catalog.clustering(space)
    assert clustering.clusters[0] == catalog.cluster("c1.9fa2")
    medoids = [Medoid(one.medoid_id, one.id, one.n_members) for one in clustering.clusters]
    assert medoids == catalog.medoids(space)
    assert [clustering.clusters[0].exemplar_ids, ()] == [
        tuple(catalog.exemplars(one)) for one in ("c1.9fa2", "c9.9fa2")
    ]
    assert [one.segment.id for one in segments[:4]] == catalog.cluster_members("c1.9fa2")
    ids = [one.segment.id for one in segments]
    found = catalog.segments(ids)
    assert ["c1.9fa2"] * 4 + [None, "c2.9fa2"] == [found[one].cluster_id for one in ids]


def test_a_new_clustering_replaces_the_old(catalog: Catalog, make: "Make") -> None:
    """A space has one current clustering; saving the same one again changes nothing."""
    segments = committed(catalog, make)
    saved(catalog, make, segments)
    new = saved(catalog, make, segments, "0001")
    saved(catalog, make, segments, "0001")
    assert new == catalog.clustering(make.card().space)
    with pytest.raises(NotFound, match=r"c1\.9fa2"):
        catalog.cluster("c1.9fa2")


def test_a_cluster_goes_with_its_medoid(catalog: Catalog, make: "Make") -> None:
    """When a recording is cut anew, clusters whose medoid is gone go too, and exemplars that are gone are left out."""
    segments = committed(catalog, make)
    before = saved(catalog, make, segments)
    kept = [segments[n] for n in (0, 1, 2, 4)]
    catalog.commit_recording(segments[0].recording, make.card(), kept, policy="q")
    after = catalog.clustering(make.card().space)
    assert after is not None
    first = before.clusters[0].model_copy(update={"exemplar_ids": (segments[0].segment.id,)})
    assert (first,) == after.clusters
    assert [first.medoid_id] == [one.segment_id for one in catalog.medoids(make.card().space)]
    assert [one.segment.id for one in kept[:3]] == catalog.cluster_members("c1.9fa2")


def test_members_that_do_not_exist_are_refused_whole(catalog: Catalog, make: "Make") -> None:
    """Unknown segments, clusters and spaces are named, and the clustering before stays."""
    segments = committed(catalog, make)
    before = saved(catalog, make, segments)
    other = before.model_copy(update={"id": "0002", "clusters": ()})
    with pytest.raises(NotFound, match="f" * 32):
        catalog.save_clustering(other, {"f" * 32: None})
    with pytest.raises(InputError, match=r"c7\.0002"):
        catalog.save_clustering(other, {segments[0].segment.id: "c7.0002"})
    with pytest.raises(NotFound, match="nowhere"):
        catalog.save_clustering(other.model_copy(update={"space": "nowhere"}), {})
    assert before == catalog.clustering(make.card().space)


def test_members_are_called_by_their_best_detection(catalog: Catalog, make: "Make") -> None:
    """Without labels a member bears its best detected taxon, never one out of range or below the threshold."""
    saved(catalog, make, committed(catalog, make))
    expected = [
        NameCount(scientific_name=name, common_name=common, n_members=n)
        for (name, common), n in ((BLACKBIRD, 3), (CUCKOO, 1))
    ]
    assert expected == catalog.cluster_names("c1.9fa2")
    assert [] == catalog.cluster_names("c2.9fa2")
    assert {"c1.9fa2": expected, "c2.9fa2": []} == catalog.names_of_clusters(["c1.9fa2", "c2.9fa2", "c9.9fa2"])


def test_what_people_say_counts_before_what_a_model_says(catalog: Catalog, make: "Make") -> None:
    """A person's newest label names a member, before any imported one; a name no model knows stands for itself."""
    segments = committed(catalog, make)
    saved(catalog, make, segments)
    said: list[tuple[int, str, LabelSource, int]] = [
        (0, "Cuculus canorus", "imported", 9),
        (1, "Cuculus canorus", "imported", 9),
        (1, "Regulus regulus", "human", 1),
        (1, "Sitta europaea", "human", 2),
        (5, "Sitta europaea", "imported", 1),
    ]
    for index, taxon, source, day in said:
        at = datetime(2025, 6, day, tzinfo=UTC)
        own = segments[index].segment.id
        catalog.add_labels([Label(segment_id=own, taxon=taxon, source=source, author="Ada", labelled_at=at)])
    expected = [(CUCKOO, 2), (("Sitta europaea", "Sitta europaea"), 1), (BLACKBIRD, 1)]
    assert expected == [
        ((one.scientific_name, one.common_name), one.n_members) for one in catalog.cluster_names("c1.9fa2")
    ]
    assert ["Sitta europaea"] == [one.scientific_name for one in catalog.cluster_names("c2.9fa2")]


def test_a_call_type_is_no_name(catalog: Catalog, make: "Make") -> None:
    """A member whose call type somebody told still counts under the name that a model gives it."""
    segments = committed(catalog, make)
    saved(catalog, make, segments)
    before = catalog.cluster_names("c1.9fa2")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    told = Label(
        segment_id=segments[0].segment.id,
        taxon="alarm call",
        kind="call_type",
        source="human",
        author="A",
        labelled_at=at,
    )
    catalog.add_labels([told])
    assert before == catalog.cluster_names("c1.9fa2")


def test_identities_outlive_their_clusters(catalog: Catalog, make: "Make") -> None:
    """What people said of a cluster is there after the next clustering, and numbers go on from the highest given."""
    segments = committed(catalog, make)
    assert 1 == catalog.next_cluster_number()
    saved(catalog, make, segments)
    catalog.name_cluster("c2.9fa2", "rattle", author="Ada")
    saved(catalog, make, segments, "0001")
    known = {one.id: one for one in catalog.cluster_identities(make.card().space)}
    assert {"c1.9fa2", "c2.9fa2", "c1.0001", "c2.0001"} == set(known)
    assert ("rattle", "Ada") == (known["c2.9fa2"].name, known["c2.9fa2"].named_by)
    assert 3 == catalog.next_cluster_number()
    with pytest.raises(NotFound, match="c9"):
        catalog.name_cluster("c9", "rattle", author="Ada")


def test_novelty_is_kept_and_sorted_by(catalog: Catalog, make: "Make") -> None:
    """The farthest out come first; what was not compared is unplaced, and what cannot be compared is not listed."""
    segments = committed(catalog, make)
    ids = [one.segment.id for one in segments]
    space = make.card().space
    clustering = Clustering(id="1", space=space, method="toy", n_segments=6, n_unassigned=6, clusters=())
    novelty = dict(zip(ids[:4], (0.25, 0.75, None, 0.5), strict=True))
    catalog.save_clustering(clustering, dict.fromkeys(ids), novelty=novelty)
    found = catalog.most_novel(space, SegmentFilter(), limit=2)
    assert [(ids[1], 0.75), (ids[3], 0.5)] == [(one.segment_id, one.novelty) for one in found]
    assert sorted(ids[4:]) == sorted(catalog.unplaced_segments(space))
    assert catalog.novelty(ids[4]) is None
    assert ["Cuculus canorus", "Turdus merula"] == catalog.class_names("toy-v1")
    catalog.place_segments(space, {ids[4]: None}, found_as={}, novelty={ids[4]: 1.0})
    assert ids[4] == catalog.most_novel(space, SegmentFilter(), limit=1)[0].segment_id
    assert [ids[5]] == catalog.unplaced_segments(space)
