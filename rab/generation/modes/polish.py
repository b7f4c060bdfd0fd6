"""Polish: a language model may say where one of a few connecting words belongs, and its sentence is not printed.

A sentence made of true words can still lie: with words in another order, with a figure in another's place, with a comma
moved. So what is printed is put together from the template's own pieces, in their order and with their spacing, and
from connectives of a closed list that say nothing. All that is taken from the model is the places of these.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rab.domain import Claim, DroppedClaim
from rab.generation.checks.holding import failure_of
from rab.generation.modes.slots import Piece, may_be_sent, pieces
from rab.generation.modes.tasks import MOST, UNUSABLE, Draft, flat_object, instructions, list_of, the_list
from rab.generation.needs.base import Grounds
from rab.generation.wording.texts import texts
from rab.language.base import Question

_MOST_INSERTED = 2
_TOKEN = re.compile(r"\{[a-z]\d+\}|[^\W\d_]+|\S")


class _Slotted(NamedTuple):
    """A sentence with slots, `{n1}` for a name and `{q1}` for a quantity, and what stands in them."""

    text: str
    slots: dict[str, str]


@dataclass(frozen=True, eq=False)
class Polish:
    """Sentences that a model may join."""

    question: Question
    claims: tuple[Claim, ...]
    sentences: Mapping[str, _Slotted]

    def read(self, content: Mapping[str, Any]) -> Draft:
        """Return the claims with the words that could be kept; the template words every other one."""
        given = the_list(content, "sentences", MOST)
        if not given or not all(_has_form(one) for one in given):
            return UNUSABLE
        texts_by_id = {one["id"]: one["text"] for one in given}
        if len(texts_by_id) < len(given) or not texts_by_id.keys() <= self.sentences.keys():
            return UNUSABLE
        claims, dropped = [], []
        for claim in self.claims:
            proposed = texts_by_id.get(claim.id)
            joined = "" if proposed is None else joined_from(self.sentences[claim.id], proposed)
            if proposed is not None and joined is None:
                refused = claim.model_copy(update={"text": proposed, "text_origin": "model"})
                reason = "the words are not the template's with connectives between them"
                dropped.append(DroppedClaim(claim=refused, code="E_TEXT", reason=reason))
            words = {"text": joined, "text_origin": "model"} if joined else {}
            claims.append(claim.model_copy(update=words))
        return Draft(tuple(claims), tuple(dropped), tuple(one.code for one in dropped))


def polish(grounds: Grounds, claims: Sequence[Claim]) -> Polish | None:
    """Return the polish of sentences that hold, the first 64 of them; None when there is nothing to join."""
    claims = [claim for claim in claims if failure_of(claim, grounds) is None]
    if len(claims) < 2:
        return None
    found = {claim.id: pieces(claim, grounds) for claim in claims[:MOST]}
    sentences = {claim_id: slotted(parts) for claim_id, parts in found.items() if may_be_sent(parts)}
    if not sentences:
        return None
    sentence = flat_object({"id": {"type": "string", "enum": list(sentences)}, "text": {"type": "string"}})
    schema = flat_object({"sentences": list_of(sentence, len(sentences))})
    matter = "\n".join(f"{claim_id}: {one.text}" for claim_id, one in sentences.items())
    told = instructions("polish").replace("CONNECTIVES", ", ".join(connectives()))
    return Polish(Question("polish", told, matter, schema), tuple(claims), sentences)


def connectives() -> tuple[str, ...]:
    """Return the words that may be inserted."""
    return tuple(texts()["model/connectives.txt"].split())


def slotted(parts: Sequence[Piece]) -> _Slotted:
    """Return a sentence with a slot for each name and quantity."""
    text = ""
    slots: dict[str, str] = {}
    for part in parts:
        if part.kind == "words":
            text += part.text
            continue
        slot = f"{{{part.kind[0]}{sum(one[1] == part.kind[0] for one in slots) + 1}}}"
        slots[slot] = part.text
        text += slot
    return _Slotted(text, slots)


def joined_from(sentence: _Slotted, proposed: str) -> str | None:
    """Return the template's sentence with connectives where `proposed` has them, empty where it has none.

    None when `proposed` lacks anything of the template, or has anything else.
    """
    own, theirs = _TOKEN.findall(sentence.text), _TOKEN.findall(proposed)
    places: list[tuple[int, str]] = []
    at = 0
    for token in theirs:
        if at < len(own) and (token == own[at] or (at == 0 and token.casefold() == own[at].casefold())):
            at += 1
        elif token.casefold() in connectives():
            places.append((at, token.casefold()))
        elif token != ",":  # noqa: S105  no password
            return None
    if at < len(own) or len(places) > _MOST_INSERTED or any(place == len(own) for place, _ in places):
        return None
    return _put_together(sentence, dict(places)) if places else ""


def _put_together(sentence: _Slotted, places: Mapping[int, str]) -> str:
    """Return the sentence with its slots filled and a connective before the tokens that `places` number."""
    text, end = "", 0
    for number, token in enumerate(_TOKEN.finditer(sentence.text)):
        word, between = token.group(), sentence.text[end : token.start()]
        if number in places and number == 0:
            text += f"{places[0].capitalize()}, "
            word = word.lower() if word[1:].islower() or word == "A" else word
        elif number in places:
            text = f"{text.rstrip()}, {places[number]}, " if between else text
            between = ""
        text += between + sentence.slots.get(word, word)
        end = token.end()
    return text + sentence.text[end:]


def _has_form(one: object) -> bool:
    return isinstance(one, dict) and set(one) == {"id", "text"} and all(isinstance(x, str) for x in one.values())
