"""Ranges and validators, as RFC 9110 wants them."""

from typing import Any

import pytest
from litestar import Litestar, Request, Response, get
from litestar.testing import TestClient

from rab.http.ranges import media

CONTENT = bytes(range(100))


@get("/clip", sync_to_thread=False)
def clip(request: Request[Any, Any, Any]) -> Response[bytes]:
    return media(request, CONTENT, "audio/wav")


@pytest.fixture
def client() -> TestClient[Litestar]:
    return TestClient(Litestar([clip], openapi_config=None, logging_config=None))


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("", 200, CONTENT, None),
        ("bytes=0-9", 206, CONTENT[:10], "bytes 0-9/100"),
        ("bytes=90-", 206, CONTENT[90:], "bytes 90-99/100"),
        ("bytes=90-500", 206, CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-5", 206, CONTENT[-5:], "bytes 95-99/100"),
        ("bytes=-500", 206, CONTENT, "bytes 0-99/100"),
        ("bytes=100-", 416, b"", "bytes */100"),
        ("bytes=-0", 416, b"", "bytes */100"),
        ("bytes=9-3", 200, CONTENT, None),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
        (f"bytes=0-{'9' * 5000}", 200, CONTENT, None),
    ],
)
def test_ranges(client: TestClient[Litestar], header: str, status: int, body: bytes, content_range: str | None) -> None:
    """A readable range gives that part, an impossible one 416, an invalid or foreign one the whole."""
    answer = client.get("/clip", headers={"Range": header} if header else {})
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers.get("content-range") == content_range
    assert answer.headers["accept-ranges"] == "bytes"


def test_known_content_is_not_sent_again(client: TestClient[Litestar]) -> None:
    """A client that shows the validator it was given gets 304 and no body."""
    etag = client.get("/clip").headers["etag"]
    again = client.get("/clip", headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content) == (304, b"")
