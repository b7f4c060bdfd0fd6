"""Reading a server's reply: the whole of one JSON object, or a fault. Nothing is mended and nothing read in part."""

import json
from typing import Any

from rab.language.base import ModelFault


def object_of(text: str, what: str) -> dict[str, Any]:
    """Return the one JSON object that `text` is. Raises `ModelFault`, which names `what`.

    Doubled keys, NaN, text before or after, lone surrogates and bottomless nesting are faults.
    """
    try:
        content = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refused)
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ModelFault("not_an_answer", f"{what} is no proper JSON") from None
    if not isinstance(content, dict):
        raise ModelFault("not_an_answer", f"{what} is no JSON object")
    return content


def content_of(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the object that a chat completion carries as its message. Raises `ModelFault`."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ModelFault("not_an_answer", "the server did not reply with JSON")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelFault("not_an_answer", "the reply is no UTF-8") from None
    choices = object_of(text, "the reply").get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        raise ModelFault("not_an_answer", "the reply does not hold exactly one choice")
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    if not isinstance(message, dict):
        raise ModelFault("not_an_answer", "the reply holds no message")
    if message.get("refusal") or reason == "content_filter":
        raise ModelFault("withheld", "the model refused, or a filter withheld its answer")
    if reason != "stop":
        raise ModelFault("cut_short", "the model did not come to an end by itself")
    words = message.get("content")
    if not isinstance(words, str) or not words.strip():
        raise ModelFault("not_an_answer", "the message is empty")
    return object_of(words, "the message")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
