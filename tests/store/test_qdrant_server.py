"""A Qdrant server: its cards, its refusals, its silence. What it answers when all is well stands in the contract."""

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import Thread

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.common import client_exceptions
from qdrant_client.http import exceptions

from rab.domain import EmbedderCard
from rab.errors import Conflict, RabError, SettingsError, SpaceMismatch, StorageFailed, Unavailable
from rab.store.qdrant_server import QdrantServerStore, _translated

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant:UserWarning")


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[str]:
    """Serve one answer to every request, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_is_not_there_is_unavailable(card: EmbedderCard) -> None:
    """Nobody listens at the port: the error names the address and the setting."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unavailable, match=url) as refused:
            QdrantServerStore.open(url, card, timeout_s=1)
    assert "RAB_STORE__URL" in refused.value.hint


@pytest.mark.parametrize("url", ["ftp://host", "http://[::", "http://a host:6333", "http://host:port"])
def test_an_address_that_is_none_is_a_setting_out_of_bounds(card: EmbedderCard, url: str) -> None:
    """A mistyped address is told from a silent server."""
    with pytest.raises(SettingsError, match="RAB_STORE__URL"):
        QdrantServerStore.open(url, card)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"no key", Unavailable),
        (403, b"no right", Unavailable),
        (200, b"<html>hello</html>", Unavailable),
        (404, b"nothing here", StorageFailed),
        (500, b'{"status": {"error": "no space left"}}', StorageFailed),
        (429, b"{}", StorageFailed),
    ],
)
def test_a_refusal_is_translated(card: EmbedderCard, status: int, body: bytes, expected: type[RabError]) -> None:
    """A wrong key, another program's page, a full disk: each becomes one of RAB's errors that names the server."""
    with answering(status, body) as url, pytest.raises(expected, match=url):
        QdrantServerStore.open(url, card, timeout_s=2)


def test_an_overloaded_server_is_unavailable(card: EmbedderCard) -> None:
    """A server that asks to come back later is not there now."""
    body = json.dumps({"status": {"error": "too many requests"}}).encode()
    with (
        answering(429, body, {"Retry-After": "7"}) as url,
        pytest.raises(Unavailable, match="overloaded: too many requests"),
    ):
        QdrantServerStore.open(url, card, timeout_s=2)


def test_a_key_goes_to_the_server_and_in_clear_only_with_a_warning(card: EmbedderCard) -> None:
    """The client itself warns of a key sent over plain HTTP."""
    with (
        answering(401, b"no key") as url,
        pytest.warns(UserWarning, match="insecure"),
        pytest.raises(Unavailable, match="refuses the key"),
    ):
        QdrantServerStore.open(url, card, api_key="secret")


def test_every_exception_of_the_client_is_translated() -> None:
    """Each class that the client library defines leaves the adapter as one of RAB's errors."""
    made: dict[type[Exception], Callable[[], Exception]] = {
        exceptions.ApiException: lambda: exceptions.ApiException("x"),
        exceptions.UnexpectedResponse: lambda: exceptions.UnexpectedResponse(500, "x", b"\xff", httpx.Headers()),
        exceptions.ResponseHandlingException: lambda: exceptions.ResponseHandlingException(httpx.ReadTimeout("x")),
        client_exceptions.QdrantException: lambda: client_exceptions.QdrantException("x"),
        client_exceptions.ResourceExhaustedResponse: lambda: client_exceptions.ResourceExhaustedResponse("x", 3),
    }
    defined = {
        thing
        for module in (exceptions, client_exceptions)
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, Exception) and thing.__module__ == module.__name__
    }
    assert made.keys() == defined
    for make in made.values():
        with pytest.raises(RabError, match="http://host"), _translated("http://host"):
            raise make()


def test_the_card_stands_in_the_collection(card: EmbedderCard) -> None:
    """The collection keeps its card; another embedder whose space has the same name is refused by both names."""
    client = QdrantClient(":memory:")
    QdrantServerStore(client, "memory", card)
    kept = client.get_collection(card.space).config.metadata or {}
    assert EmbedderCard.model_validate(kept["embedder"]) == card
    other = card.model_copy(update={"weights_sha256": "1" * 64})
    client.update_collection(card.space, metadata={"embedder": other.model_dump(mode="json")})
    with pytest.raises(SpaceMismatch) as refused:
        QdrantServerStore(client, "memory", card)
    assert card.fingerprint in refused.value.message
    assert other.fingerprint in refused.value.message


def test_a_collection_of_nobody_knows_whom_is_refused(card: EmbedderCard) -> None:
    """A collection without a card, made by others or kept by a server too old for cards, is not written to."""
    client = QdrantClient(":memory:")
    client.create_collection(card.space, models.VectorParams(size=8, distance=models.Distance.COSINE))
    with pytest.raises(Conflict, match="does not say which embedder"):
        QdrantServerStore(client, "memory", card)
