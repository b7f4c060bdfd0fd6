"""Kept runs: a file of JSON lines for each, with all that is needed to judge, compare and repeat it.

The first line is the head: the suite as it was asked, code version, weights, digests of recordings, labels and prompts,
machine, seed, duration, verdicts, notes and tables. Then comes a line for each score, and a line for each instance that
it rests on. A line names its kind, so a run of any size can be read with three lines of any language.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rab.domain.value import Value
from rab.errors import InputError, NotFound, StorageFailed
from rab.evals.base import EvalRun, Suite, Verdict

SUFFIX = ".jsonl"


class KeptRun(Value):
    """A run, the suite that was asked, and how its scores were judged on the day."""

    suite: Suite
    run: EvalRun
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    """What must be said of the recordings and labels that were asked."""
    n_failed: int = 0
    """Rows and files that could not be used; the notes name them."""

    @property
    def passed(self) -> bool:
        """Whether no case failed."""
        return all(verdict.passed for verdict in self.verdicts)


def write_run(kept: KeptRun, folder: Path) -> Path:
    """Write a run as `<time>-<suite>.jsonl` into a folder, and return the file.

    Raises `StorageFailed` where the folder cannot be written.
    """
    stamp = "run" if kept.run.started_at is None else f"{kept.run.started_at:%Y%m%dT%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _free(folder, f"{stamp}-{kept.run.suite}")
        file.write_text("\n".join(lines(kept)) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"the run cannot be kept in {folder}: {error.strerror}", hint="name another folder with --out"
        ) from error
    return file


def lines(kept: KeptRun) -> list[str]:
    """Return a run as JSON lines: its head, its scores, their instances."""
    content = kept.model_dump(mode="json")
    scores = content["run"].pop("scores")
    found = [{"line": "run", **content}]
    for score in scores:
        instances = score.pop("instances")
        found.append({"line": "score", **score})
        found += [{"line": "instance", "case": score["case"], **one} for one in instances]
    return [json.dumps(one, ensure_ascii=False, allow_nan=False) for one in found]


def read_run(file: Path) -> KeptRun:
    """Read a kept run. Raises `NotFound` for a file that is not there, `InputError` for one that is no kept run."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"there is no kept run {file}", hint="`rab eval show` lists the runs that were kept") from error
    try:
        head, scores = None, []
        for line in text.splitlines():
            content = json.loads(line)
            kind = content.pop("line")
            if kind == "run":
                head = content
            elif kind == "score":
                scores.append({**content, "instances": []})
            else:
                content.pop("case")
                scores[-1]["instances"].append(content)
        return KeptRun.model_validate(_whole(head, scores))
    except (json.JSONDecodeError, KeyError, IndexError, TypeError, ValidationError) as error:
        raise InputError(
            f"{file} is no kept run of this version of RAB", hint="name a file that `rab eval run` wrote"
        ) from error


def find_run(name: str, folder: Path) -> Path:
    """Return a kept run by its path, its file name, or the name of a suite (the latest run of it).

    Raises `NotFound` where none bears the name.
    """
    for file in (Path(name), folder / name, folder / f"{name}{SUFFIX}"):
        if file.is_file():
            return file
    of_suite = [file for file in kept_runs(folder) if file.stem.partition("-")[2].partition("~")[0] == name]
    if not of_suite:
        raise NotFound(
            f"there is no kept run {name!r} in {folder}", hint="`rab eval show` lists the runs that were kept"
        )
    return of_suite[-1]


def kept_runs(folder: Path) -> list[Path]:
    """Return the kept runs of a folder, the latest last."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _whole(head: dict[str, Any] | None, scores: list[dict[str, Any]]) -> dict[str, Any]:
    if head is None:
        raise KeyError("run")
    return {**head, "run": {**head["run"], "scores": scores}}


def _free(folder: Path, stem: str) -> Path:
    """Return a file name that no run has: two runs of a suite may begin in one second."""
    names = (f"{stem}{mark}{SUFFIX}" for mark in ("", *(f"~{n}" for n in range(2, 1000))))
    return next(folder / name for name in names if not (folder / name).exists())
