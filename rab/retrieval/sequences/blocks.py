"""Blocks of symbols within bouts, how well they were sampled, and how far back it helps to look.

How far is asked of steps held out: each is foretold from the counts of the others with none, one, two… symbols before
it known, and the order that costs the fewest bits is wanted. Counts that are few fall back on one symbol less (method C
of Witten & Bell 1991, IEEE Trans. Inf. Theory 37:1085–1094), which needs far fewer steps than an entropy does.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rab.retrieval.sequences.edges import Mask, Sequences, Whole

Floats = npt.NDArray[np.float64]

_N_FOLDS = 5


class Blocks:
    """Blocks of order + 1 symbols within bouts, and the first `order` symbols of each: its context."""

    def __init__(self, own: Sequences, linked: Mask, order: int) -> None:
        n = len(own) - order
        joined = np.ones(max(n, 0), dtype=bool)
        for offset in range(order):
            joined &= linked[offset : offset + len(joined)]
        self.starts = np.flatnonzero(joined)
        known = np.zeros(len(self.starts), dtype=np.int64)
        n_known = 1
        for offset in range(order):
            known, n_known = _numbered(known * len(own.alphabet) + own.symbol[self.starts + offset])
        self.context, self.n_contexts = known, n_known
        codes = known * len(own.alphabet) + own.symbol[self.starts + order]
        self.whole, self.n_blocks = _numbered(codes)
        self.order = order

    def bits(self, times: Floats | Whole) -> float:
        """Return the entropy of the last symbol, given the others. Each step counts so many times, [n_steps]."""
        own = times[self.starts]
        whole = np.bincount(self.whole, own, minlength=self.n_blocks)
        known = np.bincount(self.context, own, minlength=self.n_contexts)
        return entropy_bits(whole) - (entropy_bits(known) if self.n_contexts > 1 else 0.0)

    @property
    def last(self) -> Whole:
        """The step that ends each block, [n]."""
        return self.starts + self.order

    @property
    def unseen_fraction(self) -> float:
        """Chance that the next block is one never seen (Good 1953, Biometrika 40:237–264); 1 where there is none."""
        if not len(self.starts):
            return 1.0
        return float(np.count_nonzero(np.bincount(self.whole) == 1) / len(self.starts))


def entropy_bits(counts: Floats | Whole) -> float:
    """Return the entropy in bits of whatever was counted [m], after Grassberger (2003, arXiv physics/0307138)."""
    from scipy.special import digamma

    seen = np.asarray(counts, dtype=np.float64)
    seen = seen[seen > 0]
    n = seen.sum()
    if not n:
        return 0.0
    signs = 1.0 - 2.0 * (seen % 2)
    terms = digamma(seen) + 0.5 * signs * (digamma((seen + 1) / 2) - digamma(seen / 2))
    return float((np.log(n) - (seen * terms).sum() / n) / np.log(2))


def held_out_bits(blocks: Sequence[Blocks], unit: Whole, n_symbols: int, *, seed: int) -> Floats:
    """Return what each step costs in bits once it is held out, [orders, n_steps]; `blocks` ascend from order 0.

    `unit` [n_steps] numbers what is held out together: recordings, bouts or stretches. The mean cost is not below the
    entropy rate, whatever the order, but for what chance does.
    """
    fold = np.random.default_rng(seed).permutation(int(unit[-1]) + 1)[unit] % _N_FOLDS
    bits = np.zeros((len(blocks), len(unit)))
    for part in range(_N_FOLDS):
        taught, asked = fold != part, fold == part
        foretold = np.full(len(unit), 1 / n_symbols)
        for row, one in zip(bits, blocks, strict=True):
            foretold[one.last] = _foretold(one, taught[one.last], foretold[one.last])
            row[asked] = -np.log2(foretold[asked])
    return bits


def _foretold(one: Blocks, taught: Mask, shorter: Floats) -> Floats:
    """Return the probability of each block's last symbol, [n], by the blocks that teach and the shorter context."""
    counts = np.bincount(one.whole, taught, minlength=one.n_blocks)
    context = np.zeros(one.n_blocks, dtype=np.int64)
    context[one.whole] = one.context
    n = np.bincount(context, counts, minlength=one.n_contexts)[one.context]
    n_kinds = np.bincount(context, counts > 0, minlength=one.n_contexts)[one.context]
    return np.where(n > 0, (counts[one.whole] + n_kinds * shorter) / np.maximum(n + n_kinds, 1), shorter)


def _numbered(codes: Whole) -> tuple[Whole, int]:
    seen, which = np.unique(codes, return_inverse=True)
    return which.astype(np.int64), len(seen)
