"""Runs are kept whole, compared case by case, and shown on a page that plays what they rest on."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from rab.errors import InputError, NotFound
from rab.evals.base import Baseline, Case, EvalRun, Instance, Score, Suite, judge
from rab.evals.compare import compare
from rab.evals.kept import KeptRun, find_run, kept_runs, read_run, write_run
from rab.evals.page import render_run

SUITE = Suite(
    name="tiny",
    purpose="Is it right?",
    cases=(
        Case(name="found", asks="Which share is found?", better="higher", gate=0.5, tolerance=0.05),
        Case(name="wrong", asks="Which share is wrong?", better="lower", gate=0.5, tolerance=0.05),
    ),
)


def kept(found: float | None, wrong: float = 0.1, **fields: object) -> KeptRun:
    """Return a run with two scores, one of them with instances and an interval."""
    low, high = (None, None) if found is None else (found - 0.1, found + 0.1)
    shown = tuple(Instance(name=f"window {i}", value=(found or 0) - 0.01 * i, words="cosine") for i in range(3))
    run = EvalRun.model_validate(
        {
            "suite": "tiny",
            "model": "toy",
            "weights_sha256": "w",
            "code_version": "1",
            "data_sha256": "d",
            "machine": "m",
            "seed": 1,
            "started_at": datetime(2026, 1, 2, tzinfo=UTC),
            "duration_s": 2.5,
            "scores": (
                Score(case="found", value=found, n=3, reason="of three", low=low, high=high, instances=shown),
                Score(case="wrong", value=wrong, n=3, reason="<b>of three</b>"),
            ),
            "tables": ("by set\n\n| set | mAP |\n|---|---|\n| a | 0.5 |",),
        }
        | fields
    )
    return KeptRun(suite=SUITE, run=run, verdicts=judge(run, SUITE, None))


def test_a_run_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """What is written line by line comes back equal, and two runs of one second do not overwrite each other."""
    first, second = kept(0.9), kept(None)
    files = [write_run(one, tmp_path) for one in (first, second)]
    assert [first, second] == [read_run(file) for file in files]
    assert sorted(files) == kept_runs(tmp_path)
    assert files[1] == find_run("tiny", tmp_path)
    assert 1 + 2 + 3 == len(files[0].read_text().splitlines())


def test_what_must_be_said_is_kept_and_shown(tmp_path: Path) -> None:
    """Notes of a run, and how many files could not be used, come back from its file and stand on its page."""
    said = kept(0.9).model_copy(update={"notes": ("not used: <a>.wav cannot be read",), "n_failed": 1})
    assert said == read_run(write_run(said, tmp_path))
    assert "not used: &lt;a&gt;.wav cannot be read" in render_run(said)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """A file of other lines, and a name that nothing bears, are told apart."""
    (tmp_path / "odd.jsonl").write_text('{"line": "score", "case": "found"}\n')
    with pytest.raises(InputError, match="no kept run"):
        read_run(tmp_path / "odd.jsonl")
    with pytest.raises(NotFound, match="tiny"):
        find_run("tiny", tmp_path)


def test_comparison_says_what_got_worse_and_where() -> None:
    """A case that fell by more than its tolerance is worse, with its interval and the instances that moved."""
    found = compare(kept(0.9), kept(0.7))
    assert ("found",) == found.worse
    worse = found.changes[0]
    assert (worse.change, worse.low, worse.high) == pytest.approx((-0.2, -0.2 - 0.02**0.5, -0.2 + 0.02**0.5))
    assert 3 == len(worse.instances)
    assert ("same", None) == (found.changes[1].standing, found.changes[1].low)


def test_lower_is_better_where_the_case_says_so() -> None:
    """A share of wrong answers that falls is better, and one that rises is worse."""
    assert "better" == compare(kept(0.9, 0.3), kept(0.9, 0.1)).changes[1].standing
    assert ("wrong",) == compare(kept(0.9, 0.1), kept(0.9, 0.3)).worse


def test_a_score_that_is_lost_is_worse() -> None:
    """A case that can no longer be scored is no better than before, and one that never was is not worse."""
    assert ("found",) == compare(kept(0.9), kept(None)).worse
    assert () == compare(kept(None), kept(None)).worse
    assert 1 == kept(None).run.n_unscored
    assert [False, True] == [verdict.passed for verdict in kept(None).verdicts]


def test_comparison_names_what_else_differs() -> None:
    """Other weights, recordings or labels stand in the notes; another suite cannot be compared."""
    notes = compare(kept(0.9), kept(0.9, weights_sha256="v", labels_sha256="l")).notes
    assert ["different weights: w and v", "different labels or groups: None and l"] == list(notes)
    with pytest.raises(InputError, match="different questions"):
        compare(kept(0.9), kept(0.9, suite="other"))


def test_a_baseline_of_other_labels_is_no_measure() -> None:
    """The same recordings, labelled or grouped otherwise, are another task."""
    run = kept(0.6, labels_sha256="moved").run
    high = Baseline(suite="tiny", model="toy", data_sha256="d", labels_sha256="l", values={"found": 0.9})
    assert [True, True] == [verdict.passed for verdict in judge(run, SUITE, high)]
    same = high.model_copy(update={"labels_sha256": "moved"})
    assert [False, True] == [verdict.passed for verdict in judge(run, SUITE, same)]


class _Page(HTMLParser):
    """Collects what a page holds: tags, ids, and sources of media."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and what it plays."""
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_opens_scores_and_plays_instances(tmp_path: Path) -> None:
    """Every score opens, an instance with a place plays, names are escaped, and nothing is asked of anybody."""
    noise = (3000 * np.random.default_rng(1).standard_normal(48_000)).astype(np.int16)
    wavfile.write(tmp_path / "call.wav", 48_000, noise)
    place = {"recording": str(tmp_path / "call.wav"), "t0_ms": 100.0, "t1_ms": 600.0}
    run = kept(0.4)
    heard = Instance.model_validate({"name": "<i>call</i>", "value": 0.1, "pack": '{"kind": "segment"}', **place})
    scores = (run.run.scores[0].model_copy(update={"instances": (heard,)}), run.run.scores[1])
    text = render_run(run.model_copy(update={"run": run.run.model_copy(update={"scores": scores})}))
    page = _Page()
    page.feed(text)
    assert page.tags.count("details") >= 3
    assert 1 == page.tags.count("audio")
    assert "script" not in page.tags
    assert all(source.startswith(("data:", "#")) for source in page.sources)
    assert "&lt;i&gt;call&lt;/i&gt;" in text
    assert "&lt;b&gt;of three" in text
    assert "1 of 2 failed" in text
    assert "prefers-color-scheme: dark" in text


def test_a_recording_that_moved_leaves_the_page_readable() -> None:
    """A page of recordings that are gone has words in place of sound."""
    run = kept(0.9)
    gone = Instance(name="gone", value=1.0, recording="/nowhere/gone.wav", t0_ms=0.0, t1_ms=500.0)
    scores = (run.run.scores[0].model_copy(update={"instances": (gone,)}), run.run.scores[1])
    text = render_run(run.model_copy(update={"run": run.run.model_copy(update={"scores": scores})}))
    assert "gone.wav, 0.000 to 0.500 s" in text
    assert "<audio" not in text
