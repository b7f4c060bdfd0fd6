"""Intervals of an evaluation's figures: 95 %, by groups where windows share one.

Windows of one recording or recordist are not independent, so a bootstrap draws whole groups (Efron & Tibshirani 1993,
ch. 8.4). A share of independent trials has Wilson's interval (1927), which holds at 0 and 1 too. The difference of two
runs has the interval that their two intervals leave (Zou & Donner 2008, "MOVER"): too wide where both runs heard the
same recordings, so what it calls a change is one.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
N_DRAWS = 1000
_Z = 1.959964
"""Standard normal quantile of 0.975."""


class Bounds(NamedTuple):
    """The ends of a 95 % interval; both None where there are too few groups to draw from."""

    low: float | None
    high: float | None


UNKNOWN = Bounds(None, None)


def by_group(
    values: npt.ArrayLike,
    groups: Sequence[str],
    *,
    seed: int,
    reduce: Callable[[Floats], float] = lambda values: float(np.mean(values)),
) -> Bounds:
    """Return the interval of a statistic of values [n], drawing their groups again and again.

    Two groups are the least that can be drawn from; with fewer nothing is known.
    """
    found = np.asarray(values, dtype=np.float64)
    names, of_group = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2 or not np.isfinite(found).all():
        return UNKNOWN
    members = [np.flatnonzero(of_group == one) for one in range(len(names))]
    drawn = np.random.default_rng(seed).integers(len(names), size=(N_DRAWS, len(names)))
    reached = [reduce(found[np.concatenate([members[one] for one in draw])]) for draw in drawn]
    low, high = np.percentile(reached, [2.5, 97.5])
    return Bounds(float(low), float(high))


def of_picks(reduce: Callable[[npt.NDArray[np.intp]], float], groups: Sequence[str], *, seed: int) -> Bounds:
    """Return the interval of a statistic of rows, which `reduce` is given by number, drawing their groups again."""
    rows = np.arange(len(groups))
    return by_group(rows, groups, seed=seed, reduce=lambda values: reduce(values.astype(np.intp)))


def of_strata(values: Sequence[Floats], groups: Sequence[Sequence[str]], *, seed: int) -> Bounds:
    """Return the interval of the mean over strata of their means, drawing groups within each stratum.

    A stratum of one group counts as it is: nothing is known of how it would vary.
    """
    random = np.random.default_rng(seed)
    drawn_means = []
    for own, names in zip(values, groups, strict=True):
        _, of_group = np.unique(np.asarray(names), return_inverse=True)
        sums, counts = np.bincount(of_group, own), np.bincount(of_group)
        drawn = random.integers(len(sums), size=(N_DRAWS, len(sums)))
        drawn_means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    if all(len(set(names)) < 2 for names in groups):
        return UNKNOWN
    low, high = np.percentile(np.mean(drawn_means, axis=0), [2.5, 97.5])
    return Bounds(float(low), float(high))


def of_share(n_of: int, n: int) -> Bounds:
    """Return Wilson's interval of a share, `n_of` of `n` independent trials."""
    if n == 0:
        return UNKNOWN
    share = n_of / n
    centre = share + _Z**2 / (2 * n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return Bounds(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def of_difference(before: tuple[float, Bounds], after: tuple[float, Bounds]) -> Bounds:
    """Return the interval of `after` less `before`, each a value with its interval."""
    (was, (was_low, was_high)), (now, (now_low, now_high)) = before, after
    if was_low is None or was_high is None or now_low is None or now_high is None:
        return UNKNOWN
    change = now - was
    return Bounds(
        change - math.hypot(now - now_low, was_high - was), change + math.hypot(now_high - now, was - was_low)
    )
