"""The mechanical suite passes on the real model, and notices a broken path."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rab.audio.decode
import rab.audio.resample
import rab.evals.sound_path
import rab.segments.window
from rab.domain import EmbeddedBatch, EmbedderCard, Recording, Samples, Taxon, Waveform
from rab.embedders.base import Embedder
from rab.evals.base import Baseline, EvalRun, Suite, Verdict, judge
from rab.evals.mechanical import CASES
from rab.evals.run import run_suite
from rab.evals.sound_path import Bench
from rab.evals.suites import read_baseline, read_suite
from rab.segments import WindowPolicy


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


Asked = Callable[[str], Verdict]


@pytest.fixture
def asked(birdnet: Embedder, run: EvalRun, suite: Suite, tmp_path: Path) -> Asked:
    """Ask one case that needs no real sound, and hold it against its gate."""

    def ask(case: str) -> Verdict:
        score = CASES[case](Bench(birdnet, [], tmp_path, run.seed))
        verdicts = judge(run.model_copy(update={"scores": (score,)}), suite, None)
        return next(verdict for verdict in verdicts if verdict.case == case)

    return ask


@pytest.mark.parametrize("quality", ["QQ", "LQ"])
def test_a_cheap_resampler_is_noticed(quality: str, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lowest qualities of soxr let tones sink that both rates hold."""
    import soxr

    def cheap(chunks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
        yield soxr.resample(np.concatenate(list(chunks)), from_hz, to_hz, quality=quality)

    assert asked("passband_db").passed
    monkeypatch.setitem(rab.audio.resample._METHODS, "soxr", cheap)
    assert not asked("passband_db").passed


def test_samples_that_are_repeated_are_noticed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate that divides the model's tempts to repeat samples, which leaves images as loud as the sound."""
    soxr = rab.audio.resample._METHODS["soxr"]

    def lazy(chunks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
        if to_hz % from_hz or to_hz == from_hz:
            return soxr(chunks, from_hz, to_hz)
        return (np.repeat(samples, to_hz // from_hz) for samples in chunks)

    assert asked("image_db").passed
    monkeypatch.setitem(rab.audio.resample._METHODS, "soxr", lazy)
    assert not asked("image_db").passed


def test_a_channel_taken_for_another_is_noticed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the second channel and gets the first is found out, and so is a mean of one channel."""
    assert asked("stereo_error").passed
    monkeypatch.setattr(rab.audio.decode, "_voice", lambda frames, *_: frames[:, 0])
    assert not asked("stereo_error").passed


def test_a_usual_resampler_passes(birdnet: Embedder, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that asks for `polyphase` gets what it was trained with: no gate stands against it."""
    methods = rab.audio.resample._METHODS
    monkeypatch.setitem(methods, "soxr", methods["polyphase"])
    assert [] == [case for case in ("alias_db", "image_db", "passband_db", "uncovered_ms") if not asked(case).passed]


def test_a_tail_that_is_dropped_is_noticed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan without the last short window loses the end of most recordings."""
    spans = rab.segments.window.spans

    def whole(recording: Recording, card: EmbedderCard, policy: WindowPolicy) -> Iterator[tuple[float, float]]:
        for index, (t0_ms, t1_ms) in enumerate(spans(recording, card, policy)):
            if index == 0 or t1_ms - t0_ms == card.window_ms:
                yield t0_ms, t1_ms

    assert "0, gate 1, no baseline for these recordings" == asked("uncovered_ms").words
    monkeypatch.setattr(rab.segments.window, "spans", whole)
    assert "1500 misses the gate 1" == asked("uncovered_ms").words


def test_a_longer_least_tail_is_noticed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of sound is enough for a window: a policy that asks for two loses it."""
    monkeypatch.setattr(rab.evals.sound_path, "WindowPolicy", lambda: WindowPolicy(min_tail_ms=2000))
    assert "1500 misses the gate 1" == asked("uncovered_ms").words


def test_a_window_that_tells_more_than_it_holds_is_noticed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows whose spans are right, and whose sound for the model ends a second early, lose it."""
    window: Any = rab.segments.window
    whole = window.resampled

    def shorter(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
        found = list(whole(blocks, rate_hz, method))
        samples = np.concatenate([block.samples for block in found])
        yield Waveform(samples[: max(1, len(samples) - rate_hz)], rate_hz, 0.0)

    monkeypatch.setattr(rab.segments.window, "resampled", shorter)
    assert not asked("uncovered_ms").passed


def test_levels_are_told_in_words_that_can_be_read(
    birdnet: Embedder, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tone that arrives whole is told as 0 dB, and not as what rounding leaves of it."""

    def decimated(blocks: Iterable[Waveform], rate_hz: int, method: str) -> Iterator[Waveform]:
        whole = list(blocks)
        samples, old_hz = np.concatenate([block.samples for block in whole]), whole[0].sample_rate_hz
        at = np.round(np.arange(int(len(samples) * rate_hz / old_hz)) * old_hz / rate_hz).astype(int)
        yield Waveform(samples[np.minimum(at, len(samples) - 1)], rate_hz, 0.0)

    monkeypatch.setattr(rab.segments.window, "resampled", decimated)
    assert "0 misses the gate -30" == asked("alias_db").words
    assert "arrives at 0.0 dB of its level" in CASES["alias_db"](Bench(birdnet, [], tmp_path, 0)).reason


def test_means_and_shares_have_intervals(run: EvalRun) -> None:
    """What is a share, a mean or a median of windows has an interval that holds it; worst values have none."""
    scores = {score.case: score for score in run.scores}
    for case in ("not_finite_share", "norm_spread", "dead_dimension_share", "stranger_similarity", "shift_recall"):
        value, low, high = scores[case].value, scores[case].low, scores[case].high
        assert value is not None
        assert low is not None
        assert high is not None
        assert low <= value <= high
    assert (None, None) == (scores["alias_db"].low, scores["duplicate_similarity"].low)


def test_values_that_are_not_finite_fail_without_a_crash(birdnet: Embedder, samples_dir: Path, suite: Suite) -> None:
    """A model that answers NaN fails its gates, each case with a reason."""

    class Broken(Collapsed):
        def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
            return EmbeddedBatch(
                np.full((len(windows), self.card.dim), np.nan, np.float32), np.zeros((len(windows), 1), np.float32)
            )

    broken = run_suite("mechanical", Broken(birdnet), [samples_dir])
    assert {"not_finite_share", "norm_spread", "effective_dimensions"} <= failures(broken, suite)
