"""Faults of claims: what a sound draft is, and the ways in which one claim of it is spoilt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random

from rab.domain import Claim, EvidencePack, Quantity
from rab.evals.generation_reader import names_in
from rab.evals.generation_truth import by_content, figures, meaning
from rab.evals.mutant_words import STRANGER, UNITS
from rab.generation.checks.validate import validated
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of, rules
from rab.generation.reading.quantities import CITED_CALLS, cited_calls
from rab.generation.wording.names import taxa_of
from rab.generation.writer import by_template


@dataclass(frozen=True, eq=False)
class Sound:
    """A pack that has been read, its facts, and the draft that the template writer makes of them."""

    grounds: Grounds
    random: Random

    @cached_property
    def found(self) -> tuple[Fact, ...]:
        """All facts of the pack."""
        return facts_of(self.grounds)

    @cached_property
    def known(self) -> dict[object, Claim]:
        """The same by content."""
        return by_content(self.found)

    @cached_property
    def worded(self) -> tuple[Claim, ...]:
        """The served claims."""
        return by_template(self.grounds).claims

    @cached_property
    def draft(self) -> tuple[Claim, ...]:
        """The served claims without their words."""
        return tuple(one.model_copy(update={"text": ""}) for one in self.worded)

    @cached_property
    def served(self) -> Counter[object]:
        """What is served of the sound draft."""
        return Counter(map(content_of, validated(self.draft, self.grounds, self.found)[0]))

    @cached_property
    def due(self) -> set[object]:
        """What is served of it and may not be missing."""
        mandatory = {meaning(one.claim) for one in self.found if one.mandatory}
        return {content_of(one) for one in self.worded if meaning(one) in mandatory}

    @property
    def pack(self) -> EvidencePack:
        """The pack."""
        return self.grounds.reading.pack

    @cached_property
    def ids(self) -> list[str]:
        """All ids of the pack."""
        return list(self.grounds.items)

    @cached_property
    def taxa(self) -> list[str]:
        """Names that a pack has, and one that it has not."""
        return [*names_in(self.pack)[:40], STRANGER]


def content_of(claim: Claim) -> object:
    """Return all that is served of a claim, its id aside, with evidence and figures in any order."""
    return meaning(claim), figures(claim), claim.hedge, claim.confidence, claim.text


ClaimOperator = Callable[[Claim, Sound], Claim | None]


def _with(claim: Claim, **fields: object) -> Claim:
    return claim.model_copy(update=fields)


def _drop_citation(claim: Claim, sound: Sound) -> Claim | None:
    at = sound.random.randrange(len(claim.support))
    return _with(claim, support=claim.support[:at] + claim.support[at + 1 :])


def _drop_dissent(claim: Claim, sound: Sound) -> Claim | None:
    if not claim.contra:
        return None
    at = sound.random.randrange(len(claim.contra))
    return _with(claim, contra=claim.contra[:at] + claim.contra[at + 1 :])


def _other_id(claim: Claim, sound: Sound) -> str | None:
    others = [one for one in sound.ids if one not in claim.citations]
    return sound.random.choice(others) if others else None


def _add_citation(claim: Claim, sound: Sound) -> Claim | None:
    other = _other_id(claim, sound)
    return None if other is None else _with(claim, support=(*claim.support, other))


def _add_dissent(claim: Claim, sound: Sound) -> Claim | None:
    other = _other_id(claim, sound)
    return None if other is None else _with(claim, contra=(*claim.contra, other))


def _replace_citation(claim: Claim, sound: Sound) -> Claim | None:
    other = _other_id(claim, sound)
    if other is None:
        return None
    at = sound.random.randrange(len(claim.support))
    return _with(claim, support=(*claim.support[:at], other, *claim.support[at + 1 :]))


def _swap_sides(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, support=claim.contra, contra=claim.support) if claim.contra else None


def _replace_with_figures(claim: Claim, sound: Sound) -> Claim | None:
    """Cite another item of the same sort, and give its figures in the place of the first one's: a seamless lie."""
    old = sound.random.choice(claim.support)
    sort = type(sound.grounds.items[old])
    others = [one for one in sound.ids if one not in claim.citations and type(sound.grounds.items[one]) is sort]
    if not others:
        return None
    new = sound.random.choice(others)
    support = tuple(new if one == old else one for one in claim.support)
    table = sound.grounds.table | {CITED_CALLS: cited_calls(support)}
    refs = [
        one.ref.replace(f"{old}:", f"{new}:", 1) if one.ref.startswith(f"{old}:") else one.ref
        for one in claim.quantities
    ]
    if not all(ref in table for ref in refs):
        return None
    hedge = sound.grounds.reading.hedge(claim.kind, claim.taxon, support)
    return _with(claim, support=support, quantities=tuple(table[ref] for ref in refs), hedge=hedge)


def _malformed(claim: Claim, sound: Sound) -> Claim | None:
    broken = sound.random.choice(({"support": None}, {"taxon": 7}, {"hedge": "certain"}, {"id": "c1\n# Confirmed"}))
    return _with(claim, **broken)


def _foreign_salt(claim: Claim, sound: Sound) -> Claim | None:
    foreign = "0000" if sound.pack.salt != "0000" else "ffff"
    first = f"{claim.support[0].partition('.')[0]}.{foreign}"
    return _with(claim, support=(first, *claim.support[1:]))


def _unknown_id(claim: Claim, sound: Sound) -> Claim | None:
    return _with(claim, support=(f"n999.{sound.pack.salt}", *claim.support[1:]))


def _repeat_citation(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, support=(*claim.support, claim.support[0]))


def _quantity(change: Callable[[Quantity, Claim, Sound], Quantity | None]) -> ClaimOperator:
    def mutate(claim: Claim, sound: Sound) -> Claim | None:
        if not claim.quantities:
            return None
        at = sound.random.randrange(len(claim.quantities))
        changed = change(claim.quantities[at], claim, sound)
        if changed is None:
            return None
        return _with(claim, quantities=(*claim.quantities[:at], changed, *claim.quantities[at + 1 :]))

    return mutate


def _last_place(one: Quantity, _claim: Claim, sound: Sound) -> Quantity:
    step = 10.0**-one.decimals * sound.random.choice((-1, 1))
    return one.model_copy(update={"value": round(one.value + step, 9)})


def _raise_similarity(one: Quantity, _claim: Claim, _sound: Sound) -> Quantity | None:
    is_similarity = one.ref.endswith(":similarity") and not one.ref.startswith("policy")
    return one.model_copy(update={"value": round(one.value + 0.05, 4)}) if is_similarity else None


def _other_unit(one: Quantity, _claim: Claim, _sound: Sound) -> Quantity:
    return one.model_copy(update={"unit": UNITS.get(one.unit, f"{one.unit}s" if one.unit else "calls")})


def _other_source(one: Quantity, claim: Claim, sound: Sound) -> Quantity | None:
    other = _other_id(claim, sound)
    return None if other is None else one.model_copy(update={"source": (other,)})


def _other_ref(one: Quantity, claim: Claim, sound: Sound) -> Quantity | None:
    others = [ref for ref in sound.grounds.table if ref not in {each.ref for each in claim.quantities}]
    return one.model_copy(update={"ref": sound.random.choice(others)}) if others else None


def _more_decimals(one: Quantity, _claim: Claim, _sound: Sound) -> Quantity:
    return one.model_copy(update={"decimals": one.decimals + 1})


def _drop_quantity(claim: Claim, sound: Sound) -> Claim | None:
    if not claim.quantities:
        return None
    at = sound.random.randrange(len(claim.quantities))
    return _with(claim, quantities=claim.quantities[:at] + claim.quantities[at + 1 :])


def _add_quantity(claim: Claim, sound: Sound) -> Claim | None:
    declared = {one.ref for one in claim.quantities}
    others = [one for ref, one in sound.grounds.table.items() if ref not in declared]
    return _with(claim, quantities=(*claim.quantities, sound.random.choice(others))) if others else None


def _other_taxon(claim: Claim, sound: Sound) -> Claim | None:
    """Name a taxon that no cited item bears."""
    others = [one for one in sound.taxa if one not in _borne(claim, sound)]
    return _with(claim, taxon=sound.random.choice(others)) if claim.taxon else None


def _other_borne(claim: Claim, sound: Sound) -> Claim | None:
    """Name a taxon that a cited item bears beside the one that is meant."""
    others = sorted(_borne(claim, sound) - {claim.taxon})
    return _with(claim, taxon=sound.random.choice(others)) if claim.taxon and others else None


def _borne(claim: Claim, sound: Sound) -> set[str]:
    return {name for item in sound.grounds.cited(claim) for name in taxa_of(item)}


def _drop_taxon(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, taxon=None) if claim.taxon else None


def _add_taxon(claim: Claim, sound: Sound) -> Claim | None:
    return None if claim.taxon else _with(claim, taxon=sound.random.choice(sound.taxa))


def _plain(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, hedge="plain") if claim.hedge == "tentative" else None


def _confident(claim: Claim, sound: Sound) -> Claim | None:
    return _with(claim, confidence=sound.random.choice((0.93, 0.0, 1.0)))


def _other_code(claim: Claim, sound: Sound) -> Claim | None:
    forms = rules(sound.grounds.output).forms
    codes = sorted({code or "" for code in forms[claim.kind].codes} - {claim.code or ""})
    return _with(claim, code=sound.random.choice(codes or ["made_up"]) or None)


def _made_up_code(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, code="made_up")


def _taxon_of_none(claim: Claim, sound: Sound) -> Claim | None:
    """Name a taxon in a claim of a kind that names none."""
    form = rules(sound.grounds.output).forms[claim.kind]
    return _with(claim, taxon=sound.random.choice(sound.taxa)) if form.taxon is False else None


def _reason_that_fails(claim: Claim, sound: Sound) -> Claim | None:
    """Give a reason to abstain, or a caveat, that no fact of the pack gives."""
    if claim.kind not in ("abstention", "caveat"):
        return None
    holding = {one.claim.code for one in sound.found if one.claim.kind == claim.kind}
    codes = sorted(code for code in rules(sound.grounds.output).forms[claim.kind].codes - holding if code)
    return _with(claim, code=sound.random.choice(codes)) if codes else None


def _no_citation(claim: Claim, _sound: Sound) -> Claim | None:
    return _with(claim, support=())


def _other_sort(claim: Claim, sound: Sound) -> Claim | None:
    """Cite an item of a sort that such a claim cannot rest on."""
    cites = rules(sound.grounds.output).forms[claim.kind].cites
    others = [one for one, item in sound.grounds.items.items() if not isinstance(item, cites)]
    return _with(claim, support=(*claim.support, sound.random.choice(others))) if others else None


def _figure_of_others(claim: Claim, sound: Sound) -> Claim | None:
    """Declare a figure of the pack that rests on items which the claim does not cite."""
    if claim.kind == "difference":
        return None  # it is told by another check that a difference has too many
    declared, cited = {one.ref for one in claim.quantities}, set(claim.citations)
    others = [one for ref, one in sound.grounds.table.items() if ref not in declared and not set(one.source) <= cited]
    return _with(claim, quantities=(*claim.quantities, sound.random.choice(others))) if others else None


def _other_kind(claim: Claim, sound: Sound) -> Claim | None:
    kinds = sorted(set(rules(sound.grounds.output).forms) - {claim.kind})
    return _with(claim, kind=sound.random.choice(kinds))


CLAIM_FAULTS: dict[str, ClaimOperator] = {
    "drop a citation": _drop_citation,
    "drop dissent": _drop_dissent,
    "add a citation": _add_citation,
    "add dissent": _add_dissent,
    "replace a citation": _replace_citation,
    "another item, with its figures": _replace_with_figures,
    "swap support and dissent": _swap_sides,
    "foreign salt": _foreign_salt,
    "unknown id": _unknown_id,
    "repeat a citation": _repeat_citation,
    "number, one last place": _quantity(_last_place),
    "raise a similarity": _quantity(_raise_similarity),
    "another unit": _quantity(_other_unit),
    "another source": _quantity(_other_source),
    "another reference": _quantity(_other_ref),
    "one decimal more": _quantity(_more_decimals),
    "drop a number": _drop_quantity,
    "add a number": _add_quantity,
    "another taxon": _other_taxon,
    "drop the taxon": _drop_taxon,
    "add a taxon": _add_taxon,
    "hedge dropped": _plain,
    "confidence given": _confident,
    "another code": _other_code,
    "another kind": _other_kind,
    "another taxon that is borne": _other_borne,
    "a made-up code": _made_up_code,
    "a taxon where there is none": _taxon_of_none,
    "a reason that does not hold": _reason_that_fails,
    "no citation": _no_citation,
    "an item of another sort": _other_sort,
    "a figure of other items": _figure_of_others,
    "malformed": _malformed,
}
"""Faults of a claim's structure; the claim comes without words, so that no check of words can find them."""
