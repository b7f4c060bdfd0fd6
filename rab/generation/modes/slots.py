"""Slots: a claim's sentence as a language model sees it, with a slot in place of every name.

Names come from labels, sites and files, and may hold anything, instructions to a language model included. None is
sent, not even that of a species: a model that orders facts needs none, and where a rare animal lives is nobody's
business. The same name has the same slot throughout a pack, so that a model can tell what belongs together.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from rab.domain import Claim
from rab.generation.needs.base import Grounds
from rab.generation.reading.quantities import printed
from rab.generation.wording.names import shown, shown_names, taxa_of
from rab.generation.wording.sentences import worded
from rab.generation.wording.vocabulary import is_closed

_HOUR_SPAN = re.compile(r"\d\d:00–\d\d:00")


class Piece(NamedTuple):
    """A part of a sentence: the template's words, a name, hours of the day, or a declared quantity with its unit."""

    kind: Literal["words", "name", "hours", "quantity"]
    text: str


def pieces(claim: Claim, grounds: Grounds) -> list[Piece]:
    """Return the template's sentence of a claim in its pieces. The claim must hold."""
    names = {name for item_id in claim.citations for name in shown_names(grounds.items[item_id])}
    quantities = {printed(quantity) for quantity in claim.quantities}
    found: list[Piece] = []
    for part, is_name in _split(worded(claim, grounds.reading), names):
        if is_name:
            found.append(Piece("hours" if _HOUR_SPAN.fullmatch(part) else "name", part))
            continue
        found += [Piece("quantity" if number else "words", text) for text, number in _split(part, quantities)]
    return found


def may_be_sent(parts: Iterable[Piece]) -> bool:
    """Return whether a sentence, its names aside, is made of the vocabulary and of declared quantities alone."""
    said = [part for part in parts if part.kind != "name"]
    loose = any(character.isnumeric() for part in said if part.kind == "words" for character in part.text)
    return not loose and all(is_closed(part.text) for part in said)


@dataclass(frozen=True, eq=False)
class Veil:
    """The slots that stand for the names of a pack: `{taxon1}` for both names of a taxon, `{name1}` for any other."""

    grounds: Grounds
    _slots: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def taxa(self) -> dict[str, str]:
        """Slot → scientific name, of every taxon that an item of the pack names."""
        named = (pair for item in self.grounds.items.values() for pair in taxa_of(item).items())
        found: dict[str, str] = {}
        for scientific_name, common_name in named:
            slot = found.setdefault(scientific_name, f"taxon{len(found) + 1}")
            for name in (scientific_name, common_name):
                self._slots.setdefault(shown(name), f"{{{slot}}}")
        return {slot: name for name, slot in found.items()}

    def slot_of(self, name: str) -> str:
        """Return the slot of a name as it is printed."""
        assert self.taxa is not None  # names of taxa come first
        n_others = sum(slot.startswith("{name") for slot in self._slots.values())
        return self._slots.setdefault(name, f"{{name{n_others + 1}}}")

    def sentence(self, claim: Claim) -> str:
        """Return a claim's sentence with slots for names; its kind alone where a word is of no template."""
        parts = pieces(claim, self.grounds)
        if not may_be_sent(parts):
            return f"a statement of the kind {claim.kind}{f', {claim.code}' if claim.code else ''}"
        text = "".join(self.slot_of(one.text) if one.kind == "name" else one.text for one in parts)
        return re.sub(r"(\{taxon\d+\}) \(\1\)", r"\1", text)


def _split(text: str, phrases: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, and whether each is one of the phrases; longest first, whole words only."""
    longest_first = sorted((one for one in phrases if one), key=lambda one: (-len(one), one))
    if not longest_first:
        yield text, False
        return
    pattern = rf"((?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w))"
    for number, part in enumerate(re.split(pattern, text)):
        if part:
            yield part, number % 2 == 1
