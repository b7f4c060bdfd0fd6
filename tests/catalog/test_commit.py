"""A recording's commit is whole or not there, changes nothing when repeated, and forgets nothing that people told."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, Label, Recording, SegmentFilter, StoredSegment
from rab.errors import InputError

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()
NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Commits = st.SearchStrategy[tuple[Recording, list[StoredSegment]]]


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_equals_what_was_written(
    data: st.DataObject, new_catalog: NewCatalog, commits: Commits, make: "Make"
) -> None:
    """A recording and its segments come back as they were, after one commit and after two."""
    recording, segments = data.draw(commits)
    with new_catalog() as catalog:
        for _ in range(2):
            catalog.commit_recording(recording, make.card(), segments, policy="p")
            assert recording == catalog.recording(recording.id)
            assert {one.segment.id: one for one in segments} == catalog.segments([one.segment.id for one in segments])
            assert len(segments) == len(catalog.list_segments(make.card().space, EVERYTHING))


def test_done_means_done_for_that_space_and_policy(catalog: Catalog, make: "Make") -> None:
    """A recording is done for the space and the policy that it was committed with, and for no other."""
    recording, card = make.recording(), make.card()
    assert not catalog.is_done(recording.id, card.space, "p")
    catalog.commit_recording(recording, card, [], policy="p")
    assert catalog.is_done(recording.id, card.space, "p")
    assert not catalog.is_done(recording.id, card.space, "q")
    assert not catalog.is_done(recording.id, make.card(dim=9).space, "p")
    assert not catalog.is_done("0" * 64, card.space, "p")


def test_another_cutting_replaces_the_first(catalog: Catalog, make: "Make") -> None:
    """Cut by another policy, a recording has the new segments alone: no call is counted twice."""
    recording, card = make.recording(), make.card()
    catalog.commit_recording(recording, card, [make.segment(recording, n) for n in (0, 1)], policy="p")
    new = [make.segment(recording, n) for n in (1, 2)]
    catalog.commit_recording(recording, card, new, policy="q")
    assert new == catalog.list_segments(card.space, EVERYTHING)
    assert not catalog.is_done(recording.id, card.space, "p")


def test_other_weights_of_a_model_take_its_segments_over(catalog: Catalog, make: "Make") -> None:
    """Segment ids name the model: in another space of the same model a recording leaves the space it was in."""
    recording, old, new = make.recording(), make.card(), make.card(weights_sha256="1" * 64)
    catalog.commit_recording(recording, old, [make.segment(recording, n) for n in (0, 1)], policy="p")
    catalog.commit_recording(recording, new, [make.segment(recording, 1)], policy="p")
    assert [] == catalog.list_segments(old.space, EVERYTHING)
    assert [make.segment(recording, 1)] == catalog.list_segments(new.space, EVERYTHING)
    assert not catalog.is_done(recording.id, old.space, "p")


def test_models_do_not_disturb_each_other(catalog: Catalog, make: "Make") -> None:
    """Two models hear the same recording, each in its own space."""
    recording, birds, bats = make.recording(), make.card(), make.card(name="bats")
    heard = {birds.space: make.segment(recording), bats.space: make.segment(recording, embedder="bats-v1")}
    catalog.commit_recording(recording, birds, [heard[birds.space]], policy="p")
    catalog.commit_recording(recording, bats, [heard[bats.space]], policy="p")
    assert {space: [one] for space, one in heard.items()} == {
        space: catalog.list_segments(space, EVERYTHING) for space in heard
    }
    assert 1 == catalog.count_recordings()


def test_clusters_and_labels_outlive_a_repeated_commit(catalog: Catalog, make: "Make") -> None:
    """A segment that is cut the same keeps its cluster and its labels."""
    recording, card = make.recording(), make.card()
    stored = make.segment(recording)
    catalog.commit_recording(recording, card, [stored], policy="p")
    own = stored.segment.id
    cluster = Cluster(id="c1.x", space=card.space, n_members=1, persistence=None, medoid_id=own, exemplar_ids=())
    clustering = Clustering(
        id="x", space=card.space, method="by hand", n_segments=1, n_unassigned=0, clusters=(cluster,)
    )
    catalog.save_clustering(clustering, {own: "c1.x"})
    label = Label(
        segment_id=own,
        taxon="Turdus merula",
        source="human",
        author="Ada",
        labelled_at=datetime(2025, 6, 1, tzinfo=UTC),
    )
    catalog.add_labels([label])
    catalog.commit_recording(recording, card, [stored], policy="p")
    assert stored.model_copy(update={"cluster_id": "c1.x", "labels": (label,)}) == catalog.segment(own)


def test_labels_meet_their_segment_again(catalog: Catalog, make: "Make") -> None:
    """A label survives a cutting without its segment, and stands on it again when it comes back."""
    recording, card = make.recording(), make.card()
    stored = make.segment(recording)
    catalog.commit_recording(recording, card, [stored], policy="p")
    own = stored.segment.id
    label = Label(
        segment_id=own,
        taxon="Turdus merula",
        source="human",
        author="Ada",
        labelled_at=datetime(2025, 6, 1, tzinfo=UTC),
    )
    catalog.add_labels([label])
    catalog.commit_recording(recording, card, [make.segment(recording, 5)], policy="q")
    assert {} == catalog.segments([own])
    catalog.commit_recording(recording, card, [stored], policy="p")
    assert (label,) == catalog.segment(own).labels


def test_segments_of_another_recording_are_refused_whole(catalog: Catalog, make: "Make") -> None:
    """A segment of another recording or model is refused, and nothing of the commit stays."""
    recording, stranger = make.recording("a"), make.recording("b")
    for wrong in (make.segment(stranger), make.segment(recording, embedder="bats-v1")):
        with pytest.raises(InputError, match=wrong.segment.id):
            catalog.commit_recording(recording, make.card(), [make.segment(recording), wrong], policy="p")
    assert 0 == catalog.count_recordings()


def test_a_moved_file_is_the_same_recording(catalog: Catalog, make: "Make") -> None:
    """The path follows the file; everything else stays."""
    recording = make.recording()
    catalog.commit_recording(recording, make.card(), [make.segment(recording)], policy="p")
    moved = recording.model_copy(update={"path": "/archive/a.wav"})
    catalog.refresh_recording(moved)
    assert [moved] == catalog.recordings()
    assert moved == catalog.segment(make.segment(recording).segment.id).recording


def test_place_and_time_are_not_forgotten(catalog: Catalog, make: "Make") -> None:
    """Ingested again by someone who tells less, a recording keeps its site, clock and coordinates."""
    known = make.recording(zone="Europe/Zurich", lat_deg=46.5, lon_deg=6.2, caveats=("noted",))
    catalog.commit_recording(known, make.card(), [], policy="p")
    catalog.refresh_recording(make.recording(site=None, started_at=None, zone=None, caveats=("no clock",)))
    assert known == catalog.recording(known.id)


def test_a_corrected_clock_moves_the_segments(catalog: Catalog, make: "Make") -> None:
    """When a recording's start or zone is corrected, its segments are found at the new hour, in every space."""
    recording, card = make.recording(zone="UTC"), make.card()
    catalog.commit_recording(recording, card, [make.segment(recording)], policy="p")
    assert 1 == len(catalog.segment_ids(card.space, SegmentFilter(local_hours=(12,))))
    later = make.recording(started_at=datetime(2025, 5, 3, 12, tzinfo=UTC) + timedelta(hours=1), zone="Europe/Zurich")
    catalog.refresh_recording(later)
    assert [] == catalog.segment_ids(card.space, SegmentFilter(local_hours=(12, 13)))
    assert 1 == len(catalog.segment_ids(card.space, SegmentFilter(local_hours=(15,))))
    assert 1 == len(catalog.segment_ids(card.space, SegmentFilter(heard_from=later.notes.started_at)))


def test_a_zone_that_does_not_exist_is_refused(catalog: Catalog, make: "Make") -> None:
    """A recording of an unknown time zone is refused by name."""
    with pytest.raises(InputError, match="Mars/Olympus"):
        catalog.commit_recording(make.recording(zone="Mars/Olympus"), make.card(), [], policy="p")


def test_cards_are_those_that_filled_last(catalog: Catalog, make: "Make") -> None:
    """A model's card is the one of its newest commit, whichever space that was in."""
    first, second, bats = make.card(), make.card(weights_sha256="1" * 64), make.card(name="bats", score_threshold=0.5)
    assert catalog.card("toy-v1") is None
    for name, card in (("a", first), ("b", bats), ("a", second)):
        catalog.commit_recording(make.recording(name), card, [], policy="p")
    assert second == catalog.card("toy-v1")
    assert [bats, second] == catalog.cards()
    catalog.commit_recording(make.recording("c"), first, [], policy="p")
    assert first == catalog.card("toy-v1")
