"""No link-local address is ever connected to, however it is written and wherever a name leads."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from rab.errors import SettingsError
from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible
from rab.language.network import checked_url, is_link_local

REFUSED = [
    "http://169.254.169.254/v1",
    "http://169.254.0.1:8080",
    "http://2852039166/v1",
    "http://0xA9FEA9FE/v1",
    "http://0xa9.0xfe.0xa9.0xfe/v1",
    "http://0251.0376.0251.0376/v1",
    "http://169.254.43518/v1",
    "http://169.254.169.254./v1",
    "http://[fe80::1]/v1",
    "http://[febf::1]/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[::ffff:a9fe:a9fe]/v1",
    "http://[::169.254.169.254]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::1]/v1",
    "ftp://192.0.2.7/v1",
    "file:///etc/passwd",
    "unix:///run/llm.sock",
    "192.0.2.7:8080/v1",
    "http://",
    "",
    "http://owl:secret-word@192.0.2.7/v1",
    "http://192.0.2.7/v1?key=secret-word",
    "http://192.0.2.7/v1#secret-word",
    "http://[not-an-address]/secret-word",
    "http://192.0.2.7:99999/v1",
    "http://192.0.2.7:65536/v1",
    "http://192.0.2.7:0/v1",
    "http://192.0.2.7:-1/v1",
    "http://192.0.2.7:80a/v1",
]


@pytest.mark.parametrize("url", REFUSED)
def test_address_is_refused_when_it_is_set(url: str, at: Callable[..., OpenAICompatible]) -> None:
    """The setting is refused before anything is opened, and its words are not repeated."""
    with pytest.raises(SettingsError) as caught:
        at(url)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/v1", "http://localhost:11434/v1", "https://api.example.org/v1", "http://[::1]:1/v1"]
)
def test_address_is_taken(url: str) -> None:
    """Loopback, names and other hosts are what the setting is for."""
    assert url == str(checked_url(f" {url} "))


LEADS_TO = [
    ["169.254.169.254"],
    ["fe80::1"],
    ["fe80::1%eth0"],
    ["::ffff:169.254.169.254"],
    ["64:ff9b::a9fe:a9fe"],
    ["198.51.100.5", "169.254.169.254"],
]


@pytest.mark.parametrize("addresses", LEADS_TO, ids=str)
def test_name_that_leads_there_is_refused(
    addresses: list[str], question: Question, at: Callable[..., OpenAICompatible]
) -> None:
    """A name is resolved and every address behind it checked before a socket is opened."""
    model = at("http://metadata.example/v1", n_retries=0, resolve=lambda host, port: addresses)
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    assert "address" == caught.value.fault


def good() -> httpx.Response:
    message = {"role": "assistant", "content": "{}"}
    return httpx.Response(200, json={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@respx.mock
def test_connection_goes_to_the_address_that_was_checked(
    question: Question, at: Callable[..., OpenAICompatible]
) -> None:
    """A name server that answers differently the second time gains nothing; the server still hears its name."""
    answers: list[list[str]] = [["192.0.2.7"], ["169.254.169.254"]]
    route = respx.post("http://192.0.2.7:8080/v1/chat/completions").mock(return_value=good())
    at("http://owl.example:8080/v1", n_retries=0, resolve=lambda host, port: answers.pop(0)).answer(question)
    assert route.called
    assert "owl.example:8080" == route.calls.last.request.headers["host"]
    assert 1 == len(answers)


@respx.mock
def test_next_address_is_tried(question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """`localhost` is often ::1 first, where the server does not listen."""
    closed = respx.post("http://[::1]:8080/v1/chat/completions").mock(side_effect=httpx.ConnectError("refused"))
    open_ = respx.post("http://127.0.0.1:8080/v1/chat/completions").mock(return_value=good())
    at("http://localhost:8080/v1", resolve=lambda host, port: ["::1", "127.0.0.1"]).answer(question)
    assert closed.called
    assert open_.called


def test_name_without_an_address_is_unreachable(question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """A name that nobody knows is a fault like any other."""

    def unknown(host: str, port: int) -> Any:
        raise OSError("no such host")

    with pytest.raises(ModelFault) as caught:
        at("http://nowhere.example/v1", n_retries=0, resolve=unknown).answer(question)
    assert "unreachable" == caught.value.fault


def test_redirect_is_not_followed(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """A server cannot send RAB on to an address that was not set."""
    routed.mock(return_value=httpx.Response(302, headers={"location": "http://169.254.169.254/latest/meta-data"}))
    with pytest.raises(ModelFault):
        model.answer(question)
    assert 1 == routed.call_count


def test_what_is_no_address_is_not_link_local() -> None:
    """Names are left to the resolver."""
    assert not is_link_local("fe80.example")
