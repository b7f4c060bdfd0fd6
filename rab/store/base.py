"""The port that every vector store stands behind.

One collection per embedding space, named by `EmbedderCard.space`; mixing spaces is an error. Vectors are L2-normalised
on the way in, similarity is cosine, up is good. Point ids are `rab.domain.point_id(segment_id)`, so an upsert repeated
changes nothing. The exact in-memory store is the oracle: one contract suite holds every adapter to its answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload


@dataclass(frozen=True, eq=False)
class StoredVector:
    """A segment's unit vector, float32 [dim], read-only, and its payload."""

    vector: npt.NDArray[np.float32]
    payload: SegmentPayload

    def __post_init__(self) -> None:
        self.vector.flags.writeable = False


@dataclass(frozen=True)
class Hit:
    """A segment found, and its cosine similarity to the query vector, to six decimals (what float32 sums can carry)."""

    segment_id: str
    similarity: float


class VectorStore(Protocol):
    """One collection. Thread safety: calls may come from several threads; the adapter serialises what it must.

    Where the engine fails, every method raises `Unavailable` or one of its kinds.
    """

    @property
    def card(self) -> EmbedderCard:
        """The embedder that filled the collection."""
        ...

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors [n, dim] with their payloads, durably; ids that exist are replaced, payload and all.

        Raises `InputError` for another shape, for vectors that are not finite or have no length.
        """
        ...

    def search(
        self, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, *, exclude_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Return the k nearest matching segments, best first, ties by segment id; `exclude_ids` never appear.

        There are fewer than k only where fewer match. Raises `InputError` for k < 1 and for a vector [dim] of another
        shape, not finite or without length.
        """
        ...

    def vectors(self, segment_ids: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """Return the unit vectors, float32 [dim], read-only, of those that exist: a third of the time of `fetch`."""
        ...

    def fetch(self, segment_ids: Sequence[str]) -> dict[str, StoredVector]:
        """Return those that exist, by segment id."""
        ...

    def scan(self, where: SegmentFilter) -> Iterator[StoredVector]:
        """Go through all matching segments, in no promised order."""
        ...

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist, durably; None clears it."""
        ...

    def update_payloads(self, payloads: Sequence[SegmentPayload]) -> None:
        """Replace the payloads of segments that exist, durably; others are passed over, and vectors stay."""
        ...

    def discard(self, segment_ids: Sequence[str]) -> None:
        """Forget segments, durably; those that do not exist are passed over."""
        ...

    def close(self) -> None:
        """Let go of files and connections; closing twice does nothing."""
        ...
