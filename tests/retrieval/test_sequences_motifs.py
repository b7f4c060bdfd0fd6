"""Motifs: planted ones are found, shuffled controls give none, and what is reported is right."""

import numpy as np
import pytest

from rab.evals.sequences import PLANTED, drawn, spells_planted
from rab.retrieval.sequences import (
    MotifPolicy,
    SequencePolicy,
    Sequences,
    agreement,
    find_motifs,
    mel_frames,
    warped_db,
)
from rab.retrieval.sequences.motifs import _room

NAMES = tuple(f"c{i}" for i in PLANTED)


@pytest.mark.parametrize("unassigned", ["skip", "break"])
@pytest.mark.parametrize("fold", [True, False])
def test_planted_motif_is_found_once(fold: bool, unassigned: str) -> None:
    """It comes alone: no part of it, and no chance neighbour, is reported beside it."""
    policy = SequencePolicy.model_validate({"fold_repeats": fold, "unassigned": unassigned})
    for seed in range(4):
        motifs = find_motifs(drawn(np.random.default_rng(seed), rate=2), policy).motifs
        assert [NAMES] == [one.symbols for one in motifs]


def test_shuffled_control_gives_no_motif() -> None:
    """The same segments in another order within their recordings give none, over many seeds."""
    n_false = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        sequences = drawn(random, rate=2)
        order = np.lexsort((random.random(len(sequences)), sequences.recording))
        sequences = Sequences(**{**vars(sequences), "symbol": sequences.symbol[order]})
        n_false += bool(find_motifs(sequences, SequencePolicy(fold_repeats=seed % 2 == 0)).motifs)
    assert n_false <= 3


def test_instances_can_be_played() -> None:
    """Each instance names its recording, its segments in order, and its span."""
    sequences = drawn(np.random.default_rng(0), rate=2, unassigned=0)
    motif = find_motifs(sequences).motifs[0]
    place = {one: i for i, one in enumerate(sequences.segment_ids)}
    for instance in motif.instances:
        rows = [place[one] for one in instance.segment_ids]
        assert NAMES == tuple(sequences.alphabet[i] for i in sequences.symbol[rows])
        assert {instance.recording_id} == {sequences.recording_ids[sequences.recording[i]] for i in rows}
        assert sequences.t0_ms[rows[0]] == instance.t0_ms
    assert motif.n_recordings <= motif.n
    assert motif.p_shuffles == pytest.approx(0.01)


def test_gap_ends_a_motif() -> None:
    """With a pause of 9 s behind every step, nothing follows anything."""
    near = drawn(np.random.default_rng(0), rate=3)
    far = Sequences(**{**vars(near), "t0_ms": near.t0_ms * 4, "t1_ms": near.t0_ms * 4 + 3000})
    assert () == find_motifs(far).motifs
    assert find_motifs(near).motifs


def test_motif_beyond_transitions() -> None:
    """Held against shuffles that keep all transitions, a motif of freely used symbols is still found."""
    policy = MotifPolicy(null="transitions", min_length=3)
    found = find_motifs(drawn(np.random.default_rng(1), rate=3), policy=policy)
    assert any(spells_planted(one.symbols) or len(one.symbols) >= 3 for one in found.motifs)
    assert "transitions" == found.null
    noise = [find_motifs(drawn(np.random.default_rng(seed)), policy=policy).motifs for seed in range(8)]
    assert sum(map(bool, noise)) <= 1


def test_empty_and_short_sequences_have_no_motifs() -> None:
    """Nothing is reported, and nothing breaks, where there is nothing."""
    sequences = drawn(np.random.default_rng(0), n=5, n_recordings=1)
    assert () == find_motifs(sequences).motifs
    assert () == find_motifs(sequences.take(np.zeros(len(sequences), dtype=bool))).motifs


def test_room_is_counted_to_the_end_of_the_bout() -> None:
    """Each step knows how many follow it without a break."""
    assert [3, 2, 1, 2, 1] == _room(np.array([True, True, False, True]), 5).tolist()


def test_warping_forgives_tempo_and_not_tune() -> None:
    """A sound and itself are 0 apart; sung a little slower it stays near; another sound is far."""
    random = np.random.default_rng(0)
    song = random.random((60, 8), dtype=np.float32).repeat(3, axis=0) * 30
    slower = song[np.linspace(0, len(song) - 1, 200).round().astype(int)]
    other = random.random((60, 8), dtype=np.float32).repeat(3, axis=0) * 30
    assert 0 == pytest.approx(warped_db(song, song), abs=0.01)
    assert warped_db(song, slower) < warped_db(song, other) / 5
    assert warped_db(song, other) == pytest.approx(warped_db(other, song), rel=1e-6)


def test_alike_instances_are_confirmed_and_random_ones_not() -> None:
    """Instances of one song are nearer to each other than to random sound; random ones are not."""
    random = np.random.default_rng(0)

    def sounds(n: int) -> list[list[np.ndarray]]:
        return [[random.random((40, 8), dtype=np.float32) * 30 for _ in range(2)] for _ in range(n)]

    song = sounds(1)[0]
    sung = [[step + random.normal(0, 1, step.shape).astype(np.float32) for step in song] for _ in range(5)]
    alike, mixed = agreement(sung, sounds(5)), agreement(sounds(6), sounds(6))
    assert alike is not None
    assert mixed is not None
    assert (True, 1.0) == (alike.confirmed, alike.closer_fraction)
    assert not mixed.confirmed
    assert agreement(sung[:1], sounds(5)) is None


def test_mel_frames_stand_above_the_noise() -> None:
    """A tone is loud in its own bands, and frames lie within 0 and 40 dB."""
    from rab.audio.spectrogram import spectrogram
    from rab.domain import Waveform

    seconds = np.arange(48_000 * 2) / 48_000
    noise = np.random.default_rng(0).normal(0, 0.01, len(seconds))
    tone = np.where((seconds % 1) < 0.2, 0.3 * np.sin(2 * np.pi * 3000 * seconds), 0)
    frames = mel_frames(spectrogram(Waveform((noise + tone).astype(np.float32), 48_000)))
    assert 0 <= frames.min()
    assert 40 == frames.max()
    assert frames.shape[0] == pytest.approx(2000 / 32, abs=2)
    assert frames.max(axis=0).argmax() not in (0, frames.shape[1] - 1)
