"""An evaluation of a user's own labelled folder, kept in one file beside the recordings.

The question is always "does it work on my site?", so the folder is asked what its labels allow: whether a call is found
by calls of its label in other groups, whether the vote of its neighbours and the depth of the search hold, and from how
few examples a probe learns the labels. The first run is measured, and what it measured becomes the gates.

No group stands on both sides of anything. A group is what the user says it is (a recordist, a site, a night); without
a word of theirs it is the recording. Windows that sound the same in two groups are counted, because then the groups do
not hold apart what they should. Labels and groups of every recording are kept, so that a run says when it hears the
same recordings with others, and which.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from rab.domain import Recording, content_id
from rab.domain.value import Value
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals.base import Answered, Baseline, Case, Instance, Score, Suite, Verdict, judge
from rab.evals.kept import KeptRun
from rab.evals.own_labels import (
    Labelled,
    OwnWindows,
    Said,
    Source,
    n_groups_of_labels,
    own_windows,
    read_folder,
    within,
)
from rab.evals.own_questions import N_INSTANCES, TOLERANCE, Question, gate_of, questions_of
from rab.evals.run import SEED, Heard, recorded

NAME = "own"
_N_TOLD = 20
"""Rows and files that could not be used which are named one by one."""
_CHANGED, _LOST = "changed_share", "lost_label_share"
_STANDING = tuple(
    Case(name=name, asks=asks, better="lower", gate=0.0, tolerance=0.0)
    for name, asks in (
        (_CHANGED, "Which share of the recordings that were measured is labelled or grouped otherwise now?"),
        (_LOST, "Which share of the labels that had windows when this was measured has none now?"),
    )
)
"""Asked of every folder: counted against what was measured, so none is their only right answer."""


class OwnSuite(Value):
    """What `rab-eval.json` holds: where the labels are, what was found in them, and the gates."""

    format: Literal["rab-eval 2"] = "rab-eval 2"
    model: str
    source: Source
    grouped_by: str
    said: dict[str, Said]
    """Recording, by its path within the folder → its group, and a digest of its labels."""
    labels: dict[str, int]
    """Label → groups in which it stands."""
    n_recordings: int
    """Recordings with a labelled window."""
    n_windows: int
    n_unused: dict[str, int]
    """Why recordings have no labelled window → how many."""
    n_left_out: dict[str, int]
    """Label → labelled parts that no window bears the label of."""
    data_sha256: str
    labels_sha256: str
    n_failed: int
    """Rows and files that could not be used; the notes name them."""
    notes: tuple[str, ...] = ()
    measured: dict[str, float]
    suite: Suite


def make_suite(folder: Path, source: Source, embedder: Embedder, *, cache: Path | None = None) -> OwnSuite:
    """Read a labelled folder, measure it once, and return its evaluation with gates from that measurement.

    Raises `InputError` for tables without the columns that are needed, for recordings that stand in two groups, and
    for fewer than two labels that stand in two groups or more. Rows and files that cannot be used are noted.
    """
    read = read_folder(folder, source)
    heard = own_windows(read, embedder, cache)
    questions = list(questions_of(heard, folder, SEED))
    asked = [(one, gate) for one in questions if (gate := gate_of(one)) is not None]
    suite = Suite(
        name=NAME,
        purpose=f"Does RAB find, weigh and learn the labels of {folder.resolve().name}?",
        cases=(*(_case(one, gate) for one, gate in asked), *_STANDING),
    )
    n_groups = n_groups_of_labels(heard.windows)
    measured = {one.case: round(one.score.value or 0.0, 6) for one, _ in asked}
    return OwnSuite(
        model=embedder.card.key,
        source=_beside(folder, source),
        grouped_by=read.grouped_by,
        said=read.said,
        labels=n_groups,
        n_recordings=len(set(heard.windows.paths)),
        n_windows=len(heard.windows),
        n_unused=dict(Counter(heard.unused.values()).most_common()),
        n_left_out=dict(sorted(Counter(one.span.name for one in heard.unheard).items())),
        data_sha256=Heard(_recordings(read)).data_sha256,
        labels_sha256=_labels_sha256(read.said),
        n_failed=len(_failures(read, heard)),
        notes=(*_notes(read, heard), *_lone_labels(n_groups), *_not_asked(questions)),
        measured=measured | {case.name: 0.0 for case in _STANDING},
        suite=suite,
    )


def read_own(file: Path) -> OwnSuite:
    """Read a `rab-eval.json`. Raises `NotFound` and `InputError`."""
    try:
        return OwnSuite.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"there is no evaluation {file}", hint=f"make one with `rab eval init {file.parent}`") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} is no evaluation of this version of RAB",
            hint=f"make it anew: `rab eval init {file.parent} --force`",
        ) from error


def run_own(made: OwnSuite, folder: Path, embedder: Embedder, *, cache: Path | None = None) -> KeptRun:
    """Ask a user's folder again, and judge the answers by its gates and, of the same recordings, by the first run."""
    read = read_folder(folder, made.source)
    found: list[OwnWindows] = []

    def answer() -> Answered:
        found.append(own_windows(read, embedder, cache))
        asked = {case.name for case in made.suite.cases}
        scores = [one.score for one in questions_of(found[0], folder, SEED) if one.case in asked]
        return Answered((*scores, _changed(made, read), _lost_labels(made, found[0])), (_labels_table(found[0]),))

    run = recorded(made.suite, embedder, Heard(_recordings(read)), answer)
    run = run.model_copy(update={"labels_sha256": _labels_sha256(read.said)})
    first = Baseline(
        suite=NAME,
        model=made.model,
        data_sha256=made.data_sha256,
        labels_sha256=made.labels_sha256,
        values=made.measured,
    )
    verdicts = judge(run, made.suite, first if made.model == run.model else None)
    differs = list(_differences(made, read))
    return KeptRun(
        suite=made.suite,
        run=run,
        verdicts=tuple(_told(one, differs) for one in verdicts),
        notes=(*differs, *_notes(read, found[0])),
        n_failed=len(_failures(read, found[0])),
    )


def _beside(folder: Path, source: Source) -> Source:
    """Return a source whose table is found from the folder on, wherever that is moved."""
    if source.labels is None or not Path(source.labels).is_absolute():
        return source
    try:
        return source.model_copy(update={"labels": within(folder.resolve(), os.path.realpath(source.labels))})
    except ValueError:  # on another drive
        return source


def _recordings(read: Labelled) -> list[Recording]:
    """Return the recordings that can be read, each once, by id."""
    found = {one.id: one for one in read.recordings.values()}
    return [found[one] for one in sorted(found)]


def _labels_sha256(said: dict[str, Said]) -> str:
    """Return a digest of what every recording is labelled with, and of its group; no model has a part in it."""
    return content_id(
        "\n".join(f"{path}\t{one.group}\t{one.labels_sha256}" for path, one in sorted(said.items())).encode()
    )


def _failures(read: Labelled, heard: OwnWindows) -> tuple[str, ...]:
    return (*read.failures, *heard.failures)


def _notes(read: Labelled, heard: OwnWindows) -> Iterator[str]:
    """Yield what must be said of a folder: what could not be used, and which labelled parts gave no window."""
    yield from read.notes
    failures = _failures(read, heard)
    yield from (f"not used: {one}" for one in failures[:_N_TOLD])
    if len(failures) > _N_TOLD:
        yield f"not used: {len(failures) - _N_TOLD} more rows or files"
    for why, n in Counter(heard.unused.values()).most_common():
        yield f"{n} recording(s) gave no labelled window: {why}"
    left: dict[str, Counter[str]] = {}
    for one in heard.unheard:
        left.setdefault(one.span.name, Counter())[one.why] += 1
    for label, reasons in sorted(left.items()):
        n, of = sum(reasons.values()), heard.n_labelled[label]
        whys = "; ".join(f"{count}: {why}" for why, count in reasons.most_common())
        yield f"{'left out' if n == of else 'left out in part'}: {label}, {n} of {of} labelled parts ({whys})"


def _not_asked(questions: Sequence[Question]) -> Iterator[str]:
    for one in questions:
        if one.score.value is None:
            yield f"not asked: {one.case} ({one.score.reason})"
        elif gate_of(one) is None:
            yield f"not asked: {one.case} ({one.score.value:.3g} is no better than guessing, {one.chance:.3g})"


def _differences(made: OwnSuite, read: Labelled) -> Iterator[str]:
    """Yield in what a folder differs from what was measured."""
    if made.grouped_by != read.grouped_by:
        yield f"grouped by {read.grouped_by} now, by {made.grouped_by} when it was measured"
    if made.labels_sha256 != _labels_sha256(read.said):
        n = len(_changed_recordings(made, read))
        added, gone = len(read.said.keys() - made.said.keys()), len(made.said.keys() - read.said.keys())
        yield (
            "labels or groups are not those that were measured: "
            f"{n} recordings with others, {added} more recordings, {gone} fewer"
        )


def _told(verdict: Verdict, differs: Sequence[str]) -> Verdict:
    return verdict.model_copy(update={"words": "; ".join((verdict.words, *differs))})


def _changed_recordings(made: OwnSuite, read: Labelled) -> dict[str, str]:
    """Return the recordings whose labels or group are not those that were measured, each with what changed."""
    found: dict[str, str] = {}
    for path, now in read.said.items():
        was = made.said.get(path, now)
        if was.group != now.group:
            found[path] = f"in group {now.group!r}, was in {was.group!r}"
        elif was != now:
            found[path] = "its labels are others"
    return found


def _changed(made: OwnSuite, read: Labelled) -> Score:
    """Ask which share of the recordings that were measured is labelled or grouped otherwise now."""
    changed, n = _changed_recordings(made, read), len(made.said.keys() & read.said.keys())
    if not n:
        return Score(case=_CHANGED, value=None, n=0, reason="no recording that was measured is here under its name")
    of_path = {within(read.folder, path): path for path in read.recordings}
    instances = tuple(
        Instance(
            name=path,
            value=1.0,
            recording=of_path[path],
            t0_ms=0.0,
            t1_ms=read.recordings[of_path[path]].duration_ms,
            words=words,
        )
        for path, words in sorted(changed.items())[:N_INSTANCES]
    )
    return Score(
        case=_CHANGED,
        value=len(changed) / n,
        n=n,
        reason="counted; where labels or groups were changed on purpose, make the evaluation anew",
        instances=instances,
    )


def _lost_labels(made: OwnSuite, heard: OwnWindows) -> Score:
    """Ask which share of the labels that had windows has none now."""
    here = set(heard.windows.labels.tolist())
    lost = [label for label in made.labels if label not in here]
    return Score(
        case=_LOST,
        value=len(lost) / len(made.labels),
        n=len(made.labels),
        reason="counted",
        instances=tuple(
            Instance(name=label, value=1.0, words=f"had windows in {made.labels[label]} groups, has none")
            for label in lost
        ),
    )


def _labels_table(heard: OwnWindows) -> str:
    """Return the labels with their groups, windows, and labelled parts without a window."""
    n_groups, windows = n_groups_of_labels(heard.windows), Counter(heard.windows.labels.tolist())
    left = Counter(one.span.name for one in heard.unheard)
    lines = ["| label | groups | windows | labelled parts | left out |", "|---|---|---|---|---|"]
    for label, n in heard.n_labelled.items():
        name = label.replace("|", "/")
        lines.append(f"| {name} | {n_groups.get(label, 0)} | {windows[label]} | {n} | {left[label]} |")
    return "\n".join(lines)


def _lone_labels(n_groups: dict[str, int]) -> list[str]:
    alone = [label for label, n in n_groups.items() if n == 1]
    return [f"in one group only, so nothing is asked of them: {', '.join(alone)}"] if alone else []


def _case(question: Question, gate: float) -> Case:
    return Case(name=question.case, asks=question.asks, better=question.better, gate=gate, tolerance=TOLERANCE)
