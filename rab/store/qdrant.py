"""What both Qdrant engines share: the payload's schema, the meaning of a filter, and the port on top of them.

`qdrant_edge` and `qdrant_client` say the same things with different classes. So a filter is translated once, here, in
words that a `Dialect` of a few lines turns into either library's conditions; and the port is written once, on top of
the few calls that `QdrantStore` leaves open.

Searches are exact: the engine compares every vector that matches. On 100,000 vectors of 1,024 dimensions that takes
Qdrant Edge 36 ms (9.5 ms behind a filter), and one question has one answer, on which evidence rests.
"""

import struct
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rab.domain import Box, EmbedderCard, SegmentFilter, SegmentPayload, point_id
from rab.errors import SpaceMismatch, StorageFailed
from rab.store.base import Hit, StoredVector
from rab.store.vectors import nearest, ranked, unit_query, unit_rows

BATCH = 256
"""Points in one request: 1 MiB of vectors of 1,024 dimensions, about 5 MiB as JSON; a server's limit is 32 MiB."""

INDEXES: Mapping[str, Literal["keyword", "integer", "float", "datetime"]] = {
    "site": "keyword",
    "habitat": "keyword",
    "recording_id": "keyword",
    "taxa": "keyword",
    "scores[].taxon": "keyword",
    "labels[].name": "keyword",
    "labels[].source": "keyword",
    "cluster_id": "keyword",
    "local_hour": "integer",
    "month_day": "integer",
    "heard_at": "datetime",
    "snr_db": "float",
    "lat_deg": "float",
    "lon_deg": "float",
    "human_voice": "integer",
}
"""The payload fields that a filter asks for, but for the model, which is one throughout a collection.

Times are ISO 8601 in UTC, which Qdrant compares to the microsecond."""

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

    def one_object(self, field: str, where: Filter) -> Condition:
        """Say that one of the field's objects meets all of `where`."""
        ...

    def points(self, ids: Sequence[str]) -> Condition:
        """Say that the point is one of these."""
        ...

    def either(self, alternatives: list[Filter]) -> Filter:
        """Say that one of these holds."""
        ...

    def filter(self, must: list[Condition | Filter], must_not: list[Condition | Filter]) -> Filter:
        """Say that all of the first hold and none of the second."""
        ...


def translate(where: SegmentFilter, excluded: Sequence[str], dialect: Dialect[Condition, Filter]) -> Filter:
    """Return what `SegmentFilter.matches` means, less the points `excluded`, in a library's words.

    The engines measure distances on spheres of their own. So `near` becomes a box that holds all of it, and nothing
    where it excludes: what is found then is all that matches and more, and `QdrantStore` asks `matches` of it.
    Raises `InputError` for a filter that asks for a precision.
    """
    where.require_raw_scores()
    conditions = _translated(where, dialect, widely=True)
    return dialect.filter([conditions], [dialect.points(excluded)]) if excluded else conditions


def _translated(where: SegmentFilter, dialect: Dialect[Condition, Filter], *, widely: bool) -> Filter:
    """Translate, and where that cannot be exact, to what surely holds all that matches, or to what surely matches."""
    any_of: list[tuple[str, list[str] | list[int]]] = [
        ("site", list(where.sites)),
        ("habitat", list(where.habitats)),
        ("recording_id", list(where.recording_ids)),
        ("model", list(where.models)),
        ("cluster_id", list(where.cluster_ids)),
        ("local_hour", list(where.local_hours)),
        ("month_day", list(where.month_days)),
    ]
    must: list[Condition | Filter] = [dialect.any_of(field, values) for field, values in any_of if values]
    must += [*_of_taxa(where, dialect), *_of_labels(where, dialect)]
    if where.human_voice:
        must.append(dialect.any_of("human_voice", [1]))
    if where.heard_from is not None or where.heard_before is not None:
        must.append(dialect.time_range("heard_at", where.heard_from, where.heard_before))
    if where.snr_min_db is not None or where.snr_max_db is not None:
        must.append(dialect.number_range("snr_db", where.snr_min_db, where.snr_max_db))
    if where.box is not None:
        must.append(_in_box(where.box, dialect))
    if where.near is not None:
        must.append(_in_box(where.near.box, dialect) if widely else dialect.points([]))
    must += [dialect.either([_translated(one, dialect, widely=widely) for one in group]) for group in where.any_of]
    return dialect.filter(must, [_translated(one, dialect, widely=not widely) for one in where.exclude])


def _of_taxa(where: SegmentFilter, dialect: Dialect[Condition, Filter]) -> Iterator[Condition]:
    low, high = where.raw_score_min, where.raw_score_max
    if low is not None or high is not None:
        named = [dialect.any_of("taxon", list(where.taxa))] if where.taxa else []
        yield dialect.one_object("scores", dialect.filter([*named, dialect.number_range("raw_score", low, high)], []))
    elif where.taxa:
        yield dialect.any_of("taxa", list(where.taxa))


def _of_labels(where: SegmentFilter, dialect: Dialect[Condition, Filter]) -> Iterator[Condition]:
    given = [("name", where.labels), ("source", where.label_sources)]
    if where.labels or where.label_sources:
        of_one: list[Condition | Filter] = [dialect.any_of(field, list(values)) for field, values in given if values]
        yield dialect.one_object("labels", dialect.filter(of_one, []))
    if where.reviewed:
        yield dialect.one_object("labels", dialect.filter([dialect.any_of("source", ["human"])], []))


def _in_box(box: Box, dialect: Dialect[Condition, Filter]) -> Filter:
    sides = [dialect.filter([dialect.number_range("lon_deg", *side)], []) for side in box.lon_ranges_deg]
    return dialect.filter([dialect.number_range("lat_deg", box.south_deg, box.north_deg), dialect.either(sides)], [])


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
    def id(self) -> Any:
        """UUID, or how it is written."""
        ...

    @property
    def payload(self) -> Any:
        """JSON object of the payload; None when it was not asked for."""
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
            with self._errors():
                self._put(ids, rows[start : start + BATCH].tolist(), [_content(payload) for payload in batch])

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

        return nearest(propose, k, (lambda hits: self._matching(hits, where)) if where.asks_distance else None)

    def _matching(self, hits: list[Hit], where: SegmentFilter) -> list[Hit]:
        pages = self._pages([hit.segment_id for hit in hits], payloads=True)
        payloads = (stored_payload(record) for page in pages for record in page)
        meant = {payload.segment_id for payload in payloads if where.matches(payload)}
        return [hit for hit in hits if hit.segment_id in meant]

    def vectors(self, segment_ids: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """Return the unit vectors of those that exist, by segment id. No payload is read: a point tells whose it is."""
        segment_of = {point_id(segment): segment for segment in segment_ids}
        points = list(segment_of)
        found: dict[str, npt.NDArray[np.float32]] = {}
        for start in range(0, len(points), BATCH):
            with self._errors():
                page = self._retrieve(points[start : start + BATCH], payloads=False, vectors=True)
            found |= zip([segment_of[str(record.id)] for record in page], as_rows(page), strict=True)
        return found

    def fetch(self, segment_ids: Sequence[str]) -> dict[str, StoredVector]:
        """Return those that exist, by segment id."""
        pages = self._pages(segment_ids, payloads=True, vectors=True)
        return {stored.payload.segment_id: stored for page in pages for stored in stored_vectors(page)}

    def scan(self, where: SegmentFilter) -> Iterator[StoredVector]:
        """Go through all matching segments, a page at a time."""
        offset: Any = None
        while True:
            with self._errors():
                records, offset = self._page(where, offset)
            yield from (one for one in stored_vectors(records) if not where.asks_distance or where.matches(one.payload))
            if offset is None:
                return

    def update_payloads(self, payloads: Sequence[SegmentPayload]) -> None:
        """Replace the payloads of segments that exist, durably; vectors stay as they are."""
        new = {payload.segment_id: payload for payload in payloads}
        for page in self._pages(list(new), payloads=True):
            known = [_segment_of(record) for record in page]
            with self._errors():
                self._replace([point_id(segment) for segment in known], [_content(new[segment]) for segment in known])

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist, durably; None clears it."""
        members: dict[str | None, list[str]] = defaultdict(list)
        for page in self._pages(list(cluster_of), payloads=True):
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

    def _pages(
        self, segment_ids: Sequence[str], *, payloads: bool, vectors: bool = False
    ) -> Iterator[Sequence[Record]]:
        for start in range(0, len(segment_ids), BATCH):
            with self._errors():
                ids = [point_id(segment) for segment in segment_ids[start : start + BATCH]]
                records = self._retrieve(ids, payloads=payloads, vectors=vectors)
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
    def _retrieve(self, ids: list[str], *, payloads: bool, vectors: bool) -> Sequence[Record]:
        """Return those that exist of at most `BATCH` points, with what of them is asked for."""

    @abstractmethod
    def _page(self, where: SegmentFilter, offset: Any) -> tuple[Sequence[Record], Any]:
        """Return at most `BATCH` matching points from `offset` on (None: the first), and the next offset or None."""

    @abstractmethod
    def _set_cluster(self, ids: list[str], cluster: str | None) -> None:
        """Set or clear the cluster of at most `BATCH` points, which exist."""

    @abstractmethod
    def _replace(self, ids: list[str], contents: list[dict[str, Any]]) -> None:
        """Replace the payloads of at most `BATCH` points, which exist."""

    @abstractmethod
    def _delete(self, ids: list[str]) -> None:
        """Delete those that exist of at most `BATCH` points."""


def _segment_of(record: Record | ScoredRecord) -> str:
    try:
        return str(record.payload["segment_id"])
    except (KeyError, TypeError) as error:
        raise _unreadable(record.payload) from error


def _content(payload: SegmentPayload) -> dict[str, Any]:
    """Return a payload as JSON. A truth is 0 or 1 there, for Qdrant Edge 0.9 finds no `true`."""
    return payload.model_dump(mode="json", exclude_none=True) | {"human_voice": int(payload.human_voice)}


def stored_payload(record: Record) -> SegmentPayload:
    """Return what a point says beside its vector. Raises `StorageFailed` where it is not as RAB stores it."""
    try:
        return SegmentPayload.model_validate(record.payload)
    except ValueError as error:
        raise _unreadable(error) from error


def stored_vectors(records: Sequence[Record]) -> Iterator[StoredVector]:
    """Return what points hold. Raises `StorageFailed` where they are not as RAB stores them."""
    return map(StoredVector, as_rows(records), [stored_payload(record) for record in records])


def as_rows(records: Sequence[Record]) -> npt.NDArray[np.float32]:
    """Return the vectors of points, float32 [n, dim], read-only. Raises `StorageFailed` where they are none.

    `struct` reads lists of floats in less than half the time that numpy takes.
    """
    try:
        vectors = [record.vector for record in records]
        dim = len(vectors[0]) if vectors else 0
        pack = struct.Struct(f"{dim}f").pack
        rows = np.frombuffer(b"".join([pack(*vector) for vector in vectors]), np.float32)
    except (TypeError, OverflowError, struct.error) as error:
        raise _unreadable(error) from error
    return rows.reshape(len(records), dim)


def _unreadable(what: object) -> StorageFailed:
    return StorageFailed(
        f"a point of the collection is not as RAB stores them: {what}",
        hint="its files are damaged, or another program or a newer RAB wrote it; use that one, or ingest anew",
    )
