"""The suite `retrieval`: asked of small planted libraries, where the answer is known."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rab.domain import SignalQuality, Taxon
from rab.errors import InputError
from rab.evals.base import Answered
from rab.evals.breakdown import breakdown
from rab.evals.labelled import LabelledFile, LabelledWindows
from rab.evals.retrieval import (
    RetrievalReport,
    held_apart,
    retrieval_report,
    retrieval_scores,
    retrieval_table,
    told,
)
from rab.evals.suites import read_suite

QUIET = SignalQuality(
    snr_db=10.0,
    snr_unmeasured=None,
    band_low_hz=None,
    band_high_hz=None,
    noise_floor_dbfs=None,
    peak_dbfs=None,
    clipped_fraction=0,
    overlap_fraction=0,
    rain=False,
    wind=False,
    silent=False,
)


def planted(*, n_sets: int = 2, groups_of_label: int = 3, soundscapes: int = 4) -> LabelledWindows:
    """Return sets of three labels, each heard in some groups, two windows a recording; the group colours the sound."""
    drawn = np.random.default_rng(5)
    rows = []
    for place in range(n_sets):
        kinds = drawn.normal(size=(3, 24))
        for label in range(3):
            for group in range(groups_of_label):
                tint = 0.7 * drawn.normal(size=24)
                rows += [(f"set{place}", f"taxon {place}{label}", f"g{place}{label}{group}", kinds[label] + tint)] * 2
    rows += [("set0", "soundscape X", "elsewhere", drawn.normal(size=24)) for _ in range(soundscapes)]
    sets, labels, groups, centres = zip(*rows, strict=True)
    vectors = np.array(centres) + 0.5 * drawn.normal(size=(len(rows), 24))
    times = np.array([3000.0 * (at % 2) for at in range(len(rows))])
    return LabelledWindows(
        vectors=np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32),
        logits=drawn.normal(-4, 2, size=(len(rows), 6)).astype(np.float32),
        labels=np.array(labels),
        groups=np.array(groups),
        sets=np.array(sets),
        recording_ids=np.array([f"recording of {group}" for group in groups]),
        paths=tuple(Path(f"{group}.wav") for group in groups),
        t0_ms=times,
        t1_ms=times + 3000,
        quality=(QUIET,) * len(rows),
    )


def test_every_case_of_the_suite_is_answered() -> None:
    """Each case has a score with its sets as evidence, mAP lies within 0–1, and the table has a row for each method."""
    report = retrieval_report(planted(), seed=1)
    scores = {score.case: score for score in retrieval_scores(report)}
    apart = {score.case for score in taken_apart(report, planted()).scores}
    assert {case.name for case in read_suite("retrieval").cases} == set(scores) | apart
    assert all(score.value is not None and len(score.evidence) == 2 for score in scores.values())
    assert all(0 <= (score.value or 0) <= 1 for name, score in scores.items() if name.startswith("map_"))
    assert 2 + 2 * 7 == len(retrieval_table(report).splitlines())


def test_cosine_is_measured_by_its_definition() -> None:
    """Average precision by cosine is what going through the whole library by hand gives."""
    library = planted()
    report = retrieval_report(library, seed=1)
    similarity = library.vectors.astype(np.float64) @ library.vectors.T
    expected = []
    for at in np.flatnonzero(library.sets == "set1").tolist():
        others = [i for i in range(len(library)) if library.groups[i] != library.groups[at]]
        others.sort(key=lambda i: -similarity[at, i])
        hits = [library.labels[i] == library.labels[at] for i in others]
        found = [sum(hits[: place + 1]) / (place + 1) for place in range(10) if hits[place]]
        expected.append(sum(found) / min(10, sum(hits)))
    np.testing.assert_allclose(expected, report.values("set1", "cosine"), atol=1e-9)


def test_soundscapes_ask_nothing() -> None:
    """What has no label of its own distracts, but is no query."""
    assert 18 == len(retrieval_report(planted(soundscapes=9), seed=1).groups["set0"])


def test_the_recording_is_left_out_where_groups_cannot_be() -> None:
    """A set of individuals, each heard at one nest, leaves out recordings instead of nests."""
    library = planted()
    own = library.sets == "set1"
    groups = np.where(own, library.labels, library.groups)
    nests = LabelledWindows(**{**library.__dict__, "groups": groups})
    assert all(one.startswith("recording of") for one in retrieval_report(nests, seed=1).groups["set1"])


def test_one_set_cannot_be_left_out() -> None:
    """With a single labelled set there is no unseen library, and that is said."""
    with pytest.raises(InputError, match=r"1 labelled set\(s\)"):
        retrieval_report(planted(n_sets=1), seed=1)


def taken_apart(report: RetrievalReport, library: LabelledWindows) -> Answered:
    """Return the slices of a report; every recording has a place."""
    files = {path: LabelledFile(path, "", "", "", place=f"hill {path.name[1]}") for path in library.paths}
    taxa = [Taxon(scientific_name="taxon 00", common_name="Nuthatch", group="bird")]
    return breakdown(told(report), library, held_apart(library), files, taxa)


def test_slices_hold_every_query_once() -> None:
    """By set, taxon, place and SNR, the queries of the slices add up to all that were asked."""
    library = planted()
    slices, filtered = taken_apart(retrieval_report(library, seed=1), library).tables
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in slices.splitlines() if "|" in line][2:]
    counted: dict[str, int] = {}
    for kind, _, n, *_ in rows:
        counted[kind] = counted.get(kind, 0) + int(n)
    assert {"set": 36, "taxon": 36, "taxon group": 36, "place": 36, "SNR": 36} == counted
    assert "\n| everything | 36 |" in filtered


def test_faint_queries_and_the_poorest_taxon_have_their_own_scores() -> None:
    """What is asked of faint queries rests on them alone, and the least taxon is no better than the mean of all."""
    library = planted()
    faint = tuple(QUIET.model_copy(update={"snr_db": -5.0 if at < 12 else 25.0}) for at in range(len(library)))
    noisy = LabelledWindows(**{**library.__dict__, "quality": faint})
    report = retrieval_report(noisy, seed=1)
    scores = {score.case: score for score in taken_apart(report, noisy).scores}
    asked = told(report)
    assert scores["map_faint"].value == pytest.approx(asked.reranked[asked.at < 12].mean())
    assert (scores["map_least_taxon"].value or 0) <= asked.reranked.mean()


def test_one_exemplar_of_each_label_is_enough_where_labels_lie_apart() -> None:
    """Windows that lie on their label's own axis are named from single exemplars; windows without shape by chance."""
    library = planted()
    number = {label: i for i, label in enumerate(sorted(set(library.labels.tolist())))}
    clear = np.eye(24, dtype=np.float32)[[number[label] for label in library.labels.tolist()]]
    shapeless = np.random.default_rng(0).normal(size=clear.shape).astype(np.float32)
    shapeless /= np.linalg.norm(shapeless, axis=1, keepdims=True)
    reached = []
    for vectors in (clear, shapeless):
        windows = LabelledWindows(**{**library.__dict__, "vectors": vectors})
        report = retrieval_report(windows, seed=1, trains=False)
        report = replace(
            report, ranked={name: {"left_out_set": one["cosine"], **one} for name, one in report.ranked.items()}
        )
        scores = {score.case: score.value for score in taken_apart(report, windows).scores}
        reached.append(scores["one_shot_accuracy"] or 0.0)
    assert reached[0] == 1.0
    assert reached[1] < 0.5


def test_planted_leak_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates of the query's own group turn the leak check red, and each leak can be listened to."""
    library = planted()
    windows = sys.modules["rab.evals.retrieval"]._Windows
    nearest = windows._nearest
    monkeypatch.setattr(windows, "_nearest", lambda self, at, _: nearest(self, at, np.arange(len(library)) != at))
    scores = {score.case: score for score in taken_apart(retrieval_report(library, seed=1), library).scores}
    assert scores["leaked_share"].value == 1.0
    assert scores["leaked_share"].instances[0].words == "its own group stood among the candidates"


def test_training_on_the_set_that_is_asked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reranker that was taught by the very groups that it ranks turns the leak check red."""
    library = planted()
    monkeypatch.setattr(sys.modules["rab.evals.retrieval"], "_taught", lambda asked, _: list(asked))
    scores = {score.case: score for score in taken_apart(retrieval_report(library, seed=1), library).scores}
    assert scores["leaked_share"].value == 1.0
    assert scores["leaked_share"].instances[0].words == "its group had taught the reranker"


def test_a_reranker_taught_by_the_group_that_it_ranks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training within the library that leaves no group out is found by what a group's own word changes."""
    held_out, suite = sys.modules["rab.retrieval.rerank.held_out"], sys.modules["rab.evals.retrieval"]
    left_out, train = held_out.left_out, held_out.train

    def leaking(examples: Any, source: Any, today: Any, *, seed: int) -> Any:
        monkeypatch.setattr(held_out, "train", lambda _, *others: train(examples, *others))
        return left_out(examples, source, today, seed=seed)

    monkeypatch.setattr(suite, "left_out", leaking)
    library = planted()
    scores = {score.case: score for score in taken_apart(retrieval_report(library, seed=1), library).scores}
    assert (scores["leaked_share"].value or 0) > 0
    assert "what its own group was labelled with" in scores["leaked_share"].instances[0].words


def test_leaks_are_counted_in_groups_as_they_are_written(tmp_path: Path) -> None:
    """Where the manifest's groups are ignored, nothing shares a group that the suite knows of, and it leaks still."""
    library = planted()
    paths = tuple(tmp_path / f"{group} {at}.wav" for at, group in enumerate(library.groups.tolist()))
    rows = [f"{path.name},{group}" for path, group in zip(paths, library.groups.tolist(), strict=True)]
    (tmp_path / "MANIFEST.csv").write_text("\n".join(["path,group", *rows]), encoding="utf-8")
    alone = np.array([str(path) for path in paths])
    shares = []
    for groups in (library.groups, alone):
        windows = replace(library, paths=paths, groups=groups)
        scores = {score.case: score for score in taken_apart(retrieval_report(windows, seed=1), windows).scores}
        shares.append(scores["leaked_share"].value)
    assert [0.0, 1.0] == shares


def test_one_sound_in_two_groups_is_noticed() -> None:
    """A recording that stands in the folder under two groups is counted, query by query."""
    library = planted()
    assert {score.case: score.value for score in taken_apart(retrieval_report(library, seed=1), library).scores}[
        "copied_share"
    ] == 0.0
    vectors = library.vectors.copy()
    vectors[2] = vectors[0]
    copied = LabelledWindows(**{**library.__dict__, "vectors": vectors})
    scores = {score.case: score.value for score in taken_apart(retrieval_report(copied, seed=1), copied).scores}
    assert scores["copied_share"] == pytest.approx(2 / 36)
