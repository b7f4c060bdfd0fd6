"""Language check: what a configured server is capable of, found by asking it and not by believing it.

The names of its models are the only words of a server that anybody gets to see: each on one line, shortened, and no
more of them than can be read.
"""

from rab.domain import Value
from rab.generation.modes.specimens import obedience, selection
from rab.generation.wording.names import one_line
from rab.language.base import LanguageModel, Level, ModelFault

_MOST_MODELS, _LONGEST_NAME = 100, 120


class LanguageCheck(Value):
    """What a language model's server was found to do. None: it was not got so far."""

    model: str
    models: tuple[str, ...] | None
    """Names that the server offers, the first 100; None where it does not list them."""
    is_reachable: bool
    level: Level | None = None
    """The strictest form of answer that the server takes."""
    obeys_schema: bool | None = None
    """Whether an answer kept to the schema although the instructions asked for another one."""
    can_select: bool = False
    select_seconds: float | None = None
    """Seconds that a choice among eight facts took."""
    fault: str | None = None
    """Why texts would be written by templates; None when the model can be used."""


def check_language(model: LanguageModel) -> LanguageCheck:
    """Ask a server for its models, for an answer against instructions, and for a choice among eight facts."""
    found = {"model": model.key, "models": _offered(model), "is_reachable": True}
    try:
        told = model.answer(obedience().question)
        found |= {"level": told.level, "obeys_schema": obedience().is_kept(told.content)}
    except ModelFault as fault:
        if fault.fault in ("unreachable", "timeout", "resting", "address"):
            return LanguageCheck.model_validate(found | {"is_reachable": False, "fault": fault.message})
    try:
        chosen = model.answer(selection().question)
    except ModelFault as fault:
        return LanguageCheck.model_validate(found | {"fault": fault.message})
    kept = selection().is_kept(chosen.content)
    return LanguageCheck.model_validate(
        found
        | {"level": chosen.level, "can_select": kept, "select_seconds": round(chosen.seconds, 2)}
        | {"fault": None if kept else "the answer is no choice among the facts that were offered"}
    )


def _offered(model: LanguageModel) -> tuple[str, ...] | None:
    try:
        names = [one_line(name) for name in model.models()]
    except ModelFault:
        return None
    return tuple(_short(name) for name in names if name)[:_MOST_MODELS]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"
