"""The calibration suite mends planted scores, and asks what its data names."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rab.domain import SignalQuality, Taxon
from rab.evals import calibration as suite
from rab.evals.base import EvalRun, judge
from rab.evals.labelled import LabelledFile, LabelledWindows
from rab.evals.ladder import Mix, Mixed
from rab.evals.suites import read_suite
from rab.retrieval.calibration import learn

NAMES = ("Turdus merula", "Strix aluco", "Dog")
LABELS = ("Turdus merula", "Strix aluco", "Canis familiaris")
N_GROUPS, PER_GROUP = 90, 6


class Embedder:
    """Knows three names, and nothing more is asked of it."""

    taxa = tuple(Taxon(scientific_name=name, common_name=name) for name in NAMES)


def windows(make_quality, seed: int = 0) -> LabelledWindows:  # type: ignore[no-untyped-def]
    """Return clips of which the loudest class is mostly right, and has a raw score of 0.5 or so all the same."""
    random = np.random.default_rng(seed)
    n = N_GROUPS * PER_GROUP
    groups = np.repeat(np.arange(N_GROUPS), PER_GROUP)
    label = groups % 3
    logits = np.full((n, 3), -6.0, dtype=np.float32)
    for at in range(n):
        asked = label[at] if random.random() < 0.8 else random.integers(3)
        right = asked == label[at]
        logits[at, asked] = random.normal(0.0 if right else -1.6, 0.5)
    vectors = np.eye(8)[label] + 0.1 * random.normal(size=(n, 8))
    quality: SignalQuality = make_quality(15.0)
    return LabelledWindows(
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        logits=logits,
        labels=np.array(LABELS)[label],
        groups=groups.astype(str),
        sets=np.full(n, "planted"),
        recording_ids=groups.astype(str),
        paths=tuple(Path(f"{group}.wav") for group in groups.tolist()),
        t0_ms=np.zeros(n),
        t1_ms=np.full(n, 3000.0),
        quality=(quality,) * n,
    )


@pytest.fixture
def planted(make, monkeypatch: pytest.MonkeyPatch) -> LabelledWindows:  # type: ignore[no-untyped-def]
    """Put made-up clips in the place of recordings, on one rung of the ladder."""
    found = windows(make.quality)
    mixes = tuple(Mix(at, None, 10.0) for at in range(len(found)))
    monkeypatch.setattr(suite, "labelled_windows", lambda *_, **__: found)
    monkeypatch.setattr(suite, "climbed", lambda *_: Mixed(found, mixes, 0))
    return found


def test_planted_scores_are_mended(planted: LabelledWindows) -> None:
    """Held out, probabilities are nearer to the truth than raw scores, and every case of the data is answered."""
    file = LabelledFile(Path("a.wav"), "planted", "Turdus merula", "0")
    scores, tables = suite.run_calibration(Embedder(), [file], seed=1)  # type: ignore[arg-type]
    data = read_suite("calibration")
    assert [case.name for case in data.cases] == [score.case for score in scores]
    run = EvalRun(
        suite="calibration",
        model="toy",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=1,
        scores=scores,
        tables=tables,
    )
    failed = {verdict.case: verdict.words for verdict in judge(run, data, None) if not verdict.passed}
    assert {} == failed
    values = {score.case: score.value for score in scores}
    assert values["brier_gain"] is not None
    assert values["brier_gain"] > 0.05
    assert all("10 dB" in table or "planted" in table or "cosine" in table for table in tables)


def test_a_dog_is_a_dog_under_either_name(planted: LabelledWindows) -> None:
    """A label's other name for a class counts as right."""
    asked = suite.Asked.of([planted], NAMES, planted.snr_db)
    dogs = asked.answers.taxa == NAMES.index("Dog")
    assert asked.answers.right[dogs].any()
    assert asked.answers.told.all()


def leaked_share() -> float | None:
    """Run the suite, and return its share of answers that hang on their own group's word."""
    file = LabelledFile(Path("a.wav"), "planted", "Turdus merula", "0")
    scores, _ = suite.run_calibration(Embedder(), [file], seed=1)  # type: ignore[arg-type]
    return next(score.value for score in scores if score.case == "leaked_share")


def test_answers_without_their_groups_are_noticed(planted: LabelledWindows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every answer is a group of its own, a group's probabilities hang on what it says itself."""
    of = suite.Asked.of

    def alone(*asked: Any) -> suite.Asked:
        found = of(*asked)
        return replace(found, answers=replace(found.answers, groups=np.arange(len(found.clips))))

    monkeypatch.setattr(suite.Asked, "of", alone)
    assert (leaked_share() or 0) > 0


def test_curves_taught_by_all_groups_are_noticed(planted: LabelledWindows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything teaches, so does the group that is asked."""
    foretold, calibrate = suite.foretold, learn.calibrate

    def leaking(asked: Any, policy: Any) -> Any:
        monkeypatch.setattr(suite, "calibrate", lambda _, *others: calibrate(asked.answers, *others))
        return foretold(asked, policy)

    monkeypatch.setattr(suite, "foretold", leaking)
    assert (leaked_share() or 0) > 0
