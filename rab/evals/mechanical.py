"""The mechanical suite: is the plumbing right? That comes before whether the model is good.

A wrong resampler, a window off by a hop, a channel that cancels another: each leaves embeddings that look like
embeddings. So known sounds are sent through the whole path, from a file to the model's window, and real recordings show
whether the space has collapsed and whether the same sound comes back to the same place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from rab.audio import read_recording, resampled
from rab.domain import EmbedderCard, Recording, Waveform
from rab.embedders.base import Embedder
from rab.evals.base import Score
from rab.segments import Window, WindowPolicy, windows

Array = npt.NDArray[np.float32]
TONE_HZ = 3017.3
TONE_RATES_HZ = (22_050, 32_000, 44_100, 96_000)
SHIFT_MS = 100.0
N_REAL = 48
"""Windows of real sound at most: enough for a median within 0.02, and seconds to embed."""


@dataclass
class Bench:
    """The embedder under test, real recordings, and a folder for made ones."""

    embedder: Embedder
    recordings: Sequence[Recording]
    folder: Path
    seed: int

    @property
    def card(self) -> EmbedderCard:
        """The card of the embedder under test."""
        return self.embedder.card

    def made(self, samples: npt.NDArray[np.generic], rate_hz: int) -> list[Window]:
        """Write samples [n] or [n, channels] to a WAV file and cut it as ingest would."""
        path = self.folder / "made.wav"
        wavfile.write(path, rate_hz, samples)
        return self.cut(read_recording(path))

    def cut(self, recording: Recording) -> list[Window]:
        """Cut a recording as ingest would, channels averaged."""
        return list(windows(recording, self.card, WindowPolicy(), None))

    def embed(self, samples: Sequence[Array]) -> Array:
        """Embed windows as they are."""
        return self.embedder.embed(np.stack(samples)).embeddings

    @cached_property
    def real(self) -> list[tuple[Recording, Window]]:
        """Full windows of the recordings, at most N_REAL, spread over all of them."""
        full = [
            (recording, window)
            for recording in self.recordings
            if recording.sample_rate_hz >= self.card.min_source_rate_hz
            for window in self.cut(recording)
            if round(window.t1_ms - window.t0_ms, 3) == self.card.window_ms and window.native.samples.any()
        ]
        chosen = np.random.default_rng(self.seed).permutation(len(full))[:N_REAL]
        return [full[i] for i in sorted(chosen)]

    @cached_property
    def real_embeddings(self) -> Array:
        """Embeddings float32 [n, dim] of the real windows."""
        return self.embed([window.samples for _, window in self.real])

    def where(self, i: int) -> str:
        """Name the i-th real window so that it can be listened to."""
        recording, window = self.real[i]
        return f"{recording.file_name} {window.t0_ms / 1000:.3f} s"


def run_mechanical(embedder: Embedder, recordings: Sequence[Recording], *, seed: int) -> tuple[Score, ...]:
    """Answer every case of the mechanical suite."""
    with TemporaryDirectory() as folder:
        bench = Bench(embedder, recordings, Path(folder), seed)
        return tuple(score(bench) for score in CASES.values())


def tone_error_hz(bench: Bench) -> Score:
    """Send a tone through the path at several rates and read its frequency in the model's window."""
    errors = []
    for rate_hz in TONE_RATES_HZ:
        t_s = np.arange(int(rate_hz * bench.card.window_ms / 1000)) / rate_hz
        window = bench.made((0.5 * np.sin(2 * np.pi * TONE_HZ * t_s)).astype(np.float32), rate_hz)[0]
        errors.append(abs(_frequency_hz(window.samples, bench.card.sample_rate_hz) - TONE_HZ))
    return _scored(case="tone_error_hz", value=max(errors), n=len(errors), reason="a tone keeps its pitch at any rate")


def stereo_error(bench: Bench) -> Score:
    """Average two equal channels: nothing may change."""
    sound = _noise(bench, 1.0)
    mono = bench.made(sound, bench.card.sample_rate_hz)[0].samples
    both = bench.made(np.stack([sound, sound], axis=1), bench.card.sample_rate_hz)[0].samples
    return _scored(case="stereo_error", value=float(np.abs(mono - both).max()), n=len(mono), reason="mono is the mean")


def click_error_ms(bench: Bench) -> Score:
    """Put a click into each of three windows and look where it comes out."""
    rate_hz, window_ms = 44_100, bench.card.window_ms
    true_ms = np.array([0.1111, 1.3737, 2.8383]) * window_ms
    samples = np.zeros(int(3 * window_ms * rate_hz / 1000), np.float32)
    at = np.round(true_ms * rate_hz / 1000).astype(int)
    samples[at] = 0.9
    cut = bench.made(samples, rate_hz)
    found_ms = [w.t0_ms + 1000 * int(np.abs(w.samples).argmax()) / bench.card.sample_rate_hz for w in cut]
    if len(found_ms) != len(true_ms):
        return _scored(case="click_error_ms", value=None, n=0, reason=f"{len(found_ms)} windows where 3 were due")
    error_ms = np.abs(np.array(found_ms) - 1000 * at / rate_hz).max()
    return _scored(case="click_error_ms", value=float(error_ms), n=3, reason="one click in each of three windows")


def not_finite_share(bench: Bench) -> Score:
    """Embed real sound, silence, and a full-scale square wave."""
    n = len(bench.real[0][1].samples) if bench.real else round(bench.card.window_ms * bench.card.sample_rate_hz / 1000)
    square = np.where(np.arange(n) % 48 < 24, 1.0, -1.0).astype(np.float32)
    extreme = bench.embed([np.zeros(n, np.float32), square])
    values = np.concatenate([bench.real_embeddings, extreme]) if bench.real else extreme
    share = float(np.mean(~np.isfinite(values)))
    return _scored(case="not_finite_share", value=share, n=len(values), reason="real, silent and full-scale windows")


def batch_error(bench: Bench) -> Score:
    """Embed windows one by one and together."""
    some = bench.real[:8]
    if not some:
        return _no_sound("batch_error")
    alone = np.concatenate([bench.embed([window.samples]) for _, window in some])
    error = np.linalg.norm(alone - bench.real_embeddings[: len(some)], axis=1) / np.linalg.norm(alone, axis=1)
    return _scored(case="batch_error", value=float(error.max()), n=len(some), reason="alone and in a batch")


def norm_spread(bench: Bench) -> Score:
    """Measure how much embeddings differ in length."""
    if len(bench.real) < 2:
        return _no_sound("norm_spread")
    norms = np.linalg.norm(bench.real_embeddings, axis=1)
    extremes = (bench.where(int(norms.argmin())), bench.where(int(norms.argmax())))
    value = float(norms.std() / norms.mean())
    return _scored(
        case="norm_spread", value=value, n=len(norms), reason="shortest and longest shown", evidence=extremes
    )


def dead_dimension_share(bench: Bench) -> Score:
    """Count dimensions that say the same of every window."""
    if len(bench.real) < 2:
        return _no_sound("dead_dimension_share")
    share = float(np.mean(np.ptp(bench.real_embeddings, axis=0) < 1e-9))
    return _scored(case="dead_dimension_share", value=share, n=len(bench.real), reason="range below 1e-9")


def effective_dimensions(bench: Bench) -> Score:
    """Return the participation ratio (Σλ)² / Σλ² of the covariance's eigenvalues."""
    if len(bench.real) < 2:
        return _no_sound("effective_dimensions")
    if not np.isfinite(bench.real_embeddings).all():
        return _scored(case="effective_dimensions", value=np.nan, n=len(bench.real), reason="")
    variances = np.linalg.svd(bench.real_embeddings - bench.real_embeddings.mean(axis=0), compute_uv=False) ** 2
    ratio = float(variances.sum() ** 2 / (variances**2).sum())
    return _scored(case="effective_dimensions", value=ratio, n=len(bench.real), reason="participation ratio")


def stranger_similarity(bench: Bench) -> Score:
    """Compare windows of different recordings."""
    owners = np.array([recording.id for recording, _ in bench.real])
    strangers = owners[:, None] != owners[None, :]
    if not strangers.any():
        return _no_sound("stranger_similarity")
    unit = _unit(bench.real_embeddings)
    value = float(np.median((unit @ unit.T)[strangers]))
    return _scored(case="stranger_similarity", value=value, n=int(strangers.sum()) // 2, reason="pairs of recordings")


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
    missed = tuple(bench.where(int(i)) for i in own[similarity.argmax(axis=1) != own][:5])
    value = float(np.mean(similarity.argmax(axis=1) == own))
    return _scored(case="shift_recall", value=value, n=len(moved), reason="missed ones shown", evidence=missed)


def shift_similarity(bench: Bench) -> Score:
    """Compare each window with the same sound 100 ms later."""
    moved = _shifted(bench)
    if not moved:
        return _no_sound("shift_similarity")
    later = _unit(bench.embed([samples for _, samples in moved]))
    cosine = np.sum(later * _unit(bench.real_embeddings[[i for i, _ in moved]]), axis=1)
    worst = (bench.where(moved[int(cosine.argmin())][0]),)
    value = float(np.median(cosine))
    return _scored(case="shift_similarity", value=value, n=len(moved), reason="least alike shown", evidence=worst)


CASES: dict[str, Callable[[Bench], Score]] = {
    case.__name__: case
    for case in (
        tone_error_hz,
        stereo_error,
        click_error_ms,
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
    worst = (bench.where(int(cosine.argmin())),)
    return _scored(case=case, value=float(reduce(cosine)), n=len(cosine), reason="least alike shown", evidence=worst)


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


def _frequency_hz(samples: Array, rate_hz: int) -> float:
    """Return the frequency of a lone tone: its spectral peak, refined by a parabola through the log magnitudes."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-12)
    peak = int(spectrum[1:-1].argmax()) + 1
    left, top, right = spectrum[peak - 1 : peak + 2]
    return float((peak + 0.5 * (left - right) / (left - 2 * top + right)) * rate_hz / len(samples))


def _noise(bench: Bench, seconds: float) -> Array:
    rng = np.random.default_rng(bench.seed)
    return (0.1 * rng.standard_normal(round(seconds * bench.card.sample_rate_hz))).astype(np.float32)


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _scored(*, case: str, value: float | None, n: int, reason: str, evidence: tuple[str, ...] = ()) -> Score:
    """Return a score; a value that is not finite is none, and is said to be so."""
    if value is not None and not np.isfinite(value):
        return Score(case=case, value=None, n=n, reason=f"the result is not finite ({value})", evidence=evidence)
    return Score(case=case, value=value, n=n, reason=reason, evidence=evidence)


def _no_sound(case: str) -> Score:
    return _scored(case=case, value=None, n=0, reason="too few recordings with sound and a fitting sample rate")
