"""The outputs that RAB writes, and what may be claimed in each: a new one is a line here and two modules.

One module says what is true of a pack (`facts`), the other what a claim needs to be true (`needs`), and neither knows
the other. Whoever words the facts may select and order them, and nothing else. Claims come without words: those are
written from templates when the claims are validated.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rab.domain import ClaimKind, EvidencePack
from rab.generation.facts.base import Fact
from rab.generation.facts.hypotheses import hypothesis_facts
from rab.generation.facts.segment import segment_facts
from rab.generation.facts.suggestion import suggestion_facts
from rab.generation.facts.summary import summary_facts
from rab.generation.needs import hypotheses as hypothesis_needs
from rab.generation.needs import segment as segment_needs
from rab.generation.needs import suggestion as suggestion_needs
from rab.generation.needs import summary as summary_needs
from rab.generation.needs.base import Form, Grounds, Output
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy


class Rules(NamedTuple):
    """What an output may claim: the kind of its pack, the form of each kind of claim, and how facts are found."""

    pack_kind: str
    forms: Mapping[ClaimKind, Form]
    facts: Callable[[Grounds], Iterator[Fact]]


_RULES: Mapping[Output, Rules] = {
    "interpretation": Rules("segment", segment_needs.FORMS, segment_facts),
    "suggestion": Rules("segment", suggestion_needs.FORMS, suggestion_facts),
    "summary": Rules("summary", summary_needs.FORMS, summary_facts),
    "hypotheses": Rules("hypotheses", hypothesis_needs.FORMS, hypothesis_facts),
}


def rules(output: Output) -> Rules:
    """Return the rules of an output."""
    return _RULES[output]


def facts(
    pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY, output: Output | None = None
) -> tuple[Fact, ...]:
    """Return the facts of a pack for an output (None: the one that its kind is made for), with ids `f1…`."""
    return facts_of(Grounds.of(pack, policy, output))


def facts_of(grounds: Grounds) -> tuple[Fact, ...]:
    """Return the facts of a pack that has been read, most useful first within their kind, in reading order."""
    return tuple(
        Fact(fact.claim.model_copy(update={"id": f"f{number}"}), fact.mandatory, fact.bound)
        for number, fact in enumerate(rules(grounds.output).facts(grounds), start=1)
    )
