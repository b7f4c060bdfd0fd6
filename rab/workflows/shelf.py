"""The shelf: what was heard and is not stored yet.

A flush of the embedded store costs 15 to 50 ms however little it writes, as much as hearing seconds of sound, so
vectors of several short files go there together, and those of a long one in parts. A file is committed to the catalog
only after all of its vectors.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard, SegmentPayload
from rab.workflows.listening import Heard, unpacked
from rab.workflows.reading import Opened
from rab.workflows.workspace import Workspace

_MAX_VECTORS = 512
"""Vectors that wait for a flush: 2 MiB of 1,024 dimensions."""

_MAX_WAIT_S = 2.0
"""What a process that is killed has heard in vain, at most."""


@dataclass(eq=False)
class _File:
    """A file that is being heard or waits to be committed, with its segments as text, by model."""

    path: Path
    opened: Opened
    cards: Sequence[EmbedderCard]
    texts: dict[str, list[bytes]]
    n_segments: int = 0


@dataclass(frozen=True, eq=False)
class _Vectors:
    """Vectors of one batch, which wait for a flush."""

    file: _File
    card: EmbedderCard
    vectors: npt.NDArray[np.float32]
    payloads: Sequence[SegmentPayload]


class Shelf:
    """Vectors and files that wait to be stored. Serves one thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._vectors: list[_Vectors] = []
        self._ended: list[_File] = []
        self._current: _File | None = None
        self._waiting_since: float | None = None

    @property
    def waiting(self) -> list[Path]:
        """Files that were heard and are not stored."""
        return [one.path for one in self._ended]

    @property
    def is_due(self) -> bool:
        """Whether enough waits, or something for long enough."""
        if self._waiting_since is None:
            return False
        n_vectors = sum(len(one.payloads) for one in self._vectors)
        return n_vectors >= _MAX_VECTORS or time.monotonic() - self._waiting_since > _MAX_WAIT_S

    def begin_file(self, path: Path, opened: Opened, cards: Sequence[EmbedderCard]) -> None:
        """Say which file is heard next, and by which models."""
        self._current = _File(path, opened, cards, {card.key: [] for card in cards})

    def put(self, card: EmbedderCard, heard: Heard) -> None:
        """Take in what a model heard in a batch; segments that are stored already stay in their clusters."""
        file, payloads = self._file, heard.payloads
        if file.opened.is_known:
            known = self._workspace.catalog.segments([one.segment_id for one in payloads])
            cluster_of = {segment_id: stored.cluster_id for segment_id, stored in known.items()}
            payloads = tuple(one.model_copy(update={"cluster_id": cluster_of.get(one.segment_id)}) for one in payloads)
        file.texts[card.key].append(heard.packed)
        file.n_segments += len(payloads)
        self._vectors.append(_Vectors(file, card, heard.vectors, payloads))
        self._waiting_since = self._waiting_since or time.monotonic()

    def end_file(self) -> None:
        """Say that the file was heard to its end."""
        self._ended.append(self._file)
        self._current = None
        self._waiting_since = self._waiting_since or time.monotonic()

    def drop_file(self) -> None:
        """Forget what was heard of a file that cannot be heard to its end. What the library had of it stays."""
        file, self._current = self._current, None
        self._vectors = [one for one in self._vectors if one.file is not file]
        if file is None or file.opened.is_known:
            return
        for card in file.cards:
            stored = [one.segment.id for text in file.texts[card.key] for one in unpacked(text)]
            self._workspace.store(card).discard(stored)

    def store(self) -> Iterator[int]:
        """Store the vectors, then commit each file that ended, and yield how many segments it has.

        Raises `StorageFailed`; what is not stored then still waits.
        """
        by_space: dict[str, list[_Vectors]] = {}
        for one in self._vectors:
            by_space.setdefault(one.card.space, []).append(one)
        for some in by_space.values():
            payloads = [payload for one in some for payload in one.payloads]
            self._workspace.store(some[0].card).upsert(np.concatenate([one.vectors for one in some]), payloads)
        self._vectors.clear()
        self._waiting_since = None
        while self._ended:
            self._commit(self._ended[0])
            yield self._ended.pop(0).n_segments

    @property
    def _file(self) -> _File:
        assert self._current is not None, "a file is begun before it is heard"
        return self._current

    def _commit(self, file: _File) -> None:
        recording, fingerprint = file.opened.recording, file.opened.fingerprint
        for card in file.cards:
            segments = chain.from_iterable(map(unpacked, file.texts[card.key]))
            gone = self._workspace.catalog.commit_recording(recording, card, segments, policy=fingerprint)
            self._workspace.store(card).discard(gone)
