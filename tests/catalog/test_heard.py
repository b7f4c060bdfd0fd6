"""The columns that a summary is counted from: in order, each segment once, and the best calls first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.catalog.activity import count, exemplars
from rab.catalog.heard import NEVER, Heard
from rab.domain import Cluster, Clustering, Label, SegmentFilter, rejection_of

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()
NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)


@pytest.fixture
def heard(catalog: Catalog, make: "Make") -> Heard:
    """Two sites, two days, and a recording without a clock; a segment bears two names."""
    card = make.card(score_threshold=0.3)
    plan = {
        "a": ("A", NOON, [[("Turdus merula", 0.9), ("Cuculus canorus", 0.4)], [("Turdus merula", 0.2)]]),
        "b": ("B", NOON, [[("Turdus merula", 0.5)]]),
        "c": ("A", NOON + timedelta(days=1), [[("Turdus merula", 0.6)]]),
        "d": ("A", None, [[("Turdus merula", 0.7)]]),
    }
    for name, (site, started_at, names) in plan.items():
        recording = make.recording(name, site=site, started_at=started_at, lat_deg=52.0012, lon_deg=5.0)
        segments = [
            make.segment(recording, n, scores=[make.score(*one) for one in scores]) for n, scores in enumerate(names)
        ]
        catalog.commit_recording(recording, card, segments, policy="p")
    return catalog.heard(card.space, EVERYTHING)


def test_rows_stand_in_the_order_of_ids_and_scores(heard: Heard) -> None:
    """Ids ascend, the best score of a segment comes first, and what is below the threshold is not read."""
    ids = heard.ids(np.arange(len(heard.segment_ids)))
    assert list(ids) == sorted(ids)
    assert 5 == len(ids)
    names = [heard.taxa[taxon].scientific_name for taxon in heard.taxon.tolist()]
    both = next(n for n in range(4) if ids[n] == ids[n + 1])
    assert ["Turdus merula", "Cuculus canorus"] == names[both : both + 2]


def test_recorder_days_are_dates_at_sites(heard: Heard) -> None:
    """One date at two sites and another at one are three recorder-days; without a clock there is none."""
    blackbird = heard.of_taxon(heard.detected)[[one.scientific_name for one in heard.taxa].index("Turdus merula")]
    found = count(heard, blackbird, n_exemplars=1)
    assert (4, 4, 2, 3) == (found.n_segments, found.n_recordings, found.n_days, found.n_recorder_days)
    assert 1 == np.count_nonzero(heard.date == NEVER)


def test_places_are_known_to_a_hundredth(heard: Heard) -> None:
    """Fixes that differ by metres are one place."""
    assert ((52.0, 5.0),) == heard.places


def test_exemplars_are_clear_before_they_are_loud(heard: Heard) -> None:
    """No more calls than asked for, from as many recordings as there are, the clear ones first."""
    first = heard.first_of_segment(heard.detected)
    quiet = replace(heard, snr_db=np.where(heard.raw_score > 0.55, -5.0, 20.0))
    chosen = exemplars(quiet, first, 2, clear_from_db=5.0)
    assert [0.5, 0.9] == quiet.raw_score[chosen].tolist()
    assert () == heard.ids(exemplars(heard, first, 0))


def test_many_calls_of_few_recordings_give_all_recordings(make: "Make", catalog: Catalog) -> None:
    """A thousand good calls of one recording do not hide the poor one of another."""
    card = make.card(score_threshold=0.3)
    for name, scores in {"long": [0.9] * 1000, "short": [0.31]}.items():
        recording = make.recording(name, duration_ms=4_000_000)
        segments = [make.segment(recording, n, scores=[make.score("Engine", one)]) for n, one in enumerate(scores)]
        catalog.commit_recording(recording, card, segments, policy="p")
    found = catalog.heard(card.space, EVERYTHING)
    chosen = exemplars(found, found.first_of_segment(found.detected), 3)
    assert [0.9, 0.9, 0.31] == found.raw_score[chosen].tolist()


def test_people_are_heard_and_models_are_not(catalog: Catalog, make: "Make") -> None:
    """Names and rejections by people come back; a model's label and a call type do not."""
    recording = make.recording()
    stored = make.segment(recording)
    catalog.commit_recording(recording, make.card(), [stored], policy="p")

    def label(taxon: str, **fields: object) -> Label:
        given = {"segment_id": stored.segment.id, "taxon": taxon, "source": "human", "author": "a"}
        return Label.model_validate({**given, "labelled_at": NOON, **fields})

    told = [label("Turdus merula"), label(rejection_of("Cuculus canorus"), kind="rejection")]
    catalog.add_labels([*told, label("song", kind="call_type"), label("Engine", source="model")])
    assert told == catalog.said_by_people()


def test_novel_segments_are_counted_among_those_compared(catalog: Catalog, make: "Make") -> None:
    """Before a clustering nothing is novel; after it, those at or above the limit, the farthest first."""
    recording, space = make.recording(), make.card().space
    segments = [make.segment(recording, n) for n in range(4)]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    assert 0 == catalog.novel_segments(space, EVERYTHING, at_least=0.9).n_placed
    ids = [one.segment.id for one in segments]
    cluster = Cluster(id="c1.x", space=space, n_members=4, persistence=None, medoid_id=ids[0], exemplar_ids=())
    clustering = Clustering(id="x", space=space, method="", n_segments=4, n_unassigned=0, clusters=(cluster,))
    novelty = dict(zip(ids, [0.1, 0.95, 0.9, None], strict=True))
    catalog.save_clustering(clustering, dict.fromkeys(ids, "c1.x"), novelty=novelty)
    found = catalog.novel_segments(space, EVERYTHING, at_least=0.9)
    assert (3, 2, (ids[1], ids[2])) == (found.n_placed, found.n_novel, found.exemplar_ids)
