"""What claims are to each other: the same, parts of the same, or two accounts of one thing.

Each may be true and the set still misleads: a hundred subsets of three similar calls look like a hundred resemblances,
and of two prototypes that lie equally near, "nearest" can be said of one. So of claims that say the same only one is
served. Which one does not depend on their order: a fact before others, then the fuller one, then the pack's order.
"""

from collections.abc import Iterable, Mapping

from rab.domain import AggregateEntry, Claim, ClaimKind, TaxonScoreEntry
from rab.generation.codes import Failure
from rab.generation.needs.base import Grounds
from rab.generation.reading.quantities import CITED_CALLS, cited_calls

_SELECTIVE: frozenset[ClaimKind] = frozenset({"resemblance", "difference"})
"""Kinds that may cite some of what they could cite; all others cite all of it."""
_ONE_ACCOUNT: frozenset[ClaimKind] = frozenset({"cluster_membership", "novelty", "effort", "activity_count"})
"""Kinds of which one code and taxon gives one account."""


def identity(claim: Claim) -> tuple[object, ...]:
    """Return what makes a claim itself: kind, code, taxon, evidence and figures in any order, without its words."""
    refs = frozenset(quantity.ref for quantity in claim.quantities)
    return claim.kind, claim.code, claim.taxon, frozenset(claim.support), frozenset(claim.contra), refs


def in_order(claim: Claim, grounds: Grounds, known: Mapping[tuple[object, ...], Claim]) -> Claim:
    """Return a claim that holds with its evidence and figures as its fact has them, or else in the pack's order."""
    fact = known.get(identity(claim))
    if fact is not None:
        return claim.model_copy(update={"support": fact.support, "contra": fact.contra, "quantities": fact.quantities})
    support = tuple(sorted(claim.support, key=grounds.places.__getitem__))
    refs = {quantity.ref for quantity in claim.quantities}
    counted = (cited_calls(support),) if CITED_CALLS in refs else ()
    quantities = counted + tuple(quantity for ref, quantity in grounds.table.items() if ref in refs)
    contra = tuple(sorted(claim.contra, key=grounds.places.__getitem__))
    return claim.model_copy(update={"support": support, "contra": contra, "quantities": quantities})


def set_failures(
    true: Mapping[int, Claim], grounds: Grounds, known: Mapping[tuple[object, ...], Claim]
) -> dict[int, Failure]:
    """Return why claims, each of which holds, cannot be served beside the others, by their places in the draft."""
    failures: dict[int, Failure] = {}
    seen: set[object] = set()
    by_subject: dict[object, list[int]] = {}
    for place, claim in true.items():
        if claim.id in seen or identity(claim) in seen:
            failures[place] = Failure("E_DUPLICATE", "an earlier claim is the same, or has the same id")
            continue
        seen |= {claim.id, identity(claim)}
        by_subject.setdefault(_subject(claim, grounds), []).append(place)
    for places in by_subject.values():
        best = max(places, key=lambda place: _weight(true[place], grounds, known))
        failures |= {place: _redundant(true[place], true[best]) for place in places if place != best}
    return failures


def _subject(claim: Claim, grounds: Grounds) -> tuple[object, ...]:
    """Return what a claim speaks of. Claims of kinds that are not listed here speak of what they cite and declare."""
    cited = grounds.cited(claim)
    if claim.kind == "resemblance":
        return claim.kind, claim.taxon
    if claim.kind == "difference":
        return claim.kind, frozenset(claim.support)
    if claim.kind == "cluster_membership":
        return claim.kind, claim.code in ("elsewhere", "unassigned")
    if claim.kind in _ONE_ACCOUNT:
        groups = frozenset(one.group for one in cited if isinstance(one, AggregateEntry))
        return claim.kind, claim.code, claim.taxon, groups
    if claim.kind == "classifier_score":
        return claim.kind, claim.taxon, _first(one.score.model for one in cited if isinstance(one, TaxonScoreEntry))
    return identity(claim)


def _redundant(claim: Claim, kept: Claim) -> Failure:
    if claim.kind in _SELECTIVE or set(claim.support) & set(kept.support):
        return Failure("E_DUPLICATE", "another claim says the same, and as much or more")
    return Failure("E_CONTRADICTION", "another claim gives another account of the same")


def _weight(claim: Claim, grounds: Grounds, known: Mapping[tuple[object, ...], Claim]) -> tuple[object, ...]:
    """Return what decides between claims of one subject; no two that differ weigh the same."""
    places = [-grounds.places[item_id] for item_id in claim.citations]
    refs = sorted(quantity.ref for quantity in claim.quantities)
    return identity(claim) in known, len(claim.citations), len(claim.quantities), places, refs


def _first(values: Iterable[object]) -> object:
    return next(iter(values), None)
