"""Reranking in a library: learned, proven on held-out recordings, switched on only when it helps, and off again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import (
    Label,
    SegmentPayload,
)
from rab.errors import InputError
from rab.retrieval.rerank import GraphReranker
from rab.retrieval.rerank.base import PRESUMED
from rab.store.exact import ExactStore
from rab.workflows.reranking import KIND, InUse, last_report, reranker_in_use, switch_off, train_reranker
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MODEL = "toy-v1"
TAXA = ("Parus major", "Turdus merula", "Strix aluco")
MAKE = Make()
CARD = MAKE.card(dim=24)


def refuse(_: object) -> object:
    """Stand where a model would be built: none is needed here."""
    raise AssertionError("no model is loaded to rerank")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Return an empty library with an exact store."""
    store = ExactStore(CARD)
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        yield Workspace(
            home=tmp_path,
            catalog=catalog,
            build_embedder=refuse,  # type: ignore[arg-type]
            open_store=lambda card: store,
            open_ranges=refuse,  # type: ignore[arg-type]
        )


def fill(workspace: Workspace, *, n_recordings: int, spread: float = 1.2) -> dict[str, str]:
    """Put recordings of one taxon each, four windows long, into the library; return segment id → taxon."""
    drawn = np.random.default_rng(11)
    kinds = drawn.normal(size=(len(TAXA), CARD.dim))
    taxon_of: dict[str, str] = {}
    for number in range(n_recordings):
        recording = MAKE.recording(str(number), site=None, started_at=None, zone=None, duration_ms=12_000)
        stored = [MAKE.segment(recording, index) for index in range(4)]
        ids = [one.segment.id for one in stored]
        workspace.catalog.commit_recording(recording, CARD, stored, policy="p")
        vectors = kinds[number % 3] + drawn.normal(size=CARD.dim) + spread * drawn.normal(size=(4, CARD.dim))
        payloads = [SegmentPayload(segment_id=one, recording_id=recording.id) for one in ids]
        workspace.store(CARD).upsert(vectors.astype(np.float32), payloads)
        taxon_of |= dict.fromkeys(ids, TAXA[number % 3])
    return taxon_of


def label(workspace: Workspace, taxon_of: dict[str, str]) -> None:
    """Say what every segment holds, as a person."""
    workspace.catalog.add_labels(
        Label(segment_id=one, taxon=taxon, source="human", author="A", labelled_at=datetime(2026, 5, 3, tzinfo=UTC))
        for one, taxon in taxon_of.items()
    )


def test_recordists_of_a_collection_are_held_apart(workspace: Workspace) -> None:
    """Fifteen recordings by five people are five groups, whoever else labels them."""
    taxon_of = fill(workspace, n_recordings=15)
    segments = workspace.catalog.segments(list(taxon_of))
    numbers = {one.recording.id: n for n, one in enumerate({s.recording.id: s for s in segments.values()}.values())}
    workspace.catalog.add_labels(
        Label(
            segment_id=one,
            taxon=taxon,
            source="imported",
            author=f"Person {numbers[segments[one].recording.id] % 5}",
            labelled_at=datetime(2026, 5, 3, tzinfo=UTC),
            provenance="atlas: t.csv line 2",
        )
        for one, taxon in taxon_of.items()
    )
    assert 5 == train_reranker(workspace, model=MODEL).n_groups


def test_labels_teach_and_what_helps_is_used(workspace: Workspace) -> None:
    """Labelled calls are asked, the best of what was measured comes into use, and `off` ends it."""
    label(workspace, fill(workspace, n_recordings=15))
    assert reranker_in_use(workspace, CARD) is None
    report = train_reranker(workspace, model=MODEL)
    assert ("labels", 15, 1) == (report.source, report.n_groups, report.version)
    cosine, *others = report.held_out
    assert max(one.mean_average_precision.mean for one in others) > cosine.mean_average_precision.mean
    assert report.in_use.method is not None
    assert reranker_in_use(workspace, CARD) is not None
    assert last_report(workspace, model=MODEL) == (report, report.in_use)
    assert report.in_use == switch_off(workspace, model=MODEL)
    assert reranker_in_use(workspace, CARD) is None
    assert InUse(method=None) == switch_off(workspace, model=MODEL)


def test_without_labels_the_sequence_teaches(workspace: Workspace) -> None:
    """A library without labels learns from what sounds in sequence, and says so; a second training is version 2."""
    fill(workspace, n_recordings=12)
    assert ("sequence", 1) == ((first := train_reranker(workspace, model=MODEL)).source, first.version)
    second = train_reranker(workspace, model=MODEL, source="sequence")
    assert 2 == second.version
    assert first.learned.feature_weights == second.learned.feature_weights
    assert "segments in sequence: presumed relevance, no label" in second.learned.words
    assert "presumed relevance, no label" == second.proof == json.loads(second.model_dump_json())["proof"]
    assert "held-out groups by presumed relevance, no label" in second.reason


def test_what_labels_proved_is_not_replaced_by_what_they_did_not(workspace: Workspace) -> None:
    """Training on presumed relevance leaves a labelled proof in use, until that is switched off; labels replace it."""
    taxon_of = fill(workspace, n_recordings=15)
    label(workspace, taxon_of)
    proven = train_reranker(workspace, model=MODEL)
    assert ("labels", "labels") == (proven.proof, proven.in_use.proof)
    presumed = train_reranker(workspace, model=MODEL, source="sequence")
    assert proven.in_use == presumed.in_use
    assert presumed.reason.endswith("what is in use was proven on labels and stays")
    assert (presumed, proven.in_use) == last_report(workspace, model=MODEL)
    switch_off(workspace, model=MODEL)
    after = train_reranker(workspace, model=MODEL, source="sequence")
    assert "labels" != after.in_use.proof
    assert "labels" == train_reranker(workspace, model=MODEL, source="labels").in_use.proof


def test_presumed_relevance_is_named_in_packs(workspace: Workspace) -> None:
    """What reranks by presumption says so in its words, learned or plain."""
    fill(workspace, n_recordings=12)
    version = train_reranker(workspace, model=MODEL, source="sequence").version
    for choice in (
        InUse(method="learned", version=version, proof=PRESUMED),
        InUse(method="k_reciprocal", proof=PRESUMED),
    ):
        workspace.catalog.keep_learned(KIND, "in-use", CARD.space, choice.model_dump_json())
        found = reranker_in_use(workspace, CARD)
        assert found is not None
        assert "presumed relevance, no label" in found.words


def test_what_was_kept_before_proofs_were_named_keeps_its_proof(workspace: Workspace) -> None:
    """A training and a choice without the field read as what their source says."""
    label(workspace, fill(workspace, n_recordings=15))
    report = train_reranker(workspace, model=MODEL)
    old = json.loads(report.model_dump_json())
    del old["proof"], old["in_use"]["proof"]
    workspace.catalog.keep_learned(KIND, "graph", CARD.space, json.dumps(old))
    workspace.catalog.keep_learned(KIND, "in-use", CARD.space, json.dumps(old["in_use"]))
    found = last_report(workspace, model=MODEL)
    assert found is not None
    assert ("labels", report.in_use) == (found[0].proof, found[1])


@pytest.mark.parametrize("seed", [1, 3])
def test_what_does_not_help_stays_off(workspace: Workspace, seed: int) -> None:
    """Labels dealt at random teach nothing: the version is kept, cosine stays in use, and the reason is told."""
    taxon_of = fill(workspace, n_recordings=12)
    dealt = np.random.default_rng(seed).permutation(list(taxon_of.values())).tolist()
    label(workspace, dict(zip(taxon_of, dealt, strict=True)))
    report = train_reranker(workspace, model=MODEL, source="labels")
    assert InUse(method=None) == report.in_use
    assert "does not beat cosine" in report.reason
    assert reranker_in_use(workspace, CARD) is None
    assert workspace.catalog.learned(KIND, "graph", CARD.space) is not None


def test_what_was_learned_is_what_reranks(workspace: Workspace) -> None:
    """A learned version in use comes back with its number and its weights."""
    label(workspace, fill(workspace, n_recordings=15))
    report = train_reranker(workspace, model=MODEL)
    choice = InUse(method="learned", version=report.version)
    workspace.catalog.keep_learned(KIND, "in-use", CARD.space, choice.model_dump_json())
    found = reranker_in_use(workspace, CARD)
    assert isinstance(found, GraphReranker)
    assert report.learned == found
    assert found.words.startswith("reranker v1 (trained ")


def test_a_library_of_few_recordings_is_refused(workspace: Workspace) -> None:
    """Three recordings prove nothing, with labels or without, and the next step is told."""
    label(workspace, fill(workspace, n_recordings=3))
    with pytest.raises(InputError, match="proven on 4 or more"):
        train_reranker(workspace, model=MODEL, source="labels")
    with pytest.raises(InputError, match="nothing to learn a reranker from"):
        train_reranker(workspace, model=MODEL)
