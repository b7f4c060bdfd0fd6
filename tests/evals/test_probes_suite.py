"""The probes suite reads labels as they are meant, finds what was planted, and says so when a device shows through."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import wavfile

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon, Waveform
from rab.embedders.base import Embedder
from rab.evals import labelled, probes
from rab.evals.base import Answered, EvalRun, judge
from rab.evals.labelled import LabelledWindows, labelled_files
from rab.evals.probes import individual, kind_of_call, run_probes, through_microphone
from rab.evals.suites import read_suite
from rab.retrieval.one_core import on_one_core

RATE_HZ = 48_000
PITCHES_HZ = {
    "Strix aluco (Owl, song)": 700.0,
    "Strix aluco (Owl, alarm)": 1100.0,
    "Parus major, nest A": 3000.0,
    "Parus major, nest B": 3900.0,
}


class Bands:
    """A small model that hears the level of 40 bands, and can be made to hear the noise floor in one more."""

    def __init__(self, like: Embedder, *, hears_floor: bool = False) -> None:
        self.card: EmbedderCard = like.card.model_copy(update={"name": "bands", "dim": 41, "n_classes": 1})
        self.taxa: tuple[Taxon, ...] = like.taxa[:1]
        self._hears_floor = hears_floor

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Return shares of the power between 300 Hz and 9 kHz; the last value is the floor of the quietest tenth."""
        power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
        edges = np.geomspace(300, 9000, 41) * windows.shape[1] / self.card.sample_rate_hz
        sums = np.stack([power[:, int(a) : int(b) + 1].sum(axis=1) for a, b in pairwise(edges)])
        shares = np.sqrt(sums / (sums.sum(axis=0) + 1e-12)).T
        floor = (
            np.log10(np.quantile(np.abs(windows), 0.1, axis=1) + 1e-9)[:, None]
            if self._hears_floor
            else 0 * shares[:, :1]
        )
        return EmbeddedBatch(np.hstack([shares, floor]).astype(np.float32), np.zeros((len(windows), 1), np.float32))


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Compute as a run of a suite does."""
    with on_one_core():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a manifest: two species, two kinds of call, two nests, two places alike."""
    root = tmp_path_factory.mktemp("probes")
    drawn = np.random.default_rng(2)
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    rows = []
    for label, pitch_hz in PITCHES_HZ.items():
        for number in range(10):
            path = f"{label[:2]}{pitch_hz:.0f}-{number}.wav"
            hz = pitch_hz * drawn.uniform(0.97, 1.03)
            call = np.sin(2 * np.pi * hz * t_s) * (t_s % 0.5 < 0.2)
            sound = 0.3 * call + 1e-4 * drawn.standard_normal(len(t_s))
            wavfile.write(root / path, RATE_HZ, (32_767 * sound).astype(np.int16))
            about = {"path": path, "set": "made", "label": label, "group": f"{path}", "site": f"hill {number % 2}"}
            rows.append(about | {"recorder": "", "habitat": ""})
    with (root / "MANIFEST.csv").open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return root


def failures(answered: Answered) -> set[str]:
    """Return the cases that miss their gates."""
    run = EvalRun(
        suite="probes",
        model="bands",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=1,
        scores=answered.scores,
    )
    return {verdict.case for verdict in judge(run, read_suite("probes"), None) if not verdict.passed}


def test_labels_tell_kind_and_individual() -> None:
    """A kind of call stands behind a comma in parentheses, an individual behind one outside them."""
    assert "male bellow" == kind_of_call("Phascolarctos cinereus (Koala, male bellow)")
    assert "" == kind_of_call("Junco hyemalis (Dark-eyed Junco)")
    assert "nestbox/individual B32" == individual("Parus major, nestbox/individual B32")
    assert "" == individual("Phascolarctos cinereus (Koala, male bellow)")


def test_what_is_planted_is_read_and_what_is_not_is_not(folder: Path, birdnet: Embedder) -> None:
    """Species, kind and individual are read from few examples; places that are alike and a device unheard are not."""
    answered = run_probes(Bands(birdnet), labelled_files(folder), seed=1)
    assert [case.name for case in read_suite("probes").cases] == [score.case for score in answered.scores]
    assert set() == failures(answered)
    values = {score.case: score.value or 0.0 for score in answered.scores}
    assert values["species_8"] > 0.95
    assert values["call_type_4"] > 0.95
    assert values["place_within_species"] < 0.5
    curves, *warned = answered.tables
    assert "| individual | Parus major | 2 | 20 | 0.50 |" in curves
    assert not any("device" in words for words in warned)


def test_embeddings_that_carry_the_device_are_warned_of(folder: Path, birdnet: Embedder) -> None:
    """A model that hears the noise floor tells microphones apart: the case is red, and the words say how surely."""
    answered = run_probes(Bands(birdnet, hears_floor=True), labelled_files(folder), seed=1)
    assert "device_accuracy" in failures(answered)
    assert any(words.startswith("Warning: the embeddings carry the device (planted)") for words in answered.tables)


def test_shuffled_labels_are_noticed(folder: Path, birdnet: Embedder) -> None:
    """Labels dealt to the wrong recordings can be read by no probe: species and individuals turn red."""
    files = labelled_files(folder)
    dealt = np.random.default_rng(4).permutation(len(files))
    wrong = tuple(file._replace(label=files[at].label) for file, at in zip(files, dealt, strict=True))
    assert {"species_8", "individual_4"} <= failures(run_probes(Bands(birdnet), wrong, seed=1))


def test_leaked_groups_are_noticed(folder: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds that split a group are found out by the groups that taught."""
    files = tuple(file._replace(group=file.label[:6] + file.path.stem[-1]) for file in labelled_files(folder))
    monkeypatch.setattr(sys.modules["rab.retrieval.probes"], "_folds", lambda data, n: np.arange(len(data.y)) % n)
    assert "leaked_share" in failures(run_probes(Bands(birdnet), files, seed=1))


@pytest.fixture(scope="module")
def grouped(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same recordings with a manifest that puts those of a species and a number into one group."""
    root = tmp_path_factory.mktemp("grouped")
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as text:
        rows = [row | {"group": f"{row['label'][:6]} {Path(row['path']).stem[-1]}"} for row in csv.DictReader(text)]
    for row in rows:
        (root / row["path"]).symlink_to(folder / row["path"])
    with (root / "MANIFEST.csv").open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return root


def leaked(folder: Path, birdnet: Embedder) -> bool:
    """Make the suite's questions of a folder, and return whether one of them says that groups leak."""
    files = labelled_files(folder)
    windows = labelled.labelled_windows(files, Bands(birdnet))
    return any(one.leaked_share > 0 for one in probes.asked_of(windows, files))


def test_leaks_are_counted_in_groups_as_they_are_written(
    grouped: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest whose groups are ignored leaks, though nothing shares a group that the suite knows of."""
    assert not leaked(grouped, birdnet)
    of_manifest = labelled._of_manifest
    monkeypatch.setattr(
        labelled, "_of_manifest", lambda manifest: (one._replace(group=str(one.path)) for one in of_manifest(manifest))
    )
    assert leaked(grouped, birdnet)


def test_windows_that_are_groups_of_their_own_are_noticed(
    grouped: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions that make every window a group leak by what is written of the recordings."""
    questions: Any = probes._questions

    def alone(kind: str, within: str, windows: LabelledWindows, *others: Any) -> Any:
        groups = np.arange(len(windows)).astype(str)
        return questions(kind, within, replace(windows, groups=groups), *others)

    monkeypatch.setattr(probes, "_questions", alone)
    assert leaked(grouped, birdnet)


def test_second_microphone_changes_colour_and_not_content() -> None:
    """The planted microphone takes 3 dB at 6 kHz and next to nothing at 1 kHz."""
    t_s = np.arange(RATE_HZ) / RATE_HZ
    gains_db = []
    for hz in (1000.0, 6000.0):
        tone = Waveform((0.5 * np.sin(2 * np.pi * hz * t_s)).astype(np.float32), RATE_HZ)
        heard = through_microphone(tone, np.random.default_rng(0)).samples
        spectra = [np.abs(np.fft.rfft(sound))[round(hz)] for sound in (heard, tone.samples)]
        gains_db.append(20 * np.log10(spectra[0] / spectra[1]))
    assert gains_db == pytest.approx([-0.2, -3.0], abs=0.2)
