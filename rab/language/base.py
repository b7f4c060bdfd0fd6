"""The port of language models: one question with instructions and a JSON schema, one JSON object or a typed fault.

Servers that are said to obey a schema often ignore it, so an answer is an object and nothing more is known of it. An
adapter never hands on a part of a reply: what is cut off, refused, filtered, doubled or garbled is a fault.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from rab.errors import LanguageModelFailed

Level = Literal["json_schema", "json_object", "none"]
"""How far a server is asked to hold the model to JSON, strictest first."""

Fault = Literal[
    "unreachable",
    "timeout",
    "resting",
    "refused_by_server",
    "not_an_answer",
    "cut_short",
    "withheld",
    "too_long",
    "address",
]


@dataclass(frozen=True)
class Question:
    """What a model is asked: standing instructions, the matter at hand, and the schema of the answer."""

    name: str
    instructions: str = field(repr=False)
    matter: str = field(repr=False)
    schema: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """The one JSON object that came back, at which level it was asked for, and how long that took."""

    content: dict[str, Any] = field(repr=False)
    level: Level
    seconds: float


class ModelFault(LanguageModelFailed):
    """A language model gave nothing that can be used. `fault` says of which family, the message in words why.

    Neither holds a key, a prompt or anything that a server said.
    """

    def __init__(self, fault: Fault, message: str, *, seconds: float = 0.0) -> None:
        super().__init__(message, hint="see `rab llm check`; until then texts are written by templates")
        self.fault = fault
        self.seconds = seconds


class LanguageModel(Protocol):
    """A language model behind some server. Safe to share between threads."""

    @property
    def key(self) -> str:
        """The model's name, as the server knows it."""

    @property
    def deadline_s(self) -> float:
        """Seconds that one text may take, over all its questions."""

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        """Return the object that answers a question. Raises `ModelFault`; `within_s` None: the whole deadline."""

    def models(self) -> tuple[str, ...]:
        """Return the names of the models that the server offers. Raises `ModelFault`."""
