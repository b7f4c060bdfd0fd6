"""`rab rerank`: its words before anything was trained, and what it refuses."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from rab.cli.rerank import _print
from rab.retrieval.rerank import GraphReranker
from rab.retrieval.rerank.base import PRESUMED
from rab.retrieval.rerank.held_out import MethodQuality
from rab.retrieval.rerank.measures import Interval
from rab.workflows.reranking import InUse, RerankReport

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


def test_a_training_without_labels_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The words say what was measured on, above the table and where they say what is in use."""
    interval = Interval(mean=0.5, low=0.4, high=0.6)
    qualities = tuple(
        MethodQuality(method=method, mean_average_precision=interval, gain_over_cosine=interval)
        for method in ("cosine", "k_reciprocal", "learned")
    )
    learned = GraphReranker(source="sequence", n_segments=40, trained_on=date(2026, 5, 3), version=1)
    in_use = InUse(method="learned", version=1, proof=PRESUMED)
    report = RerankReport(
        model="birdnet-v2.4",
        version=1,
        source="sequence",
        proof=PRESUMED,
        n_segments=40,
        n_groups=12,
        learned=learned,
        held_out=qualities,
        in_use=in_use,
        reason="because",
    )
    _print(report, in_use)
    lines = capsys.readouterr().out.splitlines()
    assert "40 segments in sequence: presumed relevance, no label;" in lines[0]
    assert "measured on presumed relevance, no label" == lines[1]
    assert "in use: reranker v1 (measured on presumed relevance, no label)" == lines[-1]
