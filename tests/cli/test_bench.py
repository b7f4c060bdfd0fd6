"""`rab bench` as a user meets it: a table or JSON, and errors in their form."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rab.evals.race import BenchRun

Rab = Callable[..., Any]


@pytest.fixture
def short(samples_dir: Path) -> Path:
    """Return a folder with one recording of ten seconds."""
    return samples_dir / "opensoundscape"


def test_runtimes_of_a_model_race(rab: Rab, short: Path) -> None:
    """The slowest known runtime is the baseline, and words and JSON have the same rows."""
    answer = rab("bench", "embed", "--data", short, "--rounds", 1, "--threads", 1, "--json")
    assert (0, "") == (answer.code, answer.err)
    run = BenchRun.model_validate_json(answer.out)
    assert ["litert, 1 thread", "onnx, 1 thread"] == [timing.name for timing in run.timings]
    words = rab("bench", "embed", "--data", short, "--rounds", 1, "--threads", 1).out
    assert words.startswith("embed birdnet-v2.4, 12 s of sound a round, on ")
    assert re.search(r"^litert, 1 thread +[\d.]+ +1\.00   baseline$", words, re.MULTILINE)
    assert re.search(r"^onnx, 1 thread +[\d.]+ +[\d.]+   [\d.]+–[\d.]+$", words, re.MULTILINE)


def test_ingest_races_against_its_embedder(rab: Rab, short: Path) -> None:
    """Six seconds are ingested into a library of their own, not into the user's."""
    before = rab("recordings", "--json").out
    answer = rab("bench", "ingest", "--data", short, "--minutes", 0.1, "--rounds", 1, "--threads", 1, "--json")
    assert (0, "") == (answer.code, answer.err)
    assert ["embedder alone, 1 thread", "ingest, 1 thread"] == [
        one["name"] for one in json.loads(answer.out)["timings"]
    ]
    assert before == rab("recordings", "--json").out


def test_python_that_is_not_there_is_told(rab: Rab, short: Path) -> None:
    """A wrong `--peer` ends the command before the race, with the next step."""
    answer = rab("bench", "embed", "--data", short, "--peer", "no-such-python")
    assert (2, "") == (answer.code, answer.out)
    assert re.fullmatch(r"error: no-such-python cannot be started: .+\n  next: give the path of a Python\n", answer.err)
