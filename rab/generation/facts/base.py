"""Fact: a claim that RAB itself found to be true of a pack. How one is composed is the same for all outputs."""

from collections.abc import Iterable
from dataclasses import dataclass

from rab.domain import Claim, ClaimKind, PackItem
from rab.generation.needs.base import Grounds
from rab.generation.reading.quantities import CITED_CALLS, cited_calls


@dataclass(frozen=True)
class Fact:
    """A claim that is true of a pack, and whether every text about the pack must make it."""

    claim: Claim
    mandatory: bool = False
    bound: bool = False
    """Whether it belongs to a question: it is stated whenever that is, and never alone."""


def compose(
    grounds: Grounds,
    kind: ClaimKind,
    support: Iterable[PackItem],
    names: Iterable[str] = (),
    *,
    contra: Iterable[PackItem] = (),
    code: str | None = None,
    taxon: str | None = None,
    mandatory: bool = False,
    bound: bool = False,
) -> Fact:
    """Return a fact. `names` are references, or figures of the supporting items; absent ones are passed over."""
    ids = grounds.reading.ids_of(support)
    refs = [ref for name in names for ref in (name, *(f"{item_id}:{name}" for item_id in ids))]
    known = grounds.table | {CITED_CALLS: cited_calls(ids)}
    claim = Claim(
        id="f",
        kind=kind,
        code=code,
        taxon=taxon,
        support=ids,
        contra=grounds.reading.ids_of(contra),
        quantities=tuple(known[ref] for ref in refs if ref in known),
        hedge=grounds.reading.hedge(kind, taxon, ids),
        confidence=grounds.reading.confidence(kind, ids),
    )
    return Fact(claim, mandatory, bound)
