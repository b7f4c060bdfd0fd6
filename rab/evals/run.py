"""Run a suite on a model and recordings."""

import platform
from collections.abc import Sequence
from pathlib import Path

from rab import __version__
from rab.audio import find_audio, read_recording
from rab.domain import Recording, content_id
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import EvalRun
from rab.evals.depth import run_depth
from rab.evals.labelled import labelled_files
from rab.evals.mechanical import run_mechanical
from rab.evals.retrieval import run_retrieval
from rab.evals.sequences import run_sequences
from rab.evals.suites import read_suite
from rab.logs import canonical_line

SEED = 20260101
RUNNERS = {"mechanical": run_mechanical, "sequences": run_sequences}
LABELLED_RUNNERS = {"depth": run_depth, "retrieval": run_retrieval}
"""Suites that ask of recordings what they are labelled with."""


def run_suite(
    name: str, embedder: Embedder, paths: Sequence[Path], *, seed: int = SEED, cache: Path | None = None
) -> EvalRun:
    """Run a suite on the recordings under `paths`; what a model made of labelled ones is kept in `cache`.

    Raises `NotFound` for an unknown suite, `InputError` where a suite needs labels and a folder has none, and the first
    recording's error where one cannot be read: an evaluation that quietly leaves recordings out measures something
    else.
    """
    suite = read_suite(name)
    tables: tuple[str, ...] = ()
    if suite.name in LABELLED_RUNNERS:
        files = [file for path in paths for file in labelled_files(path)]
        recordings = recordings_under([file.path for file in files])
        with canonical_line("eval", suite=name, model=embedder.card.key, n_recordings=len(recordings)):
            scores, tables = LABELLED_RUNNERS[suite.name](embedder, files, seed=seed, cache=cache)
    else:
        recordings = recordings_under(paths)
        with canonical_line("eval", suite=name, model=embedder.card.key, n_recordings=len(recordings)):
            scores = RUNNERS[suite.name](embedder, recordings, seed=seed)
    return EvalRun(
        suite=suite.name,
        model=embedder.card.key,
        weights_sha256=embedder.card.weights_sha256,
        code_version=__version__,
        data_sha256=content_id("\n".join(recording.id for recording in recordings).encode()),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        seed=seed,
        scores=scores,
        tables=tables,
    )


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
