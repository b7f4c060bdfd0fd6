"""From an Evidence Pack to statements, every one of which is true of what it cites.

    pack ── read under a policy ── facts ── select ── word ── validate ── GroundedText

RAB writes the facts. Whoever words them, a template or a language model, may select and order them, and never types a
number, an id or a name: a small language model under a strict schema gave 52 of 52 real citation ids and not one true
claim in 25, whereas all of its 15 selections among facts could be served. Schema and valid ids are no grounding.

Everything here is a pure function of a pack and a policy; the one thing read is the folder of templates.
"""

from rab.generation.checks.holding import holds
from rab.generation.checks.validate import validate
from rab.generation.codes import Code, Failure
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds, Output
from rab.generation.outputs import facts
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.reading.quantities import printed, quantities
from rab.generation.wording.sentences import Section, cited, sections, text_of
from rab.generation.wording.texts import prompts_sha256
from rab.generation.writer import write_hypotheses, write_interpretation, write_suggestion, write_summary

__all__ = [
    "DEFAULT_POLICY",
    "Code",
    "Fact",
    "Failure",
    "GroundingPolicy",
    "Grounds",
    "Output",
    "Section",
    "cited",
    "facts",
    "holds",
    "printed",
    "prompts_sha256",
    "quantities",
    "sections",
    "text_of",
    "validate",
    "write_hypotheses",
    "write_interpretation",
    "write_suggestion",
    "write_summary",
]
