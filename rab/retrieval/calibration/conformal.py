"""Near: from which cosine a stored call counts as similar, learned from labelled calls, SNR by SNR.

A labelled call should find a namesake in another recording. How near the nearest one lies is its conformity. Split
conformal prediction (Vovk et al. 2005; Angelopoulos and Bates 2021, arXiv 2107.07511) turns such similarities into a
threshold that a new call reaches with the chosen probability, whatever their distribution; done band by band (Mondrian)
it holds in each, since a faint call lies farther from its like than a clear one.

What is exchangeable is recordings, not calls: twenty calls of one bird are no twenty witnesses. So each recording
weighs the same however many calls it has, and one recording's weight lies on the unknown next one (Lee, Barber and
Willett 2023, arXiv 2306.06342). Below 1/α − 1 recordings there is no threshold.

The guarantee is about known names alone. A low threshold lets strangers through, so their share is measured beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rab.domain.calibration import NearThreshold
from rab.retrieval.calibration.curves import Floats, Ints, Masks
from rab.retrieval.calibration.proof import N_DRAWS, folds, redrawn

_BLOCK = 512


@dataclass(frozen=True, eq=False)
class NearestCalls:
    """n labelled calls: how near the nearest namesake and the nearest stranger of another recording lie."""

    namesake: Floats
    """Cosine; NaN where no other recording holds the name."""
    stranger: Floats
    """Cosine to the nearest call of another name; NaN where there is none."""
    snr_db: Floats
    """NaN where not measured."""
    groups: Ints


def nearest_calls(
    vectors: npt.NDArray[np.float32], taxa: Ints, groups: Ints, snr_db: Floats, *, apart: Ints | None = None
) -> NearestCalls:
    """Measure unit vectors [n, dim] of calls of taxa [n] and recordings [n]; calls of one recording never meet.

    `apart` tells coarser groups that never meet either, such as recordists.
    """
    n = len(vectors)
    namesake, stranger = np.full(n, np.nan), np.full(n, np.nan)
    kept_apart = groups if apart is None else apart
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosines = (vectors[rows] @ vectors.T).astype(np.float64)
        other = kept_apart[rows, None] != kept_apart[None, :]
        same = taxa[rows, None] == taxa[None, :]
        for found, which in ((namesake, other & same), (stranger, other & ~same)):
            highest = np.where(which, cosines, -np.inf).max(axis=1)
            found[rows] = np.where(np.isfinite(highest), highest, np.nan)
    return NearestCalls(namesake, stranger, snr_db, groups)


def conformal_threshold(similarities: Floats, groups: Ints, miscoverage: float) -> float | None:
    """Return the cosine that a call of a new recording reaches with probability 1 − `miscoverage` or more.

    Recordings weigh the same. None where there are too few to promise it: fewer than 1/`miscoverage` − 1.
    """
    inverse = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(inverse) if len(groups) else np.zeros(0)
    n_groups = len(sizes)
    if n_groups == 0:
        return None
    order = np.argsort(-similarities, kind="stable")
    covered = np.cumsum(1 / sizes[inverse[order]]) / (n_groups + 1)
    enough = np.flatnonzero(covered >= 1 - miscoverage - 1e-12)
    return float(similarities[order[enough[0]]]) if len(enough) else None


def near_thresholds(
    calls: NearestCalls, edges_db: Sequence[float], *, miscoverage: float, least_recordings: int, seed: int
) -> tuple[NearThreshold, ...]:
    """Return the threshold of each band of SNR that has recordings enough, with its coverage on held-out recordings."""
    bounds = [None, *edges_db, None]
    found = []
    for low_db, high_db in pairwise(bounds):
        inside = np.isfinite(calls.namesake) & np.isfinite(calls.snr_db)
        inside &= calls.snr_db >= (-np.inf if low_db is None else low_db)
        inside &= calls.snr_db < (np.inf if high_db is None else high_db)
        one = _band(calls, inside, miscoverage, least_recordings, seed)
        if one is not None:
            found.append(one.model_copy(update={"snr_low_db": low_db, "snr_high_db": high_db}))
    return tuple(found)


def _band(
    calls: NearestCalls, inside: Masks, miscoverage: float, least_recordings: int, seed: int
) -> NearThreshold | None:
    groups = np.unique(calls.groups[inside], return_inverse=True)[1].astype(np.intp)
    n_recordings = len(np.unique(groups))
    namesake, stranger = calls.namesake[inside], calls.stranger[inside]
    threshold = conformal_threshold(namesake, groups, miscoverage)
    if threshold is None or n_recordings < least_recordings:
        return None
    covered = _held_out(namesake, groups, miscoverage, seed)
    weight = 1 / np.bincount(groups)[groups]
    times = redrawn(groups, N_DRAWS, seed) * weight
    low, high = np.quantile((times * covered).sum(axis=1) / times.sum(axis=1), [0.025, 0.975])
    return NearThreshold(
        snr_low_db=None,
        snr_high_db=None,
        similarity=np.floor(threshold * 1e4) / 1e4,
        n_calls=int(inside.sum()),
        n_recordings=n_recordings,
        coverage=float((weight * covered).sum() / weight.sum()),
        coverage_low=float(low),
        coverage_high=float(high),
        foreign_share=float((weight * (np.nan_to_num(stranger, nan=-1.0) >= threshold)).sum() / weight.sum()),
    )


def _held_out(similarities: Floats, groups: Ints, miscoverage: float, seed: int) -> Floats:
    """Return for each call whether it reaches the threshold of the folds that its recording is not in: 1 or 0, [n]."""
    dealt = folds(groups, np.ones(len(groups), dtype=bool), min(10, int(groups.max()) + 1), seed)
    covered = np.zeros(len(groups))
    for fold in range(int(dealt.max()) + 1):
        own = dealt == fold
        threshold = conformal_threshold(similarities[~own], groups[~own], miscoverage)
        covered[own] = 1.0 if threshold is None else similarities[own] >= threshold
    return covered
