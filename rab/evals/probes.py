"""The suite `probes`: what a linear classifier reads out of the embeddings, taught with 1, 2, 4, 8 and 16 examples.

Four questions are wanted: species, kind of call, individual, habitat. Two are feared: where a call of one species was
recorded, and with what. Kind, individual and place are asked within one taxon, for otherwise the species would
answer for them. Every draw holds whole groups out (`rab.retrieval.probes`); accuracy is the mean over classes, its
interval draws groups again.

Few folders tell of recorders, and where they do, recorder, place and season are one. So the device is also planted:
each of a hundred windows is heard through a second microphone as well (3 dB down at 150 Hz and at 6 kHz, with a noise
floor 40 dB below the sound), and a probe that has never met the recording says which of the two it was. A guess gives
0.5; what lies above, its interval included, is what the embeddings carry of the device.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.audio import read_clip, read_recording
from rab.domain import Waveform
from rab.embedders.base import Embedder
from rab.evals.base import Answered, Score
from rab.evals.intervals import Bounds, by_group
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_windows, taxon_of, unit
from rab.evals.ladder import is_noise, model_samples
from rab.evals.written import as_written
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_trials

Floats = npt.NDArray[np.float64]

SHOTS = (1, 2, 4, 8, 16)
DEVICE = "device (planted)"
_N_DRAWS = 20
_N_HEARD_TWICE = 100
_MOST_GROUPS = 10
"""Folds of a probe: a class needs its examples outside the largest of them."""
_LOW_CUT_HZ, _HIGH_CUT_HZ, _FLOOR_DB = 150.0, 6000.0, -40.0


class Shot(NamedTuple):
    """What probes of so many examples reached: accuracy of whole groups held out, with its interval."""

    n_per_class: int
    accuracy: float
    bounds: Bounds


@dataclass(frozen=True, eq=False)
class Question:
    """One thing to tell apart: vectors with a class and a group each."""

    asks: str
    within: str
    examples: Examples
    paths: tuple[Path, ...]
    """Of each example's recording: by what is written of it, leaks are counted."""

    @property
    def chance(self) -> float:
        """Accuracy of a guess."""
        return 1 / len(set(self.examples.names))

    @cached_property
    def shots(self) -> tuple[Shot, ...]:
        """The learning curve; a number of shots that some class cannot give is left out."""
        return tuple(shot for n in SHOTS if (shot := _shot(self.examples, n)) is not None)

    @cached_property
    def leaked_share(self) -> float:
        """Share of asked examples whose group, by its own word or as it is written, also taught: 0 if all is true."""
        said, written = np.asarray(self.examples.groups), as_written(self.paths, self.examples.names)
        draw = partial(few_shot_trials, n_draws=_MOST_GROUPS, policy=_policy(self.examples))
        trials = next((found for n in reversed(SHOTS) if (found := draw(self.examples, n))), [])
        leaks = [
            np.mean(
                np.isin(said[trial.asked], said[trial.taught]) | np.isin(written[trial.asked], written[trial.taught])
            )
            for trial in trials
        ]
        return float(np.mean(leaks)) if leaks else 0.0


def run_probes(embedder: Embedder, files: Sequence[LabelledFile], *, seed: int, cache: Path | None = None) -> Answered:
    """Answer every case of the suite; what labels do not tell is not scored. The table has the learning curves."""
    windows = labelled_windows(files, embedder, cache=cache)
    questions = [*asked_of(windows, files), *filter(None, [heard_twice(windows, embedder, seed)])]
    by_kind = {kind: [one for one in questions if one.asks == kind] for kind in (*KINDS, DEVICE)}
    scores = [
        *(_wanted(f"{kind.replace(' ', '_')}_{n}", by_kind[kind], n) for kind, n in _WANTED),
        _carried("place_within_species", [*by_kind["place"], *by_kind["recorder"]]),
        _carried("device_accuracy", by_kind[DEVICE]),
        _leaked(questions),
    ]
    return Answered(tuple(scores), (curves(questions), *warnings(questions)))


def asked_of(windows: LabelledWindows, files: Sequence[LabelledFile]) -> list[Question]:
    """Return what the labels of windows of animals can be asked."""
    said = {file.path: file for file in files}
    named = np.array([not is_noise(label) and not label.startswith("soundscape") for label in windows.labels])
    own = windows.select(named)
    about = [said[path] for path in own.paths]
    taxa = np.array([taxon_of(label) for label in own.labels])
    found: list[Question] = []
    for kind, of in KINDS.items():
        names = np.array([of(file) for file in about])
        for within in ("all",) if kind in ("species", "habitat") else sorted(set(taxa.tolist())):
            here = (names != "") & ((taxa == within) | (within == "all"))
            found += _questions(kind, within, own, names, here)
    return found


def heard_twice(windows: LabelledWindows, embedder: Embedder, seed: int) -> Question | None:
    """Return the question of the planted device; None with fewer than ten recordings."""
    drawn = np.random.default_rng(seed)
    first = [
        int(np.flatnonzero(windows.recording_ids == one)[0]) for one in sorted(set(windows.recording_ids.tolist()))
    ]
    chosen = drawn.permutation(first)[:_N_HEARD_TWICE].tolist()
    if len(chosen) < _MOST_GROUPS:
        return None
    clips = []
    for at in chosen:
        recording = read_recording(windows.paths[at])
        t0_ms, t1_ms = float(windows.t0_ms[at]), float(windows.t1_ms[at])
        clips.append(through_microphone(read_clip(recording, channel=None, t0_ms=t0_ms, t1_ms=t1_ms), drawn))
    heard = [model_samples(clip, embedder) for clip in clips]
    vectors = [embedder.embed(np.stack(heard[start : start + 16])).embeddings for start in range(0, len(heard), 16)]
    groups = windows.groups[chosen].tolist()
    return Question(
        DEVICE,
        "all",
        Examples(
            np.concatenate([windows.vectors[chosen], unit(np.concatenate(vectors))]),
            ["as it was"] * len(chosen) + ["second microphone"] * len(chosen),
            groups * 2,
            held_out="group",
        ),
        tuple(windows.paths[at] for at in chosen) * 2,
    )


def through_microphone(clip: Waveform, random: np.random.Generator) -> Waveform:
    """Return a clip as a second microphone would have recorded it."""
    spectrum = np.fft.rfft(clip.samples.astype(np.float64))
    hz = np.fft.rfftfreq(len(clip.samples), 1 / clip.sample_rate_hz)
    response = 1 / np.sqrt(1 + (_LOW_CUT_HZ / np.maximum(hz, 1)) ** 2) / np.sqrt(1 + (hz / _HIGH_CUT_HZ) ** 2)
    sound = np.fft.irfft(spectrum * response, len(clip.samples))
    floor = np.std(sound) * 10 ** (_FLOOR_DB / 20) * random.standard_normal(len(sound))
    return Waveform((sound + floor).astype(np.float32), clip.sample_rate_hz, clip.t0_ms)


def kind_of_call(label: str) -> str:
    """Return the kind of call that a label tells: `Phascolarctos cinereus (Koala, male bellow)` is a male bellow."""
    found = re.search(r"\([^,()]+, ([^()]+)\)", label)
    return found[1].strip() if found else ""


def individual(label: str) -> str:
    """Return whom a label names behind a comma: `Parus major, nestbox B32` is at nestbox B32."""
    found = re.match(r"[^,()@]+, ([^()@]+)$", label)
    return found[1].strip() if found else ""


KINDS: Mapping[str, Callable[[LabelledFile], str]] = {
    "species": lambda file: taxon_of(file.label),
    "call type": lambda file: kind_of_call(file.label),
    "individual": lambda file: individual(file.label),
    "habitat": lambda file: file.habitat,
    "place": lambda file: file.place,
    "recorder": lambda file: file.recorder,
}
_WANTED = (("species", 1), ("species", 8), ("call type", 4), ("individual", 4))


def curves(questions: Sequence[Question]) -> str:
    """Return every question's learning curve as a Markdown table."""
    lines = [
        "Accuracy on groups held out (mean over classes, 95 % interval over groups) by examples of each class",
        "",
        "| what | within | classes | groups | guess | " + " | ".join(map(str, SHOTS)) + " |",
        "|---|---|---|---|---|" + "---|" * len(SHOTS),
    ]
    for one in questions:
        reached = {shot.n_per_class: f"{shot.accuracy:.2f}{_ends(shot.bounds)}" for shot in one.shots}
        cells = " | ".join(reached.get(n, "") for n in SHOTS)
        n_classes, n_groups = len(set(one.examples.names)), len(set(one.examples.groups))
        lines.append(f"| {one.asks} | {one.within} | {n_classes} | {n_groups} | {one.chance:.2f} | {cells} |")
    return "\n".join(lines)


def warnings(questions: Sequence[Question]) -> tuple[str, ...]:
    """Say of each place, recorder and device that the embeddings carry how surely they do."""
    return tuple(
        f"Warning: {words}"
        for one in questions
        if one.asks in ("place", "recorder", DEVICE) and (words := _carries(one)) is not None
    )


def _carries(question: Question) -> str | None:
    """Return the warning where the whole interval of the longest curve lies above a guess."""
    if not question.shots:
        return None
    shot = question.shots[-1]
    if shot.bounds.low is None or shot.bounds.low <= question.chance:
        return None
    within = "" if question.within == "all" else f" within {question.within}"
    return (
        f"the embeddings carry the {question.asks}{within}: a probe of {shot.n_per_class} examples tells it in "
        f"{shot.accuracy:.0%} {_ends(shot.bounds).strip()} where a guess gives {question.chance:.0%}. "
        "Do not read differences between recorders as differences between animals."
    )


def _ends(bounds: Bounds) -> str:
    return "" if bounds.low is None else f" [{bounds.low:.2f}, {bounds.high:.2f}]"


def _questions(
    kind: str, within: str, windows: LabelledWindows, names: npt.NDArray[np.str_], here: npt.NDArray[np.bool_]
) -> Iterator[Question]:
    """Yield a question for each set of two classes or more that can give as many shots: fewer shots, more classes."""
    groups = windows.groups.copy()
    if all(len(set(groups[here & (names == name)])) == 1 for name in set(names[here])):
        groups = windows.recording_ids.copy()  # a nest is one individual: held apart would be the answer
    outside = {name: _outside(groups[here & (names == name)]) for name in sorted(set(names[here].tolist()))}
    asked: list[str] = []
    for n in (SHOTS[-1], SHOTS[-2], SHOTS[-3]):
        able = [name for name, n_outside in outside.items() if n_outside >= n]
        if len(able) > max(1, len(asked)):
            asked = able
            rows = np.flatnonzero(here & np.isin(names, able))
            examples = Examples(windows.vectors[rows], names[rows].tolist(), groups[rows].tolist())
            yield Question(kind, within, examples, tuple(windows.paths[at] for at in rows.tolist()))


def _outside(groups: npt.NDArray[np.str_]) -> int:
    """Return how many examples are left outside the largest group."""
    _, counts = np.unique(groups, return_counts=True)
    return int(counts.sum() - counts.max()) if len(counts) > 1 else 0


def _policy(examples: Examples) -> ProbePolicy:
    return ProbePolicy(n_folds=max(2, min(_MOST_GROUPS, len(set(examples.groups)))))


def _shot(examples: Examples, n_per_class: int) -> Shot | None:
    hits, times = np.zeros(len(examples.names)), np.zeros(len(examples.names))
    for trial in few_shot_trials(examples, n_per_class, n_draws=_N_DRAWS, policy=_policy(examples)):
        hits[trial.asked] += trial.right
        times[trial.asked] += 1
    asked = times > 0
    _, y = np.unique(np.asarray(examples.names), return_inverse=True)
    if len(set(y[asked].tolist())) < len(set(y.tolist())):
        return None
    shares = np.column_stack([hits[asked] / times[asked], y[asked]])
    groups = np.asarray(examples.groups)[asked].tolist()
    bounds = by_group(shares, groups, seed=0, reduce=_macro)
    return Shot(n_per_class, _macro(shares), bounds)


def _macro(shares: Floats) -> float:
    """Return the mean over classes of shares [n, 2]: how often an example was named rightly, and its class."""
    hits, counts = np.bincount(shares[:, 1].astype(int), shares[:, 0]), np.bincount(shares[:, 1].astype(int))
    return float((hits[counts > 0] / counts[counts > 0]).mean())


def _wanted(case: str, questions: Sequence[Question], n: int) -> Score:
    """Return how well probes of so many examples do, mean over the questions of a kind."""
    found = _each_taxon([(one, shot) for one in questions for shot in one.shots if shot.n_per_class == n])
    if not found:
        return Score(case=case, value=None, n=0, reason=f"no labels give {n} example(s) of two classes in other groups")
    only = found[0][1].bounds if len(found) == 1 else Bounds(None, None)
    return Score(
        case=case,
        value=float(np.mean([shot.accuracy for _, shot in found])),
        n=sum(len(one.examples.names) for one, _ in found),
        reason=f"accuracy of probes of {n} example(s) a class, groups held out",
        low=only.low,
        high=only.high,
        evidence=tuple(f"{one.within}: {shot.accuracy:.3f}, a guess {one.chance:.3f}" for one, shot in found),
    )


def _carried(case: str, questions: Sequence[Question]) -> Score:
    """Return how far above a guess the most telling question lies: 0 is a guess, 1 always right."""
    found = _each_taxon([(one, one.shots[-1]) for one in questions if one.shots])
    if not found:
        return Score(case=case, value=None, n=0, reason="no labels tell it apart within one species, in several groups")
    above = [(shot.accuracy - one.chance) / (1 - one.chance) for one, shot in found]
    worst = int(np.argmax(above))
    one, shot = found[worst]
    scale = partial(_above, chance=one.chance)
    return Score(
        case=case,
        value=above[worst],
        n=sum(len(one.examples.names) for one, _ in found),
        reason=_carries(one) or "the interval reaches down to a guess",
        low=scale(shot.bounds.low),
        high=scale(shot.bounds.high),
        evidence=tuple(f"{one.within}: {shot.accuracy:.3f}, a guess {one.chance:.3f}" for one, shot in found),
    )


def _each_taxon(found: Sequence[tuple[Question, Shot]]) -> list[tuple[Question, Shot]]:
    """Keep of each taxon the question with the most classes."""
    most = {one.within: (one, shot) for one, shot in sorted(found, key=lambda pair: len(set(pair[0].examples.names)))}
    return [most[within] for within in sorted(most)]


def _above(accuracy: float | None, *, chance: float) -> float | None:
    return None if accuracy is None else (accuracy - chance) / (1 - chance)


def _leaked(questions: Sequence[Question]) -> Score:
    shares = {f"{one.asks} within {one.within}": one.leaked_share for one in questions}
    worst = sorted(shares, key=lambda name: -shares[name])[:3]
    return Score(
        case="leaked_share",
        value=shares[worst[0]] if worst else 0.0,
        n=len(questions),
        reason="share of asked examples whose group, as its table gives it, had taught the probe; worst question",
        evidence=tuple(f"{name}: {shares[name]:.3f}" for name in worst if shares[name]),
    )
