"""Qdrant as a server or a cluster: the store beyond one machine, over its REST interface.

The embedder's card stands in the collection's metadata, which Qdrant keeps from version 1.16 on, and with it the
`ServerPolicy` that the collection was made with. A collection that was set up otherwise than is asked for now serves
as it is: the difference is logged and told by `facts`, never changed behind anybody's back. Every write waits until
the server has applied it. Each request means the same when it is repeated (ids come from content), so one that nobody
answered, or that a proxy turned away, is sent again after `ServerPolicy.retry_waits_s`; one that timed out is not, for
it has had its time.

One question has one answer up to `ServerPolicy.exact_up_to` points, for every vector that matches is compared. Beyond
that the graph proposes and the full vectors decide: the similarities stay exact and ties are still seen whole and
broken by segment id, but a neighbour may be missed, and replicas whose graphs were built apart may miss different ones.
An answer shorter than what was asked for is asked again exactly, so a filter that few segments match misses none.
Evidence that rests on an approximate search is as exact in what it cites, and not always complete.

Importing this module takes 2 s, all of it `qdrant_client`: whoever picks a store imports it only where a server is
configured.

`qdrant_client` can also play the server itself, in memory (`QdrantClient(":memory:")`). That is for tests and no
backend: 20,000 vectors of 1,024 dimensions take it 229 s to insert and 1.1 s for a filtered query.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

from httpx import Request, Response, TimeoutException, TransportError
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from rab.domain import EmbedderCard, SegmentFilter
from rab.errors import Conflict, RabError, SettingsError, StorageFailed, Unavailable
from rab.logs import LOGGER
from rab.store.qdrant import BATCH, INDEXES, QdrantStore, Record, ScoredRecord, require_same_space, translate
from rab.store.server_policy import ServerPolicy
from rab.store.standing import StoreFacts

_CARD, _POLICY = "embedder", "policy"
"""Where the card, and the policy that the collection was made with, stand in its metadata."""

_AS_USUAL = ServerPolicy()
_COUNT_AGAIN_S = 60.0
_PASSING = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class QdrantServerStore(QdrantStore):
    """A collection on a server. Thread-safe; any number of processes may have it open."""

    def __init__(self, client: QdrantClient, url: str, card: EmbedderCard, policy: ServerPolicy = _AS_USUAL) -> None:
        """Use the collection of the card's space, or make it, through `client`; `url` names the server in messages."""
        self._client = client
        self._url = url
        self._name = card.space
        self._policy = policy
        self._counted = (0, -math.inf)
        with self._errors():
            super().__init__(_prepare(client, url, card, policy))
        if differences := self.facts().differences:
            LOGGER.warning(
                "collection_differs",
                extra={"fields": {"collection": self._name, "url": url, "differences": "; ".join(differences)}},
            )

    @classmethod
    def open(
        cls,
        url: str,
        card: EmbedderCard,
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        policy: ServerPolicy = _AS_USUAL,
    ) -> "QdrantServerStore":
        """Use the collection of the card's space on the server at `url`, or make it there. Closing it is the caller's.

        Raises `SettingsError` for an address that is none, `Unavailable` when nobody answers or the key is refused,
        `SpaceMismatch` when another embedder filled the collection, `Conflict` when nobody knows which did.
        """
        try:
            client = QdrantClient(url=url, api_key=api_key, timeout=math.ceil(timeout_s), check_compatibility=False)
        except ValueError as error:
            raise SettingsError(
                f"{url!r} is no address of a Qdrant server: {error}",
                hint="write the setting RAB_STORE__URL like http://host:6333",
            ) from error
        try:
            client.http.client.add_middleware(_repeating(policy.retry_waits_s))
            return cls(client, url, card, policy)
        except BaseException:
            client.close()
            raise

    def close(self) -> None:
        """Close the connections; closing twice does nothing."""
        self._client.close()

    def facts(self) -> StoreFacts:
        """Return how the collection stands on the server, and in what it differs from the policy asked for."""
        with self._errors():
            found = self._client.get_collection(self._name)
            n_points = self._client.count(self._name, exact=True).count
        config = found.config
        return StoreFacts(
            engine=self._url,
            n_points=n_points,
            n_indexed=found.indexed_vectors_count,
            quantisation=_quantisation(config),
            indexes=tuple(sorted(found.payload_schema)),
            shard_number=config.params.shard_number,
            replication_factor=config.params.replication_factor,
            differences=tuple(_differences(config, self._policy)),
        )

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Build no graph until the block ends: points that come in are indexed once, not with every merge.

        A process that is killed inside leaves the graph switched off. Searches stay right and become slow; `facts`
        says so, and the next block that ends switches it on again.
        """
        self._index_from(0)
        try:
            yield
        finally:
            self._index_from(self._policy.indexing_threshold_kb)

    def _index_from(self, threshold_kb: int) -> None:
        optimizers = models.OptimizersConfigDiff(indexing_threshold=threshold_kb)
        with self._errors():
            self._client.update_collection(self._name, optimizers_config=optimizers)

    def _is_small(self) -> bool:
        """Say whether every vector can be compared. Others may fill the collection, so it is counted now and then."""
        n_points, counted_at = self._counted
        if time.monotonic() - counted_at > _COUNT_AGAIN_S:
            n_points = self._client.count(self._name, exact=False).count
            self._counted = (n_points, time.monotonic())
        return n_points <= self._policy.exact_up_to

    def _errors(self) -> AbstractContextManager[None]:
        return _translated(self._url)

    def _put(self, ids: list[str], vectors: list[list[float]], contents: list[dict[str, Any]]) -> None:
        points = models.Batch(ids=[*ids], vectors=vectors, payloads=contents)
        self._client.upsert(self._name, points, wait=True)

    def _query(
        self, query: list[float], limit: int, where: SegmentFilter, excluded: Sequence[str]
    ) -> Sequence[ScoredRecord]:
        conditions = translate(where, excluded, _ServerDialect())

        def found(search: models.SearchParams) -> list[models.ScoredPoint]:
            return self._client.query_points(
                self._name,
                query=query,
                limit=limit,
                query_filter=conditions,
                with_payload=["segment_id"],
                search_params=search,
            ).points

        if not self._is_small():
            points = found(_approximate(self._policy, limit))
            if len(points) == limit:
                return points
        return found(models.SearchParams(exact=True))

    def _retrieve(self, ids: list[str], *, payloads: bool, vectors: bool) -> Sequence[Record]:
        return self._client.retrieve(self._name, ids, with_payload=payloads, with_vectors=vectors)

    def _page(self, where: SegmentFilter, offset: Any) -> tuple[Sequence[Record], Any]:
        conditions = translate(where, (), _ServerDialect())
        return self._client.scroll(self._name, conditions, BATCH, offset=offset, with_payload=True, with_vectors=True)

    def _set_cluster(self, ids: list[str], cluster: str | None) -> None:
        if cluster is None:
            self._client.delete_payload(self._name, ["cluster_id"], [*ids], wait=True)
        else:
            self._client.set_payload(self._name, {"cluster_id": cluster}, [*ids], wait=True)

    def _replace(self, ids: list[str], contents: list[dict[str, Any]]) -> None:
        replacements = [
            models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload=content, points=[point]))
            for point, content in zip(ids, contents, strict=True)
        ]
        self._client.batch_update_points(self._name, replacements, wait=True)

    def _delete(self, ids: list[str]) -> None:
        self._client.delete(self._name, [*ids], wait=True)


class _ServerDialect:
    def any_of(self, field: str, values: list[str] | list[int]) -> models.FieldCondition:
        return models.FieldCondition(key=field, match=models.MatchAny(any=values))

    def number_range(self, field: str, low: float | None, high: float | None) -> models.FieldCondition:
        return models.FieldCondition(key=field, range=models.Range(gte=low, lte=high))

    def time_range(self, field: str, since: datetime | None, before: datetime | None) -> models.FieldCondition:
        return models.FieldCondition(key=field, range=models.DatetimeRange(gte=since, lt=before))

    def one_object(self, field: str, where: models.Filter) -> models.NestedCondition:
        return models.NestedCondition(nested=models.Nested(key=field, filter=where))

    def points(self, ids: Sequence[str]) -> models.HasIdCondition:
        return models.HasIdCondition(has_id=[*ids])

    def either(self, alternatives: list[models.Filter]) -> models.Filter:
        return models.Filter(should=[*alternatives])

    def filter(self, must: list[Any], must_not: list[Any]) -> models.Filter:
        return models.Filter(must=must, must_not=must_not)


def _prepare(client: QdrantClient, url: str, card: EmbedderCard, policy: ServerPolicy) -> EmbedderCard:
    """Make the collection and its payload indexes where they lack, and return the card that the collection keeps."""
    if not client.collection_exists(card.space):
        _create(client, card, policy)
    found = client.get_collection(card.space)
    place = f"collection {card.space} at {url}"
    kept = _kept_card(found.config.metadata or {}, place)
    require_same_space(kept, card, place)
    for field in sorted(INDEXES.keys() - found.payload_schema.keys()):
        client.create_payload_index(card.space, field, _index(field), wait=True)
    return kept


def _create(client: QdrantClient, card: EmbedderCard, policy: ServerPolicy) -> None:
    scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=policy.quantile, always_ram=True)
    try:
        client.create_collection(
            card.space,
            models.VectorParams(size=card.dim, distance=models.Distance.COSINE, on_disk=True),
            shard_number=policy.shard_number,
            replication_factor=policy.replication_factor,
            write_consistency_factor=policy.write_consistency_factor,
            on_disk_payload=True,
            hnsw_config=models.HnswConfigDiff(m=policy.hnsw_m, ef_construct=policy.hnsw_ef_construct),
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=policy.indexing_threshold_kb),
            quantization_config=models.ScalarQuantization(scalar=scalar),
            metadata={_CARD: card.model_dump(mode="json"), _POLICY: policy.model_dump(mode="json")},
        )
    except UnexpectedResponse as error:
        if error.status_code != HTTPStatus.CONFLICT:  # another process was faster: its collection serves
            raise


def _index(field: str) -> models.PayloadSchemaType | models.KeywordIndexParams:
    """Return the index of a field. A site is a tenant: its vectors lie together on disk, where one site is asked for.

    No field is a principal key: that would lay the same vectors out by a second order, and a site's are mostly read
    whole.
    """
    if field == "site":
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    return models.PayloadSchemaType(INDEXES[field])


def _approximate(policy: ServerPolicy, limit: int) -> models.SearchParams:
    again = models.QuantizationSearchParams(rescore=True, oversampling=policy.oversampling)
    return models.SearchParams(exact=False, hnsw_ef=max(policy.ef_search, limit), quantization=again)


def _quantisation(config: models.CollectionConfig) -> str | None:
    kept = config.quantization_config
    if kept is None:
        return None
    if isinstance(kept, models.ScalarQuantization):
        return f"{kept.scalar.type.value} in {'RAM' if kept.scalar.always_ram else 'the page cache'}"
    return type(kept).__name__


def _differences(config: models.CollectionConfig, policy: ServerPolicy) -> Iterator[str]:
    """Say in what a collection was set up otherwise than `policy` would."""
    params, vectors = config.params, config.params.vectors
    found = {
        "shard_number": params.shard_number,
        "replication_factor": params.replication_factor,
        "write_consistency_factor": params.write_consistency_factor,
        "hnsw_m": config.hnsw_config.m,
        "hnsw_ef_construct": config.hnsw_config.ef_construct,
        "indexing_threshold_kb": config.optimizer_config.indexing_threshold,
    }
    for name, value in found.items():
        if name == "indexing_threshold_kb" and value == 0:
            yield "no index is built: a load was broken off; run `rab store migrate` again, which ends by building it"
        elif value != getattr(policy, name):
            yield f"{name} is {value}, not {getattr(policy, name)}"
    if not (isinstance(vectors, models.VectorParams) and vectors.on_disk):
        yield "full vectors are kept in RAM, not on disk"
    if _quantisation(config) != "int8 in RAM":
        yield f"quantisation is {_quantisation(config) or 'none'}, not int8 in RAM"


def _repeating(waits_s: Sequence[float]) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """Return what sends a request again, after each of the waits, while nobody answers it."""

    def send(request: Request, answer: Callable[[Request], Response]) -> Response:
        for wait_s in waits_s:
            try:
                response = answer(request)
            except ResponseHandlingException as error:
                if not isinstance(error.source, TransportError) or isinstance(error.source, TimeoutException):
                    raise
            else:
                if response.status_code not in _PASSING:
                    return response
            time.sleep(wait_s)
        return answer(request)

    return send


def _kept_card(metadata: dict[str, Any], place: str) -> EmbedderCard:
    try:
        return EmbedderCard.model_validate(metadata.get(_CARD))
    except ValidationError as error:
        raise Conflict(
            f"{place} does not say which embedder filled it",
            hint="RAB needs Qdrant 1.16 or newer, which keeps the embedder's card; remove a collection made by others",
        ) from error


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Translate what `qdrant_client` raises: it wraps what httpx raises, but not what its JSON parser does."""
    try:
        yield
    except (ResponseHandlingException, JSONDecodeError) as error:
        raise Unavailable(
            f"no Qdrant server answers at {url}: {getattr(error, 'source', error)}",
            hint="start it, or correct the setting RAB_STORE__URL; without that setting RAB keeps vectors by itself",
        ) from error
    except UnexpectedResponse as error:
        raise _refusal(url, error) from error
    except (ApiException, QdrantException) as error:
        raise Unavailable(f"Qdrant at {url} is overloaded: {error}", hint="try again later") from error


def _refusal(url: str, error: UnexpectedResponse) -> RabError:
    if error.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Unavailable(f"Qdrant at {url} refuses the key", hint="correct the setting RAB_STORE__API_KEY")
    return StorageFailed(
        f"Qdrant at {url} refused: {error.status_code} {error.content.decode(errors='replace')[:200]}",
        hint="look into the server's log; its disk may be full, or another program answers at this address",
    )
