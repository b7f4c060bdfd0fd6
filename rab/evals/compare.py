"""Two runs of a suite side by side: what got worse, by how much, and on which instances.

A case is worse when its value moved to the bad side by more than its tolerance, or when it was scored and no longer is.
An interval of the difference stands beside where both runs have one: a case that is worse by less than that interval is
wide is still called worse, since the recordings are the same and chance has little part in the difference.
"""

from collections.abc import Iterator
from typing import Literal

from rab.domain.value import Value
from rab.errors import InputError
from rab.evals.base import Case, Instance, Score
from rab.evals.intervals import UNKNOWN, Bounds, of_difference
from rab.evals.kept import KeptRun

N_INSTANCES = 5
Standing = Literal["worse", "better", "same", "not scored"]


class Change(Value):
    """One case in two runs. `change` is after less before, in the case's own unit."""

    case: str
    standing: Standing
    before: float | None
    after: float | None
    change: float | None
    low: float | None = None
    high: float | None = None
    words: str
    instances: tuple[str, ...] = ()
    """Those that moved furthest to the bad side."""


class Comparison(Value):
    """Two runs of one suite, case by case; `notes` say in what else they differ."""

    suite: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def worse(self) -> tuple[str, ...]:
        """The cases that got worse."""
        return tuple(change.case for change in self.changes if change.standing == "worse")


def compare(before: KeptRun, after: KeptRun) -> Comparison:
    """Hold two runs of a suite beside each other, by the tolerances of the later one.

    Raises `InputError` for runs of different suites.
    """
    if before.run.suite != after.run.suite:
        raise InputError(
            f"{before.run.suite} and {after.run.suite} ask different questions", hint="name two runs of one suite"
        )
    was, now = ({score.case: score for score in one.run.scores} for one in (before, after))
    changes = tuple(_change(case, was.get(case.name), now.get(case.name)) for case in after.suite.cases)
    dropped = [case.name for case in before.suite.cases if case.name not in {one.name for one in after.suite.cases}]
    gone = [f"no longer asked: {', '.join(dropped)}"] if dropped else []
    return Comparison(suite=after.run.suite, changes=changes, notes=(*_notes(before, after), *gone))


def _change(case: Case, was: Score | None, now: Score | None) -> Change:
    before, after = (None if score is None else score.value for score in (was, now))
    if was is None or now is None or before is None or after is None:
        lost = before is not None
        why = now.reason if now is not None and after is None else "no such case in one of the runs"
        standing: Standing = "worse" if lost else "not scored"
        return Change(case=case.name, standing=standing, before=before, after=after, change=None, words=why)
    change = after - before
    gain = change if case.better == "higher" else -change
    standing = "worse" if gain < -case.tolerance else "better" if gain > case.tolerance else "same"
    bounds = of_difference((before, Bounds(was.low, was.high)), (after, Bounds(now.low, now.high)))
    return Change(
        case=case.name,
        standing=standing,
        before=before,
        after=after,
        change=change,
        low=bounds.low,
        high=bounds.high,
        words=_words(change, bounds, case),
        instances=tuple(_moved(case, was, now)) if standing == "worse" else (),
    )


def _words(change: float, bounds: Bounds, case: Case) -> str:
    interval = "" if bounds == UNKNOWN else f" [{bounds.low:+.3g}, {bounds.high:+.3g}]"
    return f"{change:+.4g}{interval}, {case.better} is better, tolerance {case.tolerance:g}"


def _moved(case: Case, was: Score, now: Score) -> Iterator[str]:
    """Yield the instances that moved furthest to the bad side, and those that are new among the worst."""
    sign = 1 if case.better == "higher" else -1
    earlier = {one.name: one.value for one in was.instances}
    moved: list[tuple[float, Instance]] = []
    for one in now.instances:
        old = earlier.get(one.name)
        if one.value is not None and old is not None and sign * (one.value - old) < 0:
            moved.append((sign * (one.value - old), one))
    for by, one in sorted(moved, key=lambda pair: pair[0])[:N_INSTANCES]:
        yield f"{one.name}: {sign * by:+.3g}"
    new = [one for one in now.instances if one.name not in earlier]
    if not moved:
        yield from (f"{one.name}: {one.words or one.value}" for one in new[:N_INSTANCES])


def _notes(before: KeptRun, after: KeptRun) -> Iterator[str]:
    """Say what other than the answers differs between two runs."""
    asked = {
        "model": "models",
        "weights_sha256": "weights",
        "data_sha256": "recordings",
        "labels_sha256": "labels or groups",
        "prompts_sha256": "prompts",
        "code_version": "versions of RAB",
        "machine": "machines",
        "seed": "seeds",
    }
    for field, words in asked.items():
        was, now = getattr(before.run, field), getattr(after.run, field)
        if was != now:
            yield f"different {words}: {_short(was)} and {_short(now)}"


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
