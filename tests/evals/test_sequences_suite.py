"""The sequences suite asks what its data names, and its gates hold on a few seeds."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rab.domain.sequence import Agreement, EntropyRate
from rab.evals import sequences as suite
from rab.evals.base import EvalRun, Score, judge
from rab.evals.suites import read_suite
from rab.evals.syntax import alignment_scores, entropy_scores, shuffled_score
from rab.retrieval.sequences import agreement, entropy_rate, find_motifs


def test_gates_hold(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Planted motifs and changes are found, and controls stay silent; every case of the data is answered."""
    monkeypatch.setattr(suite, "_N_SEEDS", 12)
    monkeypatch.setattr(suite, "_N_ALIGNED", 3)
    scores, tables = suite.run_sequences(None, [], seed=20260101)  # type: ignore[arg-type]
    run = EvalRun(
        suite="sequences",
        model="none",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=20260101,
        scores=scores,
        tables=tables,
    )
    data = read_suite("sequences")
    assert [case.name for case in data.cases] == [score.case for score in scores]
    assert [] == [verdict.words for verdict in judge(run, data, None) if not verdict.passed]
    assert "| night | 0.750 |" in tables[0]


def failing(scores: Sequence[Score]) -> set[str]:
    """Return which of some scores miss the gates of the suite."""
    gates = {case.name: case for case in read_suite("sequences").cases}
    signs = {"higher": 1, "lower": -1}
    return {
        one.case
        for one in scores
        if one.value is None or signs[gates[one.case].better] * (one.value - gates[one.case].gate) < 0
    }


def test_biased_entropy_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate that is half a bit too low is off, and its intervals no longer hold the truth."""

    def low(*given: Any, **named: Any) -> EntropyRate | None:
        found = entropy_rate(*given, **named)
        shifted = {name: getattr(found, name) - 0.5 for name in ("bits", "low", "high")}
        return None if found is None else found.model_copy(update=shifted)

    monkeypatch.setattr(sys.modules["rab.evals.syntax"], "entropy_rate", low)
    scores, _ = entropy_scores(range(4))
    assert {"entropy_bias_bits", "entropy_covered_share"} <= failing(scores)


def test_order_that_is_not_seen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions whose order is thrown away are not told apart."""
    monkeypatch.setattr(sys.modules["rab.evals.syntax"], "CONDITIONS", {"dawn": 0.7, "night": 0.7})
    assert "entropy_apart_share" in failing(entropy_scores(range(4))[0])


def test_alignment_that_confirms_all_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alignment that finds everything alike confirms random notes, and fails the case that asks for it."""

    def credulous(*given: Any, **named: Any) -> Agreement | None:
        found = agreement(*given, **named)
        return None if found is None else found.model_copy(update={"confirmed": True})

    monkeypatch.setattr(sys.modules["rab.evals.syntax"], "agreement", credulous)
    assert failing(alignment_scores(range(2))) == {"alignment_false_share"}


def test_motif_that_outlives_its_shuffle_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that reports what is not there fails where the symbols were shuffled."""
    whole = suite.drawn(np.random.default_rng(1), rate=2.0)
    found = find_motifs(whole)
    monkeypatch.setattr(sys.modules["rab.evals.syntax"], "find_motifs", lambda _: found)
    assert failing([shuffled_score([whole], 1)]) == {"false_share_shuffled"}


def test_every_score_opens_to_what_it_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case names its libraries by seed, each once, with what was found; what went wrong comes first."""
    monkeypatch.setattr(suite, "_N_SEEDS", 2)
    monkeypatch.setattr(suite, "_N_ALIGNED", 1)
    monkeypatch.setattr(sys.modules["rab.evals.syntax"], "CONDITIONS", {"dawn": 0.7, "night": 0.7})
    scores, _ = suite.run_sequences(None, [], seed=20260101)  # type: ignore[arg-type]
    for score in scores:
        assert 0 < len(score.instances) <= 50
        assert len(score.instances) == len({one.name for one in score.instances})
        assert all(one.words for one in score.instances)
    apart = next(one for one in scores if one.case == "entropy_apart_share").instances
    assert "seed 2026010" in apart[0].name
    assert apart[0].words.startswith("wrong: dawn ")
