"""The template writer: facts are selected by kind, put in reading order, worded and validated. No language model."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rab import __version__
from rab.domain import (
    Claim,
    ClaimKind,
    EvidencePack,
    GenerationRecord,
    Interpretation,
    MonitoringSummary,
)
from rab.errors import InputError
from rab.generation.fact import Fact
from rab.generation.facts import facts_of
from rab.generation.needs import Grounds
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.texts import prompts_sha256
from rab.generation.validate import validated
from rab.generation.wording import title_of

_INTERPRETATION: Mapping[ClaimKind, int] = {
    "resemblance": 2,
    "difference": 1,
    "cluster_membership": 1,
    "taxon_vote": 1,
    "classifier_score": 1,
    "sequence_context": 1,
}
"""How many facts of a kind and code an interpretation gives; mandatory ones count, and are never left out."""


def write_interpretation(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> Interpretation:
    """Say what a call resembles, how it differs, and how far that can be trusted.

    Raises `InputError` for a pack that has no query.
    """
    if pack.kind != "segment" or pack.query is None:
        raise InputError("an interpretation needs the Evidence Pack of a call", hint="gather one with `rab evidence`")
    return Interpretation(**_written(Grounds.of(pack, policy), _INTERPRETATION))


def write_summary(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> MonitoringSummary:
    """Say what was heard: effort first, then taxa by number, hours, quality and caveats.

    Raises `InputError` for a pack that is not a summary's.
    """
    if pack.kind != "summary":
        raise InputError("a monitoring summary needs a summary's Evidence Pack", hint="make one with `rab summary`")
    most: Mapping[ClaimKind, int] = {
        "effort": policy.max_taxa,
        "activity_count": 1 + policy.max_taxa,
        "temporal_pattern": 1,
    }
    return MonitoringSummary(**_written(Grounds.of(pack, policy), most))


def _written(grounds: Grounds, most: Mapping[ClaimKind, int]) -> dict[str, Any]:
    found = facts_of(grounds)
    served, dropped = validated(_selected(found, most), grounds, found)
    record = GenerationRecord(prompts_sha256=prompts_sha256(), code_version=__version__)
    reading = grounds.reading
    return {
        "title": title_of(reading),
        "pack": reading.pack,
        "claims": served,
        "dropped": dropped,
        "generation": record,
    }


def _selected(found: Iterable[Fact], most: Mapping[ClaimKind, int]) -> list[Claim]:
    """Return mandatory facts and the first `most` of each kind and code, in their order, with ids `c1…`."""
    taken: Counter[tuple[ClaimKind, str | None]] = Counter()
    selected: list[Claim] = []
    for fact in found:
        kind, form = fact.claim.kind, (fact.claim.kind, fact.claim.code)
        if fact.mandatory or taken[form] < most.get(kind, 0):
            taken[form] += 1
            selected.append(fact.claim.model_copy(update={"id": f"c{len(selected) + 1}"}))
    return selected
