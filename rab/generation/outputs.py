"""The outputs that RAB writes, and what may be claimed in each: a new one is a line here and two modules beside it."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rab.domain import ClaimKind
from rab.generation import hypothesis_needs, segment_needs, suggestion_needs, summary_needs
from rab.generation.fact import Fact
from rab.generation.hypothesis_facts import hypothesis_facts
from rab.generation.needs import Form, Grounds, Output
from rab.generation.segment_facts import segment_facts
from rab.generation.suggestion_facts import suggestion_facts
from rab.generation.summary_facts import summary_facts


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
