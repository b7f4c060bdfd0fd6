"""Bouts: where a run of calls ends, told by the gaps themselves.

Gaps within bouts and gaps between them are two processes. On the log-survivor curve they show as a broken stick
(Slater & Lester 1982, Behaviour 79:153–161); here a mixture of two exponentials is fitted by maximum likelihood
(Langton, Collett & Sibly 1995, Behaviour 132:781–799), and the criterion is the gap at which a gap is as likely of
one kind as of the other (Sibly, Nott & Fletcher 1990, Animal Behaviour 39:63–69). Segments that overlap or touch have
a gap of 0.

Where there are fewer than 30 gaps, or the mixture is no better than one exponential by the Bayesian information
criterion, or its two means lie less than a factor of three apart, the gaps do not tell, and a fixed 10 s stands in:
three windows of BirdNET, so that one missed window ends no bout.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from pydantic import Field

from rab.domain.sequence import Bout, BoutCriterion
from rab.domain.value import Value
from rab.retrieval.sequences.edges import Sequences, Times, gaps_ms, links


class BoutPolicy(Value):
    """When gaps are believed, and what stands in where they are not."""

    fallback_gap_ms: float = Field(default=10_000.0, gt=0)
    min_gaps: int = Field(default=30, ge=4)
    min_ratio: float = Field(default=3.0, gt=1)


class _Mixture(NamedTuple):
    short_ms: float
    long_ms: float
    short_fraction: float
    log_likelihood: float


def bout_criterion(sequences: Sequences, policy: BoutPolicy = BoutPolicy()) -> BoutCriterion:
    """Return the gap that ends a bout, from the gaps between the segments given (those with a symbol, not folded)."""
    return criterion_of_gaps(gaps_ms(sequences), policy)


def criterion_of_gaps(gaps: Times, policy: BoutPolicy = BoutPolicy()) -> BoutCriterion:
    """Return the same from gaps in ms; infinite ones do not count, negative ones count as 0."""
    found = np.maximum(gaps[np.isfinite(gaps)], 0.0)

    def fallback(why: str) -> BoutCriterion:
        return BoutCriterion(gap_ms=policy.fallback_gap_ms, method="fallback", reason=why, n_gaps=len(found))

    if len(found) < policy.min_gaps:
        counted = "1 gap is" if len(found) == 1 else f"{len(found)} gaps are"
        return fallback(f"{counted} fewer than the {policy.min_gaps} that a mixture needs")
    if np.count_nonzero(found) < policy.min_gaps / 3:
        return fallback(f"only {np.count_nonzero(found)} of {len(found)} gaps are longer than 0")
    fitted = _fit(found)
    alone = -len(found) * (np.log(found.mean()) + 1)
    if 2 * (fitted.log_likelihood - alone) <= 2 * np.log(len(found)):
        return fallback("two kinds of gaps explain them no better than one")
    if fitted.long_ms < policy.min_ratio * fitted.short_ms:
        return fallback(f"the two kinds of gaps lie less than a factor of {policy.min_ratio:g} apart")
    gap_ms = _equal_odds_ms(fitted)
    if gap_ms <= 0:
        return fallback("gaps between bouts outnumber those within them at every length")
    return BoutCriterion(
        gap_ms=gap_ms,
        method="mixture",
        reason="a mixture of two exponentials; a gap this long is as likely of either kind",
        n_gaps=len(found),
        short_gap_ms=fitted.short_ms,
        long_gap_ms=fitted.long_ms,
        short_fraction=fitted.short_fraction,
    )


def bouts(sequences: Sequences, gap_ms: float) -> list[Bout]:
    """Return the bouts of the steps given, in the order of recordings, voices and time."""
    if not len(sequences):
        return []
    cuts = np.flatnonzero(~links(sequences, gap_ms)) + 1
    edges = [0, *cuts.tolist(), len(sequences)]
    return [_bout(sequences, first, end) for first, end in pairwise(edges)]


def _bout(sequences: Sequences, first: int, end: int) -> Bout:
    channel = int(sequences.channel[first])
    return Bout(
        recording_id=sequences.recording_ids[sequences.recording[first]],
        channel=None if channel < 0 else channel,
        t0_ms=float(sequences.t0_ms[first]),
        t1_ms=float(sequences.t1_ms[first:end].max()),
        symbols=tuple(sequences.alphabet[i] for i in sequences.symbol[first:end]),
        segment_ids=tuple(sequences.segment_ids[first:end]),
    )


def _fit(gaps: Times) -> _Mixture:
    """Fit by expectation and maximisation. Windows give gaps in whole hops: no mean falls below half the least one."""
    values, counts = np.unique(gaps, return_counts=True)
    floor_ms = max(1.0, float(values[values > 0][0]) / 2)
    middle = float(np.median(gaps))
    short = max(floor_ms, float(gaps[gaps <= middle].mean()))
    long = max(2 * short, float(gaps[gaps >= middle].mean()))
    share, likelihood = 0.5, -np.inf
    for _ in range(500):
        of_short = np.log(share) - np.log(short) - values / short
        of_long = np.log1p(-share) - np.log(long) - values / long
        whole = np.logaddexp(of_short, of_long)
        before, likelihood = likelihood, float(counts @ whole)
        if likelihood - before < 1e-9 * abs(likelihood):
            break
        weight = counts * np.exp(of_short - whole)
        rest = counts - weight
        share = float(np.clip(weight.sum() / counts.sum(), 1e-6, 1 - 1e-6))
        short = max(floor_ms, float(weight @ values / max(weight.sum(), 1e-12)))
        long = max(floor_ms, float(rest @ values / max(rest.sum(), 1e-12)))
    if short > long:
        short, long, share = long, short, 1 - share
    return _Mixture(short, long, share, likelihood)


def _equal_odds_ms(fitted: _Mixture) -> float:
    odds = fitted.short_fraction * fitted.long_ms / ((1 - fitted.short_fraction) * fitted.short_ms)
    return float(np.log(odds) / (1 / fitted.short_ms - 1 / fitted.long_ms))
