"""Sequences: what follows what, how often, and whether chance would do the same.

A symbol is what a segment counts as: its cluster, a detected taxon or a label. Segments of one voice of one recording,
in the order of time, make a sequence; a bout is a stretch of it without a long gap. Nothing here says what a sequence
means: it says that one sound came after another, so many times, and how often shuffles of the same sounds do as much.
"""

from typing import Literal

from pydantic import Field

from rab.domain.value import Fraction, Ms, Value

Alphabet = Literal["cluster", "taxon", "label"]
"""What a segment counts as."""

PValue = float
"""Kept as computed: rounded to four places, a clear case would read as impossible."""


class BoutCriterion(Value):
    """The gap at which one bout ends and another may begin."""

    gap_ms: Ms
    """Gaps up to this long lie within a bout."""
    method: Literal["mixture", "fallback"]
    reason: str
    """How it was found, or why the gaps did not tell."""
    n_gaps: int
    short_gap_ms: Ms | None = None
    """Mean of the gaps within bouts, by the mixture."""
    long_gap_ms: Ms | None = None
    """Mean of the gaps between bouts, by the mixture."""
    short_fraction: Fraction | None = None


class Bout(Value):
    """A stretch of one voice of one recording, without a gap longer than the criterion."""

    recording_id: str
    channel: int | None
    t0_ms: Ms
    t1_ms: Ms
    symbols: tuple[str, ...]
    segment_ids: tuple[str, ...]
    """The first segment behind each symbol."""


class Transition(Value):
    """One symbol followed by another, within the longest gap."""

    first: str
    then: str
    n: int
    n_recordings: int
    fraction: Fraction
    """Of all that follows `first`: with a prior of half a count for every symbol that may follow."""
    low: Fraction
    high: Fraction
    """95 % credible interval of the fraction."""
    n_by_chance: float = Field(ge=0)
    """Mean count over shuffles within recordings."""
    p_value: PValue
    """Of at least as many by chance."""
    exceeds_chance: bool
    """Whether it stands after Benjamini–Hochberg over all pairs of symbols. If not, chance is not shown either."""


class TransitionTable(Value):
    """All transitions of a group of recordings, most frequent first."""

    group: str | None
    """Site, habitat or whatever was compared; None for all together."""
    symbols: tuple[str, ...]
    n_links: int
    n_recordings: int
    n_shuffles: int
    transitions: tuple[Transition, ...]


class MotifInstance(Value):
    """One time that a motif was heard."""

    recording_id: str
    t0_ms: Ms
    t1_ms: Ms
    segment_ids: tuple[str, ...]


class Motif(Value):
    """Symbols that follow each other more often than chance would have it."""

    symbols: tuple[str, ...]
    n: int
    n_recordings: int
    n_by_chance: float = Field(ge=0)
    """Mean count over shuffles."""
    p_shuffles: PValue
    """Share of shuffles with at least as many, the observed one counted among them."""
    p_value: PValue
    """The same from the fitted tail, and not below the least likely of its end steps: what is held to the rate."""
    q_value: PValue
    """Least false-discovery rate at which it would be reported (Benjamini & Hochberg 1995)."""
    instances: tuple[MotifInstance, ...]
    """The first so many, in the order of recordings and time."""


class MotifReport(Value):
    """The motifs of a group of recordings, and what was asked of how much."""

    group: str | None
    motifs: tuple[Motif, ...]
    n_steps: int
    n_recordings: int
    n_symbols: int
    n_tested: int
    """Sequences that were possible, by which the false-discovery rate is controlled."""
    n_shuffles: int
    null: Literal["composition", "transitions"]


class EntropyRate(Value):
    """How hard the next symbol is to foretell, in bits: 0 for a fixed song, log2 of the symbols for pure chance."""

    group: str | None
    bits: float = Field(ge=0)
    low: float
    high: float
    """95 % interval from a bootstrap over recordings; `low` is 0 for an upper bound, for nothing says how far below."""
    is_upper_bound: bool = False
    """Whether looking further back would tell more, or might: the rate is then `bits` at most."""
    reason: str = ""
    """Why it is an upper bound, or is not."""
    order: int
    """Symbols before it that are known."""
    bits_by_order: tuple[float, ...]
    """With none, one, two… known, as far as blocks are well sampled."""
    n_steps: int
    n_symbols: int
    n_recordings: int
    estimator: str


class Following(Value):
    """How often a symbol is followed by another within a time."""

    cluster_id: str
    follower_id: str
    within_ms: Ms
    n: int
    """Occurrences that were followed for the whole time, or until the follower came."""
    n_followed: int
    fraction: Fraction
    low: Fraction
    high: Fraction
    """95 % interval (Wilson 1927)."""
    p_value: PValue
    """Share of shuffles within recordings with as many, the observed one counted among them."""
    n_recordings: int

    @property
    def words(self) -> str:
        """The finding as people say it."""
        return (
            f"{self.cluster_id} is followed by {self.follower_id} within {self.within_ms / 1000:g} s in"
            f" {100 * self.fraction:.0f} % of cases (n={self.n}, 95 % interval {100 * self.low:.0f}–"
            f"{100 * self.high:.0f} %, p {self.p_value:.2g})"
        )


class Succession(Value):
    """A cluster that comes after another, or before it: counted over the library, and held against chance."""

    cluster_id: str
    other_id: str
    """The cluster that comes before it, or after it."""
    direction: Literal["before", "after"]
    within_ms: Ms
    """Longest pause between the two."""
    n: int
    """Calls of the cluster whose recording reaches that far, or that have the other beside them."""
    n_followed: int
    """Those of them that have the other beside them."""
    median_gap_ms: float
    """Of the pauses between the two, negative where they overlap."""
    n_recordings: int
    """In which the two come together."""
    n_by_chance: float = Field(ge=0)
    """Mean of `n_followed` over shuffles within recordings."""
    q_value: PValue
    """Least false-discovery rate at which it is a finding, over all pairs of clusters."""


class UsualFollowing(Succession):
    """The cluster that comes after a cluster most often, or before it, where that is more often than by chance."""

    exemplar_ids: tuple[tuple[str, str], ...]
    """Segments of a few examples, each of another recording, in the order of time."""


class Agreement(Value):
    """How alike the instances of a motif sound, beside random sequences of the same library."""

    n_instances: int
    n_pairs: int
    among_instances_db: float
    """Median distance by dynamic time warping, in dB per cell, between two instances."""
    to_random_db: float
    """Median distance between an instance and a random sequence."""
    closer_fraction: Fraction
    """How often two instances are closer than an instance and a random sequence; 0.5 says nothing."""
    confirmed: bool
