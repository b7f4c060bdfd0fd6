"""Rungs and trials of signal quality: what was measured of clips whose truth is known, with scores and tables of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.evals.base import Instance, Score
from rab.evals.intervals import by_group, of_share

Floats = npt.NDArray[np.float64]
N_INSTANCES = 50


class Rung(NamedTuple):
    """One clip of the ladder: what was mixed, the witness that it belongs to, the truth and what was measured."""

    noise: str
    witness: str
    snr_db: float
    found_db: float
    """NaN where nothing was measured: for arithmetic within an evaluation."""
    call: str = ""
    place: Instance | None = None
    """Where a part of it can be heard; a made sound has no file."""

    @property
    def instance(self) -> Instance:
        """The clip as something that a score rests on; its value is the error in dB."""
        words, error = "no SNR is measured", None
        if np.isfinite(self.found_db):
            error = round(self.found_db - self.snr_db, 3)
            words = f"{self.found_db:.1f} dB measured, {self.snr_db:g} dB made"
        about = Instance(name="", value=None) if self.place is None else self.place
        words = ". ".join(one for one in (words, about.words) if one)
        name = f"{self.call} in {self.noise} ({self.witness}) at {self.snr_db:g} dB"
        return about.model_copy(update={"name": name, "value": error, "words": words})


class Trial(NamedTuple):
    """One of the things that a share counts: whether it was found so, and what was measured."""

    name: str
    found: bool
    words: str = ""


def ladder_table(ladder: Mapping[str, Sequence[Rung]]) -> str:
    """Return the median error and its spread for each noise and rung, with the share that was measured."""
    rungs_db = sorted({one.snr_db for rungs in ladder.values() for one in rungs})
    lines = [
        "SNR measured less truth, dB: median (10 % to 90 %), share with an SNR",
        "",
        "| noise | " + " | ".join(f"{rung:g} dB" for rung in rungs_db) + " |",
        "|---|" + "---|" * len(rungs_db),
    ]
    for name, rungs in ladder.items():
        cells = [_cell([one for one in rungs if one.snr_db == rung]) for rung in rungs_db]
        if rungs:
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def share(case: str, trials: Sequence[Trial], of_what: str, *, right: bool = True) -> Score:
    """Return the share of independent trials that were found so, with Wilson's interval.

    `right` is what each should have been found; the others come first among the instances.
    """
    n_found = sum(bool(one.found) for one in trials)
    low, high = of_share(n_found, len(trials))
    worst = sorted(trials, key=lambda one: bool(one.found) == right)[:N_INSTANCES]
    return Score(
        case=case,
        value=n_found / len(trials),
        n=len(trials),
        reason=f"{n_found} of {len(trials)} {of_what}",
        low=low,
        high=high,
        instances=tuple(
            Instance(
                name=one.name,
                value=float(one.found),
                words=": ".join(filter(None, ("right" if bool(one.found) == right else "wrong", one.words))),
            )
            for one in worst
        ),
    )


def worst_bias(case: str, ladder: Mapping[str, Sequence[Rung]], seed: int) -> Score:
    """Return the largest |median error| among noises, with its interval: witnesses are drawn again."""
    return worst_of(case, {name: of_errors(rungs, _bias) for name, rungs in ladder.items()}, ladder, _bias, seed)


def worst_of(
    case: str,
    values: Mapping[str, float | None],
    ladder: Mapping[str, Sequence[Rung]],
    reduce: Callable[[Floats], float],
    seed: int,
) -> Score:
    """Return the statistic of the noise in which it is largest, with its interval and the worst clips."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return Score(case=case, value=None, n=0, reason="no clip has an SNR")
    worst = max(known, key=known.__getitem__)
    heard = [one for one in ladder[worst] if np.isfinite(one.found_db)]
    low, high = by_group(_errors(heard), [one.witness for one in heard], seed=seed, reduce=reduce)
    return Score(
        case=case,
        value=known[worst],
        n=sum(len(rungs) for rungs in ladder.values()),
        reason=f"worst in {worst} noise, {len({one.witness for one in heard})} witnesses",
        low=low,
        high=high,
        evidence=tuple(f"{name}: {value:.2f} dB" for name, value in known.items()),
        instances=worst_first([one for rungs in ladder.values() for one in rungs if np.isfinite(one.found_db)]),
    )


def worst_first(rungs: Sequence[Rung]) -> tuple[Instance, ...]:
    """Return clips without an SNR, and then by how far it is wrong."""
    far = np.array([np.inf if not np.isfinite(one.found_db) else abs(one.found_db - one.snr_db) for one in rungs])
    return tuple(rungs[int(i)].instance for i in np.argsort(-far, kind="stable")[:N_INSTANCES])


def said_db(snr_db: float | None) -> str:
    """Return what was measured of a clip, in words."""
    return "no SNR is measured" if snr_db is None else f"{snr_db:.1f} dB measured"


def _errors(rungs: Sequence[Rung]) -> Floats:
    return np.array([one.found_db - one.snr_db for one in rungs if np.isfinite(one.found_db)], dtype=np.float64)


def of_errors(rungs: Sequence[Rung], reduce: Callable[[Floats], float]) -> float | None:
    """Return a statistic of the errors of rungs, dB; None where none was measured."""
    errors = _errors(rungs)
    return reduce(errors) if len(errors) else None


def median(values: Floats) -> float:
    """Return the median."""
    return float(np.median(values))


def _bias(errors: Floats) -> float:
    return abs(median(errors))


def width(errors: Floats) -> float:
    """Return how far the 10th and the 90th of a hundred errors lie apart, dB."""
    low, high = np.percentile(errors, [10, 90])
    return float(high - low)


def _cell(rungs: Sequence[Rung]) -> str:
    errors = _errors(rungs)
    if not len(errors):
        return "0 %" if rungs else ""
    low, high = np.percentile(errors, [10, 90])
    return f"{median(errors):+.1f} ({low:+.1f} to {high:+.1f}), {len(errors) / len(rungs):.0%}"
