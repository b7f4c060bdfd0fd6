"""An evaluation of a user's own labelled folder, kept in one file beside the recordings.

The question is always "does it work on my site?", so the folder is asked what its labels allow: whether a call is found
by calls of its label in other groups, whether the vote of its neighbours and the depth of the search hold, and from how
few examples a probe learns the labels. The first run is measured, and what it measured becomes the gates: the lower end
of each interval, since that is as far down as chance alone would take it.

No group stands on both sides of anything. A group is what the user says it is (a recordist, a site, a night); without
a word of theirs it is the recording. Windows that sound the same in two groups are counted, because then the groups do
not hold apart what they should.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from rab.domain.value import Value
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals.base import Answered, Baseline, Case, Score, Suite, judge
from rab.evals.depth import voters
from rab.evals.intervals import UNKNOWN, Bounds, by_group
from rab.evals.kept import KeptRun
from rab.evals.labelled import LabelledFile, LabelledWindows
from rab.evals.ladder import Mixed
from rab.evals.own_labels import Source, n_groups_of_labels, own_windows, read_folder
from rab.evals.retrieval import RetrievalReport, retrieval_report
from rab.evals.risk import aurc
from rab.evals.run import SEED, Heard, recorded, recordings_under
from rab.evals.trials import put_to_own
from rab.retrieval.depth import DepthPolicy
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_curve

Floats = npt.NDArray[np.float64]
NAME = "own"
SHOTS = (1, 2, 4, 8, 16)
_COPY = 0.99
"""Cosine from which windows of two groups are one sound."""
_TOLERANCE = 0.02
_MARGIN = 0.05
"""Of a gate below what was measured, where a value has no interval."""
_FIXED_K = 10


class OwnSuite(Value):
    """What `rab-eval.json` holds: where the labels are, what was found in them, and the gates."""

    format: Literal["rab-eval 1"] = "rab-eval 1"
    model: str
    source: Source
    grouped_by: str
    labels: dict[str, int]
    """Label → groups in which it stands."""
    n_recordings: int
    n_windows: int
    data_sha256: str
    labels_sha256: str | None
    notes: tuple[str, ...] = ()
    measured: dict[str, float]
    suite: Suite


class Question(NamedTuple):
    """A case and its score, as the first run finds them."""

    case: str
    asks: str
    better: Literal["higher", "lower"]
    score: Score


def make_suite(folder: Path, source: Source, embedder: Embedder, *, cache: Path | None = None) -> OwnSuite:
    """Read a labelled folder, measure it once, and return its evaluation with gates from that measurement.

    Raises `InputError` for tables without the columns that are needed, for recordings that stand in two groups, and
    for fewer than two labels that stand in two groups or more.
    """
    read = read_folder(folder, source)
    windows = own_windows(read, embedder, cache)
    questions = list(_questions(windows, SEED))
    answered = [one for one in questions if one.score.value is not None]
    left_out = [f"not asked: {one.case} ({one.score.reason})" for one in questions if one.score.value is None]
    heard = Heard(recordings_under([file.path for file in read.files]), _said(windows))
    n_groups = n_groups_of_labels(windows)
    return OwnSuite(
        model=embedder.card.key,
        source=source,
        grouped_by=read.grouped_by,
        labels=n_groups,
        n_recordings=len(heard.recordings),
        n_windows=len(windows),
        data_sha256=heard.data_sha256,
        labels_sha256=heard.labels_sha256,
        notes=(*read.notes, *_lone_labels(n_groups), *left_out),
        measured={one.case: round(one.score.value or 0.0, 6) for one in answered},
        suite=Suite(
            name=NAME,
            purpose=f"Does RAB find, weigh and learn the labels of {folder.resolve().name}?",
            cases=tuple(_case(one) for one in answered),
        ),
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
    heard = Heard(recordings_under([file.path for file in read.files]))
    windows: list[LabelledWindows] = []

    def answer() -> Answered:
        windows.append(own_windows(read, embedder, cache))
        asked = {case.name for case in made.suite.cases}
        return Answered(tuple(one.score for one in _questions(windows[0], SEED) if one.case in asked))

    run = recorded(made.suite, embedder, heard, answer)
    run = run.model_copy(update={"labels_sha256": Heard(heard.recordings, _said(windows[0])).labels_sha256})
    first = Baseline(
        suite=NAME,
        model=made.model,
        data_sha256=made.data_sha256,
        labels_sha256=made.labels_sha256,
        values=made.measured,
    )
    baseline = first if made.model == run.model else None
    return KeptRun(suite=made.suite, run=run, verdicts=judge(run, made.suite, baseline))


def _lone_labels(n_groups: dict[str, int]) -> list[str]:
    alone = [label for label, n in n_groups.items() if n == 1]
    return [f"in one group only, so nothing is asked of them: {', '.join(alone)}"] if alone else []


def _said(windows: LabelledWindows) -> tuple[LabelledFile, ...]:
    """Return what every window is labelled with, as files, for the digest of labels."""
    return tuple(
        LabelledFile(Path(f"{windows.paths[i].name} {windows.t0_ms[i]:g}"), "", str(windows.labels[i]), group)
        for i, group in enumerate(windows.groups.tolist())
    )


def _case(question: Question) -> Case:
    """Return a case whose gate is the bad end of the first run's interval."""
    score = question.score
    sign = 1 if question.better == "higher" else -1
    end = score.low if question.better == "higher" else score.high
    value = score.value or 0.0
    gate = value - sign * _MARGIN if end is None else min(end, value - _TOLERANCE) if sign > 0 else max(end, value)
    return Case(
        name=question.case, asks=question.asks, better=question.better, gate=round(gate, 4), tolerance=_TOLERANCE
    )


def _questions(windows: LabelledWindows, seed: int) -> Iterator[Question]:
    yield from _retrieval(windows, seed)
    yield from _votes(windows, seed)
    yield from _probes(windows, seed)
    yield _copies(windows)


def _retrieval(windows: LabelledWindows, seed: int) -> Iterator[Question]:
    """Ask every window whose label stands in another group for the calls of its label."""
    asks = {
        "map_cosine": ("How good is the order of cosine (mAP@10, groups left out)?", "cosine", "average_precision"),
        "map_reranked": ("How good is it after reranking, untrained (mAP@10)?", "untrained", "average_precision"),
        "recall": ("Which share of the calls that could stand among the first ten does?", "untrained", "recall"),
        "reciprocal_rank": ("How early comes the first call of the label?", "untrained", "reciprocal_rank"),
    }
    try:
        report: RetrievalReport | None = retrieval_report(windows, seed=seed, trains=False)
        why = ""
    except InputError as error:
        report, why = None, error.message
    for case, (words, method, measure) in asks.items():
        if report is None:
            yield Question(case, words, "higher", Score(case=case, value=None, n=0, reason=why))
            continue
        bounds = report.bounds(method, measure)
        score = Score(
            case=case,
            value=report.mean(method, measure),
            n=sum(len(one) for one in report.groups.values()),
            reason="every window whose label stands in another group; its own group left out",
            low=bounds.low,
            high=bounds.high,
            instances=report.instances(method, measure),
        )
        yield Question(case, words, "higher", score)


def _votes(windows: LabelledWindows, seed: int) -> Iterator[Question]:
    """Ask the neighbours of every window to vote on its label, by the product's depth and by a fixed k."""
    asked = windows.select(_findable(windows))
    trials, queries = put_to_own(asked, windows), Mixed(asked, (), 0)
    chosen = voters(DepthPolicy())
    answers = {name: chosen[name](trials, queries) for name in ("policy", f"k = {_FIXED_K}")}
    right = {name: found[0] == trials.truth for name, found in answers.items()}
    groups = asked.groups.tolist()
    labels, confidence, kept = answers["policy"]
    shares = right["policy"].astype(np.float64)
    names = {int(at): str(label) for at, label in zip(trials.truth, asked.labels, strict=True)}
    wrong = np.argsort(np.where(right["policy"], 2.0, -confidence), kind="stable")[: int((~right["policy"]).sum())]
    instances = tuple(
        asked.instance(
            int(i), 0.0, f"taken for {names.get(int(labels[i]), 'no label')}, confidence {confidence[i]:.2f}"
        )
        for i in wrong
    )

    def told(case: str, value: float, bounds: Bounds, reason: str) -> Score:
        return Score(
            case=case, value=value, n=len(asked), reason=reason, low=bounds.low, high=bounds.high, instances=instances
        )

    right_words = f"mean k {kept.mean():.1f}; the surest wrong votes first"
    bounds = by_group(shares, groups, seed=seed)
    yield Question(
        "vote_right",
        "Which share of the neighbours' votes names the right label?",
        "higher",
        told("vote_right", float(shares.mean()), bounds, right_words),
    )
    area, fixed = (_aurc(answers[name][1], right[name]) for name in ("policy", f"k = {_FIXED_K}"))
    yield Question(
        "vote_aurc",
        "How large is the area under the votes' risk-coverage curve?",
        "lower",
        told("vote_aurc", area, _drawn_aurc(confidence, right["policy"], groups, seed), f"k = {_FIXED_K}: {fixed:.4f}"),
    )


def _findable(windows: LabelledWindows) -> npt.NDArray[np.bool_]:
    n_groups = n_groups_of_labels(windows)
    return np.array([n_groups[str(label)] > 1 for label in windows.labels])


def _aurc(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    return float(aurc(confidence, right, np.ones((1, len(right))))[0])


def _drawn_aurc(confidence: Floats, right: npt.NDArray[np.bool_], groups: Sequence[str], seed: int) -> Bounds:
    """Return the interval of the area: rows are drawn by group, and the curve of each draw is its own."""

    def area(rows: Floats) -> float:
        at = rows.astype(np.intp)
        return _aurc(confidence[at], right[at])

    return by_group(np.arange(len(right)), groups, seed=seed, reduce=area)


def _probes(windows: LabelledWindows, seed: int) -> Iterator[Question]:
    """Teach probes with few examples of each label, and ask groups that taught nothing."""
    findable = windows.select(_findable(windows))
    examples = Examples(findable.vectors, findable.labels.tolist(), findable.groups.tolist())
    curve = {one.n_per_class: one for one in few_shot_curve(examples, SHOTS, policy=ProbePolicy(seed=seed))}
    chance = 1 / len(set(findable.labels.tolist()))
    for shots in SHOTS:
        case, found = f"probe_{shots}", curve.get(shots)
        asks = f"How well does a probe tell the labels apart from {shots} example(s) of each (balanced accuracy)?"
        score = Score(case=case, value=None, n=0, reason="too few groups or examples of some label")
        if found is not None:
            score = Score(
                case=case,
                value=found.balanced_accuracy,
                n=found.n_draws,
                reason=f"chance is {chance:.2f}; the interval spans nine in ten random draws of examples",
                low=found.low,
                high=found.high,
            )
        yield Question(case, asks, "higher", score)


def _copies(windows: LabelledWindows) -> Question:
    """Count windows that sound the same in two groups: there the groups leak."""
    cosines = windows.vectors @ windows.vectors.T
    cosines[windows.groups[:, None] == windows.groups[None, :]] = -1
    nearest = cosines.max(axis=1)
    copied = np.flatnonzero(nearest >= _COPY)
    twin = cosines.argmax(axis=1)
    instances = tuple(
        windows.instance(
            int(i), float(nearest[i]), f"also {windows.where(int(twin[i]))}, group {windows.groups[twin[i]]}"
        )
        for i in copied[np.argsort(-nearest[copied], kind="stable")]
    )
    case = "copies_across_groups"
    return Question(
        case,
        f"Which share of the windows has a copy in another group (cosine {_COPY})?",
        "lower",
        Score(
            case=case,
            value=len(copied) / len(windows),
            n=len(windows),
            reason="the same sound on both sides of a split flatters every figure",
            low=UNKNOWN.low,
            high=UNKNOWN.high,
            instances=instances,
        ),
    )
