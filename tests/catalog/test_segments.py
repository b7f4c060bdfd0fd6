"""Segments are found by id, by page and by what sounds around them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rab.catalog import Catalog
from rab.domain import Label, SegmentFilter, StoredSegment
from rab.errors import InputError, NotFound

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()


def committed(catalog: Catalog, make: "Make", name: str = "a", n_segments: int = 4) -> list[StoredSegment]:
    """Commit a recording and return its segments in the order of time."""
    recording = make.recording(name)
    segments = [make.segment(recording, n) for n in range(n_segments)]
    catalog.commit_recording(recording, make.card(), segments[::-1], policy="p")
    return segments


def test_a_beginning_of_six_characters_is_enough(catalog: Catalog, make: "Make") -> None:
    """An id is found by any beginning from six characters, in either case."""
    own = committed(catalog, make)[0].segment.id
    for given in (own, own[:6], own[:9].upper(), f" {own[:6]} "):
        assert own == catalog.resolve_segment(given)


@pytest.mark.parametrize("given", ["", "abc12", "xyz123", "0123456789", "%" * 6, "a" * 33])
def test_what_is_no_id_is_refused(catalog: Catalog, make: "Make", given: str) -> None:
    """Too short a beginning, or other characters, are no id; an id that nothing has is not found."""
    committed(catalog, make)
    with pytest.raises(NotFound if given == "0123456789" else InputError, match=given or "''"):
        catalog.resolve_segment(given)


def test_a_beginning_of_several_names_them(catalog: Catalog, make: "Make") -> None:
    """A beginning that two segments share is refused, and both are named."""
    recording = make.recording()
    twins = ["abcdef" + "0" * 26, "abcdef" + "f" * 26]
    stored = [make.segment(recording, n) for n in (0, 1)]
    segments = [
        one.model_copy(update={"segment": one.segment.model_copy(update={"id": own})})
        for one, own in zip(stored, twins, strict=True)
    ]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    with pytest.raises(InputError, match=f"{twins[0]}, {twins[1]}"):
        catalog.resolve_segment("abcdef")
    assert twins[0] == catalog.resolve_segment("abcdef0")


def test_unknown_ids_are_left_out_or_named(catalog: Catalog, make: "Make") -> None:
    """Many ids give those that exist; one that does not is an error that names it."""
    own, strange = committed(catalog, make)[0].segment.id, "f" * 32
    assert {own} == set(catalog.segments([own, strange, own]))
    assert {} == catalog.segments([])
    with pytest.raises(NotFound, match=strange):
        catalog.segment(strange)
    with pytest.raises(NotFound, match=strange):
        catalog.around(strange, 1, 1)
    with pytest.raises(NotFound, match="there is no recording x"):
        catalog.recording("x")


def test_more_ids_than_a_statement_takes(catalog: Catalog, make: "Make") -> None:
    """70,000 ids, more than either database takes in one statement, are asked for without a limit being met."""
    own = committed(catalog, make)[0].segment.id
    many = [f"{n:032x}" for n in range(70_000)]
    assert {own} == set(catalog.segments([*many, own]))


def test_pages_follow_recordings_and_time(catalog: Catalog, make: "Make") -> None:
    """Pages put together are the whole list: recordings as they came, segments in the order of time."""
    every = [*committed(catalog, make, "b"), *committed(catalog, make, "a")]
    space = make.card().space
    assert every == catalog.list_segments(space, EVERYTHING)
    pages = [catalog.list_segments(space, EVERYTHING, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert every == [stored for page in pages for stored in page]
    assert [one.segment.id for one in every] == catalog.segment_ids(space, EVERYTHING)


def test_recordings_are_listed_by_their_start(catalog: Catalog, make: "Make") -> None:
    """Recordings come in the order of their start, those without a clock last, by site where asked."""
    late = make.recording("late", site="B")
    unclocked = make.recording("unclocked", started_at=None, zone=None)
    early = make.recording("early", started_at=datetime(2020, 1, 1, tzinfo=UTC))
    for recording in (unclocked, late, early):
        catalog.commit_recording(recording, make.card(), [], policy="p")
    assert [early, late, unclocked] == catalog.recordings()
    assert [late] == catalog.recordings(limit=1, offset=1)
    assert [late] == catalog.recordings(sites=["B"])
    assert (3, 1, 0) == (
        catalog.count_recordings(),
        catalog.count_recordings(sites=["B"]),
        catalog.count_recordings(sites=["C"]),
    )


def test_around_a_segment_are_its_voice_and_model_alone(catalog: Catalog, make: "Make") -> None:
    """Steps are counted on the same channel, by the same model, and stop at the ends of the recording."""
    recording, card, bats = make.recording(), make.card(), make.card(name="bats")
    left, right = ([make.segment(recording, n, channel=channel) for n in range(4)] for channel in (0, 1))
    catalog.commit_recording(recording, card, [*left, *right], policy="p")
    catalog.commit_recording(recording, bats, [make.segment(recording, 2, embedder="bats-v1")], policy="p")
    assert [(-1, left[0]), (1, left[2]), (2, left[3])] == catalog.around(left[1].segment.id, 2, 2)
    assert [(-2, right[1]), (-1, right[2])] == catalog.around(right[3].segment.id, 2, 2)
    assert [] == catalog.around(right[3].segment.id, 0, 2)


def test_around_a_segment_of_averaged_channels(catalog: Catalog, make: "Make") -> None:
    """The average of the channels is a voice of its own."""
    mixed = committed(catalog, make)
    committed(catalog, make, "b")
    assert [(-1, mixed[1]), (1, mixed[3])] == catalog.around(mixed[2].segment.id, 1, 1)


def test_labels_stand_on_their_segment(catalog: Catalog, make: "Make") -> None:
    """Labels come oldest first, the same one counts once, and one for nothing is refused."""
    own, other = (one.segment.id for one in committed(catalog, make, n_segments=2))
    old, new = (
        Label(
            segment_id=own,
            taxon="Turdus merula",
            source="human",
            author="Ada",
            labelled_at=datetime(2025, 6, day, 1, 2, 3, 456789, tzinfo=UTC),
        )
        for day in (1, 2)
    )
    for label in (new, old, new):
        catalog.add_labels([label])
    assert {own: (old, new)} == catalog.labels_of([own, other])
    assert (old, new) == catalog.segment(own).labels
    with pytest.raises(NotFound, match="f" * 32):
        catalog.add_labels([old.model_copy(update={"segment_id": "f" * 32})])
