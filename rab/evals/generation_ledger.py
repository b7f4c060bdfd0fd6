"""The ledger of an evaluation: so many right of so many, by recording, with the worst by name.

Texts about one recording are not independent, so intervals go by recordings: the standard error of a ratio of sums over
clusters (Cochran 1977, Sampling Techniques, section 6.4). Where nothing failed that is zero and says nothing; then the
bound is the share of failing recordings that would have gone unseen in 5 % of the samples of so many.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from rab.evals.base import Instance, Score
from rab.evals.generation_packs import Trial

_MOST_KEPT, _MOST_EXAMPLES = 12, 4
_Z = 1.96


class Noted(NamedTuple):
    """What is kept of one judgement: the trial, the share that is right, and words on it."""

    trial: Trial
    value: float
    words: str


@dataclass
class Ledger:
    """Counts by metric and recording, with what went wrong, by trial, and examples of what did not.

    `paths` are those of recordings, by id.
    """

    paths: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    wrong: dict[str, dict[str, Noted]] = field(default_factory=lambda: defaultdict(dict))
    examples: dict[str, dict[str, Noted]] = field(default_factory=lambda: defaultdict(dict))
    """By what a trial's name begins with, so that each is of another family, change or way to fail."""

    def note(self, metric: str, trial: Trial, right: float, n: float = 1, words: str = "", said: str = "") -> None:
        """Count `right` of `n` for a trial's recording.

        Where some are not right, it is kept with `words` on why; some of the others with what was `said`, as examples.
        """
        if n == 0:
            return
        self._count(metric, trial, right, n)
        wrong, examples = self.wrong[metric], self.examples[metric]
        if right < n:
            if len(wrong) < _MOST_KEPT and trial.name not in wrong:
                wrong[trial.name] = Noted(trial, right / n, words)
        elif len(examples) < _MOST_EXAMPLES and (sort := trial.name.partition(":")[0]) not in examples:
            examples[sort] = Noted(trial, right / n, said or words)

    def measure(self, metric: str, trial: Trial, value: float, words: str) -> None:
        """Count a figure of which less is better, and keep the trials where it is highest."""
        self._count(metric, trial, value, 1)
        wrong = self.wrong[metric]
        known = wrong.get(trial.name)
        if known is not None or len(wrong) < _MOST_KEPT:
            wrong[trial.name] = max(known or Noted(trial, value, words), Noted(trial, value, words), key=_value)
            return
        least = min(wrong.values(), key=_value)
        if value > least.value:
            del wrong[least.trial.name]
            wrong[trial.name] = Noted(trial, value, words)

    def _count(self, metric: str, trial: Trial, right: float, n: float) -> None:
        own = self.counts[metric].setdefault(trial.recording, [0.0, 0.0])
        own[0] += right
        own[1] += n

    def n(self, metric: str) -> int:
        """Return how many were counted."""
        return round(sum(n for _, n in self.counts[metric].values()))

    def n_wrong(self, metric: str) -> int:
        """Return how many were not right."""
        return round(sum(n - right for right, n in self.counts[metric].values()))

    def share(self, case: str, what: str, *, at_least: int = 1) -> Score:
        """Return the share that is right; no value where fewer were counted than the gate asks for."""
        counts, n = self.counts[case], self.n(case)
        if n < at_least:
            return _unscored(case, n, what, at_least)
        value = sum(right for right, _ in counts.values()) / sum(each for _, each in counts.values())
        low, high = interval(list(counts.values()))
        reason = f"{n:,} {what}, in {len(counts)} recordings and summaries"
        return self._scored(Score(case=case, value=value, n=n, reason=reason, low=low, high=high))

    def failures(self, case: str, what: str, *, at_least: int = 1) -> Score:
        """Return how many are not right; no value where fewer were counted than the gate asks for."""
        counts, n = self.counts[case], self.n(case)
        if n < at_least:
            return _unscored(case, n, what, at_least)
        low, high = interval([[each - right, each] for right, each in counts.values()])
        reason = f"of {n:,} {what}, in {len(counts)} recordings and summaries; a share of {high:.3g} at most"
        value = float(self.n_wrong(case))
        return self._scored(Score(case=case, value=value, n=n, reason=reason, low=low * n, high=high * n))

    def mean(self, case: str, what: str) -> Score:
        """Return the mean of what was measured, and where it was highest."""
        counts, n = list(self.counts[case].values()), self.n(case)
        if not n:
            return _unscored(case, n, what, 1)
        value = sum(total for total, _ in counts) / n
        around = None if len(counts) < 2 else _Z * _error(counts, value)
        low, high = (None, None) if around is None else (value - around, value + around)
        worst = sorted(self.wrong[case].values(), key=_value, reverse=True)
        instances = tuple(map(self._instance, worst))
        reason = f"{n:,} {what}, in {len(counts)} recordings and summaries"
        return Score(case=case, value=value, n=n, reason=reason, low=low, high=high, instances=instances)

    def least(self, case: str, prefix: str, what: str) -> Score:
        """Return the lowest share of those metrics that begin alike, with the interval and the evidence of that one."""
        named = [metric for metric in self.counts if metric.startswith(prefix)]
        if not named:
            return _unscored(case, 0, what, 1)
        scores = [self.share(metric, metric.removeprefix(prefix)) for metric in named]
        lowest = min(scores, key=lambda score: (score.value or 0.0, score.low or 0.0, score.case))
        return lowest.model_copy(update={"case": case, "reason": f"{lowest.reason}; the lowest of {len(named)} {what}"})

    def _scored(self, score: Score) -> Score:
        wrong = tuple(map(self._instance, self.wrong[score.case].values()))
        named = tuple(f"{one.name}: {one.words}" for one in wrong)
        names = {one.name for one in wrong}
        examples = (one for one in self.examples[score.case].values() if one.trial.name not in names)
        instances = (*wrong, *map(self._instance, examples))
        return score.model_copy(update={"evidence": named, "instances": instances})

    def _instance(self, noted: Noted) -> Instance:
        trial = noted.trial
        call = None if trial.pack.query is None else trial.pack.query.call
        return Instance(
            name=trial.name,
            value=round(noted.value, 6),
            recording=self.paths.get(trial.recording),
            t0_ms=None if call is None else call.t0_ms,
            t1_ms=None if call is None else call.t1_ms,
            words=noted.words[:600],
            pack=trial.pack.model_dump_json(),
        )


def _value(noted: Noted) -> float:
    return noted.value


def _unscored(case: str, n: int, what: str, at_least: int) -> Score:
    return Score(case=case, value=None, n=n, reason=f"{n:,} {what}, and {at_least:,} are asked for")


def interval(counts: list[list[float]]) -> tuple[float, float]:
    """Return the 95 % interval of a share from `right` and `n` of each recording."""
    n_clusters, n = len(counts), sum(each for _, each in counts)
    share = sum(right for right, _ in counts) / n
    unseen = 1 - 0.05 ** (1 / n_clusters)
    if share in (0.0, 1.0):
        return (1 - unseen, 1.0) if share else (0.0, unseen)
    if n_clusters < 2:
        return 0.0, 1.0
    error = _error(counts, share)
    return max(0.0, share - _Z * error), min(1.0, share + _Z * error)


def _error(counts: list[list[float]], ratio: float) -> float:
    """Return the standard error of a ratio of sums over clusters, two at least."""
    squares = sum((right - ratio * each) ** 2 for right, each in counts)
    return math.sqrt(len(counts) / (len(counts) - 1) * squares) / sum(each for _, each in counts)
