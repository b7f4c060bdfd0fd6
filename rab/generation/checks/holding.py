"""Whether a claim holds: its form, its citations, its truth, its completeness, its numbers and its hedge.

Nothing here reads a claim's words (`rab.generation.checks.prose` does), and nothing here knows how facts are composed.
"""

import re
from collections.abc import Iterator

from rab.domain import Claim, ClaimKind, EvidencePack, Quantity
from rab.generation.codes import Failure
from rab.generation.needs.base import Form, Grounds, Needs, Output
from rab.generation.outputs import rules
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.reading.pack import NAMING_KINDS
from rab.generation.reading.quantities import CITED_CALLS, cited_calls
from rab.generation.wording.names import taxa_of

_CLAIM_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)
_OF_THE_QUERY: frozenset[ClaimKind] = frozenset({"label_suggestion", "cluster_membership"})
"""Kinds that cite the call itself beside what bears the name."""
_ITEM_ID = re.compile(r"[a-z]{1,2}[+-]?\d{0,9}\.([0-9a-f]{4})", re.ASCII)
_WITHOUT_EFFORT: frozenset[ClaimKind] = frozenset({"abstention", "caveat", "effort", "quality_profile"})
"""What a summary may say where nothing was recorded."""


def holds(
    claim: Claim, pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY, output: Output | None = None
) -> Failure | None:
    """Return the first failure of a claim; None when it is true of the pack, rightly cited and rightly hedged."""
    return failure_of(claim, Grounds.of(pack, policy, output))


def failure_of(claim: Claim, grounds: Grounds) -> Failure | None:
    """Return the first failure of a claim's structure; None when it holds."""
    return next(_failures(claim, grounds), None)


def dissent(claim: Claim, grounds: Grounds) -> tuple[str, ...]:
    """Return the ids that speak against a claim, in the pack's order; none of one that fails for another reason."""
    if (form := rules(grounds.output).forms.get(claim.kind)) is None:
        return ()
    checks = (_of_form(claim, form), _of_citations(claim, form, grounds), _of_taxon(claim, grounds))
    if any(next(check, None) for check in checks):
        return ()
    needs = form.needs(claim, grounds)
    return () if isinstance(needs, Failure) else tuple(one for one in grounds.items if one in needs.contra)


def _failures(claim: Claim, grounds: Grounds) -> Iterator[Failure]:
    """Yield failures in order. Each check may rely on the ones before it, so only the first is meaningful.

    Reasons are printed, so none repeats what a draft says: not its names, not its numbers, and of its ids only those
    that look like one.
    """
    if not is_well_formed(claim):
        yield Failure("E_SCHEMA", "what was given does not have the form of a claim")
        return
    allowed = rules(grounds.output)
    form = allowed.forms.get(claim.kind)
    if form is None or grounds.reading.pack.kind != allowed.pack_kind:
        yield Failure("E_KIND", f"a {claim.kind} has no place in the {grounds.output} of a {grounds.reading.pack.kind}")
        return
    yield from _of_form(claim, form)
    yield from _of_citations(claim, form, grounds)
    yield from _of_taxon(claim, grounds)
    if claim.confidence != grounds.reading.confidence(claim.kind, claim.support):
        yield Failure("E_SCHEMA", "a confidence is the calibrated probability of a cited score, where the pack has one")
    needs = form.needs(claim, grounds)
    if isinstance(needs, Failure):
        yield needs
        return
    yield from _of_completeness(claim, needs)
    yield from _of_quantities(claim, needs, grounds)
    if grounds.reading.hedge(claim.kind, claim.taxon, claim.support) == "tentative" != claim.hedge:
        yield Failure("E_HEDGE", "the evidence supports a tentative wording only")


def is_well_formed(claim: object) -> bool:
    """Return whether an object is a claim that can be printed: one built without validation may hold anything."""
    try:
        content = vars(claim)
        figures = tuple(vars(quantity) for quantity in content["quantities"])
        if (
            not isinstance(claim, Claim)
            or Claim.model_validate(content | {"quantities": figures}, strict=True) != claim
        ):
            return False
        claim.model_dump_json()  # half a character can be held, and not be written
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def _of_form(claim: Claim, form: Form) -> Iterator[Failure]:
    if _CLAIM_ID.fullmatch(claim.id) is None:
        yield Failure("E_SCHEMA", "an id is a letter, then letters, digits, - and _")
    if claim.code not in form.codes:
        yield Failure("E_SCHEMA", f"a {claim.kind} has no such code")
    if form.taxon is not None and form.taxon != (claim.taxon is not None):
        yield Failure("E_SCHEMA", f"a {claim.kind} {'must' if form.taxon else 'cannot'} name a taxon")
    refs = [quantity.ref for quantity in claim.quantities]
    for names in (claim.citations, refs):
        if len(set(names)) < len(names):
            yield Failure("E_SCHEMA", "a citation or a quantity is given twice")


def _of_citations(claim: Claim, form: Form, grounds: Grounds) -> Iterator[Failure]:
    if not claim.support:
        yield Failure("E_CITE_NONE", "nothing is cited in support")
    for item_id in claim.citations:
        if item_id not in grounds.items:
            salt = _ITEM_ID.fullmatch(item_id)
            if salt is not None and salt[1] != grounds.reading.pack.salt:
                yield Failure("E_CITE_FOREIGN", f"{item_id} is not an id of this pack")
            yield Failure("E_CITE_UNKNOWN", f"the pack has no {item_id if salt else 'such item'}")
    for item_id in claim.support:
        if not isinstance(grounds.items[item_id], form.cites):
            yield Failure("E_KIND", f"a {claim.kind} cannot rest on {item_id}")


def _of_taxon(claim: Claim, grounds: Grounds) -> Iterator[Failure]:
    reading = grounds.reading
    bearers = [one for one in grounds.cited(claim) if claim.kind not in _OF_THE_QUERY or one is not reading.query]
    if claim.taxon is not None and any(claim.taxon not in taxa_of(item) for item in bearers):
        yield Failure("E_TAXON", "a cited item does not bear the name")
    identity = (claim.taxon is not None or claim.kind in NAMING_KINDS) and claim.kind != "existing_label"
    if reading.reasons and (identity if reading.pack.kind == "segment" else claim.kind not in _WITHOUT_EFFORT):
        yield Failure("E_MUST_ABSTAIN", f"nothing of the kind may be stated: {', '.join(reading.reasons)}")


def _of_completeness(claim: Claim, needs: Needs) -> Iterator[Failure]:
    support, contra = set(claim.support), set(claim.contra)
    missing = (needs.support - support) | (needs.contra - contra)
    if missing:
        yield Failure("E_CHERRY_PICKED", f"evidence is left out: {', '.join(sorted(missing))}")
    surplus = (support - needs.support) | (contra - needs.contra)
    if surplus:
        yield Failure("E_OVER_CITED", f"the claim does not rest on {', '.join(sorted(surplus))}")


def _of_quantities(claim: Claim, needs: Needs, grounds: Grounds) -> Iterator[Failure]:
    for quantity in claim.quantities:
        expected = cited_calls(claim.support) if quantity.ref == CITED_CALLS else grounds.table.get(quantity.ref)
        if expected is None or _content(quantity) != _content(expected):
            yield Failure("E_QUANTITY", "a figure is not one of the pack, or another one there")
        if not set(quantity.source) <= set(claim.citations):
            yield Failure("E_QUANTITY", "a figure rests on items that are not cited")
    declared = {quantity.ref for quantity in claim.quantities}
    if declared != needs.refs:
        yield Failure("E_QUANTITY", "figures are missing, or do not belong to the claim")


def _content(quantity: Quantity) -> tuple[object, ...]:
    """Return what makes a figure itself. What it rests on is a set; the sign of zero is no part of a value."""
    return quantity.ref, quantity.value, quantity.unit, quantity.decimals, sorted(quantity.source)
