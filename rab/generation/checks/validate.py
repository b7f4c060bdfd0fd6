"""The validator: what is served is true of its pack, cites what it rests on, and says what had to be said.

It takes claims from anyone (the template writer, a language model, an attacker) and trusts none. `rab.generation.codes`
lists the checks in their order. Structure comes first (`grounds`), then the set (`claim_set`): of claims that say the
same, or the same less well, one is kept. Then words (`prose`), and last what is missing: mandatory facts that nobody
stated are restored, so no selection can leave out a caveat.

What is served is the validator's own: the pack's figures in the place of equal ones, and evidence in the order of the
fact or the pack, so that a draft cannot choose which of many names a sentence has room for.
"""

from collections.abc import Iterable

from rab.domain import Claim, DroppedClaim, EvidencePack
from rab.generation.bound import asked, incomplete, question_of, together
from rab.generation.checks.claim_set import identity, in_order, set_failures
from rab.generation.checks.holding import failure_of, is_well_formed
from rab.generation.checks.prose import prose_failure
from rab.generation.codes import Failure
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds, Output
from rab.generation.outputs import facts_of
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.wording.sentences import worded

_OPENERS = frozenset({"effort", "signal_quality", "abstention"})
"""Kinds that, when restored, go before everything else."""
_LONGEST_KEPT = 2_000
"""Characters of rejected words that are kept on record."""
_ALONE = Failure("E_INCOMPLETE", "a question and all that belongs to it are stated together, or not at all")
_RESTORED = Failure("E_MISSING_MANDATORY", "was due and not given; restored")
_UNREADABLE = Claim(id="unreadable", kind="caveat", support=())
"""What stands on record for an object that is no claim: it may hold anything, and is not kept."""


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
    found = tuple(found)
    known = {identity(fact.claim): fact.claim for fact in found}
    drafts = list(claims)
    failures = {place: failure for place, claim in enumerate(drafts) if (failure := failure_of(claim, grounds))}
    true = {place: in_order(claim, grounds, known) for place, claim in enumerate(drafts) if place not in failures}
    failures |= set_failures(true, grounds, known)
    served: list[Claim] = []
    for place, claim in true.items():
        if place in failures:
            continue
        worded_claim, failure = _with_words(claim, grounds)
        if worded_claim is not None:
            served.append(worded_claim)
        if failure is not None:
            failures[place] = failure
    dropped = [_dropped(drafts[place], failures[place]) for place in sorted(failures)]
    missing = _missing(grounds, served, found)
    openers = [claim for claim in missing if claim.kind in _OPENERS]
    others = [claim for claim in missing if claim.kind not in _OPENERS]
    whole = (*openers, *served, *others)
    alone = incomplete(whole)
    dropped += [_dropped(claim, _ALONE) for claim in served if claim.id in alone]
    dropped += [_dropped(claim, _RESTORED) for claim in missing if claim.id not in alone]
    return together(claim for claim in whole if claim.id not in alone), tuple(dropped)


def _with_words(claim: Claim, grounds: Grounds) -> tuple[Claim | None, Failure | None]:
    """Return the claim with words that keep to it, if there are any, and what was wrong with those it came with."""
    plain = claim.model_copy(update={"text": worded(claim, grounds.reading), "text_origin": "template"})
    if claim.text == plain.text and claim.text_origin == "template":
        failure = prose_failure(plain, grounds, plain.text)
        return (plain, None) if failure is None else (None, failure)
    failure = None
    if claim.text:
        failure = prose_failure(claim, grounds, plain.text)
        if failure is None and claim.text_origin == "template":
            failure = Failure("E_TEXT", "the words are not those of the template")
        if failure is None:
            return claim, None
    unprintable = prose_failure(plain, grounds, plain.text)
    return (plain, failure) if unprintable is None else (None, failure or unprintable)


def _missing(grounds: Grounds, served: Iterable[Claim], found: Iterable[Fact]) -> list[Claim]:
    """Return the mandatory facts that are not served, worded, under ids that no served claim has."""
    given, taken = {identity(claim) for claim in served}, {claim.id for claim in served}
    questions = asked(served)
    missing: list[Claim] = []
    due = (fact.claim for fact in found if fact.mandatory or (fact.bound and question_of(fact.claim) in questions))
    for claim in (claim for claim in due if identity(claim) not in given):
        restored, _ = _with_words(claim, grounds)
        if restored is not None:
            names = (restored.id, *(f"{restored.id}-{number}" for number in range(2, len(taken) + 3)))
            fresh = next(name for name in names if name not in taken)
            taken.add(fresh)
            missing.append(restored if fresh == restored.id else restored.model_copy(update={"id": fresh}))
    return missing


def _dropped(claim: Claim, failure: Failure) -> DroppedClaim:
    """Return the record of a claim and its failure; words without end are cut, and what is no claim is not kept."""
    if not is_well_formed(claim):
        claim = _UNREADABLE
    elif len(claim.text) > _LONGEST_KEPT:
        claim = claim.model_copy(update={"text": f"{claim.text[:_LONGEST_KEPT]}…"})
    return DroppedClaim(claim=claim, code=failure.code, reason=failure.reason)
