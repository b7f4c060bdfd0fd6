"""BirdNET on ONNX Runtime against BirdNET as published, on LiteRT: the same numbers for every kind of sound."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rab.audio import find_audio, read_recording
from rab.domain import Samples
from rab.embedders.base import Embedder
from rab.embedders.birdnet import BirdNET
from rab.embedders.weights import find
from rab.segments import WindowPolicy, windows

N = 144_000
SECONDS = np.arange(N) / 48_000
CLICK = np.eye(1, N, 70_000)[0]


def noise(level: float) -> np.ndarray:
    return level * np.random.default_rng(7).uniform(-1, 1, N)


SOUNDS = {
    "silence": np.zeros(N),
    "a constant": np.full(N, 0.37),
    "full-scale noise": noise(1),
    "noise at 1e-6": noise(1e-6),
    "noise on an offset": 0.9 + noise(1e-3),
    "noise, then digital silence": noise(0.1) * (SECONDS < 2),
    "a click": CLICK,
    "a click downwards": -CLICK,
    "a sine": np.sin(2 * np.pi * 1000 * SECONDS),
    "a clipped sine": np.clip(3 * np.sin(2 * np.pi * 3000 * SECONDS), -1, 1),
    "a faint sine": 1e-6 * np.sin(2 * np.pi * 4000 * SECONDS),
    "the last bit": np.random.default_rng(7).integers(0, 2, N) / 32_768,
}


@pytest.fixture(scope="module")
def published(models_dir: Path) -> Embedder:
    """Return BirdNET on LiteRT."""
    return BirdNET(find("birdnet-v2.4", models_dir), n_threads=1, runtime="litert")


@pytest.fixture(scope="module")
def translated(models_dir: Path) -> Embedder:
    """Return BirdNET on ONNX Runtime."""
    return BirdNET(find("birdnet-v2.4", models_dir), n_threads=1)


def assert_same(translated: Embedder, published: Embedder, heard: Samples) -> None:
    """Logits within 1e-3, embeddings within 1e-4 of their length, the same class first."""
    ours, theirs = translated.embed(heard), published.embed(heard)
    np.testing.assert_allclose(ours.logits, theirs.logits, rtol=0, atol=1e-3)
    away = np.linalg.norm(ours.embeddings - theirs.embeddings, axis=1)
    length = np.linalg.norm(theirs.embeddings, axis=1)
    assert (away / length).max() <= 1e-4
    assert theirs.logits.argmax(axis=1).tolist() == ours.logits.argmax(axis=1).tolist()


def cut(path: Path, embedder: Embedder) -> list[Samples]:
    return [window.samples for window in windows(read_recording(path), embedder.card, WindowPolicy(), None)]


@pytest.mark.parametrize("sound", SOUNDS)
def test_made_sounds_are_heard_alike(translated: Embedder, published: Embedder, sound: str) -> None:
    """Also those whose spectra are made of rounding alone."""
    assert_same(translated, published, SOUNDS[sound][np.newaxis].astype(np.float32))


def test_the_samples_are_heard_alike(translated: Embedder, published: Embedder, samples_dir: Path) -> None:
    """The first and the last window of every sample recording; the last one is padded."""
    kept = [one[:1] + one[1:][-1:] for one in (cut(path, translated) for path in find_audio([samples_dir]).files)]

    assert_same(translated, published, np.stack([window for one in kept for window in one]))


@pytest.mark.shared
def test_wider_recordings_are_heard_alike(translated: Embedder, published: Embedder, shared_data: Path) -> None:
    """At least 300 different windows: birds, bees, rain, sea, dogs, machines, a day in a forest; two of a recording."""
    folders = ["birdnet_soundscape", "esc10", "phoebe_xc", "pykanto_great_tit", "qut_stbees", "scikit_maad_24h"]
    files = find_audio([shared_data / folder for folder in folders]).files
    kept = [one[:1] + one[1:][-1:] for one in (cut(path, translated) for path in files)]
    heard = [window for one in kept for window in one]

    assert len(heard) >= 300
    assert_same(translated, published, np.stack(heard))


def test_threads_share_one_session(translated: Embedder) -> None:
    """Four threads at once get the bits that one gets, in chunks of any length."""
    heard = np.stack([*SOUNDS.values()]).astype(np.float32)
    alone = translated.embed(heard)

    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda row: translated.embed(heard[row : row + 3]), range(len(heard) - 2)))

    for row, batch in enumerate(rows):
        np.testing.assert_array_equal(alone.embeddings[row : row + 3], batch.embeddings)
        np.testing.assert_array_equal(alone.logits[row : row + 3], batch.logits)


def test_the_runtime_is_no_part_of_the_space(translated: Embedder, published: Embedder) -> None:
    """Vectors of both runtimes may share a collection."""
    assert published.card == translated.card
