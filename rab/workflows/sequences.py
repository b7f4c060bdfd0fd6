"""Sequences of a library: bouts, transitions, motifs and entropy, all together or by site or habitat."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from rab.audio import read_clip
from rab.audio.spectrogram import spectrogram
from rab.catalog import OrderedSegment
from rab.domain import SegmentFilter
from rab.domain.sequence import (
    Agreement,
    Alphabet,
    Bout,
    BoutCriterion,
    EntropyRate,
    Following,
    Motif,
    MotifReport,
    TransitionTable,
)
from rab.errors import InputError
from rab.logs import canonical_line
from rab.retrieval.sequences import (
    BoutPolicy,
    EntropyPolicy,
    MotifPolicy,
    SequencePolicy,
    Sequences,
    TransitionPolicy,
    agreement,
    bout_criterion,
    bouts,
    entropy_rates,
    find_motifs,
    followed_by,
    mel_frames,
    steps,
    transition_table,
    usual_follower,
)
from rab.retrieval.sequences.alignment import Frames
from rab.workflows.workspace import Workspace

GroupBy = Literal["site", "habitat"]
_N_LISTENED = 8
"""Instances, and random sequences, that are aligned: 16 clips a step."""


def read_sequences(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = SegmentFilter(),
    by: Alphabet = "cluster",
    group_by: GroupBy | None = None,
) -> Sequences:
    """Return the matching segments of a model in order, with what each counts as.

    Raises `InputError` where none matches, or none of them has a cluster, a taxon or a label.
    """
    card = workspace.card(model)
    found = sequences_of(workspace.catalog.in_order(card.space, where, by), group_by=group_by)
    if not len(found):
        raise InputError("no segment matches", hint="widen --where")
    if not found.alphabet:
        hints = {"cluster": "run `rab cluster`", "taxon": "try --by cluster", "label": "label segments (`rab label`)"}
        raise InputError(f"no segment of {model} that matches has a {by}", hint=hints[by])
    return found


def sequences_of(rows: Iterator[OrderedSegment], *, group_by: GroupBy | None = None) -> Sequences:
    """Return rows, which come by recording, voice and time, as columns."""
    numbers: tuple[dict[str, int], ...] = ({}, {}, {})
    recordings, symbols, groups = numbers
    ids: list[str] = []
    whole: list[tuple[int, int, int, int]] = []
    times: list[tuple[float, float]] = []
    for row in rows:
        group = None if group_by is None else row.site if group_by == "site" else row.habitat
        ids.append(row.segment_id)
        times.append((row.t0_ms, row.t1_ms))
        whole.append(
            (
                recordings.setdefault(row.recording_id, len(recordings)),
                -1 if row.channel is None else row.channel,
                -1 if row.symbol is None else symbols.setdefault(row.symbol, len(symbols)),
                -1 if group is None else groups.setdefault(group, len(groups)),
            )
        )
    recording, channel, symbol, group_number = np.array(whole, dtype=np.int64).reshape(-1, 4).T.copy()
    t0_ms, t1_ms = np.array(times, dtype=np.float64).reshape(-1, 2).T.copy()
    changes = (np.diff(recording, prepend=-1) != 0) | (np.diff(channel, prepend=-2) != 0)
    return Sequences(
        segment_ids=ids,
        recording_ids=tuple(recordings),
        alphabet=tuple(symbols),
        groups=tuple(groups),
        recording=recording,
        voice=np.cumsum(changes),
        channel=channel,
        t0_ms=t0_ms,
        t1_ms=t1_ms,
        symbol=symbol,
        group=group_number,
        broken=np.zeros(len(ids), dtype=bool),
    )


def policy_for(workspace: Workspace, model: str, policy: SequencePolicy | None = None) -> SequencePolicy:
    """Return the policy given, or the default for a model: repeats are folded where its segments are windows."""
    return policy or SequencePolicy(fold_repeats=not workspace.card(model).finds_calls)


def bouts_of(
    sequences: Sequences, sequence_policy: SequencePolicy, policy: BoutPolicy = BoutPolicy()
) -> tuple[BoutCriterion, list[Bout]]:
    """Return the gap that ends a bout, and the bouts."""
    whole = steps(sequences, sequence_policy.model_copy(update={"fold_repeats": False}))
    criterion = bout_criterion(whole, policy)
    widened = sequence_policy.model_copy(update={"max_gap_ms": criterion.gap_ms})
    return criterion, bouts(steps(sequences, widened), criterion.gap_ms)


def transitions_of(
    sequences: Sequences, sequence_policy: SequencePolicy, policy: TransitionPolicy = TransitionPolicy()
) -> list[TransitionTable]:
    """Return the transitions of each group, or of all together where there are none."""
    return [transition_table(own, sequence_policy, policy, group=group) for group, own in _grouped(sequences)]


def motifs_of(
    sequences: Sequences, sequence_policy: SequencePolicy, policy: MotifPolicy = MotifPolicy()
) -> list[MotifReport]:
    """Return the motifs of each group, or of all together where there are none."""
    with canonical_line("motifs", n_segments=len(sequences)) as line:
        found = [find_motifs(own, sequence_policy, policy, group=group) for group, own in _grouped(sequences)]
        line.update(n_motifs=sum(len(report.motifs) for report in found))
    return found


def entropies_of(
    sequences: Sequences, sequence_policy: SequencePolicy, policy: EntropyPolicy = EntropyPolicy()
) -> list[EntropyRate]:
    """Return the entropy rate of each group that is long enough, all at one order, or of all together."""
    return entropy_rates(_grouped(sequences), sequence_policy, policy)


def following(
    sequences: Sequences, symbol: str, follower: str | None = None, *, within_ms: float = 4000.0
) -> Following | None:
    """Return how often a symbol is followed by another, or by what follows it most; None where it never is."""
    if follower is None:
        return usual_follower(sequences, symbol, within_ms=within_ms)
    return followed_by(sequences, symbol, follower, within_ms=within_ms)


def motif_agreement(
    workspace: Workspace, sequences: Sequences, motif: Motif, *, n_listened: int = _N_LISTENED, seed: int = 0
) -> Agreement | None:
    """Return how alike a motif's instances sound, by a small part of them; None where too few can be compared.

    Random sequences are as many steps in a row, of one voice, that do not spell the motif. Raises `AudioError` or
    `NotFound` where a recording's file is gone.
    """
    random = np.random.default_rng(seed)
    length = len(motif.symbols)
    own = sequences.take(sequences.symbol >= 0)
    starts = np.flatnonzero(own.voice[length - 1 :] == own.voice[: len(own) - length + 1])
    wanted = [own.alphabet.index(symbol) for symbol in motif.symbols]
    spelt = np.ones(len(starts), dtype=bool)
    for offset, symbol in enumerate(wanted):
        spelt &= own.symbol[starts + offset] == symbol
    chosen = random.permutation(starts[~spelt])[:n_listened]
    others = [[own.segment_ids[start + offset] for offset in range(length)] for start in chosen.tolist()]
    spread = np.unique(np.linspace(0, len(motif.instances) - 1, n_listened).round().astype(int))
    instances = [motif.instances[i].segment_ids for i in spread]
    heard = {one: _frames(workspace, one) for ids in (*instances, *others) for one in ids}
    return agreement(
        [[heard[one] for one in ids] for ids in instances], [[heard[one] for one in ids] for ids in others]
    )


def _frames(workspace: Workspace, segment_id: str) -> Frames:
    stored = workspace.catalog.segment(segment_id)
    segment = stored.segment
    sound = read_clip(stored.recording, channel=segment.channel, t0_ms=segment.t0_ms, t1_ms=segment.t1_ms)
    return mel_frames(spectrogram(sound))


def _grouped(sequences: Sequences) -> list[tuple[str | None, Sequences]]:
    return [*sequences.by_group().items()] if sequences.groups else [(None, sequences)]
