"""A model behind a made-up server, questions for it, and a guard: no test of this room reaches the network."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rab.language.base import Question
from rab.language.client import ClientPolicy, OpenAICompatible

BASE_URL = "http://192.0.2.7:8080/v1"
"""An address for documentation: nothing answers there."""

KEY = "sk-secret-0123456789"
PROMPT = "f1: a sentence that nobody may log"


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of the tests that ask a real model."""
    config.addinivalue_line("markers", "llm: asks a real language model; `python3 deploy/dev.py test-llm` serves one")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail loudly when a request escapes to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            self.close()
            raise AssertionError(f"a request escaped to {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def question() -> Question:
    """Return a question with a schema of one property."""
    schema = {
        "type": "object",
        "properties": {"facts": {"type": "array", "items": {"type": "string", "enum": ["f1"]}}},
        "required": ["facts"],
        "additionalProperties": False,
    }
    return Question("selection", "Answer with JSON.", PROMPT, schema)


@pytest.fixture
def model() -> OpenAICompatible:
    """Return a model at the made-up address that is asked once, without a retry."""
    return model_at(BASE_URL, n_retries=0)


@pytest.fixture(scope="session")
def at() -> Callable[..., OpenAICompatible]:
    """Return what builds a model at an address."""
    return model_at


def model_at(base_url: str, *, api_key: str | None = KEY, **policy: Any) -> OpenAICompatible:
    known = {"clock": policy.pop("clock")} if "clock" in policy else {}
    known |= {"resolve": policy.pop("resolve")} if "resolve" in policy else {}
    return OpenAICompatible(base_url, "owl-1", api_key=api_key, policy=ClientPolicy(**policy), **known)


@pytest.fixture
def routed() -> Iterator[Any]:
    """Mock the chat route of the made-up server; it must have been called when the test ends."""
    import respx

    with respx.mock(assert_all_mocked=True) as mock:
        route = mock.post(f"{BASE_URL}/chat/completions")
        yield route
        assert route.called
