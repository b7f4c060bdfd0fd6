"""Upkeep of a sketch: it mirrors the shard or is not used, whatever happens in between."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import SegmentFilter, SegmentPayload, point_id
from rab.store import sketch_upkeep
from rab.store.sketch_making import Page
from rab.store.sketch_upkeep import SketchUpkeep

EVERYTHING = SegmentFilter()
AXIS = np.eye(1, 8, dtype=np.float32)[0]


class FakeShard:
    """Points in memory; it can be made to wait in the middle of being gone through."""

    def __init__(self) -> None:
        self.sites: dict[str, str] = {}
        self.n_pages = 0
        self.reached = Event()
        self.go_on = Event()
        self.go_on.set()

    def store(self, *segments: str, site: str = "A12") -> list[str]:
        """Store segments and return their points."""
        self.sites.update(dict.fromkeys(segments, site))
        return [point_id(segment) for segment in segments]

    def n_points(self) -> int:
        return len(self.sites)

    def page(self, offset: Any, n: int) -> tuple[Page, Any]:
        self.n_pages += 1
        rest = sorted((one for one in self.sites if point_id(one) >= (offset or "")), key=point_id)
        found = self._page(rest[:n])
        self.reached.set()
        self.go_on.wait(20)
        return found, point_id(rest[n]) if len(rest) > n else None

    def read(
        self, points: Sequence[str], *, vectors: bool
    ) -> tuple[Sequence[str], Sequence[SegmentPayload], npt.NDArray[np.float32] | None]:
        found, payloads, rows = self._page([segment for segment in self.sites if point_id(segment) in points])
        return found, payloads, rows if vectors else None

    def _page(self, segments: list[str]) -> Page:
        payloads = [SegmentPayload(segment_id=one, recording_id="r", site=self.sites[one]) for one in segments]
        return [point_id(one) for one in segments], payloads, np.tile(AXIS, (len(segments), 1))


@pytest.fixture
def shard() -> FakeShard:
    """A shard of eighty segments, more than a page."""
    shard = FakeShard()
    shard.store(*(f"s{n}" for n in range(80)))
    return shard


@pytest.fixture
def upkeep(tmp_path: Path, shard: FakeShard) -> Iterator[SketchUpkeep]:
    """The upkeep of its sketch, which is in use."""
    upkeep = SketchUpkeep(tmp_path, shard, min_points=10)
    upkeep.settle()
    yield upkeep
    upkeep.close()


def named(upkeep: SketchUpkeep, site: str) -> set[str]:
    """Return the points of a site that the sketch names."""
    assert upkeep.sketch is not None
    found = upkeep.sketch.nearest(AXIS, 26, SegmentFilter(sites=(site,)))
    assert found is not None
    return set(found)


def points_of(shard: FakeShard, site: str) -> set[str]:
    """Return the points of a site that there are."""
    return {point_id(segment) for segment, own in shard.sites.items() if own == site}


def test_a_small_collection_has_no_sketch(tmp_path: Path, shard: FakeShard) -> None:
    """Below the bound nothing is made and nothing written; with the point that reaches it, a sketch is."""
    upkeep = SketchUpkeep(tmp_path, shard, min_points=81)
    upkeep.settle()
    assert upkeep.sketch is None
    assert [] == list(tmp_path.iterdir())
    with upkeep.changing(shard.store("one more"), vectors=True):
        pass
    upkeep.settle()
    assert points_of(shard, "A12") == named(upkeep, "A12")
    upkeep.close()


def test_there_is_no_sketch_until_it_is_whole(tmp_path: Path, shard: FakeShard) -> None:
    """While it is made nobody is answered from it, writers do not wait, and what they wrote is in it afterwards."""
    shard.go_on.clear()
    upkeep = SketchUpkeep(tmp_path, shard, min_points=10)
    assert shard.reached.wait(20)
    assert upkeep.sketch is None
    with upkeep.changing([*shard.store("s1", "new", site="B"), point_id("s2")], vectors=True):
        del shard.sites["s2"]
    assert upkeep.sketch is None
    shard.go_on.set()
    upkeep.settle()
    assert points_of(shard, "A12") == named(upkeep, "A12")
    assert {point_id("s1"), point_id("new")} == named(upkeep, "B")
    upkeep.close()


def test_every_change_is_followed(upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """What is stored, replaced and forgotten is so in the sketch when the change is done."""
    with upkeep.changing([*shard.store("new", "s5", site="B"), point_id("s6")], vectors=True):
        del shard.sites["s6"]
    assert {point_id("new"), point_id("s5")} == named(upkeep, "B")
    assert points_of(shard, "A12") == named(upkeep, "A12")


def test_payloads_may_change_alone(upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """Another site, and a point that is gone, need no vectors to be followed."""
    with upkeep.changing([*shard.store("s5", site="B"), point_id("s6")], vectors=False):
        del shard.sites["s6"]
    assert {point_id("s5")} == named(upkeep, "B")
    assert points_of(shard, "A12") == named(upkeep, "A12")


def test_closed_and_opened_it_is_taken_up(tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """The sketch that was closed is in use at once, without going through the shard."""
    upkeep.close()
    shard.n_pages = 0
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    assert points_of(shard, "A12") == named(again, "A12")
    assert 0 == shard.n_pages
    again.close()


def test_a_process_that_died_in_a_change_is_made_up_for(tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """The shard was changed and the sketch was not: what was pending is read back, and nothing else."""
    with upkeep.changing([*shard.store("new", site="B"), point_id("s6")], vectors=True):
        del shard.sites["s6"]
        shard.n_pages = 0
        next_process = SketchUpkeep(tmp_path, shard, min_points=10)
        assert {point_id("new")} == named(next_process, "B")
        assert points_of(shard, "A12") == named(next_process, "A12")
        assert 0 == shard.n_pages


def test_a_process_that_died_between_changes_is_followed_by_another(
    tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard
) -> None:
    """A sketch that nobody closed is taken up, as long as the system was not started again."""
    with upkeep.changing(shard.store("new", site="B"), vectors=True):
        pass
    shard.n_pages = 0
    assert {point_id("new")} == named(SketchUpkeep(tmp_path, shard, min_points=10), "B")
    assert 0 == shard.n_pages


def test_after_a_power_cut_it_is_made_anew(
    tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were open when the system stopped may be older than they say."""
    monkeypatch.setattr(sketch_upkeep, "_session", lambda: "another")
    shard.n_pages = 0
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    again.settle()
    assert shard.n_pages > 0
    assert points_of(shard, "A12") == named(again, "A12")
    again.close()


@pytest.mark.parametrize("damage", ["current.json", "sketch-1/axes.npz", "sketch-1/coarse.i8", "sketch-1/words.jsonl"])
def test_a_damaged_sketch_is_made_anew(tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard, damage: str) -> None:
    """Whatever file is broken, the sketch is dropped and made again from the shard."""
    upkeep.close()
    (tmp_path / damage).write_bytes(b"{")
    shard.n_pages = 0
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    again.settle()
    assert shard.n_pages > 0
    assert points_of(shard, "A12") == named(again, "A12")
    again.close()


def test_a_sketch_of_older_files_is_made_anew(tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """What an earlier RAB left is not opened; the new sketch takes its place, and the old folder is gone."""
    upkeep.close()
    current = json.loads((tmp_path / "current.json").read_text())
    (tmp_path / "current.json").write_text(json.dumps(current | {"format": 1}))
    shard.n_pages = 0
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    again.settle()
    assert shard.n_pages > 0
    assert points_of(shard, "A12") == named(again, "A12")
    assert ["sketch-2"] == [path.name for path in tmp_path.glob("sketch-*")]
    again.close()


def test_a_shard_that_others_wrote_to_is_gone_through_again(
    tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard
) -> None:
    """A sketch of another number of points than the shard has is not used."""
    upkeep.close()
    shard.store("behind its back", site="B")
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    again.settle()
    assert {point_id("behind its back")} == named(again, "B")
    again.close()


def test_a_collection_grown_fourfold_gets_new_axes(tmp_path: Path, upkeep: SketchUpkeep, shard: FakeShard) -> None:
    """The old sketch is used until the new one is whole, and its folder is gone then."""
    shard.n_pages = 0
    with upkeep.changing(shard.store(*(f"new {n}" for n in range(240)), site="B"), vectors=True):
        pass
    upkeep.settle()
    assert shard.n_pages > 0
    assert upkeep.sketch is not None
    assert 320 == upkeep.sketch.state.n_fitted
    assert ["sketch-2"] == [path.name for path in tmp_path.glob("sketch-*")]


def test_a_disk_that_fails_costs_the_sketch_alone(
    tmp_path: Path, shard: FakeShard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is done, the sketch is dropped with a line in the log, and is not tried again before the next time."""
    upkeep = SketchUpkeep(tmp_path, shard, min_points=10)
    upkeep.settle()

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(upkeep.sketch, "put", refuse)
    with upkeep.changing(shard.store("new"), vectors=True):
        pass
    assert upkeep.sketch is None
    assert ["sketch.dropped"] == [record.message for record in caplog.records]
    upkeep.close()
    again = SketchUpkeep(tmp_path, shard, min_points=10)
    again.settle()
    assert points_of(shard, "A12") == named(again, "A12")
    again.close()


def test_closing_stops_a_making(tmp_path: Path, shard: FakeShard) -> None:
    """A sketch that is half made when the collection is closed leaves nothing behind."""
    shard.go_on.clear()
    upkeep = SketchUpkeep(tmp_path, shard, min_points=10)
    assert shard.reached.wait(20)
    upkeep._closing.set()
    shard.go_on.set()
    upkeep.close()
    assert upkeep.sketch is None
    assert [] == list(tmp_path.iterdir())
