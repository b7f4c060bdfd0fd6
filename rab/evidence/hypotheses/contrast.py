"""Contrasts: units of observation in two groups, and how often shuffles of the groups differ as much.

A screen looks at many contrasts, so the greatest will always look like something. Each is measured against the greatest
of all contrasts of its family in each shuffle (Westfall & Young 1993): with 200 contrasts as with two, shuffles without
any effect raise a question in at most one library in twenty. What is shuffled are groups over units, and a unit is a
recorder-day or a recording: calls of one evening are one observation, however many there are.

The measure of a contrast is the sum of ranks in the group, aligned and shuffled within strata (Hodges & Lehmann 1962),
over its spread under shuffling: one day with a thousand calls weighs no more than any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import SegmentFilter, Taxon
from rab.domain.evidence import Family
from rab.domain.value import Value

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class ScreenPolicy(Value):
    """When a contrast is worth a question."""

    n_shuffles: int = Field(default=199, ge=19)
    share_max: float = Field(default=0.025, gt=0, lt=1)
    """Share of shuffles, the library itself counted among them, that may show as much anywhere in the family."""
    min_units: int = Field(default=5, ge=3)
    """Units of observation on each side."""
    min_spread: float = Field(default=0.5, ge=0)
    """A difference below this many standard deviations of the units is too small to be asked about."""
    n_resamples: int = Field(default=999, ge=99)
    """Bootstrap resamples behind an interval of 95 %."""
    max_prompts: int = Field(default=3, ge=1)
    """Questions of one family, the clearest first."""
    novel_at: float = Field(default=0.95, ge=0, le=1)
    """Novelty from which a call counts as unlike the rest of the library."""
    max_gap_ms: float = Field(default=4000.0, ge=0)
    """Longest pause between two calls of which the second follows the first."""
    max_taxa: int = Field(default=20, ge=2)
    """Taxa that are compared pair by pair."""
    max_pairs: int = Field(default=40, ge=1)
    """Transitions that are compared, the most frequent first."""
    seed: int = 0


class Measured(NamedTuple):
    """What is compared: its name, unit, printed decimals, the least difference that counts, and how it is taken."""

    name: str
    unit: str
    decimals: int
    floor: float
    basis: str


class Beside(NamedTuple):
    """What else differs between the groups, and could be why: one value for each unit, NaN where there is none."""

    measured: Measured
    values: Floats


@dataclass(frozen=True, eq=False)
class Subject:
    """What a contrast is about, and between what: the names that a question is made of."""

    cluster_id: str | None = None
    other_cluster_id: str | None = None
    taxon: Taxon | None = None
    other_taxon: Taxon | None = None
    site: str | None = None
    hours: tuple[int, ...] = ()
    date: str | None = None
    figure: str | None = None
    by: str | None = None
    where: SegmentFilter = SegmentFilter()
    command: tuple[str, ...] = ("segments", "--json")


@dataclass(frozen=True, eq=False)
class Contrast:
    """Units in two groups. Arrays are [n] over units; `calls` are what can be heard of them."""

    family: Family
    subject: Subject
    measured: Measured
    noun: str
    """What units are: `recorder-days`, `recordings`."""
    values: Floats
    strata: Whole
    beside: Beside
    calls: "Calls"
    here: Mask = field(default_factory=lambda: np.zeros(0, bool))
    direction: Literal["more", "less"] | None = None
    """The one direction that is of interest; None: both."""

    @property
    def key(self) -> tuple[str, ...]:
        """What a contrast is ordered by, among equals."""
        one = self.subject
        names = (one.cluster_id, one.other_cluster_id, one.site, one.date, self.measured.name)
        taxa = tuple(taxon.scientific_name for taxon in (one.taxon, one.other_taxon) if taxon is not None)
        return (*(name or "" for name in names), *taxa, str(one.hours))


class Calls(NamedTuple):
    """Calls behind units: rows of `Observed`, the unit of each, and whether it shows what is counted."""

    rows: Whole
    unit: Whole
    shows: Mask

    @classmethod
    def on(cls, units: Whole, rows: Whole, unit: Whole, shows: Mask | None = None) -> "Calls":
        """Return the calls of some units [n], ascending; `unit` is what they are numbered by before."""
        places = np.minimum(np.searchsorted(units, unit), len(units) - 1) if len(units) else np.zeros(len(unit), int)
        own = units[places] == unit if len(units) else np.zeros(len(unit), bool)
        shown = np.ones(len(rows), bool) if shows is None else shows
        return cls(rows[own], places[own], shown[own])


@dataclass(frozen=True, eq=False)
class Screened:
    """A contrast with its measure, and with how many shuffles that show as much anywhere in the family."""

    contrast: Contrast
    z: float
    n_as_large: int
    n_shuffles: int


@dataclass(frozen=True, eq=False)
class Shuffles:
    """Orders of units [n_shuffles + 1, n_units], each unit staying in its stratum; the first is the order as it is."""

    index: npt.NDArray[np.int32]

    @classmethod
    def within(cls, strata: Whole, policy: ScreenPolicy, seed: int) -> "Shuffles":
        """Draw them. Fixed by the policy's seed and by `seed`, which tells families apart."""
        random = np.random.default_rng((policy.seed, seed))
        places = np.argsort(strata, kind="stable").astype(np.int32)
        _, starts = np.unique(strata[places], return_index=True)
        index = np.empty((policy.n_shuffles + 1, len(strata)), dtype=np.int32)
        index[0] = np.arange(len(strata))
        for own in np.split(places, starts[1:]):
            for row in index[1:]:
                row[own] = random.permutation(own)
        return cls(index)

    def labels(self, labels: npt.NDArray[np.int64], units: Whole) -> npt.NDArray[np.int64]:
        """Return the labels of some units, as they are and in each shuffle: [n_shuffles + 1, n]."""
        return labels[self.index[:, units]]


_ALIKE = 1e-5
"""Measures that differ by less are one: sums of ranks are taken in single precision."""


@dataclass(eq=False)
class Screen:
    """The contrasts of one family, and the greatest measure of all of them in each shuffle."""

    n_shuffles: int
    found: list[tuple[Contrast, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.greatest = np.full(self.n_shuffles, -np.inf)

    def add(self, contrast: Contrast, measures: Floats) -> None:
        """Take in a contrast: its measure as it is, then in each shuffle."""
        directed = {"more": measures, "less": -measures, None: np.abs(measures)}[contrast.direction]
        self.found.append((contrast, float(directed[0])))
        np.maximum(self.greatest, directed[1:], out=self.greatest)

    def passed(self, policy: ScreenPolicy) -> list[Screened]:
        """Return the contrasts that few shuffles match, the clearest first."""
        least = policy.share_max * (self.n_shuffles + 1)
        screened = (
            Screened(one, z, int(np.count_nonzero(self.greatest >= z - _ALIKE)), self.n_shuffles)
            for one, z in self.found
            if z > 0
        )
        kept = [one for one in screened if one.n_as_large + 1 <= least]
        return sorted(kept, key=lambda one: (-one.z, one.contrast.key))


def measures(ranks: Floats, labelled: Mask, strata: Whole) -> Floats:
    """Return the measure of each row of `labelled` [n_shuffles + 1, n]: the group's rank sum over its spread.

    `ranks` [n] are aligned within `strata` [n].
    """
    kinds, places = np.unique(strata, return_inverse=True)
    sums = labelled.astype(np.float32) @ ranks.astype(np.float32)
    variance = np.zeros(len(labelled))
    for number in range(len(kinds)):
        own = places == number
        n = int(own.sum())
        if n > 1:
            n_here = labelled[:, own].sum(axis=1)
            variance += n_here * (n - n_here) / (n * (n - 1)) * float(np.square(ranks[own]).sum())
    return np.divide(sums, np.sqrt(variance), out=np.zeros(len(sums)), where=variance > 1e-12)


def compare(
    screen: Screen,
    base: Contrast,
    shuffled: npt.NDArray[np.int64],
    subject_of: Callable[[int], Subject],
    policy: ScreenPolicy,
    levels: Sequence[int] | None = None,
) -> None:
    """Hold the units of each label against all others; `levels` are the labels that are looked at, None: all.

    `shuffled` are the units' labels as they are and in each shuffle, [n_shuffles + 1, n].
    """
    enough = large_enough(shuffled[0], policy) if len(base.values) else []
    if levels is not None:
        enough = [one for one in levels if one in enough]
    if not enough or base.values.min() == base.values.max():
        return
    ranks = aligned_ranks(base.values, base.strata)
    for level in enough:
        labelled = shuffled == level
        contrast = replace(base, subject=subject_of(level), here=labelled[0])
        screen.add(contrast, measures(ranks, labelled, base.strata))


def always(subject: Subject) -> Callable[[int], Subject]:
    """Return what gives one subject whatever the label."""
    return lambda _: subject


def aligned_ranks(values: Floats, strata: Whole) -> Floats:
    """Return the ranks of values less their stratum's mean, ties averaged, centred on zero in each stratum."""
    _, places = np.unique(strata, return_inverse=True)
    sizes = np.bincount(places)
    centred = np.round(values - (np.bincount(places, weights=values) / sizes)[places], 9)
    _, rank_of, n_of = np.unique(centred, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(n_of) - (n_of - 1) / 2)[rank_of]
    return np.asarray(ranks - (np.bincount(places, weights=ranks) / sizes)[places], dtype=np.float64)


class Effect(NamedTuple):
    """Both groups' means over units, the other's weighted by this one's strata, and an interval of the difference."""

    here: float
    there: float
    low: float
    high: float
    n_here: int
    n_there: int
    spread: float
    """Standard deviation of units within groups."""
    used: Mask
    """Units of strata in which both groups occur."""


def effect_of(contrast: Contrast, policy: ScreenPolicy) -> Effect | None:
    """Return how much the groups differ; None where no stratum holds both."""
    values, here, strata = contrast.values, contrast.here, contrast.strata
    _, places = np.unique(strata, return_inverse=True)
    n_here, n_all = np.bincount(places, weights=here), np.bincount(places)
    both = (n_here > 0) & (n_here < n_all)
    used = both[places]
    if not used.any():
        return None
    random = np.random.default_rng(policy.seed)
    ours, theirs = np.zeros(policy.n_resamples + 1), np.zeros(policy.n_resamples + 1)
    total = float(n_here[both].sum())
    residual = 0.0
    for number in np.flatnonzero(both).tolist():
        own = places == number
        weight = float(n_here[number]) / total
        for group, sums in ((here, ours), (~here, theirs)):
            of = values[own & group]
            sums += weight * np.concatenate([[of.mean()], resampled_means(of, policy.n_resamples, random)])
            residual += float(np.square(of - of.mean()).sum())
    low, high = np.percentile((ours - theirs)[1:], [2.5, 97.5])
    n_groups = 2 * int(both.sum())
    freedom = max(int(used.sum()) - n_groups, 1)
    return Effect(
        float(ours[0]),
        float(theirs[0]),
        float(low),
        float(high),
        int((here & used).sum()),
        int((~here & used).sum()),
        float(np.sqrt(residual / freedom)),
        used,
    )


_MOST_DRAWN = 4_000_000


def resampled_means(values: Floats, n: int, random: np.random.Generator) -> Floats:
    """Return the means of `n` bootstrap resamples."""
    at_once = max(1, _MOST_DRAWN // len(values))
    parts = [
        values[random.integers(0, len(values), (min(at_once, n - start), len(values)))].mean(axis=1)
        for start in range(0, n, at_once)
    ]
    return np.concatenate(parts)


def grouped_median(keys: Whole, values: Floats) -> tuple[Whole, Floats]:
    """Return the keys, each once and ascending, and the median of each; NaN is passed over."""
    known = ~np.isnan(values)
    keys, values = keys[known], values[known]
    order = np.lexsort((values, keys))
    kinds, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    ordered = values[order]
    low, high = starts + (counts - 1) // 2, starts + counts // 2
    return kinds, (ordered[low] + ordered[high]) / 2 if len(kinds) else np.zeros(0)


def grouped_mean(keys: Whole, values: Floats) -> tuple[Whole, Floats]:
    """Return the keys, each once and ascending, and the mean of each."""
    kinds, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return kinds, np.bincount(places, weights=values, minlength=len(kinds)) / np.maximum(counts, 1)


def merged(names: Sequence[object]) -> Whole:
    """Return a number for each of some names, equal names alike, in the order in which they come."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in names], dtype=np.int64)


def large_enough(labels: Whole, policy: ScreenPolicy) -> list[int]:
    """Return the groups with units enough inside and outside; of two groups that are all there is, the second alone."""
    groups, counts = np.unique(labels, return_counts=True)
    enough = (counts >= policy.min_units) & (len(labels) - counts >= policy.min_units)
    found: list[int] = groups[enough].tolist()
    return found[-1:] if len(groups) == 2 else found
