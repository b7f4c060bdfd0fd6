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

No index is built here. `optimize()` holds the interpreter's lock for the whole build (647 s for 100,000 × 1,024), so
that every thread of the process stands still; a build belongs into a child process. Until then a search is exact, 36 ms
on those 100,000. The other calls hold the interpreter's lock too, which also means that they take turns by themselves.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import qdrant_edge as edge
from pydantic import ValidationError

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload
from rab.errors import HomeLocked, StorageFailed
from rab.store.pages import give_back_pages
from rab.store.qdrant import BATCH, INDEXES, QdrantStore, Record, ScoredRecord, require_same_space, translate

_MIN_FREE_BYTES = 256 * 2**20

_SCHEMAS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "datetime": edge.PayloadSchemaType.Datetime,
}


class QdrantEdgeStore(QdrantStore):
    """A collection in a folder of this machine. Thread-safe; one process at a time."""

    def __init__(self, folder: Path, card: EmbedderCard, shard: edge.EdgeShard) -> None:
        super().__init__(card)
        self._folder = folder
        self._shard = shard

    @classmethod
    def open(cls, folder: Path, card: EmbedderCard) -> "QdrantEdgeStore":
        """Open the collection in `folder`, or make it. Closing it is the caller's.

        Raises `SpaceMismatch` when another embedder filled it, `HomeLocked` when it is open already, here or in another
        process, and `StorageFailed` when it cannot be read or written.
        """
        with _translated(folder):
            kept = _kept_card(folder, card)
            require_same_space(kept, card, str(folder))
            return cls(folder, kept, _open_shard(folder / "shard", card.dim))

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors [n, dim] with their payloads, flush, and give back the memory that this took."""
        super().upsert(vectors, payloads)
        self._flush()
        give_back_pages(self._folder)

    def assign_clusters(self, cluster_of: Mapping[str, str | None]) -> None:
        """Set the cluster of segments that exist, and flush."""
        super().assign_clusters(cluster_of)
        self._flush()

    def discard(self, segment_ids: Sequence[str]) -> None:
        """Forget segments, and flush."""
        if segment_ids:
            super().discard(segment_ids)
            self._flush()

    def close(self) -> None:
        """Flush and release the folder; closing twice does nothing."""
        with self._errors():
            self._shard.close()

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
        request = edge.QueryRequest(
            limit=limit,
            query=edge.Query.Nearest(query),
            filter=translate(where, excluded, _EdgeDialect()),
            with_payload=["segment_id"],
            params=edge.SearchParams(exact=True),
        )
        return self._shard.query(request)

    def _retrieve(self, ids: list[str], *, with_vectors: bool) -> Sequence[Record]:
        return self._shard.retrieve([*ids], with_payload=True, with_vector=with_vectors)

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

    def _delete(self, ids: list[str]) -> None:
        self._shard.update(edge.UpdateOperation.delete_points([*ids]))


class _EdgeDialect:
    def any_of(self, field: str, values: list[str] | list[int]) -> edge.FieldCondition:
        return edge.FieldCondition(field, match=edge.MatchAny(values))

    def number_range(self, field: str, low: float | None, high: float | None) -> edge.FieldCondition:
        return edge.FieldCondition(field, range=edge.RangeFloat(gte=low, lte=high))

    def time_range(self, field: str, since: datetime | None, before: datetime | None) -> edge.FieldCondition:
        gte, lt = (None if time is None else time.isoformat() for time in (since, before))
        return edge.FieldCondition(field, range=edge.RangeDateTime(gte=gte, lt=lt))

    def points(self, ids: Sequence[str]) -> edge.HasIdCondition:
        return edge.HasIdCondition(set(ids))

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
        for field, kind in INDEXES.items():
            shard.update(edge.UpdateOperation.create_field_index(field, _SCHEMAS[kind]))
        shard.close()
        draft.rename(path)
    return edge.EdgeShard.load(str(path))
