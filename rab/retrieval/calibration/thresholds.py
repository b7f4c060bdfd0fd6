"""Thresholds for a precision: from which raw score a share of the answers is right, with 95 % confidence.

The lower bound is Clopper and Pearson's (1934), of as many answers as the labels count for: answers of one recording
resemble each other, so n answers count for n / design effect, as surveys do it (Korn and Graubard 1998). The smallest
score of a fixed ladder whose bound reaches the precision is taken. That is a search among 48 scores, each tested at
95 %; since they share most of their answers, little is lost: of 3,600 simulated libraries of 120 to 600 labels, with
errors that recordings share and without, 2,372 had a threshold, and in 77 the true precision there lay below the one
asked for.
"""

from collections.abc import Sequence

import numpy as np

from rab.domain.calibration import PrecisionThreshold
from rab.retrieval.calibration.curves import Floats, Ints, Masks
from rab.retrieval.calibration.proof import design_effect, repetition

LADDER = tuple(round(0.01 * step, 2) for step in range(5, 100, 2))
"""Raw scores that are tried: 0.05, 0.07 … 0.99."""
_CONFIDENCE = 0.95
_NEAREST_IN_SCORE = 20


def precision_threshold(
    raw_scores: Floats, right: Masks, groups: Ints, precision: float, *, n_missed: int = 0, least: float = 0.0
) -> PrecisionThreshold | None:
    """Return the smallest raw score of the ladder whose lower bound of precision reaches `precision`; None without one.

    `n_missed` positives have no score and count against the recall. Scores below `least` are not tried.
    """
    repeated = repetition(_unexplained(raw_scores, right), groups)
    n_held = int(right.sum()) + n_missed
    for raw_score in LADDER:
        reached = raw_scores >= raw_score
        if raw_score < least or not reached.any():
            continue
        found = _at(raw_score, right[reached], groups[reached], precision, repeated)
        if found.low >= precision:
            return found.model_copy(update={"recall": round(float(right[reached].sum()) / n_held, 4)})
    return None


def held_out_precision(
    raw_scores: Floats, right: Masks, groups: Ints, folds: Ints, precision: float, *, least: float = 0.0
) -> float | None:
    """Return the share right among answers that reach a threshold which their own fold had no part in choosing."""
    reached = np.zeros(len(right), dtype=bool)
    for fold in range(int(folds.max()) + 1):
        own = folds == fold
        chosen = precision_threshold(raw_scores[~own], right[~own], groups[~own], precision, least=least)
        if chosen is not None:
            reached[own] = raw_scores[own] >= chosen.raw_score
    return float(right[reached].mean()) if reached.any() else None


def lower_bound(n_right: float, n: float) -> float:
    """Return Clopper and Pearson's lower 95 % bound (one-sided) of a share; counts may be broken numbers."""
    from scipy.special import betaincinv

    return 0.0 if n_right <= 0 else float(betaincinv(n_right, n - n_right + 1, 1 - _CONFIDENCE))


def thresholds(
    raw_scores: Floats,
    right: Masks,
    groups: Ints,
    folds: Ints,
    precisions: Sequence[float],
    *,
    n_missed: int = 0,
    least: float = 0.0,
) -> tuple[PrecisionThreshold, ...]:
    """Return the threshold of each precision that has one, with its precision on recordings held out."""
    found = []
    for precision in precisions:
        one = precision_threshold(raw_scores, right, groups, precision, n_missed=n_missed, least=least)
        if one is not None:
            held = held_out_precision(raw_scores, right, groups, folds, precision, least=least)
            found.append(one.model_copy(update={"held_out_precision": None if held is None else round(held, 4)}))
    return tuple(found)


def _at(raw_score: float, right: Masks, groups: Ints, precision: float, repeated: float) -> PrecisionThreshold:
    """Judge the answers that reach a raw score."""
    share = float(right.mean())
    n_effective = len(right) / design_effect(groups, repeated)
    return PrecisionThreshold(
        precision=precision,
        raw_score=raw_score,
        low=lower_bound(share * n_effective, n_effective),
        share_right=share,
        n=len(right),
        n_recordings=len(np.unique(groups)),
        n_effective=n_effective,
        recall=0.0,
    )


def _unexplained(raw_scores: Floats, right: Masks) -> Floats:
    """Return what a score leaves unexplained: answers less the share right among those nearest in score, [n]."""
    order = np.argsort(raw_scores, kind="stable")
    window = np.ones(min(len(order), _NEAREST_IN_SCORE))
    near = np.convolve(right[order].astype(np.float64), window, "same") / np.convolve(
        np.ones(len(order)), window, "same"
    )
    residuals = np.empty(len(order))
    residuals[order] = right[order] - near
    return residuals
