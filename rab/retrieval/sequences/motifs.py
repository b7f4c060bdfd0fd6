"""Motifs: symbols that follow each other again and again, more often than shuffles of the same sounds do.

Sequences of 2 to 6 steps are counted within bouts, level by level: one can be frequent only if its beginning is
(Agrawal & Srikant 1994), so each level looks up what the level before let through, and a million steps cost some
hundredths of a second. A motif has to pass twice, and its p-value is the greater of the two (an intersection-union
test):

- It is more frequent than in shuffles that keep the composition of every recording (or, on demand, its transitions).
- Each of its ends follows from the rest: the last step comes after the others, and the first before the others, more
  often than that symbol occurs in those recordings. Otherwise a true motif would drag every chance neighbour along,
  for a motif and any sixth step is itself rarer by chance than it is seen.

The false-discovery rate is controlled over all sequences that the alphabet makes possible, not over those that were
seen often. Motifs are reported longest first, and a shorter one only if it would pass by the instances that lie in
none of those.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.sequence import Motif, MotifInstance, MotifReport
from rab.domain.value import Value
from rab.retrieval.sequences.chance import ShuffleCounts, q_values
from rab.retrieval.sequences.edges import Mask, SequencePolicy, Sequences, Whole, links, steps
from rab.retrieval.sequences.shuffles import shuffles

_DENSE = 20_000_000
"""Codes that a table may hold: 80 MB."""


class MotifPolicy(Value):
    """What counts as a motif."""

    min_length: int = Field(default=2, ge=2, le=6)
    max_length: int = Field(default=6, ge=2, le=6)
    min_count: int = Field(default=5, ge=2)
    min_recordings: int = Field(default=2, ge=1)
    """A motif of one recording may be one animal's, or an echo."""
    false_discovery_rate: float = Field(default=0.05, gt=0, lt=1)
    n_shuffles: int = Field(default=99, ge=19)
    null: Literal["composition", "transitions"] = "composition"
    n_instances: int = Field(default=20, ge=1)
    """Instances that are listed."""
    seed: int = 0


class _Level(NamedTuple):
    """Frequent sequences of one length: code = number of the beginning × symbols + last symbol."""

    codes: Whole
    """Ascending."""
    numbers: npt.NDArray[np.int32] | None
    """By code: which of `codes`, −1 for none. None where such a table would be too large."""

    def of(self, codes: Whole) -> Whole:
        """Return which of the frequent sequences each code is, −1 for none."""
        if self.numbers is not None:
            return self.numbers[codes].astype(np.int64)
        found = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[found] == codes, found, -1)


class _Found(NamedTuple):
    symbols: tuple[int, ...]
    starts: Whole
    """Where its instances begin."""
    number: int
    """Its place among the sequences of its length, in `counts`."""
    counts: ShuffleCounts
    p_of_ends: float
    p_value: float


def find_motifs(
    sequences: Sequences,
    sequence_policy: SequencePolicy = SequencePolicy(),
    policy: MotifPolicy = MotifPolicy(),
    *,
    group: str | None = None,
) -> MotifReport:
    """Return the motifs of the sequences given, the least likely first."""
    own = steps(sequences, sequence_policy)
    linked = links(own, sequence_policy.max_gap_ms)
    room = _room(linked, len(own))
    n_symbols = max(1, len(own.alphabet))
    apart = sequence_policy.fold_repeats
    levels = list(_frequent(own, room, n_symbols, policy))
    lengths = [n for n in range(2, len(levels) + 2) if n >= policy.min_length]
    if policy.null == "transitions":
        lengths = [n for n in lengths if n > 2]
    tested = [(n, ShuffleCounts(_count(levels, own.symbol, room, n_symbols)[n - 2])) for n in lengths]
    if tested:
        for shuffled in shuffles(own, linked, policy.n_shuffles, null=policy.null, apart=apart, seed=policy.seed):
            counted = _count(levels, shuffled, room, n_symbols)
            for n, counts in tested:
                counts.add(counted[n - 2])
    n_tested = _n_possible(own, policy, apart=apart)
    found = _significant(own, room, levels, tested, n_tested, policy, apart=apart)
    motifs = [_motif(own, one, q, policy) for one, q in _unsaid(own, found, policy)]
    return MotifReport(
        group=group,
        motifs=tuple(sorted(motifs, key=lambda one: (one.p_value, -one.n, one.symbols))),
        n_steps=len(own),
        n_recordings=len(np.unique(own.recording)),
        n_symbols=len(np.unique(own.symbol)),
        n_tested=n_tested,
        n_shuffles=policy.n_shuffles,
        null=policy.null,
    )


def _room(linked: Mask, n: int) -> Whole:
    """Return how many steps there are from each to the end of its bout, itself included."""
    ends = np.append(np.flatnonzero(~linked), n - 1) if n else np.zeros(0, dtype=np.int64)
    return np.asarray(ends[np.searchsorted(ends, np.arange(n))] - np.arange(n) + 1, dtype=np.int64)


def _frequent(own: Sequences, room: Whole, n_symbols: int, policy: MotifPolicy) -> Iterator[_Level]:
    starts = np.flatnonzero(room >= 2)
    number = own.symbol[starts]
    n_before = n_symbols
    for length in range(2, policy.max_length + 1):
        codes = number * n_symbols + own.symbol[starts + length - 1]
        seen, which, counts = np.unique(codes, return_inverse=True, return_counts=True)
        pairs = np.unique(which * (len(own.recording_ids) + 1) + own.recording[starts])
        n_recordings = np.bincount(pairs // (len(own.recording_ids) + 1), minlength=len(seen))
        kept = (counts >= policy.min_count) & (n_recordings >= policy.min_recordings)
        if not kept.any():
            return
        level = _level(seen[kept], n_before * n_symbols)
        yield level
        number = level.of(codes)
        going_on = (number >= 0) & (room[starts] > length)
        starts, number, n_before = starts[going_on], number[going_on], int(kept.sum())


def _level(codes: Whole, n_codes: int) -> _Level:
    if n_codes > _DENSE:
        return _Level(codes, None)
    numbers = np.full(n_codes, -1, dtype=np.int32)
    numbers[codes] = np.arange(len(codes))
    return _Level(codes, numbers)


def _count(levels: list[_Level], symbol: Whole, room: Whole, n_symbols: int) -> list[Whole]:
    return [
        np.bincount(number[number >= 0], minlength=len(level.codes))
        for level, (_, number) in zip(levels, _matches(levels, symbol, room, n_symbols), strict=True)
    ]


def _matches(levels: list[_Level], symbol: Whole, room: Whole, n_symbols: int) -> Iterator[tuple[Whole, Whole]]:
    """Yield, for each level, where sequences begin and which frequent one each is, −1 for none."""
    starts = np.flatnonzero(room >= 2)
    number = symbol[starts]
    for length, level in enumerate(levels, start=2):
        if length > 2:
            going_on = (number >= 0) & (room[starts] >= length)
            starts, number = starts[going_on], number[going_on]
        number = level.of(number * n_symbols + symbol[starts + length - 1])
        yield starts, number


def _n_possible(own: Sequences, policy: MotifPolicy, *, apart: bool) -> int:
    """Return how many sequences could be frequent: those of symbols that are."""
    n = int(np.count_nonzero(np.bincount(own.symbol) >= policy.min_count)) if len(own) else 0
    least = max(policy.min_length, 3 if policy.null == "transitions" else 2)
    return sum(n * (n - 1 if apart else n) ** (length - 1) for length in range(least, policy.max_length + 1))


def _significant(
    own: Sequences,
    room: Whole,
    levels: list[_Level],
    tested: list[tuple[int, ShuffleCounts]],
    n_tested: int,
    policy: MotifPolicy,
    *,
    apart: bool,
) -> list[tuple[_Found, float]]:
    """Return what passes both tests at the false-discovery rate, with its q-value."""
    matches = list(_matches(levels, own.symbol, room, len(own.alphabet)))
    rates = _Rates(own, apart=apart)
    found: list[_Found] = []
    for length, counts in tested:
        starts, number = matches[length - 2]
        p_values = counts.p_values
        for one in np.flatnonzero(p_values <= policy.false_discovery_rate).tolist():
            own_starts = starts[number == one]
            first = own_starts[0]
            symbols = tuple(own.symbol[first : first + length].tolist())
            p_of_ends = rates.p_of_ends(symbols, own_starts, room)
            p_value = max(float(p_values[one]), p_of_ends)
            found.append(_Found(symbols, own_starts, one, counts, p_of_ends, p_value))
    q = q_values(np.array([one.p_value for one in found]), n_tested)
    return [(one, float(q[i])) for i, one in enumerate(found) if q[i] <= policy.false_discovery_rate]


class _Rates:
    """How often each symbol comes by chance in each recording, to be compared with how often it comes beside others.

    Where repeats are folded, a symbol of weight a comes after one of weight b at a rate of a / (1 − b), so its share of
    the steps is in proportion to a (1 − a): weights are found from shares by fixed-point iteration.
    """

    def __init__(self, own: Sequences, *, apart: bool) -> None:
        self._own = own
        self._apart = apart
        self._n_symbols = max(1, len(own.alphabet))
        self._codes, counts = np.unique(own.recording * self._n_symbols + own.symbol, return_counts=True)
        recording = self._codes // self._n_symbols
        shares = counts / np.bincount(recording, counts)[recording] if len(counts) else counts.astype(np.float64)
        self._weights = shares
        for _ in range(30 if apart and len(counts) else 0):
            moved = shares / np.maximum(1 - self._weights, 0.05)
            self._weights = (self._weights + moved / np.bincount(recording, moved)[recording]) / 2

    def p_of_ends(self, symbols: tuple[int, ...], starts: Whole, room: Whole) -> float:
        """Return the greater p-value of the two ends; 0 for a pair, which has nothing but ends."""
        if len(symbols) < 3:
            return 0.0
        of_rest = self._starts(symbols[:-1])
        onward = of_rest[room[of_rest] >= len(symbols)]
        p_last = self._p(symbols[-1], symbols[-2], onward, len(starts))
        of_rest = self._starts(symbols[1:])
        of_rest = of_rest[of_rest > 0]
        led = of_rest[room[of_rest - 1] == room[of_rest] + 1]
        return max(p_last, self._p(symbols[0], symbols[1], led, len(starts)))

    def _starts(self, symbols: tuple[int, ...]) -> Whole:
        """Return where a sequence begins. Bouts are not looked at: callers ask for more room than it takes."""
        symbol = self._own.symbol
        starts = np.flatnonzero(symbol[: len(symbol) - len(symbols) + 1] == symbols[0])
        for offset, one in enumerate(symbols[1:], start=1):
            starts = starts[symbol[starts + offset] == one]
        return starts

    def _p(self, end: int, beside: int, places: Whole, n_seen: int) -> float:
        """Return the chance of n_seen ends or more. A binomial of the mean rate bounds the sum (Hoeffding 1956)."""
        from scipy.stats import binom

        if not len(places):
            return 1.0
        recordings = self._own.recording[places]
        others = 1 - self._of(recordings, beside) if self._apart else np.ones(len(places))
        rates = np.minimum(self._of(recordings, end) / np.maximum(others, 1e-9), 1.0)
        return float(binom.sf(n_seen - 1, len(places), rates.mean()))

    def _of(self, recordings: Whole, symbol: int) -> npt.NDArray[np.float64]:
        codes = recordings * self._n_symbols + symbol
        found = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        return np.where(self._codes[found] == codes, self._weights[found], 0.0)


def _unsaid(own: Sequences, found: list[tuple[_Found, float]], policy: MotifPolicy) -> Iterator[tuple[_Found, float]]:
    """Yield motifs, longest and then most frequent first; each has to pass by what lies in none yielded before."""
    covered = np.zeros(len(own), dtype=bool)
    bound = max((one.p_value for one, _ in found), default=0.0)
    for one, q in sorted(found, key=lambda item: (-len(item[0].symbols), -len(item[0].starts), item[0].symbols)):
        places = one.starts[:, None] + np.arange(len(one.symbols))
        n_new = len(one.starts) - int(np.count_nonzero(covered[places].all(axis=1)))
        if n_new >= policy.min_count and one.counts.p_of(one.number, n_new) <= bound:
            yield one, q
            covered[places] = True


def _motif(own: Sequences, one: _Found, q: float, policy: MotifPolicy) -> Motif:
    length = len(one.symbols)
    return Motif(
        symbols=tuple(own.alphabet[i] for i in one.symbols),
        n=len(one.starts),
        n_recordings=len(np.unique(own.recording[one.starts])),
        n_by_chance=round(float(one.counts.mean[one.number]), 3),
        p_shuffles=float(one.counts.p_shuffles[one.number]),
        p_value=one.p_value,
        q_value=q,
        instances=tuple(
            MotifInstance(
                recording_id=own.recording_ids[own.recording[start]],
                t0_ms=float(own.t0_ms[start]),
                t1_ms=float(own.t1_ms[start : start + length].max()),
                segment_ids=tuple(own.segment_ids[start : start + length]),
            )
            for start in one.starts[: policy.n_instances].tolist()
        ),
    )
