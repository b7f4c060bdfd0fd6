"""Reading a recording: bytes, header, notes and deployment become one noun."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.audio import read_recording
from rab.domain import Deployment, Recording
from rab.errors import InputError

Write = Callable[..., Path]
Noise = Callable[..., npt.NDArray[np.float32]]

COMMENT = "Recorded at 03:13:00 03/05/2025 (UTC) by AudioMoth 242A2604603691DD at medium gain while battery was 3.8V."


def test_a_recording_is_known_by_its_bytes(write: Write, noise: Noise) -> None:
    """The id is the sha256 of the file, the path is absolute, and a renamed copy is the same recording."""
    path = write("a.wav", noise(0.5, n_channels=2))
    recording = read_recording(path)
    content = path.read_bytes()
    assert recording == Recording(
        id=hashlib.sha256(content).hexdigest(),
        path=str(path),
        n_bytes=len(content),
        container="WAV",
        sample_rate_hz=48_000,
        n_channels=2,
        n_frames=24_000,
        duration_ms=500.0,
        notes=recording.notes,
    )
    assert read_recording(path.rename(path.with_name("b.wav"))).id == recording.id


def test_a_relative_path_is_made_absolute(write: Write, noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a clip can be cut tomorrow, from another folder."""
    path = write("cards/a.wav", noise(0.5))
    monkeypatch.chdir(path.parent)
    assert read_recording(Path("a.wav")).path == str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_an_audiomoth_comment_is_found(write: Write, noise: Noise, name: str) -> None:
    """In a WAV, and in the FLAC that it was converted to."""
    notes = read_recording(write(name, noise(0.5), comment=COMMENT)).notes
    assert (notes.started_at, notes.sources) == (datetime(2025, 5, 3, 3, 13, tzinfo=UTC), ("audiomoth",))


@pytest.mark.parametrize("name", ["a.wav", "a.float.wav", "a.extensible.wav"])
def test_guano_is_found_behind_the_sound(write: Write, noise: Noise, name: str) -> None:
    """In every kind of WAV, with time expansion: the rate is the true one."""
    recording = read_recording(write(name, noise(1.0, 38_400), 38_400, guano="GUANO|Version: 1.0\nTE: 10\nMake: D500X"))
    assert (recording.notes.make, recording.notes.time_expansion) == ("D500X", 10)
    assert (recording.sample_rate_hz, recording.duration_ms) == (384_000, 100.0)


def test_the_user_s_time_expansion_stands_before_the_file_s(write: Write, noise: Noise) -> None:
    """A wrong note can be put right, also by saying that there is none."""
    path = write("a.wav", noise(1.0, 38_400), 38_400, guano="TE: 10")
    recordings = [read_recording(path, time_expansion=factor) for factor in (1, 20)]
    assert [r.sample_rate_hz for r in recordings] == [38_400, 768_000]
    assert [r.notes.time_expansion for r in recordings] == [1, 20]
    with pytest.raises(InputError, match="a time expansion of 0 is impossible"):
        read_recording(path, time_expansion=0)


def test_the_deployment_gives_the_site(write: Write, noise: Noise) -> None:
    """And the clock that the file's name is read on."""
    path = write("AM07/20190522_043000.WAV", noise(0.5))
    deployments = [
        Deployment(site="north", zone="UTC+2", file_pattern="AM07/*"),
        Deployment(site="south", file_pattern="AM08/*"),
    ]
    recording = read_recording(path, deployments=deployments)
    assert (recording.site, recording.notes.started_at) == ("north", datetime(2019, 5, 22, 2, 30, tzinfo=UTC))
    assert recording.notes.caveats == ()


def test_a_file_that_no_deployment_claims_is_told(write: Write, noise: Noise) -> None:
    """A table that does not match is a likely mistake."""
    path = write("a.wav", noise(0.5), comment=COMMENT)
    recording = read_recording(path, deployments=[Deployment(site="north", file_pattern="AM07/*")])
    assert recording.site is None
    assert recording.notes.caveats == ("No row of the deployments table matches the file, so its site is not known.",)


@pytest.mark.shared
def test_real_recorders_are_understood(shared: Path) -> None:
    """An AudioMoth with GUANO and comment, and a Batlogger whose GUANO time has no zone."""
    audiomoth = read_recording(shared / "bats_batdetect2" / "Audiomoth.WAV").notes
    assert audiomoth.started_at == datetime(2024, 9, 3, 19, 26, 15, tzinfo=UTC)
    assert (audiomoth.zone, audiomoth.gain, audiomoth.temperature_c) == ("UTC+01:00", "medium", 19.3)
    path = shared / "bats_batdetect2" / "0166_20240531_223911.wav"
    batlogger = read_recording(path).notes
    assert (batlogger.model, batlogger.lat_deg, batlogger.started_at) == ("S2", 49.093119, None)
    assert batlogger.caveats[0].startswith("The file's GUANO notes give a start time without a time zone")
    placed = read_recording(path, deployments=[Deployment(site="forest", zone="Europe/Paris")]).notes
    assert placed.started_at == datetime(2024, 5, 31, 20, 39, 11, tzinfo=UTC)
