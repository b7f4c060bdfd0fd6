"""Planted faults: each must turn a suite red, at the case that names it."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rab.retrieval.depth
import rab.segments.window
from rab.bootstrap import open_workspace
from rab.domain import EmbeddedBatch, EmbedderCard, SegmentFilter, SignalQuality, Taxon, Waveform
from rab.embedders.base import Embedder
from rab.evals.base import judge
from rab.evals.run import run_suite
from rab.evals.suites import read_suite
from rab.settings import Settings
from rab.store.base import Hit, VectorStore
from rab.workflows.workspace import Workspace

OpenLibrary = Callable[[Path], AbstractContextManager[Workspace]]
Failed = Callable[..., set[str]]


@pytest.fixture
def failed(birdnet: Embedder, samples_dir: Path, models_dir: Path) -> Failed:
    """Run a suite on some samples and return the cases that fail; `change` alters the library that it fills."""
    calls = samples_dir / "pykanto"

    def run(
        suite: str, embedder: Embedder = birdnet, change: Callable[[Workspace], Workspace] = lambda one: one
    ) -> set[str]:
        @contextmanager
        def open_library(home: Path) -> Iterator[Workspace]:
            settings = Settings(home=home, models_dir=models_dir, n_threads=1)
            with open_workspace(settings, purpose="tests") as workspace:
                yield change(workspace)

        found = run_suite(suite, embedder, [calls], open_library=open_library)
        return {verdict.case for verdict in judge(found, read_suite(suite), None) if not verdict.passed}

    return run


def test_nothing_fails_without_a_fault(failed: Failed) -> None:
    """The library suite is green on the recordings on which faults are planted."""
    assert set() == failed("library")


def _interpolated(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
    """Resample by straight lines between samples."""
    whole = list(blocks)
    samples = np.concatenate([block.samples for block in whole])
    old_hz = whole[0].sample_rate_hz
    at = np.arange(int(len(samples) * rate_hz / old_hz)) * old_hz / rate_hz
    yield Waveform(np.interp(at, np.arange(len(samples)), samples).astype(np.float32), rate_hz, whole[0].t0_ms)


def _decimated(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
    """Resample by taking the sample that is nearest, with no filter."""
    whole = list(blocks)
    samples = np.concatenate([block.samples for block in whole])
    old_hz = whole[0].sample_rate_hz
    at = np.round(np.arange(int(len(samples) * rate_hz / old_hz)) * old_hz / rate_hz).astype(int)
    yield Waveform(samples[np.minimum(at, len(samples) - 1)], rate_hz, whole[0].t0_ms)


@pytest.mark.parametrize("resampler", [_interpolated, _decimated])
def test_a_swapped_resampler_is_noticed(
    resampler: Callable[..., Iterator[Waveform]], failed: Failed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linear interpolation and decimation without a filter fold tones down and mirror them up."""
    monkeypatch.setattr(rab.segments.window, "resampled", resampler)
    assert {"alias_db", "image_db"} <= failed("mechanical")


def test_a_shifted_window_is_noticed(failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows that are cut half a second late show where clicks come out, and where calls are stored."""
    tape: Any = rab.segments.window._Tape
    whole = tape.at
    monkeypatch.setattr(tape, "at", lambda self, t_ms: whole(self, t_ms + 500))
    assert "click_error_ms" in failed("mechanical")
    assert "stored_vector_error" in failed("library")


def test_windows_that_begin_late_are_noticed(failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid that begins half a second late, and says so, leaves out the first half second of every recording."""
    spans = rab.segments.window.spans

    def late(*asked: Any) -> Iterator[tuple[float, float]]:
        return ((t0_ms + 500, t1_ms) for t0_ms, t1_ms in spans(*asked))

    monkeypatch.setattr(rab.segments.window, "spans", late)
    assert "grid_error_ms" in failed("mechanical")


def test_a_fixed_k_is_noticed(failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A depth that ignores the signal is no depth."""
    monkeypatch.setattr(rab.retrieval.depth, "_depth_of_snr", lambda quality, policy: (10, ["k = 10"]))
    assert {"depth_growth"} == failed("library")


class _Altered:
    """A store that answers searches in another way."""

    def __init__(self, store: VectorStore, answer: Callable[..., list[Hit]]) -> None:
        self._store, self._answer = store, answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def search(
        self, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, *, exclude_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Answer as the fault would have it."""
        return self._answer(self._store, vector, k, where, exclude_ids)


def _with_search(answer: Callable[..., list[Hit]]) -> Callable[[Workspace], Workspace]:
    def change(workspace: Workspace) -> Workspace:
        opened = workspace.open_store
        return replace(workspace, open_store=lambda card: _Altered(opened(card), answer))

    return change


def test_a_filter_that_is_ignored_is_noticed(failed: Failed) -> None:
    """A search that returns whatever is near, filter or not, differs from reading segments by hand."""

    def unfiltered(
        store: VectorStore, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, passed: Sequence[str]
    ) -> list[Hit]:
        return store.search(vector, k, SegmentFilter(), exclude_ids=passed)

    assert "filter_error_share" in failed("library", change=_with_search(unfiltered))


def test_neighbours_that_are_missed_are_noticed(failed: Failed) -> None:
    """An index that skips every other neighbour has half the recall."""

    def skipping(
        store: VectorStore, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, passed: Sequence[str]
    ) -> list[Hit]:
        return store.search(vector, 2 * k, where, exclude_ids=passed)[::2]

    assert "neighbour_recall" in failed("library", change=_with_search(skipping))


class _Permuted:
    """A model whose dimensions stand in another order: all similarities among its own vectors are right."""

    def __init__(self, like: Embedder) -> None:
        self._like = like
        self.card: EmbedderCard = like.card
        self.taxa: tuple[Taxon, ...] = like.taxa

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Embed, and turn the dimensions round."""
        heard = self._like.embed(windows)
        return EmbeddedBatch(np.ascontiguousarray(heard.embeddings[:, ::-1]), heard.logits)


def test_embeddings_of_the_wrong_model_are_noticed(failed: Failed, birdnet: Embedder) -> None:
    """Other numbers under the same name differ from the golden ones, and from what the library holds."""
    assert {"golden_error", "stored_vector_error"} <= failed("library", embedder=_Permuted(birdnet))


def test_a_library_filled_by_another_model_is_noticed(failed: Failed, birdnet: Embedder) -> None:
    """Vectors of an ingest that loaded other weights are not what the model makes of the sound."""
    filled = failed("library", change=lambda one: replace(one, build_embedder=lambda key: _Permuted(birdnet)))
    assert {"stored_vector_error"} == filled


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[SignalQuality], dict[str, object]]], None]:
    """Change what an ingest measures of a segment's quality."""
    listening: Any = sys.modules["rab.workflows.listening"]
    measure = listening.measure

    def change(update: Callable[[SignalQuality], dict[str, object]]) -> None:
        def changed(*sound: Any) -> SignalQuality:
            quality = measure(*sound)
            return SignalQuality.model_validate({**quality.model_dump(), **update(quality)})

        monkeypatch.setattr(listening, "measure", changed)

    return change


def test_silence_taken_for_signal_is_noticed(failed: Failed, measuring: Callable[..., None]) -> None:
    """A silent window with an SNR may support a claim, and is found out."""
    measuring(lambda one: {"snr_db": 25.0, "snr_unmeasured": None, "silent": False} if one.silent else {})
    assert {"silence_taken_share"} == failed("library")


def test_a_wrong_snr_is_noticed(failed: Failed, measuring: Callable[..., None]) -> None:
    """An SNR that is 6 dB too high differs from that of calls whose level is known."""
    measuring(lambda one: {} if one.snr_db is None else {"snr_db": one.snr_db + 6})
    assert "snr_error_db" in failed("library")


def test_a_wrong_clipped_share_is_noticed(failed: Failed, measuring: Callable[..., None]) -> None:
    """Clipping that is never told differs from a window of which a tenth is clipped."""
    measuring(lambda one: {"clipped_fraction": 0.0})
    assert {"clipping_error"} == failed("library")
