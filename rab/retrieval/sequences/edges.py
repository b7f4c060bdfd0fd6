"""Edges: segments of one voice in the order of time, each with the next, and the gap between them.

Sequences are kept as columns, for a million segments as Python objects would need gigabytes; symbols are whole numbers
into an alphabet.

Two rules decide what follows what. **Unassigned** segments are passed over by default, and time alone ends a sequence:
HDBSCAN leaves a large part of any real library unassigned, mostly because a call is faint or shares its window with
another, not because another sound came between. With 30 % of the segments unassigned, a motif of four would survive in
a third of its instances if each of them ended a sequence. `break` is there for who wants a silence of meaning to count.
**Repeats** are folded where a model's segments are windows: a trill of 30 s is ten windows of BirdNET, which is a
duration and not a sequence of ten calls. Where a model finds calls, each is an event and repeats stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Value

Whole = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNASSIGNED = -1


class SequencePolicy(Value):
    """What counts as the next."""

    max_gap_ms: float = Field(default=4000.0, ge=0)
    """From the end of one to the start of the next: one missed window of BirdNET does not end a sequence."""
    unassigned: Literal["skip", "break"] = "skip"
    fold_repeats: bool = True


@dataclass(frozen=True, eq=False)
class Sequences:
    """n segments, ordered by recording, voice and time.

    `recording` and `voice` are numbers [n] that never fall; a voice is one channel of one recording. `symbol` [n]
    points into `alphabet`, −1 where a segment has none; `group` [n] into `groups`, −1 where it belongs to none.
    `broken` [n] says that an unassigned segment stood before, under the policy that lets it break.
    """

    segment_ids: Sequence[str]
    recording_ids: tuple[str, ...]
    alphabet: tuple[str, ...]
    groups: tuple[str, ...]
    recording: Whole
    voice: Whole
    channel: Whole
    """−1 where channels were averaged."""
    t0_ms: Times
    t1_ms: Times
    symbol: Whole
    group: Whole
    broken: Mask

    def __len__(self) -> int:
        return len(self.symbol)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> "Sequences":
        """Return some of the segments, in the same order."""
        columns = ("recording", "voice", "channel", "t0_ms", "t1_ms", "symbol", "group", "broken")
        kept = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        ids = [self.segment_ids[i] for i in kept]
        return replace(self, segment_ids=ids, **{name: getattr(self, name)[kept] for name in columns})

    def by_group(self) -> dict[str, "Sequences"]:
        """Return the segments of each group, by its name."""
        return {name: self.take(self.group == number) for number, name in enumerate(self.groups)}


def gaps_ms(sequences: Sequences) -> Times:
    """Return the gap behind each segment but the last, [n − 1]: end to start, negative where they overlap.

    Between voices there is no gap: it is infinite.
    """
    apart = sequences.t0_ms[1:] - sequences.t1_ms[:-1]
    return np.where(sequences.voice[1:] == sequences.voice[:-1], apart, np.inf)


def links(sequences: Sequences, max_gap_ms: float) -> Mask:
    """Return whether each segment but the last, [n − 1], has a NEXT edge to the one behind it."""
    return np.asarray((gaps_ms(sequences) <= max_gap_ms) & ~sequences.broken[1:])


def steps(sequences: Sequences, policy: SequencePolicy = SequencePolicy()) -> Sequences:
    """Return the segments that count as steps: those with a symbol, repeats folded where the policy says so.

    A folded step begins with the first of its run and ends with the last.
    """
    assigned = sequences.symbol != UNASSIGNED
    kept = sequences.take(assigned)
    if policy.unassigned == "break":
        n_before = np.cumsum(~assigned)[assigned]
        broken = np.concatenate([[False], np.diff(n_before) > 0]) if len(kept) else kept.broken
        kept = replace(kept, broken=broken)
    if not policy.fold_repeats or len(kept) < 2:
        return kept
    same = links(kept, policy.max_gap_ms) & (kept.symbol[1:] == kept.symbol[:-1])
    first = np.concatenate([[True], ~same])
    last = np.concatenate([~same, [True]])
    return replace(kept.take(first), t1_ms=kept.t1_ms[last])
