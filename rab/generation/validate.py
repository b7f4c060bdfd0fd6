"""The validator: what is served is true of its pack, cites what it rests on, and says what had to be said.

It takes claims from anyone (the template writer, a language model, an attacker) and trusts none. `rab.generation.codes`
lists the checks in their order. Structure comes first (`grounds`), then words (`prose`), then the set: repeated claims
are dropped, and mandatory facts that nobody stated are restored, so no selection can leave out a caveat.
"""

from collections.abc import Iterable

from rab.domain import Claim, DroppedClaim, EvidencePack
from rab.generation.codes import Failure
from rab.generation.fact import Fact
from rab.generation.facts import facts_of
from rab.generation.grounds import failure_of
from rab.generation.needs import Grounds, Output
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.prose import prose_failure
from rab.generation.wording import worded

_OPENERS = frozenset({"effort", "signal_quality", "abstention"})
"""Kinds that, when restored, go before everything else."""


def validate(
    claims: Iterable[Claim],
    pack: EvidencePack,
    policy: GroundingPolicy = DEFAULT_POLICY,
    output: Output | None = None,
) -> tuple[tuple[Claim, ...], tuple[DroppedClaim, ...]]:
    """Return the claims that may be printed, worded and complete, and what was wrong with the rest.

    A claim without words gets those of its template. Restored facts stand among the served claims with their fact ids,
    and in the second list under `E_MISSING_MANDATORY`. Never raises, whatever the claims.
    """
    grounds = Grounds.of(pack, policy, output)
    return validated(claims, grounds, facts_of(grounds))


def validated(
    claims: Iterable[Claim], grounds: Grounds, found: Iterable[Fact]
) -> tuple[tuple[Claim, ...], tuple[DroppedClaim, ...]]:
    """Do what `validate` does, for a pack that has been read and whose facts are found."""
    served: list[Claim] = []
    dropped: list[DroppedClaim] = []
    seen: set[object] = set()
    for claim in claims:
        failure = failure_of(claim, grounds) or _repeated(claim, seen)
        if failure is None:
            worded_claim, failure = _with_words(claim, grounds)
            if worded_claim is not None:
                seen |= {claim.id, identity(claim)}
                served.append(worded_claim)
        if failure is not None:
            dropped.append(_dropped(claim, failure))
    missing = _missing(grounds, served, found)
    openers = [claim for claim in missing if claim.kind in _OPENERS]
    others = [claim for claim in missing if claim.kind not in _OPENERS]
    dropped += [_dropped(claim, Failure("E_MISSING_MANDATORY", "was due and not given; restored")) for claim in missing]
    return (*openers, *served, *others), tuple(dropped)


def identity(claim: Claim) -> tuple[object, ...]:
    """Return what makes a claim itself: kind, code, taxon, evidence and figures in any order, without its words."""
    refs = frozenset(quantity.ref for quantity in claim.quantities)
    return claim.kind, claim.code, claim.taxon, frozenset(claim.support), frozenset(claim.contra), refs


def _repeated(claim: Claim, seen: set[object]) -> Failure | None:
    if claim.id in seen or identity(claim) in seen:
        return Failure("E_DUPLICATE", "an earlier claim is the same, or has the same id")
    return None


def _with_words(claim: Claim, grounds: Grounds) -> tuple[Claim | None, Failure | None]:
    """Return the claim with words that keep to it, if there are any, and what was wrong with those it came with."""
    plain = claim.model_copy(update={"text": worded(claim, grounds.reading), "text_origin": "template"})
    failure = None
    if claim.text:
        failure = prose_failure(claim, grounds)
        if failure is None and claim.text_origin == "template" and claim.text != plain.text:
            failure = Failure("E_TEXT", "the words are not those of the template")
        if failure is None:
            return claim, None
    unprintable = prose_failure(plain, grounds)
    return (plain, failure) if unprintable is None else (None, failure or unprintable)


def _missing(grounds: Grounds, served: Iterable[Claim], found: Iterable[Fact]) -> list[Claim]:
    given = {identity(claim) for claim in served}
    due = (fact.claim for fact in found if fact.mandatory and identity(fact.claim) not in given)
    worded_claims = (_with_words(claim, grounds)[0] for claim in due)
    return [claim for claim in worded_claims if claim is not None]


def _dropped(claim: Claim, failure: Failure) -> DroppedClaim:
    return DroppedClaim(claim=claim, code=failure.code, reason=failure.reason)
