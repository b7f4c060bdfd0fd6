"""The first use of BirdNET translates it: cut off or damaged at any moment, the next use makes it whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rab.embedders.birdnet import BirdNET
from rab.embedders.weights import find

KEY = "birdnet-v2.4"

KILLED = """
import os
import sys
from pathlib import Path

from rab.embedders.birdnet import BirdNET
from rab.embedders.weights import find

models, moment = sys.argv[1:]
real, n_calls = os.fsync, 0


def fsync(number):
    global n_calls
    n_calls += 1
    if n_calls == int(moment):
        os.kill(os.getpid(), 9)
    real(number)


os.fsync = fsync
BirdNET(find("birdnet-v2.4", Path(models)), n_threads=1)
"""
"""Builds the two graphs and kills itself while one of them is written."""


@pytest.fixture
def fresh(models_dir: Path, tmp_path: Path) -> Path:
    """Return a folder of models in which nothing was translated yet."""
    find(KEY, models_dir)
    shutil.copytree(models_dir / KEY, tmp_path / KEY, ignore=shutil.ignore_patterns("*.onnx", "*.part"))
    return tmp_path


def graphs(models: Path) -> list[str]:
    return sorted(path.name for path in (models / KEY).glob("*.onnx"))


@pytest.mark.parametrize("moment", [1, 2])
def test_killed_during_its_first_use_it_is_translated_anew(
    moment: int, fresh: Path, models_dir: Path, repo: Path
) -> None:
    """`kill -9` while a graph is written: the next use hears what an undisturbed one hears."""
    command = [sys.executable, "-c", KILLED, str(fresh), str(moment)]
    killed = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert (-9, "") == (killed.returncode, killed.stderr)
    sound = np.random.default_rng(2).normal(0, 0.1, (1, 144_000)).astype(np.float32)
    undisturbed = BirdNET(find(KEY, models_dir), n_threads=1).embed(sound)
    found = BirdNET(find(KEY, fresh), n_threads=1).embed(sound)
    np.testing.assert_array_equal(undisturbed.embeddings, found.embeddings)
    assert graphs(models_dir) == graphs(fresh)


def test_a_damaged_translation_is_made_anew(fresh: Path) -> None:
    """A flipped bit, a file cut short: neither is loaded, and the same file is made again."""
    BirdNET(find(KEY, fresh), n_threads=1)
    before = graphs(fresh)
    network, spectrogram = ((fresh / KEY / name).read_bytes() for name in before)
    damaged = [network[:-100], spectrogram[:99] + bytes([spectrogram[99] ^ 1]) + spectrogram[100:]]
    for name, content in zip(before, damaged, strict=True):
        (fresh / KEY / name).write_bytes(content)
    BirdNET(find(KEY, fresh), n_threads=1)
    assert before == graphs(fresh)
    assert all(old != (fresh / KEY / name).read_bytes() for name, old in zip(before, damaged, strict=True))
