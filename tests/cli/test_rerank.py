"""`rab rerank`: its words before anything was trained, and what it refuses."""

import json
from collections.abc import Callable
from typing import Any

Rab = Callable[..., Any]


def test_nothing_is_reranked_before_training(rab: Rab) -> None:
    """Without training, `show` says that cosine rules, in words and as JSON, and `off` changes nothing."""
    shown = rab("rerank", "show")
    assert (0, "no reranker was trained: neighbours stand in the order of their cosine\n") == (shown.code, shown.out)
    assert {"report": None, "in_use": None} == json.loads(rab("rerank", "show", "--json").out)
    assert "nothing was reranked before" in rab("rerank", "off").out


def test_a_library_without_labels_is_refused_as_such(rab: Rab) -> None:
    """Asked to learn from labels that do not exist, it names what is missing and the next step."""
    answer = rab("rerank", "train", "--from", "labels")
    assert (2, "") == (answer.code, answer.out)
    assert "0 recording(s)" in answer.err
    assert "next: label segments" in answer.err
