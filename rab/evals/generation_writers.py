"""Language models that never ran: benign, lying and broken ones behind the port, each with a seed instead of weights.

A benign one proposes facts in the form that a mode asks for; a lying one fills the same form at random, with half of
its statements true but for one field; a broken one gives what servers give: nothing, another form, another fault. What
is served of the lying one must be true all the same, and what is served of the broken one is the template's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, get_args

from rab.domain import Claim
from rab.generation.facts.base import Fact
from rab.generation.modes.plan import Plan
from rab.generation.modes.tasks import Task
from rab.language.base import Answer, Fault, ModelFault, Question

FAULTS: tuple[Fault, ...] = get_args(Fault)
_N_STATEMENTS = 8


@dataclass(frozen=True)
class Scripted:
    """A language model that answers by a function."""

    reply: Callable[[Question], dict[str, Any]]
    key: str = "scripted"
    deadline_s: float = 45.0

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        """Answer at once."""
        return Answer(self.reply(question), "none", 0.0)

    def models(self) -> tuple[str, ...]:
        """Offer itself."""
        return (self.key,)


def benign(task: Task, found: Sequence[Fact], seed: int) -> Scripted:
    """Return a model that proposes facts: by their ids, or written out in the form of a plan."""
    if isinstance(task, Plan):
        chosen = _written_out(task, found)
        Random(seed).shuffle(chosen)  # noqa: S311  no secret
        return Scripted(lambda _question: {"claims": chosen[:_N_STATEMENTS]})
    return Scripted(lambda question: {"facts": _enum(question, "facts")[:_N_STATEMENTS]})


def lying(task: Task, found: Sequence[Fact], seed: int) -> Scripted:
    """Return a model that selects anything, or states anything that the form of a plan has room for."""
    random = Random(seed)  # noqa: S311  no secret
    if not isinstance(task, Plan):
        ids = _enum(task.question, "facts")
        return Scripted(lambda _question: {"facts": [random.choice(ids) for _ in range(_N_STATEMENTS)]})
    true = _written_out(task, found)
    fields = task.question.schema["properties"]["claims"]["items"]["properties"]
    statements = []
    for _ in range(_N_STATEMENTS):
        statement = dict(random.choice(true)) if true and random.random() < 0.5 else _anything(fields, random)
        name = random.choice(list(fields))
        statement[name] = _any_value(fields[name], random)
        statements.append(statement)
    return Scripted(lambda _question: {"claims": statements})


def broken(question: Question) -> list[tuple[str, Callable[[Question], dict[str, Any]]]]:
    """Return ways in which nothing usable comes back, each by its name: every fault of the port, and odd objects."""
    (name,) = question.schema["properties"]
    odd: dict[str, dict[str, Any]] = {
        "an empty object": {},
        "an empty list": {name: []},
        "a string": {name: "f1"},
        "null": {name: None},
        "numbers": {name: [1, 2]},
        "nulls": {name: [None]},
        "unknown ids": {name: ["f99999"]},
        "empty objects": {name: [{}]},
        "another property": {name: ["f1"], "note": "x"},
        "another object": {"text": "A wolf."},
        "a list without end": {name: ["f99999"] * 5_000},
        "lists in lists": {name: [[[["f1"]]]]},
    }
    ways = [(words, _saying(content)) for words, content in odd.items()]
    return [*ways, *((f"fault: {one}", _failing(one)) for one in FAULTS)]


def _saying(content: dict[str, Any]) -> Callable[[Question], dict[str, Any]]:
    return lambda _question: content


def _failing(fault: Fault) -> Callable[[Question], dict[str, Any]]:
    def fail(_question: Question) -> dict[str, Any]:
        raise ModelFault(fault, f"the scripted server failed: {fault}")

    return fail


def _enum(question: Question, name: str) -> list[str]:
    return list(question.schema["properties"][name]["items"]["enum"])


def _written_out(task: Plan, found: Iterable[Fact]) -> list[dict[str, Any]]:
    """Return the facts that a plan has room for, in its form."""
    taxa = {name: slot for slot, name in task.taxa.items()}
    slots = {ref: slot for slot, ref in task.figures.items()}
    fields = task.question.schema["properties"]["claims"]["items"]["properties"]
    ids = set(fields["support"]["items"]["enum"])
    return [
        {
            "kind": one.kind,
            "code": one.code,
            "taxon": None if one.taxon is None else taxa[one.taxon],
            "support": list(one.support),
            "quantities": [slots[each.ref] for each in one.quantities],
        }
        for one in (fact.claim for fact in found)
        if _fits(one, ids, taxa, slots)
    ]


def _fits(claim: Claim, ids: set[str], taxa: dict[str, str], slots: dict[str, str]) -> bool:
    known = claim.taxon is None or claim.taxon in taxa
    return known and ids.issuperset(claim.support) and all(one.ref in slots for one in claim.quantities)


def _anything(fields: dict[str, Any], random: Random) -> dict[str, Any]:
    return {name: _any_value(schema, random) for name, schema in fields.items()}


def _any_value(schema: dict[str, Any], random: Random) -> Any:
    if "anyOf" in schema:
        return None if random.random() < 0.5 else random.choice(schema["anyOf"][0]["enum"])
    if schema["type"] == "array":
        values = schema["items"]["enum"]
        return random.sample(values, min(len(values), random.randint(1, 4)))
    return random.choice(schema["enum"]) if "enum" in schema else None
