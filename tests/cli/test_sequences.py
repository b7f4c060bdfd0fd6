"""`rab sequences` and `rab drift`: their words, their JSON, their errors."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Rab = Callable[..., Any]


@pytest.mark.parametrize("command", ["bouts", "transitions", "motifs", "entropy"])
def test_sequences_are_told_in_words_and_json(rab: Rab, command: str) -> None:
    """Each ends well on a small library, by taxon, which needs no clustering."""
    words, data = rab("sequences", command, "--by", "taxon"), rab("sequences", command, "--by", "taxon", "--json")
    assert (0, "", 0, "") == (words.code, words.err, data.code, data.err)
    assert words.out.strip()
    json.loads(data.out)


def test_what_follows_a_taxon(rab: Rab) -> None:
    """The usual follower is told; what no sequence holds is named with what comes near it."""
    told = rab("sequences", "transitions", "--by", "taxon", "--after", "Turdus merula")
    assert "Turdus merula" in told.out
    unknown = rab("sequences", "transitions", "--by", "taxon", "--after", "Turdus merulo")
    assert 3 == unknown.code
    assert "did you mean Turdus merula" in unknown.err


def test_without_labels_the_next_step_is_named(rab: Rab) -> None:
    """A library without labels cannot be read by label."""
    answer = rab("sequences", "motifs", "--by", "label")
    assert (2, "") == (answer.code, answer.out)
    assert "next: " in answer.err


def test_drift_names_recorders(rab: Rab) -> None:
    """Recorders with too few days say so; a filter that leaves no dates is an error with a next step."""
    answer = rab("drift")
    assert answer.code in (0, 2), answer.err
    assert ("fewer than the 8" in answer.out) == (answer.code == 0)
    assert 2 == rab("drift", "--where", "before=1900-01-01").code
