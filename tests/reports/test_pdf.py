"""A PDF is an extra: made where WeasyPrint is, and a clear next step where it is not."""

import sys
from pathlib import Path

import pytest

from rab.errors import Unavailable
from rab.reports import Media, Report, render_html, render_pdf, write_report


def test_without_the_extra_the_next_step_is_told(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what to install, and no file is left behind."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(Unavailable, match="WeasyPrint") as refused:
        write_report(tmp_path, report, {}, pdf=True)
    assert "rab[pdf]" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_page_for_print_has_pictures_and_no_players(report: Report, media: Media) -> None:
    """Pictures stand where they are shown, since makers of PDF do not follow references between drawings."""
    page = render_html(report, media, for_print=True)
    assert "<audio" not in page
    assert "<use" not in page
    assert page.count('<img class="picture"') > len(media) - 1


def test_equal_reports_give_equal_pdfs(report: Report, media: Media) -> None:
    """The same report is the same file, and begins as a PDF does."""
    pytest.importorskip("weasyprint", reason="WeasyPrint is an extra")
    once, again = (render_pdf(report, media) for _ in range(2))
    assert once == again
    assert once[:5] == b"%PDF-"
