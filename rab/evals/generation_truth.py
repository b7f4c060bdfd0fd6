"""Whether a claim is true, by a second account: the facts of its pack, and what follows from them by leaving out.

The validator goes from a claim back to the pack and never looks facts up; facts are composed from the pack and never
see a claim. So a claim that one of them accepts and the other does not know is a fault in one of them. Beside facts
there are true ways of saying less: fewer descriptors of a difference, fewer calls of a resemblance, a resemblance or a
step of the sequence without its name, and a tentative wording of what could be plain.
"""

from collections.abc import Iterable, Mapping

from rab.domain import MEASURES, Claim, NeighbourEntry, PrototypeEntry, SequenceStep
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds


def by_content(found: Iterable[Fact]) -> dict[object, Claim]:
    """Return the claims of facts by what they say and by their figures."""
    return {(meaning(fact.claim), figures(fact.claim)): fact.claim for fact in found}


def is_true(claim: Claim, grounds: Grounds, known: Mapping[object, Claim]) -> bool:
    """Return whether a claim is a fact of its pack, or says less than one; `known` are the facts by content."""
    own = known.get((meaning(claim), figures(claim)))
    if own is not None:
        return claim.hedge in (own.hedge, "tentative") and claim.confidence == own.confidence
    if claim.confidence is not None or claim.code is not None:
        return False
    if claim.kind == "difference":
        return _differs(claim, grounds)
    if claim.kind == "sequence_context":
        return _comes_beside(claim, grounds)
    return claim.kind == "resemblance" and _resembles(claim, grounds)


def meaning(claim: Claim) -> object:
    """Return what a claim says, its figures aside: kind, code, taxon, and evidence in any order."""
    return claim.kind, claim.code, claim.taxon, frozenset(claim.support), frozenset(claim.contra)


def figures(claim: Claim) -> frozenset[object]:
    """Return the figures of a claim, in any order."""
    return frozenset((one.ref, one.value, one.unit, one.decimals, frozenset(one.source)) for one in claim.quantities)


def _differs(claim: Claim, grounds: Grounds) -> bool:
    """Compute anew, from the descriptors of both calls, each of the differences that a claim gives."""
    query, items = grounds.reading.query, [grounds.items.get(one) for one in claim.support]
    others = [one for one in items if isinstance(one, NeighbourEntry | PrototypeEntry)]
    if query is None or len(items) != 2 or len(others) != 1 or query not in items or claim.contra or claim.taxon:
        return False
    if others[0].similarity < grounds.reading.policy.near_similarity or not _is_fitly_hedged(claim, grounds):
        return False
    for one in claim.quantities:
        measure = one.ref.rpartition(":")[2]
        ours, theirs = (getattr(each.descriptors, measure, None) for each in (query, others[0]))
        known = MEASURES.get(measure)
        if ours is None or theirs is None or known is None or abs(ours - theirs - one.value) > 1e-5:
            return False
        if abs(one.value) <= known.resolution or (one.unit, one.decimals) != (known.unit, known.decimals):
            return False
        if one.ref != f"{grounds.reading.id_of(others[0])}:delta:{measure}" or set(one.source) != set(claim.support):
            return False
    return 1 <= len(claim.quantities) <= grounds.reading.policy.max_differences


def _resembles(claim: Claim, grounds: Grounds) -> bool:
    """Look at each cited call: it is near, it bears the name, its similarity is given, and nearer dissent is cited."""
    calls = [one for item_id in claim.support if isinstance(one := grounds.items.get(item_id), NeighbourEntry)]
    policy, taxon = grounds.reading.policy, claim.taxon
    if not calls or len(calls) != len(claim.support) or len(calls) > policy.max_resembling:
        return False
    names = [None if one.name is None else one.name.scientific_name for one in calls]
    if any(one.similarity < policy.near_similarity for one in calls) or (taxon and set(names) != {taxon}):
        return False
    nearer = {
        grounds.reading.id_of(one)
        for one in grounds.reading.pack.neighbours
        if taxon
        and one.name
        and one.name.scientific_name != taxon
        and one.similarity > max(c.similarity for c in calls)
    }
    given = {one.ref: one.value for one in claim.quantities}
    expected: dict[str, float] = {
        f"{item_id}:similarity": one.similarity for item_id, one in zip(claim.support, calls, strict=True)
    }
    expected["cited:calls"] = float(len(calls))
    return set(claim.contra) == nearer and given == expected and _is_fitly_hedged(claim, grounds)


def _comes_beside(claim: Claim, grounds: Grounds) -> bool:
    """Look at the step that a claim cites: it has a cluster, and the steps and the pause that are given."""
    step = grounds.items.get(claim.support[0]) if len(claim.support) == 1 else None
    if not isinstance(step, SequenceStep) or step.cluster_id is None or claim.taxon is not None or claim.contra:
        return False
    expected = {f"{claim.support[0]}:steps": float(abs(step.offset))}
    if abs(step.offset) == 1:
        expected[f"{claim.support[0]}:gap_s"] = step.gap_ms / 1000
    given = {one.ref: one.value for one in claim.quantities}
    return given.keys() == expected.keys() and all(abs(given[ref] - value) < 1e-5 for ref, value in expected.items())


def _is_fitly_hedged(claim: Claim, grounds: Grounds) -> bool:
    """Return whether a claim is tentative where the signal is weak. Whether names ask for more, facts tell."""
    snr_db = grounds.reading.snr_db
    is_weak = snr_db is None or snr_db < grounds.reading.policy.weak_signal_db
    return claim.hedge == "tentative" or not is_weak
