"""The sequences suite: whether planted motifs are found, and whether nothing is found where nothing was planted.

Sequences are drawn, not recorded, for in a recording nobody knows what is a motif. 40 recordings of 60 steps of 20
symbols, common and rare ones as in nature, every recording with a composition of its own; symbols stay unassigned at
random. A motif of four is planted at several rates. The same sequences shuffled within recordings are the control.
"""

from collections.abc import Sequence as Many

import numpy as np
import numpy.typing as npt

from rab.domain import Recording
from rab.embedders.base import Embedder
from rab.evals.base import Answered, Score
from rab.evals.quality_trials import Trial, share
from rab.evals.syntax import alignment_scores, entropy_scores, motif_trial, shuffled_score
from rab.retrieval.drift import DriftPolicy, daily_figure
from rab.retrieval.sequences import MotifPolicy, SequencePolicy, Sequences, find_motifs

PLANTED = (3, 7, 1, 12)
_N_SEEDS = 40
_N_ALIGNED = 12
_RATES = (0.5, 1.0, 2.0)
"""Planted instances per recording."""


def run_sequences(embedder: Embedder, recordings: Many[Recording], *, seed: int) -> Answered:
    """Answer every case of the suite. Neither the model nor the recordings are asked."""
    seeds = range(seed, seed + _N_SEEDS)
    scores = [_power(rate, seeds) for rate in _RATES]
    scores += [_false_reports(fold, seeds) for fold in (True, False)]
    scores.append(shuffled_score([drawn(np.random.default_rng(one), rate=2.0) for one in seeds], seed))
    entropies, table = entropy_scores(seeds)
    return Answered((*scores, *entropies, *alignment_scores(seeds[:_N_ALIGNED]), *_drift(seeds)), (table,))


def drawn(
    random: np.random.Generator, *, rate: float = 0.0, unassigned: float = 0.2, n_recordings: int = 40, n: int = 60
) -> Sequences:
    """Return random sequences, with `PLANTED` put in `rate` times a recording on average."""
    n_symbols = 20
    weights = random.dirichlet(1.5 / np.arange(1, n_symbols + 1) * 4, size=n_recordings)
    symbol = np.stack([random.choice(n_symbols, n, p=own) for own in weights])
    symbol[random.random(symbol.shape) < unassigned] = -1
    for own, times in zip(symbol, random.poisson(rate, n_recordings), strict=True):
        for start in random.integers(0, n - len(PLANTED), times):
            own[start : start + len(PLANTED)] = PLANTED
    recording = np.repeat(np.arange(n_recordings), n)
    t0_ms = np.tile(np.cumsum(np.full(n, 3000.0)), n_recordings)
    return Sequences(
        segment_ids=[f"{i:032x}" for i in range(symbol.size)],
        recording_ids=tuple(f"{i:064x}" for i in range(n_recordings)),
        alphabet=tuple(f"c{i}" for i in range(n_symbols)),
        groups=(),
        recording=recording,
        voice=recording,
        channel=np.full(symbol.size, -1),
        t0_ms=t0_ms,
        t1_ms=t0_ms + 3000,
        symbol=symbol.ravel().astype(np.int64),
        group=np.full(symbol.size, -1),
        broken=np.zeros(symbol.size, dtype=bool),
    )


def spells_planted(symbols: tuple[str, ...]) -> bool:
    """Return whether a motif is the planted one, or holds it."""
    planted = tuple(f"c{i}" for i in PLANTED)
    return any(symbols[i : i + len(planted)] == planted for i in range(len(symbols)))


def _power(rate: float, seeds: range) -> Score:
    trials = []
    for seed in seeds:
        motifs = find_motifs(drawn(np.random.default_rng(seed), rate=rate)).motifs
        found = any(spells_planted(one.symbols) for one in motifs)
        trials.append(motif_trial(f"seed {seed}", motifs)._replace(found=found))
    of_what = f"libraries of 40 recordings, {rate:g} planted in each recording, have it found"
    return share(f"planted_found_at_{rate:g}", trials, of_what)


def _false_reports(fold: bool, seeds: range) -> Score:
    policy, name = SequencePolicy(fold_repeats=fold), "folded" if fold else "kept"
    trials = [
        motif_trial(f"seed {seed}", find_motifs(drawn(np.random.default_rng(seed)), policy, MotifPolicy()).motifs)
        for seed in seeds
    ]
    of_what = f"libraries without a motif report one, repeats {name}"
    return share(f"false_share_{name}", trials, of_what, right=False)


def _drift(seeds: range) -> tuple[Score, Score]:
    dates = [f"2026-05-{day:02d}" for day in range(1, 29)]
    dated, false = [], []
    for seed in seeds:
        noise_db = np.random.default_rng(seed).normal(-60, 1.5, 28)
        steady = _changes(dates, noise_db, seed)
        false.append(Trial(f"seed {seed}", bool(steady), _said(steady)))
        noise_db[13:] += 6
        changes = _changes(dates, noise_db, seed)
        dated.append(Trial(f"seed {seed}", "2026-05-14" in changes, f"{_said(changes)}, planted on 2026-05-14"))
    return (
        share("drift_dated", dated, "rises of 6 dB are dated to their day"),
        share("drift_false_share", false, "steady recorders have a change", right=False),
    )


def _changes(dates: Many[str], noise_db: npt.NDArray[np.float64], seed: int) -> list[str]:
    return [one.date for one in daily_figure("noise_floor_dbfs", dates, noise_db, DriftPolicy(seed=seed)).changes]


def _said(changes: Many[str]) -> str:
    return f"changes told on {', '.join(changes)}" if changes else "no change told"
