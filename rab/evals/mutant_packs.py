"""Faults that need a pack for them: claims that would hold but for one rule, which this very pack brings to bear.

What must not be named is composed as if nothing forbade it, and offered to the pack that forbids it. A pack is read for
an output that is made for others; and an entry is doubled, so that two accounts of one thing are both true.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rab.domain import Claim, EvidencePack, PackItem
from rab.evals.generation_packs import changed
from rab.evals.mutant_claims import Sound
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of
from rab.generation.reading.pack import NAMING_KINDS, Reading


class Planted(NamedTuple):
    """A draft for a pack, and the ids of it that may not all be served."""

    grounds: Grounds
    found: tuple[Fact, ...]
    draft: tuple[Claim, ...]
    never: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Heedless(Reading):
    """A pack read as if nothing forbade to name or to count."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """None."""
        return ()


def _named_all_the_same(sound: Sound) -> Planted | None:
    """Name what a pack's evidence would give, although the pack asks for abstention."""
    if not sound.grounds.reading.reasons or sound.pack.kind != "segment":
        return None
    lies = [one for one in _heedless(sound.grounds) if one.taxon is not None or one.kind in NAMING_KINDS]
    return _planted(sound.grounds, [one for one in lies if one.kind != "existing_label"][:1])


def _counted_without_effort(sound: Sound) -> Planted | None:
    """State what a summary counts, where its effort is gone."""
    if sound.pack.kind != "summary":
        return None
    idle = tuple(
        one.model_copy(update={"value": 0.0}) if one.name == "effort_hours" else one for one in sound.pack.aggregates
    )
    grounds = _grounds(changed(sound.pack, aggregates=idle), sound.grounds)
    lies = [one for one in _heedless(grounds) if one.kind in ("activity_count", "richness", "novel_count", "occupancy")]
    return _planted(grounds, lies[:1])


def _of_another_kind(sound: Sound) -> Planted | None:
    """Offer claims of a pack to one of another kind that has the same entries."""
    other = "summary" if sound.pack.kind == "hypotheses" else "hypotheses"
    moved = changed(sound.pack, kind=other)
    grounds = _grounds(moved, sound.grounds)
    lies = [_resalted(one, sound.pack.salt, moved.salt) for one in sound.draft]
    return _planted(grounds, lies[:1], found=())


def _two_nearest(sound: Sound) -> Planted | None:
    """Double the nearest prototype in another cluster, and call both of them nearest."""
    nearest = sound.grounds.reading.nearest_prototype
    if sound.grounds.output != "interpretation" or nearest is None:
        return None
    twin = nearest.model_copy(update={"key": "p900", "cluster_id": "c900"})
    grounds = _grounds(changed(sound.pack, prototypes=(*sound.pack.prototypes, twin)), sound.grounds)
    own = [one for one in _facts(grounds) if one.kind == "cluster_membership" and _rests_on(one, nearest, grounds)]
    if not own:
        return None
    first, pack = own[0], grounds.reading.pack
    figures = tuple(grounds.table[f"{pack.item_id(twin.key)}:{name}"] for name in ("similarity", "members"))
    second = first.model_copy(
        update={"code": None, "taxon": None, "support": (pack.item_id(twin.key),), "quantities": figures}
    )
    return _both(grounds, first, second)


def _two_scores(sound: Sound) -> Planted | None:
    """Give a class a second score by the same model, and state both."""
    best = next(iter(sound.grounds.reading.candidates), None)
    if sound.grounds.output != "interpretation" or sound.grounds.reading.reasons or best is None:
        return None
    twin = best.model_copy(update={"key": "t900"})
    grounds = _grounds(changed(sound.pack, taxon_scores=(*sound.pack.taxon_scores, twin)), sound.grounds)
    taxon = best.score.taxon.scientific_name
    told = [one for one in _facts(grounds) if one.kind == "classifier_score" and one.taxon == taxon]
    return _both(grounds, *told[:2]) if len(told) > 1 else None


def _facts(grounds: Grounds) -> Iterator[Claim]:
    return (one.claim for one in facts_of(grounds))


def _heedless(grounds: Grounds) -> Iterator[Claim]:
    reading = grounds.reading
    return _facts(Grounds(_Heedless(reading.pack, reading.policy), grounds.output, grounds.table))


def _grounds(pack: EvidencePack, like: Grounds) -> Grounds:
    return Grounds.of(pack, like.reading.policy, like.output)


def _planted(grounds: Grounds, lies: list[Claim], found: tuple[Fact, ...] | None = None) -> Planted | None:
    if not lies:
        return None
    draft = tuple(one.model_copy(update={"id": f"planted-{at}"}) for at, one in enumerate(lies))
    known = facts_of(grounds) if found is None else found
    return Planted(grounds, known, draft, frozenset(one.id for one in draft))


def _both(grounds: Grounds, first: Claim, second: Claim) -> Planted | None:
    return _planted(grounds, [first, second])


def _rests_on(claim: Claim, item: PackItem, grounds: Grounds) -> bool:
    return grounds.reading.id_of(item) in claim.support


def _resalted(claim: Claim, old: str, new: str) -> Claim:
    """Return a claim with the ids of a pack that has the same entries."""
    salted = re.compile(rf"(?<=[a-z\d])\.{old}(?=:|$)")

    def moved(one: str) -> str:
        return salted.sub(f".{new}", one)

    figures = tuple(
        one.model_copy(update={"ref": moved(one.ref), "source": tuple(map(moved, one.source))})
        for one in claim.quantities
    )
    sides = {"support": tuple(map(moved, claim.support)), "contra": tuple(map(moved, claim.contra))}
    return claim.model_copy(update={**sides, "quantities": figures})


PACK_FAULTS: dict[str, Callable[[Sound], Planted | None]] = {
    "named where one must abstain": _named_all_the_same,
    "counted where nothing was recorded": _counted_without_effort,
    "a pack of another kind": _of_another_kind,
    "two prototypes, both nearest": _two_nearest,
    "two scores of one class": _two_scores,
}
"""Faults that a pack is made for."""
