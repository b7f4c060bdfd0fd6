"""Names from anywhere are printed so that they cannot be taken for anything else."""

import pytest

from rab.generation.wording.names import hour_words, identifier, shown, taxon_words


@pytest.mark.parametrize(
    "name",
    ["Turdus merula", "Black-and-white Warbler", "Wilson's Storm-Petrel", "Grünspecht", "Myrtle Warbler (hybrid)"[:14]],
)
def test_name_that_looks_like_one_is_bare(name: str) -> None:
    """A capital and a few words of letters need no quotation marks."""
    assert shown(name) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A12", "“A12”"),
        ("calls", "“calls”"),
        ("Go", "“Go”"),
        ("", "“”"),
        ("Alarm call", "“Alarm call”"),
        ("Site ٣", "“Site ٣”"),
        ("a\nb\u202ec\u0000", "“a b c”"),
        ("said “so”", "“said 'so'”"),
        ("One too many words to be a name", "“One too many words to be a name”"),
        ("x" * 100, f"“{'x' * 59}…”"),
    ],
)
def test_other_names_are_quoted_on_one_line(name: str, text: str) -> None:
    """Digits, control characters, sentences and forbidden words stand in quotation marks, or not at all."""
    assert shown(name) == text


def test_identifiers_are_bare_only_when_they_are_ones() -> None:
    """The key of a model has digits; a word of the templates has none."""
    assert [identifier(key) for key in ("birdnet-v2.4", "c3.9fa2", "calls", "5", "a b1")] == [
        "birdnet-v2.4",
        "c3.9fa2",
        "“calls”",
        "“5”",
        "“a b1”",
    ]


def test_taxon_has_both_names_when_there_are_two() -> None:
    """A sound such as an engine has one name."""
    assert taxon_words("Turdus merula", "Eurasian Blackbird") == "Eurasian Blackbird (Turdus merula)"
    assert taxon_words("Engine", "Engine") == taxon_words("Engine", None) == "Engine"


def test_hours_are_spans() -> None:
    """The last hour of the day ends at midnight, and what is no hour is a quoted name."""
    assert [hour_words(hour) for hour in ("05", "23", "24")] == ["05:00–06:00", "23:00–00:00", "“24”"]
