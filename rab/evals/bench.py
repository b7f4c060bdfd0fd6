"""Benchmarks: embedding alone, and an ingest from file to library, each against a baseline in the same run."""

import math
import os
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from itertools import count, cycle, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab import __version__
from rab.audio import read_recording, resampled, stream
from rab.domain import EmbedderCard, IngestReport, Recording
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.peers import Peer
from rab.evals.race import BenchRun, Contestant, Timing, machine, race, timed, times_faster
from rab.segments import WindowPolicy, windows
from rab.workflows.ingest import IngestProgress, ingest
from rab.workflows.workspace import Workspace

Windows = npt.NDArray[np.float32]
OpenLibrary = Callable[[Path], AbstractContextManager[Workspace]]
OpenPeer = Callable[[EmbedderCard, Path, int], AbstractContextManager[Peer]]
"""Opens a peer of a model on a WAV and a number of threads."""

_BATCH = 8


def bench_embed(
    embedders: Sequence[tuple[str, Embedder]],
    recordings: Sequence[Recording],
    *,
    n_windows: int = 48,
    threads: Sequence[int] = (1, 2),
    rounds: int = 5,
    peers: Sequence[OpenPeer] = (),
    itself: OpenPeer | None = None,
) -> BenchRun:
    """Race embedders of one model over the same real windows; the first, on one thread, is the baseline.

    The baseline runs on the first number of `threads` alone, the others on each: so many workers share the embedder.
    `peers` are the authors' own packages; they hear the same windows, end to end in one WAV, on the last number of
    `threads`. Their cold starts are told beside that of RAB `itself`, which does not race.
    """
    card = embedders[0][1].card
    sound = _some_windows(recordings, card, n_windows)
    contestants = []
    for position, (name, embedder) in enumerate(embedders):
        for n in threads[:1] if position == 0 and len(embedders) > 1 else threads:
            contestants.append(Contestant(f"{name}, {_threads(n)}", _embedding(embedder, sound, n)))
    audio_s = len(sound) * card.window_ms / 1000
    with tempfile.TemporaryDirectory(prefix="rab-bench-") as folder, ExitStack() as stack:
        path = _write_wav(Path(folder) / "windows.wav", [sound.reshape(-1)], sound.size, card.sample_rate_hz)
        others = [stack.enter_context(open_peer(card, path, threads[-1])) for open_peer in peers]
        contestants += [contestant for one in others for contestant in one.contestants]
        if itself is not None:
            with itself(card, path, 1) as own:
                others.append(own)
        timings = race(contestants, rounds=rounds, audio_s=audio_s)
    return BenchRun(
        bench=f"embed {card.key}",
        audio_s=audio_s,
        baseline=contestants[0].name,
        timings=timings,
        figures=_cold_starts(others),
        machine=machine(),
        code_version=__version__,
    )


def bench_ingest(
    embedder: Embedder,
    open_library: OpenLibrary,
    recordings: Sequence[Recording],
    *,
    minutes: float = 10.0,
    n_threads: int = 2,
    rounds: int = 3,
    peers: Sequence[OpenPeer] = (),
) -> BenchRun:
    """Race a whole ingest of a WAV made of real recordings against the embedder alone on as many threads.

    The baseline hears the windows of that same file, cut beforehand; peers hear the file, and a note tells how many
    times faster the ingest is. Every round of the ingest fills a new library; the making of an empty one and the
    loading of the model are not timed, as a night of recordings pays for them once.
    """
    card = embedder.card
    with tempfile.TemporaryDirectory(prefix="rab-bench-") as folder, ExitStack() as stack:
        rate_hz = max(48_000, card.sample_rate_hz)
        path = looped_wav(recordings, Path(folder) / "looped.wav", seconds=60 * minutes, rate_hz=rate_hz)
        recording = read_recording(path)
        sound = _some_windows([recording], card, None)
        homes = (Path(folder) / f"home{number}" for number in count())
        whole = _ingesting(embedder, open_library, path, homes, n_threads)
        others = [stack.enter_context(open_peer(card, path, n_threads)) for open_peer in peers]
        contestants = [
            Contestant(f"embedder alone, {_threads(n_threads)}", _embedding(embedder, sound, n_threads)),
            Contestant(f"ingest, {_threads(n_threads)}", whole),
            *(contestant for one in others for contestant in one.contestants),
        ]
        audio_s = recording.duration_ms / 1000
        timings = race(contestants, rounds=rounds, audio_s=audio_s)
    _, ours, *theirs = timings
    return BenchRun(
        bench=f"ingest {card.key}",
        audio_s=audio_s,
        baseline=contestants[0].name,
        timings=timings,
        figures={"memory_mib": memory_mib()} | _cold_starts(others),
        notes=tuple(f"ingest is {times_faster(ours, other):.1f} × {other.name}" for other in theirs),
        machine=machine(),
        code_version=__version__,
    )


def bench_memory(
    key: str, open_library: OpenLibrary, recordings: Sequence[Recording], *, hours: float = 10, n_threads: int = 2
) -> BenchRun:
    """Ingest `hours` of sound as one file, and tell this process's memory (MiB) hour by hour."""
    by_hour: dict[str, float] = {}

    def watch(progress: IngestProgress) -> None:
        hour = f"hour_{int(progress.audio_ms // 3_600_000):02d}_mib"
        by_hour[hour] = max(by_hour.get(hour, 0.0), memory_mib())

    with tempfile.TemporaryDirectory(prefix="rab-bench-") as folder:
        path = looped_wav(recordings, Path(folder) / "looped.wav", seconds=3600.0 * hours)

        def whole() -> None:
            with open_library(Path(folder) / "home") as workspace:
                _require_success(ingest(workspace, [path], models=(key,), n_threads=n_threads, watch=watch))

        contestant = f"ingest of {hours:g} hours, {_threads(n_threads)}"
        seconds = timed(whole)()
    timing = Timing(
        name=contestant,
        seconds=(seconds,),
        times_real_time=3600 * hours / seconds,
        ratio=1.0,
        ratio_low=1.0,
        ratio_high=1.0,
    )
    return BenchRun(
        bench=f"memory {key}",
        audio_s=3600.0 * hours,
        baseline=contestant,
        timings=(timing,),
        figures=by_hour,
        machine=machine(),
        code_version=__version__,
    )


def looped_wav(recordings: Sequence[Recording], path: Path, *, seconds: float, rate_hz: int = 48_000) -> Path:
    """Write a 16-bit WAV of `seconds` that repeats real recordings end to end, and return its path."""
    once = [_heard_at(recording, rate_hz) for recording in recordings if recording.sample_rate_hz <= 2 * rate_hz]
    if not once:
        raise InputError("there are no recordings to repeat", hint="name a folder of recordings with --data")
    return _write_wav(path, once, round(seconds * rate_hz), rate_hz)


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_mib() -> float:
    """Return the memory that this process holds now (resident, MiB); 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _heard_at(recording: Recording, rate_hz: int) -> npt.NDArray[np.float32]:
    return np.concatenate([block.samples for block in resampled(stream(recording, channel=None), rate_hz, "soxr")])


def _write_wav(path: Path, sounds: Sequence[npt.NDArray[np.float32]], n_samples: int, rate_hz: int) -> Path:
    """Write sounds end to end, over and over, until there are `n_samples`; 16 bits."""
    pcm = [(np.clip(sound, -1, 1) * 32_767).astype("<i2") for sound in sounds]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for samples in cycle(pcm):
            file.writeframesraw(samples[:n_samples].tobytes())
            n_samples -= len(samples)
            if n_samples <= 0:
                break
    return path


def _some_windows(recordings: Sequence[Recording], card: EmbedderCard, n: int | None) -> Windows:
    every = (window.samples for one in recordings for window in windows(one, card, WindowPolicy(), None))
    found = list(islice(every, n))
    if not found:
        raise InputError("there is no sound to hear", hint="name a folder of recordings with --data")
    return np.stack(found)


def _embedding(embedder: Embedder, sound: Windows, n_threads: int) -> Callable[[], float]:
    n = min(_BATCH, math.ceil(len(sound) / n_threads))  # few windows still go to every thread
    batches = [sound[start : start + n] for start in range(0, len(sound), n)]

    def work() -> None:
        if n_threads == 1:
            for batch in batches:
                embedder.embed(batch)
            return
        with ThreadPoolExecutor(n_threads) as workers:
            list(workers.map(embedder.embed, batches))

    return timed(work)


def _ingesting(
    embedder: Embedder, open_library: OpenLibrary, path: Path, homes: Iterator[Path], n_threads: int
) -> Callable[[], float]:
    def work() -> float:
        with open_library(next(homes)) as opened:
            opened.store(embedder.card)
            workspace = replace(opened, build_embedder=lambda _: embedder)
            models = (embedder.card.key,)
            return timed(lambda: _require_success(ingest(workspace, [path], models=models, n_threads=n_threads)))()

    return work


def _cold_starts(peers: Sequence[Peer]) -> dict[str, float]:
    return {f"{one.contestants[0].name.split(':')[0]}: cold_start_s": one.cold_start_s for one in peers}


def _threads(n: int) -> str:
    return f"{n} thread{'s' * (n > 1)}"


def _require_success(report: IngestReport) -> None:
    if report.failures:
        raise InputError(report.failures[0].message, hint=report.failures[0].hint)
