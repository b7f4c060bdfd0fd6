"""Suggestions read back from their files: whole, to compare and to go on with, or as what a reviewer wrote into them.

Programs save tables in their own way: columns move, numbers lose digits, commas become semicolons. So columns are found
by name, and of a reviewed row only what a reviewer writes is read, with segment and pack. All else stands in the pack.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rab.domain import FileFailure, ReviewedRow, SuggestedAnnotation
from rab.errors import InputError, NotFound
from rab.reports.annotations import JOINT, unguarded

_HINT = "give a CSV or a Raven table that `rab suggest --export` wrote, with its status column edited"
_NEEDED = ("segment", "pack", "status")


class TrackLabel(NamedTuple):
    """A label of an Audacity track."""

    begin_s: float
    end_s: float
    low_hz: float | None
    high_hz: float | None
    parts: tuple[str, ...]
    """The texts of the label: name, status, segment, pack, evidence, models."""


def read_csv(text: str) -> list[SuggestedAnnotation]:
    """Return the suggestions of a CSV. Raises `InputError` for a text that is none."""
    return [_of_cells(cells, "mix" if not cells["channel"] else cells["channel"]) for _, cells in _rows(text, "CSV")]


def read_raven(text: str) -> list[SuggestedAnnotation]:
    """Return the suggestions of a Raven table; its channel 1 is 0, and no band is told from the whole one."""
    found = []
    for _, cells in _rows(text, "Raven table"):
        named = {
            "file": cells["begin file"],
            "path": cells["begin path"],
            "begin_s": cells["begin time (s)"],
            "end_s": cells["end time (s)"],
            "low_hz": cells["low freq (hz)"],
            "high_hz": cells["high freq (hz)"],
            "nyquist_hz": cells["high freq (hz)"],
            **{name.replace(" ", "_"): cell for name, cell in cells.items()},
        }
        found.append(_of_cells(named, str(int(cells["channel"]) - 1)))
    return found


def read_audacity(text: str) -> list[TrackLabel]:
    """Return the labels of an Audacity track."""
    found: list[TrackLabel] = []
    for line in text.splitlines():
        cells = line.split("\t")
        if cells[0] == "\\" and found:
            found[-1] = found[-1]._replace(low_hz=float(cells[1]), high_hz=float(cells[2]))
        elif len(cells) == 3:
            parts = tuple(cells[2].split(" | "))
            found.append(TrackLabel(float(cells[0]), float(cells[1]), None, None, parts))
    return found


def read_reviewed(path: Path) -> tuple[list[ReviewedRow], list[FileFailure]]:
    """Return what reviewers wrote into a table, and the rows that name no segment or pack.

    Raises `NotFound` for a file that is not there, `InputError` for one that is no such table.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"there is no table {path}", hint="check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", hint="save it as CSV UTF-8") from error
    found, failures = [], []
    for number, cells in _rows(text, path.name):
        where = f"{path.name} line {number}"
        if not cells.get("segment") or not cells.get("pack"):
            failures.append(FileFailure(path=where, code="input", message="no segment or no pack is named", hint=_HINT))
            continue
        taxon, corrected = (cells.get(name) or cells.get(name.replace("_", " "), "") for name in _TAXA)
        status = cells["status"].casefold()
        found.append(
            ReviewedRow(where, cells["segment"], cells["pack"], status, taxon, corrected, cells.get("reviewer", ""))
        )
    return found, failures


_TAXA = ("suggested_taxon", "corrected_taxon")


def _rows(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the rows of a table with the numbers of their lines, by the names of its columns in small letters."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        columns = [column.strip().casefold() for column in next(reader, [])]
        if missing := [column for column in _NEEDED if column not in columns]:
            raise InputError(f"{name} has no column {missing[0]}", hint=_HINT)
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = dict.fromkeys(columns, "") | dict(zip(columns, map(unguarded, row), strict=False))
                yield (
                    reader.line_num,
                    {column: cell.strip() if column in _KEYS else cell for column, cell in cells.items()},
                )
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: {error}", hint="save it again as CSV") from error


_KEYS = (*_NEEDED, *_TAXA, "suggested taxon", "corrected taxon", "reviewer")
"""Cells around which a space means nothing."""


def _of_cells(cells: Mapping[str, str], channel: str) -> SuggestedAnnotation:
    try:
        return SuggestedAnnotation(
            segment_id=cells["segment"],
            pack_id=cells["pack"],
            recording_id=cells["recording"],
            file_name=cells["file"],
            path=cells["path"],
            channel=None if channel == "mix" else int(channel),
            t0_ms=1000 * float(cells["begin_s"]),
            t1_ms=1000 * float(cells["end_s"]),
            low_hz=float(cells["low_hz"]) if cells["low_hz"] else None,
            high_hz=float(cells["high_hz"]) if cells["high_hz"] else None,
            nyquist_hz=float(cells["nyquist_hz"]),
            status=cells["status"],
            taxon=cells["suggested_taxon"] or None,
            common_name=cells["suggested_common_name"] or None,
            reasons=_many(cells["reasons"]),
            evidence=_many(cells["evidence"]),
            similarity=float(cells["similarity"]) if cells["similarity"] else None,
            models=_many(cells["models"]),
            label_licences=_many(cells["label_licences"]),
            statement=cells["statement"],
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"a row is none of a suggestion: {error}", hint=_HINT) from error


def _many(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(JOINT)) if cell else ()
