"""Probes: few-shot linear classifiers on embeddings, taught in the library and judged on what was held apart.

Multinomial logistic regression (scikit-learn, L2, balanced classes) on unit vectors. Two exact rewritings keep it quick
and well conditioned: the mean is taken off (the intercept absorbs it) and the examples are rotated into the space that
they span (the L2 penalty does not see a rotation), so that 40 examples are a problem in 40 dimensions, not in 1,024.

Whatever is reported was measured on whole groups (recordings, sites) that the fold had not seen, with the strength of
the regularisation chosen inside the fold; of 400 examples or more, once over all, where it leaks nothing worth minutes
of computing. The same held-out logits give the temperature (Guo et al. 2017) that turns raw scores into probabilities;
with fewer than `ProbePolicy.min_calibration` of them the score stays a raw score.

The test for the unfamiliar (cosine to the nearest class centre, set to pass 95 % of held-out examples) is no detector
of noise: beside ten North American songbirds it lets through 3 % of Australian nights and 18 % of a day in the Jura,
but 43 % of barks, engines and rain.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Taxon, TaxonScore, Value
from rab.domain.probe import HeldOut, Probe, ProbeKind, ProbeMetrics, ProbeScore, ShotAccuracy, packed
from rab.errors import InputError, SpaceMismatch

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]


class ProbePolicy(Value):
    """How a probe is taught."""

    strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    """C to choose from: weak regularisation is large."""
    default_strength: float = Field(default=100.0, gt=0)
    """C where nothing can be held apart to choose it by."""
    n_folds: int = Field(default=10, ge=2)
    n_folds_of_many: int = Field(default=5, ge=2)
    many: int = Field(default=400, ge=2)
    """Examples from which there are fewer folds, and one choice of C serves all of them."""
    min_calibration: int = Field(default=30, ge=2)
    """Held-out examples from which a temperature is fitted."""
    familiar_share: float = Field(default=0.95, gt=0, le=1)
    """Share of held-out examples that count as familiar."""
    n_bootstrap: int = Field(default=1000, ge=100)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Examples:
    """n labelled vectors of one space: float32 [n, dim], a class and a group for each."""

    vectors: npt.NDArray[np.float32]
    names: Sequence[str]
    groups: Sequence[str]
    held_out: HeldOut = "recording"
    """What a group is."""

    def __post_init__(self) -> None:
        if not len(self.vectors) == len(self.names) == len(self.groups):
            raise ValueError("every vector has one class and one group")


class ShotTrial(NamedTuple):
    """One draw of few examples: rows that taught, rows that were asked, and whether those were named rightly."""

    taught: Whole
    asked: Whole
    right: npt.NDArray[np.bool_]


def train_probe(
    examples: Examples,
    *,
    name: str,
    kind: ProbeKind,
    space: str,
    taught_with: str,
    caveats: Sequence[str] = (),
    shots: Sequence[int] = (),
    policy: ProbePolicy = ProbePolicy(),
) -> Probe:
    """Teach a probe with all examples, and say how well it does on groups that it has not seen.

    `shots` adds the accuracy with so few examples of each class. Raises `InputError` for no example, for a single
    class, for vectors that are not finite or have no length.
    """
    import sklearn

    data = _Data.of(examples)
    n_folds = policy.n_folds if len(data.y) < policy.many else policy.n_folds_of_many
    fold_of = _folds(data, n_folds)
    said = list(caveats)
    held_out: HeldOut = examples.held_out
    if fold_of is None:
        held_out, fold_of = "segment", _folds(data.ungrouped(), n_folds)
        said.append(_no_groups(data, examples.held_out, can_split=fold_of is not None))
        data = data.ungrouped()
    strength = policy.default_strength if fold_of is None else _chosen_strength(data, policy)
    weights, biases = _fit(data.unit, data.y, len(data.classes), strength)
    once = strength if len(data.y) >= policy.many else None
    logits = None if fold_of is None else _held_out_logits(data, fold_of, once, policy)
    temperature = None
    metrics = None
    if logits is not None and fold_of is not None:
        is_enough = held_out != "segment" and len(data.y) >= policy.min_calibration
        temperature = _temperature(logits, data.y) if is_enough else None
        metrics = _metrics(data, fold_of, logits, held_out, is_calibrated=is_enough, policy=policy)
    centres = _centres(data.unit, data.y, len(data.classes))
    return Probe(
        name=name,
        kind=kind,
        space=space,
        classes=data.classes,
        n_per_class=tuple(np.bincount(data.y, minlength=len(data.classes)).tolist()),
        dim=data.unit.shape[1],
        weights=packed(weights),
        biases=packed(biases),
        centres=packed(centres),
        familiar_similarity=_familiar_similarity(data, fold_of, policy.familiar_share),
        inverse_regularisation=strength,
        temperature=temperature,
        metrics=metrics,
        curve=few_shot_curve(examples, shots, policy=policy) if shots else (),
        caveats=tuple(said),
        taught_with=taught_with,
        sklearn_version=sklearn.__version__,
        trained_at=datetime.now(UTC),
    )


def few_shot_curve(
    examples: Examples, shots: Sequence[int], *, n_draws: int = 20, policy: ProbePolicy = ProbePolicy()
) -> tuple[ShotAccuracy, ...]:
    """Return the held-out balanced accuracy with so many examples of each class.

    For every draw one fold of groups is held out whole, and examples are drawn from the others, as many different
    groups as there are first. A number of shots that some class cannot give outside a fold is left out; so is
    everything where no groups can be held apart.
    """
    y, curve = _Data.of(examples).y, []
    random = np.random.default_rng(policy.seed)
    for n_per_class in shots:
        reached = [
            float(np.mean([one.right[y[one.asked] == i].mean() for i in np.unique(y[one.asked])]))
            for one in few_shot_trials(examples, n_per_class, n_draws=n_draws, policy=policy, random=random)
        ]
        if reached:
            low, high = map(float, np.quantile(reached, (0.05, 0.95)))
            about = {"balanced_accuracy": float(np.mean(reached)), "low": low, "high": high}
            curve.append(ShotAccuracy(n_per_class=n_per_class, n_draws=len(reached), **about))
    return tuple(curve)


def few_shot_trials(
    examples: Examples,
    n_per_class: int,
    *,
    n_draws: int = 20,
    policy: ProbePolicy = ProbePolicy(),
    random: np.random.Generator | None = None,
) -> list[ShotTrial]:
    """Return what each draw of so many examples of every class taught, and how it did on the fold held out whole.

    There are none where no groups can be held apart, or some class has fewer examples outside the folds.
    """
    data, drawn = _Data.of(examples), random or np.random.default_rng(policy.seed)
    fold_of = _folds(data, policy.n_folds)
    if fold_of is None:
        return []
    found = (_drawn_trial(data, fold_of, draw, n_per_class, policy, drawn) for draw in range(n_draws))
    return [trial for trial in found if trial is not None]


def probe_scores(probe: Probe, vector: npt.NDArray[np.floating], *, space: str | None = None) -> tuple[ProbeScore, ...]:
    """Return the score of every class on one vector [dim], best first; plain numpy, no model is loaded.

    The vector need not be of unit length. Raises `SpaceMismatch` where `space` or the length is not the probe's, and
    `InputError` for a vector that is not finite or has no length.
    """
    if (space is not None and space != probe.space) or np.shape(vector) != (probe.dim,):
        raise SpaceMismatch(
            f"the probe {probe.name} was taught in {probe.space}, and this vector is of {space or np.shape(vector)}",
            hint="apply it to segments of the model that it was taught with",
        )
    unit = _unit(np.asarray(vector, dtype=np.float64)[None])[0]
    logits = probe.array("weights") @ unit + probe.array("biases")
    raw = _softmax(logits[None])[0]
    calibrated = None if probe.temperature is None else _softmax(logits[None] / probe.temperature)[0]
    is_familiar = float(np.max(probe.array("centres") @ unit)) >= probe.familiar_similarity
    return tuple(
        ProbeScore(
            score=TaxonScore(
                taxon=Taxon(scientific_name=probe.classes[i], common_name=probe.classes[i]),
                logit=float(logits[i]),
                raw_score=float(raw[i]),
                model=f"probe:{probe.name}",
            ),
            probability=None if calibrated is None else float(calibrated[i]),
            is_familiar=is_familiar,
        )
        for i in np.argsort(-logits, kind="stable")
    )


class _Data(NamedTuple):
    unit: Floats
    """[n, dim], of length 1."""
    y: Whole
    groups: Whole
    classes: tuple[str, ...]

    @classmethod
    def of(cls, examples: Examples) -> "_Data":
        """Sort out examples. Raises `InputError` for what nothing can be learned from."""
        classes = sorted(set(examples.names))
        if len(classes) < 2:
            found = f"only one class, {classes[0]!r}" if classes else "no examples"
            raise InputError(
                f"a probe tells classes apart, and there is {found}",
                hint="label segments of two classes or more, or widen --where",
            )
        return cls(
            _unit(np.asarray(examples.vectors, dtype=np.float64)),
            np.array([classes.index(name) for name in examples.names]),
            np.unique(np.asarray(examples.groups, dtype=np.str_), return_inverse=True)[1],
            tuple(classes),
        )

    def ungrouped(self) -> "_Data":
        """Make every example a group of its own."""
        return self._replace(groups=np.arange(len(self.y)))

    def some(self, chosen: npt.NDArray[np.bool_] | Whole) -> "_Data":
        return self._replace(unit=self.unit[chosen], y=self.y[chosen], groups=self.groups[chosen])


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise InputError("a vector is not finite or has no length", hint="ingest the recording again (`--again`)")
    return np.asarray(vectors / lengths)


def _no_groups(data: _Data, unit_of_groups: str, *, can_split: bool) -> str:
    counts = [len(np.unique(data.groups[data.y == i])) for i in range(len(data.classes))]
    poorest = data.classes[int(np.argmin(counts))]
    reason = f"{poorest} comes from a single {unit_of_groups}"
    if can_split:
        return f"{reason}, so segments were held out one by one: the accuracy is flattered, and scores stay raw."
    return f"{reason} and some class has a single example, so nothing could be held out."


def _folds(data: _Data, n_most: int) -> Whole | None:
    """Return the fold of every example, groups whole, classes spread; None where a class stands in one group alone.

    Groups go, the largest first, to the fold where they even out the classes most.
    """
    counts = np.zeros((int(data.groups.max()) + 1, len(data.classes)))
    np.add.at(counts, (data.groups, data.y), 1)
    if (counts > 0).sum(axis=0).min() < 2:
        return None
    shares = counts / counts.sum(axis=0)
    loads = np.zeros((min(n_most, len(counts)), len(data.classes)))
    fold_of_group = np.zeros(len(counts), dtype=np.intp)
    for group in np.argsort(-shares.max(axis=1), kind="stable"):
        grown = np.square(loads + shares[group]).sum(axis=1) - np.square(loads).sum(axis=1)
        best = int(np.argmin(grown))
        fold_of_group[group] = best
        loads[best] += shares[group]
    return fold_of_group[data.groups]


def _fit(unit: Floats, y: Whole, n_classes: int, strength: float) -> tuple[Floats, Floats]:
    """Return weights [n_classes, dim] and biases [n_classes]; a class without examples gets a bias out of reach."""
    from sklearn.linear_model import LogisticRegression

    mean = unit.mean(axis=0)
    _, _, basis = np.linalg.svd(unit - mean, full_matrices=False) if len(unit) < unit.shape[1] else (0, 0, None)
    reduced = unit - mean if basis is None else (unit - mean) @ basis.T
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it stopped early, where no strength separates further
        model.fit(reduced, y)
    rows = model.coef_ if len(model.classes_) > 2 else np.vstack([-model.coef_, model.coef_]) / 2
    offsets = model.intercept_ if len(model.classes_) > 2 else np.array([-1, 1]) * model.intercept_ / 2
    found = rows if basis is None else rows @ basis
    weights = np.zeros((n_classes, unit.shape[1]))
    biases = np.full(n_classes, -1e3)
    weights[model.classes_] = found
    biases[model.classes_] = offsets - found @ mean
    return weights, biases


def _fold_logits(data: _Data, fold_of: Whole, strength: float) -> Iterator[tuple[npt.NDArray[np.bool_], Floats]]:
    """Yield, for each fold, who is in it and their logits by a probe that was taught without it."""
    for fold in range(int(fold_of.max()) + 1):
        inside = fold_of == fold
        if len(np.unique(data.y[~inside])) < 2:
            continue
        weights, biases = _fit(data.unit[~inside], data.y[~inside], len(data.classes), strength)
        yield inside, data.unit[inside] @ weights.T + biases


def _chosen_strength(data: _Data, policy: ProbePolicy) -> float:
    """Return the C with the least held-out loss; the default where nothing can be held out."""
    fold_of = _folds(data, min(3, policy.n_folds))
    if fold_of is None:
        return policy.default_strength

    def loss(strength: float) -> float:
        return float(
            sum(
                _loss(logits, data.y[inside], 1.0) * inside.sum()
                for inside, logits in _fold_logits(data, fold_of, strength)
            )
        )

    return min(policy.strengths, key=loss)


def _held_out_logits(data: _Data, fold_of: Whole, strength: float | None, policy: ProbePolicy) -> Floats:
    """Return logits [n, n_classes] of every example, from a probe taught without its fold.

    `strength` None chooses C without the fold, too.
    """
    logits = np.zeros((len(data.y), len(data.classes)))
    for fold in range(int(fold_of.max()) + 1):
        inside = fold_of == fold
        outside = data.some(~inside)
        own = strength or _chosen_strength(outside, policy)
        weights, biases = _fit(outside.unit, outside.y, len(data.classes), own)
        logits[inside] = data.unit[inside] @ weights.T + biases
    return logits


def _softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _loss(logits: Floats, y: Whole, temperature: float) -> float:
    chances = _softmax(logits / temperature)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(chances, 1e-12)).mean())


def _temperature(logits: Floats, y: Whole) -> float:
    """Return the temperature with the least loss, between 1/20 and 20."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda log_t: _loss(logits, y, float(np.exp(log_t))), bounds=(-3.0, 3.0), method="bounded")
    return round(float(np.exp(found.x)), 4)


def _metrics(
    data: _Data, fold_of: Whole, logits: Floats, held_out: HeldOut, *, is_calibrated: bool, policy: ProbePolicy
) -> ProbeMetrics:
    right = (logits.argmax(axis=1) == data.y).astype(np.float64)
    n_classes = len(data.classes)
    recalls = np.bincount(data.y, weights=right, minlength=n_classes) / np.bincount(data.y, minlength=n_classes)
    low, high = _interval(data, right, policy)
    chances = _softmax(logits)
    if is_calibrated:
        for fold in range(int(fold_of.max()) + 1):
            inside = fold_of == fold
            chances[inside] = _softmax(logits[inside] / _temperature(logits[~inside], data.y[~inside]))
    of_truth = np.maximum(chances[np.arange(len(data.y)), data.y], 1e-12)
    return ProbeMetrics(
        held_out=held_out,
        n_examples=len(data.y),
        n_groups=len(np.unique(data.groups)),
        n_folds=int(fold_of.max()) + 1,
        balanced_accuracy=float(recalls.mean()),
        low=low,
        high=high,
        chance=1 / n_classes,
        recalls=tuple(recalls.tolist()),
        log_loss=float(-np.log(of_truth).mean()),
        calibration_error=_calibration_error(chances.max(axis=1), right) if is_calibrated else None,
    )


def _interval(data: _Data, right: Floats, policy: ProbePolicy) -> tuple[float, float]:
    """Return the 95 % percentile interval of balanced accuracy, groups drawn again (Efron & Tibshirani 1993)."""
    n_groups = int(data.groups.max()) + 1
    hits, counts = np.zeros((n_groups, len(data.classes))), np.zeros((n_groups, len(data.classes)))
    np.add.at(hits, (data.groups, data.y), right)
    np.add.at(counts, (data.groups, data.y), 1)
    random = np.random.default_rng(policy.seed)
    times = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=policy.n_bootstrap)
    seen = times @ counts
    recalls = np.divide(times @ hits, seen, out=np.full(seen.shape, np.nan), where=seen > 0)
    drawn = np.nanmean(recalls[(seen > 0).any(axis=1)], axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _calibration_error(confidences: Floats, right: Floats) -> float:
    """Return the expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    bins = np.minimum((confidences * 10).astype(int), 9)
    gaps = np.abs(np.bincount(bins, weights=confidences - right, minlength=10))
    return float(gaps.sum() / len(right))


def _centres(unit: Floats, y: Whole, n_classes: int) -> Floats:
    sums = np.stack([unit[y == i].sum(axis=0) for i in range(n_classes)])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))


def _familiar_similarity(data: _Data, fold_of: Whole | None, share: float) -> float:
    """Return the cosine to the nearest centre that `share` of the examples reach, held out where that is possible."""
    nearest = np.zeros(len(data.y))
    folds = np.zeros(len(data.y), dtype=np.intp) if fold_of is None else fold_of
    for fold in range(int(folds.max()) + 1):
        inside = folds == fold
        taught = inside if fold_of is None else ~inside
        centres = _centres(data.unit[taught], data.y[taught], len(data.classes))
        nearest[inside] = (data.unit[inside] @ centres.T).max(axis=1)
    return float(np.clip(np.quantile(nearest, 1 - share), -1, 1))


def _drawn_trial(
    data: _Data, fold_of: Whole, draw: int, n_per_class: int, policy: ProbePolicy, random: np.random.Generator
) -> ShotTrial | None:
    """Return how a probe that was taught with a few of the other folds does on one; None without enough."""
    inside = fold_of == draw % (int(fold_of.max()) + 1)
    chosen = []
    for i in range(len(data.classes)):
        own = random.permutation(np.flatnonzero(~inside & (data.y == i)))
        if len(own) < n_per_class:
            return None
        chosen.append(own[_groups_in_turn(data.groups[own])][:n_per_class])
    few = data.some(np.concatenate(chosen))
    weights, biases = _fit(few.unit, few.y, len(data.classes), policy.default_strength)
    rows = np.flatnonzero(inside)
    right = (data.unit[rows] @ weights.T + biases).argmax(axis=1) == data.y[rows]
    return ShotTrial(np.concatenate(chosen), rows, right)


def _groups_in_turn(groups: Whole) -> Whole:
    """Return an order in which each group gives its first member, then each its second."""
    turn = np.zeros(len(groups), dtype=np.intp)
    for group in np.unique(groups):
        turn[groups == group] = np.arange(np.count_nonzero(groups == group))
    return np.argsort(turn, kind="stable")
