"""Faults of words: one sentence, tampered with in one way, as a model might or somebody who edits a record."""

import re
from collections.abc import Callable, Sequence

STRANGER = "Canis lupus"
"""A name that is in no pack."""
UNITS = {"Hz": "kHz", "kHz": "Hz", "dB": "dBFS", "dBFS": "dB", "s": "ms", "ms": "s", "h": "min", "calls": "recordings"}
"""Unit → one that it is taken for."""
Tamper = Callable[[str, Sequence[str]], str | None]
"""Changes a sentence, knowing the names of a pack; None where it cannot."""

_DIGIT = re.compile(r"(?<![\w.])\d[\d.]*")
_UNIT = re.compile(r"(?<=\d )(?:Hz|kHz|dB|dBFS|s|ms|calls|segments)\b")
_HEDGE = re.compile(r"Tentatively, |appears? to |As far as the weak signal allows, ")
_ASCII_E = re.compile(r"e(?=[a-z])")


def _other_digit(text: str, _names: Sequence[str]) -> str | None:
    found = _DIGIT.search(text)
    if found is None:
        return None
    digit = text[found.start()]
    return f"{text[: found.start()]}{(int(digit) + 1) % 10}{text[found.start() + 1 :]}"


def _without_hedge(text: str, _names: Sequence[str]) -> str | None:
    found = _HEDGE.search(text)
    return None if found is None else text[: found.start()] + text[found.end() :]


def _other_name(text: str, names: Sequence[str]) -> str | None:
    name = next((one for one in names if len(one) > 3 and one in text), None)
    other = next(one for one in (*names[::-1], STRANGER) if one != name)
    return None if name is None else text.replace(name, other)


def _swapped_words(text: str, _names: Sequence[str]) -> str | None:
    words = text.split(" ")
    places = [
        at
        for at in range(1, len(words) - 2)
        if words[at] != words[at + 1] and words[at].isalpha() and words[at + 1].isalpha()
        and not {words[at].lower(), words[at + 1].lower()} & {"a", "an", "the"}
    ]  # fmt: skip
    if not places:
        return None
    at = places[len(text) % len(places)]
    words[at : at + 2] = words[at + 1], words[at]
    return " ".join(words)


def _clause(words: str) -> Tamper:
    return lambda text, _names: f"{text[:-1]}{words}{text[-1]}"


WORD_FAULTS: dict[str, Tamper] = {
    "text: another digit": _other_digit,
    "text: another unit": lambda text, _: _UNIT.sub(lambda unit: UNITS.get(unit[0], "minutes"), text, count=1),
    "text: a negation": lambda text, _: text.replace(" ", " not ", 1),
    "text: certainty": _clause(", which is confirmed"),
    "text: behaviour": _clause(", and breeds here"),
    "text: an uncited number": _clause(" and 17 others"),
    "text: a number in words": _clause(" and three others"),
    "text: a superscript": _clause("²"),
    "text: a citation": _clause(" [n1.dead]"),
    "text: a name": _clause(f" and {STRANGER}"),
    "text: another name": _other_name,
    "text: a look-alike letter": lambda text, _: _ASCII_E.sub("\u0435", text, count=1),
    "text: an unseen character": lambda text, _: text.replace(" ", " \u200b", 1),
    "text: a second sentence": lambda text, _: f"{text} It is a wolf.",
    "text: no hedge": _without_hedge,
    "text: words swapped": _swapped_words,
    "text: cut short": lambda text, _: f"{text.rsplit(' ', 1)[0]}{text[-1]}" if text.count(" ") > 2 else None,
    "text: said twice": lambda text, _: f"{text[:-1]}, {text}",
}
"""Faults of a sentence, by name."""
