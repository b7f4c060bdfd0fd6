"""Learning a calibration: taxon by taxon where labels suffice, from all taxa together where they do not.

What counts is held-out recordings. A curve is chosen, judged and admitted by what it says of recordings that taught it
nothing; the curve that is kept is then fitted to all. Steps replace Platt's curve only where they are better by more
than one standard error of the held-out log loss: two numbers need fewer labels than a staircase.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from pydantic import Field

from rab.domain.calibration import HeldOutFit, LabelsUsed, SpeciesCalibration, Withheld, logit
from rab.domain.value import Fraction, Value
from rab.retrieval.calibration.curves import (
    Floats,
    Ints,
    Masks,
    Platt,
    Pooled,
    Steps,
    bounded,
    fit_platt,
    fit_platt_often,
    fit_pooled,
    fit_steps,
    sigmoid,
)
from rab.retrieval.calibration.proof import N_DRAWS, design_effect, folds, held_out_fit, log_losses, redrawn, repetition
from rab.retrieval.calibration.thresholds import thresholds

_KNOTS = 9


class CalibrationPolicy(Value):
    """How much must be labelled, and how exact a probability must be, before one is printed."""

    least_raw_score: Fraction = 0.1
    """Scores below this are left out: nothing is detected there, and easy answers flatter a calibration."""
    least_n: int = Field(default=50, ge=10)
    """Labelled segments of a taxon."""
    least_positive: int = Field(default=10, ge=1)
    least_negative: int = Field(default=5, ge=1)
    """Where nothing was ever wrong, labels say nothing of where errors begin."""
    least_recordings: int = Field(default=5, ge=2)
    least_own: int = Field(default=10, ge=1)
    """Labelled segments from which a taxon may borrow from the others."""
    least_taxa: int = Field(default=3, ge=2)
    """Taxa to be pooled."""
    max_ece: Fraction = 0.05
    """Held-out expected calibration error above which nothing is printed."""
    n_folds: int = Field(default=5, ge=2)
    precisions: tuple[Fraction, ...] = (0.9,)
    """Precisions to which thresholds are sought."""
    near_miscoverage: Fraction = 0.2
    """Share of known calls that may lie below the threshold of nearness."""
    near_edges_db: tuple[float, ...] = (0.0, 10.0, 20.0, 30.0)
    """Where bands of SNR meet."""
    near_recordings: int = Field(default=20, ge=2)
    """Recordings of a band, from which it has a threshold of its own."""
    seed: int = 20260101


@dataclass(frozen=True, eq=False)
class Answers:
    """n raw scores that were labelled: which taxon was said to sound, whether it did, in which recording."""

    raw_scores: Floats
    right: Masks
    groups: Ints
    """Recordings by number; one sound in several files counts as one."""
    taxa: Ints
    names: tuple[str, ...]
    """Scientific names, by number."""
    told: Masks
    """By number: whether a label ever spoke of the taxon, for it or against it. Of the others even the name may be one
    that labels never use: a dog is `Dog` to one model and `Canis familiaris` to a person."""

    def select(self, chosen: Masks) -> "Answers":
        """Return some answers, their groups numbered anew."""
        groups = np.unique(self.groups[chosen], return_inverse=True)[1].astype(np.intp)
        return Answers(self.raw_scores[chosen], self.right[chosen], groups, self.taxa[chosen], self.names, self.told)

    @property
    def logits(self) -> Floats:
        """Natural logarithm of the odds of the raw scores, [n]."""
        return np.array([logit(one) for one in self.raw_scores.tolist()])

    @property
    def n_recordings(self) -> int:
        """How many recordings they come from."""
        return len(np.unique(self.groups))


@dataclass(frozen=True)
class Terms:
    """What every calibration of a run has in common."""

    model: str
    labels: LabelsUsed
    learned_on: date
    site: str | None = None


def calibrate(
    answers: Answers, terms: Terms, policy: CalibrationPolicy, *, n_missed: Sequence[int] | None = None
) -> list[SpeciesCalibration]:
    """Calibrate every taxon that labels speak of, by name; those without labels enough borrow, or say what they lack.

    `n_missed` tells by number of the taxon on how many segments that hold it the model gave no score.
    """
    missed = n_missed or [0] * len(answers.names)
    known = answers.select(answers.told[answers.taxa])
    told = np.unique(known.taxa).tolist()
    own = {taxon: _own(known, taxon, terms, policy, missed[taxon]) for taxon in told}
    few = [taxon for taxon, one in own.items() if one.withheld == "few_labels"]
    pooled = _pool(known, policy) if terms.site is None and few else None
    if pooled is not None:
        own |= {taxon: _borrowed(own[taxon], taxon, known, pooled, policy) for taxon in few}
    return sorted(own.values(), key=lambda one: one.taxon)


def _own(known: Answers, taxon: int, terms: Terms, policy: CalibrationPolicy, n_missed: int) -> SpeciesCalibration:
    """Calibrate a taxon by its own labels."""
    own = known.select(known.taxa == taxon)
    n_folds = min(policy.n_folds, own.n_recordings)
    dealt = folds(own.groups, own.right, n_folds, policy.seed) if n_folds > 1 else np.zeros(len(own.right), np.intp)
    found = SpeciesCalibration(
        model=terms.model,
        taxon=own.names[taxon],
        site=terms.site,
        labels=terms.labels,
        learned_on=terms.learned_on,
        n=len(own.right),
        n_positive=int(own.right.sum()),
        n_recordings=own.n_recordings,
        n_missed=n_missed,
        raw_score_low=float(own.raw_scores.min()),
        raw_score_high=float(own.raw_scores.max()),
        thresholds=thresholds(
            own.raw_scores,
            own.right,
            own.groups,
            dealt,
            policy.precisions,
            n_missed=n_missed,
            least=policy.least_raw_score,
        ),
        withheld=_lacking(own, policy),
    )
    return found if found.withheld else found.model_copy(update=_fitted(own, dealt, policy))


def _lacking(own: Answers, policy: CalibrationPolicy) -> Withheld | None:
    n, n_positive = len(own.right), int(own.right.sum())
    enough = n >= policy.least_n and n_positive >= policy.least_positive
    enough = enough and n - n_positive >= policy.least_negative and own.n_recordings >= policy.least_recordings
    return None if enough else "few_labels"


def _fitted(own: Answers, dealt: Ints, policy: CalibrationPolicy) -> dict[str, object]:
    """Return what a fit adds to a calibration: its curve, its interval and its proof."""
    logits = own.logits
    platt = _held_out(fit_platt, logits, own.right, dealt)
    steps = _held_out(fit_steps, logits, own.right, dealt)
    method = "isotonic" if _clearly_better(steps, platt, own) else "platt"
    proof = held_out_fit(platt if method == "platt" else steps, own.right, own.groups, seed=policy.seed)
    at = np.unique(np.round(np.quantile(logits, np.linspace(0, 1, _KNOTS)), 4))
    times = redrawn(own.groups, N_DRAWS, policy.seed)
    if method == "platt":
        curve = fit_platt(logits, own.right)
        slopes, intercepts = fit_platt_often(logits, own.right, times)
        drawn = sigmoid(slopes[:, None] * at + intercepts[:, None])
        shape: dict[str, object] = {"slope": round(curve.slope, 6), "intercept": round(curve.intercept, 6)}
    else:
        staircase = fit_steps(logits, own.right)
        drawn = np.stack([fit_steps(logits, own.right, one)(at) for one in times])
        knots = zip(staircase.logits.tolist(), staircase.probabilities.tolist(), strict=True)
        shape = {"steps": tuple((round(x, 6), round(y, 6)) for x, y in knots)}
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return shape | {
        "method": method,
        "band": _band(at, low, high),
        "before": held_out_fit(own.raw_scores, own.right, own.groups, seed=policy.seed),
        "held_out": proof,
        "withheld": "inexact" if proof.ece > policy.max_ece else None,
    }


def _held_out(fit: Callable[[Floats, Masks], Platt | Steps], logits: Floats, right: Masks, dealt: Ints) -> Floats:
    """Return what curves say of the folds that they were not fitted to, [n]."""
    found = np.empty(len(right))
    for fold in np.unique(dealt):
        own = dealt == fold
        found[own] = bounded(fit(logits[~own], right[~own])(logits[own]), int((~own).sum()))
    return found


def _clearly_better(one: Floats, other: Floats, own: Answers) -> bool:
    """Return whether the log loss is lower by more than its standard error, clustered by recording."""
    gain = np.bincount(own.groups, log_losses(other, own.right) - log_losses(one, own.right))
    error = float(np.sqrt(((gain - gain.mean()) ** 2).sum() * len(gain) / max(1, len(gain) - 1)))
    return float(gain.sum()) > error


@dataclass(frozen=True, eq=False)
class _Pool:
    """Platt's curve for all taxa with a shift for each, its proof, and how uncertain it is."""

    curve: Pooled
    before: HeldOutFit
    held_out: HeldOutFit
    number: Mapping[int, int]
    """Taxon → its number in the curve."""
    n: int
    repeats: float
    """Design effect: by which the variance of the curve is greater than among independent answers."""
    low: float
    high: float


def _pool(known: Answers, policy: CalibrationPolicy) -> _Pool | None:
    """Fit all taxa together; None where even they are too few."""
    taxa, numbers = np.unique(known.taxa, return_inverse=True)
    if len(taxa) < policy.least_taxa or _lacking(known, policy):
        return None
    logits, numbers = known.logits, numbers.astype(np.intp)
    dealt = folds(known.groups, known.right, min(policy.n_folds, known.n_recordings), policy.seed)
    said = np.empty(len(known.right))
    for fold in np.unique(dealt):
        own = dealt == fold
        curve = fit_pooled(logits[~own], known.right[~own], numbers[~own], len(taxa))
        n_taught = np.bincount(numbers[~own], minlength=len(taxa))[numbers[own]]
        said[own] = bounded(curve(logits[own], numbers[own]), n_taught)
    return _Pool(
        curve=fit_pooled(logits, known.right, numbers, len(taxa)),
        number={taxon: at for at, taxon in enumerate(taxa.tolist())},
        before=held_out_fit(known.raw_scores, known.right, known.groups, seed=policy.seed),
        held_out=held_out_fit(said, known.right, known.groups, seed=policy.seed),
        n=len(known.right),
        repeats=design_effect(known.groups, repetition(known.right - said, known.groups)),
        low=float(known.raw_scores.min()),
        high=float(known.raw_scores.max()),
    )


def _borrowed(
    lacking: SpeciesCalibration, taxon: int, known: Answers, pool: _Pool, policy: CalibrationPolicy
) -> SpeciesCalibration:
    """Give a taxon the curve of all, shifted as its own labels say; where those are too few, leave it as it is."""
    if lacking.n < policy.least_own or lacking.n_recordings < 2:
        return lacking
    number = pool.number[taxon]
    intercept = pool.curve.intercept + float(pool.curve.shifts[number])
    at = np.linspace(logit(pool.low), logit(pool.high), _KNOTS)
    spread = pool.curve.spread(at, number) * np.sqrt(pool.repeats)
    middle = pool.curve.slope * at + intercept
    return lacking.model_copy(
        update={
            "source": "pooled",
            "method": "platt",
            "slope": round(pool.curve.slope, 6),
            "intercept": round(intercept, 6),
            "band": _band(at, sigmoid(middle - 1.96 * spread), sigmoid(middle + 1.96 * spread)),
            "pooled_taxa": len(pool.number),
            "pooled_n": pool.n,
            "raw_score_low": round(pool.low, 4),
            "raw_score_high": round(pool.high, 4),
            "before": pool.before,
            "held_out": pool.held_out,
            "withheld": "inexact" if pool.held_out.ece > policy.max_ece else None,
        }
    )


def _band(at: Floats, low: Floats, high: Floats) -> tuple[tuple[float, float, float], ...]:
    knots = zip(at.tolist(), low.tolist(), high.tolist(), strict=True)
    return tuple((round(x, 4), round(below, 4), round(above, 4)) for x, below, above in knots)
