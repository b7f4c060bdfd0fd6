"""A report as files beside each other: whole, or not there."""

import os
from dataclasses import dataclass
from pathlib import Path

from rab.errors import StorageFailed
from rab.reports.pages import render_html, render_json, render_markdown
from rab.reports.report import Media, Report


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    markdown: Path
    json: Path


def write_report(folder: Path, report: Report, media: Media) -> ReportFiles:
    """Write `report.html`, `report.md` and `report.json` into `folder`, which is made when it is missing.

    All three are rendered before the first is written, and each replaces an older one in a single step. Raises
    `StorageFailed` when the folder cannot be written, and `Ungrounded` as `render_html` does.
    """
    files = ReportFiles(folder / "report.html", folder / "report.md", folder / "report.json")
    texts = {
        files.html: render_html(report, media),
        files.markdown: render_markdown(report),
        files.json: render_json(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            _replace(path, text)
    except OSError as error:
        raise StorageFailed(
            f"the report cannot be written into {folder}: {error.strerror or error}",
            hint="free some space or make the folder writable, or name another folder",
        ) from error
    return files


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
