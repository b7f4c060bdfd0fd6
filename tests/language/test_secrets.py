"""Keys and prompts stay out of logs, representations and messages; without a setting nothing is even imported."""

import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from rab.bootstrap import build_language_model
from rab.errors import SettingsError
from rab.language.base import ModelFault, Question
from rab.language.client import OpenAICompatible
from rab.settings import Settings

KEY, PROMPT = "sk-secret-0123456789", "a sentence that nobody may log"


def test_log_holds_neither_key_nor_prompt(
    routed: Any, model: OpenAICompatible, question: Question, caplog: pytest.LogCaptureFixture
) -> None:
    """Even when everything is logged, the libraries below keep silent about what is sent."""
    caplog.set_level(logging.DEBUG)
    routed.mock(
        side_effect=[httpx.Response(400, json={"error": {"message": f"response_format {KEY}"}}), httpx.Response(500)]
    )
    with pytest.raises(ModelFault):
        model.answer(question)
    assert KEY not in caplog.text
    assert PROMPT not in caplog.text


def test_fault_repeats_nothing(routed: Any, model: OpenAICompatible, question: Question) -> None:
    """A server that echoes key and prompt in its error does not get them into a message or a traceback."""
    routed.mock(return_value=httpx.Response(401, json={"error": {"message": f"bad key {KEY} for {PROMPT}"}}))
    with pytest.raises(ModelFault) as caught:
        model.answer(question)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.hint
    assert KEY not in told
    assert PROMPT not in told
    assert caught.value.__cause__ is None


def test_representations_hold_neither(model: OpenAICompatible, question: Question) -> None:
    """What a debugger or a log line prints of these objects is their kind."""
    settings = Settings(llm={"base_url": "http://192.0.2.7/v1", "model": "owl-1", "api_key": KEY})
    for one in (model, question, settings, settings.llm, model.answer):
        assert KEY not in repr(one)
        assert PROMPT not in repr(one)


@pytest.mark.parametrize("key", ["sk-\x00", "sk-\n", "schlüssel", " ", "sk-\r\nX-Evil: 1"])
def test_key_that_is_none_is_refused_without_being_told(key: str, at: Callable[..., OpenAICompatible]) -> None:
    """A key that was copied badly is refused when it is set, and not repeated."""
    with pytest.raises(SettingsError) as caught:
        at("http://192.0.2.7/v1", api_key=key)
    assert key.strip() == "" or key not in str(caught.value)


def test_nothing_is_built_without_a_base_url(tmp_path: Path) -> None:
    """Without a base URL there is no client, no socket, and the client's library is not imported."""
    code = f"""
import socket, sys
from pathlib import Path

def refused(*args, **kwargs):
    raise SystemExit("a socket was opened")

socket.socket.connect = socket.getaddrinfo = refused
from rab.bootstrap import build_language_model, open_workspace
from rab.settings import Settings
import rab.workflows.writing, rab.workflows.questions, rab.workflows.summaries

settings = Settings(home=Path({str(tmp_path)!r}))
assert build_language_model(settings) is None
with open_workspace(settings, purpose="test") as workspace:
    assert workspace.language is None
print(sorted(name for name in sys.modules if name.partition(".")[0] == "openai" or name == "rab.language.client"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (0, "[]") == (done.returncode, done.stdout.strip()), done.stderr


def test_key_alone_builds_nothing() -> None:
    """Neither a key nor a model without an address leads anywhere, and an empty address is none."""
    assert build_language_model(Settings(llm={"base_url": "", "model": "owl-1"})) is None
    assert build_language_model(Settings(llm={"api_key": KEY, "model": "owl-1"})) is None


def test_address_without_a_model_is_refused() -> None:
    """The setting that is missing is named."""
    with pytest.raises(SettingsError, match="no model"):
        build_language_model(Settings(llm={"base_url": "http://192.0.2.7/v1"}))


def test_settings_build_the_client() -> None:
    """With address and model there is a client, and nothing has been asked of it."""
    built = build_language_model(Settings(llm={"base_url": "http://192.0.2.7/v1", "model": "owl-1"}))
    assert built is not None
    assert "owl-1" == built.key
