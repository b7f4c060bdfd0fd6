"""Figures are printed as they are counted, and nothing that cannot be seen is printed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import AggregateEntry, CallName, CallRef
from rab.reports.printing import denominator, figure, local, markdown_escaped, said_by, significant, snr, visible

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "words"),
    [
        (28_200, "segments", 0, f"28,200{NBSP}segments"),
        (1, "segments", 0, f"1{NBSP}segment"),
        (1, "taxa", 0, f"1{NBSP}taxon"),
        (1.0, "h", 1, f"1.0{NBSP}h"),
        (15.4, "%", 1, f"15.4{NBSP}%"),
        (3, "", 0, "3"),
    ],
)
def test_a_figure_has_its_unit(value: float, unit: str, decimals: int, words: str) -> None:
    """Thousands are apart, and one is singular."""
    entry = AggregateEntry(key="a1", name="n", value=value, unit=unit, decimals=decimals, basis="b", rows_sha256="0")
    assert figure(entry) == words
    assert denominator(entry) is None


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (0.0432, "0.043"), (2.04, "2.0"), (27.4, "27"), (1234, "1,234")]
)
def test_a_rate_has_two_figures(value: float, words: str) -> None:
    """A rate pretends to no more than two significant figures below a hundred."""
    assert significant(value) == words


@given(st.text())
def test_what_is_printed_can_be_seen(text: str) -> None:
    """No control and no direction mark survives, and ordinary text is untouched."""
    shown = visible(text)
    assert [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Zl", "Zp")] == []
    assert [
        sign for sign in shown if unicodedata.bidirectional(sign) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI")
    ] == []
    assert visible("Étang du Gruère, 5 µm, 小川, بحيرة") == "Étang du Gruère, 5 µm, 小川, بحيرة"


def test_a_direction_mark_is_named() -> None:
    """A name that would read backwards shows the mark that would do it, and stays on one line."""
    assert visible("gpj\u202e.wav\nnext") == "gpj‹U+202E›.wav next"


def test_markdown_signs_are_escaped() -> None:
    """Signs that Markdown or HTML would take for markup come out as themselves."""
    assert markdown_escaped("a_b|<i>&*") == "a\\_b\\|&lt;i&gt;&amp;\\*"


def test_a_missing_snr_says_why() -> None:
    """Not measured, and not known here, are different things."""
    assert (snr(18.44), snr(None)) == (f"18.4{NBSP}dB", "not in this report")


def test_a_call_without_a_clock_has_no_local_time() -> None:
    """No time is made up."""
    call = CallRef(segment_id="s", recording_id="r", file_name="f", channel=None, t0_ms=0, t1_ms=1)
    assert local(call) == "not known"


@pytest.mark.parametrize(
    ("source", "raw_score", "words"),
    [("human", None, "label by B"), ("imported", None, "imported label, B"), ("model", 0.5, "B, raw score 0.50")],
)
def test_who_names_a_call(source: str, raw_score: float | None, words: str) -> None:
    """A person, a table and a model are told apart."""
    name = CallName.model_validate(
        {"scientific_name": "S", "common_name": "C", "source": source, "by": "B", "raw_score": raw_score}
    )
    assert said_by(name) == words
