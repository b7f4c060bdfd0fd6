"""Peers: the authors' own packages, raced in an interpreter of their own.

They pull gigabytes that nobody needs to run RAB, so they are never dependencies. A script in `evals/peers/` loads the
package once, names its ways to work, and then works once for each line that it is sent: so it takes its turn in every
round. Scripts end in `_peer`, as one named like the package would hide it.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rab.domain import EmbedderCard
from rab.errors import InputError, Unavailable
from rab.evals.race import Contestant
from rab.evals.suites import suites_folder

_PATIENCE_S = 20.0
"""For closing its workers; what takes longer is killed."""


@dataclass(frozen=True)
class Peer:
    """A package that is loaded: its ways to work, and seconds from its start to the first result on half a second."""

    contestants: tuple[Contestant, ...]
    cold_start_s: float


@contextmanager
def peer(
    python: str, card: EmbedderCard, wav: Path, n_threads: int, *, models_dir: Path, package: str | None = None
) -> Iterator[Peer]:
    """Start the package that a model's authors publish, in the interpreter `python`, on a WAV.

    It lives as long as the block, and finds weights in `models_dir`. `package` is another one than the model is named
    for: `rab` itself has a script, for its cold start. Raises `InputError` where there is no script for the model or
    no such interpreter, `Unavailable` where the package cannot be loaded there, or ends.
    """
    script = suites_folder() / "peers" / f"{package or card.name}_peer.py"
    if not script.is_file():
        raise InputError(f"no other package is known for {card.key}", hint="leave --peer out")
    command = [python, str(script), str(wav), str(n_threads), str(models_dir / card.key)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")  # noqa: S603  # the user's own interpreter
    except OSError as error:
        raise InputError(f"{python} cannot be started: {error.strerror}", hint="give the path of a Python") from error
    try:
        about = _answer(process, python)
        rounds = [partial(_round, process, python, index) for index in range(len(about["names"]))]
        yield Peer(tuple(map(Contestant, about["names"], rounds)), about["cold_start_s"])
    finally:
        _end(process)


def _round(process: "subprocess.Popen[str]", python: str, index: int) -> float:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # then there is no answer either
        process.stdin.write(f"{index}\n")
        process.stdin.flush()
    return float(_answer(process, python)["seconds"])


def _answer(process: "subprocess.Popen[str]", python: str) -> dict[str, Any]:
    """Read one JSON object from a line of its own; what else the package prints is passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    raise Unavailable(f"the other package ended in {python}", hint="its error stands above; is it installed there?")


def _end(process: "subprocess.Popen[str]") -> None:
    """Let the script end by closing its input, so that it ends the workers that it started."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
