"""Calibration: planted miscalibration is mended, groups never leak, intervals cover, and few labels give nothing."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.domain.calibration import SpeciesCalibration
from rab.retrieval.calibration import (
    Answers,
    CalibrationPolicy,
    Terms,
    calibrate,
    conformal_threshold,
    near_thresholds,
    nearest_calls,
    precision_threshold,
)
from rab.retrieval.calibration.curves import Floats, fit_platt, fit_platt_often, fit_pooled, fit_steps, sigmoid
from rab.retrieval.calibration.proof import design_effect, ece, folds, held_out_fit, redrawn, repetition
from rab.retrieval.calibration.thresholds import lower_bound

TERMS = Terms("toy-v1", "human", date(2026, 11, 2))
POLICY = CalibrationPolicy()


def answers(
    n_recordings: int = 120,
    per_recording: int = 4,
    *,
    slope: float = 0.5,
    intercept: float = -1.0,
    seed: int = 0,
    n_taxa: int = 1,
    shift: float = 0.0,
) -> Answers:
    """Return answers whose true probability is a logistic curve of the logit, not the raw score itself."""
    random = np.random.default_rng(seed)
    n = n_recordings * per_recording
    logits = random.normal(0.5, 1.5, n).clip(-2.1, 6)
    taxa = np.repeat(np.arange(n_taxa), -(-n // n_taxa))[:n]
    shifts = np.linspace(-shift, shift, n_taxa)[taxa]
    return Answers(
        raw_scores=sigmoid(logits),
        right=random.random(n) < sigmoid(slope * logits + intercept + shifts),
        groups=np.repeat(np.arange(n_recordings), per_recording),
        taxa=taxa,
        names=tuple(f"Taxon {chr(97 + taxon)}" for taxon in range(n_taxa)),
        told=np.ones(n_taxa, dtype=bool),
    )


def only(found: list[SpeciesCalibration]) -> SpeciesCalibration:
    (one,) = found
    return one


def test_platt_finds_the_planted_curve() -> None:
    """With many answers, slope and intercept are those that made them."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 20_000)
    curve = fit_platt(logits, random.random(20_000) < sigmoid(0.6 * logits - 1.2))
    assert (0.6, -1.2) == pytest.approx((curve.slope, curve.intercept), abs=0.05)


def test_platt_survives_answers_that_separate() -> None:
    """Targets kept off 0 and 1 give a finite slope, and a curve that would fall is level."""
    logits = np.array([-3.0, -2.0, 2.0, 3.0])
    right = np.array([False, False, True, True])
    assert 0 < fit_platt(logits, right).slope < 20
    fallen = fit_platt(logits, ~right)
    assert [0.0, 0.5] == pytest.approx([fallen.slope, float(fallen(np.array([5.0]))[0])])


def test_draws_are_fitted_as_one_by_one() -> None:
    """A weight of two is the answer given twice."""
    one = answers(30)
    logits, right = one.logits, one.right
    times = np.ones((2, len(logits)))
    times[1, :40] = 2
    slopes, intercepts = fit_platt_often(logits, right, times)
    twice = fit_platt(np.concatenate([logits, logits[:40]]), np.concatenate([right, right[:40]]))
    assert (twice.slope, twice.intercept) == pytest.approx((slopes[1], intercepts[1]), abs=1e-4)


@given(st.lists(st.tuples(st.floats(-8, 8), st.booleans()), min_size=2, max_size=60))
def test_steps_never_fall_and_stay_inside(said: list[tuple[float, bool]]) -> None:
    """Whatever the answers, steps rise, stay off 0 and 1, and keep the mean."""
    logits, right = np.array([one for one, _ in said]), np.array([one for _, one in said])
    steps = fit_steps(logits, right)
    found = steps(np.sort(logits))
    assert (np.diff(found) >= -1e-12).all()
    assert 0 < found.min() <= found.max() < 1
    assert abs(steps(logits).mean() - right.mean()) <= 0.5 / (len(right) + 1) + 1e-9


def test_planted_miscalibration_is_mended() -> None:
    """Raw scores that promise far too much are off by more than 0.2; calibrated and held out, by less than 0.05."""
    found = only(calibrate(answers(300), TERMS, POLICY))
    assert found.before is not None
    assert found.held_out is not None
    assert found.before.ece > 0.2
    assert found.held_out.ece < 0.05
    assert found.held_out.brier < found.before.brier
    given = found.probability(0.9)
    assert given is not None
    truth = float(sigmoid(np.array([0.5 * np.log(9.0) - 1.0]))[0])
    assert given.ref.low <= truth <= given.ref.high
    assert (1200, 300, None) == (given.ref.n, given.ref.n_recordings, given.ref.pooled_taxa)


def test_scores_beyond_those_labelled_get_no_probability() -> None:
    """The curve goes on; the statement does not."""
    found = only(calibrate(answers(300), TERMS, POLICY))
    assert found.probability(found.raw_score_high) is not None
    assert found.probability(round(found.raw_score_low - 0.01, 4)) is None
    assert found.probability(1.0) is None


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (lambda one: one.groups < 12, "48 labels"),
        (lambda one: one.right | (np.cumsum(~one.right) < 5), "four wrong ones"),
        (lambda one: ~one.right | (np.cumsum(one.right) < 10), "nine right ones"),
    ],
)
def test_too_few_labels_give_nothing(kept, why: str) -> None:  # type: ignore[no-untyped-def]
    """Too few labels, or labels of one kind, leave a raw score, and say so."""
    one = answers(60, intercept=0.0)
    found = only(calibrate(one.select(kept(one)), TERMS, POLICY))
    assert ("few_labels", None) == (found.withheld, found.probability(0.5)), why


def test_few_recordings_give_nothing() -> None:
    """Four hundred answers of four recordings are four witnesses."""
    assert only(calibrate(answers(4, 100), TERMS, POLICY)).withheld == "few_labels"


def test_what_does_not_hold_is_withheld() -> None:
    """Where recordings differ so much that held-out probabilities are off, none is given."""
    random = np.random.default_rng(3)
    one = answers(10, 20)
    right = np.repeat(random.random(10) < 0.5, 20)
    found = only(calibrate(Answers(one.raw_scores, right, one.groups, one.taxa, one.names, one.told), TERMS, POLICY))
    assert found.held_out is not None
    assert found.held_out.ece > POLICY.max_ece
    assert ("inexact", None) == (found.withheld, found.probability(0.5))


def test_taxa_with_few_labels_borrow() -> None:
    """Twelve taxa with twenty labels each are pooled, and each is shifted towards its own labels."""
    one = answers(60, 4, n_taxa=12, shift=2.0, seed=5)
    found = calibrate(one, TERMS, POLICY)
    assert {"pooled"} == {each.source for each in found}
    assert [each.taxon for each in found] == sorted(each.taxon for each in found)
    lowest, highest = found[0].probability(0.6), found[-1].probability(0.6)
    assert lowest is not None
    assert highest is not None
    assert lowest.probability < highest.probability
    assert (20, 240, 12) == (lowest.ref.n, lowest.ref.n_behind, lowest.ref.pooled_taxa)


def test_shifts_are_drawn_towards_the_others() -> None:
    """A taxon with three answers moves less than one with three hundred, however one-sided both are."""
    logits = np.zeros(606)
    taxa = np.repeat([0, 1, 2], [300, 3, 303])
    right = np.concatenate([np.ones(303, dtype=bool), np.arange(303) % 2 == 0])
    curve = fit_pooled(logits, right, taxa, 4)
    assert curve.shifts[0] > curve.shifts[1] > curve.shifts[2]
    assert curve.shifts[3] == 0


def test_taxa_that_no_label_speaks_of_are_left_out() -> None:
    """Of a class that labels never name, a wrong answer may be a right one under another name."""
    one = answers(n_taxa=2)
    silent = Answers(one.raw_scores, one.right, one.groups, one.taxa, one.names, np.array([True, False]))
    assert ["Taxon a"] == [each.taxon for each in calibrate(silent, TERMS, POLICY)]


@settings(max_examples=30)
@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 99))
def test_groups_never_stand_in_two_folds(n_groups: int, n_folds: int, seed: int) -> None:
    """Each recording lies in one fold, and no fold is empty where there are recordings enough."""
    random = np.random.default_rng(seed)
    groups = random.permutation(np.repeat(np.arange(n_groups), random.integers(1, 5, n_groups)))
    dealt = folds(groups, random.random(len(groups)) < 0.4, n_folds, seed)
    assert all(len(set(dealt[groups == group])) == 1 for group in range(n_groups))
    assert len(set(dealt.tolist())) == min(n_folds, n_groups)


def test_a_memory_of_recordings_does_not_help() -> None:
    """Scores that tell recordings apart, and nothing else, do not pass for knowledge on recordings held out."""
    random = np.random.default_rng(8)
    groups = np.repeat(np.arange(40), 10)
    raw_scores = 0.2 + 0.6 * np.repeat(random.permutation(40), 10) / 40
    right = np.repeat(random.random(40) < 0.5, 10)
    one = Answers(raw_scores, right, groups, np.zeros(400, dtype=np.intp), ("A b",), np.ones(1, dtype=bool))
    found = only(calibrate(one, TERMS, POLICY))
    assert found.held_out is not None
    assert found.held_out.brier > 0.2


def test_redrawing_keeps_recordings_whole() -> None:
    """Answers of one recording are drawn as often as each other."""
    groups = np.array([0, 1, 1, 2, 2, 2])
    times = redrawn(groups, 20, 1)
    assert (times[:, 1] == times[:, 2]).all()
    assert (times[:, 3] == times[:, 5]).all()
    assert (times[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_ece_of_planted_gaps() -> None:
    """Two halves, each told 0.2 too much, are 0.2 off; a perfect forecast shows what chance makes of it."""
    right = np.tile([True, False], 500)
    assert 0.2 == pytest.approx(ece(np.full(1000, 0.7), right))
    random = np.random.default_rng(2)
    p = random.random(600)
    fit = held_out_fit(p, random.random(600) < p, np.arange(600), seed=1)
    assert fit.ece == pytest.approx(fit.ece_if_perfect, abs=0.02)
    assert sum(one.n for one in fit.bins) == 600


def test_the_interval_covers_the_truth() -> None:
    """Of 40 libraries whose recordings differ, the 95 % interval holds the true probability in 35 at least."""
    truth = float(sigmoid(np.array([-1.0]))[0])
    held = 0
    for seed in range(40):
        given = only(calibrate(answers(60, 4, seed=100 + seed), TERMS, POLICY.model_copy(update={"max_ece": 1.0})))
        found = given.probability(0.5)
        assert found is not None
        held += found.ref.low <= truth <= found.ref.high
    assert held >= 35


def test_repetition_counts_recordings() -> None:
    """Answers that are all alike within a recording count once each; independent ones count in full."""
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(50), 10)
    alike = np.repeat(random.normal(size=50), 10)
    assert 10 == pytest.approx(design_effect(groups, repetition(alike, groups)))
    assert 1.0 == pytest.approx(design_effect(groups, repetition(random.normal(size=500), groups)), abs=0.6)


def test_lower_bound_is_clopper_and_pearson() -> None:
    """29 of 29 show a precision of 0.9, 28 of 28 do not."""
    assert lower_bound(29, 29) >= 0.9 > lower_bound(28, 28)
    assert 0.0 == lower_bound(0, 10)


def test_thresholds_keep_their_promise() -> None:
    """Of 60 libraries, at most 3 take a threshold at which the precision is truly below the one asked for."""
    random = np.random.default_rng(6)

    def library(n: int) -> tuple[Floats, np.ndarray, np.ndarray]:
        logits = random.normal(1, 2, n)
        return sigmoid(logits), random.random(n) < sigmoid(logits), np.arange(n) // 3

    world_scores, world_right, _ = library(100_000)
    found = [precision_threshold(*library(600), 0.9) for _ in range(60)]
    taken = [one for one in found if one is not None]
    broken = sum(bool(world_right[world_scores >= one.raw_score].mean() < 0.9) for one in taken)
    assert len(taken) >= 40
    assert broken <= 3


def test_missed_calls_count_against_the_recall() -> None:
    """Positives without a score are positives all the same."""
    raw_scores, right, groups = np.full(100, 0.8), np.ones(100, dtype=bool), np.arange(100)
    found = precision_threshold(raw_scores, right, groups, 0.9, n_missed=300)
    assert found is not None
    assert 0.25 == found.recall


def test_conformal_threshold_covers_new_recordings() -> None:
    """Over many draws, a call of a new recording reaches the threshold at least as often as promised."""
    random = np.random.default_rng(9)
    reached = []
    for _ in range(300):
        level = random.normal(0.7, 0.1, 25)
        similarities = np.repeat(level[:-1], 3) + random.normal(0, 0.02, 72)
        threshold = conformal_threshold(similarities, np.repeat(np.arange(24), 3), 0.2)
        assert threshold is not None
        reached.append(level[-1] + random.normal(0, 0.02) >= threshold)
    assert 0.8 - 0.05 <= np.mean(reached) <= 0.92


def test_conformal_threshold_needs_recordings() -> None:
    """Three recordings cannot promise four in five, four can; twenty calls of one recording change nothing."""
    assert conformal_threshold(np.full(60, 0.8), np.repeat(np.arange(3), 20), 0.2) is None
    assert 0.8 == conformal_threshold(np.full(80, 0.8), np.repeat(np.arange(4), 20), 0.2)
    assert conformal_threshold(np.zeros(0), np.zeros(0, dtype=np.intp), 0.2) is None


def test_near_is_learned_band_by_band() -> None:
    """Faint calls lie farther from their like, so their threshold is lower; calls of one recording never meet."""
    random = np.random.default_rng(10)
    n = 240
    groups, taxa = np.arange(n) // 2, (np.arange(n) // 2) % 4
    faint = (np.arange(n) // 8) % 2 == 0
    vectors = np.eye(16)[taxa] + np.where(faint, 0.25, 0.05)[:, None] * random.normal(size=(n, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    calls = nearest_calls(vectors, taxa, groups, np.where(faint, 2.0, 25.0))
    low, high = near_thresholds(calls, (10.0,), miscoverage=0.2, least_recordings=20, seed=1)
    assert (None, 10.0, 10.0, None) == (low.snr_low_db, low.snr_high_db, high.snr_low_db, high.snr_high_db)
    assert low.similarity < high.similarity
    assert low.coverage >= 0.7
    assert high.foreign_share < 0.2
    alone = nearest_calls(vectors[:2], taxa[:2], groups[:2], np.zeros(2))
    assert np.isnan(alone.namesake).all()


def test_the_same_labels_give_the_same_bytes() -> None:
    """A calibration depends on nothing but its labels and its seed."""
    first, second = (calibrate(answers(80, n_taxa=3), TERMS, POLICY) for _ in range(2))
    assert [one.model_dump_json() for one in first] == [one.model_dump_json() for one in second]
