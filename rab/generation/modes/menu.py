"""Select: a language model is shown proven facts and answers with their ids, in an order of its own.

That is all it can do, so that is all that can go wrong. What every text must state is printed whatever it chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rab.domain import Claim
from rab.generation.facts.base import Fact
from rab.generation.modes.slots import Veil
from rab.generation.modes.tasks import MOST, UNUSABLE, Draft, flat_object, instructions, list_of, the_list
from rab.generation.needs.base import Grounds
from rab.language.base import Question

MOST_CHOSEN = 24
"""Facts that a model may choose: what is due comes on top, and more than this nobody reads."""


@dataclass(frozen=True)
class Menu:
    """The facts that a model may choose from, by their ids."""

    question: Question
    facts: Mapping[str, Claim]

    def read(self, content: Mapping[str, Any]) -> Draft:
        """Return the chosen facts as claims `c1…`."""
        chosen = the_list(content, "facts", 4 * MOST)
        if chosen is None or not chosen or not all(isinstance(one, str) for one in chosen):
            return UNUSABLE
        if not set(chosen) <= self.facts.keys():
            return Draft(codes=("E_CITE_UNKNOWN",), is_usable=False)
        claims = [self.facts[one] for one in dict.fromkeys(chosen)][:MOST_CHOSEN]
        return Draft(tuple(claim.model_copy(update={"id": f"c{n}"}) for n, claim in enumerate(claims, start=1)))


def menu(grounds: Grounds, found: Sequence[Fact]) -> Menu | None:
    """Return the menu of a pack's facts, mandatory ones included; None when nothing but them is true."""
    found = [fact for fact in found if not fact.bound]
    optional = [fact for fact in found if not fact.mandatory]
    if not optional:
        return None
    n_mandatory = len(found) - len(optional)
    kept = {fact.claim.id for fact in optional[: max(MOST - n_mandatory, 1)]}
    offered = [fact for fact in found if fact.mandatory or fact.claim.id in kept][:MOST]
    veil = Veil(grounds)
    lines = [f"{one.claim.id}{'*' if one.mandatory else ''}: {veil.sentence(one.claim)}" for one in offered]
    facts = {fact.claim.id: fact.claim for fact in offered}
    schema = flat_object({"facts": list_of({"type": "string", "enum": list(facts)}, MOST_CHOSEN)})
    return Menu(Question("selection", instructions("select"), "\n".join(lines), schema), facts)
