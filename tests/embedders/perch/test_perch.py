"""Perch's adapter on small networks of the published one's inputs, outputs and shapes. The real weights are not run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter, Taxon
from rab.embedders.perch import Perch, card
from rab.embedders.perch.preprocessing import normalised
from rab.embedders.registry import MODELS
from rab.embedders.weights import InstalledModel
from rab.errors import InputError, ModelMissing
from rab.settings import Settings
from rab.workflows.ingest import ingest

N_SAMPLES, DIM, N_CLASSES = 160_000, 1536, 14_795

Publish = Callable[..., InstalledModel]


@pytest.fixture
def sounds() -> npt.NDArray[np.float32]:
    """Return three windows of noise at different levels, the last one silent."""
    levels = np.array([[0.1], [0.9], [0.0]])
    return (levels * np.random.default_rng(3).uniform(-1, 1, size=(3, N_SAMPLES))).astype(np.float32)


@pytest.mark.parametrize(("key", "network"), [("perch-v2", "small_onnx"), ("perch-v2-litert", "small_tflite")])
def test_embeds_and_names_what_it_hears(
    publish: Publish, request: pytest.FixtureRequest, sounds: npt.NDArray[np.float32], key: str, network: str
) -> None:
    """Both runtimes hear the windows as prepared, and each output goes where it belongs."""
    perch = Perch(publish(key, request.getfixturevalue(network)), n_threads=1)

    batch = perch.embed(sounds)

    heard = normalised(sounds)
    np.testing.assert_array_equal(heard[:, :DIM], batch.embeddings)
    np.testing.assert_array_equal(heard[:, DIM : DIM + N_CLASSES], batch.logits)
    assert {np.dtype(np.float32)} == {batch.embeddings.dtype, batch.logits.dtype}
    assert not batch.embeddings[2].any()
    assert (key, N_CLASSES) == (perch.card.key, len(perch.taxa))


def test_card_says_what_perch_is(publish: Publish, small_onnx: bytes) -> None:
    """Rate, window, sizes and terms are those of the published model; the card needs no weights."""
    installed = publish("perch-v2", small_onnx)
    told = card(installed)

    assert told == Perch(installed, n_threads=1).card
    assert ("perch-v2", 32_000, 5000.0, DIM, N_CLASSES) == (
        told.key,
        told.sample_rate_hz,
        told.window_ms,
        told.dim,
        told.n_classes,
    )
    assert ("softmax", "polyphase", "Apache-2.0") == (told.activation, told.resampler, told.licence)
    assert installed.sha256("network") == told.weights_sha256


def test_classes_have_names_groups_and_codes(publish: Publish, small_onnx: bytes) -> None:
    """A bird has its eBird code; sounds and other animals have none."""
    perch = Perch(publish("perch-v2", small_onnx), n_threads=1)

    assert (
        Taxon(scientific_name="Turdus merula", common_name="Turdus merula", group="bird"),
        Taxon(scientific_name="Gryllus campestris", common_name="Gryllus campestris", group=None),
        Taxon(scientific_name="Bicycle_bell", common_name="Bicycle bell", group="sound"),
    ) == perch.taxa[:3]
    assert ("eurbla", None, None) == perch.ebird_codes[:3]


@pytest.mark.parametrize("network", ["headless_onnx", "small_onnx"])
def test_network_without_names_embeds(
    publish: Publish, request: pytest.FixtureRequest, sounds: npt.NDArray[np.float32], network: str
) -> None:
    """A file of the user's own without classifier gives embeddings, no logits and no classes."""
    perch = Perch(publish("perch-v2-headless", request.getfixturevalue(network)), n_threads=1)

    batch = perch.embed(sounds)

    np.testing.assert_array_equal(normalised(sounds)[:, :DIM], batch.embeddings)
    assert ((3, 0), (), 0) == (batch.logits.shape, perch.taxa, perch.card.n_classes)
    assert "perch-v2-headless" == perch.card.key


def test_own_file_is_known_by_its_sum(publish: Publish, headless_onnx: bytes) -> None:
    """Nobody publishes its sha256, so the one that was installed stands in the card."""
    installed = publish("perch-v2-headless", headless_onnx)

    assert installed.found["network"] == Perch(installed, n_threads=1).card.weights_sha256


def test_no_windows_give_no_rows(publish: Publish, small_onnx: bytes) -> None:
    """An empty batch keeps its shapes."""
    batch = Perch(publish("perch-v2", small_onnx), n_threads=1).embed(np.zeros((0, N_SAMPLES), dtype=np.float32))

    assert ((0, DIM), (0, N_CLASSES)) == (batch.embeddings.shape, batch.logits.shape)


@pytest.mark.parametrize("network", ["small_onnx", "small_tflite"])
def test_threads_share_it(
    publish: Publish, request: pytest.FixtureRequest, sounds: npt.NDArray[np.float32], network: str
) -> None:
    """Calls at the same time give what calls one after the other give."""
    key = "perch-v2" if network == "small_onnx" else "perch-v2-litert"
    perch = Perch(publish(key, request.getfixturevalue(network)), n_threads=1)
    alone = [perch.embed(sounds[row : row + 1]).embeddings for row in range(3)] * 4

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda row: perch.embed(sounds[row : row + 1]).embeddings, [0, 1, 2] * 4))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(N_SAMPLES,), (1, N_SAMPLES - 1), (1, 1, N_SAMPLES)])
def test_windows_of_another_shape_are_refused(publish: Publish, small_onnx: bytes, shape: tuple[int, ...]) -> None:
    """Nothing is cut or padded in silence."""
    with pytest.raises(InputError, match="hears windows of 160000 samples"):
        Perch(publish("perch-v2", small_onnx), n_threads=1).embed(np.zeros(shape, dtype=np.float32))


def test_samples_that_are_not_finite_are_refused(publish: Publish, small_onnx: bytes) -> None:
    """A NaN would spread over its window."""
    windows = np.zeros((1, N_SAMPLES), dtype=np.float32)
    windows[0, 7] = np.nan

    with pytest.raises(InputError, match="not finite"):
        Perch(publish("perch-v2", small_onnx), n_threads=1).embed(windows)


def test_network_that_is_not_perchs_is_refused(publish: Publish, headless_onnx: bytes) -> None:
    """Without the labels that its table of names promises, a network is not taken."""
    with pytest.raises(ModelMissing, match=r"has no `label` of \[batch, 14795\]"):
        Perch(publish("perch-v2", headless_onnx), n_threads=1)


def test_file_that_is_no_network_is_refused(publish: Publish) -> None:
    """What the runtime cannot read is told with the model's name."""
    with pytest.raises(ModelMissing, match="cannot load perch-v2"):
        Perch(publish("perch-v2", b"no network"), n_threads=1)


@pytest.mark.parametrize("fault", ["short", "twice"])
def test_tables_of_another_shape_are_refused(publish: Publish, small_onnx: bytes, fault: str) -> None:
    """One row off would rename every class after it."""
    rows = [f"Genus{at} species" for at in range(N_CLASSES)]
    rows = rows[:-1] if fault == "short" else [*rows[:-1], rows[0]]
    codes = "\n".join(["ebird2021", *["no_ebird_code"] * N_CLASSES])

    with pytest.raises(ModelMissing, match="does not hold Perch's 14,795 classes"):
        Perch(publish("perch-v2", small_onnx, ("\n".join(["list", *rows]), codes)), n_threads=1)


def test_every_variant_is_registered() -> None:
    """The variants stand in the registry, under free terms."""
    assert {False} == {source.non_commercial for key, source in MODELS.items() if key.startswith("perch-v2")}


@pytest.mark.parametrize(("key", "network"), [("perch-v2", "small_onnx"), ("perch-v2-headless", "headless_onnx")])
def test_library_takes_recordings_in(
    publish: Publish, request: pytest.FixtureRequest, tmp_path: Path, key: str, network: str
) -> None:
    """From a file at another rate to vectors: resampled, cut into 5 s, embedded, and named where there are names."""
    publish(key, request.getfixturevalue(network))
    sound = np.random.default_rng(5).normal(scale=0.1, size=10 * 44_100)
    soundfile.write(tmp_path / "noise.wav", sound, 44_100)
    settings = Settings(home=tmp_path / "home", models_dir=tmp_path / "models", n_threads=1)

    with open_workspace(settings, purpose="tests") as workspace:
        report = ingest(workspace, [tmp_path / "noise.wav"], models=(key,))
        card = workspace.card(key)
        points = list(workspace.store(card).scan(SegmentFilter()))
        segments = workspace.catalog.list_segments(card.space, SegmentFilter())

    assert () == report.failures
    assert [(DIM,)] * 2 == [point.vector.shape for point in points]
    scores = [one.raw_score for segment in segments for one in segment.scores]
    assert all(score < 0.01 for score in scores), "14,795 classes share 1"
    assert (key == "perch-v2") == bool(scores)
