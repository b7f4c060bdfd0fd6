"""Rhythm: when notes begin, and how evenly.

A note begins where the level rises to four times the lowest since the note before, and ends where it falls to a quarter
of its highest: 6 dB either way, so that a trill is counted even where echo fills its pauses. Its onset is the moment
the level crosses half of the note's peak, interpolated between frames.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

from rab.audio.activity import Activity
from rab.domain.spectrogram import Spectrogram

_DEPTH = 4.0
_MIN_INTERVALS = 3


class Rhythm(NamedTuple):
    """Intervals from onset to onset."""

    n_onsets: int
    median_ms: float | None
    """None for fewer than two onsets."""
    cv: float | None
    """Standard deviation over mean; None for fewer than three intervals."""


def onset_intervals(spectrogram: Spectrogram, active: Activity) -> Rhythm:
    """Return the rhythm of the calls' onsets."""
    onsets = [frame * spectrogram.hop_ms for frame in _onsets(active.level.tolist(), active.least_level)]
    intervals = [after - before for before, after in pairwise(onsets)]
    return Rhythm(
        n_onsets=len(onsets),
        median_ms=median(intervals) if intervals else None,
        cv=_variation(intervals) if len(intervals) >= _MIN_INTERVALS else None,
    )


def _variation(intervals: list[float]) -> float:
    """Return the standard deviation over the mean; plain sums, since `statistics.pstdev` takes 100 µs."""
    mean = fmean(intervals)
    return math.sqrt(fmean([(interval - mean) ** 2 for interval in intervals])) / mean


def _onsets(level: list[float], least: float) -> Iterator[float]:
    """Yield the onset of every note, in frames."""
    valley, valley_at, peak = 0.0, 0, 0.0
    sounding = False
    for frame, now in enumerate(level):
        if sounding and now < peak / _DEPTH:
            yield _crossing(level, valley_at, peak / 2)
            sounding, valley, valley_at = False, now, frame
        elif sounding:
            peak = max(peak, now)
        elif now > least and now > _DEPTH * valley:
            sounding, peak = True, now
        elif now <= valley:
            valley, valley_at = now, frame
    if sounding:
        yield _crossing(level, valley_at, peak / 2)


def _crossing(level: list[float], start: int, height: float) -> float:
    """Return where the level first reaches a height, counted in frames; `start` itself when it is already there."""
    frame = start
    while level[frame] < height:
        frame += 1
    if frame == start:
        return float(start)
    before, after = level[frame - 1], level[frame]
    return frame - (after - height) / (after - before)
