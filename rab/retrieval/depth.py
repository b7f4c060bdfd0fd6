"""Depth: how many neighbours are asked, how much each counts, and when their word is no claim.

The plan was: more neighbours for a faint call, fewer for a clear one. The `depth` suite (labelled calls in real noise
from −20 to 30 dB in their own band; libraries of 3 exemplars a label and more, half of them noisy, a third of the
labels missing) says that depth matters less than weight. All figures are areas under the risk-coverage curve, averaged
over 30 libraries; lower is better.

- The best fixed k of a vote weighted by similarity⁴ is 30 in libraries of 3 exemplars a label, 50 at 5, 10 at 10 and 5
  from 20 on. Neighbours that count by exp(β·(similarity − best)), β = 8·n^0.3 for n exemplars a label, are as good as
  the best of these everywhere: a kernel's width shrinks with the size of its sample. Then k is nearly indifferent from
  12 to 20 (.331 to .333; the best fixed k for all libraries, 10, has .343).
- The SNR that is measured knows little below 5 dB, where noise that stands out is taken for the call. Depth that grows
  from 15 to 25 as it falls made the vote worse (.336), and confidence that rises with it made it worse still (.340). So
  depth follows it gently, and β falls to 0.7 of itself for faint calls, of whom no neighbour is much the nearest.
- A neighbour that is fainter than the query counts less, 0.55 of its weight at 40 dB (.333 against .334). Preferring
  comparable quality at low SNR alone made it worse.
- Cutting at the largest gap made an unweighted vote worse. What is cut is what no longer weighs.
- The share that the leading label holds, with one unknown witness on the other side, is calibrated into a confidence,
  which decides whether a claim is supported. From 0.7 on, nine in ten are right. The floor of SNR adds little to that:
  it stands because nothing proves the estimator below 0 dB, not because votes there were worse than they said.
"""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from rab.domain import DepthDecision, SignalQuality
from rab.domain.value import Fraction, Value

Weights = npt.NDArray[np.float64]


class DepthPolicy(Value):
    """How many neighbours are asked and how they count. k never falls as the signal gets worse."""

    k_clear: int = Field(default=12, ge=1)
    """Neighbours for a call at or above `clear_db`."""
    k_faint: int = Field(default=16, ge=1)
    """Neighbours for a call at or below `faint_db`, or without a measured SNR."""
    k_max: int = Field(default=20, ge=1, le=64)
    clear_db: float = 20.0
    faint_db: float = 5.0
    floor_db: float = 0.0
    """Below this SNR, or without one, species-level claims are not supported: the estimator is proven from 0 dB up."""
    overlap_step: int = Field(default=3, ge=0)
    """Neighbours added when several sources sound during all of the call; in proportion when during part of it."""
    clipping_step: int = Field(default=2, ge=0)
    """Neighbours added when more than `clipping_fraction` of the samples are clipped."""
    clipping_fraction: float = 0.01
    sharpness: float = Field(default=8.0, gt=0)
    """β of a library with one exemplar a label; it grows as n to the power of `sharpness_growth`."""
    sharpness_growth: float = Field(default=0.3, ge=0)
    faint_sharpness: float = Field(default=0.7, gt=0, le=1)
    """By which β is multiplied at or below `faint_db`; between there and `clear_db` it is linear in the SNR."""
    usual_exemplars: float = Field(default=10.0, ge=1)
    """Exemplars of a typical label, where nobody counted them."""
    most_exemplars: float = Field(default=30.0, ge=1)
    """More sharpen no further: nothing was measured there."""
    fainter_per_db: float = Field(default=0.015, ge=0)
    """By how much the logarithm of a neighbour's weight falls for each dB that it is fainter than the query."""
    most_fainter_db: float = Field(default=40.0, ge=0)
    least_weight: float = Field(default=0.1, ge=0, lt=1)
    """Of the best neighbour's weight: what weighs less is cut."""
    least_kept: int = Field(default=3, ge=1)
    """Neighbours that are kept whatever they weigh; fewer support no claim."""
    unknown_witnesses: float = Field(default=1.0, ge=0)
    """Weight on the side of no label, in units of the best neighbour's: what a library that knows more might say."""
    calibration: tuple[float, float, float] = (2.3, 1.65, -0.49)
    """Log odds that the leading label is right: intercept, slope on the log odds of its share, and on ln n, the
    exemplars of a typical label. Fitted on all rungs together: of clear calls alone, more are right than it says."""
    claim_at: Fraction = 0.7
    """Least confidence at which a species-level claim is supported."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.clear_db <= self.faint_db or self.k_clear > self.k_faint:
            raise ValueError(
                "depth grows from a clear signal to a faint one: clear_db above faint_db, k_clear to k_faint"
            )
        return self


class Vote(Value):
    """What the neighbours that were kept say together."""

    label: str | None
    """The leading label; None where no neighbour has one."""
    share: Fraction
    """Of all weights, those of unlabelled neighbours and unknown witnesses included, that the leading label holds."""
    confidence: Fraction
    """Calibrated: the share of such votes that were right on labelled recordings."""
    n_kept: int


def depth(quality: SignalQuality, policy: DepthPolicy) -> DepthDecision:
    """Return how many neighbours `quality` asks for, and why, in words that a pack carries."""
    k, reasons = _depth_of_snr(quality, policy)
    k_snr = k
    if quality.overlap_fraction > 0 and (step := math.ceil(policy.overlap_step * quality.overlap_fraction)):
        k += step
        reasons.append(f"k +{step}: overlap {quality.overlap_fraction:.2f}")
    if quality.clipped_fraction > policy.clipping_fraction:
        k += policy.clipping_step
        reasons.append(f"k +{policy.clipping_step}: clipped {100 * quality.clipped_fraction:.1f} %")
    ceiling = max(policy.k_max, k_snr)
    if k > ceiling:
        k = ceiling
        reasons.append(f"k limited to {ceiling}")
    supported = quality.snr_db is not None and quality.snr_db >= policy.floor_db
    if not supported:
        reasons.append("species-level claims not supported: " + _below_floor(quality, policy))
    return DepthDecision(
        k=k,
        k_base=policy.k_clear,
        species_claims_supported=supported,
        unsupported_by=None if supported else "signal",
        reasons=tuple(reasons),
    )


def weights(
    similarities: Sequence[float],
    snr_db: Sequence[float | None],
    query_snr_db: float | None,
    policy: DepthPolicy,
    *,
    n_exemplars: float | None = None,
) -> Weights:
    """Return how much each neighbour counts, float64 [n], 1 for the one that counts most.

    `snr_db` are the neighbours' own; one that is not measured is taken for no fainter than the query. `n_exemplars` is
    how many exemplars a typical label has in the library: the median over labels.
    """
    if len(similarities) == 0:
        return np.zeros(0)
    flatter = 1 - (1 - policy.faint_sharpness) * _faintness(query_snr_db, policy)
    beta = policy.sharpness * _exemplars(n_exemplars, policy) ** policy.sharpness_growth * flatter
    exponents = beta * np.asarray(similarities, dtype=np.float64)
    if query_snr_db is not None:
        own = np.array([query_snr_db if one is None else one for one in snr_db], dtype=np.float64)
        exponents -= policy.fainter_per_db * np.clip(query_snr_db - own, 0, policy.most_fainter_db)
    return np.asarray(np.exp(exponents - exponents.max()))


def order(weighed: Weights) -> npt.NDArray[np.intp]:
    """Return the places of the neighbours, the one that counts most first; equal ones stay as they are."""
    return np.argsort(-weighed, kind="stable")


def cut(weighed: Weights, k: int, policy: DepthPolicy) -> int:
    """Return how many of the first k neighbours, in order of their weights [n], still weigh enough to be kept."""
    ordered = np.sort(weighed)[::-1][:k]
    return max(int(np.count_nonzero(ordered >= policy.least_weight)), min(policy.least_kept, len(ordered)))


def vote(
    labels: Sequence[str | None], weighed: Weights, policy: DepthPolicy, *, n_exemplars: float | None = None
) -> Vote:
    """Count the kept neighbours' labels by their weights; None is no label, and weighs against every other.

    `n_exemplars` is as in `weights`.
    """
    sums: dict[str, float] = {}
    for label, weight in zip(labels, weighed.tolist(), strict=True):
        if label is not None:
            sums[label] = sums.get(label, 0.0) + weight
    if not sums:
        return Vote(label=None, share=0.0, confidence=0.0, n_kept=len(labels))
    leading = max(sums, key=lambda label: sums[label])
    share = sums[leading] / (float(weighed.sum()) + policy.unknown_witnesses)
    return Vote(label=leading, share=share, confidence=_confidence(share, n_exemplars, policy), n_kept=len(labels))


def settled(decision: DepthDecision, similarities: Sequence[float], voted: Vote, policy: DepthPolicy) -> DepthDecision:
    """Return the decision after the search: what was cut, and whether the vote supports a species-level claim.

    `similarities` are those of the neighbours found, in the order in which they were kept.
    """
    reasons = list(decision.reasons)
    if voted.n_kept < len(similarities):
        nearest, left = max(similarities), max(similarities[voted.n_kept :])
        reasons.append(
            f"cut at {voted.n_kept} of {len(similarities)}: the others (similarity {left:.2f} at most, the nearest has "
            f"{nearest:.2f}) weigh less than {policy.least_weight:g} of the weightiest"
        )
    against = _against(voted, policy)
    supported = decision.species_claims_supported and against is None
    if decision.species_claims_supported and against is not None:
        reasons.append(f"species-level claims not supported: {against}")
    return decision.model_copy(
        update={
            "n_kept": voted.n_kept,
            "confidence": voted.confidence,
            "species_claims_supported": supported,
            "unsupported_by": decision.unsupported_by or (None if supported else "vote"),
            "reasons": tuple(reasons),
        }
    )


def _against(voted: Vote, policy: DepthPolicy) -> str | None:
    """Return what speaks against a claim; None where nothing does."""
    if voted.label is None:
        return "no neighbour is labelled"
    if voted.n_kept < policy.least_kept:
        return f"{voted.n_kept} of at least {policy.least_kept} neighbours"
    if voted.confidence < policy.claim_at:
        return (
            f"{voted.label} holds {voted.share:.2f} of the neighbours' weight, as much is right "
            f"{100 * voted.confidence:.0f} times in 100, below {100 * policy.claim_at:.0f}"
        )
    return None


def _confidence(share: float, n_exemplars: float | None, policy: DepthPolicy) -> float:
    intercept, per_share, per_size = policy.calibration
    bounded = min(max(share, 0.01), 0.99)
    log_odds = intercept + per_share * math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-log_odds - per_size * math.log(_exemplars(n_exemplars, policy))))


def _exemplars(n: float | None, policy: DepthPolicy) -> float:
    return min(max(n or policy.usual_exemplars, 1.0), policy.most_exemplars)


def _depth_of_snr(quality: SignalQuality, policy: DepthPolicy) -> tuple[int, list[str]]:
    if quality.snr_db is None:
        return policy.k_faint, [f"k {policy.k_clear} → {policy.k_faint}: SNR not measured ({_why(quality)})"]
    k = policy.k_clear + math.ceil(_faintness(quality.snr_db, policy) * (policy.k_faint - policy.k_clear))
    if k == policy.k_clear:
        return k, [f"k {k}: SNR {quality.snr_db:.1f} dB"]
    return k, [f"k {policy.k_clear} → {k}: SNR {quality.snr_db:.1f} dB"]


def _faintness(snr_db: float | None, policy: DepthPolicy) -> float:
    """Return 0 for a clear call, 1 for a faint one or one that is not measured."""
    if snr_db is None:
        return 1.0
    return min(1.0, max(0.0, (policy.clear_db - snr_db) / (policy.clear_db - policy.faint_db)))


def _below_floor(quality: SignalQuality, policy: DepthPolicy) -> str:
    if quality.snr_db is None:
        return f"SNR not measured ({_why(quality)})"
    return f"SNR {quality.snr_db:.1f} dB below {policy.floor_db:.1f} dB"


def _why(quality: SignalQuality) -> str:
    return (quality.snr_unmeasured or "unknown").replace("_", " ")
