"""A library calibrates its model by its own labels, keeps what it learned, and its packs and texts make use of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import Label, LabelSource, SegmentPayload, rejection_of
from rab.errors import InputError, NotFound
from rab.retrieval.calibration import CalibrationPolicy
from rab.store.base import VectorStore
from rab.store.exact import ExactStore
from rab.workflows.calibrating import (
    calibration_of_taxon,
    calibrations_in_use,
    calibrations_of,
    last_calibrations,
    learn_calibrations,
    switch_calibrations_off,
)
from rab.workflows.questions import evidence, interpret
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MODEL, MERULA, CUCKOO = "toy-v1", "Turdus merula", "Cuculus canorus"
MAKE = Make()
LENIENT = CalibrationPolicy(max_ece=1.0)
"""With 120 labels, chance alone may put a true curve above the limit."""
Labelled = Callable[..., Sequence[str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return an empty library, in memory but for its catalog."""
    stores: dict[str, VectorStore] = {}
    return Workspace(
        home=tmp_path,
        catalog=Catalog.open(f"sqlite:///{(tmp_path / 'catalog.sqlite').as_posix()}"),
        build_embedder=lambda key: pytest.fail(f"nothing is embedded, and {key} was asked for"),
        open_store=lambda card: stores.setdefault(card.space, ExactStore(card)),
        open_ranges=lambda _: pytest.fail("no ranges are needed"),
    )


@pytest.fixture
def labelled(workspace: Workspace) -> Labelled:
    """Take in recordings of two segments, score them for a blackbird, and label them with what was planted."""
    random = np.random.default_rng(0)

    def take_in(n: int = 60, *, source: LabelSource = "human", site: str = "A", prefix: str = "r") -> Sequence[str]:
        ids: list[str] = []
        for number in range(n):
            recording = MAKE.recording(f"{prefix}{number}", site=site)
            scores = np.clip(np.round(random.random(2) * 0.85 + 0.12, 4), 0, 1).tolist()
            right = [random.random() < (0.98 if score > 0.5 else 0.02) for score in scores]
            stored = [
                MAKE.segment(recording, at, scores=[MAKE.score(MERULA, score)]) for at, score in enumerate(scores)
            ]
            vectors = 0.1 * random.normal(size=(2, 8))
            vectors[np.arange(2), [0 if one else 1 for one in right]] += 1
            own = [one.segment.id for one in stored]
            payloads = [SegmentPayload(segment_id=one, recording_id=recording.id, site=site) for one in own]
            workspace.catalog.commit_recording(recording, MAKE.card(), stored, policy="p")
            workspace.store(MAKE.card()).upsert(vectors.astype(np.float32), payloads)
            for one, is_right in zip(own, right, strict=True):
                say(workspace, one, MERULA if is_right else CUCKOO, source=source)
            ids += own
        return ids

    return take_in


def say(
    workspace: Workspace, segment: str, taxon: str, *, source: LabelSource = "human", rejected: bool = False
) -> None:
    """Label a segment, or reject a name for it."""
    label = Label(
        segment_id=segment,
        taxon=rejection_of(taxon) if rejected else taxon,
        source=source,
        author="Ann",
        labelled_at="2025-05-04T12:00Z",
        kind="rejection" if rejected else "taxon",
    )
    workspace.catalog.add_labels([label])


def test_labels_teach_and_packs_and_texts_use_it(workspace: Workspace, labelled: Labelled) -> None:
    """What was planted is found; a pack carries the probability with its version, and the text prints it."""
    ids = labelled()
    learned = learn_calibrations(workspace, model=MODEL, policy=LENIENT)
    (found,) = learned.species
    assert (1, MERULA, 120, 60, None) == (learned.version, found.taxon, found.n, found.n_recordings, found.withheld)
    assert learned == last_calibrations(workspace, model=MODEL)
    best = max(ids, key=lambda one: workspace.catalog.segment(one).scores[0].raw_score)
    inside = next(one for one in ids if 0.7 < workspace.catalog.segment(one).scores[0].raw_score < 0.9)
    (entry,) = evidence(workspace, inside).taxon_scores
    assert entry.calibration is not None
    assert entry.probability is not None
    assert (1, 120) == (entry.calibration.version, entry.calibration.n)
    assert entry.probability > 0.8
    text = interpret(workspace, best)
    assert (f"{MODEL} v1 of {learned.learned_on}",) == text.generation.calibrations


def test_nearness_is_learned_for_the_text(workspace: Workspace, labelled: Labelled) -> None:
    """The threshold of the band replaces the default, and the record says from which version."""
    ids = labelled()
    learned = learn_calibrations(workspace, model=MODEL)
    near = learned.near_similarity(10.0)
    assert near is not None
    thresholds = interpret(workspace, ids[0]).generation.thresholds
    assert (near, 1) == (thresholds["near_similarity"], thresholds["near_calibration"])
    assert learned.near_similarity(None) is None
    switch_calibrations_off(workspace, model=MODEL)
    assert (0.70, None) == tuple(interpret(workspace, ids[0]).generation.thresholds[one] for one in _NEAR)


_NEAR = ("near_similarity", "near_calibration")


def test_imported_labels_teach_when_they_are_asked_for(workspace: Workspace, labelled: Labelled) -> None:
    """A table's labels are passed over by default; a model's always."""
    labelled(source="imported")
    with pytest.raises(InputError, match="bears a label of the kind asked for"):
        learn_calibrations(workspace, model=MODEL)
    assert 120 == learn_calibrations(workspace, model=MODEL, labels="imported").n_labelled
    assert ("all", 120) == (
        learn_calibrations(workspace, model=MODEL, labels="all").labels,
        last_calibrations(workspace, model=MODEL).n_labelled,
    )


def test_unlabelled_is_nothing_and_rejected_is_wrong(workspace: Workspace, labelled: Labelled) -> None:
    """A rejection counts against its taxon; a segment without a word counts for nobody."""
    labelled(3)
    recording = MAKE.recording("new")
    stored = [MAKE.segment(recording, at, scores=[MAKE.score(MERULA, 0.6), MAKE.score(CUCKOO, 0.3)]) for at in (0, 1)]
    payloads = [SegmentPayload(segment_id=one.segment.id, recording_id=recording.id) for one in stored]
    workspace.catalog.commit_recording(recording, MAKE.card(), stored, policy="p")
    workspace.store(MAKE.card()).upsert(np.eye(8, dtype=np.float32)[:2], payloads)
    before = {one.taxon: (one.n, one.n_positive) for one in learn_calibrations(workspace, model=MODEL).species}
    say(workspace, stored[0].segment.id, MERULA, rejected=True)
    after = {one.taxon: (one.n, one.n_positive) for one in learn_calibrations(workspace, model=MODEL).species}
    assert (before[MERULA][0] + 1, before[MERULA][1]) == after[MERULA]
    assert CUCKOO not in after


def test_a_copied_file_is_no_second_recording(workspace: Workspace, labelled: Labelled) -> None:
    """Two files with the same sound stand in one group."""
    labelled(3)
    for name in ("one", "copy"):
        recording = MAKE.recording(name)
        stored = MAKE.segment(recording, scores=[MAKE.score(MERULA, 0.8)])
        workspace.catalog.commit_recording(recording, MAKE.card(), [stored], policy="p")
        payload = SegmentPayload(segment_id=stored.segment.id, recording_id=recording.id)
        workspace.store(MAKE.card()).upsert(np.eye(8, dtype=np.float32)[:1], [payload])
        say(workspace, stored.segment.id, MERULA)
    assert 4 == learn_calibrations(workspace, model=MODEL).n_recordings


def test_sites_are_calibrated_where_labels_suffice(workspace: Workspace, labelled: Labelled) -> None:
    """A site with labels enough has its own calibration, which goes first there; one without has none."""
    labelled(60, site="A")
    labelled(3, site="B", prefix="b")
    learned = learn_calibrations(workspace, model=MODEL, sites=True, policy=LENIENT)
    assert [None, "A"] == [one.site for one in calibration_of_taxon(workspace, MERULA, model=MODEL)]
    at_a, at_b = learned.find(MERULA, "A"), learned.find(MERULA, "B")
    assert at_a is not None
    assert at_b is not None
    assert ("A", None) == (at_a.site, at_b.site)


def test_off_keeps_what_was_learned(workspace: Workspace, labelled: Labelled) -> None:
    """After `off` nothing is in use, older versions are still found, and learning again counts on."""
    labelled()
    card = MAKE.card()
    assert calibrations_in_use(workspace, card) is None
    with pytest.raises(NotFound, match="nothing is calibrated"):
        switch_calibrations_off(workspace, model=MODEL)
    learned = learn_calibrations(workspace, model=MODEL)
    assert switch_calibrations_off(workspace, model=MODEL).in_use
    assert calibrations_in_use(workspace, card) is None
    assert learned == calibrations_of(workspace, card, version=1)
    assert 3 == learn_calibrations(workspace, model=MODEL).version


def test_a_taxon_is_found_by_either_name(workspace: Workspace, labelled: Labelled) -> None:
    """The common name leads to the scientific one; a taxon without labels is not found."""
    labelled()
    learn_calibrations(workspace, model=MODEL)
    assert calibration_of_taxon(workspace, MERULA, model=MODEL) == calibration_of_taxon(
        workspace, "eurasian blackbird", model=MODEL
    )
    with pytest.raises(NotFound, match="no label of Bubo bubo"):
        calibration_of_taxon(workspace, "Bubo bubo", model=MODEL)
