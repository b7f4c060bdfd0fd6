"""Words that no statement may use, and the characters it may be made of.

RAB reports resemblance and counts. It never says what an animal means, feels or is, and never that something is
proven. The lists are closed and English, as the templates are; names of cited items are taken out before the search, so
a Happy Wren may be counted and a human label "alarm call" quoted.
"""

import re
import unicodedata

_FORBIDDEN = {
    "intent or meaning": r"say|says|saying|said|mean|means|meant|meaning|warn|warns|warned|warning|want|wants|wanted"
    r"|tell|tells|telling|told|ask|asks|asking|greet|greets|greeting|beg|begs|begging|threaten|threatens|invite|invites"
    r"|intend|intends|intent|intention|express|expresses|communicate|communicates|talk|talks|answers|replies|speaks",
    "emotion": r"happy|happiness|sad|sadness|angry|anger|afraid|fear|fears|fearful|anxious|anxiety|joy|joyful|distress"
    r"|distressed|excited|excitement|lonely|calm|aggressive|aggression|danger|dangerous|alarm|alarmed|alarming",
    "certainty": r"confirm|confirms|confirmed|confirming|prove|proves|proved|proven|proof|significant|significantly"
    r"|certain|certainly|definite|definitely|undoubtedly|surely|obviously|clearly|truly",
    "probability": r"probability|probable|probably|likely|likelihood|chance|confidence|confident",
    "identity": r"identified|identifies|belongs to the species|species is|must be|turns out to be",
    "trend": r"trend|trends|increase|increases|increased|increasing|decrease|decreases|decreased|decreasing|decline"
    r"|declines|declined|declining",
}
_PATTERNS = {family: re.compile(rf"\b(?:{words})\b") for family, words in _FORBIDDEN.items()}

MASK = "￼"
"""What stands in a text in place of a name that has been checked: the object replacement character."""

_COPULA = re.compile(rf"\b(?:is|are|was|were|be|been|being|am|it's|'s)\b[^.;:]{{0,24}}?{MASK}")
_NAMING = re.compile(rf"\b(?:is|are|was|were)\s+(?:also\s+|tentatively\s+)?(?:named|labelled)\b[^.;:]{{0,24}}?{MASK}")

_NUMBER_WORDS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?"
    r"|dozens?|half|twice|thrice|double|triple|once|percent)\b"
)

_CHARACTERS = re.compile(rf"[A-Za-z0-9 .,;:()/%'’“”+−–-]|{MASK}")


def folded(text: str) -> str:
    """Return `text` as the search sees it: compatibility forms, invisible characters and case folded away."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return visible.casefold()


def forbidden(masked: str) -> str | None:
    """Return the family of the first forbidden word of a text whose names are masked; None without one."""
    text = folded(masked)
    for family, pattern in _PATTERNS.items():
        if pattern.search(text):
            return family
    if _COPULA.search(_NAMING.sub(" ", text)):
        return "identity"
    return None


def number_word(masked: str) -> str | None:
    """Return the first number written in words, such as `three`; None without one."""
    found = _NUMBER_WORDS.search(folded(masked))
    return found.group() if found else None


def strange_character(masked: str) -> str | None:
    """Return the first character that no template uses, such as a look-alike letter; None without one."""
    return next((c for c in masked if not _CHARACTERS.fullmatch(c)), None)
