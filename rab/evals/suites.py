"""Suites and baselines as data: read from `evals/` in a checkout, from the package when RAB is installed."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.errors import NotFound, StorageFailed
from rab.evals.base import Baseline, EvalRun, Suite


def suites_folder() -> Path:
    """Return where suites stand: beside the package in a checkout, within it in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "suites"
    return inside if inside.is_dir() else package.parent / "evals"


def suite_names() -> tuple[str, ...]:
    """Return the names of all suites."""
    return tuple(sorted(file.stem for file in suites_folder().glob("*.json")))


def read_suite(name: str) -> Suite:
    """Read a suite. Raises `NotFound` for a name that there is none of."""
    file = suites_folder() / f"{name}.json"
    if not file.is_file():
        raise NotFound(f"there is no evaluation {name!r}", hint=f"evaluations: {', '.join(suite_names())}")
    return Suite.model_validate_json(file.read_text(encoding="utf-8"))


def _baseline_file(suite: str, model: str) -> Path:
    return suites_folder() / "baselines" / f"{suite}.{model}.json"


def read_baseline(suite: str, model: str) -> Baseline | None:
    """Read what was accepted for a model; None where nothing was."""
    file = _baseline_file(suite, model)
    return Baseline.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def accept(run: EvalRun) -> Path:
    """Make a run's values the baseline of its suite and model, and return the file.

    Raises `StorageFailed` where suites cannot be written, as in an installed package.
    """
    values = {score.case: round(score.value, 6) for score in run.scores if score.value is not None}
    baseline = Baseline(
        suite=run.suite,
        model=run.model,
        data_sha256=run.data_sha256,
        labels_sha256=run.labels_sha256,
        values=values,
    )
    file = _baseline_file(run.suite, run.model)
    _write(file, baseline.model_dump_json(indent=2, exclude_none=True) + "\n")
    return file


def _golden_file(model: str) -> Path:
    return suites_folder() / "golden" / f"{model}.json"


def read_golden(model: str) -> npt.NDArray[np.float32] | None:
    """Return the embeddings float32 [n, dim] that were kept of a model; None where none were."""
    file = _golden_file(model)
    return np.array(json.loads(file.read_text(encoding="utf-8")), dtype=np.float32) if file.is_file() else None


def keep_golden(model: str, embeddings: npt.NDArray[np.float32]) -> Path:
    """Keep embeddings [n, dim] of made sounds as the golden vectors of a model, to six decimals, and return the file.

    Raises `StorageFailed` where suites cannot be written.
    """
    rows = ",\n".join(json.dumps([round(float(value), 6) for value in row]) for row in embeddings)
    file = _golden_file(model)
    _write(file, f"[\n{rows}\n]\n")
    return file


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"{file} cannot be written: {error.strerror}", hint="accept baselines in a checkout of RAB"
        ) from error
