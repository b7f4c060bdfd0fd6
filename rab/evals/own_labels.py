"""Labels of a user's own folder: from a table, from selection tables beside recordings, or from sub-folders.

A window bears the label that sounds longest in it. A group is what the user says it is (a recordist, a site, a night);
without a word of theirs it is the recording, and that is said.
"""

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rab.audio.label_tables import LabelledSpan, read_collection
from rab.domain.value import Value
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals.labelled import MANIFEST, LabelledFile, LabelledWindows, labelled_windows

_LEAST_OVERLAP = 0.5
"""Of a labelled span, or of the window where the span is longer: what a window must hold to bear the label."""
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "recording", "begin path", "begin file")


class Source(Value):
    """Where labels come from. Nothing given: a MANIFEST.csv, tables beside recordings, or names of sub-folders."""

    labels: str | None = None
    label_column: str | None = None
    group_column: str | None = None


class Labelled(NamedTuple):
    """A user's folder as it was read: files with their groups, spans by file, and what must be said of them."""

    files: tuple[LabelledFile, ...]
    spans: dict[str, tuple[LabelledSpan, ...]]
    grouped_by: str
    notes: tuple[str, ...]


def read_folder(folder: Path, source: Source) -> Labelled:
    """Read what a folder says of its recordings. Raises `InputError` and `NotFound`."""
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", hint="name a folder of labelled recordings")
    table = folder / source.labels if source.labels is not None else folder / MANIFEST
    if source.labels is None and not table.is_file():
        if source.group_column or source.label_column:
            raise InputError("columns are named, but no table", hint="name it with --labels")
        return _grouped(folder, read_collection(folder), {}, "recording", ())
    rows = _rows(table)
    column, notes = _group_column(table, rows, source)
    spans = _table_spans(folder, table, rows, source)
    groups = {number: row.get(column, "") for number, row in rows.items()} if column else {}
    _require_one_group(table, rows, column)
    return _grouped(folder, spans, groups, f"column {column!r}" if column else "recording", notes)


def own_windows(read: Labelled, embedder: Embedder, cache: Path | None) -> LabelledWindows:
    """Embed a folder, and give each window the label that sounds longest in it; windows without one are left out.

    Raises `InputError` where fewer than two labels stand in two groups or more.
    """
    windows = labelled_windows(read.files, embedder, cache=cache)
    labels = [_label(windows, i, read.spans) for i in range(len(windows))]
    kept = np.flatnonzero([label is not None for label in labels])
    named = replace(windows, labels=np.array([label or "" for label in labels])).select(kept)
    n_groups = n_groups_of_labels(named)
    enough = [label for label, n in n_groups.items() if n > 1]
    if len(enough) < 2:
        said = ", ".join(f"{label} in {n}" for label, n in list(n_groups.items())[:8]) or "none has a window"
        raise InputError(
            f"{len(enough)} label(s) stand in two groups or more, and two are needed: {said}",
            hint="add recordings of each label from another group, or name another --group-column",
        )
    return named


def _label(windows: LabelledWindows, i: int, spans: dict[str, tuple[LabelledSpan, ...]]) -> str | None:
    """Return the label of a window: that of the spans in it which sound longest together."""
    t0_ms, t1_ms = float(windows.t0_ms[i]), float(windows.t1_ms[i])
    held: Counter[str] = Counter()
    for span in spans.get(str(windows.paths[i]), ()):
        start = t0_ms if span.t0_ms is None else max(span.t0_ms, t0_ms)
        end = t1_ms if span.t1_ms is None else min(span.t1_ms, t1_ms)
        length = t1_ms - t0_ms if span.t0_ms is None or span.t1_ms is None else span.t1_ms - span.t0_ms
        if end > start and end - start >= _LEAST_OVERLAP * min(length, t1_ms - t0_ms):
            held[span.name] += round(end - start)
    return held.most_common(1)[0][0] if held else None


def _grouped(
    folder: Path,
    read: tuple[Sequence[LabelledSpan], Sequence[object]],
    groups: dict[int, str],
    grouped_by: str,
    notes: tuple[str, ...],
) -> Labelled:
    spans, failures = read
    spans = [span for span in spans if span.kind == "taxon"]
    if not spans:
        raise InputError(
            f"{folder}: no labelled recordings",
            hint="give --labels a table (path, label, start, end, group), or put recordings into sub-folders of labels",
        )
    of_file: dict[str, list[LabelledSpan]] = {}
    group_of: dict[str, str] = {}
    for span in spans:
        of_file.setdefault(span.path, []).append(span)
        group = groups.get(_line(span)) or Path(os.path.relpath(span.path, folder)).as_posix()
        if group_of.setdefault(span.path, group) != group:
            raise _in_two_groups(span.path, group_of[span.path], group, span.row)
    name = folder.resolve().name
    files = tuple(LabelledFile(Path(path), name, "?", group_of[path]) for path in sorted(of_file))
    said = [f"{len(failures)} rows or files could not be used: {failures[0]}"] if failures else []
    return Labelled(files, {path: tuple(own) for path, own in of_file.items()}, grouped_by, (*notes, *said))


def _line(span: LabelledSpan) -> int:
    """Return the line of its table that a span stands on; 0 for a file in a sub-folder."""
    number = span.row.rpartition(" line ")[2]
    return int(number) if number.isdigit() else 0


def _rows(table: Path) -> dict[int, dict[str, str]]:
    """Return the rows of a table by line, their columns in lower case; none for a label track without a head."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"there is no label table {table}", hint="check the path of --labels") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{table} cannot be read as UTF-8 text", hint="save it as CSV UTF-8") from error
    if not lines:
        raise InputError(f"{table} is empty", hint="columns: path, label, and as wanted start, end, group")
    reader = csv.reader(lines, delimiter=max(",;\t", key=lines[0].count))
    columns = [column.strip().lower() for column in next(reader)]
    numbered = ((reader.line_num, row) for row in reader if any(row))
    return {number: dict(zip(columns, map(str.strip, row), strict=False)) for number, row in numbered}


def _group_column(table: Path, rows: dict[int, dict[str, str]], source: Source) -> tuple[str | None, tuple[str, ...]]:
    columns = list(next(iter(rows.values()), {}))
    if source.group_column is not None:
        column = source.group_column.strip().lower()
        if column not in columns:
            raise InputError(f"{table}: no column {source.group_column!r}", hint=f"columns: {', '.join(columns)}")
        return column, ()
    if "group" in columns:
        return "group", ()
    note = f"no group column: a recording is a group; name one of {', '.join(columns)} with --group-column"
    return None, (note,)


def _require_one_group(table: Path, rows: dict[int, dict[str, str]], column: str | None) -> None:
    """Raise `InputError` where two rows give a recording to two groups, though they say the same of it otherwise."""
    group_of: dict[str, str] = {}
    for number, row in rows.items():
        path = next((row[name] for name in _PATH_COLUMNS if row.get(name)), None)
        if path is not None and column is not None and group_of.setdefault(path, row.get(column, "")) != row[column]:
            raise _in_two_groups(path, group_of[path], row[column], f"{table.name} line {number}")


def _in_two_groups(recording: str, one: str, other: str, where: str) -> InputError:
    return InputError(
        f"{Path(recording).name} stands in two groups, {one!r} and {other!r} ({where})",
        hint="a group holds whole recordings; name another --group-column",
    )


def _table_spans(
    folder: Path, table: Path, rows: dict[int, dict[str, str]], source: Source
) -> tuple[Sequence[LabelledSpan], Sequence[object]]:
    """Return what a table says; a label column of the user's own name is read as if it were called `label`."""
    if source.label_column is None:
        return read_collection(folder, table=table)
    column = source.label_column.strip().lower()
    columns = list(next(iter(rows.values()), {}))
    if column not in columns:
        raise InputError(f"{table}: no column {source.label_column!r}", hint=f"columns: {', '.join(columns)}")
    known = {"scientific_name", "species", "label", "taxon", "common name", "annotation", "species code"} - {column}
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / table.name
        with copy.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(["label" if one == column else f"their {one}" if one in known else one for one in columns])
            last = 1
            for number, row in rows.items():
                writer.writerows([[]] * (number - last - 1))  # lines keep their numbers
                writer.writerow([row.get(one, "") for one in columns])
                last = number
        return read_collection(folder, table=copy)


def n_groups_of_labels(windows: LabelledWindows) -> dict[str, int]:
    """Return in how many groups each label stands."""
    pairs = set(zip(windows.labels.tolist(), windows.groups.tolist(), strict=True))
    return dict(sorted(Counter(label for label, _ in pairs).items()))
