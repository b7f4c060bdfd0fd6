"""A report is written whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rab.errors import InputError, StorageFailed, Ungrounded
from rab.reports import Media, Report, check_files, render_html, render_json, render_markdown, write_report


def test_files_stand_beside_each_other(tmp_path: Path, report: Report, media: Media) -> None:
    """The folder is made, the three renderings are in it as UTF-8 with their sums, and nothing else."""
    files = write_report(tmp_path / "a" / "b", report, media)
    assert files.html.read_bytes() == render_html(report, media).encode()
    assert files.markdown.read_bytes() == render_markdown(report).encode()
    assert files.json.read_bytes() == render_json(report).encode()
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names == ["report.html", "report.json", "report.md", "report.sha256"]


def test_files_as_they_were_written_hold(tmp_path: Path, report: Report) -> None:
    """All of them do, in any folder and under any name; so does the JSON by itself."""
    files = write_report(tmp_path, report, {})
    check_files(files.json)
    for suffix in (".json", ".html", ".sha256"):
        (tmp_path / f"marsh{suffix}").write_bytes((tmp_path / f"report{suffix}").read_bytes())
    check_files(tmp_path / "marsh.json")
    alone = tmp_path / "alone" / "report.json"
    alone.parent.mkdir()
    alone.write_bytes(files.json.read_bytes())
    check_files(alone)


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json", "report.pdf"])
def test_a_file_changed_by_hand_is_named(name: str, tmp_path: Path, report: Report) -> None:
    """One byte more is enough, and so is a PDF that was not written with the rest."""
    files = write_report(tmp_path, report, {})
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=rf"{name} in .* was changed by hand"):
        check_files(files.json)


def test_sums_cannot_be_changed_or_left_out(tmp_path: Path, report: Report) -> None:
    """Sums of other content name every file; pages without sums are no report that can be checked."""
    files = write_report(tmp_path, report, {})
    (tmp_path / "report.sha256").write_bytes(b"\xff nothing")
    with pytest.raises(InputError, match=r"report\.html, report\.md, report\.json in .* were changed"):
        check_files(files.json)
    (tmp_path / "report.sha256").unlink()
    with pytest.raises(InputError, match="is gone"):
        check_files(files.json)


def test_an_older_report_is_replaced(tmp_path: Path, report: Report) -> None:
    """Writing again leaves the newer report alone."""
    write_report(tmp_path, report.model_copy(update={"title": "Older"}), {})
    files = write_report(tmp_path, report, {})
    assert files.json.read_text(encoding="utf-8") == render_json(report)


def test_an_ungrounded_report_leaves_the_older_one(
    tmp_path: Path, report: Report, with_text: Callable[..., Report]
) -> None:
    """Nothing is written before everything is rendered."""
    before = write_report(tmp_path, report, {}).html.read_bytes()
    bare = report.passages[0].text.claims[0].model_copy(update={"support": ()})
    wrong = with_text(report, 0, report.passages[0].text.model_copy(update={"claims": (bare,)}))
    with pytest.raises(Ungrounded, match="cites nothing"):
        write_report(tmp_path, wrong, {})
    assert (tmp_path / "report.html").read_bytes() == before


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path, report: Report) -> None:
    """A file in the way is a storage failure that names the folder."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageFailed, match="taken"):
        write_report(tmp_path / "taken", report, {})


def test_a_disk_that_refuses_leaves_no_part(tmp_path: Path, report: Report) -> None:
    """When a report cannot take its place, what was begun is removed."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StorageFailed):
        write_report(tmp_path, report, {})
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
