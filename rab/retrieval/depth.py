"""Depth: how many neighbours to ask for, given how well the query can be heard.

A clear call needs few witnesses; a faint one is better judged by more of them, and a call below the noise supports no
statement about species at all. The ends of the range were measured on 198 windows of ten North American species, with
the query's recordist left out and rain or sea noise added (BirdNET V2.4, cosine, votes weighted by similarity⁴): the
area under the risk-coverage curve was least at k = 3 for clean calls and at 10 dB, at 5 for 0 dB, at 10 from −5 dB.
Those are SNRs over the full band; ours are in the call's own band, and read higher for the same sound. How much so
depends on the call, so where depth begins to grow (20 dB) and ends (0 dB) is set, not measured: between the two, k is
linear in the SNR, rounded up. All of it is provisional until an evaluation fits it.
"""

import math
from typing import Self

from pydantic import Field, model_validator

from rab.domain import DepthDecision, SignalQuality
from rab.domain.value import Value


class DepthPolicy(Value):
    """How depth follows signal quality. k never falls as the signal gets worse."""

    k_clear: int = Field(default=3, ge=1)
    """Neighbours for a call at or above `clear_db`."""
    k_faint: int = Field(default=10, ge=1)
    """Neighbours for a call at or below `faint_db`, or without a measured SNR."""
    k_max: int = Field(default=15, ge=1, le=64)
    clear_db: float = 20.0
    faint_db: float = 0.0
    floor_db: float = 0.0
    """Below this SNR, or without one, species-level claims are not supported: the estimator is proven from 0 dB up."""
    overlap_step: int = Field(default=3, ge=0)
    """Neighbours added when several sources sound during all of the call; in proportion when during part of it."""
    clipping_step: int = Field(default=2, ge=0)
    """Neighbours added when more than `clipping_fraction` of the samples are clipped."""
    clipping_fraction: float = 0.01

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.clear_db <= self.faint_db or self.k_clear > self.k_faint:
            raise ValueError(
                "depth grows from a clear signal to a faint one: clear_db above faint_db, k_clear to k_faint"
            )
        return self


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
    return DepthDecision(k=k, k_base=policy.k_clear, species_claims_supported=supported, reasons=tuple(reasons))


def _depth_of_snr(quality: SignalQuality, policy: DepthPolicy) -> tuple[int, list[str]]:
    if quality.snr_db is None:
        return policy.k_faint, [f"k {policy.k_clear} → {policy.k_faint}: SNR not measured ({_why(quality)})"]
    span_db = policy.clear_db - policy.faint_db
    faintness = min(1.0, max(0.0, (policy.clear_db - quality.snr_db) / span_db))
    k = policy.k_clear + math.ceil(faintness * (policy.k_faint - policy.k_clear))
    if k == policy.k_clear:
        return k, [f"k {k}: SNR {quality.snr_db:.1f} dB"]
    return k, [f"k {policy.k_clear} → {k}: SNR {quality.snr_db:.1f} dB"]


def _below_floor(quality: SignalQuality, policy: DepthPolicy) -> str:
    if quality.snr_db is None:
        return f"SNR not measured ({_why(quality)})"
    return f"SNR {quality.snr_db:.1f} dB below {policy.floor_db:.1f} dB"


def _why(quality: SignalQuality) -> str:
    return (quality.snr_unmeasured or "unknown").replace("_", " ")
