"""Plan: a language model proposes statements of its own, in terms of a pack's items and figures.

It chooses among enumerated ids and never types one; it is not told which statements are true. What speaks against a
statement, and whether it must be hedged, is computed here. Whether it holds is the validator's business: of a small
model's plans nothing held in 25 statements, so this mode is for those who want to measure a model, or have a good one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from rab.domain import AggregateEntry, Claim, ClaimKind, PackItem, Quantity
from rab.generation.checks.holding import dissent
from rab.generation.facts.base import Fact
from rab.generation.modes.slots import Veil
from rab.generation.modes.tasks import MOST, UNUSABLE, Draft, flat_object, instructions, list_of, the_list
from rab.generation.needs.base import Form, Grounds
from rab.generation.outputs import rules
from rab.generation.reading.quantities import CITED_CALLS, cited_calls, printed
from rab.generation.wording.names import taxa_of
from rab.generation.wording.vocabulary import is_closed
from rab.language.base import Question

_MOST_FIGURES, _MOST_CLAIMS, _MOST_CITED, _MOST_PRINTED = 400, 8, 16, 8
_FIELDS = ("kind", "code", "taxon", "support", "quantities")
_CITED = "calls"
"""Stands for the number of calls that a statement cites, which is a figure of no item."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The items and figures that a model may combine."""

    question: Question
    grounds: Grounds
    taxa: Mapping[str, str]
    """Slot → scientific name."""
    figures: Mapping[str, str]
    """Slot → reference of the quantity."""

    def read(self, content: Mapping[str, Any]) -> Draft:
        """Return the proposed statements as claims `c1…`, with what speaks against each of them."""
        proposed = the_list(content, "claims", MOST)
        if not proposed or not all(self._has_form(one) for one in proposed):
            return UNUSABLE
        return Draft(tuple(self._claim(n, one) for n, one in enumerate(proposed, start=1)))

    def _has_form(self, one: object) -> bool:
        if not isinstance(one, dict) or set(one) != set(_FIELDS) or one["kind"] not in get_args(ClaimKind):
            return False
        lists = [one["support"], one["quantities"]]
        words = all(one[name] is None or isinstance(one[name], str) for name in ("code", "taxon"))
        return words and all(
            isinstance(all_ids, list) and all(isinstance(x, str) for x in all_ids) for all_ids in lists
        )

    def _claim(self, number: int, one: Mapping[str, Any]) -> Claim:
        support = tuple(one["support"])
        known = self.grounds.table | {CITED_CALLS: cited_calls(support)}
        refs = [self.figures.get(slot, slot) for slot in one["quantities"]]
        taxon = self.taxa.get(one["taxon"], one["taxon"]) if one["taxon"] else None
        claim = Claim(
            id=f"c{number}",
            kind=one["kind"],
            code=one["code"],
            taxon=taxon,
            support=support,
            quantities=tuple(known.get(ref, _unknown(ref)) for ref in refs),
            hedge=self.grounds.reading.hedge(one["kind"], taxon, support),
            confidence=self.grounds.reading.confidence(one["kind"], support),
        )
        return claim.model_copy(update={"contra": dissent(claim, self.grounds)})


def _unknown(ref: str) -> Quantity:
    """Return a figure that no pack has, for the validator to refuse."""
    return Quantity(ref=ref, value=0.0, unit="", decimals=0, source=())


def plan(grounds: Grounds, found: Sequence[Fact]) -> Plan | None:
    """Return the plan of a pack: the items that facts cite, with their figures; None where no choice is."""
    claims = [fact.claim for fact in found]
    ids = list(dict.fromkeys(item_id for claim in claims for item_id in claim.citations))[:MOST]
    if all(fact.mandatory for fact in found) or not ids:
        return None
    veil = Veil(grounds)
    taxa = dict(list(veil.taxa.items())[:MOST])
    refs = dict.fromkeys(one.ref for claim in claims for one in claim.quantities if set(one.source) <= set(ids))
    refs.pop(CITED_CALLS, None)
    figures = {f"q{n}": ref for n, ref in enumerate(list(refs)[:_MOST_FIGURES], start=1)} | {_CITED: CITED_CALLS}
    forms = rules(grounds.output).forms
    matter = "\n".join(
        [
            *("kind " + _form_words(kind, form) for kind, form in forms.items()),
            *(f"item {item_id}: {_item_words(grounds.items[item_id], veil.taxa)}" for item_id in ids),
            *(f"figure {slot}: {_figure_words(ref, grounds, veil.taxa)}" for slot, ref in figures.items()),
        ]
    )
    question = Question("plan", instructions("plan"), matter, _schema(forms, ids, list(taxa), list(figures)))
    return Plan(question, grounds, taxa, figures)


def _schema(
    forms: Mapping[ClaimKind, Form], ids: Sequence[str], taxa: Sequence[str], figures: Sequence[str]
) -> dict[str, Any]:
    codes = sorted({code for form in forms.values() for code in form.codes if code is not None})
    properties = {
        "kind": {"type": "string", "enum": list(forms)},
        "code": _or_null(codes),
        "taxon": _or_null(taxa),
        "support": list_of({"type": "string", "enum": list(ids)}, _MOST_CITED),
        "quantities": list_of({"type": "string", "enum": list(figures)}, _MOST_PRINTED),
    }
    return flat_object({"claims": list_of(flat_object(properties), _MOST_CLAIMS)})


def _or_null(values: Sequence[str]) -> dict[str, Any]:
    null = {"type": "null"}
    return {"anyOf": [{"type": "string", "enum": list(values)}, null]} if values else null


def _form_words(kind: ClaimKind, form: Form) -> str:
    codes = sorted(code for code in form.codes if code is not None)
    taxon = {True: "a taxon", False: "no taxon", None: "a taxon or none"}[form.taxon]
    cites = ", ".join(sorted(map(_sort, form.cites)))
    return f"{kind}: cites {cites}; {taxon}; code {' or '.join(codes) if codes else 'null'}"


def _item_words(item: PackItem, taxa: Mapping[str, str]) -> str:
    slots = {name: slot for slot, name in taxa.items()}
    named = ", ".join(slots[name] for name in taxa_of(item) if name in slots)
    what = _sort(type(item))
    if isinstance(item, AggregateEntry) and is_closed(item.name.replace("_", " ")):
        what += f" {item.name}"
    return f"{what}{f' named {named}' if named else ''}"


def _figure_words(ref: str, grounds: Grounds, taxa: Mapping[str, str]) -> str:
    """Return what a figure is and its value, with a slot for a taxon; its value alone where its name is not known."""
    if ref == CITED_CALLS:
        return "the number of cited calls"
    quantity = grounds.table[ref]
    named = [slot for slot, name in taxa.items() if ref.endswith(f":{name}")]
    slot = max(named, key=lambda slot: len(taxa[slot]), default=None)
    words = ref if slot is None else f"{ref.removesuffix(f':{taxa[slot]}')}:{slot}"
    for item_id in quantity.source:
        words = words.removeprefix(f"{item_id}:")
    plain = re.sub(r"[_:]|taxon\d+", " ", words)
    known = is_closed(plain) and not any(character.isnumeric() for character in plain)
    sources = ", ".join(quantity.source[:3])
    value = printed(quantity)
    return f"{words if known else 'figure'} of {sources or 'the library'}{f', {value}' if is_closed(value) else ''}"


def _sort(item: type[PackItem]) -> str:
    return item.__name__.removesuffix("Entry").lower()
