"""Qdrant as a server or a cluster: the store beyond one machine, over its REST interface.

The embedder's card stands in the collection's metadata, which Qdrant keeps from version 1.16 on. Every write waits
until the server has applied it. Importing this module takes 2 s, all of it `qdrant_client`: whoever picks a store
imports it only where a server is configured.

`qdrant_client` can also play the server itself, in memory (`QdrantClient(":memory:")`). That is for tests and no
backend: 20,000 vectors of 1,024 dimensions take it 229 s to insert and 1.1 s for a filtered query.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from rab.domain import EmbedderCard, SegmentFilter
from rab.errors import Conflict, RabError, SettingsError, StorageFailed, Unavailable
from rab.store.qdrant import BATCH, INDEXES, QdrantStore, Record, ScoredRecord, require_same_space, translate

_CARD = "embedder"
"""Where the card stands in the collection's metadata."""


class QdrantServerStore(QdrantStore):
    """A collection on a server. Thread-safe; any number of processes may have it open."""

    def __init__(self, client: QdrantClient, url: str, card: EmbedderCard) -> None:
        """Use the collection of the card's space, or make it, through `client`; `url` names the server in messages."""
        self._client = client
        self._url = url
        self._name = card.space
        with self._errors():
            super().__init__(_prepare(client, url, card))

    @classmethod
    def open(
        cls, url: str, card: EmbedderCard, *, api_key: str | None = None, timeout_s: float = 30.0
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
            return cls(client, url, card)
        except BaseException:
            client.close()
            raise

    def close(self) -> None:
        """Close the connections; closing twice does nothing."""
        self._client.close()

    def _errors(self) -> AbstractContextManager[None]:
        return _translated(self._url)

    def _put(self, ids: list[str], vectors: list[list[float]], contents: list[dict[str, Any]]) -> None:
        points = models.Batch(ids=[*ids], vectors=vectors, payloads=contents)
        self._client.upsert(self._name, points, wait=True)

    def _query(
        self, query: list[float], limit: int, where: SegmentFilter, excluded: Sequence[str]
    ) -> Sequence[ScoredRecord]:
        answer = self._client.query_points(
            self._name,
            query=query,
            limit=limit,
            query_filter=translate(where, excluded, _ServerDialect()),
            with_payload=["segment_id"],
            search_params=models.SearchParams(exact=True),
        )
        return answer.points

    def _retrieve(self, ids: list[str], *, with_vectors: bool) -> Sequence[Record]:
        return self._client.retrieve(self._name, ids, with_payload=True, with_vectors=with_vectors)

    def _page(self, where: SegmentFilter, offset: Any) -> tuple[Sequence[Record], Any]:
        conditions = translate(where, (), _ServerDialect())
        return self._client.scroll(self._name, conditions, BATCH, offset=offset, with_payload=True, with_vectors=True)

    def _set_cluster(self, ids: list[str], cluster: str | None) -> None:
        if cluster is None:
            self._client.delete_payload(self._name, ["cluster_id"], [*ids], wait=True)
        else:
            self._client.set_payload(self._name, {"cluster_id": cluster}, [*ids], wait=True)

    def _delete(self, ids: list[str]) -> None:
        self._client.delete(self._name, [*ids], wait=True)


class _ServerDialect:
    def any_of(self, field: str, values: list[str] | list[int]) -> models.FieldCondition:
        return models.FieldCondition(key=field, match=models.MatchAny(any=values))

    def number_range(self, field: str, low: float | None, high: float | None) -> models.FieldCondition:
        return models.FieldCondition(key=field, range=models.Range(gte=low, lte=high))

    def time_range(self, field: str, since: datetime | None, before: datetime | None) -> models.FieldCondition:
        return models.FieldCondition(key=field, range=models.DatetimeRange(gte=since, lt=before))

    def points(self, ids: Sequence[str]) -> models.HasIdCondition:
        return models.HasIdCondition(has_id=[*ids])

    def filter(self, must: list[Any], must_not: list[Any]) -> models.Filter:
        return models.Filter(must=must, must_not=must_not)


def _prepare(client: QdrantClient, url: str, card: EmbedderCard) -> EmbedderCard:
    """Make the collection and its payload indexes where they lack, and return the card that the collection keeps."""
    if not client.collection_exists(card.space):
        _create(client, card)
    found = client.get_collection(card.space)
    place = f"collection {card.space} at {url}"
    kept = _kept_card(found.config.metadata or {}, place)
    require_same_space(kept, card, place)
    for field in INDEXES.keys() - found.payload_schema.keys():
        client.create_payload_index(card.space, field, models.PayloadSchemaType(INDEXES[field]), wait=True)
    return kept


def _create(client: QdrantClient, card: EmbedderCard) -> None:
    vectors = models.VectorParams(size=card.dim, distance=models.Distance.COSINE)
    try:
        client.create_collection(card.space, vectors, metadata={_CARD: card.model_dump(mode="json")})
    except UnexpectedResponse as error:
        if error.status_code != HTTPStatus.CONFLICT:  # another process was faster: its collection serves
            raise


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
