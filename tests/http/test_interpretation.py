"""A clip that is sent is answered for like a stored call, and leaves nothing behind but its pack."""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from litestar import Litestar
from litestar.testing import TestClient

from rab.audio import read_clip
from rab.workflows.questions import find_segment
from rab.workflows.workspace import Workspace

ADDRESS = "/v1/interpretations"
Client = TestClient[Litestar]


@pytest.fixture(scope="module")
def sound(library: Workspace, segment: str) -> bytes:
    """Return 9 s around a stored blackbird as a FLAC file of its own."""
    stored = find_segment(library, segment)
    t0_ms = max(0.0, stored.segment.t0_ms - 3000)
    waveform = read_clip(stored.recording, channel=None, t0_ms=t0_ms, t1_ms=t0_ms + 9000)
    file = BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate_hz, format="FLAC")
    return file.getvalue()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which what is sent lies while it is heard; after each test it is empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def sent(client: Client, content: bytes, name: str = "clip.flac", **parameters: Any) -> Any:
    return client.post(ADDRESS, files={"file": (name, content)}, params=parameters)


def refused(answer: Any, status: int) -> str:
    """Return the detail of a problem of that status."""
    problem = answer.json()
    assert (status, status) == (answer.status_code, problem["status"]), problem
    assert "application/problem+json" == answer.headers["content-type"].split(";")[0]
    return str(problem["detail"])


def test_clip_is_answered_with_a_pack_that_can_be_read_again(client: Client, sound: bytes, temporary: Path) -> None:
    """Every sentence cites an entry of a pack that the service returns by its id; the sound itself is gone."""
    answer = sent(client, sound)
    assert 200 == answer.status_code, answer.text
    (item,) = answer.json()["items"]
    pack = client.get(f"/v1/packs/{item['pack']['pack_id']}").json()
    assert item["pack"] == pack
    assert pack["query"]["call"]["recording_id"] == answer.json()["recording_id"]
    assert item["claims"]
    assert [] == item["dropped"]
    assert [] == list(temporary.iterdir())


def test_selection_is_what_the_answer_speaks_of(client: Client, sound: bytes) -> None:
    """The pack's query is the stretch and the band that were asked for, at the time that was told."""
    told: dict[str, Any] = {"time": "2025-05-03T05:12:00+02:00", "site": "A12", "lat": 48.0, "lon": 2.0}
    answer = sent(client, sound, start_s=4, end_s=4.5, low_hz=1500, high_hz=6000, **told)
    (item,) = answer.json()["items"]
    query = item["pack"]["query"]
    assert (4000.0, 4500.0, 1500.0, 6000.0) == (
        *(query["call"][name] for name in ("t0_ms", "t1_ms")),
        query["low_hz"],
        query["high_hz"],
    )
    assert ("A12", "2025-05-03T03:12:04Z") == (query["call"]["site"], query["call"]["heard_at"])


def test_every_segment_is_answered_for_when_asked(client: Client, sound: bytes) -> None:
    """9 s are three windows of 3 s, in the order of time."""
    items = sent(client, sound, each=True).json()["items"]
    assert [0.0, 3000.0, 6000.0] == [item["pack"]["query"]["call"]["t0_ms"] for item in items]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x.wav", ".hidden", "a b\x07c.flac", "/etc/shadow", "ü"])
def test_name_of_a_client_reaches_no_path(client: Client, sound: bytes, temporary: Path, name: str) -> None:
    """Whatever a file is called, it is heard in its own folder and shown under a plain name."""
    answer = sent(client, sound, name, start_s=0, end_s=3)
    shown = answer.json()["file_name"]
    assert (200, set()) == (answer.status_code, set(shown) & set("/\\ \x07ü"))
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize("content", [b"garbage" * 100, b"", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_audio_is_refused(client: Client, temporary: Path, content: bytes) -> None:
    """415 says which formats can be decoded, and nothing of where the file lay."""
    detail = refused(sent(client, content, "x.wav"), 415)
    assert str(temporary) not in detail
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize(
    "parameters",
    [{"start_s": 50}, {"end_s": 50}, {"start_s": 3, "end_s": 2}, {"high_hz": 90000}, {"low_hz": 3000, "high_hz": 2000}],
)
def test_selection_outside_the_sound_is_refused(client: Client, sound: bytes, parameters: dict[str, Any]) -> None:
    """422 says how long the sound is, or how far it reaches."""
    assert "it " in refused(sent(client, sound, **parameters), 422)


def test_channel_and_clock_that_cannot_be_are_refused(client: Client, sound: bytes) -> None:
    """A mono file has no second channel, and a time without an offset is no instant."""
    assert "no channel 1" in refused(sent(client, sound, channel=1), 422)
    assert "no offset" in refused(sent(client, sound, time="2025-05-03T05:12:00"), 422)


def test_other_forms_and_sizes_are_refused(client: Client) -> None:
    """A bare body is 415, one of more than 64 MiB is 413."""
    bare = client.post(ADDRESS, content=b"RIFF", headers={"content-type": "audio/wav"})
    assert "multipart" in refused(bare, 415)
    refused(sent(client, bytes((64 << 20) + 1)), 413)


@pytest.mark.parametrize("parts", [[(None, b"hello")], [("a.wav", b"a"), ("b.wav", b"b")]])
def test_form_without_one_file_is_refused(client: Client, parts: list[tuple[str | None, bytes]]) -> None:
    """Text in place of a file, or two of them, is the client's slip: the answer names the field."""
    assert "file" in refused(client.post(ADDRESS, files=[("file", part) for part in parts]), 400)


@pytest.mark.parametrize(("name", "value"), [("start_s", "nan"), ("end_s", "inf"), ("low_hz", "nan"), ("lat", "nan")])
def test_what_is_no_number_is_refused(client: Client, sound: bytes, name: str, value: str) -> None:
    """NaN and infinity are refused by the parameter's name."""
    assert name in refused(sent(client, sound, **{name: value}), 400)


@pytest.mark.parametrize("route", ["segments", "recordings"])
def test_offset_beyond_what_is_counted_is_refused(client: Client, route: str) -> None:
    """No database counts so far, and the client is not told about ours."""
    detail = refused(client.get(f"/v1/{route}", params={"offset": 2**63}), 400)
    assert ("offset" in detail, "Python" in detail) == (True, False)
    assert 200 == client.get(f"/v1/{route}", params={"offset": 2**53 - 1}).status_code


def test_hours_of_silence_are_refused(client: Client) -> None:
    """A small file may hold hours: it is not decoded to find that out."""
    file = BytesIO()
    soundfile.write(file, np.zeros(8000 * 3700, np.int16), 8000, format="FLAC")
    assert "3600 s are taken at most" in refused(sent(client, file.getvalue()), 413)


def test_document_tells_of_the_route(client: Client) -> None:
    """The OpenAPI document names the form, the parameters and every refusal."""
    route = client.get("/schema/openapi.json").json()["paths"][ADDRESS]["post"]
    assert "multipart/form-data" in route["requestBody"]["content"]
    assert {"start_s", "end_s", "low_hz", "high_hz", "channel", "each"} <= {one["name"] for one in route["parameters"]}
    assert {"413", "415", "422"} <= set(route["responses"])
