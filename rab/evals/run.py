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
from rab.evals.mechanical import run_mechanical
from rab.evals.suites import read_suite
from rab.logs import canonical_line

SEED = 20260101
RUNNERS = {"mechanical": run_mechanical}


def run_suite(name: str, embedder: Embedder, paths: Sequence[Path], *, seed: int = SEED) -> EvalRun:
    """Run a suite on the recordings under `paths`.

    Raises `NotFound` for an unknown suite, and the first recording's error where one cannot be read: an evaluation
    that quietly leaves recordings out measures something else.
    """
    suite = read_suite(name)
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
