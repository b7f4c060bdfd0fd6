"""Detections are counted by taxon and by hour, over exactly the rows that the fingerprint names."""

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, Recording, SegmentFilter, StoredSegment

if TYPE_CHECKING:
    from tests.conftest import Make

NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Library = list[tuple[Recording, list[StoredSegment]]]
EVERYTHING = SegmentFilter()
THRESHOLD = 0.3


def detected(stored: StoredSegment, *, out_of_range: bool) -> dict[str, float]:
    """Return the best counting score of each taxon of a segment."""
    best: dict[str, float] = {}
    for one in stored.scores:
        if one.raw_score >= THRESHOLD and (one.in_range is False) == out_of_range:
            best[one.taxon.scientific_name] = max(one.raw_score, best.get(one.taxon.scientific_name, 0.0))
    return best


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_counts_are_those_of_plain_python(
    data: st.DataObject, new_catalog: NewCatalog, libraries: st.SearchStrategy[Library], make: "Make"
) -> None:
    """Segments, recordings, days and best scores agree with a count over the nouns, in a random library."""
    library, card = data.draw(libraries), make.card(score_threshold=THRESHOLD)
    every = [stored for _, segments in library for stored in segments]
    with new_catalog() as catalog:
        for recording, segments in library:
            catalog.commit_recording(recording, card, segments, policy="p")
        counted = {
            False: catalog.detections(card.space, EVERYTHING),
            True: catalog.out_of_range(card.space, EVERYTHING),
        }
    for out_of_range, found in counted.items():
        expected = {}
        for name in {name for one in every for name in detected(one, out_of_range=out_of_range)}:
            own = [one for one in every if name in detected(one, out_of_range=out_of_range)]
            local = [one.heard_local for one in own if one.heard_local is not None]
            expected[name] = (
                len(own),
                len({one.recording.id for one in own}),
                len({at.date() for at in local}),
                max(detected(one, out_of_range=out_of_range)[name] for one in own),
            )
        assert expected == {
            one.taxon.scientific_name: (
                one.count.n_segments,
                one.count.n_recordings,
                one.count.n_days,
                one.count.best_raw_score,
            )
            for one in found.taxa
        }
        heard = [one for one in every if detected(one, out_of_range=out_of_range)]
        assert len(heard) == found.count.n_segments


def test_exemplars_come_from_as_many_recordings_as_there_are(catalog: Catalog, make: "Make") -> None:
    """The best of each recording stand before any second of one; then they are ordered by score."""
    scores = {"a": [0.9, 0.8, 0.7], "b": [0.4], "c": [0.6]}
    of: dict[tuple[str, float], str] = {}
    for name, some in scores.items():
        recording = make.recording(name)
        segments = [
            make.segment(recording, n, scores=[make.score("Turdus merula", score)]) for n, score in enumerate(some)
        ]
        of |= {(name, score): one.segment.id for score, one in zip(some, segments, strict=True)}
        catalog.commit_recording(recording, make.card(), segments, policy="p")
    space = make.card().space

    def exemplars(n: int) -> tuple[str, ...]:
        return catalog.detections(space, EVERYTHING, n_exemplars=n).taxa[0].count.exemplar_ids

    assert (of["a", 0.9], of["c", 0.6], of["b", 0.4]) == exemplars(3)
    assert (of["a", 0.9], of["a", 0.8], of["c", 0.6], of["b", 0.4]) == exemplars(4)
    assert 5 == len(exemplars(9))
    assert () == exemplars(0)


def test_taxa_come_most_heard_first_with_their_group(catalog: Catalog, make: "Make") -> None:
    """Taxa are ordered by their segments, then by name, and a sound is told from a species."""
    recording = make.recording()
    heard = [["Turdus merula", "Engine"], ["Engine"], ["Cuculus canorus"]]
    segments = [
        make.segment(recording, n, scores=[make.score(name, 0.5) for name in names]) for n, names in enumerate(heard)
    ]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    found = catalog.detections(make.card().space, EVERYTHING)
    assert [("Engine", "sound"), ("Cuculus canorus", "bird"), ("Turdus merula", "bird")] == [
        (one.taxon.scientific_name, one.taxon.group) for one in found.taxa
    ]
    assert 3 == found.count.n_segments


def test_a_filter_chooses_segments(catalog: Catalog, make: "Make") -> None:
    """A filter chooses whole segments: what else was detected in them counts too."""
    recording = make.recording()
    both = make.segment(recording, 0, scores=[make.score("Turdus merula", 0.9), make.score("Cuculus canorus", 0.8)])
    alone = make.segment(recording, 1, scores=[make.score("Cuculus canorus", 0.8)])
    catalog.commit_recording(recording, make.card(), [both, alone], policy="p")
    found = catalog.detections(make.card().space, SegmentFilter(taxa=("Turdus merula",)))
    assert {"Turdus merula": 1, "Cuculus canorus": 1} == {
        one.taxon.scientific_name: one.count.n_segments for one in found.taxa
    }


def test_the_threshold_is_the_cards(catalog: Catalog, make: "Make") -> None:
    """A score at the threshold of the card that was committed counts, one below it does not."""
    card, recording = make.card(score_threshold=0.5), make.recording()
    segments = [
        make.segment(recording, n, scores=[make.score("Turdus merula", score)]) for n, score in enumerate([0.5, 0.4999])
    ]
    catalog.commit_recording(recording, card, segments, policy="p")
    assert (segments[0].segment.id,) == catalog.detections(card.space, EVERYTHING).count.exemplar_ids


def test_the_fingerprint_is_over_the_rows_in_the_order_of_ids(catalog: Catalog, make: "Make") -> None:
    """Anyone can repeat the fingerprint: the ids, the names, which name each row has, and the scores."""
    recording = make.recording()
    segments = [make.segment(recording, n, scores=[make.score("Turdus merula", 0.5 + n / 10)]) for n in range(3)]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    in_order = sorted(segments, key=lambda one: one.segment.id)
    ids = "".join(one.segment.id for one in in_order).encode()
    scores = struct.pack("<3d", *(one.scores[0].raw_score for one in in_order))
    columns = (ids, b"Turdus merula", struct.pack("<3q", 0, 0, 0), scores)
    expected = sha256(b"".join(column + b"\0" for column in columns)).hexdigest()
    found = catalog.detections(make.card().space, EVERYTHING)
    assert [expected] * 2 == [found.count.rows_sha256, found.taxa[0].count.rows_sha256]


def test_nothing_detected_is_a_count_of_nothing(catalog: Catalog) -> None:
    """Where nothing was detected, nothing is the best."""
    found = catalog.detections("nowhere", EVERYTHING)
    assert (0, 0, None, ()) == (
        found.count.n_segments,
        found.count.n_recordings,
        found.count.best_raw_score,
        found.count.exemplar_ids,
    )
    assert () == found.taxa


def test_clusters_are_sized_by_what_matches(catalog: Catalog, make: "Make") -> None:
    """A cluster's size is of the matching segments, largest first, empty ones left out."""
    space = make.card().space
    morning = make.recording("a", started_at=datetime(2025, 5, 3, 5, tzinfo=UTC))
    noon = make.recording("b")
    segments = [make.segment(morning, 0), *(make.segment(noon, n) for n in range(4))]
    for recording in (morning, noon):
        own = [one for one in segments if one.recording == recording]
        catalog.commit_recording(recording, make.card(), own, policy="p")
    ids = [one.segment.id for one in segments]
    clusters = tuple(
        Cluster(id=name, space=space, n_members=n, persistence=None, medoid_id=medoid, exemplar_ids=())
        for name, n, medoid in (("c1.x", 1, ids[4]), ("c2.x", 3, ids[0]))
    )
    catalog.save_clustering(
        Clustering(id="x", space=space, method="toy", n_segments=5, n_unassigned=1, clusters=clusters),
        {ids[0]: "c2.x", ids[1]: "c2.x", ids[2]: "c2.x", ids[3]: None, ids[4]: "c1.x"},
    )
    everything = catalog.cluster_sizes(space, EVERYTHING)
    assert [("c2.x", ids[0], 3, 2), ("c1.x", ids[4], 1, 1)] == [
        (one.cluster_id, one.medoid_id, one.n_segments, one.n_recordings) for one in everything
    ]
    at_five = catalog.cluster_sizes(space, SegmentFilter(local_hours=(5,)))
    assert [("c2.x", 1)] == [(one.cluster_id, one.n_segments) for one in at_five]
    assert everything[0].rows_sha256 != at_five[0].rows_sha256


@pytest.mark.parametrize("in_range", [None, True])
def test_a_taxon_counts_unless_the_place_rules_it_out(catalog: Catalog, make: "Make", in_range: bool | None) -> None:
    """A taxon that the range model expects, or knows nothing about, is detected; one it rules out is set aside."""
    recording = make.recording()
    segments = [
        make.segment(recording, 0, scores=[make.score("Turdus merula", 0.9, in_range=in_range)]),
        make.segment(recording, 1, scores=[make.score("Cuculus canorus", 0.9, in_range=False)]),
    ]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    space = make.card().space
    assert ["Turdus merula"] == [one.taxon.scientific_name for one in catalog.detections(space, EVERYTHING).taxa]
    assert ["Cuculus canorus"] == [one.taxon.scientific_name for one in catalog.out_of_range(space, EVERYTHING).taxa]
