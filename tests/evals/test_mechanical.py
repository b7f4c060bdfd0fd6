"""The mechanical suite passes on the real model, and notices a broken path."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon, Waveform
from rab.embedders.base import Embedder
from rab.evals.base import Baseline, EvalRun, Suite, judge
from rab.evals.run import run_suite
from rab.evals.suites import read_baseline, read_suite


@pytest.fixture(scope="module")
def suite() -> Suite:
    return read_suite("mechanical")


@pytest.fixture(scope="module")
def run(birdnet: Embedder, samples_dir: Path) -> EvalRun:
    return run_suite("mechanical", birdnet, [samples_dir])


def failures(run: EvalRun, suite: Suite, baseline: Baseline | None = None) -> set[str]:
    return {verdict.case for verdict in judge(run, suite, baseline) if not verdict.passed}


def test_birdnet_passes_every_gate_and_its_baseline(run: EvalRun, suite: Suite) -> None:
    """The real model on the sample recordings passes, against a baseline of the same recordings."""
    baseline = read_baseline("mechanical", run.model)
    assert baseline is not None
    assert baseline.data_sha256 == run.data_sha256
    assert failures(run, suite, baseline) == set()


def test_every_case_is_asked(run: EvalRun, suite: Suite) -> None:
    """The suite's data and its code name the same cases."""
    assert [score.case for score in run.scores] == [case.name for case in suite.cases]


def test_regression_is_noticed(run: EvalRun, suite: Suite) -> None:
    """A value behind its baseline by more than the tolerance fails, though it passes the gate."""
    baseline = Baseline(
        suite="mechanical", model=run.model, data_sha256=run.data_sha256, values={"effective_dimensions": 99.0}
    )
    assert failures(run, suite, baseline) == {"effective_dimensions"}


def test_baseline_of_other_recordings_is_no_measure(run: EvalRun, suite: Suite) -> None:
    """Values on other recordings are not compared."""
    baseline = Baseline(suite="mechanical", model=run.model, data_sha256="x", values={"effective_dimensions": 99.0})
    assert failures(run, suite, baseline) == set()


class Collapsed:
    """A broken model: all windows land on almost the same spot, apart from their loudness."""

    def __init__(self, like: Embedder) -> None:
        self.card: EmbedderCard = like.card
        self.taxa: tuple[Taxon, ...] = like.taxa

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Return a constant, a little louder for louder windows."""
        embeddings = np.ones((len(windows), self.card.dim), np.float32)
        embeddings[:, 0] += np.abs(windows).mean(axis=1)
        return EmbeddedBatch(embeddings, np.zeros((len(windows), 1), np.float32))


def test_collapsed_space_is_noticed(birdnet: Embedder, samples_dir: Path, suite: Suite) -> None:
    """A model that says the same of everything fails on shape, and on finding a shifted sound again."""
    broken = run_suite("mechanical", Collapsed(birdnet), [samples_dir])
    assert {"dead_dimension_share", "effective_dimensions", "stranger_similarity"} <= failures(broken, suite)


def test_wrong_rate_is_noticed(
    birdnet: Embedder, samples_dir: Path, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that hands sound over without resampling it shifts tones and clicks."""

    def untouched(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
        return (Waveform(block.samples, rate_hz, block.t0_ms) for block in blocks)

    monkeypatch.setattr(sys.modules["rab.segments.window"], "resampled", untouched)
    broken = run_suite("mechanical", birdnet, [samples_dir])
    assert {"tone_error_hz", "click_error_ms"} <= failures(broken, suite)


def test_values_that_are_not_finite_fail_without_a_crash(birdnet: Embedder, samples_dir: Path, suite: Suite) -> None:
    """A model that answers NaN fails its gates, each case with a reason."""

    class Broken(Collapsed):
        def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
            return EmbeddedBatch(
                np.full((len(windows), self.card.dim), np.nan, np.float32), np.zeros((len(windows), 1), np.float32)
            )

    broken = run_suite("mechanical", Broken(birdnet), [samples_dir])
    assert {"not_finite_share", "norm_spread", "effective_dimensions"} <= failures(broken, suite)
