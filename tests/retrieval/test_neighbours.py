"""Neighbours are separate witnesses: no echoes of the query, no recording that speaks for all."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import (
    CallSegment,
    Descriptors,
    EmbedderCard,
    SegmentFilter,
    SegmentPayload,
    SegmentPlace,
    StoredSegment,
    segment_id,
)
from rab.retrieval.neighbours import NeighbourPolicy, nearest
from rab.store.exact import ExactStore
from tests.conftest import Make

MAKE = Make()
QUIET = MAKE.quality()


class Shelf:
    """A catalog of a few segments, and the vectors that lie beside it."""

    def __init__(self, card: EmbedderCard) -> None:
        self.known: dict[str, StoredSegment] = {}
        self.store = ExactStore(card)

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist."""
        return {one: self.known[one] for one in ids if one in self.known}

    def places(self, ids: Sequence[str]) -> Mapping[str, SegmentPlace]:
        """Return where those are that exist."""
        found = ((self.known[one].segment, self.known[one].quality) for one in ids if one in self.known)
        return {
            one.id: SegmentPlace(one.id, one.recording_id, one.t0_ms, one.t1_ms, one.channel, quality.snr_db)
            for one, quality in found
        }

    def put(
        self, recording: str, t0_ms: float, angle: float, *, length_ms: float = 3000, in_catalog: bool = True
    ) -> CallSegment:
        """Store a call whose direction is `angle` away from the query's."""
        one = CallSegment(
            id=segment_id(recording, None, t0_ms, t0_ms + length_ms, "toy-v1"),
            recording_id=recording,
            t0_ms=t0_ms,
            t1_ms=t0_ms + length_ms,
            embedder="toy-v1",
        )
        vector = np.array([[np.cos(angle), np.sin(angle)]], dtype=np.float32)
        self.store.upsert(vector, [SegmentPayload(segment_id=one.id, recording_id=recording)])
        if in_catalog:
            of = MAKE.recording(duration_ms=600_000).model_copy(update={"id": recording})
            self.known[one.id] = StoredSegment(segment=one, recording=of, quality=QUIET, descriptors=Descriptors())
        return one


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(MAKE.card(dim=2))


QUERY: npt.NDArray[np.float32] = np.array([1.0, 0.0], dtype=np.float32)


def found(shelf: Shelf, query: CallSegment, k: int = 10, policy: NeighbourPolicy | None = None) -> list[str]:
    near = nearest(shelf.store, shelf, query, QUERY, k=k, where=SegmentFilter(), policy=policy or NeighbourPolicy())
    return [one.stored.segment.id for one in near.neighbours]


def test_nearest_come_first_without_the_query(shelf: Shelf) -> None:
    """Other recordings' calls come back in the order of similarity; the query does not."""
    query = shelf.put("a" * 64, 0, 0.0)
    far, near = shelf.put("b" * 64, 0, 0.8), shelf.put("c" * 64, 0, 0.2)
    assert found(shelf, query) == [near.id, far.id]


def test_own_bout_is_left_out(shelf: Shelf) -> None:
    """In its own recording, only calls more than a minute away are witnesses."""
    query = shelf.put("a" * 64, 120_000, 0.0)
    shelf.put("a" * 64, 123_000, 0.0)
    shelf.put("a" * 64, 60_000, 0.0)
    later = shelf.put("a" * 64, 183_000, 0.2)
    assert found(shelf, query) == [later.id]


def test_ends_of_recordings_are_no_neighbours(shelf: Shelf) -> None:
    """A second of sound in a window of three is alike to others by its silence; a short recording is not left out."""
    query = shelf.put("a" * 64, 0, 0.0)
    ends = [shelf.put(f"{n:064}", 9000, 0.3, length_ms=1000).id for n in range(40)]
    short, whole = shelf.put("b" * 64, 0, 0.5, length_ms=1000), shelf.put("c" * 64, 3000, 0.8)
    assert found(shelf, query) == [short.id, whole.id]
    end = shelf.put("d" * 64, 9000, 0.0, length_ms=1000)
    assert set(found(shelf, end)) & set(ends), "an end is compared with ends, and its pack says that this shows nothing"


def test_no_recording_speaks_for_all(shelf: Shelf) -> None:
    """One recording gives at most `max_per_recording`, however near its calls are."""
    query = shelf.put("a" * 64, 0, 0.0)
    chorus = [shelf.put("b" * 64, 3000 * n, 0.2 + 0.01 * n).id for n in range(40)]
    lone = shelf.put("c" * 64, 0, 1.2)
    assert found(shelf, query, policy=NeighbourPolicy(max_per_recording=2)) == [*chorus[:2], lone.id]


def test_points_without_a_catalog_row_are_passed_over(shelf: Shelf) -> None:
    """What an ingest left behind when it was cut off is no evidence."""
    query = shelf.put("a" * 64, 0, 0.0)
    for n in range(30):
        shelf.put("b" * 64, 3000 * n, 0.2, in_catalog=False)
    kept = shelf.put("c" * 64, 0, 0.5)
    assert found(shelf, query, k=3) == [kept.id]


def test_search_is_widened_past_a_recording_that_holds_everything_near(shelf: Shelf) -> None:
    """A thousand near calls of one recording do not hide the other recordings behind them."""
    query = shelf.put("a" * 64, 0, 0.0)
    chorus = {shelf.put("b" * 64, 3000 * n, 0.2 + 0.0005 * n).id for n in range(1000)}
    others = [shelf.put(f"{n:064x}", 0, 0.9 + 0.15 * n).id for n in range(6)]
    near = found(shelf, query, k=9)
    assert (chorus.issuperset(near[:3]), near[3:]) == (True, others)


def test_copies_count_once_and_are_told(shelf: Shelf) -> None:
    """The same sound in several files is one neighbour with copies; the query's own is none, and is named."""
    query = shelf.put("a" * 64, 0, 0.0)
    itself = shelf.put("b" * 64, 0, 0.0)
    copies = [shelf.put(letter * 64, 0, 0.3).id for letter in "cde"]
    other = shelf.put("f" * 64, 0, -0.3)  # as near, and another sound
    near = nearest(shelf.store, shelf, query, QUERY, k=10, where=SegmentFilter(), policy=NeighbourPolicy())
    assert (itself.id,) == tuple(one.segment.id for one in near.copies_of_query)
    assert {min(copies): 2, other.id: 0} == {one.stored.segment.id: one.n_copies for one in near.neighbours}


def test_a_copied_file_is_one_source_with_its_original(shelf: Shelf) -> None:
    """What surrounds a copy of the query is no witness either, and two copies of a file give no more than one file."""
    query = shelf.put("a" * 64, 0, 0.0)
    shelf.put("b" * 64, 0, 0.05)  # the query, coded anew
    shelf.put("b" * 64, 3000, 0.4)
    later = shelf.put("b" * 64, 90_000, 0.6)
    for letter in "cd":
        shelf.put(letter * 64, 0, 0.8)
    others = [shelf.put("c" * 64, 9000, 1.0), shelf.put("d" * 64, 18_000, 1.2)]
    policy = NeighbourPolicy(max_per_recording=2)
    assert [later.id, shelf_first(shelf, "c", "d", 0.8), others[0].id] == found(shelf, query, policy=policy)


def shelf_first(shelf: Shelf, one: str, other: str, angle: float) -> str:
    """Return which of two equal calls comes first: ties go by segment id."""
    near = shelf.store.search(np.array([np.cos(angle), np.sin(angle)], np.float32), 2, SegmentFilter())
    assert {one * 64, other * 64} == {shelf.known[hit.segment_id].segment.recording_id for hit in near}
    return near[0].segment_id


def test_copies_stay_where_they_are_asked_for(shelf: Shelf) -> None:
    """Without folding every file speaks for itself, also with the query's own sound."""
    query = shelf.put("a" * 64, 0, 0.0)
    copies = {shelf.put(letter * 64, 0, angle).id for letter, angle in [("b", 0.0), ("c", 0.3), ("d", 0.3)]}
    assert copies == set(found(shelf, query, policy=NeighbourPolicy(folds_copies=False)))


def test_a_bout_gives_a_few(shelf: Shelf) -> None:
    """Two calls a minute apart are one bout; later ones of the same recording are another."""
    query = shelf.put("a" * 64, 0, 0.0)
    first, second, third = (
        shelf.put("b" * 64, t0_ms, angle).id for t0_ms, angle in [(0, 0.2), (9000, 0.4), (90_000, 0.6)]
    )
    assert [first, third] == found(shelf, query, policy=NeighbourPolicy(max_per_bout=1))
    assert [first, second, third] == found(shelf, query)


def test_another_order_decides_before_recordings_are_limited(shelf: Shelf) -> None:
    """What `arrange` puts first is kept, though nearer calls of its recording fill it by similarity."""
    query = shelf.put("a" * 64, 0, 0.0)
    ids = [shelf.put("b" * 64, 100_000 * n, 0.2 * n).id for n in range(1, 6)]
    near = nearest(
        shelf.store,
        shelf,
        query,
        QUERY,
        k=2,
        where=SegmentFilter(),
        policy=NeighbourPolicy(max_per_recording=2),
        arrange=lambda candidates, _: candidates[::-1],
    )
    assert [ids[4], ids[3]] == [one.stored.segment.id for one in near.neighbours]


def test_silence_is_shared_by_nobody(shelf: Shelf) -> None:
    """Equal vectors without a signal are no copies: their recordings stay apart, and each may bear witness."""
    query = shelf.put("a" * 64, 0, 0.0)
    silent = {shelf.put(letter * 64, 0, 0.3).id for letter in "bc"}
    for one in silent:
        no_signal = QUIET.model_copy(update={"snr_db": None, "snr_unmeasured": "silent", "silent": True})
        shelf.known[one] = shelf.known[one].model_copy(update={"quality": no_signal})
    assert silent == set(found(shelf, query))
