"""What a language model may be asked about a pack, and how its answer is read: one task per mode.

A task puts a question that holds no free text of anyone, and reads an answer into claims. It believes nothing: claims
go through the validator like everybody's, and `Draft.codes` say what was wrong, in codes that a model may be told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rab.domain import Claim, DroppedClaim
from rab.generation.wording.texts import texts
from rab.language.base import Question

MOST = 64
"""Facts, items or sentences in one question: more values than a thousand compile on no server that was tried."""


@dataclass(frozen=True)
class Draft:
    """An answer, read: the claims that it comes to, what of it was refused, and the codes of all that was wrong."""

    claims: tuple[Claim, ...] = ()
    dropped: tuple[DroppedClaim, ...] = ()
    codes: tuple[str, ...] = ()
    is_usable: bool = True


class Task(Protocol):
    """One question about a pack."""

    @property
    def question(self) -> Question:
        """What the model is asked."""

    def read(self, content: Mapping[str, Any]) -> Draft:
        """Read an answer. Never raises, whatever it holds."""


UNUSABLE = Draft(codes=("E_SCHEMA",), is_usable=False)
"""An answer that does not have the form that was asked for."""


def instructions(mode: str) -> str:
    """Return the standing instructions of a mode."""
    return texts()[f"model/{mode}.txt"]


def repaired(question: Question, codes: Sequence[str]) -> Question:
    """Return a question that says why its last answer was refused, in codes alone."""
    why = texts()["model/repair.txt"].replace("CODES", ", ".join(sorted(set(codes))))
    return Question(question.name, question.instructions, f"{question.matter}\n{why}", question.schema)


def list_of(items: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return the schema of a list. It is bounded, because small models repeat themselves until they are stopped."""
    return {"type": "array", "items": dict(items), "maxItems": most}


def flat_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object all of whose properties are required and beside which there are none."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def the_list(content: Mapping[str, Any], name: str, longest: int) -> list[Any] | None:
    """Return the list that is an answer's one property; None for any other form."""
    found = content.get(name)
    return found if set(content) == {name} and isinstance(found, list) and len(found) <= longest else None
