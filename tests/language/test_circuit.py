"""A server that cannot be reached is left alone for a minute; one that answers nonsense is not."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fault_of(model: OpenAICompatible, question: Question) -> str:
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    return caught.value.fault


def good() -> httpx.Response:
    message = {"role": "assistant", "content": "{}"}
    return httpx.Response(200, json={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def test_three_failures_open_the_circuit(routed: Any, question: Question, at: Callable[..., OpenAICompatible]) -> None:
    """After three, nothing is sent for sixty seconds; then one question is tried, and success closes it."""
    clock = Clock()
    model = at("http://192.0.2.7:8080/v1", n_retries=0, clock=clock)
    routed.mock(side_effect=httpx.ConnectError("refused"))
    assert ["unreachable", "unreachable", "unreachable", "resting"] == [fault_of(model, question) for _ in range(4)]
    assert 3 == routed.call_count
    clock.now = 59.9
    assert "resting" == fault_of(model, question)
    clock.now = 60.1
    assert ["unreachable", "resting"] == [fault_of(model, question) for _ in range(2)]
    clock.now = 120.3
    routed.mock(return_value=good())
    model.answer(question)
    model.answer(question)
    assert 6 == routed.call_count


def test_an_answer_between_failures_counts_anew(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """Only failures in a row are counted, and a server that answers nonsense was reached."""
    down = httpx.ConnectError("refused")
    nonsense = httpx.Response(200, text="nonsense")
    routed.mock(side_effect=[down, down, nonsense, down, down, nonsense])
    faults = [fault_of(model, question) for _ in range(6)]
    assert ["unreachable", "unreachable", "not_an_answer"] * 2 == faults


def test_a_broken_circuit_stops_the_list_of_models_too(
    routed: Any, model: OpenAICompatible, question: Question
) -> None:
    """Nothing at all is sent to a server that is left alone."""
    routed.mock(side_effect=httpx.ReadTimeout("silence"))
    assert ["timeout"] * 3 == [fault_of(model, question) for _ in range(3)]
    with pytest.raises(ModelFault) as caught:
        model.models()
    assert "resting" == caught.value.fault
