"""The depth suite: whether the neighbours' votes, and the abstentions, hold as calls fade.

Calls of a labelled folder climb the SNR ladder and are put to libraries made of the same folder (`rab.evals.trials`):
of 3, 5, 10, 20 exemplars a label and of all; clear, half of them in noise, and half in noise without any exemplar of
noise itself; with all labels, and with a third of them missing, where nothing but abstaining is right.

What is compared is the area under the risk-coverage curve (AURC: the error among the most confident votes, averaged
over all shares of them; lower is better; Geifman and El-Yaniv 2017, arXiv 1705.08500), over the whole ladder of a
library and rung by rung, averaged over libraries. A fixed k is a vote weighted by similarity⁴, its confidence the
leading label's share. Exemplars of noise weigh against every label and lead to none. Intervals are of 90 %, from a
bootstrap over groups.

The policy that ships was fitted on four sets of recordings (phoebe_xc, qut_stbees, pykanto_great_tit, esc10), so there
its figures flatter it. The row "policy, fitted elsewhere" does not: what was fitted is fitted again, for every fifth of
the groups on the other four.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rab.domain import SignalQuality
from rab.embedders.base import Embedder
from rab.evals.base import Score
from rab.evals.depth_cases import CASES, FIXED_K, Outcome, tables
from rab.evals.labelled import LabelledFile, labelled_windows, taxon_of
from rab.evals.ladder import Mixed
from rab.evals.risk import Answers, draws, ladder_aurc
from rab.evals.trials import NOBODY, Floats, Indices, Trials, parity, put
from rab.retrieval.depth import DepthPolicy, cut, depth, order, vote, weights

BEFORE = DepthPolicy(k_clear=3, k_faint=10, k_max=15, clear_db=20.0, faint_db=0.0)
"""Depth by SNR alone, between the best depths of an unweighted vote on clear calls and on faint ones."""
_SHARPNESSES, _FAINTER_PER_DB = (6.0, 8.0, 12.0), (0.0, 0.015, 0.03)


Voter = Callable[[Trials, Mixed], tuple[Indices, Floats, Floats]]
"""Gives each query a label, a confidence and a number of neighbours."""


def run_depth(
    embedder: Embedder, files: Sequence[LabelledFile], *, seed: int, cache: Path | None = None
) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    """Answer every case of the depth suite, with its tables.

    Raises `InputError` where fewer than two labels have calls of 10 dB in two groups or more.
    """
    named = [one._replace(label=taxon_of(one.label)) for one in files if not one.label.startswith("soundscape")]
    windows = labelled_windows(named, embedder, cache=cache)
    queries, trials = put(windows, embedder, seed, cache)
    policy = DepthPolicy()
    answers = {name: _answers(voter, trials, queries) for name, voter in voters(policy).items()}
    answers["policy, fitted elsewhere"] = _fitted_elsewhere(policy, trials, queries)
    groups = queries.windows.groups
    drawn = draws(groups, np.ones(len(groups), dtype=bool), seed)
    outcome = Outcome(answers, trials, queries, drawn, policy)
    return tuple(ask(outcome) for ask in CASES), tables(outcome)


def voters(policy: DepthPolicy) -> dict[str, Voter]:
    """Return the ways to vote that are compared, by name; the last is the policy as the product applies it."""
    fixed: dict[str, Voter] = {f"k = {k}": _flat(lambda _, k=k: k) for k in FIXED_K}  # type: ignore[misc]
    blind = policy.model_copy(update={"fainter_per_db": 0.0})
    same = blind.model_copy(update={"sharpness": 16.0, "sharpness_growth": 0.0, "faint_sharpness": 1.0})
    steady = same.model_copy(update={"k_clear": 15, "k_faint": 15, "overlap_step": 0, "clipping_step": 0})
    return fixed | {
        "largest gap of 15": _flat(lambda _: 15, gap=True),
        "by SNR, 3 to 10": _flat(lambda query: depth(query, BEFORE).k),
        "by SNR, then gap": _flat(lambda query: depth(query, BEFORE).k, gap=True),
        "k = 15, weighed alike": _weighed(steady),
        "policy without quality match": _weighed(blind),
        "policy": _weighed(policy),
    }


def _flat(k_of: Callable[[SignalQuality], int], *, gap: bool = False) -> Voter:
    """Vote by similarity⁴; `gap` cuts where the similarity falls most, behind the third neighbour at the earliest."""

    def voter(trials: Trials, queries: Mixed) -> tuple[Indices, Floats, Floats]:
        k = np.array([k_of(quality) for quality in queries.windows.quality])
        place = np.arange(trials.similarities.shape[1])
        if gap:
            falls = trials.similarities[:, :-1] - trials.similarities[:, 1:]
            falls[(place[1:] < 3) | (place[1:] > k[:, None])] = -1
            k = np.minimum(k, falls.argmax(axis=1) + 1)
        weighed = np.maximum(trials.similarities, 0) ** 4 * (place < k[:, None])
        labels, shares = _led(trials.labels, weighed)
        return labels, shares, np.count_nonzero(weighed, axis=1).astype(np.float64)

    return voter


def _led(labels: Indices, weighed: Floats) -> tuple[Indices, Floats]:
    """Return the label that holds most of the weights [n, m], and its share; exemplars of noise only weigh against."""
    sums = np.zeros((len(labels), int(labels.max()) + 1))
    for column, weight in zip(labels.T, weighed.T, strict=True):
        rows = np.flatnonzero(column != NOBODY)
        sums[rows, column[rows]] += weight[rows]
    return sums.argmax(axis=1), sums.max(axis=1) / np.maximum(weighed.sum(axis=1), 1e-12)


def _weighed(policy: DepthPolicy) -> Voter:
    """Vote as the product does, row by row."""

    def voter(trials: Trials, queries: Mixed) -> tuple[Indices, Floats, Floats]:
        answers = [_one(trials, queries, i, policy) for i in range(len(trials.truth))]
        labels, confidences, kept = zip(*answers, strict=True)
        return np.array(labels), np.array(confidences), np.array(kept, dtype=np.float64)

    return voter


def _one(trials: Trials, queries: Mixed, i: int, policy: DepthPolicy) -> tuple[int, float, int]:
    quality = queries.windows.quality[i]
    k = depth(quality, policy).k
    found = np.flatnonzero(trials.similarities[i, :k] > -1)
    snr_db = [None if np.isnan(one) else float(one) for one in trials.snr_db[i, found]]
    n_exemplars = float(trials.n_exemplars[i])
    weighed = weights(trials.similarities[i, found], snr_db, quality.snr_db, policy, n_exemplars=n_exemplars)
    kept = order(weighed)[: cut(weighed, k, policy)]
    labels = [None if label == NOBODY else str(label) for label in trials.labels[i, found[kept]]]
    voted = vote(labels, weighed[kept], policy, n_exemplars=n_exemplars)
    return (-2 if voted.label is None else int(voted.label)), voted.confidence, voted.n_kept


def _answers(voter: Voter, trials: Sequence[Trials], queries: Mixed) -> Answers:
    found = [(one.truth, *voter(one, queries)) for one in trials]
    return Answers(
        right=np.stack([labels == truth for truth, labels, _, _ in found]),
        confidence=np.stack([confidence for _, _, confidence, _ in found]),
        n_kept=np.stack([kept for _, _, _, kept in found]),
    )


def _fitted_elsewhere(policy: DepthPolicy, trials: Sequence[Trials], queries: Mixed) -> Answers:
    """Answer every query by the variant of the policy that did best on other groups."""
    variants = [
        _answers(
            _weighed(policy.model_copy(update={"sharpness": sharpness, "fainter_per_db": fainter})), trials, queries
        )
        for sharpness in _SHARPNESSES
        for fainter in _FAINTER_PER_DB
    ]
    fold = np.array([parity(f"fold {group}", 5) for group in queries.windows.groups])
    right, confidence, kept = (np.empty_like(getattr(variants[0], name)) for name in ("right", "confidence", "n_kept"))
    for one in range(5):
        elsewhere = (fold != one)[None].astype(np.float64)
        best = min(variants, key=lambda variant: float(ladder_aurc(variant, elsewhere)[0]))
        right[:, fold == one] = best.right[:, fold == one]
        confidence[:, fold == one] = best.confidence[:, fold == one]
        kept[:, fold == one] = best.n_kept[:, fold == one]
    return Answers(right, confidence, kept)
