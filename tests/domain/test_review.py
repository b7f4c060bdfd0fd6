"""A person's yes and no: which names of a call stand, and which are denied."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rab.domain import Label, Review, names_in_force, rejected_taxa, rejection_of

NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)
BLACKBIRD, THRUSH = "Turdus merula", "Turdus philomelos"


def label(taxon: str, minutes: int = 0, **fields: Any) -> Label:
    """Return what Ann says, so many minutes after noon."""
    given = {"segment_id": "s", "taxon": taxon, "source": "human", "author": "Ann"}
    return Label.model_validate({**given, "labelled_at": NOON + timedelta(minutes=minutes), **fields})


def denial(taxon: str, minutes: int = 0, **fields: Any) -> Label:
    """Return her no."""
    return label(rejection_of(taxon), minutes, kind="rejection", **fields)


def review(verdict: str, taxon: str, suggested: str | None = BLACKBIRD) -> Review:
    """Return her answer to a suggestion."""
    fields = {"segment_id": "s", "pack_id": "p", "author": "Ann", "reviewed_at": NOON}
    return Review.model_validate({**fields, "verdict": verdict, "taxon": taxon, "suggested": suggested})


@pytest.mark.parametrize(
    ("labels", "standing", "rejected"),
    [
        pytest.param([], [], (), id="nothing said"),
        pytest.param([label(BLACKBIRD)], [BLACKBIRD], (), id="a yes"),
        pytest.param([denial(BLACKBIRD)], [], (BLACKBIRD,), id="a no"),
        pytest.param(
            [label(BLACKBIRD, 0), denial(BLACKBIRD, 1, author="Bob")], [], (BLACKBIRD,), id="a no after a yes"
        ),
        pytest.param([denial(BLACKBIRD, 0, author="Bob"), label(BLACKBIRD, 1)], [BLACKBIRD], (), id="a yes after a no"),
        pytest.param(
            [denial(BLACKBIRD, 0), label(BLACKBIRD, 1, source="imported")], [], (BLACKBIRD,), id="a table after a no"
        ),
        pytest.param(
            [label(BLACKBIRD, 1, source="imported"), label(THRUSH)], [BLACKBIRD, THRUSH], (), id="a table and a person"
        ),
        pytest.param([denial(BLACKBIRD), label(THRUSH)], [THRUSH], (BLACKBIRD,), id="not this but that"),
        pytest.param([label("alarm call", kind="call_type")], [], (), id="another kind of label"),
    ],
)
def test_what_stands_and_what_is_denied(labels: list[Label], standing: list[str], rejected: tuple[str, ...]) -> None:
    """Of people the later word counts; a table and a model never outvote a person."""
    assert standing == [one.taxon for one in names_in_force(labels)]
    assert rejected == rejected_taxa(labels)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(review("accepted", BLACKBIRD), [(BLACKBIRD, "taxon")], id="accepted"),
        pytest.param(review("rejected", BLACKBIRD), [("not Turdus merula", "rejection")], id="rejected"),
        pytest.param(
            review("corrected", THRUSH), [(THRUSH, "taxon"), ("not Turdus merula", "rejection")], id="corrected"
        ),
        pytest.param(review("corrected", THRUSH, None), [(THRUSH, "taxon")], id="named where nothing was suggested"),
    ],
)
def test_a_review_is_said_as_labels(given: Review, said: list[tuple[str, str]]) -> None:
    """Each label tells who, when and which pack."""
    assert said == [(one.taxon, one.kind) for one in given.labels]
    assert {("Ann", NOON, "p", "human")} == {
        (one.author, one.labelled_at, one.pack_id, one.source) for one in given.labels
    }


@pytest.mark.parametrize(("verdict", "taxon"), [("accepted", THRUSH), ("corrected", BLACKBIRD), ("rejected", "")])
def test_a_review_that_contradicts_itself_is_refused(verdict: str, taxon: str) -> None:
    """Only what is suggested is accepted, and a correction names something else."""
    with pytest.raises(ValidationError):
        review(verdict, taxon)
