"""`rab report` and `rab reproduce`: documents of calls, early refusals, and an exit code that tells."""

import json
from pathlib import Path
from typing import Any

import pytest
import rich_click as click
from click.testing import CliRunner

from rab.cli import rab as command
from rab.cli.report import DIFFERENT
from rab.errors import NotFound
from rab.reports import read_report, report_schema, write_report


def segments(rab: Any) -> list[str]:
    """Return two segments of the small library."""
    return [one["segment"]["id"] for one in json.loads(rab("segments", "--limit", 2, "--json").out)]


def test_calls_are_interpreted_and_made_again(rab: Any, tmp_path: Path) -> None:
    """Named segments are interpreted; the document is made again, and is identical."""
    done = rab("report", *segments(rab), "--into", tmp_path / "calls", "--json")
    assert done.code == 0, done.err
    report = read_report(Path(json.loads(done.out)["json"]))
    assert (report.question.kind, len(report.passages)) == ("interpretation", 2)
    again = rab("reproduce", tmp_path / "calls")
    assert (0, f"identical: report {report.name}") == (again.code, again.out.partition(",")[0])


def test_another_report_is_different_and_says_so(rab: Any, tmp_path: Path) -> None:
    """A report whose title was another is made again, and differs; the exit code is its own."""
    rab("report", segments(rab)[0], "--of", "suggestion", "--into", tmp_path)
    report = read_report(tmp_path / "report.json")
    write_report(tmp_path, report.model_copy(update={"title": "Older"}), {})
    done = rab("reproduce", tmp_path)
    assert done.code == DIFFERENT
    assert "because the title is another now" in done.out
    found = json.loads(rab("reproduce", tmp_path, "--json").out)
    assert (found["is_identical"], found["n_same_packs"]) == (False, 1)


def test_a_page_changed_by_hand_is_no_report(rab: Any, tmp_path: Path) -> None:
    """The altered file is named, whichever file was asked about, and nothing is said to be identical."""
    paths = json.loads(rab("report", segments(rab)[0], "--into", tmp_path, "--json").out)
    page = Path(paths["html"])
    page.write_text(page.read_text(encoding="utf-8").replace("call", "song", 1), encoding="utf-8")
    for named in (paths["html"], paths["json"], tmp_path):
        done = rab("reproduce", named)
        assert (2, "") == (done.code, done.out)
        assert "report.html in" in done.err
        assert "changed by hand" in done.err


def test_paths_are_told_alike(rab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named from where one stands gives whole paths, of all files."""
    monkeypatch.chdir(tmp_path)
    paths = json.loads(rab("report", segments(rab)[0], "--into", "rep", "--json").out)
    assert {Path(path).parent for path in paths.values()} == {(tmp_path / "rep").resolve()}


def test_an_answer_is_a_document(rab: Any, tmp_path: Path) -> None:
    """`rab interpret --report` writes what it would have said."""
    paths = json.loads(rab("interpret", segments(rab)[0], "--report", "--json").out)
    assert read_report(Path(paths["json"])).question.is_repeatable
    assert Path(paths["html"]).is_file()


def test_a_file_outside_the_library_is_heard_in_its_document(rab: Any, samples_dir: Path) -> None:
    """Its call plays in the page, which says how it was asked; the library alone cannot make it again."""
    heard = samples_dir / "opensoundscape" / "birds_10s.wav"
    paths = json.loads(rab("interpret", heard, "--to", 3, "--report", "--json").out)
    page = Path(paths["html"]).read_text(encoding="utf-8")
    assert "<audio" in page
    assert "rab interpret birds_10s.wav --report" in page
    done = rab("reproduce", paths["json"])
    assert (2, "") == (done.code, done.out)
    assert "heard in a file outside the library" in done.err


def test_the_schema_is_printed(rab: Any) -> None:
    """It is the one that reports are written by."""
    assert report_schema() == json.loads(rab("report", "--schema").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["abc", "--of", "monitoring"], "not of segments"),
        (["abc", "--of", "hypotheses"], "not of segments"),
        (["--of", "suggestion"], "name the segments"),
        (["abc", "--drift"], "belong to a monitoring report"),
        (["--of", "hypotheses", "--compare-to", "previous"], "belong to a monitoring report"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], words: str, tmp_path: Path) -> None:
    """Options that do not go together are told before the library is opened."""
    done = CliRunner().invoke(command, ["--home", str(tmp_path), "report", *arguments], standalone_mode=False)
    assert isinstance(done.exception, click.UsageError)
    assert words in done.exception.message


def test_a_report_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    """An id without a report is named."""
    done = CliRunner().invoke(command, ["--home", str(tmp_path), "reproduce", "0000"])
    assert isinstance(done.exception, NotFound)
