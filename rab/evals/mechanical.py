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
from rab.evals.base import Instance, Score
from rab.evals.intervals import UNKNOWN, by_group
from rab.segments import Window, WindowPolicy, windows

Array = npt.NDArray[np.float32]
TONE_HZ = 3017.3
TONE_RATES_HZ = (22_050, 32_000, 44_100, 96_000)
ALIAS_RATE_HZ = 192_000
ALIAS_SHARES = (0.65, 0.8, 1.1, 1.7)
"""Frequencies of tones that must not reach the model, as shares of its sample rate: all above half of it."""
IMAGE_RATE_HZ, IMAGE_HZ = 22_050, 7919.0
_INAUDIBLE = 1e-12
"""Power relative to a tone, −120 dB: what is less is rounding, which differs from machine to machine."""
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

    def instances(self, at: Sequence[int], values: Sequence[float] | Array, words: str) -> tuple[Instance, ...]:
        """Return real windows, by number, with a value each: the lowest first."""
        found = []
        for i, value in sorted(zip(at, values, strict=True), key=lambda pair: pair[1]):
            recording, window = self.real[i]
            found.append(
                Instance(
                    name=self.where(i),
                    value=float(value) if np.isfinite(value) else None,
                    recording=recording.path,
                    t0_ms=window.t0_ms,
                    t1_ms=window.t1_ms,
                    words=words,
                )
            )
        return tuple(found)

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


def alias_db(bench: Bench) -> Score:
    """Send tones that the model's rate cannot hold through the path: what arrives is folded down, and was never there.

    Decimation without a filter leaves all of it (0 dB), linear interpolation most.
    """
    instances = []
    t_s = np.arange(int(ALIAS_RATE_HZ * bench.card.window_ms / 1000)) / ALIAS_RATE_HZ
    for share in ALIAS_SHARES:
        tone_hz = share * bench.card.sample_rate_hz
        if tone_hz >= ALIAS_RATE_HZ / 2:
            continue
        heard = bench.made((0.5 * np.sin(2 * np.pi * tone_hz * t_s)).astype(np.float32), ALIAS_RATE_HZ)[0].samples
        left = _level_db(heard[len(heard) // 4 : -len(heard) // 4], 0.5)
        instances.append(Instance(name=f"tone of {tone_hz:.0f} Hz", value=left, words="dB of it that arrive"))
    if not instances:
        return _scored(case="alias_db", value=None, n=0, reason="the model's rate holds every tone that was made")
    return _worst_of("alias_db", instances, reason="tones above half the model's rate, recorded at 192 kHz")


def image_db(bench: Bench) -> Score:
    """Send a tone of a slower recording through the path: only that tone may arrive, and no mirror image of it."""
    t_s = np.arange(int(IMAGE_RATE_HZ * bench.card.window_ms / 1000)) / IMAGE_RATE_HZ
    heard = bench.made((0.5 * np.sin(2 * np.pi * IMAGE_HZ * t_s)).astype(np.float32), IMAGE_RATE_HZ)[0].samples
    inner = heard[len(heard) // 4 : -len(heard) // 4]
    power = np.abs(np.fft.rfft(inner * np.blackman(len(inner)))) ** 2
    hz = np.fft.rfftfreq(len(inner), 1 / bench.card.sample_rate_hz)
    apart = power[np.abs(hz - IMAGE_HZ) > 200]
    left = float(10 * np.log10(apart.max() / power.max() + _INAUDIBLE))
    instances = [Instance(name=f"tone of {IMAGE_HZ:.0f} Hz", value=left, words="dB of its strongest image")]
    return _worst_of("image_db", instances, reason="a tone at 22.05 kHz")


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


def grid_error_ms(bench: Bench) -> Score:
    """Cut three windows' worth of sound: they begin at 0 and then hop by hop, and leave nothing out."""
    card = bench.card
    n = round(3 * card.window_ms * 44_100 / 1000)
    cut = bench.made(np.full(n, 0.1, np.float32), 44_100)
    due = np.arange(0, 2 * card.window_ms + 0.5, card.hop_ms)
    starts = np.array([window.t0_ms for window in cut])[: len(due)]
    if len(starts) < len(due):
        return _scored(case="grid_error_ms", value=None, n=0, reason=f"{len(starts)} windows where {len(due)} were due")
    found = ", ".join(f"{start:g}" for start in starts)
    return _scored(
        case="grid_error_ms", value=float(np.abs(starts - due).max()), n=len(due), reason=f"windows begin at {found} ms"
    )


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
    score = _scored(
        case="norm_spread", value=value, n=len(norms), reason="shortest and longest shown", evidence=extremes
    )
    return score.model_copy(update={"instances": bench.instances(range(len(norms)), norms, "length")})


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
        stereo_error,
        click_error_ms,
        grid_error_ms,
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
    owners = [bench.real[i][0].id for i in at]
    score = _scored(
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


def _level_db(samples: Array, amplitude: float) -> float:
    """Return the level of samples relative to a tone of an amplitude, in dB, at least −120."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return float(10 * np.log10(power / (amplitude**2 / 2) + _INAUDIBLE))


def _worst_of(case: str, instances: Sequence[Instance], *, reason: str) -> Score:
    """Return the highest of several values as a score."""
    worst = sorted(instances, key=lambda one: -(one.value or 0))
    return Score(case=case, value=worst[0].value, n=len(worst), reason=reason, instances=tuple(worst))


def _scored(*, case: str, value: float | None, n: int, reason: str, evidence: tuple[str, ...] = ()) -> Score:
    """Return a score; a value that is not finite is none, and is said to be so."""
    if value is not None and not np.isfinite(value):
        return Score(case=case, value=None, n=n, reason=f"the result is not finite ({value})", evidence=evidence)
    return Score(case=case, value=value, n=n, reason=reason, evidence=evidence)


def _no_sound(case: str) -> Score:
    return _scored(case=case, value=None, n=0, reason="too few recordings with sound and a fitting sample rate")
