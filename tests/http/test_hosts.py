"""A service on loopback answers to loopback's names only: no page can lead its own name here and read the library."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rab.http import create_app
from rab.http.hosts import is_loopback
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
ROUTES = ["/", "/v1/health", "/v1/segments", "/reports/latest", "/schema/openapi.json"]


@pytest.fixture(scope="module")
def guarded(library: Workspace) -> Iterator[TestClient[Litestar]]:
    """Return a client of a service that is bound to loopback."""
    with TestClient(create_app(library, model=MODEL, on_loopback=True), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8420", "127.0.0.1", "127.0.0.1:1", "127.0.0.2:8420", "[::1]", "[::1]:65535"]
)
def test_loopback_is_answered(guarded: TestClient[Litestar], host: str) -> None:
    """Whatever the port: a tunnel has its own."""
    assert 200 == guarded.get("/v1/health", headers={"host": host}).status_code


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:8420",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "evil.com@127.0.0.1",
        "127.0.0.1@evil.com",
        "evil.com#localhost",
        "127.0.0.1:8420:evil",
        "192.0.2.7",
        "0.0.0.0",
        "[2001:db8::1]:8420",
        "[::1]evil.com",
        "::1",
        "",
    ],
)
def test_other_hosts_are_refused(guarded: TestClient[Litestar], host: str) -> None:
    """The problem says so, and does not repeat the name."""
    answer = guarded.get("/v1/health", headers={"host": host})
    assert 400 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"].split(";")[0]
    assert "/v1/health" == answer.json()["instance"]
    assert "evil" not in answer.text


def test_refusal_names_the_next_step(guarded: TestClient[Litestar]) -> None:
    """Who serves a name of their own on purpose reads how."""
    problem = guarded.get("/v1/health", headers={"host": "owls.example"}).json()
    assert ("input", True) == (problem["code"], "rab serve --host" in problem["hint"])


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_refuses(guarded: TestClient[Litestar], path: str) -> None:
    """Pages and the OpenAPI document are no exception."""
    assert 400 == guarded.get(path, headers={"host": "evil.com"}).status_code


def test_every_change_is_refused(guarded: TestClient[Litestar]) -> None:
    """Nothing is written for another host, either."""
    for path in ("/v1/segments/s1/reviews", "/v1/interpretations"):
        assert 400 == guarded.post(path, headers={"host": "evil.com"}).status_code


def test_bound_elsewhere_answers_any_host(client: TestClient[Litestar]) -> None:
    """Who binds to the network has names of its own."""
    assert 200 == client.get("/v1/health", headers={"host": "owls.example"}).status_code


def test_what_is_loopback() -> None:
    """Addresses that are bound to, as the socket tells them."""
    assert all(map(is_loopback, ["127.0.0.1", "127.5.5.5", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.0.2.7", "localhost.evil.com", ""]))
