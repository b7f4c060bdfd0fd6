"""What a model may change in a template's sentence: nothing that carries the claim.

Words that are each allowed can still lie together. "Listeners label the call, which resembles 3 stored calls, X" has
only the words of a true sentence; so has one whose "no" moved, or whose two names changed places. So a bag of allowed
words is no safeguard, and the rule is one of form: a sentence is brought to a normal form, and that must be the normal
form of the template's sentence. On the way there, and there alone, a model is free:

- a connective of the closed list may begin a sentence (`Moreover, …`) or stand between commas (`…, however, …`), though
  not behind a negation: `No, however, statement …` is another sentence;
- articles may come and go;
- words and phrases of a closed table stand for each other (`is similar to` for `resembles`);
- commas, colons, semicolons and brackets may be changed for one another or left out, never added.

Names, numbers, units and all other words, each negation and each hedge among them, stay where the template has them.
"""

import re
from functools import cache
from itertools import zip_longest

from rab.generation.codes import Failure
from rab.generation.wording.lexicon import MASK, folded
from rab.generation.wording.texts import texts

NEGATIONS = frozenset({"no", "not", "none", "nor", "neither", "never", "without"})
"""Words behind which nothing may be inserted."""
ARTICLES = frozenset({"a", "an", "the"})
"""Words that may be added and left out."""
SYNONYMS = {
    "are similar to": "resemble",
    "is similar to": "resembles",
    "be similar to": "resemble",
    "seem to": "appear to",
    "seems to": "appears to",
    "provisionally": "tentatively",
    "puts forward": "proposes",
    "put forward": "propose",
    "carries": "bears",
    "carry": "bear",
    "labeled": "labelled",
    "whilst": "whereas",
    "while": "whereas",
    "signal-to-noise ratio": "snr",
}
"""Word or phrase → what it stands for. Each pair is interchangeable wherever a template uses either."""

_PHRASES = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(SYNONYMS, key=len, reverse=True)))})\b")
_TOKEN = re.compile(rf"{MASK}|[+−-]?\d+(?:[.,]\d+)*%?|[a-z]+(?:['’-][a-z]+)*|[,;:()]|[^\s]")
_PAUSES = frozenset(",;:()")
_UNTIDY = re.compile(r"\s[,;:).]|[,;:(]\s*[,;:).]|\(\s|\s\s|[,;:)](?=[A-Za-z(])|\w\(")


def paraphrase_failure(masked: str, template: str) -> Failure | None:
    """Return why a sentence is no paraphrase of its template's, names masked in both; None when it is one."""
    if foreign_word(masked, template) is not None:
        return Failure("E_VOCABULARY", "a word, a number or a mark is none of this statement's")
    given, own = _normal(masked), _normal(template)
    if [word for word, _ in given] != [word for word, _ in own]:
        return Failure("E_ORDER", "the words of the statement were left out, repeated or put in another order")
    if any(pause and not had for (_, pause), (_, had) in zip_longest(given, own)) or not _is_tidy(masked):
        return Failure("E_ORDER", "a mark stands where the statement has none")
    return None


def foreign_word(masked: str, template: str) -> str | None:
    """Return the first word, number or mark that neither the template's sentence nor the closed lists have."""
    own = {word for word, _ in _normal(template)}
    return next((word for word, _ in _normal(masked) if word not in own), None)


def _normal(masked: str) -> list[tuple[str, bool]]:
    """Return a sentence's words in normal form, without the full stop, each with whether a mark stands before it."""
    opening, between = _connectives()
    text = opening.sub("", folded(masked).removesuffix("."))
    text = between.sub(lambda found: found[0] if found[1] in NEGATIONS else f"{found[1]} ", text)
    text = _PHRASES.sub(lambda found: SYNONYMS[found.group()], text)
    words: list[tuple[str, bool]] = []
    begun = pause = False
    for token in _TOKEN.findall(text):
        if token in _PAUSES:
            pause = begun
        elif token not in ARTICLES:
            words.append((token, pause))
            pause = False
        begun = True
    return words


@cache
def _connectives() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return patterns of a connective that begins a sentence, and of one between commas, behind a word."""
    words = "|".join(map(re.escape, texts()["model/connectives.txt"].split()))
    return re.compile(rf"^(?:{words})\b,?\s*"), re.compile(rf"(\S+),\s*(?:{words}),\s*")


def _is_tidy(masked: str) -> bool:
    """Return whether brackets are closed and marks stand as in print."""
    return masked.count("(") == masked.count(")") and _UNTIDY.search(masked) is None
