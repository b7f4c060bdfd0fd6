"""Races: how much faster one way is than another, measured in one run.

A figure of one machine on one day says little, and a laptop slows down as it warms. So contestants take turns, round by
round, and what counts is the ratio to the baseline within each round: its median, and its range.
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import Field

from rab import __version__
from rab.domain.value import Value


@dataclass(frozen=True)
class Contestant:
    """A way to do the work: its name, and a function that does it once and returns the seconds that it took."""

    name: str
    run: Callable[[], float]


class Timing(Value):
    """What a contestant reached: seconds a round, real-time factor, and ratio to the baseline (1 for itself)."""

    name: str
    seconds: tuple[float, ...]
    times_real_time: float
    ratio: float
    ratio_low: float
    ratio_high: float


class BenchRun(Value):
    """The outcome of a race; `baseline` is the contestant that the ratios refer to."""

    bench: str
    audio_s: float
    """Sound that is worked on in one round."""
    baseline: str
    timings: tuple[Timing, ...]
    figures: Mapping[str, float] = Field(default_factory=dict)
    """What else was measured, by name with its unit."""
    notes: tuple[str, ...] = ()
    machine: str
    code_version: str


@contextmanager
def settled_heap() -> Iterator[None]:
    """Leave what is loaded out of the garbage collector's rounds, as `rab serve` does: one over it takes 50 ms."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return a function that does the work and tells the seconds (wall time) that it took."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def race(contestants: Sequence[Contestant], *, rounds: int, audio_s: float) -> tuple[Timing, ...]:
    """Let contestants take turns for some rounds, after one that does not count; the first is the baseline."""
    for contestant in contestants:
        contestant.run()
    seconds: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        for own, contestant in zip(seconds, contestants, strict=True):
            own.append(contestant.run())
    baseline = seconds[0]
    timings = []
    for own, contestant in zip(seconds, contestants, strict=True):
        ratios = [theirs / ours for theirs, ours in zip(baseline, own, strict=True)]
        timings.append(
            Timing(
                name=contestant.name,
                seconds=tuple(own),
                times_real_time=audio_s / statistics.median(own),
                ratio=statistics.median(ratios),
                ratio_low=min(ratios),
                ratio_high=max(ratios),
            )
        )
    return tuple(timings)


def times_faster(one: Timing, other: Timing) -> float:
    """Return how many times faster one is than another in the same race: the median over its rounds."""
    return statistics.median(theirs / ours for ours, theirs in zip(one.seconds, other.seconds, strict=True))


def machine() -> str:
    """Return what the race ran on, in words."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"rab {__version__}"
    )
