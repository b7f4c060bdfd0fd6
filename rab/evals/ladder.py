"""The SNR ladder: labelled calls in real noise, at levels that are known because they were made.

A rung is a level of the call in its own band: its power while it sounds over the mean power of all noise between the
band's two frequencies, the noise that the recording brought along included. So a recording that is itself noisier than
a rung has no clip there, and is counted as left out. Noise is what a folder labels as such (rain, sea, fire, engines),
or what the call's own recording holds between its calls. The mixed clip takes the way that any recording takes: its
quality is measured on the mixture, it is resampled to the model's rate, and embedded.

What the estimator of `rab.quality` says of a rung, less the rung, is its bias.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab import __version__
from rab.audio import read_clip, read_recording, resampled
from rab.audio.activity import activity
from rab.audio.spectrogram import spectrogram
from rab.domain import Recording, SignalQuality, Waveform, content_id
from rab.domain.spectrogram import Spectrogram
from rab.embedders.base import Embedder
from rab.evals.labelled import LabelledWindows, unit
from rab.quality import measure

RUNGS_DB = (-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0, 30.0)
OWN_NOISE = "own recording"
_NOISE_WORDS = ("rain", "wind", "sea waves", "fire crackling", "helicopter", "airplane", "noise", "traffic", "stream")
_BATCH = 16
_MOST_ZEROS = 0.01
"""Of a noise clip's samples: more is padding."""
_QUIET_RUN_MS = 100.0
_FADE_MS = 10.0


class Mix(NamedTuple):
    """A call (its row among the calls) in a noise (its row among the noises; None: its own) at a level in its band."""

    call: int
    noise: int | None
    snr_db: float


@dataclass(frozen=True, eq=False)
class Mixed:
    """n mixed clips as the product hears them. `windows` has the calls' labels, groups and sets."""

    windows: LabelledWindows
    mixes: tuple[Mix, ...]
    n_left_out: int
    """Mixes that could not be made: the recording is noisier than the rung, or has no noise of its own to add."""

    @property
    def snr_db(self) -> npt.NDArray[np.float64]:
        """[n], the true levels."""
        return np.array([mix.snr_db for mix in self.mixes], dtype=np.float64)

    @property
    def calls(self) -> npt.NDArray[np.intp]:
        """[n], the row of each clip's call."""
        return np.array([mix.call for mix in self.mixes], dtype=np.intp)


def is_noise(label: str) -> bool:
    """Return whether a label says that there is only noise: `wind and rain`, `helicopter`."""
    return any(label.lower().startswith(word) for word in _NOISE_WORDS)


def ladder(
    calls: LabelledWindows, noises: LabelledWindows, *, rungs_db: Sequence[float] = RUNGS_DB, seed: int
) -> tuple[Mix, ...]:
    """Plan the ladder: each call on every rung, in the same noise on all of them; one call in five in its own."""
    drawn = np.random.default_rng(seed)
    mixes: list[Mix] = []
    for call in range(len(calls)):
        own = len(noises) == 0 or drawn.random() < 0.2
        noise = None if own else int(drawn.integers(len(noises)))
        mixes += [Mix(call, noise, float(rung)) for rung in rungs_db]
    return tuple(mixes)


def mixed(
    calls: LabelledWindows,
    noises: LabelledWindows,
    mixes: Sequence[Mix],
    embedder: Embedder,
    *,
    cache: Path | None = None,
) -> Mixed:
    """Make, measure and embed mixes; calls that have no measured SNR are left out."""
    file = None if cache is None else cache / f"ladder-{_digest(calls, noises, mixes, embedder)}.npz"
    if file is not None and file.is_file():
        with np.load(file) as kept:
            quality = tuple(SignalQuality.model_validate_json(one) for one in kept["quality"].tolist())
            return _mixed(calls, mixes, kept["made"], kept["vectors"], kept["logits"].astype(np.float32), quality)
    clips = list(_clips(calls, noises, mixes))
    made = np.array([at for at, _ in clips], dtype=np.intp)
    quality = tuple(measure(clip, spectrogram(clip)) for _, clip in clips)
    card = embedder.card
    vectors, logits = [np.zeros((0, card.dim), np.float32)], [np.zeros((0, card.n_classes), np.float32)]
    for start in range(0, len(clips), _BATCH):
        batch = embedder.embed(np.stack([model_samples(clip, embedder) for _, clip in clips[start : start + _BATCH]]))
        vectors.append(unit(batch.embeddings))
        logits.append(batch.logits)
    found = np.concatenate(vectors), np.concatenate(logits)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        said = np.array([one.model_dump_json() for one in quality], dtype=np.str_)
        np.savez(file, made=made, vectors=found[0], logits=found[1].astype(np.float16), quality=said)
    return _mixed(calls, mixes, made, *found, quality)


def mix(call: Waveform, noise: Waveform, snr_db: float) -> Waveform | None:
    """Return the call in as much noise as brings it to `snr_db` in its band, no louder in peak than the call was.

    `noise` has the call's rate and length. None where the call cannot be heard, or is noisier than that by itself.
    """
    heard = spectrogram(call)
    quality = measure(call, heard)
    if quality.snr_db is None or quality.band_low_hz is None or quality.band_high_hz is None:
        return None
    band = quality.band_low_hz, quality.band_high_hz
    own = _mean_band_power(heard.floor[None], heard, *band)
    wanted = own * (10 ** ((quality.snr_db - snr_db) / 10) - 1)
    added = spectrogram(noise)
    present = _mean_band_power(added.power, added, *band)
    if wanted <= 0 or present <= 0:
        return None
    samples = call.samples + np.float32(np.sqrt(wanted / present)) * noise.samples
    peak, limit = float(np.abs(samples).max()), float(np.abs(call.samples).max())
    return Waveform(samples * np.float32(min(1.0, limit / peak)), call.sample_rate_hz, call.t0_ms)


def own_noise(call: Waveform) -> Waveform | None:
    """Return the stretches between a waveform's calls, end to end and over again, of the same length.

    None where there is no quiet stretch of 100 ms.
    """
    heard = spectrogram(call)
    found = activity(heard)
    if found is None:
        return call
    n, rate_hz = len(call.samples), call.sample_rate_hz
    quiet = np.ones(n, dtype=bool)
    margin = round(heard.frame_ms * rate_hz / 1000)
    for ms in heard.ms[found.frames]:
        at = round(ms * rate_hz / 1000)
        quiet[max(at - margin, 0) : at + margin] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    long_enough = round(_QUIET_RUN_MS * rate_hz / 1000)
    runs = [call.samples[a:b] for a, b in edges.reshape(-1, 2) if b - a >= long_enough]
    return Waveform(_joined(runs, n, round(_FADE_MS * rate_hz / 1000)), rate_hz, call.t0_ms) if runs else None


def model_samples(clip: Waveform, embedder: Embedder) -> npt.NDArray[np.float32]:
    """Return a clip as a model hears it: float32 [window_samples], resampled, with zeros behind its end."""
    card = embedder.card
    heard = np.concatenate([block.samples for block in resampled([clip], card.sample_rate_hz, card.resampler)])
    samples = np.zeros(round(card.window_ms * card.sample_rate_hz / 1000), np.float32)
    samples[: len(heard)] = heard[: len(samples)]
    return samples


class RungBias(NamedTuple):
    """What is measured on a rung: clips, the share with an SNR, and the estimate less the rung in dB."""

    rung_db: float
    n: int
    measured_share: float
    median_error_db: float | None
    p10_error_db: float | None
    p90_error_db: float | None


def bias(mixed: Mixed) -> tuple[RungBias, ...]:
    """Return how far the SNR that is measured lies from each rung."""
    rows = []
    estimates, truth = mixed.windows.snr_db, mixed.snr_db
    for rung in np.unique(truth).tolist():
        here = estimates[truth == rung]
        error = here[np.isfinite(here)] - rung
        spread = [float(one) for one in np.percentile(error, [50, 10, 90])] if len(error) else [None] * 3
        rows.append(RungBias(rung, len(here), len(error) / len(here), *spread))
    return tuple(rows)


def _clips(calls: LabelledWindows, noises: LabelledWindows, mixes: Sequence[Mix]) -> Iterator[tuple[int, Waveform]]:
    """Yield the mixes that can be made, with their place in the plan."""
    last: tuple[tuple[int, int | None], tuple[Waveform, Waveform] | None] | None = None
    recordings: dict[Path, Recording] = {}
    for at, planned in enumerate(mixes):
        if last is None or last[0] != planned[:2]:
            last = planned[:2], _parts(calls, noises, planned, recordings)
        clip = None if last[1] is None else mix(*last[1], planned.snr_db)
        if clip is not None:
            yield at, clip


def _parts(
    calls: LabelledWindows, noises: LabelledWindows, planned: Mix, recordings: dict[Path, Recording]
) -> tuple[Waveform, Waveform] | None:
    """Return a call and its noise, at the call's rate and of its length; None where there is none to be had."""
    call = _sound(calls, planned.call, recordings)
    if planned.noise is None:
        noise = own_noise(call)
        return None if noise is None else (call, noise)
    other = _sound(noises, planned.noise, recordings)
    if np.mean(other.samples == 0) > _MOST_ZEROS:
        return None
    heard = np.concatenate([block.samples for block in resampled([other], call.sample_rate_hz, "soxr")])
    return call, Waveform(np.resize(heard, len(call.samples)), call.sample_rate_hz, call.t0_ms)


def _sound(windows: LabelledWindows, i: int, recordings: dict[Path, Recording]) -> Waveform:
    path = windows.paths[i]
    if path not in recordings:
        recordings[path] = read_recording(path)
    return read_clip(recordings[path], channel=None, t0_ms=float(windows.t0_ms[i]), t1_ms=float(windows.t1_ms[i]))


def _mean_band_power(power: npt.NDArray[np.float32], like: Spectrogram, low_hz: float, high_hz: float) -> float:
    """Return the mean power over frames between two frequencies; bins at the ends count by the share inside."""
    half = like.bin_hz / 2
    inside = np.minimum(like.hz + half, high_hz) - np.maximum(like.hz - half, low_hz)
    share = np.minimum(np.maximum(inside / like.bin_hz, 0), 1)
    return float(power.mean(axis=0, dtype=np.float64) @ share)


def _joined(runs: Sequence[npt.NDArray[np.float32]], n: int, n_fade: int) -> npt.NDArray[np.float32]:
    """Lay runs end to end, over and over, fading from one to the next, until there are n samples."""
    fade = np.sin(np.linspace(0, np.pi / 2, n_fade, dtype=np.float32))
    joined = np.zeros(n + max(map(len, runs)) + n_fade, np.float32)
    at, turn = 0, 0
    while at < n:
        run = runs[turn % len(runs)].copy()
        run[:n_fade] *= fade
        run[-n_fade:] *= fade[::-1]
        joined[at : at + len(run)] += run
        at, turn = at + len(run) - n_fade, turn + 1
    return joined[n_fade : n_fade + n] if at >= n + n_fade else joined[:n]


def _mixed(
    calls: LabelledWindows,
    mixes: Sequence[Mix],
    made: npt.NDArray[np.intp],
    vectors: npt.NDArray[np.float32],
    logits: npt.NDArray[np.float32],
    quality: tuple[SignalQuality, ...],
) -> Mixed:
    kept = tuple(mixes[at] for at in made)
    source = calls.select(np.array([one.call for one in kept], dtype=np.intp))
    windows = replace(source, vectors=vectors, logits=logits, quality=quality)
    return Mixed(windows, kept, len(mixes) - len(kept))


def _digest(calls: LabelledWindows, noises: LabelledWindows, mixes: Sequence[Mix], embedder: Embedder) -> str:
    sounds = [(str(one.recording_ids[i]), float(one.t0_ms[i])) for one in (calls, noises) for i in range(len(one))]
    return content_id(json.dumps([embedder.card.space, __version__, sounds, list(mixes)]).encode())[:16]
