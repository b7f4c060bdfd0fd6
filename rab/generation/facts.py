"""Facts: every claim of the known kinds that is true of a pack, most useful first within its kind.

RAB writes the facts, and marks those that every text must state. Whoever words them may select and order them, and
nothing else. Claims come without words: those are written from templates when the claims are validated.
"""

from rab.domain import EvidencePack
from rab.generation.fact import Fact
from rab.generation.needs import Grounds, Output
from rab.generation.outputs import rules
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy


def facts(
    pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY, output: Output | None = None
) -> tuple[Fact, ...]:
    """Return the facts of a pack for an output (None: the one that its kind is made for), with ids `f1…`."""
    return facts_of(Grounds.of(pack, policy, output))


def facts_of(grounds: Grounds) -> tuple[Fact, ...]:
    """Return the facts of a pack that has been read, in reading order."""
    return tuple(
        Fact(fact.claim.model_copy(update={"id": f"f{number}"}), fact.mandatory, fact.bound)
        for number, fact in enumerate(rules(grounds.output).facts(grounds), start=1)
    )
