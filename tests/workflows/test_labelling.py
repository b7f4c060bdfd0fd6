"""What is said of a call is found by the next search, in every kind of store and after any interruption."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import (
    PAYLOAD_VERSION,
    EmbedderCard,
    Label,
    SegmentFilter,
    SegmentPayload,
    StoredSegment,
    parse_filter,
)
from rab.errors import InputError, NotFound
from rab.store.base import VectorStore
from rab.store.exact import ExactStore
from rab.store.qdrant_edge import QdrantEdgeStore
from rab.workflows.labelling import keep_labels, label_segment
from rab.workflows.payloads import segment_payload
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MAKE = Make()
CARD = MAKE.card(dim=4, score_threshold=0.5)
RECORDING = MAKE.recording(
    site="A12",
    started_at=datetime(2025, 5, 3, 22, 30, tzinfo=UTC),
    zone="Europe/Zurich",
    duration_ms=12_000,
    lat_deg=46.5,
    lon_deg=6.2,
    habitat="spruce",
)


def stored(number: int) -> StoredSegment:
    """Return a segment of the recording, with three scores."""
    given = [("Turdus merula", 0.9, True), ("Parus major", 0.8, False), ("Strix aluco", 0.2, None)]
    scores = [MAKE.score(name, raw_score, in_range=in_range) for name, raw_score, in_range in given]
    segment = MAKE.segment(RECORDING, number, scores=scores, quality=MAKE.quality(3.5))
    return segment.model_copy(update={"human_voice": number == 1})


SEGMENTS = [stored(number) for number in range(4)]
IDS = [one.segment.id for one in SEGMENTS]


@pytest.fixture(params=["exact", "edge"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """Return a library of four segments, whose payloads are those of a RAB that knew no labels."""

    def open_store(card: EmbedderCard) -> VectorStore:
        return ExactStore(card) if request.param == "exact" else QdrantEdgeStore.open(tmp_path / "vectors", card)

    library = Workspace(
        home=tmp_path,
        catalog=Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}"),
        build_embedder=lambda _: pytest.fail("nothing is embedded"),
        open_store=open_store,
        open_ranges=lambda _: pytest.fail("no ranges are needed"),
    )
    library.catalog.commit_recording(RECORDING, CARD, SEGMENTS, policy="p")
    old = [SegmentPayload(segment_id=one, recording_id=RECORDING.id, snr_db=3.5) for one in IDS]
    library.store(CARD).upsert(np.eye(4, dtype=np.float32), old)
    yield library
    library.close()


def found(workspace: Workspace, words: str) -> set[str]:
    """Return which segments the store finds for a filter."""
    hits = workspace.store(CARD).search(np.ones(4, np.float32), 9, parse_filter(words))
    return {hit.segment_id for hit in hits}


def test_a_payload_says_all_that_a_filter_asks() -> None:
    """Place, calendar, model, scores and voice; taxa out of range have no score."""
    payload = segment_payload(SEGMENTS[1], CARD)
    assert (PAYLOAD_VERSION, "A12", "spruce", 46.5, 6.2) == (
        payload.version,
        payload.site,
        payload.habitat,
        payload.lat_deg,
        payload.lon_deg,
    )
    assert (0, 504, "toy-v1", True) == (payload.local_hour, payload.month_day, payload.model, payload.human_voice)
    assert ("Turdus merula",) == payload.taxa
    assert [("Turdus merula", 0.9), ("Strix aluco", 0.2)] == [(one.taxon, one.raw_score) for one in payload.scores]


def test_a_label_is_found_by_the_next_search(workspace: Workspace) -> None:
    """A person's label makes its segment, and no other, labelled and reviewed, in catalog and store alike."""
    label_segment(workspace, IDS[2][:8], taxon=" alarm call ", author="Ann", kind="call_type")
    assert {IDS[2]} == found(workspace, "reviewed") == found(workspace, 'label="alarm call" source=human')
    assert set(IDS) - {IDS[2]} == found(workspace, "not reviewed")
    assert [IDS[2]] == workspace.catalog.segment_ids(CARD.space, parse_filter("reviewed"))


def test_an_empty_name_is_no_label(workspace: Workspace) -> None:
    """A label needs a name and an author, and the hint shows how."""
    with pytest.raises(InputError) as refused:
        label_segment(workspace, IDS[0], taxon=" ", author="Ann")
    assert "rab label" in refused.value.hint


def test_many_labels_are_kept_with_their_source(workspace: Workspace) -> None:
    """Imported and a model's labels are found by source, and review nothing."""
    sources = ["imported", "model"]
    given = [
        Label.model_validate({"segment_id": one, "taxon": "x", "source": source, "author": "t", "labelled_at": NOW})
        for one, source in zip(IDS, sources, strict=False)
    ]
    assert 2 == keep_labels(workspace, iter(given))
    assert [{IDS[0]}, {IDS[1]}] == [found(workspace, f"label=x source={source}") for source in sources]
    assert set() == found(workspace, "reviewed")
    with pytest.raises(NotFound):
        keep_labels(workspace, [given[0].model_copy(update={"segment_id": "f" * 32})])


NOW = datetime(2025, 6, 1, tzinfo=UTC)


def test_a_label_whose_store_failed_is_told_to_it_later(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was interrupted between catalog and store is made good when the collection is next asked for."""
    store = workspace.store(CARD)
    with monkeypatch.context() as broken:
        broken.setattr(store, "update_payloads", lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            label_segment(workspace, IDS[0], taxon="Turdus merula", author="Ann")
    assert {IDS[0]} == found(workspace, "reviewed")


def test_payloads_of_before_are_rewritten(workspace: Workspace) -> None:
    """Payloads that know less than the catalog say all that it knows once their segments are labelled."""
    questions = ["habitat=spruce", "near=46.5,6.2,1km", "date=05-04", "voice", 'taxon="Strix aluco" score>=0.1']
    assert [set()] * 5 == [found(workspace, words) for words in questions]
    for one in IDS:
        label_segment(workspace, one, taxon="Turdus merula", author="Ann")
    for words in questions:
        assert set(workspace.catalog.segment_ids(CARD.space, parse_filter(words))) == found(workspace, words) != set()
    assert {PAYLOAD_VERSION} == {one.payload.version for one in workspace.store(CARD).scan(SegmentFilter())}
