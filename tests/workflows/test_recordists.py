"""Who recorded what a collection holds is kept apart in every proof."""

from datetime import UTC, datetime

import pytest

from rab.domain import Label
from rab.workflows.recordists import recordists


def told(author: str, *, source: str = "imported", provenance: str | None = "atlas: t.csv line 2") -> Label:
    """Return a label of a table's row."""
    return Label.model_validate(
        {
            "segment_id": "a" * 32,
            "taxon": "Turdus merula",
            "source": source,
            "author": author,
            "labelled_at": datetime(2026, 5, 3, tzinfo=UTC),
            "provenance": provenance,
        }
    )


def test_recordings_of_one_author_are_one_group() -> None:
    """Six recordings by five people are five groups; two collections never share one."""
    labelled = [(f"r{n}", told(f"P{n % 5}")) for n in range(6)]
    found = recordists(labelled)
    assert 5 == len(set(found.values()))
    assert found["r0"] == found["r5"] == "atlas/P0"
    others = [(f"s{n}", told(f"P{n}", provenance="field: u.csv line 3, a museum")) for n in range(5)]
    assert 10 == len(set(recordists([*labelled, *others]).values()))


@pytest.mark.parametrize(
    "labelled",
    [
        [(f"r{n}", told(f"P{n % 3}")) for n in range(9)],
        [(f"r{n}", told(f"P{n}", source="human")) for n in range(9)],
        [(f"r{n}", told(f"P{n}", provenance=None)) for n in range(9)],
    ],
)
def test_others_are_taken_for_independent(labelled: list[tuple[str, Label]]) -> None:
    """Three authors are annotators rather; people who labelled in the library recorded nothing; no table, no author."""
    assert {} == recordists(labelled)
