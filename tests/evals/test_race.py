"""A race: turns, a round that does not count, and ratios within rounds."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.evals.race import Contestant, machine, race, timed, times_faster

SOME_SECONDS = st.lists(st.tuples(*[st.floats(0.01, 100)] * 2), min_size=1, max_size=7)


def scripted(name: str, *seconds: float, heard: list[str] | None = None) -> Contestant:
    """Return a contestant that tells these seconds, one after another, and writes its name down at every turn."""
    left = iter(seconds)

    def run() -> float:
        if heard is not None:
            heard.append(name)
        return next(left)

    return Contestant(name, run)


def test_contestants_take_turns_and_warm_up_once() -> None:
    """Every contestant works once a round, in order, and one round more than is counted."""
    heard: list[str] = []
    timings = race(
        [scripted("slow", 99, 4, 4, heard=heard), scripted("fast", 99, 2, 1, heard=heard)], rounds=2, audio_s=12
    )
    assert ["slow", "fast"] * 3 == heard
    assert [("slow", (4.0, 4.0)), ("fast", (2.0, 1.0))] == [(timing.name, timing.seconds) for timing in timings]


def test_ratios_are_taken_within_rounds() -> None:
    """A machine that slows down from round to round leaves the ratio as it is."""
    baseline, ours = race([scripted("baseline", 0, 2, 4, 80), scripted("ours", 0, 1, 2, 20)], rounds=3, audio_s=120)
    assert (1.0, 1.0, 1.0) == (baseline.ratio, baseline.ratio_low, baseline.ratio_high)
    assert (2.0, 2.0, 4.0) == (ours.ratio, ours.ratio_low, ours.ratio_high)
    assert (30.0, 60.0) == (baseline.times_real_time, ours.times_real_time)


@given(SOME_SECONDS)
def test_ratio_to_the_baseline_is_how_many_times_faster(rounds: list[tuple[float, float]]) -> None:
    """Whoever is compared with the baseline gets the table's ratio, and it lies within its range."""
    theirs, ours = zip(*rounds, strict=True)
    baseline, one = race([scripted("baseline", 1, *theirs), scripted("ours", 1, *ours)], rounds=len(rounds), audio_s=1)
    assert one.ratio == times_faster(one, baseline)
    assert one.ratio_low <= one.ratio <= one.ratio_high


def test_two_that_are_no_baseline_are_compared_round_by_round() -> None:
    """The median of ratios is not the ratio of medians."""
    _, ours, peer = race(
        [scripted("baseline", 0, 1, 1, 1), scripted("ours", 0, 1, 2, 10), scripted("peer", 0, 8, 6, 10)],
        rounds=3,
        audio_s=1,
    )
    assert 3.0 == times_faster(ours, peer)


def test_work_is_timed_and_done_every_time() -> None:
    """The seconds of a work are told each time that it is done."""
    done: list[int] = []
    run: Callable[[], float] = timed(lambda: done.append(1))
    assert all(seconds >= 0 for seconds in (run(), run()))
    assert [1, 1] == done


def test_what_fails_ends_the_race() -> None:
    """A contestant that fails is no contestant with a time."""
    with pytest.raises(StopIteration):
        race([scripted("baseline", 1, 1), scripted("ours", 1)], rounds=1, audio_s=1)


def test_machine_is_told_in_words() -> None:
    """Cores and versions stand beside every figure."""
    assert {"cores", "Python", "rab"} <= set(machine().replace(",", "").split())
