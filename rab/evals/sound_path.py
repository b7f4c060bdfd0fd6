"""Sound on its way to the model: tones, clicks and steady sound, sent from a file to the model's window.

What was put in is known, so what comes out can be held against it: pitch, level, time, and that nothing is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from rab.audio import read_recording
from rab.domain import EmbedderCard, Recording
from rab.embedders.base import Embedder
from rab.evals.base import Instance, Score
from rab.segments import Window, WindowPolicy, windows

Array = npt.NDArray[np.float32]
TONE_HZ = 3017.3
TONE_RATES_HZ = (22_050, 32_000, 44_100, 96_000)
ALIAS_RATE_HZ = 192_000
ALIAS_SHARES = (0.6, 0.65, 0.8, 1.1, 1.7)
"""Frequencies of tones that must not reach the model, as shares of its sample rate: all above half of it."""
IMAGES = ((22_050, 7919.0), (24_000, 7919.0), (16_000, 5011.0))
"""Sample rates of slower recordings, and a tone in each."""
PASS_RATES_HZ = (44_100, 96_000, 192_000)
PASS_SHARES = (0.5, 0.7, 0.85, 0.9)
"""Frequencies of tones that must arrive as they are, as shares of half the lower rate. The best of soxr leaves them all
within 0.01 dB and `polyphase` within 0.7 dB; soxr's `LQ` takes 8 and 20 dB of the upper two, linear interpolation 3."""
_INAUDIBLE = 1e-12
"""Power relative to a tone, −120 dB: what is less is rounding, which differs from machine to machine."""
COVERED_RATE_HZ, TAIL_MS = 44_100, 1000.0
"""Sound of which nothing may be lost, and the shortest end of a recording that makes a window of its own."""
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

    @property
    def owners(self) -> list[str]:
        """The recording of each real window."""
        return [recording.id for recording, _ in self.real]

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


def tone_error_hz(bench: Bench) -> Score:
    """Send a tone through the path at several rates and read its frequency in the model's window."""
    errors = []
    for rate_hz in TONE_RATES_HZ:
        t_s = np.arange(int(rate_hz * bench.card.window_ms / 1000)) / rate_hz
        window = bench.made((0.5 * np.sin(2 * np.pi * TONE_HZ * t_s)).astype(np.float32), rate_hz)[0]
        errors.append(abs(_frequency_hz(window.samples, bench.card.sample_rate_hz) - TONE_HZ))
    return scored(case="tone_error_hz", value=max(errors), n=len(errors), reason="a tone keeps its pitch at any rate")


def alias_db(bench: Bench) -> Score:
    """Send tones that the model's rate cannot hold through the path: what arrives is folded down, and was never there.

    Decimation without a filter leaves all of it (0 dB), linear interpolation most.
    """
    instances = []
    for share in ALIAS_SHARES:
        tone_hz = share * bench.card.sample_rate_hz
        if tone_hz >= ALIAS_RATE_HZ / 2:
            continue
        left_db = _level_db(_arrived(bench, tone_hz, ALIAS_RATE_HZ), 0.5)
        said = f"arrives at {left_db:.1f} dB of its level"
        instances.append(Instance(name=f"tone of {tone_hz:.0f} Hz", value=left_db, words=said))
    if not instances:
        return scored(case="alias_db", value=None, n=0, reason="the model's rate holds every tone that was made")
    return _worst_of("alias_db", instances, reason="tones above half the model's rate, recorded at 192 kHz")


def image_db(bench: Bench) -> Score:
    """Send tones of slower recordings through the path: only that tone may arrive, and no mirror image of it.

    Rates that divide the model's are asked too: there, samples that are repeated look like a resampler.
    """
    instances = []
    for rate_hz, tone_hz in IMAGES:
        inner = _arrived(bench, tone_hz, rate_hz)
        power = np.abs(np.fft.rfft(inner * np.blackman(len(inner)))) ** 2
        hz = np.fft.rfftfreq(len(inner), 1 / bench.card.sample_rate_hz)
        apart = power[np.abs(hz - tone_hz) > 200]
        left_db = _shown_db(10 * np.log10(apart.max() / power.max() + _INAUDIBLE))
        said = f"its strongest image arrives at {left_db:.1f} dB of its level"
        name = f"tone of {tone_hz:.0f} Hz recorded at {rate_hz} Hz"
        instances.append(Instance(name=name, value=left_db, words=said))
    return _worst_of("image_db", instances, reason="recorded at 22.05, 24 and 16 kHz")


def passband_db(bench: Bench) -> Score:
    """Send tones that both rates hold through the path: each arrives as loud as it was recorded.

    A cheap resampler has a soft edge: it lets the highest tones sink.
    """
    instances = []
    for rate_hz in PASS_RATES_HZ:
        if rate_hz == bench.card.sample_rate_hz:
            continue
        for share in PASS_SHARES:
            tone_hz = share * min(rate_hz, bench.card.sample_rate_hz) / 2
            change_db = _level_db(_arrived(bench, tone_hz, rate_hz), 0.5)
            said = f"arrives at {change_db:.2f} dB of its level"
            name = f"tone of {tone_hz:.0f} Hz, recorded at {rate_hz} Hz"
            instances.append(Instance(name=name, value=abs(change_db), words=said))
    return _worst_of("passband_db", instances, reason="tones up to nine tenths of what both rates hold")


def stereo_error(bench: Bench) -> Score:
    """Cut two channels: the average of equal ones is either, that of a sound and silence half, and each is its own."""
    sound, rate_hz = _noise(bench, 1.0), bench.card.sample_rate_hz
    mono = bench.made(sound, rate_hz)[0].samples
    both = bench.made(np.stack([sound, sound], axis=1), rate_hz)[0].samples
    half = bench.made(np.stack([sound, 0 * sound], axis=1), rate_hz)[0].samples
    recording = read_recording(bench.folder / "made.wav")
    first, second = (next(windows(recording, bench.card, WindowPolicy(), one)).samples for one in (0, 1))
    pairs = ((both, mono), (half, mono / 2), (first, mono), (second, 0 * mono))
    error = max(float(np.abs(found - due).max()) for found, due in pairs)
    return scored(case="stereo_error", value=error, n=len(mono), reason="mono is the mean, and a channel is itself")


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
        return scored(case="click_error_ms", value=None, n=0, reason=f"{len(found_ms)} windows where 3 were due")
    error_ms = np.abs(np.array(found_ms) - 1000 * at / rate_hz).max()
    return scored(case="click_error_ms", value=float(error_ms), n=3, reason="one click in each of three windows")


def grid_error_ms(bench: Bench) -> Score:
    """Cut three windows' worth of sound: they begin at 0 and then hop by hop."""
    card = bench.card
    n = round(3 * card.window_ms * 44_100 / 1000)
    cut = bench.made(np.full(n, 0.1, np.float32), 44_100)
    due = np.arange(0, 2 * card.window_ms + 0.5, card.hop_ms)
    starts = np.array([window.t0_ms for window in cut])[: len(due)]
    if len(starts) < len(due):
        return scored(case="grid_error_ms", value=None, n=0, reason=f"{len(starts)} windows where {len(due)} were due")
    found = ", ".join(f"{start:g}" for start in starts)
    return scored(
        case="grid_error_ms", value=float(np.abs(starts - due).max()), n=len(due), reason=f"windows begin at {found} ms"
    )


def uncovered_ms(bench: Bench) -> Score:
    """Cut recordings of several lengths, and look for sound that no window holds, the end above all.

    What is looked for is sound, not what a window says of itself: its samples as recorded, and those for the model.
    """
    window_ms = bench.card.window_ms
    ends_ms = (
        0.4 * window_ms,
        window_ms,
        3 * window_ms,
        window_ms + TAIL_MS,
        3 * window_ms + max(window_ms / 2, TAIL_MS),
    )
    instances = []
    for long_ms in ends_ms:
        n = round(long_ms * COVERED_RATE_HZ / 1000)
        lost_ms = _lost_ms(bench, bench.made(np.full(n, 0.1, np.float32), COVERED_RATE_HZ), n)
        said = f"{lost_ms:.1f} ms are in no window"
        instances.append(Instance(name=f"{long_ms / 1000:g} s of sound", value=lost_ms, words=said))
    return _worst_of("uncovered_ms", instances, reason="whole windows, and tails long enough for one")


def _arrived(bench: Bench, tone_hz: float, rate_hz: int) -> Array:
    """Send a tone of amplitude 0.5 through the path; return the middle half of the model's first window."""
    t_s = np.arange(int(rate_hz * bench.card.window_ms / 1000)) / rate_hz
    heard = bench.made((0.5 * np.sin(2 * np.pi * tone_hz * t_s)).astype(np.float32), rate_hz)[0].samples
    return heard[len(heard) // 4 : -len(heard) // 4]


def _lost_ms(bench: Bench, cut: Sequence[Window], n: int) -> float:
    """Return how much of n samples of steady sound is in no window, as recorded or as the model hears it."""
    is_held = np.zeros(n, dtype=bool)
    for window in cut:
        first = round(window.t0_ms * COVERED_RATE_HZ / 1000)
        sounding = np.flatnonzero(np.abs(window.samples) > 0.01)
        heard_ms = 1000 * (sounding[-1] + 1 if len(sounding) else 0) / bench.card.sample_rate_hz
        heard_ms = min(heard_ms, window.t1_ms - window.t0_ms)
        is_held[first : first + min(len(window.native.samples), round(heard_ms * COVERED_RATE_HZ / 1000))] = True
    return float(1000 * np.count_nonzero(~is_held) / COVERED_RATE_HZ)


def _frequency_hz(samples: Array, rate_hz: int) -> float:
    """Return the frequency of a lone tone: its spectral peak, refined by a parabola through the log magnitudes."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-12)
    peak = int(spectrum[1:-1].argmax()) + 1
    left, top, right = spectrum[peak - 1 : peak + 2]
    return float((peak + 0.5 * (left - right) / (left - 2 * top + right)) * rate_hz / len(samples))


def _noise(bench: Bench, seconds: float) -> Array:
    rng = np.random.default_rng(bench.seed)
    return (0.1 * rng.standard_normal(round(seconds * bench.card.sample_rate_hz))).astype(np.float32)


def _level_db(samples: Array, amplitude: float) -> float:
    """Return the level of samples relative to a tone of an amplitude, in dB, at least −120."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return _shown_db(10 * np.log10(power / (amplitude**2 / 2) + _INAUDIBLE))


def _shown_db(level_db: float) -> float:
    """Return a level to 0.01 dB: what is left of a level of 0 dB is rounding, and reads like a riddle."""
    return round(float(level_db), 2) + 0.0  # + 0.0 turns -0.0 into 0.0


def _worst_of(case: str, instances: Sequence[Instance], *, reason: str) -> Score:
    """Return the highest of several values as a score, with what it is of."""
    worst = sorted(instances, key=lambda one: -(one.value or 0))
    said = f"{reason}; the worst: {worst[0].name} ({worst[0].words})"
    return Score(case=case, value=worst[0].value, n=len(worst), reason=said, instances=tuple(worst))


def scored(*, case: str, value: float | None, n: int, reason: str, evidence: tuple[str, ...] = ()) -> Score:
    """Return a score; a value that is not finite is none, and is said to be so."""
    if value is not None and not np.isfinite(value):
        return Score(case=case, value=None, n=n, reason=f"the result is not finite ({value})", evidence=evidence)
    return Score(case=case, value=value, n=n, reason=reason, evidence=evidence)
