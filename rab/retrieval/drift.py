"""Drift: whether a recorder changed, on which day, and by how much.

A failing microphone, a wet windscreen or a changed gain shows in the noise floor, in clipping, in SNR, and in where
the recorder's sound lies in the embedding space. Each becomes one value, or one mean vector, per day. A change is the
split of the days that parts their means farthest, in units of the spread within the parts (the CUSUM statistic;
optimal for one change, and repeated within the parts by binary segmentation, Scott & Knott 1974; with a handful of
changes at most, PELT of Killick, Fearnhead & Eckley 2012 would find the same ones faster, and says nothing of
chance).

Chance is told by permuting days. Weather lasts, so neighbouring days are alike and a plain permutation would see
changes everywhere: what is permuted is the innovation of each day after its likeness to the day before
(autocorrelation at lag one, within the parts, corrected for its bias after Kendall 1954) is taken out, and put in
again behind.

The mean embedding is split as a vector. A distance to a reference of early days would show a change at the end of the
reference by itself, for those days lie nearest to their own mean.

Binary segmentation has a known blind spot: a fall that recovers midway parts no two halves and may be missed.

A change of the recorder, of the season, of the weather and of what sings nearby look alike here: it is for the reader
to tell them apart.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.value import Instant, Value

Floats = npt.NDArray[np.float64]
Figure = Literal["noise_floor_dbfs", "clipped_fraction", "snr_db", "embedding"]


class DriftPolicy(Value):
    """When a change counts."""

    min_days: int = Field(default=8, ge=4)
    """Days of data that a recorder needs before a change is looked for."""
    min_side: int = Field(default=3, ge=2)
    """Days at least before and after a change: two days of rain are no drift."""
    p_max: float = Field(default=0.01, gt=0, lt=1)
    """Four figures of many recorders are looked at, so 0.05 would alarm every fifth recorder without cause."""
    n_permutations: int = Field(default=499, ge=99)
    max_changes: int = Field(default=3, ge=1)
    seed: int = 0


class ChangePoint(Value):
    """The day from which a figure is another one."""

    date: str
    """First day of the new level, by the site's calendar."""
    heard_from: Instant | None = None
    """When the first sound of that day was heard, in UTC; None where no clock tells."""
    before: float | None
    """Mean before it; None for the mean embedding."""
    after: float | None
    size: float
    """After less before; for the mean embedding the cosine distance of the two means."""
    p_value: float
    n_before: int
    n_after: int


class DriftFigure(Value):
    """One figure of one recorder, day by day, and where it changed."""

    figure: Figure
    dates: tuple[str, ...]
    values: tuple[float, ...]
    """Of the mean embedding: cosine distance of the day's mean to that of all other days."""
    changes: tuple[ChangePoint, ...]
    untested: str | None = None
    """Why no change was looked for."""


class RecorderDrift(Value):
    """What became of one recorder."""

    site: str | None
    serial: str | None
    n_days: int
    n_segments: int
    figures: tuple[DriftFigure, ...]


def daily_figure(
    figure: Figure, dates: Sequence[str], values: Floats, policy: DriftPolicy = DriftPolicy()
) -> DriftFigure:
    """Return a figure with its changes. `values` are [n_days], or mean embeddings [n_days, dim]; dates ascend."""
    rows = np.asarray(values, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    untested = None
    if len(rows) < policy.min_days:
        days = "1 day is" if len(rows) == 1 else f"{len(rows)} days are"
        untested = f"{days} fewer than the {policy.min_days} that a change needs"
    splits = [] if untested else change_points(rows, policy)
    shown = _to_others(rows) if figure == "embedding" else rows[:, 0]
    return DriftFigure(
        figure=figure,
        dates=tuple(dates),
        values=tuple(np.round(shown, 5).tolist()),
        changes=tuple(_change(figure, dates, rows, split) for split in splits),
        untested=untested,
    )


def change_points(rows: Floats, policy: DriftPolicy = DriftPolicy()) -> list[tuple[int, int, int, float]]:
    """Return changes of the mean of rows [n, d]: start, split, end of the stretch, and p; in the order of time."""
    random = np.random.default_rng(policy.seed)
    coordinates = _fewer(np.asarray(rows, dtype=np.float64))
    waiting, splits = [(0, len(rows))], dict[int, float]()
    while waiting and len(splits) < policy.max_changes:
        start, end = waiting.pop(0)
        if end - start < max(policy.min_days, 2 * policy.min_side):
            continue
        split, p_value = change_point(coordinates[start:end], policy, random)
        if p_value <= policy.p_max:
            splits[start + split] = p_value
            waiting += [(start, start + split), (start + split, end)]
    edges = [0, *sorted(splits), len(rows)]
    return [
        (edges[i - 1], split, edges[i + 1], splits[split]) for i, split in enumerate(edges) if 0 < i < len(edges) - 1
    ]


def change_point(rows: Floats, policy: DriftPolicy, random: np.random.Generator) -> tuple[int, float]:
    """Return the best split of rows [n, d] and its p-value. Rows that are all alike have no change: p is 1."""
    split, parted = _best_splits(rows[None], policy.min_side)
    if np.square(rows - rows.mean(axis=0)).sum() < 1e-18 * max(1.0, float(np.square(rows).sum())):
        return int(split[0]), 1.0
    alike = _likeness(rows, int(split[0]), policy.min_side)
    innovations = rows - rows.mean(axis=0)
    if alike:
        innovations = np.concatenate(
            [innovations[:1] * np.sqrt(1 - alike**2), innovations[1:] - alike * innovations[:-1]]
        )
    n_reached, block = 0, max(1, 2_000_000 // rows.size)
    for first in range(0, policy.n_permutations, block):
        n = min(block, policy.n_permutations - first)
        shuffled = random.permuted(np.tile(np.arange(len(rows)), (n, 1)), axis=1)
        days = innovations[shuffled]
        if alike:
            days[:, 0] /= np.sqrt(1 - alike**2)
            for day in range(1, len(rows)):
                days[:, day] += alike * days[:, day - 1]
        n_reached += int(np.count_nonzero(_best_splits(days, policy.min_side)[1] >= parted[0] - 1e-12))
    return int(split[0]), (1 + n_reached) / (1 + policy.n_permutations)


def _likeness(rows: Floats, split: int, min_side: int) -> float:
    """Return how alike each row is to the one before, 0 to 0.9, within the parts at a split.

    A further split that halves what is left is taken out too: two changes would otherwise pass for weather. Each mean
    that is taken out lowers the estimate by (1 + 4ρ) / n, which is put back.
    """
    edges = [0, split, len(rows)]
    left = _residuals(rows, edges)
    while len(edges) < 6:
        tries = [
            sorted([*edges, first + int(_best_splits(rows[None, first:end], min_side)[0][0])])
            for first, end in pairwise(edges)
            if end - first >= 2 * min_side
        ]
        best = min(tries, key=lambda one: float(np.square(_residuals(rows, one)).sum()), default=edges)
        after = _residuals(rows, best)
        if best == edges or 2 * np.square(after).sum() > np.square(left).sum():
            break
        edges, left = best, after
    spread = float(np.square(left).sum())
    if spread < 1e-18 * max(1.0, float(np.square(rows).sum())):
        return 0.0
    alike = float((left[1:] * left[:-1]).sum()) / spread
    return float(np.clip(alike + (len(edges) - 1) * (1 + 4 * alike) / len(rows), 0.0, 0.9))


def _residuals(rows: Floats, edges: Sequence[int]) -> Floats:
    return np.concatenate([rows[first:end] - rows[first:end].mean(axis=0) for first, end in pairwise(edges)])


def _best_splits(series: Floats, min_side: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Return the best split of each of b series [b, n, d], and the share of all scatter that lies between its parts."""
    n = series.shape[1]
    centred = series - series.mean(axis=1, keepdims=True)
    sums = np.square(np.cumsum(centred, axis=1)).sum(axis=2)
    sizes = np.arange(1, n + 1)
    between = sums[:, :-1] * (n / (sizes * np.maximum(n - sizes, 1)))[:-1]
    between[:, : min_side - 1] = -1
    between[:, n - min_side :] = -1
    best = between.argmax(axis=1)
    whole = np.maximum(np.square(centred).sum(axis=(1, 2)), 1e-300)
    return best + 1, between[np.arange(len(series)), best] / whole


def _fewer(rows: Floats) -> Floats:
    """Return rows in as many coordinates as there are rows at most, with the same distances."""
    if rows.shape[1] <= len(rows):
        return rows
    own, sizes, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return np.asarray(own * sizes)


def _change(figure: Figure, dates: Sequence[str], rows: Floats, split: tuple[int, int, int, float]) -> ChangePoint:
    start, place, end, p_value = split
    before, after = rows[start:place].mean(axis=0), rows[place:end].mean(axis=0)
    is_vector = figure == "embedding"
    size = _cosine_distance(before, after) if is_vector else float(after[0] - before[0])
    return ChangePoint(
        date=dates[place],
        before=None if is_vector else round(float(before[0]), 5),
        after=None if is_vector else round(float(after[0]), 5),
        size=round(size, 5),
        p_value=p_value,
        n_before=place - start,
        n_after=end - place,
    )


def _to_others(rows: Floats) -> Floats:
    if len(rows) < 2:
        return np.zeros(len(rows))
    others = (rows.sum(axis=0) - rows) / (len(rows) - 1)
    return np.array([_cosine_distance(*pair) for pair in zip(rows, others, strict=True)])


def _cosine_distance(one: Floats, other: Floats) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1 - float(one @ other) / lengths if lengths > 0 else 0.0
