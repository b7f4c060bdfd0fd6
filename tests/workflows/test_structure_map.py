"""The map of a library holds every matching segment once, and is written whole in each form."""

import csv
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rab.domain import SegmentFilter
from rab.errors import InputError, StorageFailed, Unavailable
from rab.retrieval.structure import MapPolicy
from rab.workflows.structure import StructureMap, structure_map, write_map
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
EVERYTHING = SegmentFilter()


@pytest.fixture(scope="session")
def drawn(library: Workspace) -> StructureMap:
    """Return a map of all samples, with thirty landmarks."""
    return structure_map(library, model=MODEL, policy=MapPolicy(n_landmarks=30, perplexity=10))


def test_every_segment_lies_on_the_map_once(library: Workspace, drawn: StructureMap) -> None:
    """Points are the library's segments, in its order, with what the catalog knows of them."""
    ids = library.catalog.segment_ids(library.card(MODEL).space, EVERYTHING)
    assert ids == [point.segment_id for point in drawn.points]
    assert len(ids) == drawn.n_segments == drawn.n_sampled
    assert drawn.n_landmarks == sum(point.is_landmark for point in drawn.points)
    stored = library.catalog.segment(ids[0])
    assert (stored.recording.site, stored.quality.snr_db) == (drawn.points[0].site, drawn.points[0].snr_db)
    assert stored.cluster_id == drawn.points[0].cluster_id


def test_neighbours_by_sound_are_neighbours_on_the_map(drawn: StructureMap) -> None:
    """On real recordings the map keeps most neighbourhoods, and its edges join landmarks, ten from each."""
    assert drawn.trustworthiness > 0.8
    assert drawn.continuity > 0.8
    landmarks = {point.segment_id for point in drawn.points if point.is_landmark}
    assert landmarks == {edge.from_id for edge in drawn.edges}
    assert landmarks >= {edge.to_id for edge in drawn.edges}
    assert 10 * len(landmarks) == len(drawn.edges)


def test_a_filter_limits_the_map(library: Workspace) -> None:
    """Only matching segments are drawn, and the filter stands in the map."""
    recording = library.catalog.list_segments(library.card(MODEL).space, EVERYTHING, limit=1)[0].recording.id
    where = SegmentFilter(recording_ids=(recording,))
    ids = library.catalog.segment_ids(library.card(MODEL).space, where)
    few = structure_map(library, model=MODEL, where=where)
    assert (where.words, ids) == (few.filter_words, [point.segment_id for point in few.points])
    with pytest.raises(InputError, match="a map of 0 segments"):
        structure_map(library, model=MODEL, where=SegmentFilter(sites=("nowhere",)))


def test_json_holds_the_whole_map(drawn: StructureMap, tmp_path: Path) -> None:
    """What is read back from JSON is the map."""
    write_map(drawn, tmp_path / "new" / "map.json")
    assert drawn == StructureMap.model_validate_json((tmp_path / "new" / "map.json").read_text(encoding="utf-8"))


def test_csv_holds_a_row_for_each_point(drawn: StructureMap, tmp_path: Path) -> None:
    """A table opens anywhere: one row for each segment, empty where nothing is known."""
    write_map(drawn, tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [point.segment_id for point in drawn.points] == [row["segment_id"] for row in rows]
    assert [point.x for point in drawn.points] == [float(row["x"]) for row in rows]


def test_parquet_holds_points_and_figures_or_names_what_is_missing(drawn: StructureMap, tmp_path: Path) -> None:
    """With pyarrow the points and the figures can be read back; without, the error says what to install."""
    if find_spec("pyarrow") is None:
        with pytest.raises(Unavailable, match="needs pyarrow"):
            write_map(drawn, tmp_path / "map.parquet")
        return
    write_map(drawn, tmp_path / "map.parquet")
    table: Any = import_module("pyarrow.parquet").read_table(tmp_path / "map.parquet")
    assert [point.segment_id for point in drawn.points] == table["segment_id"].to_pylist()
    assert drawn.trustworthiness == json.loads(table.schema.metadata[b"rab"])["trustworthiness"]


def test_a_file_of_no_known_kind_is_refused(drawn: StructureMap, tmp_path: Path) -> None:
    """An extension that nobody writes, and a place that cannot be written, are named."""
    with pytest.raises(InputError, match="names no kind of map"):
        write_map(drawn, tmp_path / "map.png")
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_map(drawn, tmp_path / "taken" / "map.json")
