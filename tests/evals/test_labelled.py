"""Labels come with their windows, from a manifest or from folders, and every window keeps its group."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Baseline, Case, EvalRun, Score, Suite, judge
from rab.evals.labelled import labelled_files, labelled_windows, taxon_of, without_place
from rab.evals.written import groups_as_written

RATE_HZ = 48_000


def write_chirp(path: Path, low_hz: float, *, seconds: float = 3.0, seed: int = 0) -> None:
    """Write a sweep of an octave in faint noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    call = np.sin(2 * np.pi * low_hz * (t_s + t_s**2 / (2 * seconds))) * (t_s % 0.5 < 0.2)
    sound = 0.3 * call + 0.003 * np.random.default_rng(seed).standard_normal(len(t_s))
    wavfile.write(path, RATE_HZ, (32_767 * sound).astype(np.int16))


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "MANIFEST.csv").open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def test_folders_are_labels(tmp_path: Path) -> None:
    """A sub-folder is a label, a file of it a group; what lies beside the sub-folders has no label."""
    for path in ("finch/a.wav", "finch/b.wav", "owl/c.wav", "loose.wav"):
        write_chirp(tmp_path / path, 1000)
    files = labelled_files(tmp_path)
    assert [(one.label, one.group) for one in files] == [
        ("finch", "finch/a.wav"),
        ("finch", "finch/b.wav"),
        ("owl", "owl/c.wav"),
    ]


def test_manifest_tells_sets_labels_and_groups(tmp_path: Path) -> None:
    """A manifest's rows are kept by set, and the place is no part of a label."""
    for name in ("a.wav", "b.wav"):
        write_chirp(tmp_path / name, 1000)
    rows = [
        {"path": "a.wav", "set": "north", "label": "Strix aluco @ TopKnoll, QLD", "group": "anna", "licence": "CC0"},
        {"path": "b.wav", "set": "south", "label": "Strix aluco", "group": "ben", "licence": "CC0"},
    ]
    write_manifest(tmp_path, rows)
    assert {(one.set, one.label, one.group) for one in labelled_files(tmp_path)} == {
        ("north", "Strix aluco", "anna"),
        ("south", "Strix aluco", "ben"),
    }
    assert [one.set for one in labelled_files(tmp_path, sets=["south"])] == ["south"]


def test_manifest_that_names_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A recording that is not there is no recording to leave out quietly."""
    write_manifest(tmp_path, [{"path": "gone.wav", "set": "s", "label": "owl", "group": "g"}])
    with pytest.raises(InputError, match=r"gone\.wav"):
        labelled_files(tmp_path)


def test_manifest_without_groups_is_refused(tmp_path: Path) -> None:
    """Without groups a split would leak; the missing column is named."""
    write_manifest(tmp_path, [{"path": "a.wav", "set": "s", "label": "owl"}])
    with pytest.raises(InputError, match="group"):
        labelled_files(tmp_path)


def test_folder_without_labels_says_what_it_needs(tmp_path: Path) -> None:
    """Recordings without sub-folders or manifest are no labelled recordings."""
    write_chirp(tmp_path / "a.wav", 1000)
    with pytest.raises(InputError, match="no labelled recordings") as caught:
        labelled_files(tmp_path)
    assert "MANIFEST.csv" in caught.value.hint


def test_windows_are_embedded_once(tmp_path: Path, birdnet: Embedder) -> None:
    """Vectors have unit length, silence is left out, and what the cache gives is what was put there."""
    write_chirp(tmp_path / "data" / "finch" / "a.wav", 1000, seconds=6.5)
    write_chirp(tmp_path / "data" / "owl" / "b.wav", 2000)
    wavfile.write(tmp_path / "data" / "owl" / "silent.wav", RATE_HZ, np.zeros(3 * RATE_HZ, np.int16))
    files = labelled_files(tmp_path / "data")
    first, again = (labelled_windows(files, birdnet, cache=tmp_path / "cache") for _ in range(2))
    assert first.labels.tolist() == ["finch", "finch", "owl"]
    assert first.t0_ms.tolist() == [0.0, 3000.0, 0.0]
    np.testing.assert_allclose(np.linalg.norm(first.vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert first.quality == again.quality
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 3
    some = first.select(first.labels == "owl")
    assert (len(some), some.where(0), some.groups.tolist()) == (1, "b.wav 0.000 s", ["owl/b.wav"])


def test_only_silence_is_refused(tmp_path: Path, birdnet: Embedder) -> None:
    """A folder in which nothing sounds cannot be evaluated."""
    (tmp_path / "owl").mkdir()
    wavfile.write(tmp_path / "owl" / "silent.wav", RATE_HZ, np.zeros(3 * RATE_HZ, np.int16))
    with pytest.raises(InputError, match="no labelled sound"):
        labelled_windows(labelled_files(tmp_path), birdnet)


def test_taxon_is_whose_call_it_is() -> None:
    """Kind of call, individual, common name and place are no part of a taxon."""
    label = "Phascolarctos cinereus (Koala, female call) @ WestKnoll, St Bees Island"
    assert taxon_of(label) == "Phascolarctos cinereus"
    assert taxon_of("Parus major, nestbox B32") == "Parus major"
    assert without_place(label) == "Phascolarctos cinereus (Koala, female call)"


@pytest.mark.parametrize(
    ("recordings", "labels", "said"),
    [
        ("same", "same", "baseline 0.5"),
        ("other", "same", "no baseline for these recordings"),
        ("same", "other", "no baseline for these labels or groups"),
        ("same", None, "no baseline for these labels or groups"),
    ],
)
def test_a_baseline_speaks_of_the_same_recordings_and_labels(recordings: str, labels: str | None, said: str) -> None:
    """Others are not compared, labels that nobody kept a digest of among them, and the words say which differ."""
    case = Case(name="one", asks="How many?", better="higher", gate=0, tolerance=0.1)
    run = EvalRun(
        suite="s",
        model="m",
        weights_sha256="",
        code_version="0",
        data_sha256="same",
        labels_sha256="same",
        machine="",
        seed=1,
        scores=(Score(case="one", value=0.5, n=1, reason=""),),
    )
    baseline = Baseline(suite="s", model="m", data_sha256=recordings, labels_sha256=labels, values={"one": 0.5})
    (verdict,) = judge(run, Suite(name="s", purpose="p", cases=(case,)), baseline)
    assert verdict.passed
    assert f"0.5, gate 0, {said}" == verdict.words


def test_groups_are_read_as_they_are_written(tmp_path: Path) -> None:
    """A row's group is the recording's; without one, and without a row, the recording is a group."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "MANIFEST.csv").write_text("path,group\ndeep/a.wav,night 1\nb.wav,\n", encoding="utf-8")
    paths = [tmp_path / "deep/a.wav", tmp_path / "b.wav", tmp_path / "c.wav"]
    assert ["night 1", str(paths[1]), str(paths[2])] == list(groups_as_written(paths).values())
