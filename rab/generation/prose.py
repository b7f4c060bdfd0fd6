"""Whether a claim's words keep to the claim: its characters, numbers, names, hedge, and what no statement may say.

Names of cited items are masked first. Then each declared quantity, number and unit as one phrase, is taken out; any
numeral that is left, of any script, before or after compatibility folding, is one that nothing in the pack gives.
"""

import re
import unicodedata
from collections.abc import Iterable

from rab.domain import Claim
from rab.generation.codes import Failure
from rab.generation.lexicon import MASK, folded, forbidden, number_word, strange_character
from rab.generation.names import shown, shown_names, taxa_of
from rab.generation.needs import Grounds
from rab.generation.quantities import printed

LONGEST_TEXT = 900
"""Characters of a sentence, quotations included."""

_HEDGES = re.compile(r"\b(?:appears? to|tentatively|suggests?|appear under|as far as|unverified|apparently|may)\b")
_UNIT = r"(?:%|[kM]?Hz|dB|dBFS|m?s|h|hours?|minutes?|seconds?|calls?|segments?|recordings?|days?|members?|taxa|taxon)"


def prose_failure(claim: Claim, grounds: Grounds) -> Failure | None:
    """Return the first failure of a claim's words; None when they keep to the claim. The claim itself must hold."""
    text = claim.text
    if not text.endswith(".") or len(text) > LONGEST_TEXT:
        return Failure("E_TEXT", "the text is not a sentence of bearable length")
    masked = _without(text, _names(claim, grounds))
    if character := strange_character(masked):
        return Failure("E_CHARSET", f"U+{ord(character):04X} has no place in a statement")
    if word := _loose_number(masked, claim):
        return Failure("E_NUM_UNCITED", f"{word} is no declared quantity")
    if family := forbidden(masked):
        return Failure("E_SEMANTICS", f"the text uses a word of {family}")
    if claim.text_origin == "model" and (name := _foreign_name(masked, grounds)):
        return Failure("E_NAME", f"{name} is not named by a cited item")
    if claim.hedge == "tentative" and not _HEDGES.search(folded(masked)):
        return Failure("E_HEDGE", "the text does not sound tentative")
    return None


def _names(claim: Claim, grounds: Grounds) -> set[str]:
    return {name for item_id in claim.citations for name in shown_names(grounds.items[item_id])}


def _without(text: str, names: Iterable[str]) -> str:
    """Return `text` with names masked, longest first, whole words only."""
    longest_first = sorted((name for name in names if name), key=lambda name: (-len(name), name))
    if not longest_first:
        return text
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", MASK, text)


def _loose_number(masked: str, claim: Claim) -> str | None:
    phrases = sorted({printed(quantity) for quantity in claim.quantities}, key=lambda phrase: (-len(phrase), phrase))
    rest = masked
    for phrase in phrases:
        unit_follows = rf"(?!\s?{_UNIT}\b|\s?%)" if phrase[-1].isdigit() else ""
        rest = re.sub(rf"(?<![\w.,+−-]){re.escape(phrase)}(?!\w|[.,]\d){unit_follows}", " ", rest)
    for text in (rest, unicodedata.normalize("NFKC", rest)):
        numeral = next((c for c in text if unicodedata.numeric(c, None) is not None), None)
        if numeral is not None:
            return numeral
    return number_word(rest)


def _foreign_name(masked: str, grounds: Grounds) -> str | None:
    """Return a taxon of the pack that the text still names when those of the cited items are masked."""
    words = folded(masked)
    for item in grounds.items.values():
        for names in taxa_of(item).items():
            for name in names:
                if len(name) > 3 and re.search(rf"(?<!\w){re.escape(folded(shown(name)))}(?!\w)", words):
                    return name
    return None
