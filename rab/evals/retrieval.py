"""The suite `retrieval`: whether reranking puts the right calls first, in a library it has never seen.

Every labelled window asks the mixed library of all sets; its group (recordist, source recording) is left out, windows
of the same label in other groups are relevant, whatever no label is known of (soundscapes) stays as a distractor. The
headline trains on all sets but one and asks the one left out, since a user's library is unseen. Beside it stand cosine,
plain k-reciprocal re-ranking, agreement of taxon scores, the reranker
before any training, trained within the library on other groups, and trained from sequence without any label.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Instance, Score
from rab.evals.breakdown import Told, breakdown
from rab.evals.intervals import Bounds, of_picks, of_strata
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_windows
from rab.evals.written import as_written
from rab.retrieval.rerank import (
    CandidateGraph,
    GraphReranker,
    RerankCandidate,
    RerankPolicy,
    candidate_graph,
)
from rab.retrieval.rerank.graph import NEXT_GAP_MS
from rab.retrieval.rerank.held_out import left_out
from rab.retrieval.rerank.measures import MEASURES, Interval, Ranked, clustered_interval, measure_ranking
from rab.retrieval.rerank.model import relevance_of
from rab.retrieval.rerank.train import Example, example, presumed_relevant, train

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]

_UNLABELLED = "soundscape"
_SCORE_FLOOR, _AT_LEAST = 0.05, 3
_MIN_QUERIES = 10
"""Sets with fewer queries than this say nothing."""
_N_SEQUENCE = 300
_N_INSTANCES = 200
"""Queries that a score keeps, the worst."""
TODAY = date(2026, 1, 1)
"""Any date: a model of an evaluation is not kept."""


@dataclass(frozen=True, eq=False)
class Asked:
    """One query of the evaluation: its candidates by cosine, the graph, and an example to train on."""

    at: int
    candidates: npt.NDArray[np.intp]
    graph: CandidateGraph
    example: Example
    set: str


@dataclass(frozen=True, eq=False)
class RetrievalReport:
    """What every method is worth on every set: set → method → figures of each query, and their groups."""

    ranked: Mapping[str, Mapping[str, tuple[Ranked, ...]]]
    groups: Mapping[str, tuple[str, ...]]
    seed: int
    asked: Mapping[str, tuple[Instance, ...]]
    """The queries, each with its place, without a value."""
    at: Mapping[str, tuple[int, ...]]
    """The queries, by their row among the windows."""
    leaks: tuple[Instance, ...]
    """Queries whose own group stood among their candidates, or taught what ranked them: there must be none."""

    def instances(self, method: str, measure: str = "average_precision") -> tuple[Instance, ...]:
        """Return the queries with the value of a measure, worst first."""
        found = [
            one.model_copy(update={"value": round(float(value), 6)})
            for name in self.ranked
            for one, value in zip(self.asked[name], self.values(name, method, measure), strict=True)
        ]
        return tuple(sorted(found, key=lambda one: one.value or 0)[:_N_INSTANCES])

    def bounds(self, method: str, measure: str = "average_precision") -> Bounds:
        """Return the interval of the mean over the sets, groups drawn within each."""
        values = [self.values(name, method, measure) for name in self.ranked]
        return of_strata(values, [self.groups[name] for name in self.ranked], seed=self.seed)

    def values(self, set_name: str, method: str, measure: str = "average_precision") -> Floats:
        """Return a measure of each query, [queries]."""
        return np.array([getattr(one, measure) for one in self.ranked[set_name][method]], dtype=np.float64)

    def interval(self, set_name: str, method: str, measure: str = "average_precision") -> Interval:
        """Return the mean of a measure with its interval."""
        return clustered_interval(self.values(set_name, method, measure), self.groups[set_name], seed=self.seed)

    def gain(self, set_name: str, method: str, over: str) -> Interval:
        """Return how much higher the mAP of a method is than another's, paired by query."""
        difference = self.values(set_name, method) - self.values(set_name, over)
        return clustered_interval(difference, self.groups[set_name], seed=self.seed)

    def mean(self, method: str, measure: str = "average_precision") -> float:
        """Return the mean over the sets, each weighing the same."""
        return float(np.mean([self.values(name, method, measure).mean() for name in self.ranked]))


def run_retrieval(
    embedder: Embedder, files: Sequence[LabelledFile], *, seed: int, cache: Path | None = None
) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    """Score the suite on labelled recordings of two sets or more; the table says it set by set.

    Raises `InputError` where fewer than two sets have ten queries.
    """
    windows = labelled_windows(files, embedder, cache=cache)
    report = retrieval_report(windows, seed=seed)
    apart = breakdown(told(report), windows, held_apart(windows), {file.path: file for file in files}, embedder.taxa)
    return (*retrieval_scores(report), *apart.scores), (retrieval_table(report), *apart.tables)


def told(report: RetrievalReport, method: str = "left_out_set") -> Told:
    """Return the queries of all sets with what cosine and a method make of them."""

    def of_all(name: str) -> Floats:
        return np.concatenate([report.values(one, name) for one in report.ranked])

    return Told(
        at=np.concatenate([np.array(report.at[name], dtype=np.intp) for name in report.ranked]),
        groups=tuple(group for name in report.ranked for group in report.groups[name]),
        cosine=of_all("cosine"),
        reranked=of_all(method),
        leaks=report.leaks,
        seed=report.seed,
    )


def retrieval_scores(report: RetrievalReport) -> tuple[Score, ...]:
    """Return the suite's scores, each with its figures set by set."""
    n = sum(len(one) for one in report.groups.values())
    learned = "left_out_set"
    scores = [
        Score(
            case=f"map_{method}",
            value=report.mean(method),
            n=n,
            reason="mAP@10, mean over the sets",
            low=report.bounds(method).low,
            high=report.bounds(method).high,
            evidence=tuple(f"{name}: {report.interval(name, method)}" for name in report.ranked),
            instances=report.instances(method),
        )
        for method in next(iter(report.ranked.values()))
    ]
    scores += [
        Score(
            case=f"{measure}_{learned}",
            value=report.mean(learned, measure),
            n=n,
            reason="at 10, mean over the sets; learned from the other sets",
            low=report.bounds(learned, measure).low,
            high=report.bounds(learned, measure).high,
            evidence=tuple(f"{name}: {report.interval(name, learned, measure)}" for name in report.ranked),
            instances=report.instances(learned, measure),
        )
        for measure in ("precision", "recall", "reciprocal_rank", "ndcg")
    ]
    return (*scores, *(_least_gain(report, learned, over, n) for over in ("cosine", "k_reciprocal", "score_agreement")))


def retrieval_table(report: RetrievalReport) -> str:
    """Return mAP@10 and its paired gains with their intervals, set by set, as a Markdown table."""
    lines = [
        "| set (queries, groups) | method | mAP@10 | over cosine | over k-reciprocal | P@10 | recall@10 | MRR | nDCG |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, methods in report.ranked.items():
        groups = report.groups[name]
        for method in methods:
            others = " | ".join(f"{report.values(name, method, measure).mean():.3f}" for measure in MEASURES[1:])
            lines.append(
                f"| {name} ({len(groups)}, {len(set(groups))}) | {method} | {report.interval(name, method)} | "
                f"{report.gain(name, method, 'cosine')} | {report.gain(name, method, 'k_reciprocal')} | {others} |"
            )
    return "\n".join(lines)


def _least_gain(report: RetrievalReport, method: str, over: str, n: int) -> Score:
    relative = {
        name: float(report.values(name, method).mean() / max(1e-9, report.values(name, over).mean()) - 1)
        for name in report.ranked
    }
    least = min(relative, key=relative.__getitem__)
    ours, theirs = report.values(least, method), report.values(least, over)
    low, high = of_picks(
        lambda picks: float(ours[picks].mean() / max(1e-9, theirs[picks].mean()) - 1),
        report.groups[least],
        seed=report.seed,
    )
    return Score(
        case=f"least_gain_over_{over}",
        value=relative[least],
        n=n,
        low=low,
        high=high,
        reason=f"relative gain in mAP@10 on the set that gains least: {least}; the interval is of that set",
        evidence=tuple(f"{name}: {report.gain(name, method, over)}" for name in report.ranked),
    )


def retrieval_report(
    library: LabelledWindows, *, seed: int, policy: RerankPolicy = RerankPolicy(), trains: bool = True
) -> RetrievalReport:
    """Ask every labelled window, rerank with every method, and measure. Sets without ten queries are distractors.

    Without `trains` only methods are asked that learn nothing, and one set is enough.
    """
    windows = _Windows(library, policy.n_candidates)
    asked = list(windows.queries())
    sets = [name for name in dict.fromkeys(one.set for one in asked) if _count(asked, name) >= _MIN_QUERIES]
    if len(sets) < (2 if trains else 1):
        raise InputError(
            f"{len(sets)} labelled set(s) with {_MIN_QUERIES} queries or more: one must be left out",
            hint="give recordings of two sets, each with labels that stand in several groups",
        )
    asked = [one for one in asked if one.set in sets]
    orders = _relevances(windows, asked, sets, seed) if trains else _unlearned(asked)
    return RetrievalReport(
        ranked={
            name: {
                method: tuple(
                    _measured(one, relevance) for one, relevance in zip(asked, found, strict=True) if one.set == name
                )
                for method, found in orders.items()
            }
            for name in sets
        },
        groups={name: tuple(one.example.group for one in asked if one.set == name) for name in sets},
        seed=seed,
        asked={name: tuple(library.instance(one.at) for one in asked if one.set == name) for name in sets},
        at={name: tuple(one.at for one in asked if one.set == name) for name in sets},
        leaks=_leaks(windows, asked, seed, orders.get("left_out_groups")),
    )


def _leaks(
    windows: "_Windows", asked: Sequence[Asked], seed: int, ranked: Sequence[Floats] | None
) -> tuple[Instance, ...]:
    """Return the queries that their own group could answer, as candidates or by teaching what ranked them."""
    why = {one.at: windows.leak(one, asked) for one in asked}
    if ranked is not None:
        largest = Counter(windows.written[one.at] for one in asked if one.example.teaches).most_common(1)
        examples = [one.example for one in asked]
        for group, _ in largest:
            own = np.array([windows.written[one.at] == group for one in asked])
            for i in own_word(examples, own, ranked, seed=seed).tolist():
                why[asked[i].at] = "what its own group was labelled with changed how left_out_groups ranked it"
    return tuple(windows.library.instance(at, 1.0, words) for at, words in why.items() if words)


def own_word(examples: Sequence[Example], own: Masks, ranked: Sequence[Floats], *, seed: int) -> npt.NDArray[np.intp]:
    """Return the rows of a group whose ranking changes when all that the group says is turned round.

    `own` [n] says which examples are of the group, `ranked` what was made of them before: with the group left out of
    what teaches, nothing changes at all.
    """
    turned = [replace(one, relevant=~one.relevant) if mine else one for one, mine in zip(examples, own, strict=True)]
    again = left_out(turned, "labels", TODAY, seed=seed)
    return np.array([i for i in np.flatnonzero(own).tolist() if not np.array_equal(again[i], ranked[i])], dtype=np.intp)


def queries(library: LabelledWindows, policy: RerankPolicy = RerankPolicy()) -> list[Asked]:
    """Return every window that can be asked, with its candidates; groups are left out as everywhere here."""
    return list(_Windows(library, policy.n_candidates).queries())


def _count(asked: Sequence[Asked], name: str) -> int:
    return sum(one.set == name for one in asked)


def _relevances(windows: "_Windows", asked: Sequence[Asked], sets: Sequence[str], seed: int) -> dict[str, list[Floats]]:
    """Return method → relevance of the candidates of each query."""
    found = _unlearned(asked)
    of_set = {name: train([one.example for one in _taught(asked, name)], "labels", TODAY) for name in sets}
    found["left_out_set"] = [_learned(of_set[one.set], one) for one in asked]
    found["left_out_groups"] = left_out([one.example for one in asked], "labels", TODAY, seed=seed)
    sequence = train(windows.sequence_examples(seed), "sequence", TODAY)
    found["from_sequence"] = [_learned(sequence, one) for one in asked]
    return found


def _unlearned(asked: Sequence[Asked]) -> dict[str, list[Floats]]:
    """Return the same by the methods that learn nothing."""
    fixed: dict[str, Callable[[Asked], Floats]] = {
        "cosine": lambda one: one.example.cosine,
        "k_reciprocal": lambda one: one.example.plain,
        "score_agreement": lambda one: 0.5 * one.example.cosine + 0.5 * one.graph.agreement[0, 1:],
        "untrained": lambda one: _learned(GraphReranker(), one),
    }
    return {method: [relevance(one) for one in asked] for method, relevance in fixed.items()}


def _taught(asked: Sequence[Asked], set_name: str) -> list[Asked]:
    """Return what may teach the model that ranks a set: the queries of all others."""
    return [one for one in asked if one.set != set_name]


def _learned(model: GraphReranker, one: Asked) -> Floats:
    return relevance_of(model.parameters, one.example.columns, one.example.ties)


def _measured(one: Asked, relevance: Floats) -> Ranked:
    return measure_ranking(one.example.relevant[np.argsort(-relevance, kind="stable")], one.example.n_relevant)


class _Windows:
    """Labelled windows as a library that can be asked."""

    def __init__(self, library: LabelledWindows, n_candidates: int) -> None:
        self.library = library
        self.written = np.empty(len(library), dtype=object)
        """Each window's group as the folder's table gives it, for what is said of leaks."""
        for name in np.unique(library.sets):
            own = np.flatnonzero(library.sets == name)
            self.written[own] = as_written([library.paths[at] for at in own], library.labels[own].tolist())
        self._n_candidates = n_candidates
        self._similarity = np.asarray(library.vectors @ library.vectors.T)
        self._scores = [_raw_scores(row) for row in library.logits]
        self._groups = held_apart(library)
        self._named = np.array([not name.startswith(_UNLABELLED) for name in library.labels.tolist()])

    def queries(self) -> Iterator[Asked]:
        """Ask every window whose label stands in another group too."""
        labels = self.library.labels
        for at in np.flatnonzero(self._named).tolist():
            apart = self._groups != self._groups[at]
            relevant = apart & (labels == labels[at])
            if not relevant.any():
                continue
            candidates = self._nearest(at, apart)
            graph = self._graph(at, candidates)
            known = np.ones(len(candidates), dtype=bool)
            one = example(
                graph, relevant[candidates], known, n_relevant=int(relevant.sum()), group=str(self._groups[at])
            )
            yield Asked(at, candidates, graph, one, str(self.library.sets[at]))

    def sequence_examples(self, seed: int) -> list[Example]:
        """Return examples without labels, from windows that another one follows or precedes."""
        found = []
        order = np.random.default_rng(seed).permutation(len(self.library))
        for at in order.tolist():
            view = self._second_view(at)
            if view is None:
                continue
            apart = self.library.recording_ids != self.library.recording_ids[at]
            candidates = self._nearest(at, apart)
            presumed = presumed_relevant(self._graph(view, candidates))
            graph, n_relevant = self._graph(at, candidates), int(presumed.relevant.sum())
            found.append(example(graph, *presumed, n_relevant=n_relevant, group=str(self._groups[at])))
            if len(found) == _N_SEQUENCE:
                break
        return found

    def leak(self, one: Asked, asked: Sequence[Asked]) -> str:
        """Say how a query's own group, as it is held apart or as it is written, could answer it; empty where not."""
        for groups in (self._groups, self.written):
            if (groups[one.candidates] == groups[one.at]).any():
                return "its own group stood among the candidates"
            if groups[one.at] in {groups[other.at] for other in _taught(asked, one.set)}:
                return "its group had taught the reranker"
        return ""

    def _second_view(self, at: int) -> int | None:
        library = self.library
        near = (library.recording_ids == library.recording_ids[at]) & (
            np.abs(library.t0_ms - library.t0_ms[at]) <= library.t1_ms[at] - library.t0_ms[at] + NEXT_GAP_MS
        )
        near[at] = False
        found = np.flatnonzero(near)
        return int(found[0]) if len(found) else None

    def _nearest(self, at: int, apart: Masks) -> npt.NDArray[np.intp]:
        order = np.argsort(np.where(apart, -self._similarity[at], np.inf), kind="stable")
        return order[: min(self._n_candidates, int(apart.sum()))]

    def _graph(self, at: int, candidates: npt.NDArray[np.intp]) -> CandidateGraph:
        return candidate_graph(
            self._node(at, 1.0),
            [self._node(other, float(self._similarity[at, other])) for other in candidates.tolist()],
        )

    def _node(self, at: int, similarity: float) -> RerankCandidate:
        library = self.library
        return RerankCandidate(
            vector=library.vectors[at],
            recording_id=str(library.recording_ids[at]),
            channel=None,
            t0_ms=float(library.t0_ms[at]),
            t1_ms=float(library.t1_ms[at]),
            snr_db=library.quality[at].snr_db,
            raw_scores=self._scores[at],
            similarity=similarity,
        )


def _raw_scores(logits: npt.NDArray[np.float32]) -> dict[str, float]:
    """Return what the catalog would keep of a window's scores: those of at least 0.05, and the three best anyway."""
    raw = 1 / (1 + np.exp(-logits.astype(np.float64)))
    best = np.argsort(-raw, kind="stable")[: max(_AT_LEAST, int((raw >= _SCORE_FLOOR).sum()))]
    return {str(column): float(raw[column]) for column in best.tolist()}


def held_apart(library: LabelledWindows) -> npt.NDArray[np.str_]:
    """Return each window's group; its recording in sets where no label stands in two groups."""
    groups = library.groups.astype(object)
    for name in np.unique(library.sets):
        own = np.flatnonzero(library.sets == name)
        pairs = {(library.labels[at], library.groups[at]) for at in own.tolist()}
        if len(pairs) == len({label for label, _ in pairs}):
            groups[own] = library.recording_ids[own]
    return groups.astype(str)
