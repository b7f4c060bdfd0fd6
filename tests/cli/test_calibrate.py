"""`rab calibrate`: what it refuses before anything is labelled, and what it prints."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rab = Callable[..., Any]


def test_a_library_without_labels_is_refused_as_such(rab: Rab) -> None:
    """Without labels there is nothing to learn, and the next step is named."""
    answer = rab("calibrate", "--labels", "imported")
    assert (2, "") == (answer.code, answer.out)
    assert "bears a label of the kind asked for (imported)" in answer.err
    assert "next: label segments with `rab label`" in answer.err


@pytest.mark.parametrize("option", [("--list",), ("--show", "Turdus merula"), ("--off",)])
def test_nothing_is_calibrated_before_that(rab: Rab, option: tuple[str, ...]) -> None:
    """What was never learned is neither shown nor switched off."""
    answer = rab("calibrate", *option)
    assert (3, "") == (answer.code, answer.out)
    assert "nothing is calibrated for birdnet-v2.4" in answer.err


def test_its_ways_exclude_each_other(rab: Rab) -> None:
    """Two ways at once are a mistake."""
    answer = rab("calibrate", "--list", "--off")
    assert 2 == answer.code
    assert "exclude each other" in answer.err


def test_what_few_labels_teach_is_told(rab: Rab, home: Path, tmp_path: Path) -> None:
    """One label teaches that it is too little; that is kept, shown, printed as data, and switched off."""
    own = Path(shutil.copytree(home, tmp_path / "own"))

    def ask(*arguments: object) -> Any:
        return rab("--home", own, *arguments)

    segments = json.loads(ask("segments", "--json").out)
    scored = next(one for one in segments if one["scores"] and one["scores"][0]["raw_score"] >= 0.1)
    taxon = scored["scores"][0]["taxon"]["scientific_name"]
    assert 0 == ask("label", scored["segment"]["id"], taxon, "--by", "Ann").code
    printed = ask("calibrate")
    assert (0, True) == (printed.code, "raw score: too few labels" in printed.out)
    assert "1 segment of 1 recording bears human labels" in printed.out
    assert printed.out == ask("calibrate", "--list").out
    assert "1 labelled segment with a score, 1 right, 1 recording" in ask("calibrate", "--show", taxon).out
    assert [taxon] == [one["taxon"] for one in json.loads(ask("calibrate", "--show", taxon, "--json").out)]
    assert "off: scores are raw scores; calibration v1 was in use" in ask("calibrate", "--off").out
    assert not json.loads(ask("calibrate", "--list", "--json").out)["in_use"]
