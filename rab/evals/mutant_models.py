"""Faults of a model's sentence that its words do not give away: each breaks one rule of a paraphrase, and no more.

A word too many is found by several checks. So these sentences keep to the claim in all but one thing: a mark, the end,
a name that a cited item bears in another's place, a connective behind a negation. Only the check that is there for
that thing can tell, or tell it by its own code.
"""

import re
from collections.abc import Callable

from rab.domain import Claim
from rab.evals.mutant_claims import ClaimOperator, Sound
from rab.generation.checks.prose import LONGEST_TEXT
from rab.generation.reading.quantities import DIMENSIONLESS, printed
from rab.generation.wording.lexicon import MASK
from rab.generation.wording.names import shown, shown_names, taxa_of

_SPACE = re.compile(r"(?<=[a-z]) (?=[a-z])")
_BEFORE_A_CLAUSE = re.compile(
    r"(?<=[a-z]{4}) (?=(?:that|which|whose|from|with|of|by|in|is|are|and|without|was|were)\b)"
)
_PAUSE = re.compile(r"(?<=[a-z]), (?=[a-z])")
_NEGATION = re.compile(r"\b(?:[Nn]o|[Nn]ot|[Nn]one|[Nn]either|[Ww]ithout)\b(?= [a-z])")
_WORD = re.compile(r"(?<=[a-z] )[a-z]{4,}(?= [a-z])")
_PARTS_OF_A_NAME = re.compile(r"“[^“”]*”")
_WORDLESS_HEDGE = frozenset({"signal_quality", "quality_profile"})
"""Kinds whose template has no tentative wording: tentative, they cannot be printed."""


def _at(pattern: re.Pattern[str], change: Callable[[str], str]) -> ClaimOperator:
    """Change the first place that a pattern finds outside names."""

    def mutate(claim: Claim, sound: Sound) -> Claim | None:
        taken = [found.span() for name in _names(claim, sound) for found in re.finditer(re.escape(name), claim.text)]
        taken += [found.span() for found in _PARTS_OF_A_NAME.finditer(claim.text)]
        places = (found for found in pattern.finditer(claim.text))
        free = (one for one in places if not any(start <= one.end() and one.start() <= end for start, end in taken))
        found = next(free, None)
        if found is None:
            return None
        return _said(claim, f"{claim.text[: found.start()]}{change(found[0])}{claim.text[found.end() :]}")

    return mutate


def _behind(words: str) -> ClaimOperator:
    return lambda claim, _sound: _said(claim, f"{claim.text[:-1]}{words}{claim.text[-1:]}")


def _said(claim: Claim, text: str) -> Claim:
    return claim.model_copy(update={"text": text, "text_origin": "model"})


def _names(claim: Claim, sound: Sound) -> list[str]:
    return [name for one in claim.citations for name in shown_names(sound.grounds.items[one]) if name]


def _without_full_stop(claim: Claim, _sound: Sound) -> Claim | None:
    return _said(claim, claim.text[:-1]) if claim.text.endswith(".") else None


def _without_end(claim: Claim, sound: Sound) -> Claim | None:
    return _at(_SPACE, lambda _: f" {'the ' * (LONGEST_TEXT // 4)}")(claim, sound)


def _masked_name(claim: Claim, sound: Sound) -> Claim | None:
    name = next((one for one in _names(claim, sound) if one in claim.text), None)
    return None if name is None else _said(claim, claim.text.replace(name, MASK, 1))


def _name_of_another(claim: Claim, sound: Sound) -> Claim | None:
    """Name a taxon of the pack that no cited item bears, beside all that is to be named."""
    own = {name for one in claim.citations for pair in taxa_of(sound.grounds.items[one]).items() for name in pair}
    others = [
        name
        for item in sound.grounds.items.values()
        for name in taxa_of(item)
        if name not in own and len(name) > 3 and shown(name) == name
    ]
    return _behind(f" and {others[0]}")(claim, sound) if others else None


def _one_name_for_another(claim: Claim, sound: Sound) -> Claim | None:
    """Put one name of the cited items in the place of another of them, as whole words."""
    names = dict.fromkeys(_names(claim, sound))
    whole = [one for one in names if not any(one in other for other in names if other != one)]
    said = [one for one in whole if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", claim.text)]
    apart = [(old, new) for old in said for new in whole if old != new]
    if not apart:
        return None
    old, new = apart[0]
    return _said(claim, claim.text.replace(old, new, 1))


def _number(change: Callable[[str], str], *, bare: bool = False) -> ClaimOperator:
    """Change what stands around the first of a claim's numbers that is printed; `bare`: of those without a unit."""

    def mutate(claim: Claim, _sound: Sound) -> Claim | None:
        for one in claim.quantities:
            phrase = printed(one)
            if bare and (one.unit not in DIMENSIONLESS or not phrase[-1:].isdigit()):
                continue
            found = re.search(rf"(?<= ){re.escape(phrase)}(?=[\s,;:.)])", claim.text)
            if found is not None:
                return _said(claim, f"{claim.text[: found.start()]}{change(phrase)}{claim.text[found.end() :]}")
        return None

    return mutate


def _wordless_hedge(words: str) -> ClaimOperator:
    """Make a claim tentative whose template cannot say so, with the template's words, or with words of a model."""

    def mutate(claim: Claim, _sound: Sound) -> Claim | None:
        if claim.kind not in _WORDLESS_HEDGE or claim.hedge == "tentative":
            return None
        origin = "model" if words else "template"
        text = f"{claim.text[:-1]}{words}{claim.text[-1:]}"
        return claim.model_copy(update={"hedge": "tentative", "text": text, "text_origin": origin})

    return mutate


MODEL_FAULTS: dict[str, ClaimOperator] = {
    "sentence: a foreign word": _at(_BEFORE_A_CLAUSE, lambda _: " green "),
    "sentence: a connective behind a negation": _at(_NEGATION, lambda word: f"{word}, however,"),
    "sentence: a word twice": _at(_WORD, lambda word: f"{word} {word}"),
    "sentence: a mark added": _at(_BEFORE_A_CLAUSE, lambda _: ", "),
    "sentence: an untidy mark": _at(_PAUSE, lambda _: " , "),
    "sentence: an open bracket": _at(_PAUSE, lambda _: " ("),
    "sentence: no full stop": _without_full_stop,
    "sentence: without end": _without_end,
    "sentence: a mask": _masked_name,
    "sentence: a full-width numeral": _behind(" and ３"),
    "sentence: a numeral within a character": _behind(" and ㏠"),
    "sentence: a name of another item": _name_of_another,
    "sentence: one cited name for another": _one_name_for_another,
    "sentence: a unit behind a number": _number(lambda phrase: f"{phrase} kHz", bare=True),
    "sentence: another sign": _number(lambda phrase: f"−{phrase}"),
    "sentence: a letter behind a number": _number(lambda phrase: f"{phrase}x"),
    "sentence: a hedge without words": _wordless_hedge(""),
    "sentence: other words, and a hedge without any": _wordless_hedge(" and breeds"),
}
"""Faults of a sentence that a model is said to have written; that of a hedge without words is the template's."""
