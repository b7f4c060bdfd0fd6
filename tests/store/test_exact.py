"""The oracle, checked by hand: whoever judges others is judged first."""

import numpy as np
import pytest

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload
from rab.store.base import Hit
from rab.store.exact import ExactStore


@pytest.fixture
def three(card: EmbedderCard) -> ExactStore:
    """Three segments at 0°, 60° and 90° from the first axis, at two sites and none."""
    store = ExactStore(card)
    vectors = np.zeros((3, 8), np.float32)
    vectors[0, 0], vectors[1, :2], vectors[2, 1] = 2, (1, 3**0.5), 5
    sites = ("north", "south", None)
    payloads = [SegmentPayload(segment_id=f"s{n}", recording_id="r", site=site) for n, site in enumerate(sites)]
    store.upsert(vectors, payloads)
    return store


def test_hits_are_cosines_best_first(three: ExactStore) -> None:
    """The angles come back as their cosines."""
    expected = [Hit("s0", 1.0), Hit("s1", 0.5), Hit("s2", 0.0)]
    assert expected == three.search(np.eye(8, dtype=np.float32)[0], 3, SegmentFilter())


def test_a_filter_and_an_exclusion_hold_together(three: ExactStore) -> None:
    """Only segments that match, less those named, are found."""
    query = np.eye(8, dtype=np.float32)[0]
    where = SegmentFilter(exclude=SegmentFilter(sites=("north",)))
    assert [Hit("s1", 0.5), Hit("s2", 0.0)] == three.search(query, 3, where)
    assert [Hit("s2", 0.0)] == three.search(query, 3, where, exclude_ids=["s1"])


def test_a_scan_sees_one_moment(three: ExactStore) -> None:
    """What is stored while a scan goes on does not disturb it."""
    scan = three.scan(SegmentFilter())
    first = next(scan)
    three.upsert(np.ones((1, 8), np.float32), [SegmentPayload(segment_id="s3", recording_id="r")])
    assert [stored.payload.segment_id for stored in (first, *scan)] == ["s0", "s1", "s2"]
