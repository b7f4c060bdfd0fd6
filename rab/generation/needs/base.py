"""Needs: what a true claim of a kind would have to cite. Each kind answers in a function of its own.

A function is asked about a claim that somebody made. It answers with the exact evidence that such a claim rests on, or
with the reason why it is not true. What it is never given is the enumerator's work: it goes from the claim back to the
pack, so a mistake in composing facts shows as a claim that does not hold.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from rab.domain import Claim, EvidencePack, NeighbourEntry, PackItem, Quantity
from rab.generation.codes import Failure
from rab.generation.policy import GroundingPolicy
from rab.generation.reading.pack import Reading
from rab.generation.reading.quantities import quantities_of

Output = Literal["interpretation", "suggestion", "summary", "hypotheses"]
"""What is written of a pack: it decides which kinds of claims there are, and which are due."""


@dataclass(frozen=True)
class Needs:
    """The ids that a claim must cite, for and against, and the quantities that it must declare; no more, no less."""

    support: frozenset[str]
    contra: frozenset[str] = frozenset()
    refs: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Grounds:
    """A pack, read, with its printable numbers: what every check is made against."""

    reading: Reading
    output: Output
    table: dict[str, Quantity] = field(repr=False)

    @classmethod
    def of(cls, pack: EvidencePack, policy: GroundingPolicy, output: Output | None = None) -> "Grounds":
        """Read a pack for an output; None: the one that its kind is made for."""
        reading = Reading(pack, policy)
        return cls(reading, output or _OUTPUT_OF[pack.kind], quantities_of(reading))

    @property
    def items(self) -> dict[str, PackItem]:
        """Full id → entry."""
        return self.reading.pack.items

    @cached_property
    def places(self) -> dict[str, int]:
        """Full id → place in the pack's order."""
        return {item_id: place for place, item_id in enumerate(self.items)}

    def ids(self, items: Iterable[PackItem]) -> frozenset[str]:
        """Return the full ids of items."""
        return frozenset(map(self.reading.id_of, items))

    def cited(self, claim: Claim) -> list[PackItem]:
        """Return the items that support a claim."""
        return [self.items[item_id] for item_id in claim.support]


def labels_of(calls: Iterable[NeighbourEntry], near: Iterable[NeighbourEntry]) -> list[str]:
    """Return the types of call, in people's words, that these of the near calls bear and no other, sorted."""
    keys, everyone = {one.key for one in calls}, list(near)
    kinds = sorted({kind for one in everyone for kind in one.call_types})
    return [kind for kind in kinds if {one.key for one in everyone if kind in one.call_types} == keys]


def unsupported(reason: str) -> Failure:
    """Return the failure of a claim that is not true of its pack."""
    return Failure("E_UNSUPPORTED", reason)


class Form(NamedTuple):
    """What a kind of claim may look like: the items it may cite, its codes, whether it names a taxon."""

    cites: tuple[type[PackItem], ...]
    needs: Callable[[Claim, Grounds], Needs | Failure]
    codes: frozenset[str | None] = frozenset({None})
    taxon: bool | None = False
    """True: must name one; False: must not; None: may."""


_OUTPUT_OF: dict[str, Output] = {"segment": "interpretation", "summary": "summary", "hypotheses": "hypotheses"}
