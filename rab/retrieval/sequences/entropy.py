"""Entropy rate: how hard the next symbol is to foretell from those before it, in bits.

It is the entropy of blocks of k + 1 symbols less that of their first k. Counting alone underrates entropy, the more
so the longer the blocks: each is estimated after Grassberger (2003, arXiv physics/0307138), who corrects for the
expectation of n log n under Poisson counts; on 2,000 steps of chains of 8 symbols it is 0.5 % low at order 1 and 1.2
% at order 2, where counting is 1.4 % and 6.1 % low. The order is the greatest, up to two, whose blocks were seen ten
times each on average.

The interval comes from drawing recordings again, with replacement: steps of one recording are no independent
witnesses. Redrawing repeats what it draws, which lowers the entropy, so the interval is laid around the estimate by
the spread of the redrawn values about their own median. Fewer than five recordings are cut into bouts instead.
"""

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.sequence import EntropyRate
from rab.domain.value import Value
from rab.retrieval.sequences.edges import Mask, SequencePolicy, Sequences, Whole, links, steps

_ESTIMATOR = "Grassberger 2003, block entropies"


class EntropyPolicy(Value):
    """How far back is looked, and how often recordings are drawn again."""

    max_order: int = Field(default=2, ge=0, le=5)
    min_per_block: float = Field(default=10.0, gt=0)
    n_bootstrap: int = Field(default=200, ge=20)
    min_steps: int = Field(default=20, ge=2)
    seed: int = 0


def entropy_rate(
    sequences: Sequences,
    sequence_policy: SequencePolicy = SequencePolicy(),
    policy: EntropyPolicy = EntropyPolicy(),
    *,
    group: str | None = None,
) -> EntropyRate | None:
    """Return the entropy rate of the sequences given; None with fewer steps than the policy asks for."""
    own = steps(sequences, sequence_policy)
    if len(own) < policy.min_steps:
        return None
    linked = links(own, sequence_policy.max_gap_ms)
    blocks = [_Blocks(own, linked, order) for order in range(policy.max_order + 1)]
    order = max((k for k, one in enumerate(blocks) if k == 0 or one.n_per_block >= policy.min_per_block), default=0)
    by_order = tuple(round(max(0.0, one.bits(np.ones(len(own)))), 4) for one in blocks if one.n_blocks)
    unit = _units(own, linked)
    random = np.random.default_rng(policy.seed)
    n_units = int(unit[-1]) + 1
    redrawn = np.array(
        [
            blocks[order].bits(np.bincount(random.integers(n_units, size=n_units), minlength=n_units)[unit])
            for _ in range(policy.n_bootstrap)
        ]
    )
    low, middle, high = np.quantile(redrawn, (0.025, 0.5, 0.975))
    bits = by_order[order]
    return EntropyRate(
        group=group,
        bits=bits,
        low=round(max(0.0, bits + float(low - middle)), 4),
        high=round(bits + float(high - middle), 4),
        order=order,
        bits_by_order=by_order,
        n_steps=len(own),
        n_symbols=len(np.unique(own.symbol)),
        n_recordings=len(np.unique(own.recording)),
        estimator=_ESTIMATOR,
    )


def entropy_bits(counts: npt.NDArray[np.float64] | Whole) -> float:
    """Return the entropy in bits of whatever was counted [m], after Grassberger (2003)."""
    from scipy.special import digamma

    seen = np.asarray(counts, dtype=np.float64)
    seen = seen[seen > 0]
    n = seen.sum()
    if not n:
        return 0.0
    signs = 1.0 - 2.0 * (seen % 2)
    terms = digamma(seen) + 0.5 * signs * (digamma((seen + 1) / 2) - digamma(seen / 2))
    return float((np.log(n) - (seen * terms).sum() / n) / np.log(2))


class _Blocks:
    """Blocks of order + 1 symbols within bouts, and the first `order` symbols of each."""

    def __init__(self, own: Sequences, linked: Mask, order: int) -> None:
        n = len(own) - order
        joined = np.ones(max(n, 0), dtype=bool)
        for offset in range(order):
            joined &= linked[offset : offset + len(joined)]
        self._starts = np.flatnonzero(joined)
        known = np.zeros(len(self._starts), dtype=np.int64)
        n_known = 1
        for offset in range(order):
            known, n_known = _numbered(known * len(own.alphabet) + own.symbol[self._starts + offset])
        self._known, self._n_known = known, n_known
        codes = known * len(own.alphabet) + own.symbol[self._starts + order]
        self._whole, self.n_blocks = _numbered(codes)

    @property
    def n_per_block(self) -> float:
        return len(self._starts) / max(1, self.n_blocks)

    def bits(self, times: npt.NDArray[np.float64] | Whole) -> float:
        """Return the entropy of the last symbol, given the others. Each step counts so many times, [n_steps]."""
        own = times[self._starts]
        whole = np.bincount(self._whole, own, minlength=self.n_blocks)
        known = np.bincount(self._known, own, minlength=self._n_known)
        return entropy_bits(whole) - (entropy_bits(known) if self._n_known > 1 else 0.0)


def _numbered(codes: Whole) -> tuple[Whole, int]:
    seen, which = np.unique(codes, return_inverse=True)
    return which.astype(np.int64), len(seen)


def _units(own: Sequences, linked: Mask) -> Whole:
    """Return what is drawn again, [n_steps]: recordings, or bouts where there are fewer than five."""
    cuts = np.diff(own.recording) != 0
    if np.count_nonzero(cuts) < 4:
        cuts = ~linked
    return np.concatenate([[0], np.cumsum(cuts)])
