"""A report is written whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rab.errors import StorageFailed, Ungrounded
from rab.reports import Media, Report, render_html, render_json, render_markdown, write_report


def test_three_files_stand_beside_each_other(tmp_path: Path, report: Report, media: Media) -> None:
    """The folder is made, the three renderings are in it as UTF-8, and nothing else."""
    files = write_report(tmp_path / "a" / "b", report, media)
    assert files.html.read_bytes() == render_html(report, media).encode()
    assert files.markdown.read_bytes() == render_markdown(report).encode()
    assert files.json.read_bytes() == render_json(report).encode()
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["report.html", "report.json", "report.md"]


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
