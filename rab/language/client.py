"""A client for every server that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp, Ollama, LM Studio.

The server is a stranger. It may hang, trickle, lie about what it supports or stream garbage, and all that may cost is
45 seconds: one deadline spans name resolution, connection, steps of the ladder, the retry and the last byte, and it is
kept by the caller, not by the sockets, because a socket's timeout begins anew with each byte. What has not come by then
is abandoned with its thread, whose connections are closed.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import httpx
import openai

from rab import __version__
from rab.domain.value import Value
from rab.errors import SettingsError
from rab.language.base import Answer, Level, ModelFault, Question
from rab.language.network import GuardedTransport, Resolve, checked_url, resolved
from rab.language.replies import content_of, object_of

T = TypeVar("T")

_SPEAKS_OF_FORMAT = re.compile(r"response_format|json_schema|json_object|structured|grammar", re.IGNORECASE)
_OPTIONS: dict[str, object] = {"temperature": 0, "seed": 1, "max_tokens": 2048}
"""Left out one by one for servers that refuse them by name: some of OpenAI's models take no temperature."""

_EASIER: dict[Level, Level] = {"json_schema": "json_object", "json_object": "none"}

for _name in ("openai", "httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that they would log whole prompts


class ClientPolicy(Value):
    """How long a server may take and how much it may say, and when it is left alone."""

    deadline_s: float = 45.0
    """Seconds for one text, over all its questions and their retries."""
    longest_reply_bytes: int = 1 << 20
    n_retries: int = 1
    circuit_failures: int = 3
    """Failures in a row to reach the server, or to hear it out in time, after which it is left alone …"""
    circuit_s: float = 60.0
    """… for so many seconds."""


@dataclass(frozen=True)
class _Manner:
    """What a server was found to accept."""

    level: Level = "json_schema"
    refused: frozenset[str] = frozenset()


class OpenAICompatible:
    """One model behind one server. Remembers what the server accepts; keeps no connection between questions."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        policy: ClientPolicy = ClientPolicy(),
        clock: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolved,
    ) -> None:
        self._url = checked_url(base_url)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise SettingsError(
                "RAB_LLM__API_KEY holds characters that no key has", hint="see that it was copied whole"
            )
        self._model, self._api_key, self._policy = model, api_key, policy
        self._clock, self._resolve = clock, resolve
        self._manner, self._n_failures, self._failed_at = _Manner(), 0, 0.0
        self._lock = threading.Lock()

    @property
    def key(self) -> str:
        """The model's name, as the server knows it."""
        return self._model

    @property
    def deadline_s(self) -> float:
        """Seconds that one text may take, over all its questions."""
        return self._policy.deadline_s

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        """Return the object that answers a question. Raises `ModelFault`."""
        started = self._clock()

        def ask(client: openai.OpenAI) -> Answer:
            content, level = self._down_the_ladder(client, question)
            return Answer(content, level, self._clock() - started)

        return self._asked(ask, within_s)

    def models(self) -> tuple[str, ...]:
        """Return the names of the models that the server offers. Raises `ModelFault`."""

        def ask(client: openai.OpenAI) -> tuple[str, ...]:
            reply = client.models.with_raw_response.list().http_response
            listed = object_of(reply.text, "the list of models").get("data")
            names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            return tuple(name for name in names if isinstance(name, str))

        return self._asked(ask, None)

    def _asked(self, ask: Callable[[openai.OpenAI], T], within_s: float | None) -> T:
        started = self._clock()
        self._refuse_while_resting(started)
        try:
            found = self._within(self._policy.deadline_s if within_s is None else within_s, ask)
        except ModelFault as fault:
            fault.seconds = self._clock() - started
            self._note(reached=fault.fault not in ("unreachable", "timeout"))
            raise
        self._note(reached=True)
        return found

    def _within(self, seconds: float, ask: Callable[[openai.OpenAI], T]) -> T:
        """Return what `ask` returns, or raise what it raises; a fault when the time is over before."""
        ends = time.monotonic() + seconds
        outcome: list[T | BaseException] = []
        http = httpx.Client(
            transport=GuardedTransport(
                longest_reply_bytes=self._policy.longest_reply_bytes,
                resolve=self._resolve,
                late=lambda: time.monotonic() > ends,
            ),
            trust_env=False,
            follow_redirects=False,
        )
        client = self._client(http, max(seconds, 0.001))

        def work() -> None:
            try:
                outcome.append(_translated(lambda: ask(client)))
            except BaseException as error:  # noqa: BLE001  raised again below, in the caller's thread
                outcome.append(error)

        thread = threading.Thread(target=work, name="rab-language", daemon=True)
        thread.start()
        thread.join(max(seconds, 0))
        http.close()
        if not outcome:
            raise ModelFault("timeout", f"no answer came within {seconds:.0f} s")
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _client(self, http: httpx.Client, seconds: float) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self._url,
            api_key=self._api_key or "none",
            http_client=http,
            max_retries=self._policy.n_retries,
            timeout=seconds,
            default_headers={"User-Agent": f"rab/{__version__}"},
        )

    def _down_the_ladder(self, client: openai.OpenAI, question: Question) -> tuple[dict[str, Any], Level]:
        while True:
            manner = self._manner
            try:
                reply = client.chat.completions.with_raw_response.create(
                    **cast("dict[str, Any]", _request(self._model, question, manner))
                ).http_response
            except openai.APIStatusError as error:
                easier = _easier(manner, error.status_code, error.response.text)
                if easier is None:
                    raise
                self._manner = easier
                continue
            return content_of(reply.headers.get("content-type", ""), reply.content), manner.level

    def _refuse_while_resting(self, now: float) -> None:
        with self._lock:
            broken = self._n_failures >= self._policy.circuit_failures
            if broken and now - self._failed_at < self._policy.circuit_s:
                raise ModelFault(
                    "resting", f"the server failed {self._n_failures} times in a row and is left alone for a minute"
                )

    def _note(self, *, reached: bool) -> None:
        with self._lock:
            self._n_failures = 0 if reached else self._n_failures + 1
            self._failed_at = self._clock()


def _request(model: str, question: Question, manner: _Manner) -> dict[str, object]:
    request: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": question.instructions},
            {"role": "user", "content": question.matter},
        ],
        **{name: value for name, value in _OPTIONS.items() if name not in manner.refused},
    }
    if manner.level == "json_schema":
        wanted = {"name": question.name, "strict": True, "schema": question.schema}
        request["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif manner.level == "json_object":
        request["response_format"] = {"type": "json_object"}
    return request


def _easier(manner: _Manner, status: int, body: str) -> _Manner | None:
    """Return what to ask instead when a server says that it cannot do what it was asked; None when it does not."""
    formats = _SPEAKS_OF_FORMAT.search(body) if status in (400, 422) else status == 500 and "response_format" in body
    if formats and manner.level in _EASIER:
        return replace(manner, level=_EASIER[manner.level])
    if status in (400, 422):
        for option in _OPTIONS:
            if option in body and option not in manner.refused:
                return replace(manner, refused=manner.refused | {option})
    return None


def _translated(ask: Callable[[], T]) -> T:
    """Do something with the client; whatever it raises becomes a fault that repeats nothing of what was said."""
    try:
        return ask()
    except (openai.APITimeoutError, httpx.TimeoutException):
        raise ModelFault("timeout", "the server did not answer in time") from None
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, ModelFault | AssertionError):  # the client takes any exception for the network's
            raise error.__cause__ from None
        raise ModelFault("unreachable", "the server cannot be reached, or broke off") from None
    except openai.APIStatusError as error:
        raise ModelFault("refused_by_server", f"the server answered with status {error.status_code}") from None
    except (openai.OpenAIError, httpx.HTTPError, httpx.StreamError, OSError, ValueError, RuntimeError):
        raise ModelFault("unreachable", "the exchange with the server broke off") from None
