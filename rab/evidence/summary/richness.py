"""Richness: how many taxa were detected over how many recorder-days, and what the curve says of those still missing.

The sampling unit is the recorder-day. The expected number of taxa on t of T recorder-days is exact, without drawing
orders: S(t) = S − Σ C(T − Qᵢ, t) / C(T, t), where Qᵢ is the number of recorder-days with taxon i (the Mao Tau
estimator: Colwell, Mao & Chang 2004, Ecology 85:2717; Chiarucci et al. 2008, Community Ecology 9:121). The estimate of
all taxa is Chao2 in its bias-corrected form, with its log-normal interval (Chao 1987, Biometrics 43:783; Colwell,
EstimateS 9, appendix B). It takes rare detections for rare taxa: a classifier's false names are rare, too, and raise
it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.catalog.heard import columns_sha256
from rab.evidence.summary.rows import Row, Survey, of, row

Floats = npt.NDArray[np.float64]
_Z = 1.959963984540054
"""97.5 % of a normal distribution lie below it."""


class Chao2(NamedTuple):
    """An estimate of all taxa, with its 95 % interval."""

    estimate: float
    low: float
    high: float


def expected_taxa(n_days_of: npt.NDArray[np.int64], n_days: int) -> Floats:
    """Return the expected number of taxa on 1, 2, …, `n_days` recorder-days, [n_days].

    `n_days_of` [n_taxa] is on how many of them each taxon was detected.
    """
    if n_days == 0:
        return np.zeros(0)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n_days + 1)))])
    size = np.arange(1, n_days + 1)
    found = np.zeros(n_days)
    for q, n_taxa in zip(*np.unique(n_days_of, return_counts=True), strict=True):
        misses = size <= n_days - q  # of more days than it is missing on, it cannot be missing
        log_missed = (
            log_factorial[n_days - q]
            - log_factorial[np.maximum(n_days - q - size, 0)]
            - log_factorial[n_days]
            + log_factorial[n_days - size]
        )
        found += n_taxa * (1 - np.where(misses, np.exp(log_missed), 0.0))
    return found


def chao2(n_days_of: npt.NDArray[np.int64], n_days: int) -> Chao2 | None:
    """Return the bias-corrected Chao2; None where at most one taxon was detected on a single one."""
    n_seen = int(np.count_nonzero(n_days_of))
    q1, q2 = int(np.count_nonzero(n_days_of == 1)), int(np.count_nonzero(n_days_of == 2))
    if q1 == 0 or n_days < 2:
        return None
    a = (n_days - 1) / n_days
    unseen = a * q1 * (q1 - 1) / (2 * (q2 + 1))
    if unseen == 0:
        return None
    variance = unseen + a**2 * q1 * (2 * q1 - 1) ** 2 / (4 * (q2 + 1) ** 2)
    if q2 > 0:
        variance += a**2 * q1**2 * q2 * (q1 - 1) ** 2 / (4 * (q2 + 1) ** 4)
    else:
        variance -= a**2 * q1**4 / (4 * (n_seen + unseen))
    spread = np.exp(_Z * np.sqrt(np.log1p(max(variance, 0.0) / unseen**2)))
    return Chao2(n_seen + unseen, n_seen + unseen / float(spread), n_seen + unseen * float(spread))


def richness_rows(survey: Survey) -> Iterator[Row]:
    """Yield taxa over recorder-days: in the order of time, expected in any order, and estimated with those unseen."""
    n_days = survey.effort.n_recorder_days
    heard, policy = survey.heard, survey.policy
    rows = heard.named
    rows = rows[heard.recorder_day[rows] >= 0]
    pairs = np.unique(np.stack([heard.taxon[rows], heard.recorder_day[rows]], axis=1), axis=0)
    if n_days < 2 or len(pairs) == 0:
        return
    n_days_of = np.bincount(pairs[:, 0])
    n_days_of = n_days_of[n_days_of > 0]
    sha = columns_sha256(heard.fingerprint(rows), str(n_days))
    counted = f"taxa with any of: {survey.detected}; sampled by recorder-days"
    yield row("richness_days", n_days, "recorder-days", "days of the site's clock with any recording, over sites", sha)
    yield row("richness_taxa", len(n_days_of), "taxa", counted, sha)
    curve = expected_taxa(n_days_of, n_days)
    in_order = _in_order_of_time(survey, pairs)
    mean = "mean over all orders of the recorder-days, by the exact formula of Colwell, Mao and Chang (2004)"
    shown = np.unique(np.linspace(1, n_days, min(n_days, policy.n_curve_points)).round().astype(int)).tolist()
    for day in shown:
        group = of(f"{day:06}", f"{day} recorder-day{'s' if day > 1 else ''}")
        yield row("richness_expected", curve[day - 1], "taxa", f"{counted}; {mean}", sha, decimals=1) | group
        yield row("richness_in_order", in_order[day - 1], "taxa", f"{counted}; in the order of time", sha) | group
    half = n_days // 2
    yield row("richness_half_days", half, "recorder-days", "half of the recorder-days, rounded down", sha)
    yield row("richness_at_half", curve[half - 1], "taxa", f"{counted}; {mean}", sha, decimals=1)
    yield row("richness_uniques", int((n_days_of == 1).sum()), "taxa", f"{counted}; on a single one", sha)
    estimate = chao2(n_days_of, n_days) if n_days >= policy.min_richness_days else None
    if estimate is not None:
        basis = f"{counted}; bias-corrected Chao2 (Chao 1987) with its 95 % interval; false names raise it"
        yield row("chao2", estimate.estimate, "taxa", basis, sha, decimals=1)
        yield row("chao2_low", estimate.low, "taxa", basis, sha, decimals=1)
        yield row("chao2_high", estimate.high, "taxa", basis, sha, decimals=1)


def _in_order_of_time(survey: Survey, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many taxa had been detected by the end of each recorder-day, by date, then by site."""
    pieces, sites = survey.listened.pieces, survey.listened.sites
    days = sorted(
        {
            (date, sites[recording] is None, sites[recording] or "")
            for date, recording in zip(pieces.date.tolist(), pieces.recording.tolist(), strict=True)
            if date > -(1 << 40)
        }
    )
    place = {day: number for number, day in enumerate(days)}
    site, date = survey.heard.recorder_days
    names = survey.heard.sites
    at = np.array(
        [
            place.get((d, names[s] is None, names[s] or ""), len(days) - 1)
            for s, d in zip(site.tolist(), date.tolist(), strict=True)
        ]
    )
    first = np.full(int(pairs[:, 0].max()) + 1, len(days))
    np.minimum.at(first, pairs[:, 0], at[pairs[:, 1]])
    new = np.bincount(first[first < len(days)], minlength=len(days))
    return np.cumsum(new)
