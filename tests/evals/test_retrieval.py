"""The suite `retrieval`: asked of small planted libraries, where the answer is known."""

from pathlib import Path

import numpy as np
import pytest

from rab.domain import SignalQuality
from rab.errors import InputError
from rab.evals.labelled import LabelledWindows
from rab.evals.retrieval import retrieval_report, retrieval_scores, retrieval_table
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
    assert {case.name for case in read_suite("retrieval").cases} == set(scores)
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
