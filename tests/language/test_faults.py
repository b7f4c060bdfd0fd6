"""Every way in which a server can fail to answer ends in a fault of a known family, and in nothing else."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible

GOOD = '{"facts": ["f1"]}'


def completed(content: object = GOOD, **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | changes.pop("message", {})
    choice = {"index": 0, "message": message, "finish_reason": "stop"} | changes.pop("choice", {})
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "owl-1", "choices": [choice]} | changes


def json_reply(content: object = GOOD, **changes: Any) -> httpx.Response:
    return httpx.Response(200, json=completed(content, **changes))


def raw(body: bytes | str, content_type: str = "application/json", status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=body, headers={"content-type": content_type})


WHOLE = json.dumps(completed())

REPLIES: dict[str, tuple[httpx.Response, str]] = {
    "no choices": (json_reply(choices=[]), "not_an_answer"),
    "choices null": (json_reply(choices=None), "not_an_answer"),
    "choices missing": (raw('{"id": "x", "object": "chat.completion"}'), "not_an_answer"),
    "two choices": (json_reply(choices=completed()["choices"] * 2), "not_an_answer"),
    "a choice that is text": (json_reply(choices=["f1"]), "not_an_answer"),
    "no message": (json_reply(choices=[{"index": 0, "finish_reason": "stop"}]), "not_an_answer"),
    "content null": (json_reply(None), "not_an_answer"),
    "content empty": (json_reply(""), "not_an_answer"),
    "content of spaces": (json_reply(" \n\t"), "not_an_answer"),
    "content an object": (json_reply({"facts": ["f1"]}), "not_an_answer"),
    "content a list of parts": (json_reply([{"type": "text", "text": GOOD}]), "not_an_answer"),
    "cut off at the length": (json_reply(choice={"finish_reason": "length"}), "cut_short"),
    "whole, and yet cut off": (json_reply(GOOD, choice={"finish_reason": "length"}), "cut_short"),
    "finished without a reason": (json_reply(choice={"finish_reason": None}), "cut_short"),
    "finished with a tool call": (json_reply(choice={"finish_reason": "tool_calls"}), "cut_short"),
    "filtered": (json_reply(choice={"finish_reason": "content_filter"}), "withheld"),
    "refused": (json_reply(None, message={"refusal": "I cannot help with that."}), "withheld"),
    "refused beside an answer": (json_reply(message={"refusal": "no"}), "withheld"),
    "HTML with 200": (raw("<html><body>Sign in</body></html>", "text/html"), "not_an_answer"),
    "HTML that calls itself JSON": (raw("<html>Sign in</html>"), "not_an_answer"),
    "JSON that calls itself HTML": (raw(WHOLE, "text/html"), "not_an_answer"),
    "JSON without a content type": (httpx.Response(200, content=WHOLE), "not_an_answer"),
    "a stream of events": (raw(f"data: {WHOLE}\n\ndata: [DONE]\n\n", "text/event-stream"), "not_an_answer"),
    "broken JSON with 200": (raw(WHOLE[:-7]), "not_an_answer"),
    "an empty body": (raw(""), "not_an_answer"),
    "a list": (raw(f"[{WHOLE}]"), "not_an_answer"),
    "a bare string": (raw('"f1"'), "not_an_answer"),
    "trailing garbage": (raw(f"{WHOLE} and more"), "not_an_answer"),
    "two objects": (raw(WHOLE * 2), "not_an_answer"),
    "doubled keys": (raw(WHOLE.replace('"id"', '"choices": [], "id"')), "not_an_answer"),
    "no UTF-8": (raw(b'{"choices": "\xff\xfe"}'), "not_an_answer"),
    "bottomless nesting": (raw("[" * 100_000), "not_an_answer"),
    "an endless number": (raw('{"choices": ' + "9" * 5000 + "}"), "not_an_answer"),
    "longer than a reply may be": (raw(WHOLE + " " * (1 << 20)), "too_long"),
    "compressed": (httpx.Response(200, content=b"\x1f\x8b", headers={"content-encoding": "gzip"}), "not_an_answer"),
    "an answer that is prose": (json_reply("I would choose f1."), "not_an_answer"),
    "an answer in a code fence": (json_reply(f"```json\n{GOOD}\n```"), "not_an_answer"),
    "an answer with doubled keys": (json_reply('{"facts": [], "facts": ["f1"]}'), "not_an_answer"),
    "an answer and trailing garbage": (json_reply(f"{GOOD}\n\nI hope this helps!"), "not_an_answer"),
    "an answer that is a list": (json_reply('["f1"]'), "not_an_answer"),
    "an answer with NaN": (json_reply('{"facts": [NaN]}'), "not_an_answer"),
    "an answer with half a character": (json_reply('{"facts": ["\\ud800"]}'), "not_an_answer"),
    "an answer nested without end": (json_reply('{"facts": ' + "[" * 50_000), "not_an_answer"),
    "not allowed in": (raw('{"error": {"message": "Incorrect API key"}}', status=401), "refused_by_server"),
    "forbidden": (raw("{}", status=403), "refused_by_server"),
    "no such model": (raw('{"error": {"message": "no such model"}}', status=404), "refused_by_server"),
    "too many questions": (raw("{}", status=429), "refused_by_server"),
    "a server error": (raw("oh", "text/plain", 500), "refused_by_server"),
    "overloaded": (raw("<html>busy</html>", "text/html", 503), "refused_by_server"),
    "a redirect": (httpx.Response(307, headers={"location": "http://198.51.100.1/v1"}), "refused_by_server"),
    "a status that nobody knows": (raw("{}", status=299), "not_an_answer"),
}


@pytest.mark.parametrize("case", REPLIES)
def test_bad_reply_is_a_fault(case: str, routed: Any, model: OpenAICompatible, question: Question) -> None:
    """No part of a reply is used that is not one whole answer."""
    reply, family = REPLIES[case]
    routed.mock(return_value=reply)
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    assert family == caught.value.fault


ERRORS = {
    "refused connection": (httpx.ConnectError("refused"), "unreachable"),
    "connection that takes too long": (httpx.ConnectTimeout("slow"), "timeout"),
    "silence": (httpx.ReadTimeout("silence"), "timeout"),
    "connection that breaks off": (httpx.ReadError("reset"), "unreachable"),
    "another protocol": (httpx.RemoteProtocolError("garbage"), "unreachable"),
    "a certificate of somebody else": (httpx.ConnectError("certificate verify failed"), "unreachable"),
    "a bug below": (ValueError("odd"), "unreachable"),
    "a system error": (OSError("odd"), "unreachable"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_broken_transport_is_a_fault(case: str, routed: Any, model: OpenAICompatible, question: Question) -> None:
    """What the network does is a fault of the network's family."""
    error, family = ERRORS[case]
    routed.mock(side_effect=error)
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    assert family == caught.value.fault


def test_good_answer_is_given(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """The faults above are not for want of a server that works."""
    routed.mock(return_value=json_reply())
    assert {"facts": ["f1"]} == model.answer(question).content


def test_unmatched_request_is_loud(routed: Any, question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """A request that no mock expects is an error of the test, not a fault of the server."""
    routed.mock(return_value=json_reply())
    at("http://192.0.2.7:8080/v1").answer(question)
    with pytest.raises(AssertionError, match="not mocked"):
        at("http://192.0.2.99/v1", n_retries=0).answer(question)


def test_escaped_request_is_loud(question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """Without a mock a request would reach the network, and the guard of this room stops it with a failure."""
    with pytest.raises(AssertionError, match="a request escaped"):
        at("http://192.0.2.7:8080/v1", n_retries=0).answer(question)


def test_one_retry(routed: Any, question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """A server that stumbles once is asked again; two stumbles are a fault."""
    routed.mock(side_effect=[httpx.Response(503, headers={"retry-after-ms": "1"}), json_reply()])
    assert ["f1"] == at("http://192.0.2.7:8080/v1").answer(question).content["facts"]
    assert 2 == routed.call_count
    stumble = httpx.Response(503, headers={"retry-after-ms": "1"})
    routed.mock(side_effect=[stumble, stumble, json_reply()])
    with pytest.raises(ModelFault):
        at("http://192.0.2.7:8080/v1").answer(question)
    assert 4 == routed.call_count
