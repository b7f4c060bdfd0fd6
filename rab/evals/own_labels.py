"""Labels of a user's own folder: from a table, from selection tables beside recordings, or from sub-folders.

A window bears the label that sounds longest in it. A group is what the user says it is (a recordist, a site, a night);
without a word of theirs it is the recording, and that is said.

Nothing is lost without a word: a labelled part that gave no window keeps its reason, and so does a recording that
cannot be read. Reference collections hold cuts of half a second, and a label of which all are so short would be gone.
"""

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rab.audio import read_recording
from rab.audio.label_tables import LabelledSpan, read_collection
from rab.domain import FileFailure, Recording, content_id
from rab.domain.value import Value
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound, RabError
from rab.evals.labelled import MANIFEST, LabelledFile, LabelledWindows, full_windows, labelled_windows

_LEAST_OVERLAP = 0.5
"""Of a labelled span, or of the window where the span is longer: what a window must hold to bear the label."""
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "recording", "begin path", "begin file")


class Source(Value):
    """Where labels come from. Nothing given: a MANIFEST.csv, tables beside recordings, or names of sub-folders."""

    labels: str | None = None
    """Path of the table, from the folder on: a folder that moves takes its table along."""
    label_column: str | None = None
    group_column: str | None = None


class Said(Value):
    """What is said of one recording: its group, and a digest of its labels with their times."""

    group: str
    labels_sha256: str


class Labelled(NamedTuple):
    """A user's folder as it was read: files with their groups, spans by file, and what must be said of them."""

    folder: Path
    files: tuple[LabelledFile, ...]
    """Recordings that can be read."""
    recordings: dict[str, Recording]
    """The same by path."""
    spans: dict[str, tuple[LabelledSpan, ...]]
    grouped_by: str
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    """Rows and files that could not be used, each with its reason."""

    @property
    def said(self) -> dict[str, Said]:
        """What is said of each recording, by its path within the folder."""
        return {
            within(self.folder, str(file.path)): Said(
                group=file.group, labels_sha256=_digest(self.spans[str(file.path)])
            )
            for file in self.files
        }


class Unheard(NamedTuple):
    """A labelled part that is in no window under its label, and why."""

    span: LabelledSpan
    why: str


class OwnWindows(NamedTuple):
    """What a folder gave: labelled windows, and what gave none."""

    windows: LabelledWindows
    n_labelled: dict[str, int]
    """Label → labelled parts, whole recordings among them."""
    unheard: tuple[Unheard, ...]
    unused: dict[str, str]
    """Recording → why none of its windows bears a label."""
    failures: tuple[str, ...]
    """Recordings that could not be decoded to their end, each with its reason."""


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


class _Held(NamedTuple):
    """A labelled part that a window holds half of: its recording, its number there, and the ms that sound in it."""

    path: str
    number: int
    name: str
    ms: float


def own_windows(read: Labelled, embedder: Embedder, cache: Path | None) -> OwnWindows:
    """Embed a folder, and give each window the label that sounds longest in it; windows without one are left out.

    Raises `InputError` where fewer than two labels stand in two groups or more.
    """
    parts, unused, failures = [], dict[str, str](), list[str]()
    for file in read.files:
        recording = read.recordings[str(file.path)]
        try:
            why = _why_mute(recording, embedder)
            if why is None:
                parts.append(labelled_windows((file,), embedder, cache=cache))
            else:
                unused[str(file.path)] = why
        except RabError as error:
            unused[str(file.path)] = "not to be read"
            failures.append(_unreadable(read.folder, str(file.path), error))
    if not parts:
        reasons = "; ".join(f"{n} recordings: {why}" for why, n in Counter(unused.values()).items())
        raise InputError(f"no recording gives a window ({reasons})", hint="add recordings of a second or more")
    windows = _joined(parts)
    held = [_held(windows, i, read.spans) for i in range(len(windows))]
    labels = [_longest(one) for one in held]
    kept = np.flatnonzero([label is not None for label in labels])
    named = replace(windows, labels=np.array([label or "" for label in labels])).select(kept)
    _require_two_labels(named)
    used = set(map(str, named.paths))
    mute = {str(file.path): "no window holds half of a label" for file in read.files if str(file.path) not in used}
    return OwnWindows(
        windows=named,
        n_labelled=dict(sorted(Counter(span.name for own in read.spans.values() for span in own).items())),
        unheard=tuple(_unheard(read, held, labels, unused)),
        unused=mute | unused,
        failures=tuple(failures),
    )


def within(folder: Path, path: str) -> str:
    """Return a path from a folder on, as it is written on every system."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _require_two_labels(named: LabelledWindows) -> None:
    n_groups = n_groups_of_labels(named)
    enough = [label for label, n in n_groups.items() if n > 1]
    if len(enough) < 2:
        said = ", ".join(f"{label} in {n}" for label, n in list(n_groups.items())[:8]) or "none has a window"
        raise InputError(
            f"{len(enough)} label(s) stand in two groups or more, and two are needed: {said}",
            hint="add recordings of each label from another group, or name another --group-column",
        )


def _why_mute(recording: Recording, embedder: Embedder) -> str | None:
    """Return why a recording gives no window; None where it gives one."""
    if recording.sample_rate_hz < embedder.card.min_source_rate_hz:
        return f"sampled below the {embedder.card.min_source_rate_hz:g} Hz that the model asks for"
    if next(full_windows(recording, embedder), None) is not None:
        return None
    return "shorter than a second" if recording.duration_ms < 1000 else "silent"


def _joined(parts: Sequence[LabelledWindows]) -> LabelledWindows:
    """Return windows of several recordings, one behind the other."""

    def together(name: str) -> Any:
        rows = [getattr(part, name) for part in parts]
        return tuple(row for own in rows for row in own) if isinstance(rows[0], tuple) else np.concatenate(rows)

    return LabelledWindows(**{one.name: together(one.name) for one in fields(LabelledWindows)})


def _held(windows: LabelledWindows, i: int, spans: Mapping[str, Sequence[LabelledSpan]]) -> list[_Held]:
    """Return the spans of its recording that a window holds half of."""
    t0_ms, t1_ms = float(windows.t0_ms[i]), float(windows.t1_ms[i])
    held: list[_Held] = []
    for number, span in enumerate(spans.get(str(windows.paths[i]), ())):
        start = t0_ms if span.t0_ms is None else max(span.t0_ms, t0_ms)
        end = t1_ms if span.t1_ms is None else min(span.t1_ms, t1_ms)
        length = t1_ms - t0_ms if span.t0_ms is None or span.t1_ms is None else span.t1_ms - span.t0_ms
        if end > start and end - start >= _LEAST_OVERLAP * min(length, t1_ms - t0_ms):
            held.append(_Held(str(windows.paths[i]), number, span.name, end - start))
    return held


def _longest(held: Sequence[_Held]) -> str | None:
    """Return the label whose spans sound longest together."""
    sums: Counter[str] = Counter()
    for one in held:
        sums[one.name] += round(one.ms)
    return sums.most_common(1)[0][0] if sums else None


def _unheard(
    read: Labelled, held: Sequence[Sequence[_Held]], labels: Sequence[str | None], unused: Mapping[str, str]
) -> Iterator[Unheard]:
    """Yield the labelled parts that no window bears the label of, with the reason."""
    in_some = {(one.path, one.number) for own in held for one in own}
    heard = {
        (one.path, one.number) for own, label in zip(held, labels, strict=True) for one in own if one.name == label
    }
    for path in map(str, (file.path for file in read.files)):
        for number, span in enumerate(read.spans[path]):
            if (path, number) not in heard:
                outlasted = "another label sounds longer in its windows"
                why = outlasted if (path, number) in in_some else "no window holds half of it"
                yield Unheard(span, f"its recording is {unused[path]}" if path in unused else why)


def _grouped(
    folder: Path,
    read: tuple[Sequence[LabelledSpan], Sequence[FileFailure]],
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
    refused = [_refusal(folder, one) for one in failures]
    files, recordings = [], dict[str, Recording]()
    for path in sorted(of_file):
        try:
            recordings[path] = read_recording(Path(path))
            files.append(LabelledFile(Path(path), name, "?", group_of[path]))
        except RabError as error:
            refused.append(_unreadable(folder, path, error))
    if not files:
        raise InputError(f"{folder}: no recording can be read ({refused[0]})", hint="convert the recordings to WAV")
    spans_of = {path: tuple(of_file[path]) for path in recordings}
    return Labelled(folder, tuple(files), recordings, spans_of, grouped_by, notes, tuple(refused))


def _refusal(folder: Path, failure: FileFailure) -> str:
    """Return in words what could not be used, by its path within the folder."""
    place = within(folder, failure.path) if failure.path.startswith(str(folder)) else Path(failure.path).name
    return f"{place}: {failure.message} ({failure.hint})"


def _unreadable(folder: Path, path: str, error: RabError) -> str:
    name = within(folder, path)
    return f"{name} cannot be read: {error.message.replace(path, name)} ({error.hint})"


def _digest(spans: Sequence[LabelledSpan]) -> str:
    said = sorted(f"{one.name}\t{one.t0_ms}\t{one.t1_ms}" for one in spans)
    return content_id("\n".join(said).encode())[:16]


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
) -> tuple[Sequence[LabelledSpan], Sequence[FileFailure]]:
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
