"""Planted leaks: each turns the case of the splits suite red that names it, on recordings that were read from files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rab.evals.calibration
import rab.evals.labelled
import rab.evals.own_labels
import rab.evals.probes
import rab.evals.retrieval
import rab.evals.splits
import rab.retrieval.probes
import rab.retrieval.rerank.held_out
from rab.embedders.base import Embedder
from rab.evals.base import Score
from rab.evals.labelled import LabelledWindows
from rab.evals.split_sounds import N_LABELS, GroupEar
from rab.evals.suites import read_suite
from rab.retrieval.one_core import on_one_core

SEED = 20260101
NAMES = tuple(f"label {one}" for one in range(N_LABELS))
suite: Any = rab.evals.splits


def red(*scores: Score) -> set[str]:
    """Return the cases that miss their gates or have no value."""
    gates = {case.name: case.gate for case in read_suite("splits").cases}
    return {one.case for one in scores if one.value is None or one.value > gates[one.case]}


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Compute as a run of a suite does."""
    with on_one_core():
        yield


@pytest.fixture(scope="module")
def ear(birdnet: Embedder) -> GroupEar:
    """Return the model that hears chords."""
    return GroupEar(birdnet)


@pytest.fixture(scope="module")
def read(ear: GroupEar, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the made recordings as they are read without a fault."""
    return suite._read(tmp_path_factory.mktemp("read"), ear, SEED)


def ungrouped(windows: LabelledWindows) -> LabelledWindows:
    """Make every window a group of its own."""
    return replace(windows, groups=np.array([f"{group} {i}" for i, group in enumerate(windows.groups)]))


def test_nothing_leaks_without_a_fault(read: Any) -> None:
    """The cases on which leaks are planted below are green on what was read."""
    assert set() == red(
        read.misread,
        suite._reranker(read.windows, SEED),
        suite._probe_questions(read.windows, read.files),
        *suite._calibration(read.windows, NAMES, SEED),
        suite._near(read.windows, SEED),
        suite._own_folder("own_folder_leak", read.table, SEED),
        suite._own_folder("sub_folder_leak", read.folders, SEED),
    )


def test_a_manifest_whose_groups_are_ignored_is_noticed(
    ear: GroupEar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a recording is a group whatever the manifest says, the rest of its group is found."""
    of_manifest = rab.evals.labelled._of_manifest

    def ignoring(manifest: Path) -> Any:
        return (one._replace(group=str(one.path)) for one in of_manifest(manifest))

    monkeypatch.setattr(rab.evals.labelled, "_of_manifest", ignoring)
    read = suite._read(tmp_path, ear, SEED)
    assert "MANIFEST.csv 1.000" in read.misread.reason
    found = red(read.misread, suite._retrieval(read.windows, SEED), suite._own_folder("depth_leak", read.windows, SEED))
    assert {"groups_misread", "retrieval_leak", "depth_leak"} == found


def test_a_group_column_that_is_ignored_is_noticed(
    ear: GroupEar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the group column of a user's table is not used, the votes of a group's other recording are right."""
    grouped: Any = rab.evals.own_labels._grouped
    monkeypatch.setattr(
        rab.evals.own_labels, "_grouped", lambda folder, spans, groups, *others: grouped(folder, spans, {}, *others)
    )
    read = suite._read(tmp_path, ear, SEED)
    assert "labels.csv, column recordist 1.000" in read.misread.reason
    assert {"groups_misread", "own_folder_leak"} == red(
        read.misread, suite._own_folder("own_folder_leak", read.table, SEED)
    )


def test_windows_that_leave_their_recording_are_noticed(
    ear: GroupEar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every window of a sub-folder is a group of its own, the other window of the recording is found."""
    whole = suite.labelled_windows
    monkeypatch.setattr(suite, "labelled_windows", lambda *asked, **options: ungrouped(whole(*asked, **options)))
    read = suite._read(tmp_path, ear, SEED)
    assert "sub-folders 1.000" in read.misread.reason
    assert {"groups_misread", "sub_folder_leak"} == red(
        read.misread, suite._own_folder("sub_folder_leak", read.folders, SEED)
    )


def test_groups_that_leak_into_retrieval_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every window is held apart from itself alone, its neighbours of the same recording are found."""
    monkeypatch.setattr(rab.evals.retrieval, "held_apart", lambda library: np.arange(len(library)).astype(str))
    assert {"retrieval_leak"} == red(suite._retrieval(read.windows, SEED))


def test_a_library_that_keeps_the_querys_group_is_noticed(read: Any) -> None:
    """Votes among windows of the query's own group are right for the wrong reason."""
    windows = ungrouped(read.windows)
    assert {"depth_leak", "own_folder_leak"} == red(
        suite._depth(windows, SEED), suite._own_folder("own_folder_leak", windows, SEED)
    )


def test_a_reranker_taught_by_all_groups_is_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what ranks a group heard what the group says, its ranking hangs on it."""
    held_out: Any = rab.retrieval.rerank.held_out
    left_out, train = held_out.left_out, held_out.train

    def leaking(examples: Sequence[Any], source: Any, today: Any, *, seed: int) -> Any:
        monkeypatch.setattr(held_out, "train", lambda _, *others: train(examples, *others))
        return left_out(examples, source, today, seed=seed)

    for place in (suite, rab.evals.retrieval):
        monkeypatch.setattr(place, "left_out", leaking)
    assert {"reranker_leak"} == red(suite._reranker(read.windows, SEED))


def test_a_reranker_of_windows_instead_of_groups_is_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every query is a group of its own, those beside it teach what ranks it."""
    monkeypatch.setattr(rab.evals.retrieval, "held_apart", lambda library: np.arange(len(library)).astype(str))
    assert {"reranker_leak"} == red(suite._reranker(read.windows, SEED))


def test_folds_that_split_a_group_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds that are dealt by example teach a probe what it is asked, in the library and in the probes suite."""
    probes: Any = rab.retrieval.probes
    folds = probes._folds
    monkeypatch.setattr(probes, "_folds", lambda data, n_most: folds(data.ungrouped(), n_most))
    assert {"probe_leak", "few_shot_leak", "probe_questions_leak"} == red(
        *suite._probes(read.windows, SEED), suite._probe_questions(read.windows, read.files)
    )


def test_questions_of_windows_instead_of_groups_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the probes suite makes every window a group, its probes know the group of what they are asked."""
    questions: Any = rab.evals.probes._questions

    def alone(kind: str, within: str, windows: LabelledWindows, *others: Any) -> Any:
        return questions(kind, within, ungrouped(windows), *others)

    monkeypatch.setattr(rab.evals.probes, "_questions", alone)
    assert {"probe_questions_leak"} == red(suite._probe_questions(read.windows, read.files))
    asked = rab.evals.probes.asked_of(read.windows, read.files)
    assert min(one.leaked_share for one in asked) > 0.5


def test_answers_that_are_dealt_one_by_one_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers without their groups stand on both sides, and teach the curve that speaks of them."""
    of = rab.evals.calibration.Asked.of

    def alone(*asked: Any) -> Any:
        found = of(*asked)
        groups = np.arange(len(found.clips))
        return replace(found, answers=replace(found.answers, groups=groups))

    monkeypatch.setattr(rab.evals.calibration.Asked, "of", alone)
    assert {"calibration_leak", "curve_leak"} == red(*suite._calibration(read.windows, NAMES, SEED))


def test_folds_of_calibration_that_split_groups_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds that pass groups over are found by the groups that stand in two."""
    monkeypatch.setattr(suite, "folds", lambda groups, right, n_folds, seed: np.arange(len(groups)) % n_folds)
    assert "calibration_leak" in red(*suite._calibration(read.windows, NAMES, SEED))


def test_curves_taught_by_all_groups_are_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything teaches, the probabilities of a group hang on what the group says."""
    calibration: Any = rab.evals.calibration
    foretold, calibrate = calibration.foretold, calibration.calibrate

    def leaking(asked: Any, policy: Any) -> Any:
        monkeypatch.setattr(calibration, "calibrate", lambda _, *others: calibrate(asked.answers, *others))
        return foretold(asked, policy)

    monkeypatch.setattr(calibration, "foretold", leaking)
    assert {"curve_leak"} == red(*suite._calibration(read.windows, NAMES, SEED))


def test_nearness_within_a_group_is_noticed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every window is a group of its own, calls are near their own group and no stranger is."""
    calibration: Any = rab.evals.calibration
    nearest = calibration.nearest_calls
    monkeypatch.setattr(
        calibration,
        "nearest_calls",
        lambda vectors, taxa, groups, snr_db: nearest(vectors, taxa, np.arange(len(groups)), snr_db),
    )
    assert {"near_leak"} == red(suite._near(read.windows, SEED))
