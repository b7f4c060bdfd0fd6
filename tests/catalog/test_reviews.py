"""Reviews are kept with the labels that they give, and the newest word of an author counts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, Label, Review, SegmentFilter, StoredSegment, parse_filter
from rab.errors import NotFound
from rab.evidence.calls import call_name
from tests.conftest import NOON, Make

EVERYTHING = SegmentFilter()
MERULA, PHILOMELOS = "Turdus merula", "Turdus philomelos"


def filled(catalog: Catalog, make: Make, n: int = 3) -> list[StoredSegment]:
    """Commit a recording with that many segments in which a blackbird is detected."""
    recording = make.recording()
    scores = (make.score(MERULA, 0.9), make.score(PHILOMELOS, 0.6))
    stored = [make.segment(recording, index, scores=scores) for index in range(n)]
    catalog.commit_recording(recording, make.card(score_threshold=0.5), stored, policy="p")
    return stored


def review(segment: str, verdict: str, taxon: str = MERULA, minutes: int = 0, **fields: Any) -> Review:
    """Return Ann's answer to the suggestion of a blackbird."""
    given = {"segment_id": segment, "pack_id": "0" * 64, "author": "Ann", "suggested": MERULA}
    at = NOON + timedelta(minutes=minutes)
    return Review.model_validate({**given, "verdict": verdict, "taxon": taxon, "reviewed_at": at, **fields})


def said(catalog: Catalog, segment: str) -> list[str]:
    """Return the names of a segment's labels."""
    return [label.taxon for label in catalog.labels_of([segment]).get(segment, ())]


@pytest.mark.parametrize(
    ("reviews", "names"),
    [
        pytest.param([("accepted", MERULA)], [MERULA], id="accepted"),
        pytest.param([("rejected", MERULA)], ["not Turdus merula"], id="rejected"),
        pytest.param([("corrected", PHILOMELOS)], [PHILOMELOS, "not Turdus merula"], id="corrected"),
        pytest.param([("accepted", MERULA), ("rejected", MERULA)], ["not Turdus merula"], id="a yes taken back"),
        pytest.param([("rejected", MERULA), ("accepted", MERULA)], [MERULA], id="a no taken back"),
        pytest.param(
            [("corrected", PHILOMELOS), ("corrected", "Parus major")],
            ["not Turdus merula", "Parus major"],
            id="corrected again",
        ),
        pytest.param([("corrected", PHILOMELOS), ("accepted", MERULA)], [MERULA], id="a correction taken back"),
    ],
)
def test_the_newest_review_of_an_author_counts(
    catalog: Catalog, make: Make, reviews: Sequence[tuple[str, str]], names: list[str]
) -> None:
    """What was said before is taken back, and stays in the book."""
    segment = filled(catalog, make)[0].segment.id
    given = [review(segment, *one, minutes=minute) for minute, one in enumerate(reviews)]
    assert len(given) == sum(catalog.add_reviews([one]) for one in given)
    assert sorted(names) == sorted(said(catalog, segment))
    assert {segment: tuple(given)} == catalog.reviews_of([segment])


def test_a_review_is_kept_once_and_late_ones_change_nothing(catalog: Catalog, make: Make) -> None:
    """The same answer again is known; one that is older than the newest only enters the book; people are apart."""
    segment = filled(catalog, make)[0].segment.id
    newest = review(segment, "rejected", minutes=5)
    assert [1, 0] == [catalog.add_reviews([newest]), catalog.add_reviews([review(segment, "rejected", minutes=9)])]
    assert 1 == catalog.add_reviews([review(segment, "accepted", minutes=1)])
    assert ["not Turdus merula"] == said(catalog, segment)
    assert 1 == catalog.add_reviews([review(segment, "accepted", author="Bob", minutes=6)])
    assert ["not Turdus merula", MERULA] == said(catalog, segment)
    assert 3 == len(catalog.reviews_of([segment])[segment])


def test_a_label_of_the_same_person_takes_a_rejection_back(catalog: Catalog, make: Make) -> None:
    """Whoever names what he rejected has changed his mind; others' rejections stay."""
    segment = filled(catalog, make)[0].segment.id
    catalog.add_reviews([review(segment, "rejected"), review(segment, "rejected", author="Bob")])
    label = Label(
        segment_id=segment, taxon=MERULA, source="human", author="Ann", labelled_at=NOON + timedelta(minutes=1)
    )
    catalog.add_labels([label])
    kept = catalog.labels_of([segment])[segment]
    assert [("not Turdus merula", "Bob"), (MERULA, "Ann")] == [(one.taxon, one.author) for one in kept]


def test_reviews_of_no_segment_are_refused(catalog: Catalog, make: Make) -> None:
    """All or none: one unknown segment, and nothing is kept."""
    segment = filled(catalog, make)[0].segment.id
    with pytest.raises(NotFound, match="f" * 32):
        catalog.add_reviews([review(segment, "accepted"), review("f" * 32, "accepted")])
    assert {} == catalog.reviews_of([segment])
    assert [] == said(catalog, segment)


def test_a_rejected_name_falls_back(catalog: Catalog, make: Make) -> None:
    """The classifier's next name stands in; an imported label that a person rejected does not speak."""
    first, second, _ = filled(catalog, make)
    table = Label(segment_id=second.segment.id, taxon=MERULA, source="imported", author="atlas", labelled_at=NOON)
    catalog.add_labels([table])
    catalog.add_reviews([review(one.segment.id, "rejected") for one in (first, second)])
    names = [call_name(catalog.segment(one.segment.id), 0.5) for one in (first, second)]
    assert [(PHILOMELOS, "model")] * 2 == [(name.scientific_name, name.source) for name in names if name is not None]


def test_filters_know_reviews(catalog: Catalog, make: Make) -> None:
    """A call that was rejected is reviewed, and is found by the label that denies the name, not by the name."""
    ids = [one.segment.id for one in filled(catalog, make)]
    space = make.card().space
    before = catalog.outdated_payloads(space, 10)
    catalog.forget_outdated(before)
    catalog.add_reviews([review(ids[0], "rejected"), review(ids[1], "accepted")])
    assert {ids[0], ids[1]} == set(catalog.outdated_payloads(space, 10).values())
    assert ids[:2] == catalog.segment_ids(space, parse_filter("reviewed"))
    assert [ids[0]] == catalog.segment_ids(space, parse_filter('label="not Turdus merula"'))
    assert [ids[1]] == catalog.segment_ids(space, parse_filter('label="Turdus merula"'))
    assert [ids[2]] == catalog.segment_ids(space, parse_filter("not reviewed"))


def test_decisions_are_counted_by_taxon(catalog: Catalog, make: Make) -> None:
    """Verified and rejected are detections that people decided on; added is what people name and no model hears."""
    ids = [one.segment.id for one in filled(catalog, make, 5)]
    catalog.add_reviews(
        [
            review(ids[0], "accepted"),
            review(ids[1], "rejected"),
            review(ids[2], "corrected", "Parus major"),
            review(ids[3], "accepted"),
            review(ids[3], "rejected", minutes=1, author="Bob"),
        ]
    )
    found = {one.scientific_name: one for one in catalog.reviewed_taxa(make.card().space, EVERYTHING)}
    assert {MERULA: (1, 3, 0), "Parus major": (0, 0, 1)} == {
        name: (one.verified.n_segments, one.rejected.n_segments, one.added.n_segments) for name, one in found.items()
    }
    assert (ids[0],) == found[MERULA].verified.exemplar_ids
    assert tuple(sorted(ids[1:4])) == found[MERULA].rejected.exemplar_ids
    assert (ids[2],) == found["Parus major"].added.exemplar_ids
    assert () == catalog.reviewed_taxa(make.card().space, parse_filter("not reviewed"))


def test_clusters_are_not_named_by_what_people_deny(catalog: Catalog, make: Make) -> None:
    """A rejected detection gives its member the next name, and a denial is no name."""
    stored = filled(catalog, make)
    space, ids = make.card().space, [one.segment.id for one in stored]
    own = Cluster(id="c0", space=space, n_members=3, persistence=None, medoid_id=ids[0], exemplar_ids=())
    whole = Clustering(id="1", space=space, method="toy", n_segments=3, n_unassigned=0, clusters=(own,))
    catalog.save_clustering(whole, dict.fromkeys(ids, "c0"))
    catalog.add_reviews([review(stored[0].segment.id, "rejected")])
    names = {one.scientific_name: one.n_members for one in catalog.cluster_names("c0")}
    assert {MERULA: 2, PHILOMELOS: 1} == names
