"""The oracle: every vector compared, every filter asked in plain Python, nothing kept on disk.

It is what the other stores are held to, and the store of demonstrations and tests. A search over 5,000 vectors of 1,024
dimensions takes it a tenth of a second.
"""

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload
from rab.store.base import Hit, StoredVector
from rab.store.vectors import ranked, unit_query, unit_rows


class ExactStore:
    """A collection in memory. Thread-safe: writers take turns, readers see the state of one moment."""

    def __init__(self, card: EmbedderCard) -> None:
        self._card = card
        self._stored: dict[str, StoredVector] = {}
        self._writing = Lock()

    @property
    def card(self) -> EmbedderCard:
        """The embedder that filled the collection."""
        return self._card

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors [n, dim] with their payloads; ids that exist are replaced."""
        rows = unit_rows(vectors, len(payloads), self._card.dim)
        new = {payload.segment_id: StoredVector(row, payload) for row, payload in zip(rows, payloads, strict=True)}
        with self._writing:
            self._stored = self._stored | new

    def search(
        self, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, *, exclude_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Return the k nearest matching segments, best first, ties by segment id."""
        query = unit_query(vector, k, self._card.dim).astype(np.float64)
        excluded = set(exclude_ids)
        found = [stored for stored in self.scan(where) if stored.payload.segment_id not in excluded]
        if not found:
            return []
        similarities = np.stack([stored.vector for stored in found]) @ query
        ids = [stored.payload.segment_id for stored in found]
        return ranked(zip(ids, similarities.tolist(), strict=True))[:k]

    def vectors(self, segment_ids: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """Return the unit vectors of those that exist, by segment id."""
        return {segment: stored.vector for segment, stored in self.fetch(segment_ids).items()}

    def fetch(self, segment_ids: Sequence[str]) -> dict[str, StoredVector]:
        """Return those that exist, by segment id."""
        stored = self._stored
        return {segment: stored[segment] for segment in segment_ids if segment in stored}

    def scan(self, where: SegmentFilter) -> Iterator[StoredVector]:
        """Go through all matching segments."""
        return (stored for stored in self._stored.values() if where.matches(stored.payload))

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist; None clears it."""
        with self._writing:
            self._stored = self._stored | {
                segment: StoredVector(stored.vector, stored.payload.model_copy(update={"cluster_id": cluster}))
                for segment, cluster in cluster_of.items()
                if (stored := self._stored.get(segment)) is not None
            }

    def update_payloads(self, payloads: Sequence[SegmentPayload]) -> None:
        """Replace the payloads of segments that exist; vectors stay as they are."""
        with self._writing:
            self._stored = self._stored | {
                payload.segment_id: StoredVector(stored.vector, payload)
                for payload in payloads
                if (stored := self._stored.get(payload.segment_id)) is not None
            }

    def discard(self, segment_ids: Sequence[str]) -> None:
        """Forget segments; those that do not exist are passed over."""
        gone = set(segment_ids)
        with self._writing:
            self._stored = {segment: stored for segment, stored in self._stored.items() if segment not in gone}

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
