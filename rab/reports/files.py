"""A report as files beside each other: whole, or not there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rab.domain import content_id
from rab.errors import InputError, NotFound, StorageFailed
from rab.reports.pages import render_html, render_json, render_markdown
from rab.reports.pdf import render_pdf
from rab.reports.report import Media, Report

_SEALED = (".html", ".md", ".json", ".pdf")
"""The files of a report that its `.sha256` seals, as far as they are written."""
_AGAIN = "write it again with `rab report`, or put the files back as they were written"


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    markdown: Path
    json: Path
    pdf: Path | None = None
    """None where no PDF was asked for."""


def write_report(folder: Path, report: Report, media: Media, *, pdf: bool = False) -> ReportFiles:
    """Write `report.html`, `report.md`, `report.json` and, where asked for, `report.pdf` into `folder`.

    Beside them `report.sha256` names what each of them is, as `sha256sum --check` reads it.

    The folder is made when it is missing. All are rendered before the first is written, and each replaces an older one
    in a single step. Raises `StorageFailed` when the folder cannot be written, `Ungrounded` as `render_html` does, and
    `Unavailable` as `render_pdf` does.
    """
    files = ReportFiles(
        folder / "report.html", folder / "report.md", folder / "report.json", folder / "report.pdf" if pdf else None
    )
    contents = {
        files.html: render_html(report, media).encode(),
        files.markdown: render_markdown(report).encode(),
        files.json: render_json(report).encode(),
    }
    if files.pdf is not None:
        contents[files.pdf] = render_pdf(report, media)
    sums = (f"{content_id(content)}  {path.name}\n" for path, content in contents.items())
    contents[folder / "report.sha256"] = "".join(sums).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            replace_file(path, content)
    except OSError as error:
        raise StorageFailed(
            f"the report cannot be written into {folder}: {error.strerror or error}",
            hint="free some space or make the folder writable, or name another folder",
        ) from error
    return files


def read_report(path: Path) -> Report:
    """Read a `report.json`.

    Raises `NotFound` for a file that cannot be opened, and `InputError` for one that is no report of this schema
    version, or was changed after it was sealed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror or error}", hint="name a report.json") from error
    try:
        report = Report.model_validate_json(content)
    except ValidationError as error:
        if b'"schema_version":1,' in content and b'"question"' not in content:
            raise InputError(
                f"{path} is a report of schema version 1, which does not hold its question: it cannot be made again",
                hint="write it again with `rab report`",
            ) from error
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path} is no report of RAB, or was changed: {place + ': ' if place else ''}{first['msg']}",
            hint="name the report.json as `rab report` wrote it",
        ) from error
    if "seal" not in json.loads(content):
        raise InputError(f"{path} holds no seal: it is of an older RAB, or was changed by hand", hint=_AGAIN)
    return report


def check_files(path: Path) -> None:
    """Check a `report.json` and the pages beside it against the `report.sha256` that was written with them.

    A page that is not there is not missed. Raises `InputError` for one that is not as it was written, and for pages
    without their sums; `NotFound` for a file that cannot be opened.
    """
    sums = path.with_suffix(".sha256")
    there = [one for suffix in _SEALED if (one := path.with_suffix(suffix)).is_file()]
    if not sums.is_file():
        if there == [path]:
            return
        raise InputError(f"{sums} is gone: nobody can tell whether the pages beside it were changed", hint=_AGAIN)
    try:
        lines = sums.read_text(encoding="utf-8", errors="replace").splitlines()
        written = {Path(name).suffix: digest for digest, _, name in (line.partition("  ") for line in lines)}
        changed = [one for one in there if written.get(one.suffix) != content_id(one.read_bytes())]
    except OSError as error:
        raise NotFound(f"{path.parent} cannot be read: {error.strerror or error}", hint=_AGAIN) from error
    if not changed:
        return
    names = ", ".join(one.name for one in changed)
    raise InputError(
        f"{names} in {path.parent} {'was' if len(changed) == 1 else 'were'} changed by hand, or is of another report:"
        f" {sums.name} names other content",
        hint=_AGAIN,
    )


def replace_file(path: Path, content: bytes | str) -> None:
    """Write a file in place of another, in a single step. Raises `OSError`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
