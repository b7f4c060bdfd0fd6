"""What a user's own folder is asked: questions with their scores, what guessing would reach, and the gates of that.

A gate is the bad end of a value's interval, or where few groups were heard that of Wilson's interval over their number,
since that is as far down as chance alone would take it. It never lies beyond half of the way from what was measured to
what guessing would reach, so it can be missed, and never nearer than 0.02, so one window does not miss it. What is no
better than a guess has no gate: it is not asked, and that is said.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rab.errors import InputError
from rab.evals.base import Instance, Score
from rab.evals.depth import voters
from rab.evals.intervals import Bounds, by_group, of_share
from rab.evals.labelled import LabelledWindows
from rab.evals.ladder import Mixed
from rab.evals.own_labels import OwnWindows, n_groups_of_labels, within
from rab.evals.retrieval import RetrievalReport, retrieval_report
from rab.evals.risk import aurc
from rab.evals.trials import put_to_own
from rab.retrieval.depth import DepthPolicy
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_curve

Floats = npt.NDArray[np.float64]
TOLERANCE = 0.02
"""How far a value may fall on the same recordings, and the least room between a value and its gate."""
N_INSTANCES = 50
SHOTS = (1, 2, 4, 8, 16)
_COPY = 0.99
"""Cosine from which windows of two groups are one sound."""
_MARGIN = 0.05
"""Of a gate beside what was measured, where a value is counted and no sample."""
_FIXED_K = 10
_K = 10


class Question(NamedTuple):
    """A case and its score, as the first run finds them."""

    case: str
    asks: str
    better: Literal["higher", "lower"]
    score: Score
    chance: float
    """What guessing would reach."""
    n_groups: int | None = None
    """Groups that the value was drawn from; None where it is counted."""


def questions_of(heard: OwnWindows, folder: Path, seed: int) -> Iterator[Question]:
    """Yield what a folder can be asked, each with its score, or the reason why there is none."""
    yield from _retrieval(heard.windows, seed)
    yield from _votes(heard.windows, seed)
    yield from _probes(heard.windows, seed)
    yield _copies(heard.windows)
    yield _left_out(heard, folder)


def gate_of(question: Question) -> float | None:
    """Return the worst value that passes; None where nothing was scored, or no more than guessing would reach."""
    score, sign = question.score, 1 if question.better == "higher" else -1
    if score.value is None or sign * (score.value - question.chance) < 2 * TOLERANCE:
        return None
    ends = [score.value - sign * (TOLERANCE if question.n_groups else _MARGIN)]
    if question.n_groups:
        few = of_share(round(score.value * question.n_groups), question.n_groups)
        ends += [end for low, high in ((score.low, score.high), few) if (end := low if sign > 0 else high) is not None]
    halfway = (score.value + question.chance) / 2
    return round(max(min(ends), halfway) if sign > 0 else min(max(ends), halfway), 4)


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
    chance = _by_chance(windows)
    for case, (words, method, measure) in asks.items():
        if report is None:
            yield Question(case, words, "higher", Score(case=case, value=None, n=0, reason=why), 0.0)
            continue
        bounds = report.bounds(method, measure)
        score = Score(
            case=case,
            value=report.mean(method, measure),
            n=sum(len(one) for one in report.groups.values()),
            reason=f"its own group left out; a random order reaches {chance[measure]:.2f}",
            low=bounds.low,
            high=bounds.high,
            instances=report.instances(method, measure),
        )
        groups = {group for own in report.groups.values() for group in own}
        yield Question(case, words, "higher", score, chance[measure], len(groups))


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

    commonest, n_groups = float(np.bincount(trials.truth).max() / len(asked)), len(set(groups))
    right_words = f"mean k {kept.mean():.1f}; the commonest label is {commonest:.2f} of them; surest wrong votes first"
    bounds = by_group(shares, groups, seed=seed)
    yield Question(
        "vote_right",
        "Which share of the neighbours' votes names the right label?",
        "higher",
        told("vote_right", float(shares.mean()), bounds, right_words),
        commonest,
        n_groups,
    )
    area, fixed = (_aurc(answers[name][1], right[name]) for name in ("policy", f"k = {_FIXED_K}"))
    yield Question(
        "vote_aurc",
        "How large is the area under the votes' risk-coverage curve?",
        "lower",
        told("vote_aurc", area, _drawn_aurc(confidence, right["policy"], groups, seed), f"k = {_FIXED_K}: {fixed:.4f}"),
        1 - commonest,
        n_groups,
    )


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
        yield Question(case, asks, "higher", score, chance, len(set(findable.groups.tolist())))


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
            instances=instances,
        ),
        1.0,
    )


def _left_out(heard: OwnWindows, folder: Path) -> Question:
    """Count the labelled parts that no window bears the label of: nothing is asked of them."""
    case, n = "left_out_share", sum(heard.n_labelled.values())
    whole = Counter(one.span.name for one in heard.unheard)
    gone = {label for label, of in whole.items() if of == heard.n_labelled[label]}
    worst = sorted(heard.unheard, key=lambda one: (one.span.name not in gone, one.span.name, one.span.row))
    instances = tuple(
        Instance(
            name=f"{one.span.name}: {within(folder, one.span.path)} {(one.span.t0_ms or 0) / 1000:g} s, {one.span.row}",
            value=1.0,
            recording=one.span.path,
            t0_ms=one.span.t0_ms,
            t1_ms=one.span.t1_ms,
            words=one.why + (", and no other part of this label is in any" if one.span.name in gone else ""),
        )
        for one in worst[:N_INSTANCES]
    )
    labels = f"; nothing is left of {', '.join(sorted(gone))}" if gone else ""
    return Question(
        case,
        "Which share of the labelled parts is in no window under its label, so that nothing is asked of it?",
        "lower",
        Score(
            case=case,
            value=len(heard.unheard) / n,
            n=n,
            reason=f"{len(heard.unheard)} of {n} parts{labels}",
            instances=instances,
        ),
        1.0,
    )


def _findable(windows: LabelledWindows) -> npt.NDArray[np.bool_]:
    n_groups = n_groups_of_labels(windows)
    return np.array([n_groups[str(label)] > 1 for label in windows.labels])


def _by_chance(windows: LabelledWindows) -> dict[str, float]:
    """Return what a random order reaches in the first ten, averaged over the windows whose label others bear."""
    of_label, of_group = Counter(windows.labels.tolist()), Counter(windows.groups.tolist())
    pairs = list(zip(windows.labels.tolist(), windows.groups.tolist(), strict=True))
    of_both, place = Counter(pairs), np.arange(1, _K + 1)
    sums = dict.fromkeys(("average_precision", "recall", "reciprocal_rank"), 0.0)
    n = 0
    for label, group in pairs:
        relevant, others = of_label[label] - of_both[label, group], len(windows) - of_group[group]
        if not relevant:
            continue
        p, n = relevant / others, n + 1
        sums["average_precision"] += min(1.0, float((p * (1 + (place - 1) * p) / place).sum()) / min(_K, relevant))
        sums["recall"] += min(1.0, p * _K / min(_K, relevant))
        sums["reciprocal_rank"] += min(1.0, float((p * (1 - p) ** (place - 1) / place).sum()))
    return {name: value / max(n, 1) for name, value in sums.items()}


def _aurc(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    return float(aurc(confidence, right, np.ones((1, len(right))))[0])


def _drawn_aurc(confidence: Floats, right: npt.NDArray[np.bool_], groups: Sequence[str], seed: int) -> Bounds:
    """Return the interval of the area: rows are drawn by group, and the curve of each draw is its own."""

    def area(rows: Floats) -> float:
        at = rows.astype(np.intp)
        return _aurc(confidence[at], right[at])

    return by_group(np.arange(len(right)), groups, seed=seed, reduce=area)
