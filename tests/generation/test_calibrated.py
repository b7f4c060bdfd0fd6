"""A calibrated probability is printed in its place, with what it rests on, and nowhere else."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from rab.domain import Claim, EvidencePack, NeighbourEntry, Taxon, TaxonScore, TaxonScoreEntry
from rab.domain.calibration import CalibrationRef, Withheld
from rab.generation import DEFAULT_POLICY, GroundingPolicy, cited, holds, validate, write_interpretation

MERULA = "Turdus merula"
REF = CalibrationRef(
    version=3,
    learned_on=date(2026, 11, 2),
    n=120,
    n_positive=80,
    n_recordings=31,
    labels="human",
    low=0.88,
    high=0.964,
)


@pytest.fixture
def pack_with(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
) -> Callable[..., EvidencePack]:
    """Build a pack of three near blackbirds whose classifier's score has a calibration, or has none for a reason."""

    def build(**calibration: Any) -> EvidencePack:
        score = TaxonScore(
            taxon=Taxon(scientific_name=MERULA, common_name="Eurasian Blackbird"),
            logit=1.9,
            raw_score=0.87,
            model="birdnet-v2.4",
            in_range=True,
        )
        entry = TaxonScoreEntry(key="t1", score=score, **calibration)
        near = [neighbour_of(n, 0.9 - n / 100) for n in range(1, 4)]
        return segment_pack_of(near, taxon_scores=(entry,))

    return build


def said(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> list[str]:
    return [cited(claim).replace(f".{pack.salt}", "") for claim in write_interpretation(pack, policy).claims]


def score_claim(pack: EvidencePack) -> Claim:
    return next(claim for claim in write_interpretation(pack).claims if claim.kind == "classifier_score")


def test_a_calibrated_score_says_what_it_rests_on(pack_with: Callable[..., EvidencePack]) -> None:
    """Probability, interval, labels and date stand beside the raw score, and the caveat is gone."""
    sentences = said(pack_with(probability=0.93, calibration=REF))
    assert (
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula) with a raw score of 0.87, calibrated probability "
        "0.93 (interval 0.88 to 0.96, from 120 labels, 2026-11-02) [t1]."
    ) in sentences
    assert not [one for one in sentences if one.startswith("Raw scores")]


def test_a_pooled_score_says_so(pack_with: Callable[..., EvidencePack]) -> None:
    """Where other taxa lent their labels, their number is told."""
    pooled = REF.model_copy(update={"n": 23, "pooled_taxa": 12, "pooled_n": 477})
    sentences = " ".join(said(pack_with(probability=0.93, calibration=pooled)))
    assert "from 23 labels pooled with those of 11 other taxa, 2026-11-02)" in sentences


@pytest.mark.parametrize(
    ("withheld", "words"),
    [
        (None, "no calibration exists for birdnet-v2.4"),
        ("no_labels", "no label in the library covers Eurasian Blackbird (Turdus merula)"),
        ("few_labels", "too few labels exist to calibrate Eurasian Blackbird (Turdus merula)"),
        ("inexact", "the calibration is too inexact on held-out recordings for Eurasian Blackbird (Turdus merula)"),
        ("outside", "the score lies outside those with a label for Eurasian Blackbird (Turdus merula)"),
    ],
)
def test_a_raw_score_says_why_it_is_one(
    pack_with: Callable[..., EvidencePack], withheld: Withheld | None, words: str
) -> None:
    """Without a probability the caveat names the reason."""
    assert f"Raw scores are not probabilities: {words} [t1]." in said(pack_with(withheld=withheld))


def test_too_few_labels_print_no_probability(pack_with: Callable[..., EvidencePack]) -> None:
    """A pack may claim a calibration from 49 labels; no sentence repeats it."""
    pack = pack_with(probability=0.93, calibration=REF.model_copy(update={"n": 49}))
    assert "probability" not in " ".join(one for one in said(pack) if "t1" in one and "Raw" not in one)
    assert score_claim(pack).confidence is None


def test_the_confidence_is_the_packs(pack_with: Callable[..., EvidencePack]) -> None:
    """A claim carries the calibrated probability; another one, or none, is refused."""
    pack = pack_with(probability=0.93, calibration=REF)
    claim = score_claim(pack)
    assert 0.93 == claim.confidence
    assert holds(claim, pack) is None
    for wrong in (0.94, None):
        failure = holds(claim.model_copy(update={"confidence": wrong}), pack)
        assert failure is not None
        assert "E_SCHEMA" == failure.code


@pytest.mark.parametrize(
    "text",
    [
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula) with a probability of 0.93.",
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula), calibrated probability 0.87.",
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula), calibrated probability 0.93, which is likely.",
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula), calibrated probability 0.88.",
    ],
)
def test_the_word_has_one_place(pack_with: Callable[..., EvidencePack], text: str) -> None:
    """Only `calibrated probability` with the claim's own figure may stand; everything else is worded again."""
    pack = pack_with(probability=0.93, calibration=REF)
    claim = score_claim(pack).model_copy(update={"text": text, "text_origin": "model"})
    served, dropped = validate([claim], pack)
    assert "E_SEMANTICS" in {one.code for one in dropped}
    assert text not in [one.text for one in served]


def test_a_raw_score_cannot_borrow_the_word(pack_with: Callable[..., EvidencePack]) -> None:
    """Without a calibration no wording gets a probability past the validator."""
    pack = pack_with()
    text = "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula), calibrated probability 0.87."
    claim = score_claim(pack).model_copy(update={"text": text, "text_origin": "model"})
    _, dropped = validate([claim], pack)
    assert "E_SEMANTICS" in {one.code for one in dropped}


def test_thresholds_and_calibrations_are_recorded(pack_with: Callable[..., EvidencePack]) -> None:
    """A text names the policy and the calibrations behind it, so that it can be written again."""
    policy = GroundingPolicy(near_similarity=0.75, near_calibration=3)
    record = write_interpretation(pack_with(probability=0.93, calibration=REF), policy).generation
    assert ("birdnet-v2.4 v3 of 2026-11-02",) == record.calibrations
    assert policy == GroundingPolicy.model_validate(record.thresholds)


@pytest.mark.parametrize(("value", "printed"), [(0.9983, "0.998"), (0.0004, "0.0004"), (0.5, "0.50")])
def test_no_probability_prints_as_certainty(pack_with: Callable[..., EvidencePack], value: float, printed: str) -> None:
    """Decimals are added where two of them would say 0 or 1."""
    ref = REF.model_copy(update={"low": min(value, REF.low), "high": max(value, REF.high)})
    assert f"calibrated probability {printed} (" in " ".join(said(pack_with(probability=value, calibration=ref)))
