"""What usually comes before and after: found where it was put, and not where it was not."""

import numpy as np
import pytest

from rab.retrieval.sequences import FollowingPolicy, SequencePolicy, Sequences, usual_followings

APART, FREE = SequencePolicy(fold_repeats=True), SequencePolicy(fold_repeats=False)


def sequences(symbols: list[list[int]], n_symbols: int, *, step_ms: float = 3000.0) -> Sequences:
    """Return recordings whose segments adjoin, with a symbol each; −1 is none."""
    symbol = np.array([one for row in symbols for one in row], dtype=np.int64)
    recording = np.repeat(np.arange(len(symbols)), [len(row) for row in symbols])
    t0_ms = np.concatenate([step_ms * np.arange(len(row)) for row in symbols])
    return Sequences(
        segment_ids=[f"{row:032x}" for row in range(len(symbol))],
        recording_ids=tuple(f"r{number}" for number in range(len(symbols))),
        alphabet=tuple(f"c{number}" for number in range(n_symbols)),
        groups=(),
        recording=recording,
        voice=recording.copy(),
        channel=np.full(len(symbol), -1),
        t0_ms=t0_ms,
        t1_ms=t0_ms + step_ms,
        symbol=symbol,
        group=np.full(len(symbol), -1),
        broken=np.zeros(len(symbol), dtype=bool),
    )


def drawn(seed: int, *, planted: float) -> Sequences:
    """Return 20 recordings of 30 segments of 8 symbols, in which c1 takes the place behind c0 with a probability."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, 8, (20, 30))
    for row in rows:
        for at in range(29):
            if row[at] == 0 and random.random() < planted:
                row[at + 1] = 1
    return sequences(rows.tolist(), 8)


@pytest.mark.parametrize("policy", [APART, FREE])
def test_planted_pair_is_found_from_both_sides(policy: SequencePolicy) -> None:
    """c1 comes after c0, so c0 comes before c1; the examples are of two recordings, in the order of time."""
    after, before = usual_followings(drawn(0, planted=0.6), policy)
    assert ("c0", "c1", "after") == (after.cluster_id, after.other_id, after.direction)
    assert ("c1", "c0", "before") == (before.cluster_id, before.other_id, before.direction)
    assert after.n_by_chance < after.n_followed <= after.n
    assert max(after.q_value, before.q_value) < 0.05
    assert after.n_recordings > 10
    pairs = [tuple(int(one, 16) for one in pair) for pair in after.exemplar_ids]
    assert all(first < then for first, then in pairs)
    assert 2 == len({first // 30 for first, _ in pairs})


@pytest.mark.parametrize("policy", [APART, FREE])
def test_chance_is_seldom_a_finding(policy: SequencePolicy) -> None:
    """In twelve random libraries at most one pair passes a false-discovery rate of 5 %."""
    assert sum(len(usual_followings(drawn(seed, planted=0.0), policy)) for seed in range(12)) <= 1


def test_same_recordings_give_the_same_findings() -> None:
    """Shuffles are drawn from a seed."""
    assert usual_followings(drawn(3, planted=0.5)) == usual_followings(drawn(3, planted=0.5))


def test_counts_are_those_of_a_count_by_hand() -> None:
    """Against loops over every step: how often, out of how many whose recording reaches so far, with which gap."""
    own, policy = drawn(1, planted=0.7), FollowingPolicy(within_ms=4000.0)
    (found,) = (one for one in usual_followings(own, FREE, policy) if one.direction == "after")
    n, gaps = 0, []
    for row in range(len(own)):
        if own.symbol[row] != 0:
            continue
        behind = [other for other in range(row + 1, len(own)) if own.voice[other] == own.voice[row]]
        near = [
            float(own.t0_ms[other] - own.t1_ms[row])
            for other in behind
            if own.symbol[other] == 1 and own.t0_ms[other] - own.t1_ms[row] <= policy.within_ms
        ]
        if near:
            gaps.append(min(near))
        n += bool(near) or own.t1_ms[row] + policy.within_ms <= 90_000.0
    assert (n, len(gaps), float(np.median(gaps))) == (found.n, found.n_followed, found.median_gap_ms)


def test_run_of_windows_is_one_occurrence() -> None:
    """Where repeats are folded, ten windows of a trill and one of what follows are one following."""
    rows = [[2] * (1 + at % 4) + [0] * 3 + [1] + [3] * 2 for at in range(25)]
    after = next(one for one in usual_followings(sequences(rows, 4), APART) if one.cluster_id == "c0")
    if after.direction == "before":
        assert "c2" == after.other_id
    assert 25 == after.n_followed


@pytest.mark.parametrize("rows", [[[]], [[-1, -1]], [[0]], [[0, 0, 0]]])
def test_little_is_no_finding(rows: list[list[int]]) -> None:
    """Without steps, or with one symbol, nothing is before and nothing after."""
    assert [] == usual_followings(sequences(rows, 2))
