"""The nouns of the harness: a case asks, a score answers, a run keeps both with all that is needed to repeat it.

A gate is a bound that holds for any model worth using; a baseline is what this model scored when its result was last
accepted. A score fails when it breaks its gate, and regresses when it falls behind its baseline by more than the
case's tolerance. A case that could not be scored says why and is counted, never taken for zero.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import Field

from rab.domain.value import Ms, Value


class Case(Value):
    """One question of a suite, kept as data in `evals/`."""

    name: str
    asks: str
    """The question in one sentence, with the unit of its answer."""
    better: Literal["higher", "lower"]
    gate: float
    """The worst value that passes."""
    tolerance: float = Field(ge=0)
    """How far a value may fall behind its baseline."""


class Suite(Value):
    """A named set of cases."""

    name: str
    purpose: str
    cases: tuple[Case, ...]


class Instance(Value):
    """One of the things that a score rests on: what was asked, what came back, and where it can be heard or read."""

    name: str
    """Unique within its score and the same in every run on the same recordings, so that runs can be compared."""
    value: float | None
    recording: str | None = None
    """Path of the recording as it was read; None where nothing can be heard."""
    t0_ms: Ms | None = None
    t1_ms: Ms | None = None
    words: str = ""
    """What was wrong or right about it, in one sentence."""
    pack: str | None = None
    """JSON of the Evidence Pack that it is about."""


class Score(Value):
    """The answer to one case. `value` is None when it could not be scored, and `reason` says why."""

    case: str
    value: float | None
    n: int
    """How many windows or pairs the value rests on."""
    reason: str
    low: float | None = None
    """Ends of the 95 % interval, from a bootstrap over groups or of a share; None where the value is no mean."""
    high: float | None = None
    evidence: tuple[str, ...] = ()
    """The worst instances: recording and time, so that they can be listened to."""
    instances: tuple[Instance, ...] = ()
    """What the value rests on, worst first; a page shows and plays the first of them."""


class Verdict(Value):
    """A score held against its gate and its baseline."""

    case: str
    passed: bool
    words: str


class EvalRun(Value):
    """One run of a suite: what was asked, of what, with which code and data."""

    suite: str
    model: str
    weights_sha256: str
    code_version: str
    data_sha256: str
    """sha256 over the recordings' ids."""
    labels_sha256: str | None = None
    """sha256 over what each recording is labelled with and its group; None where no label is asked."""
    prompts_sha256: str | None = None
    machine: str
    seed: int
    started_at: datetime | None = None
    duration_s: float | None = None
    scores: tuple[Score, ...]
    tables: tuple[str, ...] = ()
    """What the scores rest on, in Markdown."""

    @property
    def n_unscored(self) -> int:
        """How many cases could not be scored."""
        return sum(score.value is None for score in self.scores)


class Answered(NamedTuple):
    """What a runner of a suite gives back where it has more than scores."""

    scores: tuple[Score, ...]
    tables: tuple[str, ...] = ()


class Baseline(Value):
    """The accepted values of a suite for one model on one set of recordings."""

    suite: str
    model: str
    data_sha256: str
    labels_sha256: str | None = None
    values: dict[str, float]

    def speaks_of(self, run: "EvalRun") -> bool:
        """Whether a run heard the same recordings, labelled and grouped alike."""
        return not self.silence_on(run)

    def silence_on(self, run: "EvalRun") -> str:
        """Say why it says nothing of a run; empty where it speaks. An unknown digest is no equal one."""
        if self.data_sha256 != run.data_sha256:
            return "no baseline for these recordings"
        return "" if self.labels_sha256 == run.labels_sha256 else "no baseline for these labels or groups"


def judge(run: EvalRun, suite: Suite, baseline: Baseline | None) -> tuple[Verdict, ...]:
    """Hold every score against its gate, and against the baseline where it speaks of the same recordings."""
    scores = {score.case: score for score in run.scores}
    silence = "no baseline for these recordings" if baseline is None else baseline.silence_on(run)
    values = {} if baseline is None or silence else baseline.values
    return tuple(
        _verdict(case, scores.get(case.name), values.get(case.name), silence or "no baseline for this case")
        for case in suite.cases
    )


def _verdict(case: Case, score: Score | None, accepted: float | None, silence: str) -> Verdict:
    if score is None or score.value is None:
        why = "no such case in this run" if score is None else score.reason
        return Verdict(case=case.name, passed=False, words=f"not scored: {why}")
    sign = 1 if case.better == "higher" else -1
    if sign * score.value < sign * case.gate:
        return Verdict(case=case.name, passed=False, words=f"{score.value:g} misses the gate {case.gate:g}")
    if accepted is not None and sign * (score.value - accepted) < -case.tolerance:
        words = f"{score.value:g} falls behind the baseline {accepted:g} by more than {case.tolerance:g}"
        return Verdict(case=case.name, passed=False, words=words)
    beside = silence if accepted is None else f"baseline {accepted:g}"
    return Verdict(case=case.name, passed=True, words=f"{score.value:g}, gate {case.gate:g}, {beside}")
