"""Contrast terms: an entry of a contrast with its figures and its calls, as questions are made of them."""

from dataclasses import dataclass
from functools import cached_property

from rab.domain import AggregateEntry, ContrastEntry, ExemplarEntry
from rab.generation.reading.pack import Reading

EFFECT_PARTS = (
    "contrast_here",
    "contrast_there",
    "contrast_gap",
    "contrast_gap_low",
    "contrast_gap_high",
    "contrast_shuffles",
)
"""What the sentence of evidence is made of."""
COUNTER_PARTS = ("contrast_contrary", "contrast_there")
BESIDE_PARTS = ("beside_here", "beside_there")


@dataclass(frozen=True, eq=False)
class ContrastTerms:
    """A contrast of a pack."""

    reading: Reading
    entry: ContrastEntry

    def figure(self, name: str) -> AggregateEntry | None:
        """Return a figure of the contrast; None when the pack has none."""
        return self.reading.tally.entry(name, self.entry.key)

    def parts(self, names: tuple[str, ...]) -> tuple[AggregateEntry, ...]:
        """Return the figures of several names that the pack has."""
        return self.reading.tally.parts(names, self.entry.key)

    @cached_property
    def sides(self) -> tuple[ExemplarEntry, ...]:
        """The calls that stand for both groups, in the pack's order."""
        return tuple(one for one in self._own if one.group != "contrary")

    @cached_property
    def contrary(self) -> tuple[ExemplarEntry, ...]:
        """The calls of the first group that are like the other."""
        return tuple(one for one in self._own if one.group == "contrary")

    @cached_property
    def _own(self) -> tuple[ExemplarEntry, ...]:
        return tuple(one for one in self.reading.pack.exemplars if one.contrast == self.entry.key)
