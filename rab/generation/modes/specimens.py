"""Specimens: questions whose right answers are known, for finding out what a language model's server does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rab.domain import Claim
from rab.generation.modes.menu import MOST_CHOSEN, Menu
from rab.generation.modes.tasks import flat_object, instructions, list_of
from rab.generation.wording.texts import texts
from rab.language.base import Question

_WORDS = ("b7f2", "k9d4")


@dataclass(frozen=True)
class Specimen:
    """A question, and whether an answer to it is one that RAB could use."""

    question: Question
    is_kept: Callable[[Mapping[str, Any]], bool]


def obedience() -> Specimen:
    """Return a question whose instructions ask for one word, and whose schema allows others only."""
    schema = flat_object({"word": {"type": "string", "enum": list(_WORDS)}})
    question = Question("probe", instructions("probe"), "Answer now.", schema)
    return Specimen(question, lambda content: set(content) == {"word"} and content["word"] in _WORDS)


def selection() -> Specimen:
    """Return a menu of eight facts as they occur."""
    lines = texts()["model/specimen.txt"]
    ids = [line.partition(":")[0].rstrip("*") for line in lines.splitlines()]
    schema = flat_object({"facts": list_of({"type": "string", "enum": ids}, MOST_CHOSEN)})
    question = Question("selection", instructions("select"), lines, schema)
    claims = {one: Claim(id=one, kind="caveat", support=()) for one in ids}
    return Specimen(question, lambda content: Menu(question, claims).read(content).is_usable)
