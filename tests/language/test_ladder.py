"""The form of an answer is asked for as strictly as the server allows, and what it allows is remembered."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible


def good() -> httpx.Response:
    message = {"role": "assistant", "content": '{"facts": ["f1"]}'}
    return httpx.Response(200, json={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def refusing(status: int, words: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": words}})


def formats(route: Any) -> list[str | None]:
    """Return the format that each request asked for."""
    return [json.loads(one.request.content).get("response_format", {}).get("type") for one in route.calls]


SCHEMA_REFUSED = [
    (400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model"),
    (422, "body.response_format.type: Input should be 'text' or 'json_object'"),
    (400, "json_schema is not permitted"),
    (400, "failed to parse grammar"),
    (500, "TypeError: create_chat_completion() got an unexpected value for response_format"),
]


@pytest.mark.parametrize(("status", "words"), SCHEMA_REFUSED, ids=lambda one: str(one)[:20])
def test_steps_down_once(status: int, words: str, routed: Any, model: OpenAICompatible, question: Question) -> None:
    """A server that cannot do schemas is asked for an object, then and from then on."""
    routed.mock(side_effect=[refusing(status, words), good(), good()])
    assert "json_object" == model.answer(question).level
    assert "json_object" == model.answer(question).level
    assert ["json_schema", "json_object", "json_object"] == formats(routed)


def test_steps_down_to_nothing(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """A server that knows no format is asked in words alone."""
    refusal = refusing(400, "unknown field response_format")
    routed.mock(side_effect=[refusal, refusal, good()])
    assert "none" == model.answer(question).level
    assert ["json_schema", "json_object", None] == formats(routed)


def test_ladder_ends(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """A server that blames the format even when none is asked for is not asked for ever."""
    routed.mock(return_value=refusing(400, "response_format, temperature, seed, max_tokens: all wrong"))
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    assert "refused_by_server" == caught.value.fault
    assert 6 == routed.call_count


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "response_format"), (404, "response_format"), (500, "out of memory"), (400, "prompt is too long")],
)
def test_other_errors_do_not_step_down(
    status: int, words: str, routed: Any, model: OpenAICompatible, question: Question
) -> None:
    """Only a server that names the format is asked for less."""
    routed.mock(return_value=refusing(status, words))
    with pytest.raises(ModelFault):
        model.answer(question)
    assert ["json_schema"] == formats(routed)


@pytest.mark.parametrize("option", ["temperature", "seed", "max_tokens"])
def test_option_that_is_refused_by_name_is_left_out(
    option: str, routed: Any, model: OpenAICompatible, question: Question
) -> None:
    """Some models take no temperature; the schema stays."""
    routed.mock(side_effect=[refusing(400, f"Unsupported value: '{option}'"), good(), good()])
    assert "json_schema" == model.answer(question).level
    model.answer(question)
    assert [True, False, False] == [option in json.loads(one.request.content) for one in routed.calls]


def test_request_is_what_it_should_be(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """Temperature zero, a fixed seed, a strict schema, no stream, and two messages."""
    routed.mock(return_value=good())
    model.answer(question)
    body = json.loads(routed.calls.last.request.content)
    assert (0, 1, "owl-1") == (body["temperature"], body["seed"], body["model"])
    assert {"name": "selection", "strict": True, "schema": question.schema} == body["response_format"]["json_schema"]
    assert ["system", "user"] == [message["role"] for message in body["messages"]]
    assert not body.get("stream")


def test_nothing_is_told_of_the_machine(
    routed: Any, model: OpenAICompatible, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers name RAB and the key; neither platform nor the user's other settings go out."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-user")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-user")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    routed.mock(return_value=good())
    model.answer(question)
    headers = routed.calls.last.request.headers
    assert "Bearer sk-secret-0123456789" == headers["authorization"]
    assert headers["user-agent"].startswith("rab/")
    known = {"host", "authorization", "content-type", "content-length", "accept", "connection", "user-agent"}
    assert set(headers) <= known


def test_each_model_has_a_memory_of_its_own(
    routed: Any, question: Question, at: Callable[..., OpenAICompatible]
) -> None:
    """What one server refuses is no reason to ask another for less."""
    routed.mock(side_effect=[refusing(400, "response_format"), good(), good()])
    first, second = (at("http://192.0.2.7:8080/v1", n_retries=0) for _ in range(2))
    assert ["json_object", "json_schema"] == [first.answer(question).level, second.answer(question).level]
