"""The calibration suite: whether probabilities, thresholds and nearness hold on groups that taught nothing about them.

Each raw score of 0.1 or more on a class that some label names is an answer. Five times, four fifths of the groups
(recordists, source recordings) teach a calibration as the product learns it, and the rest is asked; answers that get no
probability are counted. What a label calls a dog BirdNET calls `Dog`: such names stand side by side in a table below.

All curves are asked, whether or not their own proof admits them, of recordings as they are, set by set and by SNR;
which share of the answers the product would print stands beside. Then comes the SNR ladder (`rab.evals.ladder`):
labelled calls in added noise, and the noise alone. Selective risk is asked of each clip's best class: the area under
the risk-coverage curve, by the calibrated probability and by the raw score; lower is better.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.domain.calibration import HeldOutFit, NearThreshold
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Score
from rab.evals.intervals import Bounds, by_group, of_picks
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_windows, taxon_of
from rab.evals.ladder import is_noise
from rab.evals.risk import aurc
from rab.evals.trials import climbed
from rab.evals.written import as_written
from rab.retrieval.calibration import (
    Answers,
    CalibrationPolicy,
    Terms,
    calibrate,
    near_thresholds,
    nearest_calls,
)
from rab.retrieval.calibration.proof import folds, held_out_fit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Masks = npt.NDArray[np.bool_]
Row = tuple[str, Masks]
"""Some answers, by what they have in common."""

ALSO: dict[str, frozenset[str]] = {
    "Canis familiaris": frozenset({"Dog"}),
    "Gallus gallus domesticus": frozenset({"Gallus gallus"}),
    "chainsaw": frozenset({"Power tools", "Engine"}),
    "helicopter": frozenset({"Engine"}),
    "airplane": frozenset({"Engine"}),
}
"""Classes of BirdNET that are right where a label has another name for the sound."""

_TERMS = Terms("eval", "all", date(2026, 1, 1))
"""Any date: a calibration of an evaluation is not kept."""
_N_FOLDS = 5
_MIN_ANSWERS = 100
_MIN_RUNG = 40
"""Answers below which a row of a table says nothing."""
_ALL = "all"
_COVERAGE = 0.8


def run_calibration(
    embedder: Embedder, files: Sequence[LabelledFile], *, seed: int, cache: Path | None = None
) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    """Answer every case of the suite, with its tables.

    Raises `InputError` where too few labels name a class of the model.
    """
    named = [one._replace(label=taxon_of(one.label)) for one in files if not one.label.startswith("soundscape")]
    windows = labelled_windows(named, embedder, cache=cache)
    queries = climbed(windows, embedder, seed, cache)
    noise = windows.select(np.array([is_noise(label) for label in windows.labels]))
    names = tuple(taxon.scientific_name for taxon in embedder.taxa)
    policy = CalibrationPolicy(seed=seed)
    unchecked = policy.model_copy(update={"max_ece": 1.0})
    asked = Asked.of([windows], names, windows.snr_db)
    climbing = Asked.of([queries.windows, noise], names, np.concatenate([queries.snr_db, np.full(len(noise), np.nan)]))
    if min(len(asked.clips), len(climbing.clips)) < _MIN_ANSWERS:
        raise InputError("too few labels name a class of the model", hint="give recordings of what the model knows")
    printed, curves, ladder = foretold(asked, policy), foretold(asked, unchecked), foretold(climbing, unchecked)
    bands = near(windows, policy)
    tables = (
        _table("recordings as they are", _rows(asked, windows), curves, seed),
        _table("SNR in the call's band, noise added", _rungs(climbing), ladder, seed),
        _near_table(bands),
    )
    return (
        *_fits(asked, curves, printed, seed),
        *_stress(_rungs(climbing), ladder, seed),
        _nearness(bands, policy),
        _leaked(asked, curves, as_written(windows.paths, windows.labels.tolist())[asked.clips], unchecked),
    ), tables


@dataclass(frozen=True, eq=False)
class Asked:
    """Answers, with the clip that each is of and the SNR that it has."""

    answers: Answers
    clips: Ints
    snr_db: Floats
    """NaN for noise."""

    @classmethod
    def of(cls, parts: Iterable[LabelledWindows], names: Sequence[str], snr_db: Floats) -> "Asked":
        """Ask every clip of every class that some label names, where the score is worth it."""
        parts = list(parts)
        labels = [str(label) for part in parts for label in part.labels]
        groups = [f"{one}/{group}" for part in parts for one, group in zip(part.sets, part.groups, strict=True)]
        right_names = [frozenset({label}) | ALSO.get(label, frozenset()) for label in labels]
        told = np.isin(names, sorted(set().union(*right_names)))
        raw = 1 / (1 + np.exp(-np.concatenate([part.logits for part in parts]).astype(np.float64)))
        at, taxa = np.nonzero((raw >= CalibrationPolicy().least_raw_score) & told)
        numbers = np.unique([groups[clip] for clip in at.tolist()], return_inverse=True)[1]
        answers = Answers(
            raw_scores=raw[at, taxa],
            right=np.array(
                [names[taxon] in right_names[clip] for clip, taxon in zip(at.tolist(), taxa.tolist(), strict=True)]
            ),
            groups=numbers.astype(np.intp),
            taxa=taxa.astype(np.intp),
            names=tuple(names),
            told=told,
        )
        return cls(answers, at.astype(np.intp), snr_db[at])


@dataclass(frozen=True, eq=False)
class Told:
    """What calibrations said of groups that had not taught them; NaN where they gave no probability."""

    answers: Answers
    probabilities: Floats

    @property
    def given(self) -> Masks:
        """Which answers got a probability."""
        return np.isfinite(self.probabilities)

    @property
    def groups(self) -> list[str]:
        """The group of each answer."""
        return [str(group) for group in self.answers.groups.tolist()]

    def fits(self, chosen: Masks, seed: int) -> tuple[HeldOutFit, HeldOutFit]:
        """Return how raw scores and probabilities hold among chosen answers that got one."""
        own = chosen & self.given
        right, groups = self.answers.right[own], np.unique(self.answers.groups[own], return_inverse=True)[1]
        raw = held_out_fit(self.answers.raw_scores[own], right, groups, seed=seed)
        return raw, held_out_fit(self.probabilities[own], right, groups, seed=seed)


def foretold(asked: Asked, policy: CalibrationPolicy) -> Told:
    """Return what is said of every answer by curves that other groups taught."""
    answers = asked.answers
    dealt = folds(answers.groups, answers.right, _N_FOLDS, policy.seed)
    probabilities = np.full(len(dealt), np.nan)
    for fold in range(_N_FOLDS):
        own = dealt == fold
        learned = {one.taxon: one for one in calibrate(answers.select(~own), _TERMS, policy)} if (~own).any() else {}
        for at in np.flatnonzero(own).tolist():
            found = learned.get(answers.names[answers.taxa[at]])
            given = None if found is None else found.probability(float(answers.raw_scores[at]))
            probabilities[at] = np.nan if given is None else given.probability
    return Told(answers, probabilities)


def own_word(asked: Asked, before: Told, own: Masks, policy: CalibrationPolicy) -> Masks:
    """Return which answers of a group get another probability when what is right in the group is dealt anew.

    As many stay right, among its highest raw scores or its lowest, so that groups go to the same folds: with the group
    left out of what teaches, nothing changes at all.
    """
    right, rows = asked.answers.right.copy(), np.flatnonzero(own)
    order = rows[np.argsort(-asked.answers.raw_scores[rows], kind="stable")]
    n_right = int(right[rows].sum())
    among = order if right[order[:n_right]].mean() < right[order[len(order) - n_right :]].mean() else order[::-1]
    right[rows] = np.isin(rows, among[:n_right])
    again = foretold(replace(asked, answers=replace(asked.answers, right=right)), policy)
    same = np.isclose(before.probabilities, again.probabilities, rtol=0, atol=0, equal_nan=True)
    return own & ~same


def _leaked(asked: Asked, told: Told, written: npt.NDArray[np.str_], policy: CalibrationPolicy) -> Score:
    """Deal anew what is right in the group that says most, as the folder's table tells groups."""
    case, right = "leaked_share", asked.answers.right
    n_says = {
        str(group): min(int(right[own].sum()), int((~right[own]).sum()))
        for group in np.unique(written[told.given])
        for own in [written == group]
    }
    most = max(sorted(n_says), key=n_says.__getitem__, default="")
    if not n_says.get(most):
        return Score(case=case, value=None, n=0, reason="no group has answers both right and wrong")
    own = written == most
    n_changed = int(own_word(asked, told, own, policy).sum())
    return Score(
        case=case,
        value=n_changed / int(own.sum()),
        n=int(own.sum()),
        reason=f"{n_changed} of {int(own.sum())} probabilities of the group {most} hang on what the group itself says",
    )


def near(windows: LabelledWindows, policy: CalibrationPolicy) -> tuple[NearThreshold, ...]:
    """Return the threshold of nearness of each band of SNR; calls of one group never meet."""
    taxa = np.unique(windows.labels, return_inverse=True)[1].astype(np.intp)
    pairs = [f"{one}/{group}" for one, group in zip(windows.sets, windows.groups, strict=True)]
    groups = np.unique(pairs, return_inverse=True)[1].astype(np.intp)
    return near_thresholds(
        nearest_calls(windows.vectors, taxa, groups, windows.snr_db),
        policy.near_edges_db,
        miscoverage=policy.near_miscoverage,
        least_recordings=policy.near_recordings,
        seed=policy.seed,
    )


def _fits(asked: Asked, curves: Told, printed: Told, seed: int) -> Iterator[Score]:
    """Yield what curves are worth on recordings as they are, and how many of their answers the product would print."""
    n, n_all = int(curves.given.sum()), len(curves.given)
    if n < _MIN_ANSWERS:
        raise InputError("too few labels to calibrate anything", hint="give more recordings of each label")
    raw, calibrated = curves.fits(np.ones(n_all, dtype=bool), seed)
    before, after = _selective(asked, curves)
    of_raw = "{:.3f} by the raw score".format
    yield _with_interval(
        Score(case="ece", value=calibrated.ece, n=n, reason=of_raw(raw.ece), evidence=_worst(calibrated)), calibrated
    )
    gain = _squared(curves.answers.raw_scores, curves) - _squared(curves.probabilities, curves)
    own = [group for group, given in zip(curves.groups, curves.given, strict=True) if given]
    yield _bounded(
        Score(case="brier_gain", value=raw.brier - calibrated.brier, n=n, reason=of_raw(raw.brier)),
        by_group(gain, own, seed=seed),
    )
    yield _bounded(
        Score(case="aurc_gain", value=before.area - after.area, n=n, reason=of_raw(before.area)),
        of_picks(lambda picks: before.picked(picks).area - after.picked(picks).area, before.groups, seed=seed),
    )
    yield _bounded(
        Score(case="risk_at_0.8", value=after.risk, n=n, reason=of_raw(before.risk)),
        of_picks(lambda picks: after.picked(picks).risk, after.groups, seed=seed),
    )
    shares = {
        "covered": (curves.given, "the others have too few labels"),
        "printed": (printed.given, "of the others the proof failed, or labels were too few"),
    }
    for case, (given, reason) in shares.items():
        share = Score(case=case, value=float(given.mean()), n=n_all, reason=reason)
        yield _bounded(share, by_group(given, curves.groups, seed=seed))


def _bounded(score: Score, bounds: Bounds) -> Score:
    return score.model_copy(update={"low": bounds.low, "high": bounds.high})


def _with_interval(score: Score, fit: HeldOutFit | None) -> Score:
    """Return the score of an expected calibration error with the interval that its proof has."""
    return score if fit is None else _bounded(score, Bounds(fit.ece_low, fit.ece_high))


def _squared(probabilities: Floats, told: Told) -> Floats:
    """Return the squared error of each answer that got a probability."""
    return (probabilities[told.given] - told.answers.right[told.given]) ** 2


def _stress(rungs: Sequence[Row], ladder: Told, seed: int) -> Iterator[Score]:
    """Yield how far the curves are off on the ladder, whether or not the product would print them."""
    fits = {name: ladder.fits(chosen, seed)[1] for name, chosen in rungs if (chosen & ladder.given).sum() >= _MIN_RUNG}
    whole = fits.pop(_ALL, None)
    n = int(ladder.given.sum())
    few = "too few answers got a probability"
    yield _with_interval(
        Score(case="ece_ladder", value=whole and whole.ece, n=n, reason="all rungs" if whole else few), whole
    )
    worst = max(fits, key=lambda name: fits[name].ece, default=None)
    fit = None if worst is None else fits[worst]
    yield _with_interval(Score(case="ece_worst_rung", value=fit and fit.ece, n=n, reason=worst or few), fit)


def _nearness(near: Sequence[NearThreshold], policy: CalibrationPolicy) -> Score:
    least = min(near, key=lambda one: one.coverage, default=None)
    n, promised = sum(one.n_calls for one in near), 1 - policy.near_miscoverage
    if least is None:
        return Score(case="near_coverage", value=None, n=n, reason="no band has recordings enough")
    return Score(
        case="near_coverage",
        value=least.coverage - promised,
        n=n,
        low=least.coverage_low - promised,
        high=least.coverage_high - promised,
        reason=f"the least of {len(near)} bands",
    )


def _rungs(asked: Asked) -> list[Row]:
    levels = np.unique(asked.snr_db[np.isfinite(asked.snr_db)]).tolist()
    rows = [(f"{snr:g} dB", asked.snr_db == snr) for snr in levels]
    return [*rows, ("noise alone", np.isnan(asked.snr_db)), (_ALL, np.ones(len(asked.clips), dtype=bool))]


def _rows(asked: Asked, windows: LabelledWindows) -> list[Row]:
    """Return the answers of each set and of each band of measured SNR."""
    sets = windows.sets[asked.clips]
    rows = [(str(name), sets == name) for name in np.unique(sets)]
    bands = ((-np.inf, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, np.inf))
    rows += [(_band_words(low, high), (asked.snr_db >= low) & (asked.snr_db < high)) for low, high in bands]
    return [*rows, (_ALL, np.ones(len(asked.clips), dtype=bool))]


@dataclass(frozen=True, eq=False)
class _Selective:
    """Each clip's best class: how far it is trusted, whether it is right, and the clip's group."""

    trust: Floats
    right: Masks
    groups: tuple[str, ...]

    def picked(self, picks: Ints) -> "_Selective":
        """Return some of the clips."""
        return _Selective(self.trust[picks], self.right[picks], ())

    @property
    def area(self) -> float:
        """The area under the risk-coverage curve."""
        return float(aurc(self.trust, self.right, np.ones((1, len(self.trust))))[0])

    @property
    def risk(self) -> float:
        """The share that is wrong among the most trusted four fifths."""
        kept = np.argsort(-self.trust, kind="stable")[: round(_COVERAGE * len(self.trust))]
        return float(1 - self.right[kept].mean())


def _selective(asked: Asked, told: Told) -> tuple[_Selective, _Selective]:
    """Return each clip's best class by raw score, and by probability."""
    given = np.flatnonzero(told.given)

    def best_by(trust: Floats) -> _Selective:
        order = given[np.lexsort((-trust[given], asked.clips[given]))]
        best = order[np.unique(asked.clips[order], return_index=True)[1]]
        return _Selective(trust[best], told.answers.right[best], tuple(told.groups[at] for at in best.tolist()))

    return best_by(told.answers.raw_scores), best_by(told.probabilities)


def _worst(fit: HeldOutFit) -> tuple[str, ...]:
    worst = sorted(fit.bins, key=lambda one: -abs(one.mean_probability - one.share_right))[:3]
    return tuple(
        f"foretold {one.mean_probability:.2f}, right {one.share_right:.2f} [{one.low:.2f}, {one.high:.2f}], n = {one.n}"
        for one in worst
    )


def _band_words(low_db: float, high_db: float) -> str:
    if not np.isfinite(low_db):
        return f"SNR below {high_db:g} dB"
    return f"SNR {low_db:g} dB or more" if not np.isfinite(high_db) else f"SNR {low_db:g} to {high_db:g} dB"


def _table(first: str, rows: Iterable[Row], told: Told, seed: int) -> str:
    lines = [
        f"| {first} | answers | with a probability | ECE raw | calibrated | if perfect | Brier raw | calibrated |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, told, chosen, seed) for name, chosen in rows if (chosen & told.given).sum() >= _MIN_RUNG]
    return "\n".join(lines)


def _row(name: str, told: Told, chosen: Masks, seed: int) -> str:
    raw, calibrated = told.fits(chosen, seed)
    return (
        f"| {name} | {int(chosen.sum())} | {int((chosen & told.given).sum())} | {raw.ece:.3f} | {calibrated.ece:.3f} "
        f"[{calibrated.ece_low:.3f}, {calibrated.ece_high:.3f}] | {calibrated.ece_if_perfect:.3f} | {raw.brier:.3f} "
        f"| {calibrated.brier:.3f} |"
    )


def _near_table(near: Sequence[NearThreshold]) -> str:
    lines = [
        "| SNR, dB | near from cosine | calls | groups | held-out coverage | strangers as near |",
        "|---|---|---|---|---|---|",
    ]
    for one in near:
        low = "" if one.snr_low_db is None else f"{one.snr_low_db:g}"
        high = "" if one.snr_high_db is None else f"{one.snr_high_db:g}"
        lines.append(
            f"| {low} to {high} | {one.similarity:.3f} | {one.n_calls} | {one.n_recordings} | {one.coverage:.3f} "
            f"[{one.coverage_low:.3f}, {one.coverage_high:.3f}] | {one.foreign_share:.3f} |"
        )
    return "\n".join(lines)
