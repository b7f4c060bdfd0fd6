"""Suggestions as files for annotation programs: Raven selection tables, Audacity label tracks, CSV.

Each row carries its pack, its segment and the models with their licences, so a file that was mailed around still says
where its names come from. No column is called what label tables call their labels (`label`, `species`): a suggestion
that nobody reviewed cannot be brought in as a label by mistake.

Raven counts channels from 1 and asks for a band; where none was measured it is the whole of the recording's. Audacity
has neither columns nor comments: what it cannot hold otherwise stands in the text of the label, parted by ` | `, and
the band in a line of its own, as Audacity 2.1 and later write it.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rab.domain import AnnotationFormat, SuggestedAnnotation
from rab.errors import Conflict, StorageFailed
from rab.reports.files import replace_file

CSV_COLUMNS = (
    "file",
    "path",
    "channel",
    "begin_s",
    "end_s",
    "low_hz",
    "high_hz",
    "status",
    "suggested_taxon",
    "suggested_common_name",
    "corrected_taxon",
    "reviewer",
    "reasons",
    "similarity",
    "statement",
    "evidence",
    "models",
    "label_licences",
    "segment",
    "recording",
    "pack",
    "nyquist_hz",
)
RAVEN_COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin Path",
    "Begin File",
    "Status",
    "Suggested Taxon",
    "Suggested Common Name",
    "Corrected Taxon",
    "Reviewer",
    "Reasons",
    "Similarity",
    "Statement",
    "Evidence",
    "Models",
    "Label Licences",
    "Segment",
    "Recording",
    "Pack",
)
JOINT = "; "
"""Between the values of one cell."""

_TRACK_JOINT = " | "
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What makes a spreadsheet take a text for a formula; the apostrophe that keeps it from that is guarded too."""
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")
_LONGEST_NAME = 80


def annotation_files(rows: Sequence[SuggestedAnnotation], form: AnnotationFormat) -> dict[str, str]:
    """Return file name → text: one CSV, or one Raven or Audacity file for each recording, in the rows' order."""
    if form == "csv":
        return {"suggestions.csv": csv_of(rows)}
    by_recording: dict[str, list[SuggestedAnnotation]] = defaultdict(list)
    for row in rows:
        by_recording[row.recording_id].append(row)
    write, suffix = (raven_of, "raven.txt") if form == "raven" else (audacity_of, "audacity.txt")
    texts: dict[str, str] = {}
    taken: set[str] = set()
    for recording_id, own in by_recording.items():
        name = f"{safe_name(own[0].file_name)}.suggestions.{suffix}"
        if name.casefold() in taken:
            name = f"{safe_name(own[0].file_name)}.{recording_id[:12]}.suggestions.{suffix}"
        taken.add(name.casefold())
        texts[name] = write(own)
    return texts


def write_annotations(
    target: Path, rows: Sequence[SuggestedAnnotation], form: AnnotationFormat, *, force: bool = False
) -> list[Path]:
    """Write suggestions to `target`: that file, or where there are several, files in a folder of that name.

    The folder's name is the target's without a suffix. Raises `Conflict` for files that exist, unless `force`;
    nothing is written then. Raises `StorageFailed` where the disk refuses.
    """
    texts = annotation_files(rows, form)
    folder = target.with_name(re.sub(r"(?i)(\.selections)?\.(txt|csv)$", "", target.name) or "suggestions")
    files = {target if len(texts) == 1 else folder / name: text for name, text in texts.items()}
    existing = sorted(path for path in files if path.exists())
    if existing and not force:
        raise Conflict(f"{existing[0]} is there already", hint="give another name, or --force to replace it")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text)
    except OSError as error:
        raise StorageFailed(
            f"the suggestions cannot be written to {target}: {error.strerror or error}",
            hint="free some space, make the folder writable, or give another name",
        ) from error
    return list(files)


def safe_name(file_name: str) -> str:
    """Return a recording's name, without its suffix, as every file system takes it."""
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", file_name)
    name = re.sub(r"[^\w.-]+", "_", stem).strip("._-")[:_LONGEST_NAME].rstrip("._-") or "recording"
    return f"_{name}" if _RESERVED.match(name) else name


def csv_of(rows: Iterable[SuggestedAnnotation]) -> str:
    """Return suggestions as CSV (RFC 4180: commas, CRLF, quotes doubled)."""
    return _table(CSV_COLUMNS, (_csv_cells(row) for row in rows), delimiter=",", line_end="\r\n")


def raven_of(rows: Iterable[SuggestedAnnotation]) -> str:
    """Return the suggestions of one recording as a Raven selection table."""
    cells = (_raven_cells(number, row) for number, row in enumerate(rows, start=1))
    return _table(RAVEN_COLUMNS, cells, delimiter="\t", line_end="\n")


def audacity_of(rows: Iterable[SuggestedAnnotation]) -> str:
    """Return the suggestions of one recording as an Audacity label track."""
    return "".join(_track_lines(row) for row in rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, delimiter: str, line_end: str) -> str:
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue()


def _csv_cells(row: SuggestedAnnotation) -> list[str]:
    channel = "mix" if row.channel is None else str(row.channel)
    low, high = ("" if one is None else f"{one:.1f}" for one in (row.low_hz, row.high_hz))
    placed = [guarded(row.file_name), guarded(row.path), channel, *_seconds(row), low, high]
    return [*placed, *_named(row, str), row.recording_id, row.pack_id, f"{row.nyquist_hz:.1f}"]


def _raven_cells(number: int, row: SuggestedAnnotation) -> list[str]:
    low_hz, high_hz = (0.0, row.nyquist_hz) if row.low_hz is None or row.high_hz is None else (row.low_hz, row.high_hz)
    placed = [str(number), "Spectrogram 1", str((row.channel or 0) + 1), *_seconds(row)]
    placed += [f"{low_hz:.1f}", f"{high_hz:.1f}", guarded(one_line(row.path)), guarded(one_line(row.file_name))]
    return [*placed, *_named(row, one_line), row.recording_id, row.pack_id]


def _seconds(row: SuggestedAnnotation) -> tuple[str, str]:
    return f"{row.t0_ms / 1000:.6f}", f"{row.t1_ms / 1000:.6f}"


def _named(row: SuggestedAnnotation, clean: Callable[[str], str]) -> list[str]:
    """Return what both tables say in the same order, with the two cells that a reviewer fills in."""
    similarity = "" if row.similarity is None else f"{row.similarity:.4f}"
    texts = [row.status, row.taxon or "", row.common_name or "", "", "", JOINT.join(row.reasons), similarity]
    texts += [row.statement, JOINT.join(row.evidence), JOINT.join(row.models), JOINT.join(row.label_licences)]
    return [*(one if one == similarity else guarded(clean(one)) for one in texts), row.segment_id]


def _track_lines(row: SuggestedAnnotation) -> str:
    name = row.taxon or f"? {', '.join(row.reasons)}"
    parts = [name, row.status, f"segment {row.segment_id}", f"pack {row.pack_id}"]
    parts += [f"evidence {' '.join(row.evidence)}", *row.models]
    if row.label_licences:
        parts.append(f"labels {', '.join(row.label_licences)}")
    label = _TRACK_JOINT.join(one_line(part).replace("|", "¦") for part in parts)
    begin, end = _seconds(row)
    band = "" if row.low_hz is None or row.high_hz is None else f"\\\t{row.low_hz:.6f}\t{row.high_hz:.6f}\n"
    return f"{begin}\t{end}\t{label}\n{band}"


def one_line(text: str) -> str:
    """Return a text without tabs and line ends: tables of Raven and Audacity have no quotes for them."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before what would begin one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
