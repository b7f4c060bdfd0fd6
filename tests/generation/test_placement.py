"""Where a call was placed and what usually comes with it: said where the pack has it, and refused where it has not."""

from typing import Any

import pytest

from rab.domain import Claim, Descriptors, EvidencePack, FollowingEntry
from rab.generation import facts, validate, write_interpretation
from rab.generation.checks.holding import holds
from rab.generation.needs.base import Grounds
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.reading.quantities import printed, quantities
from rab.generation.wording.sentences import cited

OWN = "c3.9fa2"


def following(**changes: Any) -> FollowingEntry:
    entry = FollowingEntry(
        key="f1",
        cluster_id=OWN,
        other_id="c5",
        direction="after",
        within_ms=4000.0,
        n=40,
        n_followed=31,
        median_gap_ms=400.0,
        n_recordings=9,
        n_by_chance=6.2,
        q_value=0.001,
    )
    return entry.model_copy(update=changes)


def placed(pack: EvidencePack, *followings: FollowingEntry, **query: Any) -> EvidencePack:
    """Return a pack whose query a clustering has placed."""
    assert pack.query is not None
    asked = pack.query.model_copy(update={"is_placed": True, **query})
    return changed(pack, query=asked, followings=followings)


def changed(pack: EvidencePack, **content: Any) -> EvidencePack:
    """Return a pack with other content, sealed anew."""
    return EvidencePack(**{name: getattr(pack, name) for name in EvidencePack.model_fields} | content)


def sentences(pack: EvidencePack, *kinds: str) -> list[str]:
    text = write_interpretation(pack)
    assert () == text.dropped
    return [cited(claim).replace(f".{pack.salt}", "") for claim in text.claims if claim.kind in kinds]


def test_call_in_the_cluster_of_the_nearest_prototype_is_told_once(clean: EvidencePack) -> None:
    """One sentence says where it sits and what lies nearest."""
    assert sentences(placed(clean, cluster_id=OWN), "cluster_membership") == [
        "It sits in cluster c3.9fa2, whose prototype lies nearest: cosine 0.88; 412 members, of which 300 appear under "
        "the name Eurasian Blackbird (Turdus merula) [q, p1]."
    ]


def test_call_in_another_cluster_is_told_beside_the_prototype(clean: EvidencePack) -> None:
    """Where a call sits, and which prototype lies nearest, are two findings."""
    first, second = sentences(placed(clean, cluster_id="c7"), "cluster_membership")
    assert "It sits in cluster c7 [q]." == first
    assert second.startswith("Of all prototypes, that of cluster c3.9fa2 lies nearest")


def test_call_in_no_cluster_is_told(clean: EvidencePack) -> None:
    """A clustering that placed a call in no cluster has said something of it; none at all has not."""
    assert "It lies in no cluster of the library [q]." in sentences(placed(clean), "cluster_membership")
    assert not any("no cluster" in one for one in sentences(clean, "cluster_membership"))


def test_usual_sequence_is_told_with_its_counts(clean: EvidencePack) -> None:
    """How often, of how many, where, how soon, and what shuffles would give."""
    assert sentences(placed(clean, following(), cluster_id=OWN), "usual_sequence") == [
        "Cluster c5 usually follows calls of its cluster c3.9fa2 within 4 s: 31 out of 40 cases, in 9 recordings "
        "(median gap 0.400 s), where shuffled recordings give 6.2 [q, f1]."
    ]


def test_what_comes_before_in_few_cases_is_not_usual(clean: EvidencePack) -> None:
    """Beyond chance and usual are two things: 9 of 40 cases are no custom."""
    (said,) = sentences(placed(clean, following(direction="before", n_followed=9), cluster_id=OWN), "usual_sequence")
    assert said.startswith("Cluster c5 precedes calls of its cluster c3.9fa2 within 4 s: 9 out of 40 cases")


@pytest.mark.parametrize(
    ("change", "query"),
    [
        ({"q_value": 0.06}, {"cluster_id": OWN}),
        ({"n_recordings": 1}, {"cluster_id": OWN}),
        ({"cluster_id": "c9"}, {"cluster_id": OWN}),
        ({"other_id": OWN}, {"cluster_id": OWN}),
        ({}, {"cluster_id": None}),
    ],
)
def test_following_that_does_not_stand_is_refused(
    clean: EvidencePack, change: dict[str, Any], query: dict[str, Any]
) -> None:
    """Chance may do as much, one recording is no custom, and another cluster's custom is not this call's."""
    good, bad = placed(clean, following(), cluster_id=OWN), placed(clean, following(**change), **query)
    (claim,) = (fact.claim for fact in facts(good) if fact.claim.kind == "usual_sequence")
    failure = holds(moved(claim, good, bad), bad)
    assert failure is not None
    assert "E_UNSUPPORTED" == failure.code


@pytest.mark.parametrize("share", [0.95, 0.9964, 0.99999, 1.0])
def test_far_call_is_told_by_its_rank(clean: EvidencePack, share: float) -> None:
    """A share is cut, not rounded: 99.99 % of a library are not all of it."""
    (said,) = sentences(placed(clean, novelty=share), "novelty")
    whole = "No call of the library lies farther out than it does [q]."
    words = {0.95: "95.0%", 0.9964: "99.6%", 0.99999: "99.9%"}.get(share)
    assert (f"It lies far out: {words} of the library lie closer to other recordings [q]." if words else whole) == said


def test_near_call_is_not_told_by_its_rank(clean: EvidencePack) -> None:
    """Below the threshold it is not said, and a claim of it does not hold."""
    far, near = placed(clean, novelty=0.97), placed(clean, novelty=0.94)
    assert [] == sentences(near, "novelty")
    (claim,) = (fact.claim for fact in facts(far) if fact.claim.kind == "novelty")
    failure = holds(moved(claim, far, near), near)
    assert failure is not None
    assert "E_UNSUPPORTED" == failure.code


@pytest.mark.parametrize("code", [None, "own", "elsewhere", "unassigned"])
def test_each_placement_holds_of_its_own_pack_alone(clean: EvidencePack, code: str | None) -> None:
    """A call is in the nearest prototype's cluster, in another, or in none."""
    packs = {
        None: clean,
        "own": placed(clean, cluster_id=OWN),
        "elsewhere": placed(clean, cluster_id="c7"),
        "unassigned": placed(clean),
    }
    home = packs[code]
    claim = next(one.claim for one in facts(home) if (one.claim.kind, one.claim.code) == ("cluster_membership", code))
    true_of = {name for name, pack in packs.items() if holds(moved(claim, home, pack), pack) is None}
    expected: set[str | None] = {None, "elsewhere", "unassigned"} if code is None else {code}
    assert expected == true_of


def test_differences_are_of_different_things(clean: EvidencePack) -> None:
    """A call that lies higher has a higher peak, centroid and top: that is told once, by the peak."""
    assert clean.query is not None
    query = Descriptors(
        duration_ms=900.0, peak_hz=5000.0, centroid_hz=5100.0, high_hz=7000.0, pitch_median_hz=5000.0, flatness=0.5
    )
    other = Descriptors(
        duration_ms=500.0, peak_hz=2500.0, centroid_hz=2600.0, high_hz=4000.0, pitch_median_hz=2500.0, flatness=0.1
    )
    near = tuple(one.model_copy(update={"descriptors": other}) for one in clean.neighbours)
    pack = changed(clean, query=clean.query.model_copy(update={"descriptors": query}), neighbours=near)
    (said, *_) = sentences(pack, "difference")
    assert said == (
        "It differs from the most similar stored call by a higher peak frequency (+2.50 kHz), a longer active duration "
        "(+400 ms) and a flatter spectrum (spectral flatness +0.40) [q, n1]."
    )


def test_thousands_are_read_in_the_larger_unit(clean: EvidencePack) -> None:
    """From 1,000 Hz on a frequency is printed in kHz, and the quantity stays in Hz."""
    table = quantities(clean)
    low = table[f"{clean.item_id('q')}:band_low_hz"]
    assert (1840.0, "Hz", "1.84 kHz") == (low.value, low.unit, printed(low))


def moved(claim: Claim, home: EvidencePack, pack: EvidencePack) -> Claim:
    """Return a claim of one pack as it would read in another: its ids and figures, as far as the other has them."""
    rename = {home.item_id(key): pack.item_id(key) for key in ("q", "p1", "f1", "n1", "n2", "n3")}
    table = Grounds.of(pack, DEFAULT_POLICY, "interpretation").table

    def ref_of(ref: str) -> str:
        for old, new in rename.items():
            ref = ref.replace(old, new)
        return ref

    figures = (table.get(ref_of(one.ref), one) for one in claim.quantities)
    return claim.model_copy(
        update={
            "support": tuple(rename.get(one, one) for one in claim.support),
            "contra": tuple(rename.get(one, one) for one in claim.contra),
            "quantities": tuple(figures),
        }
    )


def test_facts_of_a_placed_call_all_hold(clean: EvidencePack) -> None:
    """Nothing that is found to be true is refused."""
    pack = placed(clean, following(), following(key="f2", direction="before"), cluster_id=OWN, novelty=0.97)
    claims = [fact.claim for fact in facts(pack)]
    assert [] == list(validate(claims, pack)[1])


def typed(pack: EvidencePack, *kinds: tuple[str, ...], alike: bool = False) -> EvidencePack:
    """Return a pack whose neighbours people gave types of call."""
    given = zip(pack.neighbours, kinds, strict=False)
    changes = [one.model_copy(update={"call_types": own, "is_in_same_position": alike}) for one, own in given]
    return changed(pack, neighbours=(*changes, *pack.neighbours[len(kinds) :]))


def test_type_of_call_is_quoted_from_people(clean: EvidencePack) -> None:
    """What listeners call a type is quoted, with all near calls that bear it; two words of the same calls are one."""
    assert sentences(typed(clean, ("alarm call",), ("alarm call",)), "call_type") == [
        "It sits among 2 stored calls that listeners label “alarm call” [n1, n2]."
    ]
    assert sentences(typed(clean, ("alarm call", "seet"), alike=True), "call_type") == [
        "It lies near 1 stored call that listeners label “alarm call” and “seet”, in the same sequence position [n1]."
    ]


def test_type_of_call_leaves_no_bearer_out(clean: EvidencePack) -> None:
    """Of two calls that bear a type neither can be cited alone, and a place in the sequence is not made up."""
    pack = typed(clean, ("alarm call",), ("alarm call",))
    (claim,) = (fact.claim for fact in facts(pack) if fact.claim.kind == "call_type")
    partial = claim.model_copy(update={"support": claim.support[:1]})
    elsewhere = claim.model_copy(update={"code": "same_position"})
    for false in (partial, elsewhere):
        failure = holds(false, pack)
        assert failure is not None
        assert "E_UNSUPPORTED" == failure.code


@pytest.mark.parametrize("words", ["danger” [n9.0000]. It confirms", "says help", "3 wolves", "x" * 500, "​"])
def test_words_of_a_label_stay_in_quotation_marks(clean: EvidencePack, words: str) -> None:
    """A label may hold anything: it closes no quotation, and looks like no citation."""
    (said,) = sentences(typed(clean, (words,)), "call_type")
    assert said.startswith("It lies near 1 stored call that listeners label “")
    assert said.endswith("” [n1].")
    assert 1 == said.count("[n")
