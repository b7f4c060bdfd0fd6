"""Models that are not what they were: other weights under the same name, a network that gives no vector."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from rab.domain import EmbeddedBatch, EmbedderCard, SegmentFilter, Taxon
from rab.embedders.base import Embedder
from rab.errors import SpaceMismatch
from rab.workflows.ingest import IngestProgress, ingest
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


class Altered:
    """BirdNET with another sha256 of its weights, or with one vector without length."""

    def __init__(self, model: Embedder, *, weights_sha256: str | None = None, is_mute: bool = False) -> None:
        self._model = model
        self._weights_sha256 = weights_sha256 or model.card.weights_sha256
        self._is_mute = is_mute

    @property
    def card(self) -> EmbedderCard:
        return self._model.card.model_copy(update={"weights_sha256": self._weights_sha256})

    @property
    def taxa(self) -> tuple[Taxon, ...]:
        return self._model.taxa

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        batch = self._model.embed(windows)
        embeddings = batch.embeddings.copy()
        if self._is_mute:
            embeddings[windows.std(axis=1) < 1e-6] = 0
        return EmbeddedBatch(embeddings, batch.logits)


def with_model(workspace: Workspace, model: Embedder) -> Workspace:
    return replace(workspace, build_embedder=lambda _: model)


def test_other_weights_of_the_same_name_are_refused(workspace: Workspace, folder: Path, birdnet: Embedder) -> None:
    """Their vectors do not compare, so nothing is heard; what the library holds stays, and `again` replaces it."""
    first, *others = sorted(folder.iterdir())
    ingest(with_model(workspace, birdnet), [first], models=(MODEL,))
    other = with_model(workspace, Altered(birdnet, weights_sha256="f" * 64))
    with pytest.raises(SpaceMismatch, match="was filled by birdnet"):
        ingest(other, others, models=(MODEL,))
    assert 1 == workspace.catalog.count_recordings()
    assert 3 == ingest(other, [folder], models=(MODEL,), again=True).n_ingested
    assert 9 == len(workspace.catalog.segment_ids(other.card(MODEL).space, SegmentFilter()))


def test_a_vector_without_length_is_its_files_failure(workspace: Workspace, folder: Path, birdnet: Embedder) -> None:
    """The file is named with the time, and the others are in."""
    soundfile.write(folder / "a silent one.wav", np.zeros(48_000 * 4, np.float32), 48_000)
    mute = with_model(workspace, Altered(birdnet, is_mute=True))
    report = ingest(mute, [folder], models=(MODEL,))
    (failure,) = report.failures
    assert (3, "a silent one.wav") == (report.n_ingested, Path(failure.path).name)
    assert "no vector at 0.000 s" in failure.message


def test_stopped_by_the_user_it_keeps_what_it_has_heard(workspace: Workspace, folder: Path) -> None:
    """Ctrl-C after the second file: both are in the library, though nothing was due to be stored yet."""

    def watch(progress: IngestProgress) -> None:
        if progress.n_files_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(workspace, [folder], models=(MODEL,), watch=watch)
    assert 2 == workspace.catalog.count_recordings()
    assert (1, 2) == ((again := ingest(workspace, [folder], models=(MODEL,))).n_ingested, again.n_already_done)
