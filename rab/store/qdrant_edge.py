"""Qdrant in this process: the embedded store, one folder for one collection, no server.

`folder/card.json` says which embedder filled the collection, `folder/shard` is Qdrant Edge's. One process owns a shard;
a second one is refused by the engine's lock, which dies with its holder.

Durability: an update is in the write-ahead log when it returns, so `kill -9` loses nothing. `upsert`, `discard` and
`assign_clusters` end with a flush, some 70 `fsync` and `msync`, so that after a power cut no catalog says that a
recording is done whose vectors never reached the disk. Storing 100 vectors of 1,024 dimensions takes 10 ms, a flush 15
to 50 ms on a disk at rest and up to 400 ms on a busy one: store many vectors with one call. An empty shard takes
0.3 MiB of disk, though its sparse files add up to 145 MiB.

The engine writes through memory maps of sparse files, and a disk that fills up then kills the process with SIGBUS. So
nothing is written while less than 256 MiB are free, more than the engine's files have ahead of them.

The engine's own index is not built. `optimize()` holds the interpreter's lock for the whole build (647 s for 100,000 ×
1,024), so that every thread of the process stands still. The engine compares vectors exactly, 18 to 36 ms for those
100,000, and from `SKETCH_FROM` points on a sketch of ours (`sketch`) tells it which few hundred are worth comparing, so
that a search takes 3 to 6 ms. The other calls hold the interpreter's lock too, so they take turns by themselves.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import qdrant_edge as edge
from pydantic import ValidationError

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload, point_id
from rab.errors import HomeLocked, StorageFailed
from rab.store.pages import give_back_pages
from rab.store.qdrant import (
    BATCH,
    INDEXES,
    QdrantStore,
    Record,
    ScoredRecord,
    require_same_space,
    stored_payload,
    stored_vectors,
    translate,
)
from rab.store.sketch_making import Page
from rab.store.sketch_upkeep import SketchUpkeep

SKETCH_FROM = 20_000
"""Points from which a search goes through a sketch; the engine's own takes 4 to 7 ms on as many."""

_MIN_FREE_BYTES = 256 * 2**20

_INDEXED = ("site", "recording_id", "taxa", "cluster_id", "local_hour", "heard_at", "snr_db")
"""Fields of `INDEXES` that are worth an index here. Each takes a new collection 12 ms of work and several `fsync`; a
filter on another field reads payloads, and where these are many, the sketch has answered it."""

_SCHEMAS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "datetime": edge.PayloadSchemaType.Datetime,
}


class QdrantEdgeStore(QdrantStore):
    """A collection in a folder of this machine. Thread-safe; one process at a time."""

    def __init__(self, folder: Path, card: EmbedderCard, shard: edge.EdgeShard, *, sketch_from: int) -> None:
        super().__init__(card)
        self._folder = folder
        self._shard = shard
        self._upkeep = SketchUpkeep(folder, self, min_points=sketch_from)

    @classmethod
    def open(cls, folder: Path, card: EmbedderCard, *, sketch_from: int = SKETCH_FROM) -> Self:
        """Open the collection in `folder`, or make it. Closing it is the caller's.

        From `sketch_from` points on a search goes through a sketch of them, which is made meanwhile.

        Raises `SpaceMismatch` when another embedder filled it, `HomeLocked` when it is open already, here or in another
        process, and `StorageFailed` when it cannot be read or written.
        """
        with _translated(folder):
            kept = _kept_card(folder, card)
            require_same_space(kept, card, str(folder))
            return cls(folder, kept, _open_shard(folder / "shard", card.dim), sketch_from=sketch_from)

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors [n, dim] with their payloads, flush, and give back the memory that this took."""
        with self._upkeep.changing([point_id(payload.segment_id) for payload in payloads], vectors=True):
            super().upsert(vectors, payloads)
            self._flush()
        give_back_pages(self._folder / "shard")

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist, and flush."""
        with self._upkeep.changing([point_id(segment) for segment in cluster_of], vectors=False):
            super().assign_clusters(cluster_of)
            self._flush()

    def update_payloads(self, payloads: Sequence[SegmentPayload]) -> None:
        """Replace the payloads of segments that exist, and flush."""
        with self._upkeep.changing([point_id(payload.segment_id) for payload in payloads], vectors=False):
            super().update_payloads(payloads)
            self._flush()

    def discard(self, segment_ids: Sequence[str]) -> None:
        """Forget segments, and flush."""
        if segment_ids:
            with self._upkeep.changing([point_id(segment) for segment in segment_ids], vectors=False):
                super().discard(segment_ids)
                self._flush()

    def close(self) -> None:
        """Flush and release the folder; closing twice does nothing."""
        self._upkeep.close()
        with self._errors():
            self._shard.close()

    def settle(self) -> None:
        """Wait until a sketch that is being made is in use. Searches need not: they are exact until then."""
        self._upkeep.settle()

    @property
    def is_sketched(self) -> bool:
        """Whether searches go through a sketch now."""
        return self._upkeep.sketch is not None

    def n_points(self) -> int:
        """Return how many points the shard has."""
        with self._errors():
            return int(self._shard.count(edge.CountRequest(exact=True)))

    def page(self, offset: Any, n: int) -> tuple[Page, Any]:
        """Return at most n points from `offset` on (None: the first), and the next offset or None."""
        request = edge.ScrollRequest(offset=offset, limit=n, with_payload=True, with_vector=True)
        with self._errors():
            records, offset = self._shard.scroll(request)
        return _as_page(records, self._card.dim), offset

    def read(
        self, points: Sequence[str], *, vectors: bool
    ) -> tuple[list[str], list[SegmentPayload], npt.NDArray[np.float32] | None]:
        """Return those that exist of some points, with their vectors [n, dim] or without (None)."""
        with self._errors():
            records = self._retrieve([*points], payloads=True, vectors=vectors)
        if vectors:
            return _as_page(records, self._card.dim)
        payloads = [stored_payload(record) for record in records]
        return [point_id(payload.segment_id) for payload in payloads], payloads, None

    def _flush(self) -> None:
        with self._errors():
            self._shard.flush()

    def _errors(self) -> AbstractContextManager[None]:
        return _translated(self._folder)

    def _put(self, ids: list[str], vectors: list[list[float]], contents: list[dict[str, Any]]) -> None:
        _require_space(self._folder)
        points = [edge.Point(*point) for point in zip(ids, vectors, contents, strict=True)]
        self._shard.update(edge.UpdateOperation.upsert_points(points))

    def _query(
        self, query: list[float], limit: int, where: SegmentFilter, excluded: Sequence[str]
    ) -> Sequence[ScoredRecord]:
        conditions = translate(where, excluded, _EdgeDialect())
        sketch = self._upkeep.sketch
        among = None if sketch is None else sketch.nearest(np.array(query, np.float32), limit, where, excluded)
        if among is not None:
            named = edge.HasIdCondition(set(among))
            points = edge.Filter(must=[named] if where.is_empty else [named, conditions])
            found = self._compare(query, limit, points)
            if len(found) == min(limit, len(among)):  # fewer where one was changed meanwhile
                return found
        return self._compare(query, limit, conditions)

    def _compare(self, query: list[float], limit: int, conditions: edge.Filter) -> Sequence[ScoredRecord]:
        request = edge.QueryRequest(
            limit=limit,
            query=edge.Query.Nearest(query),
            filter=conditions,
            with_payload=["segment_id"],
            params=edge.SearchParams(exact=True),
        )
        return self._shard.query(request)

    def _retrieve(self, ids: list[str], *, payloads: bool, vectors: bool) -> Sequence[Record]:
        return self._shard.retrieve([*ids], with_payload=payloads, with_vector=vectors)

    def _page(self, where: SegmentFilter, offset: Any) -> tuple[Sequence[Record], Any]:
        conditions = translate(where, (), _EdgeDialect())
        request = edge.ScrollRequest(offset=offset, limit=BATCH, filter=conditions, with_payload=True, with_vector=True)
        return self._shard.scroll(request)

    def _set_cluster(self, ids: list[str], cluster: str | None) -> None:
        _require_space(self._folder)
        if cluster is None:
            self._shard.update(edge.UpdateOperation.delete_payload([*ids], ["cluster_id"]))
        else:
            self._shard.update(edge.UpdateOperation.set_payload([*ids], {"cluster_id": cluster}))

    def _replace(self, ids: list[str], contents: list[dict[str, Any]]) -> None:
        _require_space(self._folder)
        for point, content in zip(ids, contents, strict=True):
            self._shard.update(edge.UpdateOperation.overwrite_payload([point], content))

    def _delete(self, ids: list[str]) -> None:
        self._shard.update(edge.UpdateOperation.delete_points([*ids]))


def _as_page(records: Sequence[Record], dim: int) -> tuple[list[str], list[SegmentPayload], npt.NDArray[np.float32]]:
    stored = list(stored_vectors(records))
    payloads = [one.payload for one in stored]
    vectors = np.array([one.vector for one in stored], np.float32).reshape(-1, dim)
    return [point_id(payload.segment_id) for payload in payloads], payloads, vectors


class _EdgeDialect:
    def any_of(self, field: str, values: list[str] | list[int]) -> edge.FieldCondition:
        return edge.FieldCondition(field, match=edge.MatchAny(values))

    def number_range(self, field: str, low: float | None, high: float | None) -> edge.FieldCondition:
        return edge.FieldCondition(field, range=edge.RangeFloat(gte=low, lte=high))

    def time_range(self, field: str, since: datetime | None, before: datetime | None) -> edge.FieldCondition:
        gte, lt = (None if time is None else time.isoformat() for time in (since, before))
        return edge.FieldCondition(field, range=edge.RangeDateTime(gte=gte, lt=lt))

    def one_object(self, field: str, where: edge.Filter) -> edge.NestedCondition:
        return edge.NestedCondition(field, where)

    def points(self, ids: Sequence[str]) -> edge.HasIdCondition:
        return edge.HasIdCondition(set(ids))

    def either(self, alternatives: list[edge.Filter]) -> edge.Filter:
        return edge.Filter(should=[*alternatives])

    def filter(self, must: list[Any], must_not: list[Any]) -> edge.Filter:
        return edge.Filter(must=must, must_not=must_not)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Translate what Qdrant Edge raises: bare `Exception`, told apart by its words alone, and panics of its Rust."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be used: {error}", hint="check that it is a writable folder") from error
    except BaseException as error:
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        if "WouldBlock" in str(error):
            raise HomeLocked(
                f"the vectors in {folder} are open already, in another process or earlier in this one",
                hint="close the other, or talk to it: `rab serve` answers over HTTP",
            ) from error
        raise StorageFailed(
            f"the vectors in {folder} cannot be used: {error}",
            hint="check disk space and permissions; if files are damaged, move the folder away and ingest anew",
        ) from error


def _require_space(folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _MIN_FREE_BYTES:
        raise StorageFailed(
            f"only {free_bytes // 2**20} MiB are free for the vectors in {folder}",
            hint=f"free {_MIN_FREE_BYTES // 2**20} MiB at least, or move the data directory to a larger disk",
        )


def _kept_card(folder: Path, card: EmbedderCard) -> EmbedderCard:
    """Return the card beside the vectors; in a new collection, put `card` there first."""
    path = folder / "card.json"
    if path.exists():
        try:
            return EmbedderCard.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise StorageFailed(f"{path} is no embedder card", hint="restore it, or move the folder away") from error
    if (folder / "shard").exists():
        raise StorageFailed(
            f"{folder} has vectors and no card.json that says whose",
            hint="restore it, or move the folder away and ingest anew",
        )
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_name("card.json.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(card.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return card


def _open_shard(path: Path, dim: int) -> edge.EdgeShard:
    """Open the shard, or make it under another name first, so that one that is there is whole."""
    if not path.exists():
        draft = path.with_name("shard.new")
        shutil.rmtree(draft, ignore_errors=True)
        _require_space(path.parent)
        vectors = edge.EdgeVectorParams(size=dim, distance=edge.Distance.Cosine)
        shard = edge.EdgeShard.create(str(draft), edge.EdgeConfig(vectors=vectors))
        for field in _INDEXED:
            shard.update(edge.UpdateOperation.create_field_index(field, _SCHEMAS[INDEXES[field]]))
        shard.close()
        draft.rename(path)
    return edge.EdgeShard.load(str(path))
