"""A correct text with one fault in it: every fault is found, whichever claim it is put into."""

from collections.abc import Callable

import pytest

from rab.domain import Claim, EvidencePack, Quantity
from rab.generation import facts, holds, validate, write_interpretation, write_summary

Mutation = Callable[[Claim, EvidencePack], Claim | None]


def _with(claim: Claim, **changes: object) -> Claim:
    return claim.model_copy(update=changes)


def foreign_salt(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Cite an item as another pack would."""
    key = claim.support[0].rpartition(".")[0]
    return _with(claim, support=(f"{key}.{'0000' if pack.salt != '0000' else '1111'}", *claim.support[1:]))


def unknown_id(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Cite an item that does not exist."""
    return _with(claim, support=(*claim.support, f"n99.{pack.salt}"))


def no_citation(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Cite nothing."""
    return _with(claim, support=())


def padded_support(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Cite one more item that exists and can be cited."""
    spare = [item_id for item_id in pack.items if item_id not in claim.citations]
    return _with(claim, support=(*claim.support, spare[0])) if spare else None


def dropped_support(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Leave out the last supporting item, with the figures that rest on it."""
    support = claim.support[:-1]
    left = tuple(one for one in claim.quantities if set(one.source) <= {*support, *claim.contra})
    return _with(claim, support=support, quantities=left)


def dropped_dissent(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Leave out what speaks against the claim."""
    return _with(claim, contra=()) if claim.contra else None


def invented_dissent(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Cite something against the claim that does not speak against it."""
    spare = [item_id for item_id in pack.items if item_id not in claim.citations]
    return _with(claim, contra=(*claim.contra, spare[-1])) if spare else None


def changed_number(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Declare another value."""
    return _changed(claim, lambda one: one.model_copy(update={"value": one.value + 1}))


def changed_unit(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Declare another unit."""
    return _changed(claim, lambda one: one.model_copy(update={"unit": "kHz"}))


def changed_decimals(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Declare more precision than there is."""
    return _changed(claim, lambda one: one.model_copy(update={"decimals": one.decimals + 2}))


def changed_reference(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Declare a figure that the pack does not have."""
    return _changed(claim, lambda one: one.model_copy(update={"ref": f"{one.ref}x"}))


def dropped_quantity(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Leave out a figure. A difference may name fewer descriptors, so it is left alone when one remains."""
    if not claim.quantities or (claim.kind == "difference" and len(claim.quantities) > 1):
        return None
    return _with(claim, quantities=claim.quantities[1:])


def repeated_quantity(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Declare a figure twice."""
    return _with(claim, quantities=(*claim.quantities, *claim.quantities[:1])) if claim.quantities else None


def changed_taxon(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Name another taxon, or one where none belongs."""
    return _with(claim, taxon="Turdus merula" if claim.taxon != "Turdus merula" else "Turdus philomelos")


def changed_code(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Give a code that the kind does not have."""
    return _with(claim, code="certain")


def removed_hedge(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Call a tentative claim plain."""
    return _with(claim, hedge="plain") if claim.hedge == "tentative" else None


def given_confidence(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Give a probability without a calibration."""
    return _with(claim, confidence=0.9)


def changed_kind(claim: Claim, pack: EvidencePack) -> Claim | None:
    """Pass a claim off as one of another kind."""
    return _with(claim, kind="novelty" if pack.kind == "segment" else "effort", code=None)


STRUCTURE: list[Mutation] = [
    foreign_salt,
    unknown_id,
    no_citation,
    padded_support,
    dropped_support,
    dropped_dissent,
    invented_dissent,
    changed_number,
    changed_unit,
    changed_decimals,
    changed_reference,
    dropped_quantity,
    repeated_quantity,
    changed_taxon,
    changed_code,
    removed_hedge,
    given_confidence,
    changed_kind,
]

PROSE: list[Callable[[str], str]] = [
    lambda text: text.removesuffix(".") + ", heard 7 times.",
    lambda text: text.removesuffix(".") + ", heard seven times.",
    lambda text: text.removesuffix(".") + ", which means danger.",
    lambda text: text.removesuffix(".") + "; it is a Eurasian Blackbird.",
    lambda text: text.removesuffix(".") + "; this is confirmed.",
    lambda text: text.removesuffix(".") + " [n1].",
    lambda text: text.removesuffix("."),
    lambda text: text + " ",
]


def _changed(claim: Claim, change: Callable[[Quantity], Quantity]) -> Claim | None:
    return _with(claim, quantities=tuple(map(change, claim.quantities))) if claim.quantities else None


@pytest.fixture(params=["clean", "low_snr", "silent", "far", "empty", "conflicting", "divided", "one_recording", "day"])
def pack(request: pytest.FixtureRequest) -> EvidencePack:
    """Each of the packs in turn."""
    found: EvidencePack = request.getfixturevalue(request.param)
    return found


def written(pack: EvidencePack) -> tuple[Claim, ...]:
    return (write_summary(pack) if pack.kind == "summary" else write_interpretation(pack)).claims


@pytest.mark.parametrize("mutate", STRUCTURE, ids=lambda mutate: mutate.__name__)
def test_fault_in_a_claim_is_found(mutate: Mutation, pack: EvidencePack) -> None:
    """A claim with one fault does not hold, and is not served."""
    for claim in written(pack):
        mutant = mutate(claim, pack)
        if mutant is None or mutant == claim:
            continue
        assert holds(mutant, pack) is not None, f"{claim.kind} survived {mutate.__name__}"
        served, dropped = validate([mutant], pack)
        assert mutant not in served
        assert mutant in [one.claim for one in dropped]


@pytest.mark.parametrize("change", range(len(PROSE)))
def test_fault_in_words_is_found(change: int, pack: EvidencePack) -> None:
    """A true claim with one fault in its words is served in the template's words."""
    for claim in written(pack):
        mutant = _with(claim, text=PROSE[change](claim.text))
        served, dropped = validate([mutant], pack)
        assert claim in served
        assert mutant in [one.claim for one in dropped]


def test_missing_mandatory_fact_is_restored(pack: EvidencePack) -> None:
    """Whatever is left out, the mandatory facts are served, and the gap is on record."""
    due = [fact.claim for fact in facts(pack) if fact.mandatory]
    for claim in due:
        given = [other for other in due if other is not claim]
        served, dropped = validate(given, pack)
        assert claim.id in {one.id for one in served}
        assert [("E_MISSING_MANDATORY", claim.id)] == [(one.code, one.claim.id) for one in dropped]


def test_correct_text_passes_untouched(pack: EvidencePack) -> None:
    """What the writer wrote is served as it is, and a second validation changes nothing."""
    claims = written(pack)
    assert validate(claims, pack) == (claims, ())


def test_repeated_claim_is_dropped(pack: EvidencePack) -> None:
    """A claim said twice is served once, under whatever id and in whatever order of its citations."""
    claims = written(pack)
    again = _with(claims[0], id="other", support=claims[0].support[::-1])
    same_id = _with(claims[-1], id=claims[0].id)
    served, dropped = validate((*claims, again, same_id), pack)
    assert (claims, ["E_DUPLICATE", "E_DUPLICATE"]) == (served, [one.code for one in dropped])


@pytest.mark.parametrize(
    ("mutate", "code"),
    [
        (foreign_salt, "E_CITE_FOREIGN"),
        (unknown_id, "E_CITE_UNKNOWN"),
        (no_citation, "E_CITE_NONE"),
        (dropped_support, "E_CHERRY_PICKED"),
        (dropped_dissent, "E_CHERRY_PICKED"),
        (invented_dissent, "E_OVER_CITED"),
        (changed_number, "E_QUANTITY"),
        (changed_taxon, "E_TAXON"),
        (given_confidence, "E_SCHEMA"),
    ],
)
def test_codes_are_stable(mutate: Mutation, code: str, divided: EvidencePack) -> None:
    """Each fault of a vote has its documented code."""
    vote = next(claim for claim in written(divided) if claim.kind == "taxon_vote")
    mutant = mutate(vote, divided)
    assert mutant is not None
    failure = holds(mutant, divided)
    assert failure is not None
    assert failure.code == code


def test_hedge_has_its_code(one_recording: EvidencePack) -> None:
    """A vote of one recording cannot be plain."""
    vote = next(claim for claim in written(one_recording) if claim.kind == "taxon_vote")
    failure = holds(_with(vote, hedge="plain"), one_recording)
    assert failure is not None
    assert failure.code == "E_HEDGE"


def test_identity_is_forbidden_where_rab_abstains(clean: EvidencePack, low_snr: EvidencePack) -> None:
    """A vote that would be true is dropped where the signal supports no species."""
    vote = next(fact.claim for fact in facts(clean) if fact.claim.kind == "taxon_vote")
    support = tuple(item_id.replace(clean.salt, low_snr.salt) for item_id in vote.support)
    quantities = tuple(
        one.model_copy(update={"source": tuple(i.replace(clean.salt, low_snr.salt) for i in one.source)})
        for one in vote.quantities
    )
    failure = holds(_with(vote, support=support, quantities=quantities, hedge="tentative"), low_snr)
    assert failure is not None
    assert failure.code == "E_MUST_ABSTAIN"


def test_order_of_citations_does_not_matter(clean: EvidencePack) -> None:
    """Evidence is a set."""
    vote = next(fact.claim for fact in facts(clean) if fact.claim.kind == "taxon_vote")
    assert holds(_with(vote, support=vote.support[::-1]), clean) is None


def test_abstention_without_its_reason_is_dropped(clean: EvidencePack) -> None:
    """Abstaining for a reason that does not hold is no caution, it is an untrue statement."""
    claim = Claim(id="c1", kind="abstention", code="silent", support=(clean.item_id("q"),))
    failure = holds(claim, clean)
    assert failure is not None
    assert failure.code == "E_UNSUPPORTED"


def test_claim_of_another_kind_of_pack_is_dropped(clean: EvidencePack, day: EvidencePack) -> None:
    """A summary's claim has no place in an interpretation, nor the other way round."""
    effort = Claim(id="c1", kind="effort", code="total", support=(clean.item_id("q"),))
    novelty = Claim(id="c1", kind="novelty", support=(day.item_id("a1"),))
    failures = (holds(effort, clean), holds(novelty, day))
    assert [failure.code for failure in failures if failure] == ["E_KIND", "E_KIND"]
