"""Alignment: whether the instances of a motif sound alike, or only their clusters agree.

Each step's sound becomes mel bands in dB above its noise floor, and two of them are compared by dynamic time warping
(Sakoe & Chiba 1978, IEEE Trans. ASSP 26:43–49) within a band of a fifth of the length: the same song sung slower is
the same. Instances are compared step by step with each other, and with random sequences. What confirms a motif is
that two instances are closer than an instance and a random sequence in at least seven of ten cases; half is chance.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from rab.domain.sequence import Agreement
from rab.domain.spectrogram import Spectrogram

Frames = npt.NDArray[np.float32]
"""Mel bands of frames in dB above the noise floor, [n_frames, n_bands]."""

_RANGE_DB = 40.0
_CONFIRMED = 0.7


def mel_frames(spectrogram: Spectrogram, *, n_bands: int = 32, pooled: int = 3) -> Frames:
    """Return mel bands (O'Shaughnessy 1987: 2595 log10(1 + f / 700)) in dB above noise, 0 to 40.

    `pooled` frames in turn are averaged: 32 ms of audible sound, which still shows notes.
    """
    power, hz = spectrogram.power, spectrogram.hz
    noise = np.maximum(spectrogram.noise, 1e-20)
    edges = np.linspace(0, 2595 * np.log10(1 + hz[-1] / 700), n_bands + 1)
    band = np.clip(np.searchsorted(edges, 2595 * np.log10(1 + hz / 700), side="right") - 1, 0, n_bands - 1)
    starts = np.flatnonzero(np.diff(band, prepend=-1))
    loud = np.add.reduceat(power, starts, axis=1) / np.add.reduceat(noise, starts)
    n = max(1, len(loud) // pooled)
    loud = loud[: n * pooled].reshape(n, -1, loud.shape[1]).mean(axis=1)
    return np.asarray(np.clip(10 * np.log10(np.maximum(loud, 1e-12)), 0, _RANGE_DB), dtype=np.float32)


def warped_db(first: Frames, second: Frames, *, band: float = 0.2) -> float:
    """Return the distance of two sounds, in dB per cell along the best path: 0 for the same sound.

    The path keeps to within `band` of the longer sound's length from the diagonal. Costs are root mean squares over the
    bands; the sum is divided by the steps that the path could take, the two lengths together.
    """
    n, m = len(first), len(second)
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * first @ second.T
    cost = np.sqrt(np.maximum(squares, 0) / first.shape[1]).astype(np.float64)
    away = np.abs(np.arange(n)[:, None] * max(m - 1, 1) / max(n - 1, 1) - np.arange(m))
    cost[away > max(1.0, band * max(n, m))] = np.inf
    earlier, last = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    for diagonal in range(n + m - 1):
        rows = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        here = cost[rows, diagonal - rows]
        straight = earlier[rows] + 2 * here if diagonal else 2 * here
        reached = np.full(n + 1, np.inf)
        reached[rows + 1] = np.minimum(straight, np.minimum(last[rows], last[rows + 1]) + here)
        earlier, last = last, reached
    return float(last[n] / (n + m))


def agreement(
    instances: Sequence[Sequence[Frames]], others: Sequence[Sequence[Frames]], *, max_pairs: int = 60, seed: int = 0
) -> Agreement | None:
    """Return how alike instances sound, beside random sequences of the same number of steps.

    None with fewer than two instances, or none to compare with.
    """
    if len(instances) < 2 or not others:
        return None
    random = np.random.default_rng(seed)
    pairs = _some(list(combinations(range(len(instances)), 2)), max_pairs, random)
    mixed = _some([(i, j) for i in range(len(instances)) for j in range(len(others))], max_pairs, random)
    among = np.array([_apart_db(instances[i], instances[j]) for i, j in pairs])
    to_random = np.array([_apart_db(instances[i], others[j]) for i, j in mixed])
    closer = (among[:, None] < to_random).mean() + (among[:, None] == to_random).mean() / 2
    return Agreement(
        n_instances=len(instances),
        n_pairs=len(pairs),
        among_instances_db=round(float(np.median(among)), 2),
        to_random_db=round(float(np.median(to_random)), 2),
        closer_fraction=float(closer),
        confirmed=bool(closer >= _CONFIRMED),
    )


def _some(pairs: list[tuple[int, int]], n: int, random: np.random.Generator) -> list[tuple[int, int]]:
    return [pairs[i] for i in np.sort(random.permutation(len(pairs))[:n])]


def _apart_db(first: Sequence[Frames], second: Sequence[Frames]) -> float:
    return float(np.mean([warped_db(a, b) for a, b in zip(first, second, strict=True)]))
