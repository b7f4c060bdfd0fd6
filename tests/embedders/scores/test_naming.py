"""From logits to named scores."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rab.domain import Taxon
from rab.embedders.scores import (
    Logits,
    ScorePolicy,
    SpeciesList,
    raw_scores,
    taxa_without_range,
    taxon_scores,
    week_of,
)

TAXA = (
    Taxon(scientific_name="Turdus merula", common_name="Eurasian Blackbird", group="bird"),
    Taxon(scientific_name="Bubo virginianus", common_name="Great Horned Owl", group="bird"),
    Taxon(scientific_name="Engine", common_name="Engine", group="sound"),
    Taxon(scientific_name="Canis lupus", common_name="Gray Wolf", group="mammal"),
    Taxon(scientific_name="Cuculus canorus", common_name="Common Cuckoo"),
)


def logits_of(rows: list[list[float]]) -> Logits:
    """Return logits float32 [n, n_classes]."""
    return np.array(rows, dtype=np.float32)


LOGITS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 4), st.just(len(TAXA))),
    elements=st.floats(-200, 200, width=32, allow_subnormal=False),
)


@given(LOGITS, st.floats(0, 1), st.integers(0, 7))
def test_the_vectorised_filter_agrees_with_a_plain_one(logits: Logits, floor: float, at_least: int) -> None:
    """Sorting each window's classes by hand and cutting the list gives the same names in the same order."""
    raw = raw_scores(logits)

    scored = taxon_scores(logits, TAXA, "model-v1", floor=floor, at_least=at_least)

    for row, scores in enumerate(scored):
        best_first = sorted(range(len(TAXA)), key=lambda column: (-logits[row, column], column))
        kept = [column for place, column in enumerate(best_first) if place < at_least or raw[row, column] >= floor]
        assert [TAXA[column] for column in kept] == [score.taxon for score in scores]
    assert len(logits) == len(scored)


def test_a_score_says_who_gave_it_and_how_much() -> None:
    """Logit, raw score and model stand beside the taxon."""
    (scores,) = taxon_scores(logits_of([[2, -9, -9, -9, -9]]), TAXA, "birdnet-v2.4", at_least=1)

    assert [(TAXA[0], 2.0, 0.8808, "birdnet-v2.4", None)] == [
        (score.taxon, score.logit, score.raw_score, score.model, score.in_range) for score in scores
    ]


def test_the_place_marks_birds_and_leaves_the_rest_unknown() -> None:
    """A bird out of range is marked, not dropped; a range model of birds says nothing of wolves and engines."""
    logits = logits_of([[5, 4, 3, 2, 1]])

    (scores,) = taxon_scores(logits, TAXA, "birdnet-v2.4", expected=[frozenset({"Turdus merula"})])

    assert [score.in_range for score in scores] == [True, False, None, None, False]


def test_an_unknown_place_marks_nothing() -> None:
    """Each window has its own place: None beside a known one stays None."""
    logits = logits_of([[5, -9, -9, -9, -9], [5, -9, -9, -9, -9]])

    unknown, known = taxon_scores(logits, TAXA, "m-v1", at_least=1, expected=[None, frozenset({"Turdus merula"})])

    assert [unknown[0].in_range, known[0].in_range] == [None, True]


def test_places_must_match_windows() -> None:
    """One place for two windows is a mistake of the caller, told at once."""
    with pytest.raises(ValueError, match="shorter"):
        taxon_scores(np.zeros((2, len(TAXA)), np.float32), TAXA, "m-v1", expected=[None])


@given(st.dates())
def test_weeks_are_four_to_a_month(day: date) -> None:
    """A week lasts seven days, the fourth to the end of its month, and the year has 48."""
    expected = 4 * (day.month - 1) + 1 + sum(day.day > last for last in (7, 14, 21))

    assert expected == week_of(day)


def test_the_year_goes_from_week_1_to_week_48() -> None:
    """Every week comes, in order."""
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]

    assert list(range(1, 49)) == list(dict.fromkeys(week_of(day) for day in days))


def test_equal_logits_stand_in_the_order_of_the_classes() -> None:
    """Where all are equal, the first classes are the best ones."""
    (scores,) = taxon_scores(logits_of([[-9, -9, -9, -9, -9]]), TAXA, "m-v1", at_least=2)

    assert list(TAXA[:2]) == [score.taxon for score in scores]


@given(LOGITS, st.sets(st.integers(0, len(TAXA) - 1), min_size=1), st.integers(0, 7))
def test_a_species_list_keeps_its_classes_alone(logits: Logits, listed: set[int], at_least: int) -> None:
    """With a list, the same scores come as without it, less those of other classes."""
    columns = np.array(sorted(listed), dtype=np.intp)

    everything = taxon_scores(logits, TAXA, "m-v1", floor=0, at_least=0)
    kept = taxon_scores(logits, TAXA, "m-v1", floor=0, at_least=at_least, columns=columns)

    names = {TAXA[column] for column in listed}
    assert [tuple(score for score in scores if score.taxon in names) for scores in everything] == kept


def test_only_names_that_the_range_model_knows_are_marked() -> None:
    """An unknown bird stays unmarked; a known wolf is marked, and so is a class of no stated group."""
    ranged = frozenset({"Turdus merula", "Canis lupus", "Cuculus canorus"})

    (scores,) = taxon_scores(
        logits_of([[5, 4, 3, 2, 1]]), TAXA, "m-v1", expected=[frozenset({"Turdus merula"})], ranged=ranged
    )

    assert [True, None, None, False] == [score.in_range for score in scores][:4]


def test_birds_that_the_range_model_does_not_know_are_named() -> None:
    """The owl is reported; the wolf, the engine and what may not be a bird are not."""
    assert ("Bubo virginianus",) == taxa_without_range(TAXA, frozenset({"Turdus merula"}))


def test_a_softmax_is_taken_over_all_classes_also_with_a_species_list() -> None:
    """Listed classes do not share 1 among themselves."""
    (scores,) = taxon_scores(
        logits_of([[1, 1, 1, 1, 1]]), TAXA, "m-v1", activation="softmax", columns=np.array([2], dtype=np.intp)
    )

    assert [0.2] == [score.raw_score for score in scores]


def test_what_is_stored_is_the_confidence_at_the_set_sensitivity() -> None:
    """The logit stays what the network said."""
    (scores,) = taxon_scores(logits_of([[2, -9, -9, -9, -9]]), TAXA, "m-v1", at_least=1, sensitivity=0.5)

    assert [(2.0, 0.7311)] == [(score.logit, score.raw_score) for score in scores]


def test_a_policy_with_other_names_is_another_policy() -> None:
    """Fingerprints of policies come from their content, and a list's order is no content."""
    policy = ScorePolicy(species=SpeciesList(names=("Turdus merula",)))

    assert policy != ScorePolicy()
    assert policy == ScorePolicy.model_validate_json(policy.model_dump_json())
