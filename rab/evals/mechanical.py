"""The mechanical suite: is the plumbing right? That comes before whether the model is good.

A wrong resampler, a window off by a hop, a channel that cancels another: each leaves embeddings that look like
embeddings. So known sounds are sent through the whole path, from a file to the model's window, and real recordings show
whether the space has collapsed and whether the same sound comes back to the same place.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from rab.audio import resampled
from rab.domain import Recording, Waveform
from rab.embedders.base import Embedder
from rab.evals.base import Score
from rab.evals.intervals import UNKNOWN, Bounds, by_group, of_picks, of_share
from rab.evals.sound_path import (
    Array,
    Bench,
    alias_db,
    click_error_ms,
    grid_error_ms,
    image_db,
    passband_db,
    scored,
    stereo_error,
    tone_error_hz,
    uncovered_ms,
)
from rab.segments import Window

SHIFT_MS = 100.0


def run_mechanical(embedder: Embedder, recordings: Sequence[Recording], *, seed: int) -> tuple[Score, ...]:
    """Answer every case of the mechanical suite."""
    with TemporaryDirectory() as folder:
        bench = Bench(embedder, recordings, Path(folder), seed)
        return tuple(score(bench) for score in CASES.values())


def not_finite_share(bench: Bench) -> Score:
    """Embed real sound, silence, and a full-scale square wave."""
    n = len(bench.real[0][1].samples) if bench.real else round(bench.card.window_ms * bench.card.sample_rate_hz / 1000)
    square = np.where(np.arange(n) % 48 < 24, 1.0, -1.0).astype(np.float32)
    extreme = bench.embed([np.zeros(n, np.float32), square])
    values = np.concatenate([bench.real_embeddings, extreme]) if bench.real else extreme
    n_broken = int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
    reason = "real, silent and full-scale windows"
    score = scored(case="not_finite_share", value=n_broken / len(values), n=len(values), reason=reason)
    return _between(score, of_share(n_broken, len(values)))


def batch_error(bench: Bench) -> Score:
    """Embed windows one by one and together."""
    some = bench.real[:8]
    if not some:
        return _no_sound("batch_error")
    alone = np.concatenate([bench.embed([window.samples]) for _, window in some])
    error = np.linalg.norm(alone - bench.real_embeddings[: len(some)], axis=1) / np.linalg.norm(alone, axis=1)
    return scored(case="batch_error", value=float(error.max()), n=len(some), reason="alone and in a batch")


def norm_spread(bench: Bench) -> Score:
    """Measure how much embeddings differ in length."""
    if len(bench.real) < 2:
        return _no_sound("norm_spread")
    norms = np.linalg.norm(bench.real_embeddings, axis=1)
    extremes = (bench.where(int(norms.argmin())), bench.where(int(norms.argmax())))
    value = float(norms.std() / norms.mean())
    score = scored(
        case="norm_spread", value=value, n=len(norms), reason="shortest and longest shown", evidence=extremes
    )
    spread = by_group(norms, bench.owners, seed=bench.seed, reduce=lambda drawn: float(drawn.std() / drawn.mean()))
    return _between(score, spread).model_copy(update={"instances": bench.instances(range(len(norms)), norms, "length")})


def dead_dimension_share(bench: Bench) -> Score:
    """Count dimensions that say the same of every window."""
    if len(bench.real) < 2:
        return _no_sound("dead_dimension_share")
    dead = np.ptp(bench.real_embeddings, axis=0) < 1e-9
    score = scored(case="dead_dimension_share", value=float(dead.mean()), n=len(bench.real), reason="range below 1e-9")
    return _between(score, of_share(int(dead.sum()), len(dead)))


def effective_dimensions(bench: Bench) -> Score:
    """Return the participation ratio (Σλ)² / Σλ² of the covariance's eigenvalues."""
    if len(bench.real) < 2:
        return _no_sound("effective_dimensions")
    if not np.isfinite(bench.real_embeddings).all():
        return scored(case="effective_dimensions", value=np.nan, n=len(bench.real), reason="")
    variances = np.linalg.svd(bench.real_embeddings - bench.real_embeddings.mean(axis=0), compute_uv=False) ** 2
    ratio = float(variances.sum() ** 2 / (variances**2).sum())
    return scored(case="effective_dimensions", value=ratio, n=len(bench.real), reason="participation ratio")


def stranger_similarity(bench: Bench) -> Score:
    """Compare windows of different recordings."""
    owners = np.array(bench.owners)
    strangers = owners[:, None] != owners[None, :]
    if not strangers.any():
        return _no_sound("stranger_similarity")
    unit = _unit(bench.real_embeddings)
    cosine = unit @ unit.T

    def middle(picked: npt.NDArray[np.intp]) -> float:
        apart = strangers[np.ix_(picked, picked)]
        return (
            float(np.median(cosine[np.ix_(picked, picked)][apart]))
            if apart.any()
            else float(np.median(cosine[strangers]))
        )

    score = scored(
        case="stranger_similarity",
        value=middle(np.arange(len(owners))),
        n=int(strangers.sum()) // 2,
        reason="pairs of recordings",
    )
    return _between(score, UNKNOWN if score.value is None else of_picks(middle, bench.owners, seed=bench.seed))


def duplicate_similarity(bench: Bench) -> Score:
    """Write native windows to new files and send those through the path."""
    return _compared(
        bench, "duplicate_similarity", lambda sound: bench.made(sound.samples, sound.sample_rate_hz)[0].samples, np.min
    )


def gain_similarity(bench: Bench) -> Score:
    """Make windows 12 dB softer."""
    return _compared(bench, "gain_similarity", None, np.median, gain_db=-12.0)


def rate_similarity(bench: Bench) -> Score:
    """Store windows at 44.1 kHz."""

    def stored(sound: Waveform) -> Array:
        slower = np.concatenate([block.samples for block in resampled([sound], 44_100, "soxr")])
        return bench.made(slower, 44_100)[0].samples

    return _compared(bench, "rate_similarity", stored, np.median)


def shift_recall(bench: Bench) -> Score:
    """Look for each shifted window's nearest neighbour among the unshifted ones."""
    moved = _shifted(bench)
    if not moved:
        return _no_sound("shift_recall")
    similarity = _unit(bench.embed([samples for _, samples in moved])) @ _unit(bench.real_embeddings).T
    own = np.array([i for i, _ in moved])
    found = (similarity.argmax(axis=1) == own).astype(np.float32)
    return _of_windows(bench, "shift_recall", own.tolist(), found, np.mean).model_copy(
        update={"reason": "missed ones first"}
    )


def shift_similarity(bench: Bench) -> Score:
    """Compare each window with the same sound 100 ms later."""
    moved = _shifted(bench)
    if not moved:
        return _no_sound("shift_similarity")
    later = _unit(bench.embed([samples for _, samples in moved]))
    cosine = np.sum(later * _unit(bench.real_embeddings[[i for i, _ in moved]]), axis=1)
    return _of_windows(bench, "shift_similarity", [i for i, _ in moved], cosine, np.median)


CASES: dict[str, Callable[[Bench], Score]] = {
    case.__name__: case
    for case in (
        tone_error_hz,
        alias_db,
        image_db,
        passband_db,
        stereo_error,
        click_error_ms,
        grid_error_ms,
        uncovered_ms,
        not_finite_share,
        batch_error,
        norm_spread,
        dead_dimension_share,
        effective_dimensions,
        stranger_similarity,
        duplicate_similarity,
        shift_recall,
        shift_similarity,
        gain_similarity,
        rate_similarity,
    )
}


def _compared(
    bench: Bench,
    case: str,
    change: Callable[[Waveform], Array] | None,
    reduce: Callable[[Array], np.floating[npt.NBitBase]],
    *,
    gain_db: float = 0.0,
) -> Score:
    """Embed changed windows beside the originals and reduce the cosines to one."""
    if not bench.real:
        return _no_sound(case)
    gain = np.float32(10 ** (gain_db / 20))
    changed = [gain * (change(window.native) if change else window.samples) for _, window in bench.real]
    cosine = np.sum(_unit(bench.embed(changed)) * _unit(bench.real_embeddings), axis=1)
    return _of_windows(bench, case, range(len(cosine)), cosine, reduce)


def _of_windows(
    bench: Bench,
    case: str,
    at: Sequence[int],
    values: Array,
    reduce: Callable[[Array], np.floating[npt.NBitBase]],
) -> Score:
    """Reduce a value of each of some real windows to one; a least value has no interval."""
    owners = [bench.owners[i] for i in at]
    score = scored(
        case=case,
        value=float(reduce(values)),
        n=len(values),
        reason="least alike shown",
        evidence=(bench.where(at[int(values.argmin())]),),
    )
    bounds = UNKNOWN
    if score.value is not None and reduce is not np.min:
        bounds = by_group(values, owners, seed=bench.seed, reduce=lambda drawn: float(reduce(drawn.astype(np.float32))))
    instances = bench.instances(at, values, "cosine")
    return score.model_copy(update={"low": bounds.low, "high": bounds.high, "instances": instances})


def _shifted(bench: Bench) -> list[tuple[int, Array]]:
    """Return the real windows that have sound behind them, by number, SHIFT_MS later."""
    return list(_shifts(bench))


def _shifts(bench: Bench) -> Iterator[tuple[int, Array]]:
    card = bench.card
    n = round(SHIFT_MS * card.sample_rate_hz / 1000)
    ends: dict[str, dict[float, Window]] = {}
    for i, (recording, window) in enumerate(bench.real):
        if recording.id not in ends:
            ends[recording.id] = {one.t0_ms: one for one in bench.cut(recording)}
        behind = ends[recording.id].get(round(window.t0_ms + card.window_ms, 3))
        if behind is not None and behind.t1_ms - behind.t0_ms >= SHIFT_MS and card.hop_ms == card.window_ms:
            yield i, np.concatenate([window.samples[n:], behind.samples[:n]])


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _between(score: Score, bounds: Bounds) -> Score:
    """Return a score with the interval of its value; one without a value has none."""
    return score if score.value is None else score.model_copy(update={"low": bounds.low, "high": bounds.high})


def _no_sound(case: str) -> Score:
    return scored(case=case, value=None, n=0, reason="too few recordings with sound and a fitting sample rate")
