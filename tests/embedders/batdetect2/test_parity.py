"""BatDetect2 finds what the authors' own package finds: the same calls, at the same times, with the same names.

Their numbers stand in `published_calls.json`. Where their package is installed, they are computed anew.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from rab.audio import read_recording
from rab.embedders.batdetect2 import BatDetect2
from rab.segments import WindowPolicy, windows

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "published_calls.json").read_text(encoding="utf-8"))[
    "files"
]
RECORDINGS = sorted(one["name"] for one in PUBLISHED.values() if one["name"] != "made")

Rows = npt.NDArray[np.float64]


def found(model: BatDetect2, path: Path) -> Rows:
    """Return our calls: t0_ms, t1_ms, low_hz, high_hz, detection score and class probabilities of each.

    As the authors do, calls that reach above half the recording's rate are left out.
    """
    recording = read_recording(path)
    cut = list(windows(recording, model.card, WindowPolicy(), None))
    n_samples = [min(round((one.t1_ms - one.t0_ms) * 256), len(one.samples)) for one in cut]
    batch = model.find(np.stack([window.samples for window in cut]), n_samples)
    probabilities = 1 / (1 + np.exp(-batch.logits.astype(np.float64)))
    rows = []
    for one, row in zip(batch.calls or (), probabilities, strict=True):
        t0_ms = cut[one.window].t0_ms
        if int(one.high_hz) <= recording.sample_rate_hz / 2:
            rows.append([t0_ms + one.t0_ms, t0_ms + one.t1_ms, one.low_hz, one.high_hz, one.detection_score, *row])
    return in_order(rows)


def in_order(rows: list[list[float]]) -> Rows:
    """Return calls above 0.3 by start, then by lowest frequency, highest first."""
    calls = np.array(rows, np.float64).reshape(-1, 22)
    calls = calls[calls[:, 4] > 0.3]
    return calls[np.lexsort((-calls[:, 2].round(), calls[:, 0].round(1)))]


def assert_same(published: Rows, ours: Rows) -> None:
    """Compare calls: times within 0.1 ms, frequencies within 1 Hz, scores and probabilities within 1e-3."""
    assert published.shape == ours.shape
    np.testing.assert_allclose(ours[:, :2], published[:, :2], rtol=0, atol=0.1)
    np.testing.assert_allclose(ours[:, 2:4], published[:, 2:4], rtol=0, atol=1)
    np.testing.assert_allclose(ours[:, 4:], published[:, 4:], rtol=0, atol=1e-3)


@pytest.fixture(scope="session")
def made_file(made: npt.NDArray[np.int16], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the made sound as a file."""
    path = tmp_path_factory.mktemp("made") / "made.wav"
    soundfile.write(path, made, 300_000, subtype="PCM_16")
    return path


def test_a_made_sound_has_the_published_calls(batdetect2: BatDetect2, made_file: Path) -> None:
    """Five sweeps, five calls; through our own decoding, resampling and windows."""
    published = in_order(PUBLISHED["made"]["calls"])

    assert len(published) == 5
    assert_same(published, found(batdetect2, made_file))


@pytest.mark.shared
@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_have_the_published_calls(batdetect2: BatDetect2, shared_data: Path, name: str) -> None:
    """Seven recordings of bats at 192 to 500 kHz, 245 calls above 0.3."""
    path = shared_data / "bats_batdetect2" / name
    published = PUBLISHED[hashlib.sha256(path.read_bytes()).hexdigest()]

    assert_same(in_order(published["calls"]), found(batdetect2, path))


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_authors_own_package_agrees(batdetect2: BatDetect2, shared_data: Path, name: str) -> None:
    """The same, with their package asked now; it needs the extra `batdetect2-parity`."""
    api = pytest.importorskip("batdetect2.api", reason="the extra batdetect2-parity is not installed")
    path = shared_data / "bats_batdetect2" / name
    config = api.get_config(detection_threshold=0.3, return_raw_preds=True)

    theirs = api.process_file(str(path), config=config)

    keys = ("start_times", "end_times", "low_freqs", "high_freqs", "det_probs")
    rows = np.stack([theirs[key] for key in keys]).T.astype(np.float64) * [1000, 1000, 1, 1, 1]
    nyquist_hz = read_recording(path).sample_rate_hz / 2
    rows = np.hstack([rows, theirs["class_probs"].T])[rows[:, 3].astype(int) <= nyquist_hz]
    assert_same(in_order(rows.tolist()), found(batdetect2, path))


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", RECORDINGS)
def test_digital_silence_at_the_end_is_part_of_the_sound(
    batdetect2: BatDetect2, shared_data: Path, tmp_path: Path, name: str
) -> None:
    """A recorder that fills a triggered file up with zeros: they count in the mean that is taken off, as theirs do."""
    api = pytest.importorskip("batdetect2.api", reason="the extra batdetect2-parity is not installed")
    sound, rate_hz = soundfile.read(shared_data / "bats_batdetect2" / name, dtype="float32")
    path = tmp_path / "filled.wav"
    soundfile.write(path, np.concatenate([sound, np.zeros(round(0.7 * rate_hz), np.float32)]), rate_hz, subtype="FLOAT")
    config = api.get_config(detection_threshold=0.3, return_raw_preds=True)

    theirs = api.process_file(str(path), config=config)

    keys = ("start_times", "end_times", "low_freqs", "high_freqs", "det_probs")
    rows = np.stack([theirs[key] for key in keys]).T.astype(np.float64) * [1000, 1000, 1, 1, 1]
    rows = np.hstack([rows, theirs["class_probs"].T])[rows[:, 3].astype(int) <= rate_hz / 2]
    assert_same(in_order(rows.tolist()), found(batdetect2, path))
