"""How a language model may take part: it selects facts, plans statements, or says where connectives belong.

Whatever it answers is read by the task of the mode and goes through the one path of all writers. An answer of which
nothing can be printed is no text: then the template writes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from rab.domain import Claim, GenerationRecord, GroundedText
from rab.generation.bound import asked, question_of
from rab.generation.checks.claim_set import identity
from rab.generation.facts.base import Fact
from rab.generation.modes.menu import menu
from rab.generation.modes.plan import plan
from rab.generation.modes.polish import polish
from rab.generation.modes.tasks import Task
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of
from rab.generation.writer import SHAPES, foremost, grounded, selected

Mode = Literal["template", "select", "plan", "polish"]


_TIMES_OFFERED = 2
"""A menu offers twice what a template states of each kind: twelve ways in which a call differs are no choice."""


class Tried(NamedTuple):
    """What came of an answer: the text, None when nothing can be printed of it, and the codes of what was wrong."""

    text: GroundedText | None
    codes: tuple[str, ...]


def task_of(mode: Mode, grounds: Grounds) -> Task | None:
    """Return what a language model is asked about a pack in a mode; None where there is nothing to choose."""
    found, shape, policy = facts_of(grounds), SHAPES[grounds.output], grounds.reading.policy
    match mode:
        case "select":
            return menu(grounds, foremost(found, shape, policy, times=_TIMES_OFFERED))
        case "plan":
            return plan(grounds, found)
        case "polish":
            return polish(grounds, selected(found, shape, policy))
        case "template":
            return None


def by_model(task: Task, answer: Mapping[str, Any], grounds: Grounds, record: GenerationRecord) -> Tried:
    """Read a language model's answer and validate it.

    What is due is added, whatever the model chose; then `writer` is `mixed`, as it is where a template words a sentence
    that the model was asked for.
    """
    draft = task.read(answer)
    if not draft.is_usable:
        return Tried(None, draft.codes)
    found = facts_of(grounds)
    due = [] if record.mode == "plan" else _due(draft.claims, found)
    text = grounded(grounds, (*draft.claims, *due), found, record, draft.dropped)
    wrong = tuple(sorted({one.code for one in text.dropped if one.code != "E_MISSING_MANDATORY"}))
    theirs = [claim for claim in text.claims if _is_theirs(claim, draft.claims, record.mode)]
    if not theirs:
        return Tried(None, wrong)
    writer = "model" if len(theirs) == len(text.claims) else "mixed"
    record = text.generation.model_copy(update={"writer": writer})
    return Tried(text.model_copy(update={"generation": record}), wrong)


def _is_theirs(claim: Claim, drafted: Iterable[Claim], mode: Mode) -> bool:
    if mode == "polish":
        return claim.text_origin == "model"
    return any(claim.id == one.id for one in drafted)


def _due(claims: Iterable[Claim], found: Iterable[Fact]) -> list[Claim]:
    stated = list(claims)
    given, questions = {identity(claim) for claim in stated}, asked(stated)
    due = (fact.claim for fact in found if fact.mandatory or (fact.bound and question_of(fact.claim) in questions))
    return [claim for claim in due if identity(claim) not in given]
