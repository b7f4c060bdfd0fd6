"""Curves from logits to probabilities: Platt's, the best rising steps, and Platt's for many taxa at once.

Platt (1999) fits a logistic curve to targets that are kept off 0 and 1, (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2), so that a
taxon whose scores separate perfectly does not get a cliff. Wood and Kahl (2024) fit the same curve on the logit of
BirdNET's score to what listeners said. Newton's method is damped as Lin, Lin and Weng (2007) show it must be.

A taxon with few labels borrows from the others: one slope for all, and a shift of its own that is drawn towards 0 as
far as the taxa resemble each other (a random intercept, its variance by expectation and maximisation).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Masks = npt.NDArray[np.bool_]

_N_NEWTON, _N_HALVINGS, _N_EM = 60, 12, 12
_TINY = 1e-9
_LEAST_VARIANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Platt:
    """probability = 1 / (1 + exp(−(slope · logit + intercept))); slope ≥ 0."""

    slope: float
    intercept: float

    def __call__(self, logits: Floats) -> Floats:
        """Return probabilities, [n]."""
        return sigmoid(self.slope * logits + self.intercept)


@dataclass(frozen=True, eq=False)
class Steps:
    """The rising steps that fit best, with straight lines between them; level outside."""

    logits: Floats
    probabilities: Floats

    def __call__(self, logits: Floats) -> Floats:
        """Return probabilities, [n]."""
        return np.asarray(np.interp(logits, self.logits, self.probabilities))


@dataclass(frozen=True, eq=False)
class Pooled:
    """Platt's curve for many taxa: one slope and intercept, and a shift for each taxon."""

    slope: float
    intercept: float
    shifts: Floats
    variance: float
    """Of the shifts, between taxa: small where taxa are alike."""
    covariance: Floats
    """Of slope, intercept and shifts, [2 + n_taxa, 2 + n_taxa], were all answers independent."""

    def __call__(self, logits: Floats, taxa: Ints) -> Floats:
        """Return probabilities [n] of logits [n] of taxa [n], by number."""
        return sigmoid(self.slope * logits + self.intercept + self.shifts[taxa])

    def spread(self, logits: Floats, taxon: int) -> Floats:
        """Return the standard error of the calibrated logit of a taxon, [n], were all answers independent."""
        chosen = [0, 1, 2 + taxon]
        rows = np.stack([logits, np.ones(len(logits)), np.ones(len(logits))], axis=1)
        return np.asarray(np.sqrt(np.einsum("ni,ij,nj->n", rows, self.covariance[np.ix_(chosen, chosen)], rows)))


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(−x)) without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def bounded(probabilities: Floats, n: Ints | int) -> Floats:
    """Return probabilities no nearer to 0 and 1 than 0.5 / (n + 1): Jeffreys' mean where all of n labels agree."""
    edge = 0.5 / (np.asarray(n) + 1)
    return np.asarray(np.clip(probabilities, edge, 1 - edge))


def fit_platt(logits: Floats, right: Masks) -> Platt:
    """Fit Platt's curve to n ≥ 1 answers. A curve that would fall is level instead."""
    slopes, intercepts = fit_platt_often(logits, right, np.ones((1, len(logits))))
    return Platt(float(slopes[0]), float(intercepts[0]))


def fit_platt_often(logits: Floats, right: Masks, times: Floats) -> tuple[Floats, Floats]:
    """Fit Platt's curve [n_draws] times, answers counting `times` [n_draws, n]; return slopes and intercepts [n_draws].

    All draws are fitted together: 200 of 5,000 answers take half a second.
    """
    centre, spread = float(logits.mean()), float(logits.std()) or 1.0
    x = (logits - centre) / spread
    n_right, n_wrong = times @ right, times @ ~right
    targets = np.where(right, ((n_right + 1) / (n_right + 2))[:, None], (1 / (n_wrong + 2))[:, None])
    slopes, intercepts = np.zeros(len(times)), np.log((n_right + 1) / (n_wrong + 1))
    loss = _loss(slopes, intercepts, x, targets, times)
    for _ in range(_N_NEWTON):
        p = sigmoid(slopes[:, None] * x + intercepts[:, None])
        error, weight = times * (p - targets), times * p * (1 - p)
        g0, g1 = error @ x, error.sum(axis=1)
        h00, h01, h11 = weight @ (x * x) + _TINY, weight @ x, weight.sum(axis=1) + _TINY
        determinant = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        size = np.ones(len(times))
        for _ in range(_N_HALVINGS):
            tried = _loss(slopes - size * step0, intercepts - size * step1, x, targets, times)
            worse = tried > loss + _TINY
            if not worse.any():
                break
            size[worse] /= 2
        slopes, intercepts = slopes - size * step0, intercepts - size * step1
        gain, loss = loss - tried, tried
        if (gain < 1e-10).all():
            break
    falls = slopes < 0
    slopes = np.where(falls, 0.0, slopes)
    intercepts = np.where(falls, np.log((n_right + 1) / (n_wrong + 1)), intercepts)
    return slopes / spread, intercepts - slopes * centre / spread


def fit_steps(logits: Floats, right: Masks, times: Floats | None = None) -> Steps:
    """Fit the rising steps of least squared error: pool adjacent violators (Ayer et al. 1955).

    Steps are kept off 0 and 1, as `bounded` does it.
    """
    weights = np.ones(len(logits)) if times is None else times
    kept = weights > 0
    order = np.argsort(logits[kept], kind="stable")
    x, y, w = logits[kept][order], right[kept][order].astype(np.float64), weights[kept][order]
    values, inverse = np.unique(x, return_inverse=True)
    mass = np.bincount(inverse, w)
    means = np.bincount(inverse, w * y) / mass
    blocks: list[list[float]] = []  # value, mass, first, last
    for at, (mean, heavy) in enumerate(zip(means.tolist(), mass.tolist(), strict=True)):
        blocks.append([mean, heavy, at, at])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            value, heavier, _, last = blocks.pop()
            before = blocks[-1]
            total = before[1] + heavier
            blocks[-1] = [(before[0] * before[1] + value * heavier) / total, total, before[2], last]
    n = round(float(w.sum()))
    ends = [(values[int(end)], block[0]) for block in blocks for end in dict.fromkeys(block[2:])]
    knots = np.array(ends, dtype=np.float64)
    return Steps(knots[:, 0], bounded(knots[:, 1], n))


def fit_pooled(
    logits: Floats, right: Masks, taxa: Ints, n_taxa: int, times: Floats | None = None, variance: float | None = None
) -> Pooled:
    """Fit one slope and intercept, and a shift for each taxon, which is drawn towards 0.

    Without `variance`, that of the shifts between taxa is estimated with them. Taxa without answers keep the shift 0.
    """
    weights = np.ones(len(logits)) if times is None else times
    spread_of_shifts = 1.0 if variance is None else variance
    beta = np.zeros(2 + n_taxa)
    base = fit_platt_often(logits, right, weights[None, :])
    beta[0], beta[1] = base[0][0], base[1][0]
    for _ in range(_N_EM if variance is None else 1):
        beta, covariance = _shifted(beta, logits, right, taxa, weights, spread_of_shifts)
        if variance is None:
            told = np.bincount(taxa, weights, minlength=n_taxa) > 0
            spread_of_shifts = max(_LEAST_VARIANCE, float((beta[2:] ** 2 + np.diag(covariance)[2:])[told].mean()))
    return Pooled(max(0.0, float(beta[0])), float(beta[1]), beta[2:], spread_of_shifts, covariance)


def _shifted(
    beta: Floats, logits: Floats, right: Masks, taxa: Ints, weights: Floats, variance: float
) -> tuple[Floats, Floats]:
    """Return the coefficients of greatest posterior density, and their covariance about it."""
    n_taxa = len(beta) - 2
    penalty = np.concatenate([[1e-4, 1e-4], np.full(n_taxa, 1 / variance)])
    for _ in range(_N_NEWTON):
        p = sigmoid(beta[0] * logits + beta[1] + beta[2 + taxa])
        error, weight = weights * (p - right), weights * p * (1 - p)
        by_taxon = np.bincount(taxa, weight, minlength=n_taxa)
        x_by_taxon = np.bincount(taxa, weight * logits, minlength=n_taxa)
        gradient = np.concatenate(
            [[error @ logits, error.sum()], np.bincount(taxa, error, minlength=n_taxa)],
        )
        gradient += penalty * beta
        hessian = np.diag(np.concatenate([[weight @ logits**2, weight.sum()], by_taxon]) + penalty)
        hessian[0, 1] = hessian[1, 0] = weight @ logits
        hessian[0, 2:] = hessian[2:, 0] = x_by_taxon
        hessian[1, 2:] = hessian[2:, 1] = by_taxon
        step = np.linalg.solve(hessian, gradient)
        beta = beta - step * min(1.0, 4.0 / (float(np.abs(step).max()) + _TINY))
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta, np.linalg.inv(hessian)


def _loss(slopes: Floats, intercepts: Floats, x: Floats, targets: Floats, times: Floats) -> Floats:
    z = slopes[:, None] * x + intercepts[:, None]
    return np.asarray((times * (np.logaddexp(0.0, z) - targets * z)).sum(axis=1))
