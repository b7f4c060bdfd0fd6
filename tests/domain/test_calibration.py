"""A calibration answers within what it knows, and says nothing beyond."""

from datetime import date
from typing import Any

import pytest

from rab.domain.calibration import Calibrations, NearThreshold, PrecisionThreshold, SpeciesCalibration, logit


def calibration(**fields: Any) -> SpeciesCalibration:
    """Return a calibration of a blackbird by Platt's curve."""
    given = {
        "model": "toy-v1",
        "taxon": "Turdus merula",
        "labels": "human",
        "learned_on": date(2026, 11, 2),
        "n": 120,
        "n_positive": 80,
        "n_recordings": 30,
        "raw_score_low": 0.1,
        "raw_score_high": 0.95,
        "method": "platt",
        "slope": 1.0,
        "intercept": 0.0,
        "band": ((-2.0, 0.05, 0.2), (2.0, 0.8, 0.95)),
    }
    return SpeciesCalibration.model_validate(given | fields)


def test_a_straight_curve_gives_the_score_itself() -> None:
    """Slope 1 and intercept 0 change nothing; the interval lies around."""
    found = calibration().probability(0.5)
    assert found is not None
    assert (0.5, 120) == (found.probability, found.ref.n_behind)
    assert found.ref.low < 0.5 < found.ref.high


def test_steps_are_read_between_their_ends() -> None:
    """Between two steps the line is straight; outside it is level."""
    steps = calibration(method="isotonic", slope=None, intercept=None, steps=((-1.0, 0.2), (1.0, 0.6)))
    assert 0.4 == pytest.approx(steps.curve(0.5))
    assert [0.2, 0.6] == pytest.approx([steps.curve(0.001), steps.curve(0.999)])


def test_no_number_of_labels_makes_certain() -> None:
    """The curve stays off 0 and 1 by half an answer."""
    assert 1 - 0.5 / 121 == pytest.approx(calibration(intercept=40.0).curve(0.9))
    assert 0.5 / 121 == pytest.approx(calibration(intercept=-40.0).curve(0.9))


def test_nothing_is_said_where_it_is_withheld_or_not_covered() -> None:
    """A reason, or a score outside those labelled, leaves a raw score."""
    assert calibration(withheld="inexact").probability(0.5) is None
    assert calibration().probability(0.05) is None
    assert calibration().probability(0.96) is None
    with pytest.raises(ValueError, match="no curve was fitted"):
        calibration(method=None, slope=None, intercept=None).curve(0.5)


def test_a_site_goes_first_where_it_suffices() -> None:
    """The site's own calibration is found there; elsewhere, and where it is withheld, that of all sites."""
    whole, local, poor = calibration(), calibration(site="A"), calibration(site="B", withheld="inexact")
    found = Calibrations(
        model="toy-v1",
        space="toy",
        labels="human",
        learned_on=date(2026, 11, 2),
        least_raw_score=0.1,
        n_labelled=120,
        n_recordings=30,
        species=(whole, local, poor),
        near=(
            NearThreshold(
                snr_low_db=None,
                snr_high_db=10.0,
                similarity=0.66,
                n_calls=50,
                n_recordings=25,
                coverage=0.8,
                coverage_low=0.7,
                coverage_high=0.9,
                foreign_share=0.4,
            ),
        ),
    )
    assert (local, whole, whole) == tuple(found.find("Turdus merula", site) for site in ("A", "B", None))
    assert {"Turdus merula": local} == found.usable("A")
    assert found.find("Strix aluco") is None
    assert (0.66, None, None) == tuple(found.near_similarity(snr_db) for snr_db in (9.9, 10.0, None))


def test_a_threshold_is_found_by_its_precision() -> None:
    """What was not sought is None."""
    threshold = PrecisionThreshold(
        precision=0.9,
        raw_score=0.41,
        low=0.91,
        share_right=0.97,
        n=90,
        n_recordings=30,
        n_effective=60.0,
        recall=0.8,
    )
    one = calibration(thresholds=(threshold,))
    assert (threshold, None) == (one.threshold(0.9), one.threshold(0.95))


def test_logits_are_finite() -> None:
    """Scores stored as 0 or 1 are kept off them by half their last place."""
    assert [0.0, -logit(1.0)] == pytest.approx([logit(0.5), logit(0.0)])
    assert 9.9 == pytest.approx(logit(1.0), abs=0.01)
