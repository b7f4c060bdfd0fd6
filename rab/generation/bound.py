"""What belongs together: a question, its evidence, what speaks against it, an artefact, a refutation and a query.

A question without the artefact that could be behind it is half a question, and the half that misleads. So all six are
served, or none.
"""

from collections.abc import Iterable

from rab.domain import Claim, ClaimKind

QUESTION: ClaimKind = "hypothesis_prompt"
COMPANIONS: tuple[ClaimKind, ...] = ("screen_evidence", "counter_evidence", "artefact", "refutation", "test_query")
"""What a question is never stated without, in reading order."""
_ORDER = {kind: place for place, kind in enumerate((QUESTION, *COMPANIONS))}


def question_of(claim: Claim) -> str | None:
    """Return the contrast that a question, or a part of one, is about: the first id that it cites; None for others."""
    return claim.support[0] if claim.kind in _ORDER and claim.support else None


def asked(claims: Iterable[Claim]) -> set[str | None]:
    """Return the contrasts that questions are asked about."""
    return {question_of(claim) for claim in claims if claim.kind == QUESTION}


def incomplete(claims: Iterable[Claim]) -> set[str]:
    """Return the ids of the claims whose question is not stated with all that belongs to it."""
    of: dict[str | None, list[Claim]] = {}
    for claim in claims:
        if claim.kind in _ORDER:
            of.setdefault(question_of(claim), []).append(claim)
    return {one.id for some in of.values() if {claim.kind for claim in some} != _ORDER.keys() for one in some}


def together(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return claims with the parts of each question side by side, questions in the order in which they come."""
    whole = list(claims)
    first: dict[str | None, int] = {}
    for place, claim in enumerate(whole):
        if claim.kind == QUESTION:
            first.setdefault(question_of(claim), place)
    places = range(len(whole))
    ordered = sorted(
        places, key=lambda place: (first.get(question_of(whole[place]), place), _ORDER.get(whole[place].kind, 0), place)
    )
    return tuple(whole[place] for place in ordered)
