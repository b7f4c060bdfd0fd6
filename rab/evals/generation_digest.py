"""The digest of texts about packs, in this process or in another one with other settings.

    python -m rab.evals.generation_digest packs.jsonl

prints what `digest` returns, so that two processes can be compared that order sets, sort words and print numbers in
ways of their own.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rab.domain import EvidencePack
from rab.generation.modes.dispatch import task_of
from rab.generation.needs.base import Grounds, Output
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.wording.sentences import text_of
from rab.generation.writer import by_template

ENVIRONMENTS = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"},
    {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/Caracas"},
)


class Asked(NamedTuple):
    """A pack as JSON, and what is to be written of it."""

    pack: str
    output: Output


def digest(asked: Iterable[Asked]) -> str:
    """Return the sha256 of all texts, of their data, and of what a language model would be asked."""
    found = hashlib.sha256()
    for one in asked:
        grounds = Grounds.of(EvidencePack.model_validate_json(one.pack), DEFAULT_POLICY, one.output)
        text = by_template(grounds)
        found.update(text.model_dump_json().encode())
        found.update(text_of(text).encode())
        for mode in ("select", "plan", "polish"):
            task = task_of(mode, grounds)
            found.update(b"" if task is None else f"{task.question.matter}{task.question.schema}".encode())
    return found.hexdigest()


def digests_elsewhere(asked: Iterable[Asked], folder: Path) -> list[str]:
    """Return the digests that processes with other hashes, locales and time zones find; words where one fails."""
    file = folder / "packs.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    command = [sys.executable, "-m", "rab.evals.generation_digest", str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    outputs = [
        subprocess.run(command, env={**environment, **one}, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603  # our own
        for one in ENVIRONMENTS
    ]
    return [one.stdout.strip() or f"failed: {one.stderr.strip()[-200:]}" for one in outputs]


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    sys.stdout.write(digest(Asked(*json.loads(line)) for line in lines) + "\n")
