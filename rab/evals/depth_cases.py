"""What the depth suite asks of an outcome: its cases, each a function, and the tables that they rest on.

A score names the votes that it rests on, the worst first: the call with its recording and time, the level at which it
was put to a library, and that library. What is played is the call as it was recorded, before noise was added.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.evals.base import Instance, Score
from rab.evals.ladder import Mixed, bias
from rab.evals.risk import Answers, calibration_error, calibration_errors, ladder_aurc, rung_aurc
from rab.evals.trials import NOBODY, Floats, Trials
from rab.retrieval.depth import DepthPolicy, depth

N_INSTANCES = 50
FIXED_K = (1, 3, 5, 10, 15, 20, 30, 50)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What every way to vote answered to every library, and how often each query counts, [1 + n_draws, n]."""

    answers: dict[str, Answers]
    trials: Sequence[Trials]
    queries: Mixed
    draws: Floats
    policy: DepthPolicy

    @property
    def ours(self) -> Answers:
        """The answers of the policy."""
        return self.answers["policy"]

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """[n], the queries on whose groups nothing was fitted."""
        return np.asarray(self.draws[0] > 0)

    @property
    def claims(self) -> npt.NDArray[np.bool_]:
        """[n_libraries, n], where the policy supports a species-level claim."""
        heard = [depth(one, self.policy).species_claims_supported for one in self.queries.windows.quality]
        return np.asarray((self.ours.confidence >= self.policy.claim_at) & np.array(heard))

    def votes(self, worst_first: Floats, of: npt.NDArray[np.bool_] | None = None) -> tuple[Instance, ...]:
        """Return the votes with the largest of some values, both [n_libraries, n]; `of` keeps some votes."""
        kept = np.broadcast_to(self.counted, worst_first.shape) if of is None else of & self.counted
        order = np.argsort(-np.where(kept, worst_first, -np.inf), axis=None, kind="stable")
        places = [divmod(int(one), worst_first.shape[1]) for one in order[: min(N_INSTANCES, int(kept.sum()))]]
        return tuple(self._vote(library, i) for library, i in places)

    def _vote(self, library: int, i: int) -> Instance:
        """Return a vote as something that a score rests on; its value is its confidence."""
        trial, right = self.trials[library], bool(self.ours.right[library, i])
        truth = "a label that the library lacks" if trial.truth[i] == NOBODY else "a label that the library holds"
        claimed = "claimed" if self.claims[library, i] else "no claim"
        words = f"{'right' if right else 'wrong'}, {claimed}: {truth}, k = {self.ours.n_kept[library, i]:g}"
        size = "all" if trial.library.n_exemplars is None else f"{trial.library.n_exemplars}"
        about = f"library {trial.library.sound}, {size} a label{', a third missing' if trial.library.unseen else ''}"
        return self.query(i, round(float(self.ours.confidence[library, i]), 6), words, about)

    def query(self, i: int, value: float, words: str, about: str = "") -> Instance:
        """Return a query as something that a score rests on: its call as it was recorded."""
        found = self.queries.windows.instance(i, value, words)
        level = f"{found.name} at {self.queries.snr_db[i]:g} dB"
        return found.model_copy(update={"name": f"{level}; {about}" if about else level})

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        """Return the outcome of some libraries, a mask [n_libraries]."""
        at = np.flatnonzero(chosen)
        answers = {
            name: Answers(one.right[at], one.confidence[at], one.n_kept[at]) for name, one in self.answers.items()
        }
        return Outcome(answers, [self.trials[int(i)] for i in at], self.queries, self.draws, self.policy)


def aurc_ratio(outcome: Outcome) -> Score:
    """Hold the policy against the best fixed k, over the whole ladder."""
    best, ratio = _against_fixed(outcome)
    lowest, low, high, highest = np.percentile(ratio[1:], [2.5, 5, 95, 97.5])
    return Score(
        case="aurc_ratio",
        value=float(ratio[0]),
        n=_n(outcome),
        low=float(lowest),
        high=float(highest),
        reason=f"against {best}, the best fixed k here; 90 % interval {low:.3f} to {high:.3f}; "
        f"{outcome.queries.n_left_out} mixes could not be made",
        instances=outcome.votes(outcome.ours.confidence, ~outcome.ours.right),
    )


def small_library_ratio(outcome: Outcome) -> Score:
    """Hold the policy against the best fixed k in libraries of at most five exemplars a label."""
    small = outcome.where(np.array([(one.library.n_exemplars or 99) <= 5 for one in outcome.trials]))
    return aurc_ratio(small).model_copy(update={"case": "small_library_ratio"})


def rung_excess(outcome: Outcome) -> Score:
    """Look for the rung on which the policy is most surely behind the best fixed k."""
    rows = _rungs_against_fixed(outcome)
    worst = max(rows, key=lambda row: row.low)
    return Score(
        case="rung_excess",
        value=worst.low,
        n=_n(outcome),
        reason=f"at {worst.rung_db:g} dB against {worst.best}: {worst.excess:+.3f}, at least {worst.low:+.3f}",
        instances=outcome.votes(
            outcome.ours.confidence, ~outcome.ours.right & (outcome.queries.snr_db == worst.rung_db)
        ),
    )


def claim_precision(outcome: Outcome) -> Score:
    """Count how many of the claims that the policy supports are right; the surest wrong ones are shown."""
    claims, right = outcome.claims & outcome.counted, outcome.ours.right
    wrong = np.argwhere(claims & ~right)
    surest = wrong[np.argsort(-outcome.ours.confidence[tuple(wrong.T)], kind="stable")]
    shown = {int(i): None for _, i in surest}
    return Score(
        case="claim_precision",
        value=float(right[claims].mean()) if claims.any() else None,
        n=int(claims.sum()),
        reason=f"{100 * claims[:, outcome.counted].mean():.0f} % of the votes become claims",
        **_bounds(outcome, right, claims),
        evidence=tuple(
            f"{outcome.queries.windows.where(i)} at {outcome.queries.snr_db[i]:g} dB" for i in list(shown)[:5]
        ),
        instances=outcome.votes(outcome.ours.confidence - right, claims),
    )


def abstention_precision(outcome: Outcome) -> Score:
    """Count for how many of the abstentions the vote would have been wrong."""
    silent = ~outcome.claims & outcome.counted
    return Score(
        case="abstention_precision",
        value=float(np.mean(~outcome.ours.right[silent])) if silent.any() else None,
        n=int(silent.sum()),
        reason="votes that become no claim",
        instances=outcome.votes(outcome.ours.right + outcome.ours.confidence, silent),
        **_bounds(outcome, ~outcome.ours.right, silent),
    )


def unseen_claim_share(outcome: Outcome) -> Score:
    """Count the claims about calls of which the library has no exemplar; each is wrong."""
    unseen = np.stack([one.truth == NOBODY for one in outcome.trials]) & outcome.counted
    return Score(
        case="unseen_claim_share",
        value=float(outcome.claims[unseen].mean()) if unseen.any() else None,
        n=int(unseen.sum()),
        reason="calls whose label no exemplar bears",
        instances=outcome.votes(outcome.claims + outcome.ours.confidence, unseen),
        **_bounds(outcome, outcome.claims, unseen),
    )


def ece(outcome: Outcome) -> Score:
    """Compare confidence with the share of right votes, in ten bins of confidence."""
    found = calibration_errors(outcome.ours.confidence, outcome.ours.right, outcome.draws)
    low, high = np.percentile(found[1:], [2.5, 97.5])
    return Score(
        case="calibration_error",
        value=float(found[0]),
        n=_n(outcome),
        low=float(low),
        high=float(high),
        reason="mean difference, weighted by the bins' sizes",
        instances=outcome.votes(np.abs(outcome.ours.confidence - outcome.ours.right)),
    )


def depth_growth(outcome: Outcome) -> Score:
    """Compare the depth of calls that measure 5 dB or less with that of calls of 20 dB and more."""
    qualities, snr_db = outcome.queries.windows.quality, outcome.queries.windows.snr_db
    k = np.array([depth(one, outcome.policy).k for one in qualities], dtype=np.float64)
    faint, clear = (np.asarray(one, np.float64) for one in (snr_db <= 5, snr_db >= 20))
    n = int(min(faint.sum(), clear.sum()))
    if n == 0:
        return Score(case="depth_growth", value=None, n=0, reason="no faint or no clear calls")
    drawn = outcome.draws[(outcome.draws @ faint > 0) & (outcome.draws @ clear > 0)]
    growth = drawn @ (faint * k) / (drawn @ faint) - drawn @ (clear * k) / (drawn @ clear)
    low, high = np.percentile(growth[1:], [2.5, 97.5])
    return Score(
        case="depth_growth",
        value=float(growth[0]),
        n=n,
        low=float(low),
        high=float(high),
        reason="mean depth of faint calls less that of clear ones",
        instances=_depths(outcome, k, faint, clear),
    )


def snr_error_db(outcome: Outcome) -> Score:
    """Compare the measured SNR with the rung at 20 and 30 dB."""
    rows = {row.rung_db: row for row in bias(outcome.queries)}
    errors = [rows[rung].median_error_db for rung in (20.0, 30.0) if rung in rows]
    known = [abs(error) for error in errors if error is not None]
    return Score(
        case="snr_error_db",
        value=max(known) if known else None,
        n=sum(rows[rung].n for rung in (20.0, 30.0) if rung in rows),
        reason="larger of the two medians" if known else "no call is clear enough for these rungs",
        instances=_snr_errors(outcome),
    )


def _depths(outcome: Outcome, k: Floats, faint: Floats, clear: Floats) -> tuple[Instance, ...]:
    """Return faint calls, the shallowest first, and clear ones, the deepest first, in turn."""
    shallow = [int(i) for i in np.argsort(k, kind="stable") if faint[i]]
    deep = [int(i) for i in np.argsort(-k, kind="stable") if clear[i]]
    chosen = [
        (i, word) for pair in zip(shallow, deep, strict=False) for i, word in zip(pair, ("faint", "clear"), strict=True)
    ]
    return tuple(
        outcome.query(i, float(k[i]), f"{word}: {outcome.queries.windows.snr_db[i]:.1f} dB measured, k = {k[i]:g}")
        for i, word in chosen[:N_INSTANCES]
    )


def _snr_errors(outcome: Outcome) -> tuple[Instance, ...]:
    """Return the calls at 20 and 30 dB, the largest errors first."""
    truth, found = outcome.queries.snr_db, outcome.queries.windows.snr_db
    errors = np.where(np.isin(truth, (20.0, 30.0)) & np.isfinite(found), np.abs(found - truth), -np.inf)
    chosen = [int(i) for i in np.argsort(-errors, kind="stable")[:N_INSTANCES] if errors[i] >= 0]
    return tuple(
        outcome.query(i, round(float(found[i] - truth[i]), 3), f"{found[i]:.1f} dB measured, {truth[i]:g} dB mixed")
        for i in chosen
    )


CASES: tuple[Callable[[Outcome], Score], ...] = (
    aurc_ratio,
    rung_excess,
    small_library_ratio,
    claim_precision,
    abstention_precision,
    unseen_claim_share,
    ece,
    depth_growth,
    snr_error_db,
)


def tables(outcome: Outcome) -> tuple[str, ...]:
    """Return what the scores rest on: ways to vote, rungs, sizes of libraries, and the measured SNR."""
    return (_ways(outcome), _rungs(outcome), _sizes(outcome), _measured(outcome))


def _bounds(outcome: Outcome, held: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    """Return the ends of the 95 % interval of a share of some votes, [n_libraries, n]: groups are drawn again."""
    counted = outcome.draws[1:] @ of.sum(axis=0)
    shares = (outcome.draws[1:] @ (held & of).sum(axis=0))[counted > 0] / counted[counted > 0]
    if not len(shares):
        return {"low": None, "high": None}
    low, high = np.percentile(shares, [2.5, 97.5])
    return {"low": float(low), "high": float(high)}


class AgainstFixed(NamedTuple):
    """The policy on a rung: the best fixed k there, both AURCs, how far behind, and the 90 % interval of that."""

    rung_db: float
    best: str
    fixed: float
    ours: float
    excess: float
    low: float
    high: float


def _rungs_against_fixed(outcome: Outcome) -> list[AgainstFixed]:
    snr_db = outcome.queries.snr_db
    by_rung = {name: rung_aurc(one, snr_db, outcome.draws) for name, one in _compared(outcome)}
    ours = by_rung.pop("policy")
    rows = []
    for at, rung in enumerate(np.unique(snr_db)):
        best = min(by_rung, key=lambda name: by_rung[name][at, 0])
        fixed = by_rung[best][at]
        low, high = np.percentile((ours[at] - fixed)[1:], [5, 95])
        excess = float(ours[at, 0] - fixed[0])
        rows.append(AgainstFixed(float(rung), best, float(fixed[0]), float(ours[at, 0]), excess, low, high))
    return rows


def _against_fixed(outcome: Outcome) -> tuple[str, Floats]:
    """Return the best fixed k and the ratio of the policy's AURC to its, [1 + n_draws]."""
    by_name = {name: ladder_aurc(one, outcome.draws) for name, one in _compared(outcome)}
    ours = by_name.pop("policy")
    best = min(by_name, key=lambda name: by_name[name][0])
    return best, ours / by_name[best]


def _compared(outcome: Outcome) -> Iterator[tuple[str, Answers]]:
    return ((name, outcome.answers[name]) for name in (*(f"k = {k}" for k in FIXED_K), "policy"))


def _ways(outcome: Outcome) -> str:
    rows = []
    for name, one in outcome.answers.items():
        found = ladder_aurc(one, outcome.draws)
        low, high = np.percentile(found[1:], [5, 95])
        confidence, right = one.confidence[:, outcome.counted].ravel(), one.right[:, outcome.counted].ravel()
        kept = one.n_kept[:, outcome.counted].mean()
        cells = (
            f"{found[0]:.3f} ({low:.3f}–{high:.3f})",
            f"{right.mean():.3f}",
            f"{calibration_error(confidence, right):.3f}",
        )
        rows.append((name, *cells, f"{kept:.1f}"))
    return _table(("way to vote", "AURC (90 %)", "right", "ECE", "mean k"), rows)


def _rungs(outcome: Outcome) -> str:
    claims, right = outcome.claims, outcome.ours.right
    rows = []
    for row in _rungs_against_fixed(outcome):
        here = outcome.counted & (outcome.queries.snr_db == row.rung_db)
        claimed, voted = claims[:, here], right[:, here]
        rows.append(
            (
                f"{row.rung_db:g}",
                f"{row.fixed:.3f} ({row.best})",
                f"{row.ours:.3f}",
                f"{row.excess:+.3f} ({row.low:+.3f} to {row.high:+.3f})",
                f"{voted.mean():.2f}",
                f"{claimed.mean():.2f}",
                _share(voted[claimed]),
                _share(~voted[~claimed]),
            )
        )
    heads = (
        "dB",
        "best fixed k",
        "policy",
        "difference (90 %)",
        "right",
        "claims",
        "claims right",
        "abstentions right",
    )
    return _table(heads, rows)


def _sizes(outcome: Outcome) -> str:
    rows = []
    for size in dict.fromkeys(one.library.n_exemplars for one in outcome.trials):
        here = outcome.where(np.array([one.library.n_exemplars == size for one in outcome.trials]))
        best, ratio = _against_fixed(here)
        low, high = np.percentile(ratio[1:], [5, 95])
        ours = ladder_aurc(here.ours, here.draws[:1])[0]
        rows.append(
            (
                "all" if size is None else f"{size}",
                f"{ours / ratio[0]:.3f} ({best})",
                f"{ours:.3f}",
                f"{ratio[0]:.3f} ({low:.3f}–{high:.3f})",
            )
        )
    return _table(("exemplars a label", "best fixed k", "policy", "ratio (90 %)"), rows)


def _measured(outcome: Outcome) -> str:
    rows = [
        (f"{row.rung_db:g}", f"{row.n}", f"{row.measured_share:.2f}", *map(_signed, row[3:]))
        for row in bias(outcome.queries)
    ]
    return _table(("dB", "clips", "measured", "median error dB", "10 %", "90 %"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _share(of: npt.NDArray[np.bool_]) -> str:
    return f"{of.mean():.2f}" if of.size else "none"


def _signed(error: float | None) -> str:
    return "none" if error is None else f"{error:+.1f}"


def _n(outcome: Outcome) -> int:
    return int(outcome.counted.sum()) * len(outcome.trials)
