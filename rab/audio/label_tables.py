"""Label tables: what people wrote about recordings in other programs, read span by span.

Three kinds are read, and told apart by what stands in them: CSV or TSV with a header, whose columns are found by name;
selection tables of Raven (a header with `Begin Time (s)`); label tracks of Audacity (no header: start, end, label). A
folder of clips is a table too, where each sub-folder is a label: that is how most reference collections are shared.

A reference collection of some thousand rows has some bad ones. A row that cannot be meant is listed with its number
and its reason, and the others are read.
"""

import csv
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rab.audio.find import AUDIO_SUFFIXES, find_audio
from rab.domain import FileFailure, LabelKind, Value
from rab.domain.value import Ms
from rab.errors import InputError, NotFound, RabError

_PATH = ("path", "file", "filename", "file_name", "filepath", "recording", "begin path", "begin file")
_NAMES: dict[LabelKind, tuple[str, ...]] = {
    "taxon": ("scientific_name", "species", "label", "taxon", "common name", "annotation", "species code"),
    "call_type": ("call_type", "call type", "vocalisation", "vocalization"),
    "individual": ("individual", "individual_id"),
}
_START = ("start", "start_s", "begin", "begin_s", "onset", "start_time", "begin time (s)")
_END = ("end", "end_s", "stop", "offset", "end_time", "end time (s)")
_FILE_OFFSET = ("file offset (s)", "begin file offset (s)")
_AUTHOR = ("author", "recordist", "annotator")
_LICENCE = ("licence", "license")
_SOURCE = ("source", "url")
_RAVEN = "begin time (s)"
_HINT = "columns: path, label (or species, scientific_name), and as wanted start, end, author, licence, source"


class LabelledSpan(Value):
    """A name that somebody gave to a recording, or to a span of it."""

    path: str
    name: str
    kind: LabelKind = "taxon"
    t0_ms: Ms | None = None
    """None where the whole recording is meant; so is `t1_ms` then."""
    t1_ms: Ms | None = None
    author: str | None = None
    licence: str | None = None
    source: str | None = None
    row: str
    """Where that stands: `labels.csv line 12`, or the file's path within the collection."""


class LabelledSpans(NamedTuple):
    """What a collection says, and the rows and files that could not be used."""

    spans: tuple[LabelledSpan, ...]
    failures: tuple[FileFailure, ...]


def read_collection(path: Path, *, table: Path | None = None, kind: LabelKind = "taxon") -> LabelledSpans:
    """Read the labels of the recordings under `path`: a folder, or one recording.

    With `table`, its rows say what is where; paths in it are relative to the folder or to the table and lead into the
    folder, and a bare file name will do where only one file has it. Without, a recording takes the tables of Raven or
    Audacity that lie beside it under its name, else the name of the first sub-folder that it lies in, `_` read as a
    space. `kind` is what the label column, or the folder, names.

    Raises `NotFound` for a path that is not there, `InputError` for a table without the columns that are needed.
    """
    found, failures = find_audio([path])
    if failures and not found:
        raise NotFound(failures[0].message, hint=failures[0].hint)
    root = path if path.is_dir() else path.parent
    files = _Files(root, found)
    if table is not None:
        spans, refused = _read_table(table, files, kind)
        return LabelledSpans(tuple(spans), (*failures, *refused))
    all_spans: list[LabelledSpan] = []
    all_failures = list(failures)
    for file in found:
        beside = _tables_beside(file)
        if beside:
            for one in beside:
                spans, refused = _read_table(one, files, kind, recording=file)
                all_spans += spans
                all_failures += refused
            continue
        inside = file.relative_to(root).parts
        if len(inside) > 1:
            name = inside[0].replace("_", " ").strip()
            all_spans.append(LabelledSpan(path=str(file), name=name, kind=kind, row=Path(*inside).as_posix()))
        else:
            error = InputError(
                f"{file.name} lies in no sub-folder, and no table speaks of it",
                hint="put it into a folder named by its label, or give --labels",
            )
            all_failures.append(_failure(str(file), error))
    return LabelledSpans(tuple(all_spans), tuple(all_failures))


class _Files:
    """The recordings of a collection, found by what a table calls them."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self._root = root
        self._by_name: dict[str, list[Path]] = {}
        for file in files:
            self._by_name.setdefault(file.name.lower(), []).append(file)

    def find(self, called: str, table: Path) -> Path:
        """Return a file. Raises `NotFound`, and `InputError` where several bear the name, or it lies elsewhere."""
        written = Path(called.replace("\\", "/"))
        bases = (self._root, table.parent)
        there = [file for base in bases if (file := Path(os.path.normpath(base / written))).is_file()]
        for file in there:
            if self._holds(file):
                return file
        if there:
            raise InputError(
                f"{called} lies outside the collection's folder {self._root}",
                hint="move it into the folder, or add the folder that holds both",
            )
        same_name = self._by_name.get(written.name.lower(), [])
        if len(same_name) > 1:
            raise InputError(f"{called} may be {len(same_name)} files", hint="write its path within the folder")
        if not same_name:
            raise NotFound(f"there is no recording {called}", hint="write its path within the folder")
        return same_name[0]

    def _holds(self, file: Path) -> bool:
        """Return whether a path leads into the folder; a link in the folder may lead out of it."""
        as_written = Path(os.path.normpath(self._root.absolute()))
        return file.absolute().is_relative_to(as_written) or file.resolve().is_relative_to(self._root.resolve())


def _tables_beside(recording: Path) -> list[Path]:
    """Return label tables that bear a recording's name: `a.txt`, `a.Table.1.selections.txt` beside `a.wav`."""
    stem = recording.stem.lower()
    return sorted(
        one
        for one in recording.parent.iterdir()
        if one.suffix.lower() == ".txt"
        and (one.stem.lower() == stem or (one.name.lower().startswith(f"{stem}.") and "selections" in one.name.lower()))
    )


def _read_table(
    table: Path, files: _Files, kind: LabelKind, *, recording: Path | None = None
) -> tuple[list[LabelledSpan], list[FileFailure]]:
    lines = _lines(table)
    first = lines[0] if lines else ""
    if not first.strip():
        raise InputError(f"{table} is empty", hint=_HINT)
    if recording is None and _is_track(first):
        recording = _recording_beside(table)
    rows = _track_rows(lines) if _is_track(first) else _table_rows(table, lines)
    spans: dict[tuple[object, ...], LabelledSpan] = {}
    failures: list[FileFailure] = []
    for number, row in rows:
        where = f"{table.name} line {number}"
        try:
            for span in _spans(row, where, table, files, kind, recording):
                spans.setdefault((span.path, span.t0_ms, span.t1_ms, span.name, span.kind), span)
        except RabError as error:
            failures.append(_failure(f"{table}, line {number}", error))
    return list(spans.values()), failures


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"there is no label table {table}", hint="check the path") from error
    except OSError as error:
        raise InputError(f"{table} cannot be read: {error.strerror}", hint="give the path of a label table") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not UTF-8 text", hint="save it as CSV UTF-8") from error


def _is_track(line: str) -> bool:
    """Return whether a line is one of an Audacity label track: two numbers and a text, parted by tabs."""
    cells = line.split("\t")
    return len(cells) >= 2 and all(_number(cell) is not None for cell in cells[:2])


def _recording_beside(table: Path) -> Path | None:
    same = [one for one in sorted(table.parent.iterdir()) if one.stem == table.stem]
    return next((one for one in same if one.suffix.lower() in AUDIO_SUFFIXES), None)


def _track_rows(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("\\"):  # a line with a backslash gives the band of the one before
            start, end, label = [*line.split("\t", 2), "", ""][:3]
            yield number, {"start": start, "end": end, "label": label}


def _table_rows(table: Path, lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(reader)]
        if not any(name in columns for names in _NAMES.values() for name in names):
            raise InputError(f"{table}: its first line is {', '.join(columns)}, and no column is a label", hint=_HINT)
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, {a: b.strip() for a, b in zip(columns, row, strict=False) if b.strip()}
    except csv.Error as error:
        raise InputError(f"{table}, line {reader.line_num}: {error}", hint="save it again as CSV") from error


def _spans(
    row: Mapping[str, str], where: str, table: Path, files: _Files, kind: LabelKind, recording: Path | None
) -> Iterator[LabelledSpan]:
    """Yield what a row says: a name of each kind that it has a column for."""
    called = _cell(row, _PATH)
    if called is None and recording is None:
        recording = _recording_of_raven(table)
        if recording is None:
            raise InputError("no recording is named", hint=_HINT)
    path = files.find(called, table) if called is not None else recording
    t0_ms, t1_ms = _times(row)
    names = {given: _cell(row, columns) for given, columns in _NAMES.items()}
    if not any(names.values()):
        raise InputError("no label is given", hint=_HINT)
    for given, name in names.items():
        if name is not None:
            yield LabelledSpan(
                path=str(path),
                name=name,
                kind=kind if given == "taxon" else given,
                t0_ms=t0_ms,
                t1_ms=t1_ms,
                author=_cell(row, _AUTHOR),
                licence=_cell(row, _LICENCE),
                source=_cell(row, _SOURCE),
                row=where,
            )


def _recording_of_raven(table: Path) -> Path | None:
    """Return the recording beside a selection table: `a.wav` beside `a.Table.1.selections.txt`."""
    beside = [one for one in sorted(table.parent.iterdir()) if one.suffix.lower() in AUDIO_SUFFIXES]
    return next((one for one in beside if table.name.lower().startswith(f"{one.stem.lower()}.")), None)


def _times(row: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return the span in ms. Raven counts through all files of a table, and gives the place within one as an offset."""
    start, end, offset = (_seconds(row, names) for names in (_START, _END, _FILE_OFFSET))
    if start is None and end is None:
        return None, None
    if start is None or end is None:
        raise InputError("only one of start and end is given", hint="give both in seconds, or neither")
    if offset is not None:
        start, end = offset, offset + end - start
    if not 0 <= start <= end:
        raise InputError(f"{start:g} to {end:g} s is no span", hint="give start and end in seconds from the beginning")
    return 1000 * start, 1000 * end


def _seconds(row: Mapping[str, str], names: Iterable[str]) -> float | None:
    cell = _cell(row, names)
    if cell is None:
        return None
    number = _number(cell)
    if number is None:
        raise InputError(f"{cell!r} is no time in seconds", hint="write 12.5")
    return number


def _number(cell: str) -> float | None:
    try:
        number = float(cell.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _cell(row: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((row[name].strip() for name in names if row.get(name, "").strip()), None)


def _failure(path: str, error: RabError) -> FileFailure:
    return FileFailure(path=path, code=error.code, message=error.message, hint=error.hint)
