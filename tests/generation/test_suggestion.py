"""A suggestion: a label that people's own labels carry, or every reason for which a person should listen first."""

from collections.abc import Callable
from typing import Any

import pytest

from rab.domain import AnnotationSuggestion, CallName, Claim, DepthDecision, EvidencePack, NeighbourEntry
from rab.errors import InputError
from rab.generation import facts, holds, text_of, validate, write_suggestion
from rab.generation.needs.suggestion import FORMS, REVIEW_REASONS

MERULA, PHILOMELOS = "Turdus merula", "Turdus philomelos"
Build = Callable[..., Any]


def with_query(pack: EvidencePack, **said: Any) -> EvidencePack:
    """Return the pack of a call of which people said something, sealed anew."""
    assert pack.query is not None
    fields = {name: getattr(pack, name) for name in type(pack).model_fields}
    return EvidencePack(**{**fields, "query": pack.query.model_copy(update=said)})


def person(taxon: str, by: str = "Ann") -> CallName:
    """Return a person's name for the call itself."""
    return CallName(scientific_name=taxon, common_name=taxon, source="human", by=by)


@pytest.fixture(scope="session")
def packs(segment_pack_of: Build, neighbour_of: Build, score_of: Build, quality_of: Build) -> dict[str, EvidencePack]:
    """Packs by what is wrong with them; the first has nothing wrong."""
    near = [neighbour_of(1, 0.91), neighbour_of(2, 0.87), neighbour_of(3, 0.83)]
    agreeing = (score_of(1, MERULA, 0.71), score_of(2, PHILOMELOS, 0.12))
    clean = segment_pack_of(near, taxon_scores=agreeing)
    unsure = DepthDecision(k=3, k_base=3, species_claims_supported=False, reasons=("k 3",), unsupported_by="vote")
    other_model = score_of(3, PHILOMELOS, 0.8)
    other_model = other_model.model_copy(update={"score": other_model.score.model_copy(update={"model": "perch-v2"})})
    imported = [neighbour_of(1, 0.9), neighbour_of(2, 0.85), neighbour_of(3, 0.8, PHILOMELOS, source="imported")]
    fields = {name: getattr(clean, name) for name in EvidencePack.model_fields}
    return {
        "clean": clean,
        "no scores": segment_pack_of(near),
        "model dissent": segment_pack_of([*near, neighbour_of(4, 0.8, PHILOMELOS, source="model")]),
        "one too few": segment_pack_of([*near[:1], neighbour_of(2, 0.87, recording="r1")]),
        "own recording": segment_pack_of([neighbour_of(n, 0.9, recording="query") for n in (1, 2, 3)]),
        "own and another": segment_pack_of([neighbour_of(1, 0.9, recording="query"), neighbour_of(2, 0.87)]),
        "neighbours": segment_pack_of([*near, neighbour_of(4, 0.8, PHILOMELOS)]),
        "imported": segment_pack_of(imported),
        "model names": segment_pack_of([neighbour_of(n, 0.9, source="model") for n in (1, 2, 3)]),
        "imported names": segment_pack_of([neighbour_of(n, 0.9, source="imported") for n in (1, 2, 3)]),
        "no names": segment_pack_of([neighbour_of(1, 0.9, None)]),
        "classifier": segment_pack_of(near, taxon_scores=(score_of(1, PHILOMELOS, 0.66), score_of(2, MERULA, 0.4))),
        "two models": segment_pack_of(near, taxon_scores=(score_of(1, MERULA, 0.71), other_model)),
        "out of range": segment_pack_of(near, taxon_scores=(score_of(1, MERULA, 0.71, in_range=False),)),
        "far": segment_pack_of([neighbour_of(1, 0.41)]),
        "vote": EvidencePack(**{**fields, "depth": unsure}),
        "weak": segment_pack_of(near, signal=quality_of(3.1)),
        "unmeasured": segment_pack_of(near, signal=quality_of(None, "too_short")),
        "below the floor": segment_pack_of(near, signal=quality_of(-2.0), supported=False),
        "silent": segment_pack_of(near, signal=quality_of(None, "silent"), supported=False),
        "alone": segment_pack_of(),
        "labelled": with_query(clean, names=(person(MERULA),)),
        "two species by one": with_query(clean, names=(person(MERULA), person(PHILOMELOS))),
        "contested": with_query(clean, names=(person(MERULA), person(PHILOMELOS, "Bob"))),
        "rejected": with_query(clean, rejected_taxa=(MERULA,)),
        "another rejected": with_query(clean, rejected_taxa=(PHILOMELOS,)),
        "leader rejected": with_query(
            segment_pack_of(near, taxon_scores=(score_of(1, PHILOMELOS, 0.9),)), rejected_taxa=(PHILOMELOS,)
        ),
    }


@pytest.mark.parametrize(
    ("name", "outcome", "reasons"),
    [
        ("clean", "suggested", ()),
        ("no scores", "suggested", ()),
        ("model dissent", "suggested", ()),
        ("one too few", "review", ("one_recording",)),
        ("own recording", "review", ("one_recording",)),
        ("own and another", "review", ("one_recording",)),
        ("neighbours", "review", ("neighbours_disagree",)),
        ("imported", "review", ("neighbours_disagree",)),
        ("model names", "review", ("no_human_label",)),
        ("imported names", "review", ("no_human_label",)),
        ("no names", "review", ("no_human_label",)),
        ("classifier", "review", ("classifier_conflict",)),
        ("two models", "review", ("classifier_conflict", "models_disagree")),
        ("out of range", "review", ("out_of_range",)),
        ("far", "review", ("far",)),
        ("vote", "review", ("vote_unclear",)),
        ("weak", "review", ("weak_signal",)),
        ("unmeasured", "review", ("weak_signal",)),
        ("below the floor", "review", ("weak_signal",)),
        ("silent", "abstained", ()),
        ("alone", "abstained", ()),
        ("labelled", "labelled", ()),
        ("two species by one", "labelled", ()),
        ("contested", "review", ("labels_conflict",)),
        ("rejected", "review", ("rejected",)),
        ("another rejected", "suggested", ()),
        ("leader rejected", "suggested", ()),
    ],
)
def test_what_comes_of_a_pack(
    packs: dict[str, EvidencePack], name: str, outcome: str, reasons: tuple[str, ...]
) -> None:
    """A label only where nothing speaks against it; else every reason, gravest first; and nothing was corrected."""
    written = write_suggestion(packs[name])
    assert (outcome, reasons) == (written.outcome, written.reasons), text_of(written)
    assert () == written.dropped
    assert (MERULA if outcome == "suggested" else None) == written.taxon
    assert list(reasons) == sorted(reasons, key=REVIEW_REASONS.index)


def test_the_words_of_a_suggestion(packs: dict[str, EvidencePack]) -> None:
    """Limits in time and frequency, who gave the name to how many calls of how many recordings, and the classifier."""
    claim = _suggestion(packs["clean"])
    assert (
        "Suggested label, unverified: Eurasian Blackbird (Turdus merula), 12.000 s to 15.000 s, 1.84 kHz to 7.21 kHz;"
        " listeners gave it to 3 calls nearby, from 3 recordings beside its own (cosine 0.83 to 0.91), and"
        " birdnet-v2.4 puts it forward (raw score 0.71)." == claim.text
    )
    salt = packs["clean"].salt
    assert tuple(f"{key}.{salt}" for key in ("q", "n1", "n2", "n3", "t1")) == claim.support
    assert ("tentative", None) == (claim.hedge, claim.confidence)


def test_the_limits_are_those_of_a_found_call(packs: dict[str, EvidencePack]) -> None:
    """A box that a model found goes before the band that was measured; without either there is none."""
    clean = packs["clean"]
    assert clean.query is not None
    found = _suggestion(with_query(clean, low_hz=21_000.0, high_hz=48_000.0))
    assert "21.00 kHz to 48.00 kHz;" in found.text
    bandless = clean.query.quality.model_copy(update={"band_low_hz": None, "band_high_hz": None})
    assert "12.000 s to 15.000 s; listeners" in _suggestion(with_query(clean, quality=bandless)).text


def test_dissent_of_a_classifier_is_cited(packs: dict[str, EvidencePack]) -> None:
    """A near call that only a model names, and otherwise, stands against the suggestion."""
    pack = packs["model dissent"]
    assert (f"n4.{pack.salt}",) == _suggestion(pack).contra


def test_every_fact_holds_and_every_reason_can_be_had(packs: dict[str, EvidencePack]) -> None:
    """The two accounts agree on all packs, and no reason is a dead letter."""
    met = set()
    for pack in packs.values():
        for fact in facts(pack, output="suggestion"):
            assert holds(fact.claim, pack, output="suggestion") is None, fact
            met.add((fact.claim.kind, fact.claim.code))
    assert set(REVIEW_REASONS) == {code for kind, code in met if kind == "review_request"}
    assert {"given", "rejected"} == {code for kind, code in met if kind == "existing_label"}


def test_no_pack_carries_the_claims_of_another(packs: dict[str, EvidencePack]) -> None:
    """A suggestion or a reason of one pack, cited anew in every other, holds there only where it is a fact there."""
    claims = {
        (name, fact.claim.kind, fact.claim.code): fact.claim
        for name, pack in packs.items()
        for fact in facts(pack, output="suggestion")
        if fact.claim.kind in ("label_suggestion", "review_request", "existing_label")
    }
    for pack in packs.values():
        own = {_content(fact.claim) for fact in facts(pack, output="suggestion")}
        for claim in claims.values():
            moved = _moved(claim, pack.salt)
            assert (_content(moved) in own) == (holds(moved, pack, output="suggestion") is None), (claim, pack.query)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"support": ("q", "n1", "n2", "t1")}, "E_CHERRY_PICKED", id="a witness left out"),
        pytest.param({"support": ("q", "n1", "n2", "n3", "t1", "t2")}, "E_TAXON", id="a score of another name"),
        pytest.param({"support": ("n1", "n2", "n3", "t1")}, "E_CHERRY_PICKED", id="without the call itself"),
        pytest.param({"taxon": PHILOMELOS}, "E_TAXON", id="another name"),
        pytest.param({"taxon": None}, "E_SCHEMA", id="no name"),
        pytest.param({"hedge": "plain"}, "E_HEDGE", id="without a hedge"),
        pytest.param({"confidence": 0.9}, "E_SCHEMA", id="with a confidence"),
        pytest.param({"quantities": ()}, "E_QUANTITY", id="without limits"),
        pytest.param({"code": "accepted"}, "E_SCHEMA", id="with a status of its own"),
        pytest.param({"contra": ("t2",)}, "E_OVER_CITED", id="with made-up dissent"),
    ],
)
def test_a_tampered_suggestion_falls(packs: dict[str, EvidencePack], change: dict[str, Any], code: str) -> None:
    """Whatever is changed in it, it is dropped, and the true one restored."""
    pack = packs["clean"]
    for name in ("support", "contra"):
        if name in change:
            change = {**change, name: tuple(f"{key}.{pack.salt}" for key in change[name])}
    tampered = _suggestion(pack).model_copy(update={**change, "text": "", "id": "x"})
    served, dropped = validate([tampered], pack, output="suggestion")
    assert (code, "E_MISSING_MANDATORY") == (dropped[0].code, dropped[-1].code)
    assert MERULA in {claim.taxon for claim in served if claim.kind == "label_suggestion"}


@pytest.mark.parametrize("text", ["This is a Eurasian Blackbird.", "Suggested label, unverified: 4 calls nearby."])
def test_words_that_say_more_are_replaced(packs: dict[str, EvidencePack], text: str) -> None:
    """Identity and numbers of its own give way to the template."""
    claim = _suggestion(packs["clean"])
    said = claim.model_copy(update={"text": text, "text_origin": "model"})
    served, _ = validate([said], packs["clean"], output="suggestion")
    assert claim.text in [one.text for one in served]


def test_nobody_can_leave_out_a_review(packs: dict[str, EvidencePack]) -> None:
    """Reasons and labels that were given are restored when a writer passes them over."""
    for name in ("classifier", "contested", "rejected", "labelled"):
        full = write_suggestion(packs[name])
        served, _ = validate([], packs[name], output="suggestion")
        assert {_content(one) for one in full.claims} == {_content(one) for one in served}


def test_a_caveat_that_a_reason_says_is_not_said_twice(packs: dict[str, EvidencePack]) -> None:
    """It is still true, and may be stated."""
    pack = packs["model names"]
    assert "caveat" not in {claim.kind for claim in write_suggestion(pack).claims}
    given = [fact.claim for fact in facts(pack, output="suggestion") if fact.claim.kind == "caveat"]
    assert ["model_labels_only"] == [claim.code for claim in given]
    assert given[0].code in {claim.code for claim in validate(given, pack, output="suggestion")[0]}


def test_an_interpretation_knows_no_suggestion(packs: dict[str, EvidencePack]) -> None:
    """Its kinds of claims stay apart, in both directions."""
    claim = _suggestion(packs["clean"])
    failure = holds(claim, packs["clean"], output="interpretation")
    assert failure is not None
    assert "E_KIND" == failure.code
    assert {"resemblance", "taxon_vote", "classifier_score"}.isdisjoint(FORMS)


def test_a_suggestion_needs_a_call(day: EvidencePack) -> None:
    """The pack of a summary has none."""
    with pytest.raises(InputError, match="Evidence Pack of a call"):
        write_suggestion(day)


def test_more_labels_never_turn_a_suggestion_into_another_name(segment_pack_of: Build, neighbour_of: Build) -> None:
    """A label of another name among the near calls ends in a review, wherever it stands."""
    near: list[NeighbourEntry] = [neighbour_of(n, 0.95 - n / 100) for n in range(1, 6)]
    for place in range(5):
        other = [
            neighbour_of(n, one.similarity, PHILOMELOS) if n == place + 1 else one for n, one in enumerate(near, 1)
        ]
        written = write_suggestion(segment_pack_of(other))
        assert ("review", ("neighbours_disagree",)) == (written.outcome, written.reasons)


def test_a_suggestion_is_printed_with_its_outcome(packs: dict[str, EvidencePack]) -> None:
    """JSON says outcome, taxon and reasons beside the claims they follow from."""
    told = {name: write_suggestion(packs[name]).model_dump(mode="json") for name in ("clean", "far")}
    assert ("suggested", MERULA, []) == tuple(told["clean"][key] for key in ("outcome", "taxon", "reasons"))
    assert ("review", None, ["far"]) == tuple(told["far"][key] for key in ("outcome", "taxon", "reasons"))
    assert (
        "Suggested annotation of query.wav, 12.000–15.000 s"
        == AnnotationSuggestion.model_construct(**told["clean"]).title
    )


def _suggestion(pack: EvidencePack) -> Claim:
    return next(claim for claim in write_suggestion(pack).claims if claim.kind == "label_suggestion")


def _content(claim: Claim) -> tuple[object, ...]:
    refs = frozenset((quantity.ref, quantity.value) for quantity in claim.quantities)
    return claim.kind, claim.code, claim.taxon, frozenset(claim.support), frozenset(claim.contra), refs, claim.hedge


def _moved(claim: Claim, salt: str) -> Claim:
    """Return a claim with its ids in another pack's salt, quantities and all."""
    old = claim.support[0].rpartition(".")[2]
    return Claim.model_validate_json(claim.model_dump_json().replace(f".{old}", f".{salt}"))
