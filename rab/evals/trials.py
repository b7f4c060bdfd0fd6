"""Trials: queries on the SNR ladder, put to libraries that differ in size, in noise and in what they lack.

Everything is made of one labelled folder, and a query's group is left out of every library that it is put to. Noise of
the queries and noise in the libraries come from different groups.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.labelled import LabelledWindows
from rab.evals.ladder import Mix, Mixed, is_noise, ladder, mixed

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

SIZES = (3, 5, 10, 20, None)
SOUNDS = ("clear", "half in noise", "half in noise, none of noise")
NOBODY = -1
"""Stands for an exemplar of noise, and for the truth where the library has no exemplar of it."""
_LIBRARY_RUNGS_DB = (-10.0, -5.0, 0.0, 5.0, 10.0, 20.0)
_N_NEAR = 64
_N_PER_RECORDING = 3
_MAX_PER_LABEL = 14
_CLEAR_DB = 10.0
"""Least SNR of a recording whose calls climb the ladder."""


class Library(NamedTuple):
    """One library: how it sounds, how many exemplars of a label it has at most, and whether a third are missing."""

    sound: str
    n_exemplars: int | None
    unseen: bool


@dataclass(frozen=True, eq=False)
class Trials:
    """n queries put to one library. Rows [n, 64] are nearest first; a similarity of −1 stands behind the last."""

    library: Library
    similarities: Floats
    labels: Indices
    snr_db: Floats
    truth: Indices
    n_exemplars: Floats
    """[n], of a typical label in the library that the query met."""


def put(
    windows: LabelledWindows, embedder: Embedder, seed: int, cache: Path | None
) -> tuple[Mixed, tuple[Trials, ...]]:
    """Make the queries and put them to every library."""
    noisy, others = _noise_halves(windows)
    queries = climbed(windows, embedder, seed, cache)
    unheard = windows.select(noisy & others)
    library = windows.select(~noisy | others)
    drawn = np.random.default_rng(seed + 1)
    half = [i for i in range(len(library)) if not is_noise(str(library.labels[i])) and drawn.random() < 0.5]
    plan = [
        Mix(i, int(drawn.integers(len(unheard))) if len(unheard) else None, float(drawn.choice(_LIBRARY_RUNGS_DB)))
        for i in half
    ]
    faint = mixed(library, unheard, plan, embedder, cache=cache)
    return queries, tuple(put_to_libraries(queries, library, faint, drawn))


def climbed(windows: LabelledWindows, embedder: Embedder, seed: int, cache: Path | None) -> Mixed:
    """Return clear calls of several groups a label on every rung of the ladder, in one half of the noise."""
    noisy, others = _noise_halves(windows)
    calls, heard = windows.select(_clearest(windows, noisy, seed)), windows.select(noisy & ~others)
    return mixed(calls, heard, ladder(calls, heard, seed=seed), embedder, cache=cache)


def _noise_halves(windows: LabelledWindows) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which windows are noise, and which belong to the half of the groups that queries never meet."""
    noisy = np.array([is_noise(label) for label in windows.labels])
    return noisy, np.array([parity(group) for group in windows.groups]) == 1


def parity(text: str, n: int = 2) -> int:
    """Return a number below n, by chance but always the same for a text."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % n


def _clearest(windows: LabelledWindows, noisy: npt.NDArray[np.bool_], seed: int) -> Indices:
    """Return the clearest window of each recording, a few recordings of each label that has two groups or more."""
    n_groups = {label: len(set(windows.groups[windows.labels == label])) for label in set(windows.labels)}
    several = np.array([n_groups[label] > 1 for label in windows.labels])
    snr_db = np.nan_to_num(windows.snr_db, nan=-np.inf)
    clear = ~noisy & several & (snr_db >= _CLEAR_DB)
    best: dict[str, int] = {}
    for i in np.flatnonzero(clear)[np.argsort(-snr_db[clear], kind="stable")]:
        best.setdefault(str(windows.recording_ids[i]), int(i))
    drawn = np.random.default_rng(seed)
    chosen = drawn.permutation(np.array(sorted(best.values()), dtype=np.intp))
    kept = [
        i
        for label in sorted(set(windows.labels[chosen]))
        for i in chosen[windows.labels[chosen] == label][:_MAX_PER_LABEL]
    ]
    if len(set(windows.labels[kept])) < 2:
        raise InputError(
            "the depth suite needs two labels or more, each with calls of 10 dB from two groups",
            hint="give a folder with a MANIFEST.csv (path, set, label, group), or with a sub-folder for each label",
        )
    return np.array(sorted(kept), dtype=np.intp)


def put_to_libraries(
    queries: Mixed, library: LabelledWindows, faint: Mixed, drawn: np.random.Generator
) -> Iterator[Trials]:
    """Put every query to every library; its own group is in none of them."""
    asked = queries.windows
    names = sorted({*library.labels.tolist(), *asked.labels.tolist()})
    number = {name: i for i, name in enumerate(names)}
    heard = np.array([number[label] for label in asked.labels])
    held = np.array([number[label] for label in library.labels])
    of_noise = np.array([is_noise(label) for label in library.labels])
    missing = {label: i % 3 for i, label in enumerate(drawn.permutation(np.unique(heard)).tolist())}
    fold_of = np.array([missing.get(label, -1) for label in range(len(names))])
    fold = drawn.integers(3, size=int(queries.calls.max()) + 1)[queries.calls]
    vectors, snr_db = {"clear": library.vectors}, {"clear": library.snr_db}
    noisy, noisy_db = library.vectors.copy(), library.snr_db
    noisy[faint.calls], noisy_db[faint.calls] = faint.windows.vectors, faint.windows.snr_db
    for sound in SOUNDS:
        cosines = asked.vectors @ vectors.get(sound, noisy).T
        for size in SIZES:
            chance = drawn.permutation(len(library))
            for unseen in (False, True):
                found = Trials(
                    library=Library(sound, size, unseen),
                    similarities=np.full((len(asked), _N_NEAR), -1.0),
                    labels=np.full((len(asked), _N_NEAR), NOBODY),
                    snr_db=np.full((len(asked), _N_NEAR), np.nan),
                    truth=np.where(unseen & (fold_of[heard] == fold), NOBODY, heard),
                    n_exemplars=np.ones(len(asked)),
                )
                kinds = ~of_noise if sound == SOUNDS[2] else np.ones(len(library), dtype=bool)
                for group, third in sorted(set(zip(asked.groups.tolist(), fold.tolist(), strict=True))):
                    here = (library.groups != group) & kinds
                    if unseen:
                        here &= fold_of[held] != third
                    here = _at_most(here, held, chance, size)
                    _, counts = np.unique(held[here & ~of_noise], return_counts=True)
                    for i in np.flatnonzero((asked.groups == group) & (fold == third)):
                        near = _near(cosines[i], here, library.recording_ids)
                        found.similarities[i, : len(near)] = cosines[i, near]
                        found.labels[i, : len(near)] = np.where(of_noise[near], NOBODY, held[near])
                        found.snr_db[i, : len(near)] = snr_db.get(sound, noisy_db)[near]
                        found.n_exemplars[i] = np.median(counts) if len(counts) else 1
                yield found


def put_to_own(asked: LabelledWindows, library: LabelledWindows) -> Trials:
    """Put windows to a whole library, as it is; their own groups are left out."""
    number = {label: i for i, label in enumerate(sorted(set(library.labels.tolist())))}
    held = np.array([number[str(label)] for label in library.labels])
    cosines = np.asarray(asked.vectors @ library.vectors.T, dtype=np.float64)
    cosines[asked.groups[:, None] == library.groups[None, :]] = -1.0
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :_N_NEAR]
    near = np.take_along_axis(cosines, order, axis=1)
    pad = max(0, _N_NEAR - near.shape[1])
    _, counts = np.unique(held, return_counts=True)
    return Trials(
        library=Library("own", None, False),
        similarities=np.pad(near, ((0, 0), (0, pad)), constant_values=-1.0),
        labels=np.pad(held[order], ((0, 0), (0, pad)), constant_values=-1),
        snr_db=np.pad(library.snr_db[order], ((0, 0), (0, pad)), constant_values=np.nan),
        truth=np.array([number[str(label)] for label in asked.labels]),
        n_exemplars=np.full(len(asked), float(np.median(counts))),
    )


def _at_most(mask: npt.NDArray[np.bool_], labels: Indices, chance: Indices, n: int | None) -> npt.NDArray[np.bool_]:
    """Return at most n of a mask for each label, as chance orders them."""
    if n is None:
        return mask
    kept = np.zeros_like(mask)
    for label in np.unique(labels[mask]):
        kept[chance[mask[chance] & (labels[chance] == label)][:n]] = True
    return kept


def _near(cosines: npt.NDArray[np.float32], here: npt.NDArray[np.bool_], recordings: npt.NDArray[np.str_]) -> Indices:
    """Return the nearest, at most three of a recording, as the product returns them."""
    at = np.flatnonzero(here)
    nearest = at[np.argsort(-cosines[at], kind="stable")][: 4 * _N_NEAR]
    seen: dict[str, int] = {}
    kept = []
    for i, recording in zip(nearest.tolist(), recordings[nearest].tolist(), strict=True):
        seen[recording] = seen.get(recording, 0) + 1
        if seen[recording] <= _N_PER_RECORDING:
            kept.append(i)
    return np.array(kept[:_N_NEAR], dtype=np.intp)
