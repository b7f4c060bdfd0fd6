"""BatDetect2 with its real weights: finite, quiet on silence, and deaf to everything but the window it is given."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import resample_poly

from rab.domain import EmbeddedBatch
from rab.embedders.batdetect2 import BatDetect2, card
from rab.embedders.weights import InstalledModel
from rab.errors import InputError

N = 768_000
Windows = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def sweeps(made: npt.NDArray[np.int16]) -> Windows:
    """Return two windows, float32 [2, 768000]: the made sound at the start, and at one second."""
    sound = resample_poly(made / 32767, 64, 75).astype(np.float32)
    both = np.zeros((2, N), np.float32)
    both[0, : len(sound)] = sound
    both[1] = np.random.default_rng(3).normal(0, 0.002, N)
    both[1, 256_000 : 256_000 + len(sound)] += sound
    return both


def test_calls_come_with_their_shapes(batdetect2: BatDetect2, sweeps: Windows) -> None:
    """What the card promises is what comes out, by window and by time, inside the window."""
    batch = batdetect2.embed(sweeps)

    assert batch.calls is not None
    m = len(batch.calls)
    assert (batch.embeddings.shape, batch.logits.shape) == ((m, 32), (m, 17))
    assert (batdetect2.card.dim, batdetect2.card.n_classes, len(batdetect2.taxa)) == (32, 17, 17)
    assert batdetect2.card.sample_rate_hz * batdetect2.card.window_ms / 1000 == N
    assert {0, 1} == {one.window for one in batch.calls}
    assert sorted(batch.calls, key=lambda one: (one.window, one.t0_ms)) == list(batch.calls)
    assert all(0 <= one.t0_ms < one.t1_ms and 10_000 < one.low_hz < one.high_hz for one in batch.calls)


def test_no_number_is_nan_and_no_vector_without_length(batdetect2: BatDetect2, sweeps: Windows) -> None:
    """Logits are finite, and their sigmoids share the detection score."""
    batch = batdetect2.embed(sweeps)

    assert np.isfinite(batch.logits).all()
    assert np.isfinite(batch.embeddings).all()
    assert (np.linalg.norm(batch.embeddings, axis=1) > 0).all()
    shares = (1 / (1 + np.exp(-batch.logits.astype(np.float64)))).sum(axis=1)
    np.testing.assert_allclose(shares, [one.detection_score for one in batch.calls or ()], atol=1e-5)


def test_no_windows_give_no_calls(batdetect2: BatDetect2) -> None:
    """A batch may be empty."""
    batch = batdetect2.embed(np.zeros((0, N), np.float32))

    assert (batch.embeddings.shape, batch.logits.shape, batch.calls) == ((0, 32), (0, 17), ())


@pytest.mark.parametrize("level", [0.0, 0.25, -1.0])
@pytest.mark.parametrize("n_heard", [1, 500, 100_000, N])
def test_silence_holds_no_call(batdetect2: BatDetect2, level: float, n_heard: int) -> None:
    """Zeros, and a constant up to anywhere in the window."""
    window = np.zeros((1, N), np.float32)
    window[0, :n_heard] = level

    assert batdetect2.embed(window).calls == ()


@pytest.mark.parametrize("loudness", [1e-30, 1e-5, 0.1, 1e30])
@pytest.mark.parametrize("n_heard", [1, 700, 40_000])
def test_noise_holds_few_calls(batdetect2: BatDetect2, loudness: float, n_heard: int) -> None:
    """White noise of any length and loudness gives at most two calls, and nothing that is not finite."""
    window = np.zeros((1, N), np.float32)
    window[0, :n_heard] = np.random.default_rng(5).normal(0, loudness, n_heard)

    batch = batdetect2.embed(window)

    assert np.isfinite(batch.logits).all()
    assert len(batch.calls or ()) <= 2


def test_a_window_does_not_depend_on_its_company(batdetect2: BatDetect2, sweeps: Windows) -> None:
    """Alone or in a batch, the calls are the same to the bit."""
    together, alone = batdetect2.embed(sweeps), batdetect2.embed(sweeps[1:])
    n = len(alone.embeddings)

    np.testing.assert_array_equal(alone.embeddings, together.embeddings[-n:])
    np.testing.assert_array_equal(alone.logits, together.logits[-n:])


def test_threads_share_the_model(batdetect2: BatDetect2, sweeps: Windows) -> None:
    """Four calls from four threads at once give what one gives."""
    alone = batdetect2.embed(sweeps[:1])

    def again(_: int) -> EmbeddedBatch:
        return batdetect2.embed(sweeps[:1])

    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(again, range(4)))

    assert [alone.calls] * 4 == [one.calls for one in others]


def test_a_higher_threshold_keeps_the_surest(installed: InstalledModel, sweeps: Windows) -> None:
    """What is kept above 0.6 is what was above 0.6."""
    all_calls = BatDetect2(installed, n_threads=1, detection_threshold=0.3).embed(sweeps).calls or ()
    sure = BatDetect2(installed, n_threads=1, detection_threshold=0.6).embed(sweeps).calls or ()

    assert tuple(one for one in all_calls if one.detection_score > 0.6) == sure
    assert 0 < len(sure) < len(all_calls)


@pytest.mark.parametrize("shape", [(N,), (1, N - 1), (1, 1, N)])
def test_another_shape_is_refused(batdetect2: BatDetect2, shape: tuple[int, ...]) -> None:
    """The message names what the model hears."""
    with pytest.raises(InputError, match="windows of 768000 samples"):
        batdetect2.embed(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(batdetect2: BatDetect2, value: float) -> None:
    """NaN would hide every call of its window."""
    window = np.zeros((1, N), np.float32)
    window[0, 7] = value

    with pytest.raises(InputError, match="not finite"):
        batdetect2.embed(window)


def test_the_card_says_what_and_whose(batdetect2: BatDetect2, installed: InstalledModel) -> None:
    """Loading weights adds nothing to the card."""
    about = card(installed)

    assert about == batdetect2.card
    assert about.key == "batdetect2-v1.3.1"
    assert (about.licence, about.finds_calls, about.min_source_rate_hz) == ("CC BY-NC 4.0", True, 192_000)
    assert "10.1101/2022.12.14.520490" in about.citation


def test_species_are_mammals_with_two_names(batdetect2: BatDetect2) -> None:
    """In the checkpoint's order, which is that of the logits."""
    taxa = batdetect2.taxa

    assert {taxon.group for taxon in taxa} == {"mammal"}
    assert (taxa[1].scientific_name, taxa[1].common_name) == ("Eptesicus serotinus", "Serotine")
    assert taxa[11].scientific_name == "Pipistrellus pipistrellus"


def test_what_the_authors_use_is_never_imported(installed: InstalledModel) -> None:
    """From the start of a process to calls, no torch, torchaudio, librosa or numba; nor onnx once the graph is kept."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from rab.embedders.batdetect2 import BatDetect2\n"
        "from rab.embedders.weights import find\n"
        f"model = BatDetect2(find('batdetect2-v1.3.1', Path({str(installed.folder.parent)!r})), n_threads=1)\n"
        "sound = np.zeros((1, 768_000), np.float32)\n"
        "sound[0, :9999] = np.random.default_rng(0).normal(0, 0.1, 9999)\n"
        "model.embed(sound)\n"
        "heavy = {'torch', 'torchaudio', 'librosa', 'numba', 'onnx', 'batdetect2', 'scipy.signal'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    BatDetect2(installed, n_threads=1)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ("[]\n", "") == (done.stdout, done.stderr)


def test_the_graph_is_kept_beside_the_weights(installed: InstalledModel, tmp_path: Path) -> None:
    """It is built once; a damaged one is built again."""
    folder = tmp_path / "batdetect2-v1.3.1"
    folder.mkdir()
    for role in installed.source.files:
        (folder / installed.path(role).name).write_bytes(installed.path(role).read_bytes())
    here = InstalledModel(installed.source, folder, installed.found)

    BatDetect2(here, n_threads=1)
    (graph,) = folder.glob("*.onnx")
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-5])
    BatDetect2(here, n_threads=1)

    assert [whole] == [path.read_bytes() for path in folder.glob("*.onnx")]
