"""Edges, bouts, transitions, followings and entropy: on sequences whose answers can be worked out by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.retrieval.sequences import (
    EntropyPolicy,
    SequencePolicy,
    Sequences,
    bout_criterion,
    bouts,
    criterion_of_gaps,
    entropy_bits,
    entropy_rate,
    entropy_rates,
    followed_by,
    gaps_ms,
    links,
    steps,
    transition_table,
    usual_follower,
)
from rab.retrieval.sequences.chance import ShuffleCounts, q_values, wilson
from rab.retrieval.sequences.shuffles import Null, shuffles

KEEP = SequencePolicy(fold_repeats=False)


def spelt(*recordings: str, hop_ms: float = 3000.0, groups: tuple[str, ...] = ()) -> Sequences:
    """Return recordings of touching 3 s windows, a letter each; `-` is unassigned and a blank is silence.

    With groups, each recording belongs to the group of its place.
    """
    letters = sorted({one for text in recordings for one in text} - {"-", " "})
    rows = [
        (number, place * hop_ms, letters.index(one) if one != "-" else -1)
        for number, text in enumerate(recordings)
        for place, one in enumerate(text)
        if one != " "
    ]
    recording, t0_ms, symbol = (np.array(column) for column in zip(*rows, strict=True))
    names = tuple(sorted(set(groups)))
    of_recording = np.array([names.index(one) for one in groups]) if groups else np.full(len(recordings), -1)
    return Sequences(
        segment_ids=[f"s{i}" for i in range(len(rows))],
        recording_ids=tuple(f"r{i}" for i in range(len(recordings))),
        alphabet=tuple(letters),
        groups=names,
        recording=recording,
        voice=recording,
        channel=np.full(len(rows), -1),
        t0_ms=t0_ms.astype(float),
        t1_ms=t0_ms + 3000.0,
        symbol=symbol,
        group=of_recording[recording],
        broken=np.zeros(len(rows), dtype=bool),
    )


def letters(sequences: Sequences) -> str:
    """Return the symbols as text."""
    return "".join(sequences.alphabet[i] for i in sequences.symbol)


def test_gaps_and_links_end_with_the_voice() -> None:
    """Touching windows have a gap of 0, silence one of its length, and nothing follows across recordings."""
    sequences = spelt("ab  c", "a")
    assert [0.0, 6000.0, np.inf] == gaps_ms(sequences).tolist()
    assert [True, False, False] == links(sequences, 4000).tolist()


def test_unassigned_segments_are_passed_over_or_break() -> None:
    """Skipped, they cost time alone; breaking, they end the sequence."""
    sequences = spelt("a-b")
    assert [True] == links(steps(sequences), 4000).tolist()
    broken = steps(sequences, SequencePolicy(unassigned="break"))
    assert ("ab", [False]) == (letters(broken), links(broken, 4000).tolist())


def test_repeats_are_folded_into_one_step() -> None:
    """A sound that goes on is one step as long as the whole; after a silence it is another."""
    folded = steps(spelt("aaab   bb"))
    assert "abb" == letters(folded)
    assert [(0.0, 9000.0), (9000.0, 12000.0), (21000.0, 27000.0)] == list(
        zip(folded.t0_ms.tolist(), folded.t1_ms.tolist(), strict=True)
    )
    assert "aaabbb" == letters(steps(spelt("aaab   bb"), KEEP))


def test_bouts_end_at_the_gap() -> None:
    """Bouts carry their symbols, times and segments."""
    first, second, third = bouts(steps(spelt("ab    c", "a")), 4000)
    assert (("a", "b"), 0.0, 6000.0, ("s0", "s1")) == (first.symbols, first.t0_ms, first.t1_ms, first.segment_ids)
    assert (("c",), "r0") == (second.symbols, second.recording_id)
    assert "r1" == third.recording_id
    assert [] == bouts(steps(spelt("-")), 4000)


@pytest.mark.parametrize("seed", range(5))
def test_two_kinds_of_gaps_are_told_apart(seed: int) -> None:
    """The criterion lies between the two means, near where the two kinds are equally likely."""
    random = np.random.default_rng(seed)
    gaps = np.concatenate([random.exponential(500, 400), random.exponential(60_000, 80)])
    criterion = criterion_of_gaps(gaps)
    odds = 400 * 60_000 / (80 * 500)
    true_ms = np.log(odds) / (1 / 500 - 1 / 60_000)
    assert "mixture" == criterion.method
    assert criterion.gap_ms == pytest.approx(true_ms, rel=0.25)


def test_one_kind_of_gaps_falls_back() -> None:
    """Few gaps, no gaps and gaps of one kind say so and give the documented 10 s."""
    one_kind = np.random.default_rng(1).exponential(500, 300)
    for gaps in (one_kind, one_kind[:5], np.zeros(100), np.full(50, np.inf)):
        criterion = criterion_of_gaps(gaps)
        assert ("fallback", 10_000.0) == (criterion.method, criterion.gap_ms)
    assert "fallback" == bout_criterion(spelt("abab")).method


def test_transitions_are_counted_by_hand() -> None:
    """Counts, recordings and probabilities, with one count of prior shared by what may follow."""
    table = transition_table(spelt("abab", "abc"), KEEP)
    rows = {(one.first, one.then): one for one in table.transitions}
    assert {("a", "b"): 3, ("b", "a"): 1, ("b", "c"): 1} == {pair: one.n for pair, one in rows.items()}
    assert (2, 5, 2) == (rows["a", "b"].n_recordings, table.n_links, table.n_recordings)
    assert rows["a", "b"].fraction == pytest.approx((3 + 1 / 3) / 4, abs=1e-4)
    assert all(one.low <= one.fraction <= one.high for one in table.transitions)


def test_transitions_beyond_chance_are_found_and_shuffled_ones_not() -> None:
    """What always follows exceeds chance; in random sequences hardly anything does, over many seeds."""
    random = np.random.default_rng(0)
    planted = ["".join(random.permutation(["xy"] * 5 + list("abcdab"))) for _ in range(20)]
    table = transition_table(spelt(*planted), KEEP)
    assert ("x", "y") in {(one.first, one.then) for one in table.transitions if one.exceeds_chance}
    n_false = 0
    for seed in range(20):
        own = np.random.default_rng(seed)
        noise = ["".join(own.choice(list("abcde"), 25, p=own.dirichlet(np.ones(5)))) for _ in range(20)]
        n_false += any(one.exceeds_chance for one in transition_table(spelt(*noise), KEEP).transitions)
    assert n_false <= 3


def test_followings_count_only_what_was_heard_out() -> None:
    """An `a` at the very end was not heard out, and does not count; one that was followed does."""
    found = followed_by(spelt("ab ", "ac   c", "a"), "a", "b", within_ms=4000)
    assert found is not None
    assert (2, 1, 0.5) == (found.n, found.n_followed, found.fraction)
    assert found.low < 0.5 < found.high
    assert "a is followed by b within 4 s in 50 % of cases (n=2" in found.words
    assert followed_by(spelt("ab"), "a", "z") is None


def test_usual_follower_is_found_beyond_chance() -> None:
    """What follows most is chosen, and its p-value pays for the choice."""
    random = np.random.default_rng(0)
    texts = ["".join(random.permutation(["xy"] * 4 + list("abcdabcd"))) for _ in range(20)]
    found = usual_follower(spelt(*texts), "x")
    assert found is not None
    assert ("y", 80) == (found.follower_id, found.n_followed)
    assert found.p_value < 0.05
    assert usual_follower(spelt("a   b"), "a") is None


@given(st.data())
def test_shuffles_keep_what_they_promise(data: st.DataObject) -> None:
    """Every recording keeps its symbols; apart, no repeat arises; by transitions, every pair keeps its count."""
    texts = data.draw(st.lists(st.text("abcd", min_size=1, max_size=12), min_size=1, max_size=4))
    choices: list[tuple[Null, bool]] = [("composition", False), ("composition", True), ("transitions", False)]
    null, fold = data.draw(st.sampled_from(choices))
    own = steps(spelt(*texts), SequencePolicy(fold_repeats=fold))
    linked = links(own, 4000)

    def pairs(symbol: np.ndarray) -> list[tuple[int, int, int]]:
        same = own.recording[1:] == own.recording[:-1]
        return sorted(
            zip(*(column[same].tolist() for column in (own.recording[1:], symbol[:-1], symbol[1:])), strict=True)
        )

    for shuffled in shuffles(own, linked, 3, null=null, apart=fold, seed=data.draw(st.integers(0, 99))):
        assert sorted(zip(own.recording, own.symbol, strict=True)) == sorted(zip(own.recording, shuffled, strict=True))
        assert not (fold and (linked & (shuffled[1:] == shuffled[:-1])).any())
        if null == "transitions":
            assert pairs(own.symbol) == pairs(shuffled)


def test_two_steps_change_places_half_of_the_time() -> None:
    """In recordings of two steps each order is as likely, so an order that they all share stands out."""
    own = spelt(*["ab"] * 200)
    linked = links(own, 4000.0)
    first = [(shuffled[::2] == 0).mean() for shuffled in shuffles(own, linked, 20, apart=True)]
    assert np.mean(first) == pytest.approx(0.5, abs=0.05)


def test_entropy_of_known_chains() -> None:
    """A fixed song has none, a fair die log2 of its faces, and a known chain its rate within a few per cent."""
    fixed = entropy_rate(spelt(*["abcd" * 10] * 6), KEEP)
    assert fixed is not None
    assert fixed.bits == pytest.approx(0, abs=0.1)
    random = np.random.default_rng(0)
    die = entropy_rate(spelt(*("".join(random.choice(list("abcdefgh"), 100)) for _ in range(20))), KEEP)
    assert die is not None
    assert die.bits == pytest.approx(3, abs=0.05)
    assert die.low < die.bits < die.high
    assert entropy_rate(spelt("ab"), KEEP) is None


def test_entropy_interval_covers_the_rate_of_a_markov_chain() -> None:
    """Over seeds, the bias stays below 2 % and most intervals hold the true rate."""
    random = np.random.default_rng(5)
    chances = random.dirichlet(np.ones(5) * 0.7, 5)
    values, vectors = np.linalg.eig(chances.T)
    stays = np.real(vectors[:, np.argmax(np.real(values))])
    true = -(stays[:, None] / stays.sum() * chances * np.log2(chances)).sum()
    found = []
    for _ in range(12):
        texts = []
        for _ in range(15):
            chain = [int(random.choice(5, p=np.abs(stays) / np.abs(stays).sum()))]
            while len(chain) < 80:
                chain.append(int(random.choice(5, p=chances[chain[-1]])))
            texts.append("".join("abcde"[i] for i in chain))
        rate = entropy_rate(spelt(*texts), KEEP, EntropyPolicy(max_order=1, n_bootstrap=60))
        assert rate is not None
        found.append(rate)
    assert np.mean([one.bits for one in found]) == pytest.approx(true, rel=0.02)
    assert sum(one.low <= true <= one.high for one in found) >= 9


def ring(n_symbols: int, n_recordings: int, n_steps: int, *, lag: int = 1, chance: float = 0.85, seed: int = 0) -> Any:
    """Return chains whose symbol `lag` steps on is the next of a ring with a chance, else any other; and their rate."""
    random = np.random.default_rng(seed)
    texts = []
    for _ in range(n_recordings):
        chain = random.integers(n_symbols, size=lag).tolist()
        while len(chain) < n_steps:
            by = 1 if random.random() < chance else int(random.integers(2, n_symbols + 1))
            chain.append((chain[-lag] + by) % n_symbols)
        texts.append("".join("abcdefghijklmnop"[i] for i in chain))
    other = (1 - chance) / (n_symbols - 1)
    return spelt(*texts), float(-chance * np.log2(chance) - (1 - chance) * np.log2(other))


@pytest.mark.parametrize(
    ("n_symbols", "n_recordings", "n_steps", "lag"),
    [(8, 24, 16, 1), (12, 24, 20, 1), (12, 30, 40, 1), (6, 20, 20, 1), (8, 12, 40, 2), (4, 10, 20, 2), (8, 12, 40, 3)],
)
def test_an_entropy_cut_short_says_at_most(n_symbols: int, n_recordings: int, n_steps: int, lag: int) -> None:
    """However few the steps, the true rate is held: between both ends, or below the upper end of what says at most."""
    held = []
    for seed in range(8):
        own, true = ring(n_symbols, n_recordings, n_steps, lag=lag, seed=seed)
        rate = entropy_rate(own, KEEP, EntropyPolicy(n_bootstrap=60))
        assert rate is not None
        assert rate.is_upper_bound == rate.reason.startswith(f"at most {rate.bits:.2f} bits: ")
        assert (0.0 == rate.low) == rate.is_upper_bound
        held.append(rate.low <= true <= rate.high)
    assert sum(held) >= 6


def test_seven_followings_tell_of_no_rate() -> None:
    """Clips of one call each, and seven pairs that agree: what follows what was hardly seen, so nothing is certain."""
    own = spelt(*("abcdefghijklmn"[n % 14] for n in range(212)), *["ef"] * 7)
    rate = entropy_rate(own, KEEP)
    assert rate is not None
    assert (True, True) == (rate.is_upper_bound, rate.bits > 1)


def test_a_bound_is_near_where_held_out_steps_are_foretold() -> None:
    """Twelve symbols of true 1.13 bits in 480 steps are told from 3.6 bits of pure chance."""
    own, true = ring(12, 24, 20)
    rate = entropy_rate(own, KEEP)
    assert rate is not None
    assert (True, 1) == (rate.is_upper_bound, rate.order)
    assert true < rate.bits < true + 0.4
    assert f"at most {rate.bits:.2f} bits: too few steps to look further back than 1" == rate.reason


def test_enough_steps_give_two_ends() -> None:
    """Where every order was tested and none tells more, the rate has an interval and is no bound."""
    own, true = ring(6, 20, 60)
    rate = entropy_rate(own, KEEP)
    assert rate is not None
    assert (False, 1) == (rate.is_upper_bound, rate.order)
    assert 0 < rate.low <= true <= rate.high


def test_what_lies_beyond_the_longest_order_is_a_bound() -> None:
    """Where three sounds back tell more than two, the rate of order two is no rate."""
    own, true = ring(4, 20, 60, lag=3)
    rate = entropy_rate(own, KEEP)
    assert rate is not None
    assert rate.is_upper_bound
    assert true < rate.high


def test_groups_are_compared_at_one_order() -> None:
    """A site of few steps brings the order of both down, and the site of many says that it is a bound by that."""
    many, _ = ring(6, 20, 60)
    few, _ = ring(12, 5, 10, seed=1)
    alone = entropy_rate(many, KEEP)
    found = entropy_rates([("many", many), ("few", few), ("none", spelt("ab"))], KEEP)
    assert alone is not None
    assert (1, ["many", "few"]) == (alone.order, [one.group for one in found])
    assert [(0, True), (0, True)] == [(one.order, one.is_upper_bound) for one in found]
    assert "another group has too few steps to look further back than 0" in found[0].reason
    assert [alone.model_copy(update={"group": "many"})] == entropy_rates([("many", many)], KEEP)


def test_one_recording_without_a_pause_has_an_interval() -> None:
    """A single bout is cut into stretches, for what is never drawn otherwise has no spread."""
    rate = entropy_rate(ring(6, 1, 1200)[0], KEEP)
    assert rate is not None
    assert rate.high - rate.low > 0.05


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_entropy_of_counts_is_not_below_counting(counts: list[int]) -> None:
    """The corrected estimate is finite, and not below what counting gives by more than its own small error."""
    shares = np.array(counts) / sum(counts)
    plain = float(-(shares * np.log2(shares)).sum())
    assert entropy_bits(np.array(counts)) >= plain - 0.06


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_are_those_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    """They never lie below p, keep its order, and agree with scipy where all that was possible was seen."""
    from scipy.stats import false_discovery_control

    own = np.array(p_values)
    assert np.allclose(false_discovery_control(own), q_values(own, len(own)))
    assert (q_values(own, 2 * len(own)) >= own - 1e-12).all()


def test_tail_is_fitted_close_to_shuffles() -> None:
    """Where shuffles can tell a p-value, the fitted tail says about the same, and never that nothing is possible."""
    random = np.random.default_rng(0)
    counts = ShuffleCounts(np.array([8, 3, 0]))
    for _ in range(2000):
        counts.add(random.poisson([4, 0.001, 2]))
    assert counts.p_values[0] == pytest.approx(counts.p_shuffles[0], abs=0.02)
    assert 0 < counts.p_values[1] < 1e-6
    assert counts.p_values[2] == pytest.approx(1)


@given(st.integers(0, 50), st.integers(0, 50))
def test_wilson_interval_holds_the_share(n_of: int, n: int) -> None:
    """It lies within 0 and 1 and around the share."""
    n_of = min(n_of, n)
    low, high = wilson(n_of, n)
    assert 0 <= low <= (n_of / n if n else 0.5) + 1e-12
    assert (n_of / n if n else 0.5) - 1e-12 <= high <= 1
