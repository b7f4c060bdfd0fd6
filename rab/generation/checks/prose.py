"""Whether a claim's words keep to the claim: its characters, numbers, names, hedge, and what no statement may say.

Names of cited items are masked first. Then each declared quantity, number and unit as one phrase, is taken out; any
numeral that is left, of any script, before or after compatibility folding, is one that nothing in the pack gives.
"""

import re
import unicodedata
from collections.abc import Iterable

from rab.domain import Claim
from rab.generation.checks.paraphrase import paraphrase_failure
from rab.generation.codes import Failure
from rab.generation.needs.base import Grounds
from rab.generation.reading.quantities import PROBABILITY, printed
from rab.generation.wording.lexicon import MASK, folded, forbidden, number_word, overreach, strange_character
from rab.generation.wording.names import shown, shown_names, taxa_of

LONGEST_TEXT = 900
"""Characters of a sentence, quotations included."""

_HEDGES = re.compile(
    r"\b(?:(?:appear|seem)s? to|tentatively|provisionally|suggests?|appear under|as far as|unverified"
    r"|verified or not|apparently|may)\b"
)
_UNIT_AFTER = re.compile(
    r"\s?(?:%|(?:[kM]?Hz|dB|dBFS|m?s|h|hours?|minutes?|seconds?|calls?|segments?|recordings?|days?|members?|taxa|taxon)\b)"
)
_NUMBER_BEFORE, _NUMBER_AFTER = re.compile(r"[\w.,+−-]"), re.compile(r"\w|[.,]\d")


def prose_failure(claim: Claim, grounds: Grounds, template: str) -> Failure | None:
    """Return the first failure of a claim's words; None when they keep to the claim. The claim itself must hold.

    `template` is the sentence that the claim's template gives, which words of a model may only paraphrase.
    """
    text = claim.text
    if len(text) > LONGEST_TEXT or text[-1:] != template[-1:]:
        return Failure("E_TEXT", "the text is not a sentence of bearable length")
    names = _names(claim, grounds)
    masked, _ = _masked(text, names)
    if character := MASK if MASK in text else strange_character(masked):
        return Failure("E_CHARSET", f"U+{ord(character):04X} has no place in a statement")
    if _loose_number(masked, claim):
        return Failure("E_NUM_UNCITED", "a number is no declared quantity")
    if family := forbidden(_without_calibrated(masked, claim)):
        return Failure("E_SEMANTICS", f"the text uses a word of {family}")
    asks = text.endswith("?")  # a question asserts nothing
    if claim.hedge == "tentative" and not asks and not _HEDGES.search(folded(masked)):
        return Failure("E_HEDGE", "the text does not sound tentative")
    if claim.text_origin == "model" and (failure := _liberty(text, template, names, grounds)):
        return failure
    return None


def _liberty(text: str, template: str, names: Iterable[str], grounds: Grounds) -> Failure | None:
    """Return the failure of a model's words that say more, less or otherwise than the template's."""
    (masked, given), (own, due) = _masked(text, names), _masked(template, names)
    if (name := _foreign_name(masked, grounds)) is not None and name not in template:
        return Failure("E_NAME", f"{shown(name)} is not named by a cited item")
    if family := overreach(masked, own):
        return Failure("E_SEMANTICS", f"the text uses a word of {family}")
    if given != due:
        return Failure("E_NAME", "names are left out, added, repeated or in another order")
    return paraphrase_failure(masked, own)


def _names(claim: Claim, grounds: Grounds) -> list[str]:
    """Return every name that the cited items bring, longest first."""
    names = {name for item_id in claim.citations for name in shown_names(grounds.items[item_id]) if name}
    return sorted(names, key=lambda name: (-len(name), name))


def _masked(text: str, names: Iterable[str]) -> tuple[str, list[str]]:
    """Return `text` with names masked, whole words only, and the names in the order in which they stand."""
    taken: list[tuple[int, int]] = []
    for name in names:
        start = text.find(name)
        while start >= 0:
            end = start + len(name)
            within = any(start < last and first < end for first, last in taken)
            if not within and not _is_word(text[start - 1 : start]) and not _is_word(text[end : end + 1]):
                taken.append((start, end))
            start = text.find(name, start + 1)
    taken.sort()
    rest, at = "", 0
    for start, end in taken:
        rest, at = f"{rest}{text[at:start]}{MASK}", end
    return rest + text[at:], [text[start:end] for start, end in taken]


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _without_calibrated(masked: str, claim: Claim) -> str:
    """Return the text without `calibrated probability 0.93`, where that is the claim's own: the word's one place."""
    for quantity in claim.quantities:
        if quantity.ref.endswith(":probability"):
            masked = masked.replace(f"{PROBABILITY} {printed(quantity)}", " ", 1)
    return masked


def _loose_number(masked: str, claim: Claim) -> str | None:
    phrases = {printed(quantity) for quantity in claim.quantities}
    rest = masked
    for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase)):
        rest = _taken_out(rest, phrase)
    for text in (rest,) if rest.isascii() else (rest, unicodedata.normalize("NFKC", rest)):
        numeral = next((c for c in text if unicodedata.numeric(c, None) is not None), None)
        if numeral is not None:
            return numeral
    return number_word(rest)


def _taken_out(text: str, phrase: str) -> str:
    """Return `text` without a number and its unit, wherever they stand as such and not as part of another number."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        is_whole = not _NUMBER_BEFORE.match(text[:start][-1:]) and not _NUMBER_AFTER.match(text, end)
        if is_whole and not (phrase[-1].isdigit() and _UNIT_AFTER.match(text, end)):
            text = f"{text[:start]} {text[end:]}"
        start = text.find(phrase, start + 1)
    return text


def _foreign_name(masked: str, grounds: Grounds) -> str | None:
    """Return a taxon of the pack that the text still names when those of the cited items are masked."""
    words = folded(masked)
    for item in grounds.items.values():
        for names in taxa_of(item).items():
            for name in names:
                if len(name) > 3 and re.search(rf"(?<!\w){re.escape(folded(shown(name)))}(?!\w)", words):
                    return name
    return None
