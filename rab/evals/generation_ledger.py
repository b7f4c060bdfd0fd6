"""The ledger of an evaluation: so many right of so many, by recording, with the worst by name.

Texts about one recording are not independent, so intervals go by recordings: the standard error of a ratio of sums over
clusters (Cochran 1977, Sampling Techniques, section 6.4). Where nothing failed that is zero and says nothing; then the
bound is the share of failing recordings that would have gone unseen in 5 % of the samples of so many.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field

from rab.evals.base import Instance, Score
from rab.evals.generation_packs import Trial

_MOST_KEPT = 12
_Z = 1.96


@dataclass
class Ledger:
    """Counts by metric and recording, and instances of what went wrong. `paths` are those of recordings, by id."""

    paths: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    wrong: dict[str, dict[str, Instance]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, metric: str, trial: Trial, right: float, n: float = 1, words: str = "") -> None:
        """Count `right` of `n` for a trial's recording; where some are not right, keep it with `words` on why."""
        if n == 0:
            return
        own = self.counts[metric].setdefault(trial.recording, [0.0, 0.0])
        own[0] += right
        own[1] += n
        wrong = self.wrong[metric]
        if right < n and len(wrong) < _MOST_KEPT and trial.name not in wrong:
            call = None if trial.pack.query is None else trial.pack.query.call
            wrong[trial.name] = Instance(
                name=trial.name,
                value=round(right / n, 6),
                recording=self.paths.get(trial.recording),
                t0_ms=None if call is None else call.t0_ms,
                t1_ms=None if call is None else call.t1_ms,
                words=words[:600],
                pack=trial.pack.model_dump_json(),
            )

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
        _, high = interval([[each - right, each] for right, each in counts.values()])
        reason = f"of {n:,} {what}, in {len(counts)} recordings and summaries; a share of {high:.3g} at most"
        return self._scored(Score(case=case, value=float(self.n_wrong(case)), n=n, reason=reason))

    def _scored(self, score: Score) -> Score:
        wrong = tuple(self.wrong[score.case].values())
        named = tuple(f"{one.name}: {one.words}" for one in wrong)
        return score.model_copy(update={"evidence": named, "instances": wrong})


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
    squares = sum((right - share * each) ** 2 for right, each in counts)
    error = math.sqrt(n_clusters / (n_clusters - 1) * squares) / n
    return max(0.0, share - _Z * error), min(1.0, share + _Z * error)
