"""What both Qdrant engines share: the payload's schema, the meaning of a filter, and the port on top of them.

`qdrant_edge` and `qdrant_client` say the same things with different classes. So a filter is translated once, here, in
words that a `Dialect` of a few lines turns into either library's conditions; and the port is written once, on top of
the few calls that `QdrantStore` leaves open.

Searches are exact: the engine compares every vector that matches. On 100,000 vectors of 1,024 dimensions that takes
Qdrant Edge 36 ms (9.5 ms behind a filter), and one question has one answer, on which evidence rests.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload, point_id
from rab.errors import SpaceMismatch, StorageFailed
from rab.store.base import Hit, StoredVector
from rab.store.vectors import nearest, ranked, unit_query, unit_rows

BATCH = 256
"""Points in one request: 1 MiB of vectors of 1,024 dimensions, about 5 MiB as JSON; a server's limit is 32 MiB."""

INDEXES: Mapping[str, Literal["keyword", "integer", "float", "datetime"]] = {
    "site": "keyword",
    "recording_id": "keyword",
    "taxa": "keyword",
    "cluster_id": "keyword",
    "local_hour": "integer",
    "heard_at": "datetime",
    "snr_db": "float",
}
"""The payload fields that a filter asks for. Times are ISO 8601 in UTC, which Qdrant compares to the microsecond."""

Condition = TypeVar("Condition")
Filter = TypeVar("Filter")


class Dialect(Protocol[Condition, Filter]):
    """One library's way of writing conditions; None leaves a side of a range open."""

    def any_of(self, field: str, values: list[str] | list[int]) -> Condition:
        """Say that the field has one of the values."""
        ...

    def number_range(self, field: str, low: float | None, high: float | None) -> Condition:
        """Say that the field is a number from `low` to `high`, both included."""
        ...

    def time_range(self, field: str, since: datetime | None, before: datetime | None) -> Condition:
        """Say that the field is a time from `since` on, and before `before`."""
        ...

    def points(self, ids: Sequence[str]) -> Condition:
        """Say that the point is one of these."""
        ...

    def filter(self, must: list[Condition | Filter], must_not: list[Condition | Filter]) -> Filter:
        """Say that all of the first hold and none of the second."""
        ...


def translate(where: SegmentFilter, excluded: Sequence[str], dialect: Dialect[Condition, Filter]) -> Filter:
    """Return what `SegmentFilter.matches` means, less the points `excluded`, in a library's words."""
    any_of: list[tuple[str, list[str] | list[int]]] = [
        ("site", list(where.sites)),
        ("recording_id", list(where.recording_ids)),
        ("taxa", list(where.taxa)),
        ("cluster_id", list(where.cluster_ids)),
        ("local_hour", list(where.local_hours)),
    ]
    must: list[Condition | Filter] = [dialect.any_of(field, values) for field, values in any_of if values]
    if where.heard_from is not None or where.heard_before is not None:
        must.append(dialect.time_range("heard_at", where.heard_from, where.heard_before))
    if where.snr_min_db is not None or where.snr_max_db is not None:
        must.append(dialect.number_range("snr_db", where.snr_min_db, where.snr_max_db))
    must_not: list[Condition | Filter] = []
    if where.exclude is not None:
        must_not.append(translate(where.exclude, (), dialect))
    if excluded:
        must_not.append(dialect.points(excluded))
    return dialect.filter(must, must_not)


def require_same_space(kept: EmbedderCard, asked: EmbedderCard, place: str) -> None:
    """Raise `SpaceMismatch` where a collection was filled by another model than the one that asks for it."""
    if kept.fingerprint != asked.fingerprint:
        raise SpaceMismatch(
            f"{place} holds vectors of {_named(kept)}, not of {_named(asked)}",
            hint="ask with the model that filled it, or give the other model a collection of its own",
        )


def _named(card: EmbedderCard) -> str:
    return f"{card.key} ({card.dim} dimensions, fingerprint {card.fingerprint})"


class Record(Protocol):
    """A point as either library returns it."""

    @property
    def payload(self) -> Any:
        """JSON object of the payload."""
        ...

    @property
    def vector(self) -> Any:
        """List of floats; None when it was not asked for."""
        ...


class ScoredRecord(Protocol):
    """A point found, as either library returns it."""

    @property
    def payload(self) -> Any:
        """JSON object of the payload, or of the part that was asked for."""
        ...

    @property
    def score(self) -> float:
        """Cosine similarity."""
        ...


class QdrantStore(ABC):
    """The port, less the calls that differ between the engines. Points are named by their UUIDs."""

    def __init__(self, card: EmbedderCard) -> None:
        self._card = card

    @property
    def card(self) -> EmbedderCard:
        """The embedder that filled the collection."""
        return self._card

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors [n, dim] with their payloads, durably; ids that exist are replaced, payload and all."""
        rows = unit_rows(vectors, len(payloads), self._card.dim)
        for start in range(0, len(payloads), BATCH):
            batch = payloads[start : start + BATCH]
            ids = [point_id(payload.segment_id) for payload in batch]
            contents = [payload.model_dump(mode="json", exclude_none=True) for payload in batch]
            with self._errors():
                self._put(ids, rows[start : start + BATCH].tolist(), contents)

    def search(
        self, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, *, exclude_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Return the k nearest matching segments, best first, ties by segment id; `exclude_ids` never appear."""
        query: list[float] = unit_query(vector, k, self._card.dim).tolist()
        excluded = [point_id(segment) for segment in exclude_ids]

        def propose(limit: int) -> list[Hit]:
            with self._errors():
                points = self._query(query, limit, where, excluded)
            return ranked((_segment_of(point), point.score) for point in points)

        return nearest(propose, k)

    def fetch(self, segment_ids: Sequence[str]) -> dict[str, StoredVector]:
        """Return those that exist, by segment id."""
        pages = self._pages(segment_ids, with_vectors=True)
        return {stored.payload.segment_id: stored for page in pages for stored in _read(page)}

    def scan(self, where: SegmentFilter) -> Iterator[StoredVector]:
        """Go through all matching segments, a page at a time."""
        offset: Any = None
        while True:
            with self._errors():
                records, offset = self._page(where, offset)
            yield from _read(records)
            if offset is None:
                return

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist, durably; None clears it."""
        members: dict[str | None, list[str]] = defaultdict(list)
        for page in self._pages(list(cluster_of), with_vectors=False):
            for record in page:
                segment = _segment_of(record)
                members[cluster_of[segment]].append(point_id(segment))
        for cluster, ids in members.items():
            for start in range(0, len(ids), BATCH):
                with self._errors():
                    self._set_cluster(ids[start : start + BATCH], cluster)

    def discard(self, segment_ids: Sequence[str]) -> None:
        """Forget segments, durably; those that do not exist are passed over."""
        for start in range(0, len(segment_ids), BATCH):
            with self._errors():
                self._delete([point_id(segment) for segment in segment_ids[start : start + BATCH]])

    def _pages(self, segment_ids: Sequence[str], *, with_vectors: bool) -> Iterator[Sequence[Record]]:
        for start in range(0, len(segment_ids), BATCH):
            with self._errors():
                ids = [point_id(segment) for segment in segment_ids[start : start + BATCH]]
                records = self._retrieve(ids, with_vectors=with_vectors)
            yield records

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; closing twice does nothing."""

    @abstractmethod
    def _errors(self) -> AbstractContextManager[None]:
        """Translate what the library raises."""

    @abstractmethod
    def _put(self, ids: list[str], vectors: list[list[float]], contents: list[dict[str, Any]]) -> None:
        """Insert or replace at most `BATCH` points."""

    @abstractmethod
    def _query(
        self, query: list[float], limit: int, where: SegmentFilter, excluded: Sequence[str]
    ) -> Sequence[ScoredRecord]:
        """Return the `limit` nearest, in any order, their payloads reduced to the segment's id."""

    @abstractmethod
    def _retrieve(self, ids: list[str], *, with_vectors: bool) -> Sequence[Record]:
        """Return those that exist of at most `BATCH` points."""

    @abstractmethod
    def _page(self, where: SegmentFilter, offset: Any) -> tuple[Sequence[Record], Any]:
        """Return at most `BATCH` matching points from `offset` on (None: the first), and the next offset or None."""

    @abstractmethod
    def _set_cluster(self, ids: list[str], cluster: str | None) -> None:
        """Set or clear the cluster of at most `BATCH` points, which exist."""

    @abstractmethod
    def _delete(self, ids: list[str]) -> None:
        """Delete those that exist of at most `BATCH` points."""


def _segment_of(record: Record | ScoredRecord) -> str:
    try:
        return str(record.payload["segment_id"])
    except (KeyError, TypeError) as error:
        raise _unreadable(record.payload) from error


def _read(records: Sequence[Record]) -> Iterator[StoredVector]:
    try:
        vectors = np.array([record.vector for record in records], dtype=np.float32)
        payloads = [SegmentPayload.model_validate(record.payload) for record in records]
    except (TypeError, ValueError) as error:
        raise _unreadable(error) from error
    return map(StoredVector, vectors, payloads)


def _unreadable(what: object) -> StorageFailed:
    return StorageFailed(
        f"a point of the collection is not as RAB stores them: {what}",
        hint="its files are damaged, or another program or a newer RAB wrote it; use that one, or ingest anew",
    )
