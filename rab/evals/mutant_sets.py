"""Faults of a draft as a whole: what is missing, said twice, or said once more and less well."""

from collections.abc import Callable

from rab.domain import Claim, ClaimKind
from rab.evals.mutant_claims import Sound, content_of
from rab.generation.bound import COMPANIONS, QUESTION
from rab.generation.reading.quantities import CITED_CALLS, cited_calls


def _without_due(sound: Sound) -> list[Claim] | None:
    due = [at for at, one in enumerate(sound.worded) if content_of(one) in sound.due]
    if not due:
        return None
    gone = sound.random.choice(due)
    return [one for at, one in enumerate(sound.draft) if at != gone]


def _said_twice(sound: Sound) -> list[Claim] | None:
    again = sound.random.choice(sound.draft)
    return [*sound.draft, again.model_copy(update={"id": "again"})]


def _without(*kinds: ClaimKind) -> Callable[[Sound], list[Claim] | None]:
    def of_draft(sound: Sound) -> list[Claim] | None:
        rest = [one for one in sound.draft if one.kind not in kinds]
        return rest if len(rest) < len(sound.draft) else None

    return of_draft


def _same_id(sound: Sound) -> list[Claim] | None:
    if len(sound.draft) < 2:
        return None
    first, second, *rest = sound.draft
    return [first, second.model_copy(update={"id": first.id}), *rest]


def _part_of_a_resemblance(sound: Sound) -> list[Claim] | None:
    """Say of the nearest call alone what is said of several."""
    whole = next((one for one in sound.draft if one.kind == "resemblance" and len(one.support) > 1), None)
    if whole is None:
        return None
    similarities = {one.source[0]: one for one in whole.quantities if one.ref != CITED_CALLS}
    nearest = max(whole.support, key=lambda one: similarities[one].value)
    content = {
        "id": "part",
        "support": (nearest,),
        "quantities": (cited_calls((nearest,)), similarities[nearest]),
        "hedge": sound.grounds.reading.hedge(whole.kind, whole.taxon, (nearest,)),
    }
    return [*sound.draft, whole.model_copy(update=content)]


def _part_of_a_difference(sound: Sound) -> list[Claim] | None:
    """Say of a call once more that it differs, and leave out in what else."""
    whole = next((one for one in sound.draft if one.kind == "difference" and len(one.quantities) > 1), None)
    if whole is None:
        return None
    return [*sound.draft, whole.model_copy(update={"id": "part", "quantities": whole.quantities[:1]})]


DRAFT_FAULTS: dict[str, Callable[[Sound], list[Claim] | None]] = {
    "delete what is due": _without_due,
    "delete everything": lambda _sound: [],
    "say a thing twice": _said_twice,
    "two claims of one id": _same_id,
    "a part of a resemblance": _part_of_a_resemblance,
    "a part of a difference": _part_of_a_difference,
    "parts without their question": _without(QUESTION),
    "a question without its parts": _without(*COMPANIONS),
}
"""Faults of the set."""
