"""The fast suites, as continuous integration runs them: on the samples, against gates and baselines."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rab.bootstrap import open_workspace
from rab.embedders.base import Embedder
from rab.evals.base import judge
from rab.evals.run import LABELLED_RUNNERS, LIBRARY_RUNNERS, RUNNERS, run_suite
from rab.evals.suites import read_baseline, read_suite, suite_names, suites_folder
from rab.settings import Settings
from rab.workflows.workspace import Workspace

FAST = sorted({*RUNNERS, *LIBRARY_RUNNERS} - {"generation"})
"""Those that are run whole here; `test_generation_suite` asks of generation what fewer drafts can show."""


@pytest.mark.parametrize("name", FAST)
def test_a_fast_suite_passes(name: str, birdnet: Embedder, samples_dir: Path, models_dir: Path) -> None:
    """Every case is asked and scored, misses no gate, and falls behind no baseline of these recordings."""

    @contextmanager
    def open_library(home: Path) -> Iterator[Workspace]:
        with open_workspace(Settings(home=home, models_dir=models_dir, n_threads=1), purpose="tests") as workspace:
            yield workspace

    suite = read_suite(name)
    run = run_suite(name, birdnet, [samples_dir], open_library=open_library)
    assert {case.name for case in suite.cases} == {score.case for score in run.scores}
    verdicts = judge(run, suite, read_baseline(name, run.model))
    assert [] == [f"{verdict.case}: {verdict.words}" for verdict in verdicts if not verdict.passed]


def test_every_suite_has_one_runner() -> None:
    """What stands in `evals/` can be run, in one way, and nothing else can be."""
    assert set(suite_names()) == {*RUNNERS, *LIBRARY_RUNNERS, *LABELLED_RUNNERS}
    assert len(suite_names()) == len(RUNNERS) + len(LIBRARY_RUNNERS) + len(LABELLED_RUNNERS)


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_asks_each_question_once(name: str) -> None:
    """Names of cases are unique, and each is asked in a sentence of its own."""
    suite = read_suite(name)
    assert name == suite.name
    assert len(suite.cases) == len({case.name for case in suite.cases}) == len({case.asks for case in suite.cases})


def test_baselines_speak_of_cases_that_are_asked() -> None:
    """A committed baseline names no case that its suite does not have, and passes its own gates."""
    for file in sorted((suites_folder() / "baselines").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        gates = {case.name: case for case in read_suite(content["suite"]).cases}
        for case, value in content["values"].items():
            sign = 1 if gates[case].better == "higher" else -1
            assert sign * value >= sign * gates[case].gate, f"{file.name}: {case}"
