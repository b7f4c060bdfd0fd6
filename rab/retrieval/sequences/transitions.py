"""Transitions: how often each symbol follows each other, and which do so more often than chance.

Probabilities carry a prior of one count, shared by all that may follow (Perks 1947, J. Inst. Actuaries 73:285–334):
with sixty clusters, half a count for each would outweigh what was heard. Intervals are those of the posterior, a beta
distribution. Chance is shuffles within recordings; the false-discovery rate is controlled over all possible pairs.
"""

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain.sequence import Following, Transition, TransitionTable
from rab.domain.value import Value
from rab.retrieval.sequences.chance import ShuffleCounts, q_values, wilson
from rab.retrieval.sequences.edges import Mask, SequencePolicy, Sequences, Whole, links, steps
from rab.retrieval.sequences.shuffles import shuffles


class TransitionPolicy(Value):
    """How transitions are held against chance."""

    n_shuffles: int = Field(default=199, ge=19)
    false_discovery_rate: float = Field(default=0.05, gt=0, lt=1)
    seed: int = 0


def transition_table(
    sequences: Sequences,
    sequence_policy: SequencePolicy = SequencePolicy(),
    policy: TransitionPolicy = TransitionPolicy(),
    *,
    group: str | None = None,
) -> TransitionTable:
    """Return every transition that was heard, most frequent first."""
    own = steps(sequences, sequence_policy)
    linked = links(own, sequence_policy.max_gap_ms)
    apart = sequence_policy.fold_repeats
    firsts = np.flatnonzero(linked)
    n_symbols = max(1, len(own.alphabet))
    codes = own.symbol[firsts] * n_symbols + own.symbol[firsts + 1]
    seen, which, observed = np.unique(codes, return_inverse=True, return_counts=True)
    counts = ShuffleCounts(observed)
    for shuffled in shuffles(own, linked, policy.n_shuffles, apart=apart, seed=policy.seed):
        pairs = shuffled[firsts] * n_symbols + shuffled[firsts + 1]
        counts.add(_counted(pairs, seen, n_symbols))
    present = np.unique(own.symbol)
    n_followers = max(1, len(present) - 1 if apart else len(present))
    p_values = counts.p_values
    exceeds = q_values(p_values, len(present) * n_followers) <= policy.false_discovery_rate
    n_after = np.bincount(seen // n_symbols, observed, minlength=n_symbols)
    n_recordings = _n_recordings(which, own.recording[firsts], len(seen))
    found = []
    for i in np.lexsort((seen, -observed)).tolist():
        first, then = divmod(int(seen[i]), n_symbols)
        fraction, low, high = _posterior(int(observed[i]), int(n_after[first]), n_followers)
        found.append(
            Transition(
                first=own.alphabet[first],
                then=own.alphabet[then],
                n=int(observed[i]),
                n_recordings=int(n_recordings[i]),
                fraction=fraction,
                low=low,
                high=high,
                n_by_chance=round(float(counts.mean[i]), 3),
                p_value=float(p_values[i]),
                exceeds_chance=bool(exceeds[i]),
            )
        )
    return TransitionTable(
        group=group,
        symbols=tuple(own.alphabet[i] for i in present),
        n_links=len(firsts),
        n_recordings=len(np.unique(own.recording)),
        n_shuffles=policy.n_shuffles,
        transitions=tuple(found),
    )


def followed_by(
    sequences: Sequences,
    cluster_id: str,
    follower_id: str,
    *,
    within_ms: float = 4000.0,
    policy: TransitionPolicy = TransitionPolicy(),
) -> Following | None:
    """Return how often a symbol is followed by another that begins within a time of its end; None where it never was.

    What sounds between the two does not matter. An occurrence so late in its recording that the time was not over, and
    that was not followed, does not count: nobody knows. Repeats are not folded, whatever else is.
    """
    if cluster_id not in sequences.alphabet or follower_id not in sequences.alphabet:
        return None
    first, then = sequences.alphabet.index(cluster_id), sequences.alphabet.index(follower_id)
    ends = _last_ms(sequences)
    own = steps(sequences, SequencePolicy(fold_repeats=False))
    whole = sequences.t1_ms + within_ms <= ends
    whole = whole[sequences.symbol >= 0]
    reach = _reach(own, within_ms)
    followed = _followed(own.symbol, reach, first, then)
    known = (own.symbol == first) & (whole | followed)
    n, n_followed = int(known.sum()), int(followed.sum())
    if not n:
        return None
    n_reached = 0
    for shuffled in shuffles(own, np.zeros(0, dtype=bool), policy.n_shuffles, seed=policy.seed):
        n_reached += int(_followed(shuffled, reach, first, then).sum()) >= n_followed
    low, high = wilson(n_followed, n)
    return Following(
        cluster_id=cluster_id,
        follower_id=follower_id,
        within_ms=within_ms,
        n=n,
        n_followed=n_followed,
        fraction=n_followed / n,
        low=low,
        high=high,
        p_value=(1 + n_reached) / (1 + policy.n_shuffles),
        n_recordings=len(np.unique(own.recording[known])),
    )


def usual_follower(
    sequences: Sequences,
    cluster_id: str,
    *,
    within_ms: float = 4000.0,
    policy: TransitionPolicy = TransitionPolicy(),
) -> Following | None:
    """Return what follows a symbol most often, other than itself; None where nothing does.

    Chosen among many, so its p-value is multiplied by how many followed at all (Bonferroni).
    """
    if cluster_id not in sequences.alphabet:
        return None
    first = sequences.alphabet.index(cluster_id)
    own = steps(sequences, SequencePolicy(fold_repeats=False))
    reach = _reach(own, within_ms)
    candidates = np.unique(_all_behind(own, reach, first))
    candidates = candidates[candidates != first]
    if not len(candidates):
        return None
    n_followed = [int(_followed(own.symbol, reach, first, int(one)).sum()) for one in candidates]
    best = int(candidates[int(np.argmax(n_followed))])
    found = followed_by(sequences, cluster_id, own.alphabet[best], within_ms=within_ms, policy=policy)
    return found and found.model_copy(update={"p_value": min(1.0, found.p_value * len(candidates))})


def _counted(pairs: Whole, seen: Whole, n_symbols: int) -> Whole:
    if not len(seen):
        return seen
    if n_symbols <= 2000:
        return np.asarray(np.bincount(pairs, minlength=n_symbols * n_symbols)[seen])
    places = np.minimum(np.searchsorted(seen, pairs), len(seen) - 1)
    return np.bincount(places[seen[places] == pairs], minlength=len(seen))


def _n_recordings(which: Whole, recording: Whole, n: int) -> Whole:
    base = int(recording.max(initial=0)) + 1
    return np.bincount(np.unique(which * base + recording) // base, minlength=n)


def _posterior(n: int, n_after: int, n_followers: int) -> tuple[float, float, float]:
    from scipy.stats import beta

    prior = 1 / n_followers
    of_it, of_others = n + prior, n_after - n + 1 - prior
    if of_others <= 0:
        return 1.0, 1.0, 1.0
    low, high = beta.ppf((0.025, 0.975), of_it, of_others)
    return of_it / (n_after + 1), float(low), float(high)


def _last_ms(sequences: Sequences) -> npt.NDArray[np.float64]:
    """Return when the voice of each segment falls silent, [n]: the end of its last segment."""
    starts = np.flatnonzero(np.diff(sequences.voice, prepend=-1))
    n_each = np.diff(np.append(starts, len(sequences)))
    return np.repeat(np.maximum.reduceat(sequences.t1_ms, starts), n_each) if len(sequences) else sequences.t1_ms


def _reach(own: Sequences, within_ms: float) -> Whole:
    """Return the first step behind each that begins too late, or on another voice, [n]."""
    if not len(own):
        return np.zeros(0, dtype=np.int64)
    span = float(own.t1_ms.max()) + within_ms + 1
    begins = own.voice * span + own.t0_ms
    reach = np.searchsorted(begins, own.voice * span + np.minimum(own.t1_ms + within_ms, span - 0.5), side="right")
    return np.maximum(reach, np.arange(len(own)) + 1)


def _followed(symbol: Whole, reach: Whole, first: int, then: int) -> Mask:
    n_then = np.concatenate([[0], np.cumsum(symbol == then)])
    behind = np.arange(len(symbol)) + 1
    return np.asarray((symbol == first) & (n_then[reach] > n_then[behind]))


def _all_behind(own: Sequences, reach: Whole, first: int) -> Whole:
    places = np.flatnonzero(own.symbol == first)
    n_each = reach[places] - places - 1
    offsets = np.arange(int(n_each.sum())) - np.repeat(np.cumsum(n_each) - n_each, n_each)
    return np.asarray(own.symbol[np.repeat(places + 1, n_each) + offsets])
