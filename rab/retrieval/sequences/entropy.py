"""Entropy rate: how hard the next symbol is to foretell from those before it, in bits.

It is the entropy of blocks of k + 1 symbols less that of their first k, which falls with the order k until k is what
the sequence remembers. Counting alone underrates entropy, the more so the longer the blocks: each is estimated after
Grassberger (2003, arXiv physics/0307138). The order is the one that foretells held-out steps best (see `blocks`).

An estimate whose order was cut short is an upper bound of the rate and says so: it has no lower end. It is two-sided
only where blocks of the order are well sampled, where every order up to the longest could be tested, and where none of
them told more. How well blocks are sampled is the chance that the next one is new: with up to 5 % estimates were within
4 % of the rate on average, at 9 % up to 8 % too low. Over 672 libraries of 200 to 1,200 steps (4 to 12 symbols, memory
of none to three), 213 of 231 intervals held the rate, and 438 of 441 bounds had it below their upper end. Where blocks
of the wanted order are not well sampled, the bound is what held-out steps cost at that order, which is far nearer to
the rate than a shorter order: 1.32 bits for 12 symbols of true 1.13, where order 0 says 3.60.

The interval comes from drawing recordings again, with replacement: steps of one recording are no independent
witnesses. Redrawing repeats what it draws, which lowers the entropy, so the interval is laid around the estimate by
the spread of the redrawn values about their own median, widened for few recordings. Fewer than five recordings are cut
into bouts instead, and fewer than five bouts into ten stretches.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.sequence import EntropyRate
from rab.domain.value import Value
from rab.retrieval.sequences.blocks import Blocks, held_out_bits
from rab.retrieval.sequences.edges import Mask, SequencePolicy, Sequences, Whole, links, steps

_BLOCKS = "Grassberger 2003, block entropies"
_HELD_OUT = "held-out code length, Witten & Bell 1991"
_MIN_UNITS = 5
_N_STRETCHES = 10


class EntropyPolicy(Value):
    """How far back is looked, and how often recordings are drawn again."""

    max_order: int = Field(default=2, ge=0, le=5)
    max_unseen_fraction: float = Field(default=0.05, gt=0, lt=1)
    """Chance of a new block, up to which the entropy of blocks is read."""
    max_unseen_tested: float = Field(default=0.15, gt=0, lt=1)
    """The same, up to which it can be told whether looking further back would tell more."""
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
    """Return the entropy rate of the sequences given, or an upper bound of it; None with too few steps."""
    one = _Prepared.of(sequences, sequence_policy, policy)
    return None if one is None else one.rate(group, policy)


def entropy_rates(
    groups: Sequence[tuple[str | None, Sequences]],
    sequence_policy: SequencePolicy = SequencePolicy(),
    policy: EntropyPolicy = EntropyPolicy(),
) -> list[EntropyRate]:
    """Return the rates of groups that are compared, all at one order: the longest that all of them have steps for.

    A group with too few steps is left out.
    """
    prepared = [(group, _Prepared.of(own, sequence_policy, policy)) for group, own in groups]
    known = [(group, one) for group, one in prepared if one is not None]
    if len(known) < 2:
        return [one.rate(group, policy) for group, one in known]
    common = min(max(one.wanted for _, one in known), *(one.longest for _, one in known))
    return [one.rate(group, policy, common) for group, one in known]


class _Prepared(NamedTuple):
    """The blocks of every order, what held-out steps cost, and how far back may and should be looked."""

    own: Sequences
    unit: Whole
    blocks: list[Blocks]
    """From order 0 to one more than the longest that is read."""
    cost: npt.NDArray[np.float64]
    """Mean bits of a held-out step in each unit, [units, orders], weighted by `n_each`."""
    n_each: Whole
    wanted: int
    """The order that foretells held-out steps best."""
    longest: int
    """The longest order whose blocks are well sampled."""
    is_tested: bool
    """Whether every order could be tested."""

    @classmethod
    def of(cls, sequences: Sequences, sequence_policy: SequencePolicy, policy: EntropyPolicy) -> "_Prepared | None":
        own = steps(sequences, sequence_policy)
        if len(own) < policy.min_steps:
            return None
        linked = links(own, sequence_policy.max_gap_ms)
        unit = _units(own, linked)
        blocks = [Blocks(own, linked, order) for order in range(policy.max_order + 2)]
        bits = held_out_bits(blocks, unit, len(np.unique(own.symbol)), seed=policy.seed)
        n_each = np.bincount(unit)
        cost = np.stack([np.bincount(unit, row) / n_each for row in bits], axis=1)
        read = blocks[: policy.max_order + 1]
        return cls(
            own=own,
            unit=unit,
            blocks=blocks,
            cost=cost,
            n_each=n_each,
            wanted=int(bits.mean(axis=1).argmin()),
            longest=max(
                (
                    one.order
                    for one in read
                    if len(one.starts) >= policy.min_steps and one.unseen_fraction <= policy.max_unseen_fraction
                ),
                default=0,
            ),
            is_tested=all(
                len(one.starts) >= policy.min_steps and one.unseen_fraction <= policy.max_unseen_tested for one in read
            ),
        )

    def rate(self, group: str | None, policy: EntropyPolicy, common: int | None = None) -> EntropyRate:
        """Return the rate or its bound, at a common order where one is given."""
        order = min(self.wanted, self.longest) if common is None else common
        bits, low, high = self._by_blocks(order, policy)
        is_upper_bound = self.wanted > order or not self.is_tested or self._tells_more(order, low, policy)
        estimator = _BLOCKS
        if is_upper_bound and common is None and self.wanted > order:
            held_out = self._by_held_out(policy)
            if held_out[0] < bits:
                (bits, high), order, estimator = held_out, self.wanted, _HELD_OUT
        bits = round(bits, 4)
        return EntropyRate(
            group=group,
            bits=bits,
            low=0.0 if is_upper_bound else round(low, 4),
            high=round(high, 4),
            is_upper_bound=is_upper_bound,
            reason=self._reason(order, bits, is_upper_bound, common, policy),
            order=order,
            bits_by_order=tuple(
                round(max(0.0, one.bits(np.ones(len(self.own)))), 4) for one in self.blocks[: self.longest + 1]
            ),
            n_steps=len(self.own),
            n_symbols=len(np.unique(self.own.symbol)),
            n_recordings=len(np.unique(self.own.recording)),
            estimator=estimator,
        )

    def _tells_more(self, order: int, low: float, policy: EntropyPolicy) -> bool:
        """Return whether a longer order lies below an interval, by more than new blocks make it too low."""
        longer = [one for one in self.blocks[order + 1 : policy.max_order + 1] if len(one.starts)]
        return any(one.bits(np.ones(len(self.own))) * (1 + one.unseen_fraction) < low for one in longer)

    def _by_blocks(self, order: int, policy: EntropyPolicy) -> tuple[float, float, float]:
        """Return the estimate and its interval."""
        one = self.blocks[order]
        bits = max(0.0, one.bits(np.ones(len(self.own))))
        redrawn = [one.bits(times[self.unit]) for times in self._draws(policy)]
        low, middle, high = np.quantile(redrawn, (0.025, 0.5, 0.975))
        widening = _widening(len(self.n_each))
        return bits, max(0.0, bits + widening * float(low - middle)), bits + widening * float(high - middle)

    def _by_held_out(self, policy: EntropyPolicy) -> tuple[float, float]:
        """Return what a held-out step costs at the wanted order, and the upper end of that."""
        cost = self.cost[:, self.wanted]
        redrawn = [np.average(cost, weights=times * self.n_each) for times in self._draws(policy)]
        bits, high = float(np.average(cost, weights=self.n_each)), float(np.quantile(redrawn, 0.975))
        return bits, bits + _widening(len(self.n_each)) * (high - bits)

    def _draws(self, policy: EntropyPolicy) -> list[Whole]:
        """Return how often each unit is drawn, time and again."""
        random, n_units = np.random.default_rng(policy.seed), len(self.n_each)
        return [
            np.bincount(random.integers(n_units, size=n_units), minlength=n_units) for _ in range(policy.n_bootstrap)
        ]

    def _reason(self, order: int, bits: float, is_upper_bound: bool, common: int | None, policy: EntropyPolicy) -> str:
        if not is_upper_bound:
            return "looking further back foretells held-out steps no better"
        most = f"at most {bits:.2f} bits"
        if common is not None and min(self.wanted, self.longest) > order:
            return f"{most}: another group has too few steps to look further back than {order}"
        if self.wanted > policy.max_order and order >= policy.max_order and self.is_tested:
            return f"{most}: no further back than {order} is looked"
        return f"{most}: too few steps to look further back than {order}"


def _widening(n_units: int) -> float:
    """Return by how much the spread of redrawn values is too narrow for few units (Hesterberg 2015, Am. Stat. 69)."""
    from scipy.stats import norm, t

    return float(t.ppf(0.975, n_units - 1) / norm.ppf(0.975) * np.sqrt(n_units / (n_units - 1)))


def _units(own: Sequences, linked: Mask) -> Whole:
    """Return what is drawn again, [n_steps]: recordings, or bouts where those are few, or else stretches."""
    for cuts in (np.diff(own.recording) != 0, ~linked):
        if np.count_nonzero(cuts) >= _MIN_UNITS - 1:
            return np.concatenate([[0], np.cumsum(cuts)])
    return np.arange(len(own)) * _N_STRETCHES // len(own)
