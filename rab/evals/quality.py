"""The suite `quality`: whether what is measured on a segment is so, where the truth is known because it was made.

Made calls (sweeps, harmonic stacks, trills, bursts) climb a ladder of −20 to 30 dB in made noise and in what recordings
hold between their calls; the level is computed from the parts, not measured on the mixture (`rab.evals.sounds`).
Clipping, two singers at once, rain, wind, silence and the classes that tell of people are planted likewise, and clips
without them are the control. A draw of a call and a noise, or a recording, is one witness: intervals draw those again.

What a score rests on is named, the worst first; what is made again from its seed has no file, and a background is named
with its recording and time.

Speech itself is not asked: what is planted are raw scores of the classifier, so the flag is proven and the classifier's
ear for people is not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from rab.audio import resampled
from rab.audio.spectrogram import spectrogram
from rab.domain import Recording, SignalQuality, Waveform
from rab.embedders.base import Embedder
from rab.embedders.scores import PrivacyPolicy, human_classes, human_voice
from rab.evals.base import Answered, Instance, Score
from rab.evals.intervals import by_group
from rab.evals.labelled import full_windows
from rab.evals.ladder import own_noise
from rab.evals.quality_trials import (
    N_INSTANCES,
    Rung,
    Trial,
    ladder_table,
    median,
    of_errors,
    said_db,
    share,
    width,
    worst_bias,
    worst_first,
    worst_of,
)
from rab.evals.sounds import CALLS, NOISES, RATE_HZ, MadeCall, Sound, at_level, in_noise, made, white
from rab.quality import measure

RUNGS_DB = tuple(float(rung) for rung in range(-20, 31, 5))
STEADY, RECORDED = ("white", "pink"), "recorded"
_N_DRAWS = 8
_N_BACKGROUNDS = 24
_CLIPPED = 0.002
"""Share of samples from which a clip counts as clipped here: 6 ms of 3 s."""
_OVERLAPPED = 0.1
_SILENCE = np.zeros(round(3 * RATE_HZ))


class Background(NamedTuple):
    """What lies between the calls of a recording, at the rate of made sounds, and where."""

    sound: Sound
    place: Instance


@dataclass(frozen=True, eq=False)
class QualityBench:
    """Sounds to be measured: made ones from a seed, and what recordings hold between their calls."""

    embedder: Embedder
    recordings: Sequence[Recording]
    seed: int

    def drawn(self, *keys: int) -> np.random.Generator:
        """Return a generator that a question has for itself."""
        return np.random.default_rng([self.seed, *keys])

    @cached_property
    def calls(self) -> list[MadeCall]:
        """Eight draws of each kind of call."""
        return [make(self.drawn(1, n, kind)) for n in range(_N_DRAWS) for kind, make in enumerate(CALLS.values())]

    @cached_property
    def backgrounds(self) -> list[Background]:
        """What lies between the calls of recordings, one stretch of a recording, at the rate of made sounds."""
        found = (one for recording in self.recordings for one in islice(_between_calls(recording, self.embedder), 1))
        return list(islice(found, _N_BACKGROUNDS))

    @cached_property
    def ladder(self) -> list[Rung]:
        """Every call on every rung in each noise, and in a recorded background in turn."""
        rungs: list[Rung] = []
        for kind, (name, make) in enumerate(NOISES.items()):
            for n, call in enumerate(self.calls):
                rungs += _climb(Rung(name, f"{name} {n}", 0, 0, self.name_of(n)), call, make(self.drawn(2, kind, n)))
        for n, call in enumerate(self.calls):
            if self.backgrounds:
                noise, place = self.backgrounds[n % len(self.backgrounds)]
                rungs += _climb(Rung(RECORDED, place.name, 0, 0, self.name_of(n), place), call, noise)
        return rungs

    def name_of(self, n: int) -> str:
        """Return what a call is named: its kind and its number."""
        return f"{self.calls[n].kind} {n}"

    def noises(self) -> dict[str, list[Rung]]:
        """Return the ladder by noise."""
        return {name: [one for one in self.ladder if one.noise == name] for name in (*NOISES, RECORDED)}


def run_quality(embedder: Embedder, recordings: Sequence[Recording], *, seed: int) -> Answered:
    """Answer every case of the suite. The model lends the names of its classes; nothing is embedded."""
    bench = QualityBench(embedder, recordings, seed)
    return Answered(tuple(ask(bench) for ask in CASES), (ladder_table(bench.noises()),))


def snr_bias_db(bench: QualityBench) -> Score:
    """Ask how far the SNR lies from the truth in steady noise, from 5 dB up."""
    return worst_bias("snr_bias_db", _among(bench, STEADY, 5, 30), bench.seed)


def snr_bias_faint_db(bench: QualityBench) -> Score:
    """Ask the same of calls as loud as their noise."""
    return worst_bias("snr_bias_faint_db", _among(bench, STEADY, 0, 0), bench.seed)


def snr_bias_weather_db(bench: QualityBench) -> Score:
    """Ask the same in rain, wind and a chorus of insects, from 10 dB up."""
    return worst_bias("snr_bias_weather_db", _among(bench, ("insects", "rain", "wind"), 10, 30), bench.seed)


def snr_bias_recorded_db(bench: QualityBench) -> Score:
    """Ask the same in what recordings hold between their calls, from 10 dB up."""
    found = _among(bench, (RECORDED,), 10, 30)
    if not any(found.values()):
        return Score(case="snr_bias_recorded_db", value=None, n=0, reason="no recording has a pause between its calls")
    return worst_bias("snr_bias_recorded_db", found, bench.seed)


def snr_spread_db(bench: QualityBench) -> Score:
    """Ask how far apart the lowest and the highest tenth of the errors lie, in steady noise from 10 dB up."""
    spread = {name: of_errors(rungs, width) for name, rungs in _among(bench, STEADY, 10, 30).items()}
    return worst_of("snr_spread_db", spread, _among(bench, STEADY, 10, 30), width, bench.seed)


def snr_found_share(bench: QualityBench) -> Score:
    """Ask which share of the calls has an SNR at all, from 5 dB up, in any made noise."""
    rungs = [one for rungs in _among(bench, tuple(NOISES), 5, 30).values() for one in rungs]
    found = np.array([np.isfinite(one.found_db) for one in rungs], dtype=np.float64)
    low, high = by_group(found, [one.witness for one in rungs], seed=bench.seed)
    return Score(
        case="snr_found_share",
        value=float(found.mean()),
        n=len(rungs),
        reason=f"{int(found.sum())} of {len(rungs)} clips have an SNR",
        low=low,
        high=high,
        instances=worst_first(rungs),
    )


def phantom_share(bench: QualityBench) -> Score:
    """Ask in which share of steady noises without a call one of 0 dB or more is measured."""
    clips = [
        (f"{name} noise {n}", _heard(made(NOISES[name](bench.drawn(3, kind, n)))).snr_db)
        for kind, name in enumerate(STEADY)
        for n in range(40)
    ]
    trials = [Trial(name, (snr_db or -1.0) >= 0, said_db(snr_db)) for name, snr_db in clips]
    return share("phantom_share", trials, "noises hold a call", right=False)


def clipping_error(bench: QualityBench) -> Score:
    """Ask how far the clipped share lies from the planted one, relative to it (median)."""
    planted, found = zip(*(_clipped(bench, n, call) for n, call in enumerate(bench.calls)), strict=True)
    errors = np.abs(np.array(found) / np.array(planted) - 1)
    low, high = by_group(errors, [str(n) for n in range(len(errors))], seed=bench.seed, reduce=median)
    return Score(
        case="clipping_error",
        value=median(errors),
        n=len(errors),
        reason=f"planted {min(planted):.2%} to {max(planted):.2%} of the samples",
        low=low,
        high=high,
        instances=tuple(
            Instance(
                name=bench.name_of(int(n)),
                value=round(float(errors[n]), 6),
                words=f"{found[n]:.3%} of the samples found clipped, {planted[n]:.3%} planted",
            )
            for n in np.argsort(-errors, kind="stable")[:N_INSTANCES]
        ),
    )


def clipping_false_share(bench: QualityBench) -> Score:
    """Ask which share of sounds that nothing was cut off of counts as clipped."""
    clips = [in_noise(call, white(bench.drawn(5, n)), 20) for n, call in enumerate(bench.calls)]
    found = [_heard(one).clipped_fraction for one in clips]
    trials = [
        Trial(bench.name_of(n), one > _CLIPPED, f"{one:.3%} of the samples found clipped")
        for n, one in enumerate(found)
    ]
    return share("clipping_false_share", trials, "clean clips", right=False)


def overlap_found_share(bench: QualityBench) -> Score:
    """Ask in which share of the clips with two singers at once both are noticed."""
    pairs = [_pair(bench.drawn(6, n)) for n in range(5 * _N_DRAWS)]
    trials = [_overlap(f"pair {n}", one) for n, one in enumerate(pairs)]
    return share("overlap_found_share", trials, "pairs are noticed")


def overlap_false_share(bench: QualityBench) -> Score:
    """Ask which share of single singers counts as two."""
    clips = [in_noise(call, white(bench.drawn(7, n)), 25) for n, call in enumerate(bench.calls)]
    trials = [_overlap(bench.name_of(n), one) for n, one in enumerate(clips)]
    return share("overlap_false_share", trials, "singers", right=False)


def rain_found_share(bench: QualityBench) -> Score:
    """Ask which share of rains of −35 to −20 dBFS is flagged."""
    return share("rain_found_share", _weather(bench, "rain"), "rains are flagged")


def wind_found_share(bench: QualityBench) -> Score:
    """Ask which share of winds of the same levels is flagged."""
    return share("wind_found_share", _weather(bench, "wind"), "winds are flagged")


def weather_behind_call_share(bench: QualityBench) -> Score:
    """Ask which share of the same clips is flagged, when a call of −30 dBFS sounds in front."""
    trials = [*_weather(bench, "rain", song_dbfs=-30.0), *_weather(bench, "wind", song_dbfs=-30.0)]
    return share("weather_behind_call_share", trials, "rains and winds are flagged")


def weather_false_share(bench: QualityBench) -> Score:
    """Ask which share of calls in a steady noise of −55 dBFS is flagged as rain or wind."""
    trials = []
    for n, call in enumerate(bench.calls):
        noise = at_level(NOISES[STEADY[n % 2]](bench.drawn(9, n)), -55.0)
        one = _heard(made(at_level(call.samples, -35.0) + noise, peak=None))
        flags = " and ".join(name for name, stands in (("rain", one.rain), ("wind", one.wind)) if stands)
        name = f"{bench.name_of(n)} in {STEADY[n % 2]} noise"
        trials.append(Trial(name, bool(flags), f"flagged as {flags}" if flags else "not flagged"))
    return share("weather_false_share", trials, "fair clips are flagged", right=False)


def silence_found_share(bench: QualityBench) -> Score:
    """Ask whether digital silence is told from a faint noise: both must be answered rightly."""
    faint = [made(at_level(white(bench.drawn(10, n)), -85.0), peak=None) for n in range(10)]
    clips = [
        ("digital silence", made(_SILENCE, peak=None)),
        *((f"faint noise {n}", one) for n, one in enumerate(faint)),
    ]
    trials = []
    for name, clip in clips:
        silent = _heard(clip).silent
        trials.append(
            Trial(name, silent == (name == "digital silence"), f"told to be {'' if silent else 'not '}silent")
        )
    return share("silence_found_share", trials, "clips are told rightly")


def voice_found_share(bench: QualityBench) -> Score:
    """Ask for which share of the model's human classes a raw score just above the threshold raises the flag."""
    taxa = bench.embedder.taxa
    columns, policy = human_classes(taxa), PrivacyPolicy()
    if not len(columns):
        return Score(case="voice_found_share", value=None, n=0, reason="the model has no class that tells of people")
    at = float(np.log(policy.threshold / (1 - policy.threshold)))
    logits = np.full((2 * len(columns), len(taxa)), -12.0, np.float32)
    rows = np.arange(len(columns))
    logits[rows, columns], logits[len(columns) + rows, columns] = at + 0.1, at - 0.1
    flagged = human_voice(logits, columns, policy, activation=bench.embedder.card.activation)
    sides = [(int(column), side) for side in ("above", "below") for column in columns]
    trials = [
        Trial(f"{taxa[column].scientific_name} {side} the threshold", bool(flag) == (side == "above"))
        for (column, side), flag in zip(sides, flagged, strict=True)
    ]
    return share("voice_found_share", trials, "are told rightly")


CASES: tuple[Callable[[QualityBench], Score], ...] = (
    snr_bias_db,
    snr_bias_faint_db,
    snr_bias_weather_db,
    snr_bias_recorded_db,
    snr_spread_db,
    snr_found_share,
    phantom_share,
    clipping_error,
    clipping_false_share,
    overlap_found_share,
    overlap_false_share,
    rain_found_share,
    wind_found_share,
    weather_behind_call_share,
    weather_false_share,
    silence_found_share,
    voice_found_share,
)


def _overlap(name: str, clip: Waveform) -> Trial:
    found = _heard(clip).overlap_fraction
    return Trial(name, found >= _OVERLAPPED, f"several sources in {found:.2f} of the active time")


def _among(bench: QualityBench, names: Sequence[str], low_db: float, high_db: float) -> dict[str, list[Rung]]:
    found = bench.noises()
    return {name: [one for one in found[name] if low_db <= one.snr_db <= high_db] for name in names}


def _heard(clip: Waveform) -> SignalQuality:
    return measure(clip, spectrogram(clip))


def _climb(foot: Rung, call: MadeCall, sound: Sound) -> Iterator[Rung]:
    for rung in RUNGS_DB:
        snr_db = _heard(in_noise(call, sound, rung)).snr_db
        yield foot._replace(snr_db=rung, found_db=np.nan if snr_db is None else snr_db)


def _between_calls(recording: Recording, embedder: Embedder) -> Iterator[Background]:
    """Yield what windows of a recording hold between their calls, at the rate of made sounds."""
    for window in full_windows(recording, embedder) if recording.sample_rate_hz >= RATE_HZ // 3 else ():
        quiet = own_noise(window.native)
        if quiet is not None and np.any(quiet.samples):
            heard = np.concatenate([block.samples for block in resampled([quiet], RATE_HZ, "soxr")])
            place = Instance(
                name=recording.file_name,
                value=None,
                recording=recording.path,
                t0_ms=window.t0_ms,
                t1_ms=window.t1_ms,
                words="the recording is where the noise is from; the call was made",
            )
            yield Background(np.resize(heard, len(_SILENCE)).astype(np.float64), place)


def _clipped(bench: QualityBench, n: int, call: MadeCall) -> tuple[float, float]:
    """Return the planted share of clipped samples, 0.3 to 10 %, and the share that is found."""
    sound = np.asarray(in_noise(call, white(bench.drawn(4, n)), 25).samples, dtype=np.float64)
    wanted = 0.003 * (0.1 / 0.003) ** float(bench.drawn(4, n, 1).random())
    rail = float(np.quantile(np.abs(sound), 1 - wanted))
    planted = np.abs(sound) >= rail
    return float(planted.mean()), _heard(made(np.clip(sound, -rail, rail))).clipped_fraction


def _pair(random: np.random.Generator) -> Waveform:
    """Return two sweeps at once, apart in pitch, alike in level, sounding together for most of their time."""
    t_s = np.arange(len(_SILENCE)) / RATE_HZ
    sounds = (t_s % random.uniform(0.6, 0.9)) < 0.35
    low_hz = random.uniform(1500, 2200)
    high_hz = low_hz * random.uniform(2.35, 2.65)
    pair = np.sin(2 * np.pi * low_hz * t_s) + np.sin(2 * np.pi * high_hz * t_s + random.uniform(0, 6))
    call = MadeCall("pair", pair * sounds, sounds, low_hz, high_hz)
    return in_noise(call, white(random), 25)


def _weather(bench: QualityBench, name: str, song_dbfs: float | None = None) -> list[Trial]:
    """Return which rains are flagged as rain, or winds as wind, alone or behind a call."""
    trials = []
    for n, call in enumerate(bench.calls):
        random = bench.drawn(8, sum(name.encode()), n)
        weather, dbfs = NOISES[name](random), float(random.uniform(-35, -20))
        sound = at_level(weather, dbfs)
        song = 0.0 if song_dbfs is None else at_level(call.samples, song_dbfs)
        one = _heard(made((sound + song).clip(-1, 1), peak=None))
        behind = "" if song_dbfs is None else f" behind {bench.name_of(n)}"
        trials.append(Trial(f"{name} {n}{behind}", one.rain if name == "rain" else one.wind, f"{dbfs:.1f} dBFS"))
    return trials
