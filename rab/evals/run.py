"""Run a suite on a model and recordings.

A suite is asked in one of three ways. Plain ones take recordings, and are fast enough to run at every change; those of
a library also get an empty one to fill; labelled ones take what somebody said of recordings, and are the slow ones.
"""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rab import __version__
from rab.audio import find_audio, read_recording
from rab.domain import Recording, content_id
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Answered, EvalRun, Score, Suite
from rab.evals.calibration import run_calibration
from rab.evals.depth import run_depth
from rab.evals.generation import run_generation
from rab.evals.labelled import LabelledFile, labelled_files
from rab.evals.library import run_library
from rab.evals.mechanical import run_mechanical
from rab.evals.probes import run_probes
from rab.evals.quality import run_quality
from rab.evals.quality_labelled import run_quality_labelled
from rab.evals.retrieval import run_retrieval
from rab.evals.sequences import run_sequences
from rab.evals.splits import run_splits
from rab.evals.suites import read_suite
from rab.generation import prompts_sha256
from rab.logs import canonical_line
from rab.retrieval.one_core import on_one_core
from rab.workflows.workspace import Workspace

SEED = 20260101
RUNNERS: Mapping[str, Callable[..., Answered | tuple[Score, ...]]] = {
    "mechanical": run_mechanical,
    "quality": run_quality,
    "sequences": run_sequences,
    "splits": run_splits,
}
"""Suites that any recordings will do for, the samples above all."""
LABELLED_RUNNERS = {
    "calibration": run_calibration,
    "depth": run_depth,
    "probes": run_probes,
    "quality_labelled": run_quality_labelled,
    "retrieval": run_retrieval,
}
"""Suites that ask of recordings what they are labelled with."""
LIBRARY_RUNNERS: Mapping[str, Callable[..., Answered | tuple[Score, ...]]] = {
    "generation": run_generation,
    "library": run_library,
}
"""Suites that fill a library of their own."""

OpenLibrary = Callable[[Path], AbstractContextManager[Workspace]]
"""Opens an empty library in a folder."""


class Heard(NamedTuple):
    """What a suite is asked of: recordings, and what they are labelled with (empty where no label is asked)."""

    recordings: Sequence[Recording]
    files: tuple[LabelledFile, ...] = ()

    @property
    def data_sha256(self) -> str:
        """sha256 over the recordings' ids."""
        return content_id("\n".join(recording.id for recording in self.recordings).encode())

    @property
    def labels_sha256(self) -> str | None:
        """sha256 over file names, sets, labels and groups."""
        said = sorted("\t".join((one.path.name, one.set, one.label, one.group)) for one in self.files)
        return content_id("\n".join(said).encode()) if said else None


def run_suite(
    name: str,
    embedder: Embedder,
    paths: Sequence[Path],
    *,
    seed: int = SEED,
    cache: Path | None = None,
    open_library: OpenLibrary | None = None,
) -> EvalRun:
    """Run a suite on the recordings under `paths`; what a model made of labelled ones is kept in `cache`.

    Raises `NotFound` for an unknown suite, `InputError` where a suite needs labels and a folder has none, or a library
    and nobody opens one, and the first recording's error where one cannot be read: an evaluation that quietly leaves
    recordings out measures something else.
    """
    suite = read_suite(name)
    files = tuple(file for path in paths for file in labelled_files(path)) if name in LABELLED_RUNNERS else ()
    heard = Heard(recordings_under([file.path for file in files] if files else paths), files)

    def answer() -> Answered:
        if files:
            return Answered(*LABELLED_RUNNERS[name](embedder, files, seed=seed, cache=cache))
        if name not in LIBRARY_RUNNERS:
            return _answered(RUNNERS[name](embedder, heard.recordings, seed=seed))
        if open_library is None:
            raise InputError(f"the suite {name!r} fills a library", hint="pass open_library")
        return _answered(LIBRARY_RUNNERS[name](embedder, heard.recordings, seed=seed, open_library=open_library))

    return recorded(suite, embedder, heard, answer, seed=seed)


def recorded(
    suite: Suite, embedder: Embedder, heard: Heard, answer: Callable[[], Answered], *, seed: int = SEED
) -> EvalRun:
    """Ask, and write down with the answers all that is needed to ask again."""
    started_at, started = datetime.now(UTC), time.perf_counter()
    about = {"suite": suite.name, "model": embedder.card.key, "n_recordings": len(heard.recordings)}
    with canonical_line("eval", **about), on_one_core():
        scores, tables = answer()
    return EvalRun(
        suite=suite.name,
        model=embedder.card.key,
        weights_sha256=embedder.card.weights_sha256,
        code_version=__version__,
        data_sha256=heard.data_sha256,
        labels_sha256=heard.labels_sha256,
        prompts_sha256=prompts_sha256(),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        seed=seed,
        started_at=started_at,
        duration_s=round(time.perf_counter() - started, 3),
        scores=scores,
        tables=tables,
    )


def _answered(found: Answered | Sequence[Score]) -> Answered:
    """Return answers, whether a runner gave scores alone or tables too."""
    return found if isinstance(found, Answered) else Answered(tuple(found))


def recordings_under(paths: Sequence[Path]) -> list[Recording]:
    """Read the recordings under `paths`, each once, by id.

    Raises `InputError` where one cannot be read, or there is none.
    """
    files, failures = find_audio(paths)
    if failures:
        raise InputError(f"{failures[0].path}: {failures[0].message}", hint=failures[0].hint)
    found = {recording.id: recording for recording in map(read_recording, files)}
    if not found:
        raise InputError(
            "there are no recordings to evaluate on", hint="run `rab samples fetch`, or name a folder with --data"
        )
    return [found[one] for one in sorted(found)]
