"""Listening: whether the ten nearest sound right to somebody who knows the animals.

A label says what a recording is about, not what each of its windows holds, and some folders have none. So a sheet plays
queries and what retrieval put first, each group's own left out, and somebody judges by ear. The order of the ten can be
dealt by chance, so that a judge cannot follow the ranking. What a judge should not know (labels, ranks, file names,
which often are labels) stands neither on the sheet nor in the table to fill in, but in a key beside them, which the
scoring joins again. Verdicts are `yes`, `no` or `unsure`. Precision counts what was answered with yes or no; the unsure
and the unanswered are told beside it.

Queries are drawn in turn from the labels (or from recordings where there are none), so that a common species does not
fill the sheet.
"""

import csv
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rab import __version__
from rab.audio import clip_wav, find_audio, read_clip, read_recording, resampled
from rab.domain import EmbedderCard, Waveform, content_id
from rab.errors import InputError, NotFound, StorageFailed
from rab.evals.base import Case, EvalRun, Instance, Score, Suite
from rab.evals.intervals import by_group
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_files
from rab.reports import render_page

COLUMNS = ("sheet", "query", "result", "verdict")
"""What is filled in: `result` is the number under which the sheet plays it."""
_SEEN = ("rank", "label", "result_label", "recording", "t0_ms", "t1_ms")
"""What a sheet in order shows beside."""
_HIDDEN = (*_SEEN, "query_group", "model", "weights_sha256")
KEY_COLUMNS = ("sheet", "query", "result", *_HIDDEN)
VERDICTS = ("yes", "no", "unsure")
K = 10
SHEET, FILE, KEY = "listen.html", "verdicts.csv", "key.csv"
_CLIP_RATE_HZ, _HEARD_HZ = 24_000, 48_000
"""Sound sampled between the two is made lighter; faster than that, its calls are above hearing and it stays."""
_ASKS = (
    ("precision_at_1", "Which share of the first results sounds like its query?", "higher", 0.5, 0.1),
    ("precision_at_5", "Which share of the first five?", "higher", 0.5, 0.1),
    ("precision_at_10", "Which share of the first ten?", "higher", 0.4, 0.1),
    ("agreement_with_labels", "How often do ear and label say the same, where both speak?", "higher", 0.5, 0.1),
    ("unanswered_share", "Which share of the results was not judged with yes or no?", "lower", 0.5, 0.2),
)
SUITE = Suite(
    name="listening",
    purpose="Do the calls that come first sound like the query, to somebody who listens?",
    cases=tuple(Case(**dict(zip(("name", "asks", "better", "gate", "tolerance"), one, strict=True))) for one in _ASKS),
)
"""No suite that can be run: it is asked of people."""


class Question(NamedTuple):
    """A query and its ten nearest, by their rows among the windows, nearest first."""

    name: str
    at: int
    found: tuple[int, ...]


class Judged(NamedTuple):
    """One line of a verdict file."""

    model: str
    weights_sha256: str
    query: str
    group: str
    rank: int
    """1 is the nearest."""
    verdict: str
    label: str
    result_label: str
    place: Instance


def questions(windows: LabelledWindows, *, n: int, seed: int) -> tuple[Question, ...]:
    """Draw n queries, labels in turn, each with its ten nearest by cosine of other groups.

    Raises `InputError` where no query has ten results in other groups.
    """
    drawn = np.random.default_rng(seed).permutation(len(windows))
    turns = np.zeros(len(windows), dtype=np.intp)
    seen: dict[str, int] = {}
    for at in drawn.tolist():
        name = str(windows.labels[at]) or str(windows.recording_ids[at])
        turns[at] = seen[name] = seen.get(name, -1) + 1
    found: list[Question] = []
    for at in drawn[np.argsort(turns[drawn], kind="stable")].tolist():
        near = _nearest(windows, at)
        if len(near) == K and len(found) < n:
            found.append(Question(_name(windows, at), at, near))
    if not found:
        raise InputError(
            "no sound has ten others of other recordings to be compared with",
            hint="name a folder with more recordings with --data",
        )
    return tuple(found)


def files_to_hear(paths: Sequence[Path], *, labelled: bool) -> tuple[LabelledFile, ...]:
    """Return the recordings under `paths`: with their labels, or each a group of its own without a label.

    Raises `InputError` where a folder has no labels though they are asked for, or no recordings.
    """
    if labelled:
        return tuple(file for path in paths for file in labelled_files(path))
    found, failures = find_audio(paths)
    if failures or not found:
        message = f"{failures[0].path}: {failures[0].message}" if failures else "there are no recordings to listen to"
        raise InputError(message, hint="run `rab samples fetch`, or name a folder with --data")
    return tuple(LabelledFile(path, path.parent.name, "", str(path)) for path in found)


class Sheet(NamedTuple):
    """What is to be judged: questions about windows of a model, and whether the order is hidden."""

    windows: LabelledWindows
    asked: tuple[Question, ...]
    card: EmbedderCard
    blind: bool
    seed: int


class Written(NamedTuple):
    """The files of a sheet."""

    page: Path
    verdicts: Path
    key: Path


def write_sheet(sheet: Sheet, folder: Path) -> Written:
    """Write `listen.html`, an empty `verdicts.csv` and its `key.csv` into a folder, and return the three.

    Raises `StorageFailed` where the folder cannot be written.
    """
    lines = list(_lines(sheet))
    digest = content_id(json.dumps(lines).encode())[:12]
    lines = [{"sheet": digest, **line} for line in lines]
    columns = COLUMNS if sheet.blind else (*COLUMNS, *_SEEN)
    written = Written(folder / SHEET, folder / FILE, folder / KEY)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written.page.write_text(_page(sheet, columns, lines), encoding="utf-8")
        _write(written.verdicts, columns, lines)
        _write(written.key, KEY_COLUMNS, lines)
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be written: {error.strerror}", hint="name another with --out") from error
    return written


def read_verdicts(file: Path, key: Path | None = None) -> tuple[Judged, ...]:
    """Read a verdict file with its key, by default the one beside it.

    Raises `NotFound` where one of them is missing, `InputError` for a column or a word that is wrong, and for a key of
    another sheet.
    """
    key = key or file.parent / KEY
    rows = _read(file, COLUMNS, "verdict file", "`rab eval listen` writes one to fill in")
    keys = _read(key, KEY_COLUMNS, "key", "put the verdicts beside the key of their sheet, or name it with --key")
    of_result = {(row["sheet"], row["query"], row["result"]): row for row in keys}
    judged = []
    for number, row in enumerate(rows, start=2):
        hidden = of_result.get((row["sheet"], row["query"], row["result"]))
        if hidden is None:
            raise InputError(
                f"{file}, line {number}: {key} knows no result {row['result']!r} of the query {row['query']!r}",
                hint="change the verdicts only, and name the key of the same sheet with --key",
            )
        judged.append(_judged(file, number, {**hidden, "verdict": row["verdict"]}))
    return tuple(judged)


def score(judged: Sequence[Judged], *, seed: int) -> EvalRun:
    """Return precision at 1, 5 and 10 by ear, agreement with labels, and what was left open; queries are drawn again.

    The table tells precision by label.
    """
    cases = tuple(_precision(judged, k, seed) for k in (1, 5, K))
    heard = "\n".join(sorted({f"{one.query} {one.place.t0_ms}" for one in judged}))
    return EvalRun(
        suite=SUITE.name,
        model=judged[0].model,
        weights_sha256=judged[0].weights_sha256,
        code_version=__version__,
        data_sha256=content_id(heard.encode()),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        seed=seed,
        started_at=datetime.now(UTC),
        scores=(*cases, _agreement(judged, seed), _unanswered(judged)),
        tables=(_by_label(judged, seed),),
    )


def _name(windows: LabelledWindows, at: int) -> str:
    """Return a short name that is the same in every sheet on the same recordings."""
    place = f"{windows.recording_ids[at]} {windows.t0_ms[at]:.3f}"
    return hashlib.sha256(place.encode()).hexdigest()[:8]


def _nearest(windows: LabelledWindows, at: int) -> tuple[int, ...]:
    apart = (windows.groups != windows.groups[at]) & (windows.recording_ids != windows.recording_ids[at])
    similarity = np.where(apart, windows.vectors @ windows.vectors[at], -np.inf)
    order = np.argsort(-similarity, kind="stable")[:K]
    return tuple(int(one) for one in order if apart[one])


def _lines(sheet: Sheet) -> Iterator[dict[str, str]]:
    """Yield a line for each result, as the sheet numbers them: in order of rank, or dealt by chance."""
    windows, drawn = sheet.windows, np.random.default_rng(sheet.seed)
    for one in sheet.asked:
        order = drawn.permutation(K).tolist() if sheet.blind else range(K)
        for number, place in enumerate(order, start=1):
            at = one.found[place]
            yield {
                "query": one.name,
                "result": f"{number}",
                "verdict": "",
                "rank": f"{place + 1}",
                "label": str(windows.labels[one.at]),
                "result_label": str(windows.labels[at]),
                "recording": str(windows.paths[at]),
                "t0_ms": f"{windows.t0_ms[at]:.3f}",
                "t1_ms": f"{windows.t1_ms[at]:.3f}",
                "query_group": str(windows.groups[one.at]),
                "model": sheet.card.key,
                "weights_sha256": sheet.card.weights_sha256,
            }


def _write(file: Path, columns: Sequence[str], lines: Sequence[Mapping[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(lines)


def _read(file: Path, columns: Sequence[str], kind: str, hint: str) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"there is no {kind} {file}", hint=hint) from error
    if not rows or any(column not in rows[0] for column in columns):
        raise InputError(f"{file}: a {kind} has the columns {', '.join(columns)}", hint="take the one that was written")
    return rows


def _page(sheet: Sheet, columns: Sequence[str], lines: Sequence[Mapping[str, str]]) -> str:
    windows = sheet.windows
    shown = []
    for one in sheet.asked:
        own = [(line["result"], one.found[int(line["rank"]) - 1]) for line in lines if line["query"] == one.name]
        results = [(number, _clip(windows, at), windows.where(at)) for number, at in own]
        shown.append((one.name, _clip(windows, one.at), windows.where(one.at), results))
    told = [{column: line[column] for column in columns} for line in lines]
    context = {"questions": shown, "blind": sheet.blind, "verdicts": VERDICTS, "columns": columns, "lines": told}
    return render_page("rab.evals", "listen.html.j2", {**context, "file": FILE, "key": KEY})


def _clip(windows: LabelledWindows, at: int) -> bytes:
    """Return a window as a WAV file of 24 kHz; ultrasound is slowed tenfold."""
    recording = read_recording(windows.paths[at])
    sound = read_clip(recording, channel=None, t0_ms=float(windows.t0_ms[at]), t1_ms=float(windows.t1_ms[at]))
    if _CLIP_RATE_HZ < sound.sample_rate_hz <= _HEARD_HZ:
        heard = [block.samples for block in resampled([sound], _CLIP_RATE_HZ, "soxr")]
        sound = Waveform(np.concatenate(heard), _CLIP_RATE_HZ, sound.t0_ms)
    return clip_wav(Waveform(sound.samples.copy(), sound.sample_rate_hz, sound.t0_ms))


def _judged(file: Path, number: int, row: Mapping[str, str]) -> Judged:
    verdict = (row["verdict"] or "").strip().lower()
    if verdict and verdict not in VERDICTS:
        raise InputError(
            f"{file}, line {number}: {row['verdict']!r} is no verdict", hint=f"verdicts: {', '.join(VERDICTS)}, or none"
        )
    try:
        rank, t0_ms, t1_ms = int(row["rank"]), float(row["t0_ms"]), float(row["t1_ms"])
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{file}, line {number}: rank and times are numbers", hint="change the verdicts only"
        ) from error
    name, label, said = f"{row['query']} {rank}", row["label"], row["result_label"]
    words = f"{verdict or 'not judged'}; the query is labelled {label or 'nothing'}, this {said or 'nothing'}"
    value = {"yes": 1.0, "no": 0.0}.get(verdict)
    place = Instance(name=name, value=value, recording=row["recording"], t0_ms=t0_ms, t1_ms=t1_ms, words=words)
    model = row["model"] or "unknown", row["weights_sha256"] or ""
    return Judged(*model, row["query"], row["query_group"], rank, verdict, label, said, place)


def _answered(judged: Sequence[Judged]) -> list[Judged]:
    return [one for one in judged if one.verdict in ("yes", "no")]


def _precision(judged: Sequence[Judged], k: int, seed: int) -> Score:
    heard = [one for one in _answered(judged) if one.rank <= k]
    return _mean(f"precision_at_{k}", heard, [one.verdict == "yes" for one in heard], "sound like their query", seed)


def _agreement(judged: Sequence[Judged], seed: int) -> Score:
    heard = [one for one in _answered(judged) if one.label and one.result_label]
    same = [(one.verdict == "yes") == (one.label == one.result_label) for one in heard]
    return _mean("agreement_with_labels", heard, same, "verdicts agree with the labels", seed)


def _mean(case: str, heard: Sequence[Judged], found: Sequence[bool], of_what: str, seed: int) -> Score:
    if not heard:
        return Score(case=case, value=None, n=0, reason="nothing was judged with yes or no that it could rest on")
    low, high = by_group(np.array(found, dtype=np.float64), [one.group for one in heard], seed=seed)
    return Score(
        case=case,
        value=sum(found) / len(found),
        n=len(found),
        reason=f"{sum(found)} of {len(found)} {of_what}",
        low=low,
        high=high,
        instances=tuple(one.place for one, right in zip(heard, found, strict=True) if not right),
    )


def _unanswered(judged: Sequence[Judged]) -> Score:
    n_open, n_unsure = len(judged) - len(_answered(judged)), sum(one.verdict == "unsure" for one in judged)
    return Score(
        case="unanswered_share",
        value=n_open / len(judged),
        n=len(judged),
        reason=f"{n_unsure} unsure, {n_open - n_unsure} not judged",
    )


def _by_label(judged: Sequence[Judged], seed: int) -> str:
    return "\n".join(("| label | queries | P@10 by ear | P@10 by label |", "|---|---|---|---|", *_rows(judged, seed)))


def _rows(judged: Sequence[Judged], seed: int) -> Iterator[str]:
    for label in sorted({one.label for one in judged}):
        own = [one for one in _answered(judged) if one.label == label]
        if own:
            found = _mean("", own, [one.verdict == "yes" for one in own], "", seed)
            ends = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
            named = np.mean([one.label == one.result_label for one in own]) if label else None
            by_label = "" if named is None else f"{named:.2f}"
            n_queries = len({one.query for one in own})
            yield f"| {label or 'no label'} | {n_queries} | {found.value:.2f}{ends} | {by_label} |"
