"""Reranking in a library: learned, proven on held-out recordings, switched on only when it helps, and off again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import (
    CallSegment,
    Descriptors,
    EmbedderCard,
    Label,
    Recording,
    SegmentPayload,
    SignalQuality,
    StoredSegment,
    content_id,
    segment_id,
)
from rab.errors import InputError
from rab.retrieval.rerank import GraphReranker
from rab.store.exact import ExactStore
from rab.workflows.reranking import KIND, InUse, last_report, reranker_in_use, switch_off, train_reranker
from rab.workflows.workspace import Workspace

MODEL = "toy-v1"
TAXA = ("Parus major", "Turdus merula", "Strix aluco")
CARD = EmbedderCard(
    name="toy",
    version="1",
    task="birds",
    sample_rate_hz=48_000,
    window_ms=3000,
    hop_ms=3000,
    dim=24,
    n_classes=1,
    weights_sha256="0" * 64,
    preprocessing="none",
    licence="CC0-1.0",
    licence_url="",
    citation="",
)
QUIET = SignalQuality(
    snr_db=10.0,
    snr_unmeasured=None,
    band_low_hz=None,
    band_high_hz=None,
    noise_floor_dbfs=None,
    peak_dbfs=None,
    clipped_fraction=0,
    overlap_fraction=0,
    rain=False,
    wind=False,
    silent=False,
)


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
        recording = Recording(
            id=content_id(str(number).encode()),
            path=f"/field/{number}.wav",
            n_bytes=1,
            container="WAV",
            sample_rate_hz=48_000,
            n_channels=1,
            n_frames=576_000,
            duration_ms=12_000,
        )
        segments = [
            CallSegment(
                id=segment_id(recording.id, None, t0_ms, t0_ms + 3000, MODEL),
                recording_id=recording.id,
                t0_ms=t0_ms,
                t1_ms=t0_ms + 3000,
                embedder=MODEL,
            )
            for t0_ms in (0.0, 3000.0, 6000.0, 9000.0)
        ]
        stored = [
            StoredSegment(segment=one, recording=recording, quality=QUIET, descriptors=Descriptors())
            for one in segments
        ]
        workspace.catalog.commit_recording(recording, CARD, stored, policy="p")
        vectors = kinds[number % 3] + drawn.normal(size=CARD.dim) + spread * drawn.normal(size=(4, CARD.dim))
        payloads = [SegmentPayload(segment_id=one.id, recording_id=recording.id) for one in segments]
        workspace.store(CARD).upsert(vectors.astype(np.float32), payloads)
        taxon_of |= {one.id: TAXA[number % 3] for one in segments}
    return taxon_of


def label(workspace: Workspace, taxon_of: dict[str, str]) -> None:
    """Say what every segment holds, as a person."""
    workspace.catalog.add_labels(
        Label(segment_id=one, taxon=taxon, source="human", author="A", labelled_at=datetime(2026, 5, 3, tzinfo=UTC))
        for one, taxon in taxon_of.items()
    )


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
    assert "segments in sequence" in second.learned.words


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
