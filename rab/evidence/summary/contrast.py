"""Contrast: whether a taxon is detected more often on one side than on the other, with recorder-days as units.

Sides never listen alike: one has more hours, or other hours. So a recorder-day is not judged by its count but by its
count beside the one expected of it, had both sides been one: the effort that it has in each hour of the clock, times
the detections per hour of effort in that hour over both (indirect standardisation, as for mortality among regions of
unlike age). Only hours in which both sides listened are compared.

Days are compared within strata: the same date at two places, or the same site in two intervals, so that weather and
place cannot pass for a difference. Ratios of counted to expected are pooled over strata as Mantel and Haenszel (1959)
pool rates. Chance is told by giving the days of each stratum to the two sides anew: all ways where there are few, else
a random sample of them (p counts the way that was observed, Phipson & Smyth 2010). Over the taxa, p is corrected after
Holm (1979), which needs no assumption of independence. The interval comes from days drawn again with replacement.

What is assumed: that days of a stratum could have been exchanged. Neighbouring days are alike, so between two intervals
p is rather too small; between two places on the same dates it is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import comb, prod

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.value import Value

Floats = npt.NDArray[np.float64]
P_MAX = 0.05
"""Corrected p up to which a difference is told. No policy: who writes the sentences must go by the same."""
_BLOCK = 500


class ContrastPolicy(Value):
    """From how much on two sides are compared, and how."""

    min_days: int = Field(default=5, ge=2)
    """Recorder-days that each side needs."""
    min_taxon_days: int = Field(default=3, ge=1)
    """Recorder-days with a detection, of both sides together, from which a taxon is tested."""
    n_permutations: int = Field(default=4999, ge=99)
    n_bootstraps: int = Field(default=1999, ge=99)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Days:
    """Recorder-days of both sides: whose they are, their stratum, effort and detections by hour of the clock."""

    is_ours: npt.NDArray[np.bool_]
    """[n_days]"""
    stratum: npt.NDArray[np.int64]
    """[n_days]"""
    effort_h: Floats
    """Hours of effort, [n_days, n_hours]."""
    counts: Floats
    """Detections, [n_taxa, n_days, n_hours]."""


@dataclass(frozen=True)
class Contrast:
    """One taxon on two sides: detections per hour of effort as if both had listened alike, and how far they differ."""

    rate: float
    other_rate: float
    low: float
    """Lower end of the 95 % interval of the difference of the rates."""
    high: float
    p_value: float
    p_corrected: float

    @property
    def difference(self) -> float:
        """Our rate less the other."""
        return self.rate - self.other_rate


def contrasts(days: Days, policy: ContrastPolicy) -> list[Contrast]:
    """Compare every taxon. Each stratum must have days of both sides."""
    n_hours = np.maximum(days.effort_h.sum(axis=0), 1e-12)
    rate_of_hour = days.counts.sum(axis=1) / n_hours
    counted = days.counts.sum(axis=2).T
    expected = days.effort_h @ rate_of_hour.T
    overall = counted.sum(axis=0) / days.effort_h.sum()
    strata = [np.flatnonzero(days.stratum == one) for one in np.unique(days.stratum)]
    random = np.random.default_rng(policy.seed)
    ours = days.is_ours[None].astype(float)
    rate, other = (overall * side[0] for side in _ratios(ours, 1 - ours, counted, expected, strata))
    n_reached, n_ways, exact = np.zeros(counted.shape[1]), 0, _n_ways(days, strata) <= policy.n_permutations
    for sides in _arrangements(days, strata, policy, random, exact=exact):
        first, second = _ratios(sides, 1 - sides, counted, expected, strata)
        n_reached += (np.abs(overall * (first - second)) >= np.abs(rate - other) * (1 - 1e-9)).sum(axis=0)
        n_ways += len(sides)
    p_values = n_reached / n_ways if exact else (1 + n_reached) / (1 + n_ways)
    low, high = _intervals(days, counted, expected, strata, policy, random)
    corrected = holm(p_values)
    figures = zip(rate, other, overall * low, overall * high, p_values, corrected, strict=True)
    return [Contrast(*map(float, one)) for one in figures]


def holm(p_values: Floats) -> Floats:
    """Return p-values corrected for their number (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = np.minimum(1.0, p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty_like(steps)
    corrected[order] = np.maximum.accumulate(steps)
    return corrected


def _ratios(
    ours: Floats, others: Floats, counted: Floats, expected: Floats, strata: list[npt.NDArray[np.intp]]
) -> tuple[Floats, Floats]:
    """Return counted over expected on both sides, pooled over strata, [n_ways, n_taxa]; weights [n_ways, n_days]."""
    sums = [np.zeros((len(ours), counted.shape[1])) for _ in range(3)]
    for own in strata:
        y1, y2 = ours[:, own] @ counted[own], others[:, own] @ counted[own]
        e1, e2 = ours[:, own] @ expected[own], others[:, own] @ expected[own]
        e = np.maximum(e1 + e2, 1e-300)
        for total, part in zip(sums, (y1 * e2 / e, y2 * e1 / e, e1 * e2 / e), strict=True):
            total += part
    weight = np.where(sums[2] > 0, sums[2], np.inf)
    return sums[0] / weight, sums[1] / weight


def _n_ways(days: Days, strata: list[npt.NDArray[np.intp]]) -> int:
    return prod(comb(len(own), int(days.is_ours[own].sum())) for own in strata)


def _arrangements(
    days: Days,
    strata: list[npt.NDArray[np.intp]],
    policy: ContrastPolicy,
    random: np.random.Generator,
    *,
    exact: bool,
) -> Iterator[Floats]:
    """Yield, a block at a time, which days are ours [n_ways, n_days]: every way, or a random sample."""
    if exact:
        choices = [list(combinations(own.tolist(), int(days.is_ours[own].sum()))) for own in strata]
        ways = product(*choices)
        while some := list(islice(ways, _BLOCK)):
            sides = np.zeros((len(some), len(days.is_ours)))
            for number, way in enumerate(some):
                sides[number, [day for chosen in way for day in chosen]] = 1
            yield sides
        return
    for first in range(0, policy.n_permutations, _BLOCK):
        n = min(_BLOCK, policy.n_permutations - first)
        sides = np.zeros((n, len(days.is_ours)))
        for own in strata:
            sides[:, own] = random.permuted(np.tile(days.is_ours[own].astype(float), (n, 1)), axis=1)
        yield sides


def _intervals(
    days: Days,
    counted: Floats,
    expected: Floats,
    strata: list[npt.NDArray[np.intp]],
    policy: ContrastPolicy,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return the 95 % interval of the difference of ratios, from days drawn again within stratum and side.

    Where a stratum holds one day of each side, whole strata are drawn.
    """
    paired = all(len(own) == 2 for own in strata)
    differences = []
    for first in range(0, policy.n_bootstraps, _BLOCK):
        n = min(_BLOCK, policy.n_bootstraps - first)
        weights = np.zeros((n, len(days.is_ours)))
        if paired:
            drawn = random.multinomial(len(strata), np.full(len(strata), 1 / len(strata)), size=n)
            for number, own in enumerate(strata):
                weights[:, own] = drawn[:, [number]]
        for own in () if paired else strata:
            for side in (own[days.is_ours[own]], own[~days.is_ours[own]]):
                weights[:, side] = random.multinomial(len(side), np.full(len(side), 1 / len(side)), size=n)
        ours = weights * days.is_ours
        one, two = _ratios(ours, weights - ours, counted, expected, strata)
        differences.append(one - two)
    low, high = np.quantile(np.concatenate(differences), (0.025, 0.975), axis=0)
    return low, high
