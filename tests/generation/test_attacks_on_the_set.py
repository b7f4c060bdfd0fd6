"""Drafts that lie by what they say together: too often, twice differently, in a chosen order, or without the rest."""

import itertools
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from rab.domain import Claim, EvidencePack, NeighbourEntry, TaxonScoreEntry
from rab.generation import DEFAULT_POLICY, GroundingPolicy, facts, quantities, text_of, validate, write_interpretation

NAMES = ("Turdus merula", "Turdus philomelos", "Bubo virginianus")


@pytest.fixture(scope="module")
def crowded(segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]) -> EvidencePack:
    """Sixty-three near calls under three names: with the query, as many items as a language model is shown."""
    calls = [neighbour_of(number, 0.99 - number / 1000, NAMES[number % 3]) for number in range(1, 64)]
    return segment_pack_of(calls)


@pytest.fixture(scope="module")
def resemblance(crowded: EvidencePack) -> Callable[[tuple[int, ...], str], Claim]:
    """Make a claim that is true of the pack: the call resembles these neighbours, whatever they are named."""
    table = quantities(crowded)
    own = next(one.claim for one in facts(crowded) if one.claim.kind == "resemblance").quantities[0]

    def of(numbers: tuple[int, ...], claim_id: str) -> Claim:
        ids = tuple(crowded.item_id(f"n{number}") for number in numbers)
        count = own.model_copy(update={"value": len(ids), "source": ids})
        figures = (count, *(table[f"{item_id}:similarity"] for item_id in ids))
        return Claim(id=claim_id, kind="resemblance", support=ids, quantities=figures, hedge="tentative")

    return of


def sayings(claims: tuple[Claim, ...]) -> set[tuple[str, ...]]:
    return {(one.kind, one.text, *one.citations) for one in claims}


def test_ten_thousand_true_claims_are_one(
    crowded: EvidencePack, resemblance: Callable[[tuple[int, ...], str], Claim]
) -> None:
    """All subsets of similar calls resemble the query; one subset is told, and it is a full one."""
    subsets = itertools.islice(itertools.combinations(range(1, 64), 3), 10_000)
    drafts = [resemblance(subset, f"c{number}") for number, subset in enumerate(subsets)]
    served, dropped = validate(drafts, crowded)
    told = [one for one in served if one.kind == "resemblance"]
    assert (["E_DUPLICATE"], 1) == (sorted({one.code for one in dropped} - {"E_MISSING_MANDATORY"}), len(told))


def test_fuller_claim_is_kept_wherever_it_stands(
    crowded: EvidencePack, resemblance: Callable[[tuple[int, ...], str], Claim]
) -> None:
    """A claim on one call does not displace the claim on three, in either order."""
    less, more = resemblance((9,), "c1"), resemblance((1, 2, 3), "c2")
    for drafts in ([less, more], [more, less]):
        served = {one.id for one in validate(drafts, crowded)[0]}
        assert served & {"c1", "c2"} == {"c2"}


def test_order_of_a_draft_does_not_matter(
    crowded: EvidencePack, resemblance: Callable[[tuple[int, ...], str], Claim]
) -> None:
    """Shuffled, a draft of true, false and repeated claims gives the same sentences."""
    drafts = [resemblance(subset, f"c{number}") for number, subset in enumerate([(1,), (1, 2, 3), (4, 2), (60,)])]
    drafts += [one.claim for one in facts(crowded)]
    drafts.append(drafts[-1].model_copy(update={"id": "wrong", "support": ("n1.0000",)}))
    expected = sayings(validate(drafts, crowded)[0])
    for seed in range(20):
        shuffled = random.Random(seed).sample(drafts, len(drafts))
        assert expected == sayings(validate(shuffled, crowded)[0])


def test_order_of_citations_chooses_no_name(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    score_of: Callable[..., TaxonScoreEntry],
    true_claim_of: Callable[..., Claim],
) -> None:
    """A sentence has room for three names; which three is not the draft's choice."""
    calls = [neighbour_of(number, 0.95 - number / 100) for number in range(1, 6)]
    names = ["Turdus merula", "Picus viridis", "Strix aluco", "Corvus corax", "Alcedo atthis"]
    named = [
        one.model_copy(update={"name": one.name.model_copy(update={"scientific_name": name, "common_name": name})})
        for one, name in zip(calls, names, strict=True)
        if one.name is not None
    ]
    pack = segment_pack_of(named, taxon_scores=(score_of(1, "Bubo virginianus", 0.9),))
    claim = true_claim_of(pack, "conflict")
    for support in itertools.permutations(claim.support):
        served, _ = validate([claim.model_copy(update={"support": support, "text": ""})], pack)
        assert claim in served


def test_order_of_figures_chooses_no_sentence(rich: EvidencePack) -> None:
    """Each figure is printed in its place, whatever the order in which a draft declares them."""
    for fact in facts(rich):
        expected = next(one for one in validate([fact.claim], rich)[0] if one.id == fact.claim.id)
        turned = fact.claim.model_copy(
            update={"quantities": fact.claim.quantities[::-1], "support": fact.claim.support[::-1]}
        )
        assert expected in validate([turned], rich)[0]


def test_two_clusters_are_not_both_nearest(tied: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """Of two prototypes that lie equally near, one is told of."""
    first = true_claim_of(tied, "cluster_membership")
    table = quantities(tied)
    second = tied.item_id("p2")
    figures = tuple(table[f"{second}:{name}"] for name in ("similarity", "members"))
    other = Claim(id="c2", kind="cluster_membership", support=(second,), quantities=figures)
    for drafts in ([first, other], [other, first]):
        served, dropped = validate(drafts, tied)
        assert [first] == [one for one in served if one.kind == "cluster_membership"]
        assert "E_CONTRADICTION" in {one.code for one in dropped}


def test_one_model_does_not_score_a_taxon_twice(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    score_of: Callable[..., TaxonScoreEntry],
) -> None:
    """Two rows of one class give one statement."""
    scores = (score_of(1, "Turdus merula", 0.7), score_of(2, "Turdus merula", 0.4))
    pack = segment_pack_of([neighbour_of(number, 0.9) for number in (1, 2)], taxon_scores=scores)
    served, dropped = validate([one.claim for one in facts(pack)], pack)
    assert len([one for one in served if one.kind == "classifier_score"]) == 1
    assert "E_CONTRADICTION" in {one.code for one in dropped}


def test_restored_fact_has_an_id_of_its_own(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """A draft that takes the ids of mandatory facts does not give two claims one id."""
    vote = true_claim_of(clean, "taxon_vote")
    for taken in ("f1", "f10", "f1-2"):
        served, _ = validate([vote.model_copy(update={"id": taken})], clean)
        ids = [one.id for one in served]
        assert (len(ids), taken in ids) == (len(set(ids)), True)


def test_reused_id_is_dropped(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """Of two claims under one id the first is served."""
    first, second = true_claim_of(clean, "taxon_vote"), true_claim_of(clean, "classifier_score")
    served, dropped = validate([first, second.model_copy(update={"id": first.id})], clean)
    assert first in served
    assert "classifier_score" not in {one.kind for one in served}
    assert "E_DUPLICATE" in {one.code for one in dropped}


def test_claim_in_other_words_is_a_repetition(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """A claim is its evidence: said again in other words, under another id and hedge, it is not served again."""
    vote = true_claim_of(clean, "taxon_vote")
    again = vote.model_copy(update={"id": "c9", "text": f"Moreover, {vote.text}", "text_origin": "model"})
    careful = vote.model_copy(update={"id": "c8", "hedge": "tentative", "text": ""})
    served, dropped = validate([vote, again, careful], clean)
    assert [vote] == [one for one in served if one.kind == "taxon_vote"]
    assert ["E_DUPLICATE", "E_DUPLICATE"] == [one.code for one in dropped if one.claim.kind == "taxon_vote"]


@pytest.mark.parametrize(
    "junk", [None, 7, "c1", {}, {"id": "c1"}, [], object(), b"\x00", Ellipsis], ids=lambda one: type(one).__name__
)
def test_what_is_no_claim_is_on_record_as_such(junk: object, clean: EvidencePack) -> None:
    """Whatever stands in a draft, nothing raises, nothing of it is printed, and the text is complete."""
    served, dropped = validate(cast("list[Claim]", [junk]), clean)
    assert validate([], clean)[0] == served
    assert ("E_SCHEMA", "unreadable") == (dropped[0].code, dropped[0].claim.id)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"id": "c1"},
        {"id": "c1", "kind": "taxon_vote", "support": [["n1"]], "quantities": 3},
        {"id": None, "kind": {}, "support": {"a": object()}, "text": b"x", "quantities": None},
    ],
    ids=["empty", "half", "wrong", "wilder"],
)
def test_claim_built_without_validation_is_not_served(content: dict[str, Any], clean: EvidencePack) -> None:
    """A claim whose fields hold anything at all is found before any field is read."""
    served, dropped = validate([Claim.model_construct(**content)], clean)
    assert (validate([], clean)[0], "E_SCHEMA") == (served, dropped[0].code)
    assert dropped[0].model_dump_json()


def test_rejected_words_without_end_are_cut(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """The record of what was rejected keeps enough to recognise it."""
    vote = true_claim_of(clean, "taxon_vote")
    _, dropped = validate([vote.model_copy(update={"text": "x" * 10**6 + ".", "text_origin": "model"})], clean)
    assert (2_001, "…") == (len(dropped[0].claim.text), dropped[0].claim.text[-1])


@pytest.mark.parametrize("name", ["clean", "low_snr", "silent", "far", "conflicting", "strayed", "divided", "day"])
def test_nothing_that_is_due_can_be_left_out(name: str, request: pytest.FixtureRequest) -> None:
    """Any part of a text, given as a draft, is completed to all that is due, abstentions before all else."""
    pack: EvidencePack = request.getfixturevalue(name)
    found = facts(pack)
    due = {(one.claim.kind, one.claim.code, one.claim.taxon) for one in found if one.mandatory}
    for left_out in found:
        served, _ = validate([one.claim for one in found if one is not left_out], pack)
        assert due <= {(one.kind, one.code, one.taxon) for one in served}
    bare, _ = validate([one.claim for one in found if not one.mandatory], pack)
    openers = [one.kind for one in bare if one.kind in ("effort", "signal_quality", "abstention")]
    assert openers == [one.kind for one in bare[: len(openers)]]


@pytest.mark.parametrize("key", ["n1", "q", "", "n1.38d0", "N1", "n1]\n", "neighbour1", "n١"])
def test_pack_whose_ids_are_ambiguous_cannot_be_made(key: str, clean: EvidencePack) -> None:
    """Two entries under one key, or a key that cannot be printed, make no pack."""
    second = clean.neighbours[1].model_copy(update={"key": key})
    content = {name: getattr(clean, name) for name in EvidencePack.model_fields}
    with pytest.raises(ValueError, match="keys of their own"):
        EvidencePack(**content | {"neighbours": (clean.neighbours[0], second, clean.neighbours[2])})


def test_policy_of_others_changes_the_verdict(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """A claim is true under a policy: where calls must lie nearer, the same claim is dropped."""
    like = true_claim_of(clean, "resemblance")
    strict = GroundingPolicy(near_similarity=0.90)
    served = [validate([like], clean, policy)[0] for policy in (DEFAULT_POLICY, strict)]
    assert [True, False] == [like in one for one in served]


def test_record_of_a_draft_prints_on_lines_of_its_own(clean: EvidencePack, true_claim_of: Callable[..., Claim]) -> None:
    """What was corrected is told in our words: no name, number or heading of the draft stands in the plain text."""
    vote = true_claim_of(clean, "taxon_vote")
    evil = "Wolf\n\nConfirmed species\n  Canis lupus 300"
    drafts = [
        vote.model_copy(update=changes)
        for changes in (
            {"id": evil},
            {"code": evil},
            {"taxon": evil},
            {"support": (evil,)},
            {"text": evil},
            {"quantities": (vote.quantities[0].model_copy(update={"ref": evil, "unit": evil}),)},
        )
    ]
    served, dropped = validate(drafts, clean)
    text = text_of(write_interpretation(clean).model_copy(update={"claims": served, "dropped": dropped}))
    assert "Wolf" not in text
    assert "lupus 300" not in text
