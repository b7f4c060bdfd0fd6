"""Screens: what was planted is found, what was not is not, and every figure is the one that a hand would compute."""

import numpy as np
import pytest

from rab.domain import Taxon
from rab.domain.evidence import FAMILIES, Family
from rab.evidence.hypotheses.contrast import (
    Beside,
    Calls,
    Contrast,
    Measured,
    Screen,
    ScreenPolicy,
    Shuffles,
    Subject,
    aligned_ranks,
    effect_of,
    grouped_median,
    large_enough,
    measures,
)
from rab.evidence.hypotheses.of_names import _surprise
from rab.evidence.hypothesis_pack import screen
from tests.evidence.made_up_field import season

EFFECTS: dict[Family, Subject] = {
    "site_contrast": Subject(cluster_id="c1", site="Marsh"),
    "diel_shift": Subject(cluster_id="c2", site="Marsh", hours=(6, 7, 8, 9, 10, 11)),
    "sequence_change": Subject(cluster_id="c2", other_cluster_id="c3", site="Marsh"),
    "noise_response": Subject(cluster_id="c3"),
    "seasonal_onset": Subject(site="Marsh", date="2025-05-11"),
    "novelty_hotspot": Subject(site="Ridge", hours=(6,)),
    "sensor_artefact": Subject(site="North Wood", date="2025-05-11", figure="noise_floor_dbfs"),
    "model_disagreement": Subject(cluster_id="c2", by="labels"),
    "co_occurrence": Subject(),
}
ONE = Measured("peak_hz", "Hz", 0, 0.0, "as measured")


def contrast(values: list[float], here: list[int], strata: list[int] | None = None) -> Contrast:
    """Return a contrast of units without calls."""
    n = len(values)
    return Contrast(
        "site_contrast",
        Subject(),
        ONE,
        "recordings",
        np.array(values, dtype=np.float64),
        np.zeros(n, np.int64) if strata is None else np.array(strata),
        Beside(ONE, np.full(n, np.nan)),
        Calls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)),
        here=np.array(here, dtype=bool),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_planted_effect_is_found(family: Family) -> None:
    """The clearest contrast of its family is the one that was planted, and none other looks like it in 199 shuffles."""
    found = screen(season(1, family).ground, family).asked[0].screened
    subject, wanted = found.contrast.subject, EFFECTS[family]
    names = ("cluster_id", "other_cluster_id", "site", "hours", "date", "figure", "by")
    assert [getattr(wanted, one) for one in names] == [getattr(subject, one) for one in names]
    assert 0 == found.n_as_large


def test_named_taxa_are_those_planted() -> None:
    """Onset, disagreement and co-occurrence name the taxa that are behind them."""
    swift = screen(season(1, "seasonal_onset").ground, "seasonal_onset").asked[0].screened.contrast.subject
    wrong = screen(season(1, "model_disagreement").ground, "model_disagreement").asked[0].screened.contrast.subject
    pair = screen(season(1, "co_occurrence").ground, "co_occurrence").asked[0].screened.contrast.subject
    assert "Apus apus" == _name(swift.taxon)
    assert "Upupa epops" == _name(wrong.other_taxon)
    assert {"Cuculus canorus", "Parus major"} == {_name(pair.taxon), _name(pair.other_taxon)}


def _name(taxon: Taxon | None) -> str:
    return "" if taxon is None else taxon.scientific_name


def test_seasons_without_an_effect_raise_hardly_a_question() -> None:
    """In 12 seasons in which nothing was planted, one family in twenty may ask: of 108 screens 9 at the most."""
    asked = sum(bool(screen(season(seed).ground, family).asked) for seed in range(50, 62) for family in FAMILIES)
    assert asked <= 9


def test_ranks_are_aligned_within_strata() -> None:
    """A stratum that lies higher as a whole gives the same ranks; ties share theirs."""
    ranks = aligned_ranks(np.array([1.0, 2.0, 3.0, 101.0, 102.0, 103.0]), np.array([0, 0, 0, 1, 1, 1]))
    assert [-2.0, 0.0, 2.0, -2.0, 0.0, 2.0] == ranks.tolist()


def test_the_measure_is_the_rank_sum_over_its_spread() -> None:
    """Four units, the two greatest in the group: ranks ±0.5 and ±1.5, sum 2, variance 2·2/(4·3)·5, so 2/√(5/3)."""
    ranks = aligned_ranks(np.array([10.0, 20.0, 30.0, 40.0]), np.zeros(4, np.int64))
    labelled = np.array([[False, False, True, True], [True, True, False, False]])
    assert [1.5492, -1.5492] == [round(one, 4) for one in measures(ranks, labelled, np.zeros(4, np.int64)).tolist()]


def test_days_before_an_onset_are_as_surprising_as_counted() -> None:
    """Of 10 days 3 have a detection; the first 5 are empty in C(5,3) of C(10,3) orders: 10 of 120."""
    assert round(-np.log10(10 / 120), 9) == round(_surprise(5, 3, 10), 9)


def test_the_other_group_is_weighted_as_this_one() -> None:
    """Two of three units here lie in stratum 0, so there is (2·10 + 1·40)/3 = 20, and here (12 + 14 + 49)/3 = 25."""
    found = effect_of(contrast([12, 14, 8, 12, 49, 40], [1, 1, 0, 0, 1, 0], [0, 0, 0, 0, 1, 1]), ScreenPolicy())
    assert found is not None
    assert (25.0, 20.0, 3, 3) == (round(found.here, 9), round(found.there, 9), found.n_here, found.n_there)
    assert found.low <= 5.0 <= found.high


def test_strata_with_one_group_alone_are_left_out() -> None:
    """A unit without counterpart says nothing of the difference."""
    found = effect_of(contrast([1, 2, 99], [1, 0, 1], [0, 0, 1]), ScreenPolicy())
    assert found is not None
    assert (1.0, 2.0, [True, True, False]) == (found.here, found.there, found.used.tolist())
    assert effect_of(contrast([1, 2], [1, 0], [0, 1]), ScreenPolicy()) is None


def test_medians_by_group() -> None:
    """Odd and even groups, NaN passed over."""
    keys, medians = grouped_median(np.array([2, 1, 2, 1, 2, 3]), np.array([5.0, 1.0, 1.0, 3.0, 2.0, np.nan]))
    assert ([1, 2], [2.0, 2.0]) == (keys.tolist(), medians.tolist())


def test_groups_need_units_on_both_sides() -> None:
    """Five inside and five outside; of two groups that are all there is, one is looked at."""
    assert [1] == large_enough(np.array([0] * 5 + [1] * 5), ScreenPolicy())
    assert [0, 2] == large_enough(np.array([0] * 5 + [1] * 4 + [2] * 6), ScreenPolicy())


def test_shuffles_keep_units_in_their_stratum() -> None:
    """Labels change places within a stratum only, and the first row is the library as it is."""
    strata = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    shuffles = Shuffles.within(strata, ScreenPolicy(), seed=1)
    shuffled = shuffles.labels(strata, np.arange(8))
    assert np.array_equal(np.tile(strata, (200, 1)), shuffled)
    assert np.array_equal(np.arange(8), shuffles.index[0])
    assert np.array_equal(shuffles.index, Shuffles.within(strata, ScreenPolicy(), seed=1).index)


def test_the_greatest_of_the_family_counts() -> None:
    """A contrast is held against the greatest measure of all contrasts in each shuffle, not against its own alone."""
    looked_at = Screen(39)
    looked_at.add(contrast([1, 2], [1, 0]), np.array([3.0, *[1.0] * 39]))
    assert [0] == [one.n_as_large for one in looked_at.passed(ScreenPolicy())]
    looked_at.add(contrast([1, 2], [1, 0]), np.array([0.5, 4.0, *[0.0] * 38]))
    assert [] == looked_at.passed(ScreenPolicy())


def test_calls_are_placed_on_their_units() -> None:
    """Calls of other units are left out, the others numbered by place."""
    calls = Calls.on(np.array([3, 7]), np.array([10, 11, 12]), np.array([7, 5, 3]))
    assert ([10, 12], [1, 0]) == (calls.rows.tolist(), calls.unit.tolist())
