"""`rab summary` reads both sides of a comparison, and refuses one that cannot be meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rab.cli import rab
from rab.domain.filter import parse_filter
from rab.errors import InputError, NotFound
from rab.evidence.summary.comparison import previous


def test_the_other_side_is_a_filter_or_the_interval_before() -> None:
    """`previous` needs an interval, and ends where that begins."""
    where = parse_filter("site=Marsh from=2025-05-08 before=2025-05-15")
    assert parse_filter("site=Marsh from=2025-05-01 before=2025-05-08") == previous(where)


@pytest.mark.parametrize("words", ["previous", "site=Ridge"])
def test_an_empty_library_has_nothing_to_compare(words: str, tmp_path: Path) -> None:
    """Where no model ever ran, that is what is said, whatever the other side."""
    done = CliRunner().invoke(rab, ["--home", str(tmp_path), "summary", "--compare-to", words])
    assert isinstance(done.exception, NotFound)


def test_a_filter_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The other side is a filter like any other."""
    done = CliRunner().invoke(rab, ["--home", str(tmp_path), "summary", "--compare-to", "colour=red"])
    assert isinstance(done.exception, InputError)
