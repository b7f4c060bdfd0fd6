"""Risk and coverage: how wrong votes are, from the most confident on, with intervals that respect groups."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rab.evals.trials import Floats

N_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Answers:
    """What a way to vote answers, [n_libraries, n]: whether it is right, how confident, from how many neighbours."""

    right: npt.NDArray[np.bool_]
    confidence: Floats
    n_kept: Floats


def aurc(confidence: Floats, right: npt.NDArray[np.bool_], times: Floats) -> Floats:
    """Return the area under the risk-coverage curve, [n_draws], of n votes that count `times` [n_draws, n] each.

    Votes of one confidence share their mean error, as if they came in random order.
    """
    best_first = np.argsort(-confidence, kind="stable")
    _, tie, n_tied = np.unique(-confidence[best_first], return_inverse=True, return_counts=True)
    wrong = (np.bincount(tie, ~right[best_first]) / n_tied)[tie]
    times = times[:, best_first]
    covered = np.cumsum(times, axis=1)
    risk = np.cumsum(times * wrong, axis=1) / np.maximum(covered, 1e-12)
    return np.asarray((times * risk).sum(axis=1) / np.maximum(covered[:, -1], 1e-12))


def ladder_aurc(answers: Answers, times: Floats) -> Floats:
    """Return the AURC over the whole ladder, averaged over libraries, [n_draws], for `times` [n_draws, n]."""
    libraries = zip(answers.confidence, answers.right, strict=True)
    return np.asarray(np.mean([aurc(confidence, right, times) for confidence, right in libraries], axis=0))


def rung_aurc(answers: Answers, snr_db: Floats, times: Floats) -> Floats:
    """Return the AURC rung by rung, averaged over libraries, [n_rungs, n_draws]."""
    found = []
    for rung in np.unique(snr_db):
        here = snr_db == rung
        part = Answers(answers.right[:, here], answers.confidence[:, here], answers.n_kept[:, here])
        found.append(ladder_aurc(part, times[:, here]))
    return np.stack(found)


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    return float(calibration_errors(confidence[None], right[None], np.ones((1, len(right))))[0])


def calibration_errors(confidence: Floats, right: npt.NDArray[np.bool_], times: Floats) -> Floats:
    """Return the same of votes [n_libraries, n], whose queries count `times` [n_draws, n]; [n_draws]."""
    bins = np.minimum((10 * confidence).astype(int), 9)
    apart = [(times @ np.where(bins == one, confidence - right, 0.0).sum(axis=0)) for one in range(10)]
    return np.asarray(np.abs(apart).sum(axis=0) / np.maximum(len(confidence) * times.sum(axis=1), 1e-12))


def draws(groups: npt.NDArray[np.str_], counted: npt.NDArray[np.bool_], seed: int) -> Floats:
    """Return how often each query counts, [1 + n, n_queries]: once, and as often as its group is drawn."""
    _, of_group = np.unique(groups, return_inverse=True)
    there = np.unique(of_group[counted])
    drawn = np.random.default_rng(seed).choice(there, size=(N_DRAWS, len(there)))
    times = np.stack([np.bincount(one, minlength=int(of_group.max()) + 1)[of_group] for one in drawn])
    return np.concatenate([counted[None], times * counted]).astype(np.float64)
