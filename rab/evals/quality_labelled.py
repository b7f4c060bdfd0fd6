"""The suite `quality_labelled`: whether quality holds on real calls in real noise, and flags on labelled clips.

Clear labelled calls (10 dB or more) are put into labelled noise at known gains. The level is computed with Fourier
transforms of the parts, not with the estimator: the call's power in its band while it sounds, less that of its own
recording's pauses, over the power of all noise in that band. Band and time are those that were found in the clear
recording, so what is asked is the estimate, and how well it finds the band again in noise; an estimator that is wrong
by a constant is found out.

Rain and wind are asked of clips that are labelled so, and of calls as the control. Without such labels a case is not
scored, and says so. How often the flag for people is raised by animals is asked too; how many people are missed is not,
for want of labelled speech.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rab.audio import read_clip, read_recording, resampled
from rab.audio.activity import activity
from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform
from rab.embedders.base import Embedder
from rab.embedders.scores import PrivacyPolicy, human_classes, human_voice
from rab.evals.base import Answered, Score
from rab.evals.intervals import by_group
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_windows
from rab.evals.ladder import RUNGS_DB, is_noise
from rab.evals.quality_trials import Rung, ladder_table, worst_bias
from rab.evals.sounds import Sound, band_power
from rab.quality import measure

KNOWN = ", known band"
_CLEAR_DB = 10.0
_N_CALLS = 120
_LEAST_RATE_HZ = 16_000
_LEAST_PAUSE = 0.2
"""Share of a clip that must be quiet for its own noise to be known."""
_N_INSTANCES = 20
_MOST_ZEROS = 0.01
"""Of a noise clip's samples: more is padding."""


@dataclass(frozen=True, eq=False)
class LabelledBench:
    """Labelled windows, and what is asked of them."""

    embedder: Embedder
    windows: LabelledWindows
    seed: int

    @cached_property
    def noisy(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[n], whether a label speaks of noise alone."""
        return np.array([is_noise(label) for label in self.windows.labels])

    @cached_property
    def ladder(self) -> dict[str, list[Rung]]:
        """Clear calls on every rung in noises of each label in turn; `name` as it is, `name, known band` beside it."""
        noises = np.flatnonzero(self.noisy)
        names = sorted(set(self.windows.labels[noises].tolist()))
        found: dict[str, list[Rung]] = {f"{name}{known}": [] for known in ("", KNOWN) for name in names}
        drawn = np.random.default_rng(self.seed)
        for turn, call in enumerate(self._clear(drawn) if names else ()):
            name = names[turn % len(names)]
            noise = int(drawn.choice(noises[self.windows.labels[noises] == name]))
            for one in _climb(name, self.windows, call, noise):
                found[one.noise].append(one)
        return found

    def _clear(self, drawn: np.random.Generator) -> list[int]:
        """Return the clearest window of each group, by chance."""
        best: dict[str, int] = {}
        snr_db = np.nan_to_num(self.windows.snr_db, nan=-np.inf)
        for at in np.argsort(-snr_db, kind="stable").tolist():
            if not self.noisy[at] and snr_db[at] >= _CLEAR_DB:
                best.setdefault(f"{self.windows.labels[at]}\t{self.windows.groups[at]}", at)
        return [int(at) for at in drawn.permutation(sorted(best.values()))[:_N_CALLS]]


def run_quality_labelled(
    embedder: Embedder, files: Sequence[LabelledFile], *, seed: int, cache: Path | None = None
) -> Answered:
    """Answer every case of the suite; what labels do not tell is not scored."""
    bench = LabelledBench(embedder, labelled_windows(files, embedder, cache=cache), seed)
    return Answered(tuple(ask(bench) for ask in CASES), (ladder_table(bench.ladder),) if bench.ladder else ())


def snr_bias_db(bench: LabelledBench) -> Score:
    """Ask how far the SNR lies from the truth at 10 and 20 dB, in all noises together."""
    return _bias(bench, "snr_bias_db", known=False)


def snr_bias_known_band_db(bench: LabelledBench) -> Score:
    """Ask the same where the call's band is known: what remains is the estimate's own error."""
    return _bias(bench, "snr_bias_known_band_db", known=True)


def rain_found_share(bench: LabelledBench) -> Score:
    """Ask which share of windows that are labelled rain is flagged."""
    return _flagged(bench, "rain_found_share", _says(bench, "rain"), _rains(bench), "rain")


def wind_found_share(bench: LabelledBench) -> Score:
    """Ask which share of windows that are labelled wind is flagged."""
    return _flagged(bench, "wind_found_share", _says(bench, "wind"), _winds(bench), "wind")


def rain_false_share(bench: LabelledBench) -> Score:
    """Ask which share of windows of animals is flagged as rain."""
    return _flagged(bench, "rain_false_share", ~bench.noisy, _rains(bench), "an animal", worst=True)


def wind_false_share(bench: LabelledBench) -> Score:
    """Ask which share of windows of animals is flagged as wind."""
    return _flagged(bench, "wind_false_share", ~bench.noisy, _winds(bench), "an animal", worst=True)


def voice_false_share(bench: LabelledBench) -> Score:
    """Ask in which share of windows of animals people are heard."""
    columns = human_classes(bench.embedder.taxa)
    if not len(columns):
        return _unscored("voice_false_share", "the model has no class that tells of people")
    activation = bench.embedder.card.activation
    heard = human_voice(bench.windows.logits, columns, PrivacyPolicy(), activation=activation)
    return _flagged(bench, "voice_false_share", ~bench.noisy, list(heard), "an animal", worst=True)


CASES: tuple[Callable[[LabelledBench], Score], ...] = (
    snr_bias_db,
    snr_bias_known_band_db,
    rain_found_share,
    rain_false_share,
    wind_found_share,
    wind_false_share,
    voice_false_share,
)


def _bias(bench: LabelledBench, case: str, *, known: bool) -> Score:
    rungs = [
        one
        for name, rungs in bench.ladder.items()
        for one in rungs
        if name.endswith(KNOWN) == known and 10 <= one.snr_db <= 20
    ]
    if len({one.witness for one in rungs}) < 2:
        return _unscored(case, "no noise is labelled (rain, wind, traffic, …), or too few calls reach 10 dB")
    return worst_bias(case, {"labelled": rungs}, bench.seed)


def _rains(bench: LabelledBench) -> list[bool]:
    return [one.rain for one in bench.windows.quality]


def _winds(bench: LabelledBench) -> list[bool]:
    return [one.wind for one in bench.windows.quality]


def _says(bench: LabelledBench, word: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([word in label.lower().split() for label in bench.windows.labels])


def _flagged(
    bench: LabelledBench,
    case: str,
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
    flags: Sequence[bool],
    label: str,
    *,
    worst: bool = False,
) -> Score:
    """Return the share of chosen windows that are flagged; instances are those that were answered wrongly."""
    at = np.flatnonzero(chosen)
    if not len(at):
        return _unscored(case, f"no window is labelled {label}")
    windows = bench.windows
    values = np.array([flags[int(i)] for i in at], dtype=np.float64)
    low, high = by_group(values, windows.groups[at].tolist(), seed=bench.seed)
    said = "flagged" if worst else "not flagged"
    wrong = [int(i) for i, value in zip(at, values, strict=True) if bool(value) == worst]
    return Score(
        case=case,
        value=float(values.mean()),
        n=len(at),
        reason=f"{int(values.sum())} of {len(at)} windows labelled {label} are flagged",
        low=low,
        high=high,
        instances=tuple(windows.instance(i, float(worst), said) for i in wrong[:_N_INSTANCES]),
    )


def _unscored(case: str, reason: str) -> Score:
    return Score(case=case, value=None, n=0, reason=reason)


def _climb(name: str, windows: LabelledWindows, call: int, noise: int) -> Iterator[Rung]:
    """Yield a call on every rung that its own noise allows."""
    own = _sound(windows, call)
    heard = spectrogram(own)
    active = activity(heard)
    if active is None or own.sample_rate_hz < _LEAST_RATE_HZ:
        return
    sounds = np.zeros(len(own.samples), dtype=bool)
    for ms in heard.ms[active.frames]:
        at, half = ms * own.sample_rate_hz / 1000, heard.hop_ms * own.sample_rate_hz / 2000
        sounds[max(0, round(at - half)) : round(at + half)] = True
    if not sounds.any() or np.mean(~sounds) < _LEAST_PAUSE:
        return
    added = _like(_sound(windows, noise), own)
    if np.mean(added == 0) > _MOST_ZEROS:
        return
    band = active.low_hz, active.high_hz, own.sample_rate_hz
    own_noise = _power_in(own.samples, ~sounds, *band)
    signal = _power_in(own.samples, sounds, *band) - own_noise
    present = band_power(added, *band)
    for rung in RUNGS_DB:
        wanted = signal / 10 ** (rung / 10) - own_noise
        if signal <= 0 or wanted <= 0 or present <= 0:
            continue
        clip = own.samples + added * np.sqrt(wanted / present)
        clip *= min(1.0, float(np.abs(own.samples).max() / np.abs(clip).max()))
        mixture = Waveform(clip.astype(np.float32), own.sample_rate_hz)
        for known, band_hz in (("", None), (KNOWN, band[:2])):
            snr_db = measure(mixture, spectrogram(mixture), band_hz=band_hz).snr_db
            found_db = np.nan if snr_db is None else snr_db
            place = windows.instance(
                call, words=f"the call is played as it was recorded; noise of {windows.where(noise)}"
            )
            yield Rung(f"{name}{known}", str(windows.groups[call]), rung, found_db, windows.where(call), place)


def _power_in(
    samples: np.ndarray[tuple[int], np.dtype[np.float32]],
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
    low_hz: float,
    high_hz: float,
    rate_hz: int,
) -> float:
    """Return the mean square between two frequencies of the chosen samples."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return float(np.mean(np.fft.irfft(spectrum, len(samples))[chosen] ** 2))


def _sound(windows: LabelledWindows, i: int) -> Waveform:
    recording = read_recording(windows.paths[i])
    return read_clip(recording, channel=None, t0_ms=float(windows.t0_ms[i]), t1_ms=float(windows.t1_ms[i]))


def _like(noise: Waveform, call: Waveform) -> Sound:
    """Return a noise at the rate and of the length of a call."""
    heard = np.concatenate([block.samples for block in resampled([noise], call.sample_rate_hz, "soxr")])
    return np.resize(heard, len(call.samples)).astype(np.float64)
