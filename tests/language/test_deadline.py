"""A real server on loopback that hangs, trickles or streams garbage costs no more than the deadline."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def serving(behave: Callable[[socketserver.StreamRequestHandler], None]) -> Iterator[str]:
    """Run a server whose every connection is treated by `behave`; yield its base URL."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                behave(self)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def dribble(handler: socketserver.StreamRequestHandler, data: bytes) -> None:
    """Send data byte by byte, for ever."""
    for _ in range(400):
        for byte in data:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)


def accept_and_hang(handler: socketserver.StreamRequestHandler) -> None:
    """Read nothing and say nothing."""
    time.sleep(20)


def trickle_headers(handler: socketserver.StreamRequestHandler) -> None:
    """Send one header after the other, a byte at a time."""
    handler.wfile.write(HEAD)
    dribble(handler, b"X-More: 1\r\n")


def trickle_body(handler: socketserver.StreamRequestHandler) -> None:
    """Send a body that never ends, a byte at a time."""
    handler.wfile.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    dribble(handler, b" ")


def trickle_chunks(handler: socketserver.StreamRequestHandler) -> None:
    """Send chunk after chunk."""
    handler.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    dribble(handler, b"1\r\n \r\n")


def trickle_an_error(handler: socketserver.StreamRequestHandler) -> None:
    """Refuse, slowly."""
    handler.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100000\r\n\r\n")
    dribble(handler, b"response_format ")


def speak_and_fall_silent(handler: socketserver.StreamRequestHandler) -> None:
    """Send a beginning and keep the connection."""
    handler.wfile.write(HEAD + b'Content-Length: 100\r\n\r\n{"choices"')
    time.sleep(20)


TOO_SLOW = [
    accept_and_hang,
    trickle_headers,
    trickle_body,
    trickle_chunks,
    trickle_an_error,
    speak_and_fall_silent,
]


@pytest.mark.parametrize("behave", TOO_SLOW, ids=lambda one: one.__name__)
def test_slow_server_is_left_at_the_deadline(
    behave: Callable[[socketserver.StreamRequestHandler], None],
    question: Question,
    at: Callable[..., OpenAICompatible],
) -> None:
    """The fault comes from the deadline of the whole answer, and the abandoned thread soon ends as well."""
    with serving(behave) as base_url:
        with pytest.raises(ModelFault) as caught:
            at(base_url, deadline_s=0.5).answer(question)
        abandoned = [one for one in threading.enumerate() if one.name == "rab-language"]
        for thread in abandoned:
            thread.join(10)
    assert "timeout" == caught.value.fault
    assert caught.value.seconds < 10
    assert [] == [thread for thread in abandoned if thread.is_alive()]


def flood(handler: socketserver.StreamRequestHandler) -> None:
    """Stream garbage as fast as it goes."""
    handler.rfile.readline()
    handler.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"\xfe" * 0x10000 + b"\r\n"
    for _ in range(10_000):
        handler.wfile.write(chunk)


def test_flood_is_left_at_the_bound(question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """No more is read than a reply may be long."""
    with serving(flood) as base_url, pytest.raises(ModelFault) as caught:
        at(base_url, deadline_s=30, n_retries=0).answer(question)
    assert "too_long" == caught.value.fault


def no_http(handler: socketserver.StreamRequestHandler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n" * 10)


def close_at_once(handler: socketserver.StreamRequestHandler) -> None:
    handler.rfile.readline()


def half_a_body(handler: socketserver.StreamRequestHandler) -> None:
    handler.rfile.readline()
    handler.wfile.write(HEAD + b"Content-Length: 500\r\n\r\n{}")


def endless_header(handler: socketserver.StreamRequestHandler) -> None:
    handler.rfile.readline()
    handler.wfile.write(HEAD + b"X-Garbage: " + b"x" * 3_000_000)


@pytest.mark.parametrize("behave", [no_http, close_at_once, half_a_body, endless_header], ids=lambda one: one.__name__)
def test_garbage_is_unreachable(
    behave: Callable[[socketserver.StreamRequestHandler], None],
    question: Question,
    at: Callable[..., OpenAICompatible],
) -> None:
    """What is no HTTP, or no whole HTTP, is no answer."""
    with serving(behave) as base_url, pytest.raises(ModelFault) as caught:
        at(base_url, deadline_s=30, n_retries=0).answer(question)
    assert "unreachable" == caught.value.fault


def test_slow_name_server_is_left_at_the_deadline(question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """The deadline spans the resolution of the name, which has no timeout of its own."""
    released = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        released.wait(20)
        return []

    with pytest.raises(ModelFault) as caught:
        at("http://slow.example/v1", deadline_s=0.3, n_retries=0, resolve=resolve).answer(question)
    released.set()
    assert "timeout" == caught.value.fault
    assert caught.value.seconds < 10


def test_a_wish_to_be_asked_later_does_not_stretch_the_deadline(
    question: Question, at: Callable[..., OpenAICompatible]
) -> None:
    """A server that wants a pause of a minute before the retry gets the deadline."""

    def later(handler: socketserver.StreamRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 503 Later\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n")

    with serving(later) as base_url, pytest.raises(ModelFault) as caught:
        at(base_url, deadline_s=0.5).answer(question)
    assert "timeout" == caught.value.fault
    assert caught.value.seconds < 10
