"""Proof: how well probabilities hold on recordings that taught nothing about them.

Errors of one recording resemble each other: the same bird, the same rain. So folds are made of whole recordings, and
intervals draw recordings again, never single answers.

The expected calibration error is the mean distance between foretold and true shares over bins of equal mass. It is
never 0 for a finite number of answers: 20 answers of probability 0.5 lie 0.09 off on average, however true the 0.5. So
a bin holds at least 50 answers (2 bins at least, 10 at most), and what a perfect calibration would show stands beside.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rab.domain.calibration import HeldOutFit, ReliabilityBin
from rab.retrieval.calibration.curves import Floats, Ints, Masks

N_DRAWS = 200
_PER_BIN, _FEWEST_BINS, _MOST_BINS = 50, 2, 10
_LEAST = 1e-6


def folds(groups: Ints, right: Masks, n_folds: int, seed: int) -> Ints:
    """Deal groups [n] to folds, so that each gets about as many right and wrong answers; return the fold of each, [n].

    No group stands in two folds. Groups with right answers are dealt first, the larger ones before the smaller.
    """
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    n_right = np.bincount(groups, right, minlength=n_groups)
    n_all = np.bincount(groups, minlength=n_groups)
    shuffled = np.random.default_rng(seed).permutation(n_groups)
    order = sorted(shuffled.tolist(), key=lambda one: (-n_right[one], -n_all[one]))
    load = np.zeros((n_folds, 2))
    fold_of = np.zeros(n_groups, dtype=np.intp)
    for group in order:
        own = np.array([n_right[group], n_all[group] - n_right[group]])
        column = 0 if own[0] else 1
        fold = int(np.argmin(load[:, column] + 1e-6 * load.sum(axis=1)))
        fold_of[group], load[fold] = fold, load[fold] + own
    return fold_of[groups]


def redrawn(groups: Ints, n_draws: int, seed: int) -> Floats:
    """Return how often each answer counts when groups are drawn again with replacement: [n_draws, n]."""
    n_groups = int(groups.max()) + 1
    random = np.random.default_rng(seed)
    times = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)
    return times[:, groups].astype(np.float64)


def held_out_fit(probabilities: Floats, right: Masks, groups: Ints, *, seed: int) -> HeldOutFit:
    """Judge probabilities [n] of answers [n] that came from groups [n]."""
    bins = _bins(probabilities)
    times = redrawn(groups, N_DRAWS, seed)
    eces, shares = _eces(probabilities, right.astype(np.float64), bins, times)
    own, own_shares = _eces(probabilities, right.astype(np.float64), bins, np.ones((1, len(right))))
    p = np.clip(probabilities, _LEAST, 1 - _LEAST)
    low, high = np.quantile(eces, [0.025, 0.975])
    return HeldOutFit(
        ece=float(own[0]),
        ece_low=float(low),
        ece_high=float(high),
        ece_if_perfect=_if_perfect(probabilities, bins, seed),
        brier=float(np.mean((probabilities - right) ** 2)),
        log_loss=float(-np.mean(np.where(right, np.log(p), np.log1p(-p)))),
        bins=tuple(_reliability(probabilities, bins, own_shares[0], shares)),
    )


def ece(probabilities: Floats, right: Masks) -> float:
    """Return the expected calibration error over bins of equal mass."""
    found, _ = _eces(probabilities, right.astype(np.float64), _bins(probabilities), np.ones((1, len(right))))
    return float(found[0])


def log_losses(probabilities: Floats, right: Masks) -> Floats:
    """Return the negative natural logarithm of the probability given to what was true, [n]."""
    p = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return np.asarray(-np.where(right, np.log(p), np.log1p(-p)))


def repetition(residuals: Floats, groups: Ints) -> float:
    """Return how much answers of one group repeat each other, 0 to 1: the intraclass correlation of their residuals.

    By the one-way analysis of variance; below 0 counts as 0. 1 where a single group, or no spread, leaves it unknown.
    """
    inverse = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(inverse)
    n, k = len(groups), len(sizes)
    if k < 2 or not residuals.any():
        return 1.0
    if n == k:
        return 0.0
    means = np.bincount(inverse, residuals) / sizes
    between = float((sizes * (means - residuals.mean()) ** 2).sum()) / (k - 1)
    within = float(((residuals - means[inverse]) ** 2).sum()) / (n - k)
    typical = (n - float((sizes**2).sum()) / n) / (k - 1)
    total = between + (typical - 1) * within
    return max(0.0, (between - within) / total) if total > 0 else 1.0


def design_effect(groups: Ints, repeated: float) -> float:
    """Return for how many answers each counts: 1 + (m − 1) · repetition, m the size of a group as its members meet it.

    n answers in groups weigh as much as n / design effect that stand alone (Kish 1965).
    """
    sizes = np.bincount(groups)
    return 1 + (float((sizes**2).sum() / len(groups)) - 1) * repeated


def _bins(probabilities: Floats) -> Ints:
    """Return the bin of each answer, [n]: bins of equal mass, ties in the order given."""
    n = len(probabilities)
    n_bins = min(_MOST_BINS, max(_FEWEST_BINS, n // _PER_BIN))
    bins = np.empty(n, dtype=np.intp)
    for number, some in enumerate(np.array_split(np.argsort(probabilities, kind="stable"), n_bins)):
        bins[some] = number
    return bins


def _eces(probabilities: Floats, right: Floats, bins: Ints, times: Floats) -> tuple[Floats, Floats]:
    """Return the error [n_draws] and the share right in each bin [n_draws, n_bins]."""
    member = np.eye(int(bins.max()) + 1)[bins]
    mass = times @ member
    safe = np.maximum(mass, 1e-12)
    shares, foretold = (times * right) @ member / safe, (times * probabilities) @ member / safe
    return (mass * np.abs(shares - foretold)).sum(axis=1) / mass.sum(axis=1), np.where(mass > 0, shares, np.nan)


def _if_perfect(probabilities: Floats, bins: Ints, seed: int) -> float:
    random = np.random.default_rng(seed)
    member = np.eye(int(bins.max()) + 1)[bins]
    drawn = random.random((N_DRAWS, len(probabilities))) < probabilities
    gaps = np.abs((drawn - probabilities) @ member).sum(axis=1) / len(probabilities)
    return float(gaps.mean())


def _reliability(
    probabilities: Floats, bins: Ints, own: Floats, drawn: npt.NDArray[np.float64]
) -> Sequence[ReliabilityBin]:
    found = []
    for number in range(int(bins.max()) + 1):
        mine = bins == number
        low, high = np.nanquantile(drawn[:, number], [0.025, 0.975])
        found.append(
            ReliabilityBin(
                n=int(mine.sum()),
                mean_probability=float(probabilities[mine].mean()),
                share_right=float(own[number]),
                low=min(float(low), float(own[number])),
                high=max(float(high), float(own[number])),
            )
        )
    return found
