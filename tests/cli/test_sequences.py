"""`rab sequences` and `rab drift`: their words, their JSON, their errors."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rab.cli.sequences import _entropy_words
from rab.domain.sequence import EntropyRate

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


def test_a_filter_that_nothing_matches_asks_for_a_wider_one(rab: Rab) -> None:
    """No clustering helps where no segment is left."""
    answer = rab("sequences", "entropy", "--where", "site=Nowhere")
    assert 2 == answer.code
    assert "no segment matches" in answer.err
    assert "next: widen --where" in answer.err


def test_a_group_that_no_recording_has_is_noted(rab: Rab) -> None:
    """Without any habitat all are taken together, and a note says so beside the answer."""
    answer = rab(
        "sequences", "transitions", "--by", "taxon", "--per", "habitat", "--where", "not habitat=urban", "--json"
    )
    assert "note: no recording that matches has a habitat; all are taken together" in answer.err
    assert [None] == [one["group"] for one in json.loads(answer.out)]


def test_what_chance_could_do_is_not_called_chance(rab: Rab) -> None:
    """A transition that correction does not leave standing is not shown beyond chance, which is not chance."""
    found = json.loads(rab("sequences", "transitions", "--by", "taxon", "--json").out)[0]["transitions"]
    lines = rab("sequences", "transitions", "--by", "taxon", "--limit", len(found)).out.splitlines()
    marks = ["beyond chance" if one["exceeds_chance"] else "not shown beyond chance" for one in found]
    assert marks == [line.rpartition(": ")[2] for line in lines[: len(found)]]


def test_an_entropy_bound_is_told_as_one() -> None:
    """What is an upper bound says at most and its upper end; what is none has both ends; one is singular."""
    known = {"group": None, "bits": 1.32, "order": 1, "n_steps": 480, "n_symbols": 12, "n_recordings": 1}
    both = {"bits_by_order": (3.6,), "estimator": "held-out code length"}
    reason = "at most 1.32 bits: too few steps to look further back than 1"
    bound = EntropyRate(**known, **both, low=0, high=1.41, is_upper_bound=True, reason=reason)
    counts = "order 1, 480 steps of 12 symbols in 1 recording"
    assert f"{reason} (upper end 1.41); {counts}" == _entropy_words(bound)
    sure = bound.model_copy(update={"low": 1.2, "is_upper_bound": False})
    assert f"1.32 bits a step (1.20–1.41), {counts}" == _entropy_words(sure)


def test_the_order_of_a_comparison_is_told(rab: Rab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sites are told at one order, which stands below them, and those with too few steps are counted."""
    known = {"bits": 2, "low": 1, "high": 3, "order": 1, "bits_by_order": (3, 2), "n_steps": 90, "n_symbols": 5}
    rates = [EntropyRate(group=one, n_recordings=4, estimator="", **known) for one in ("A", "B")]
    monkeypatch.setattr("rab.workflows.sequences.entropies_of", lambda *_: rates)
    n_sites = len(json.loads(rab("sequences", "transitions", "--by", "taxon", "--per", "site", "--json").out))
    told = rab("sequences", "entropy", "--by", "taxon", "--per", "site").out
    assert "B: 2.00 bits a step (1.00–3.00), order 1, 90 steps of 5 symbols in 4 recordings\n" in told
    assert "all compared at order 1: so many sounds before are known\n" in told
    assert (f"{n_sites - 2} site" in told) == (n_sites > 2)


def test_drift_names_recorders(rab: Rab) -> None:
    """Recorders with too few days say so; a filter that leaves no dates is an error with a next step."""
    answer = rab("drift")
    assert answer.code in (0, 2), answer.err
    assert ("fewer than the 8" in answer.out) == (answer.code == 0)
    assert "1 days" not in answer.out
    assert 2 == rab("drift", "--where", "before=1900-01-01").code
