"""Size changes nothing: long recordings are committed whole, and no question reads the segments from end to end."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, SegmentFilter

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()
NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)
Ask = Callable[[Catalog, str, str], object]
QUESTIONS: dict[str, Ask] = {
    "a page": lambda catalog, space, _: catalog.list_segments(space, EVERYTHING, limit=50, offset=100),
    "a site": lambda catalog, space, _: catalog.segment_ids(space, SegmentFilter(sites=("A",))),
    "an interval": lambda catalog, space, _: catalog.segment_ids(space, SegmentFilter(heard_from=NOON)),
    "a taxon": lambda catalog, space, _: catalog.segment_ids(space, SegmentFilter(taxa=("Engine",))),
    "a cluster": lambda catalog, space, _: catalog.segment_ids(space, SegmentFilter(cluster_ids=("c1.x",))),
    "the rest": lambda catalog, space, _: catalog.segment_ids(
        space, SegmentFilter(snr_min_db=0, exclude=SegmentFilter(taxa=("Engine",)))
    ),
    "a beginning of an id": lambda catalog, _, own: catalog.resolve_segment(own[:8]),
    "many ids": lambda catalog, _, own: catalog.segments([own, "f" * 32]),
    "a sequence": lambda catalog, _, own: catalog.around(own, 2, 2),
    "detections": lambda catalog, space, _: catalog.detections(space, EVERYTHING),
    "quality": lambda catalog, space, _: catalog.quality_profile(space, EVERYTHING),
    "sizes of clusters": lambda catalog, space, _: catalog.cluster_sizes(space, EVERYTHING),
    "medoids": lambda catalog, space, _: catalog.medoids(space),
    "names of a cluster": lambda catalog, *_: catalog.cluster_names("c1.x"),
    "facts": lambda catalog, space, _: catalog.library_facts(space, EVERYTHING),
    "a commit": lambda catalog, _, own: catalog.commit_recording(
        catalog.segment(own).recording, catalog.cards()[0], [], policy="q"
    ),
}


def test_a_long_recording_is_committed_whole(catalog: Catalog, make: "Make") -> None:
    """Fifteen hours in one commit, more segments than a statement takes, and again when most of them are cut away."""
    card, recording = make.card(), make.recording(duration_ms=15 * 3_600_000)
    scores = [make.score("Engine", 0.9), make.score("Turdus merula", 0.4)]
    segments = [make.segment(recording, n, scores=scores) for n in range(18_000)]
    catalog.commit_recording(recording, card, segments, policy="p")
    found = catalog.detections(card.space, EVERYTHING)
    assert (18_000, 1, 2) == (found.count.n_segments, found.count.n_recordings, found.count.n_days)
    hours = catalog.heard(card.space, EVERYTHING).hour.tolist()
    assert [2 * 1200] * 15 == [n for hour in range(24) if (n := hours.count(hour))]
    assert segments == catalog.list_segments(card.space, EVERYTHING)
    catalog.commit_recording(recording, card, segments[:3], policy="q")
    assert segments[:3] == catalog.list_segments(card.space, EVERYTHING)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_goes_by_an_index(sqlite_url: str, tmp_path: Path, make: "Make", question: str) -> None:
    """SQLite plans to search the large tables, never to scan them, for all that is asked often."""
    card, recording = make.card(), make.recording()
    stored = make.segment(recording, scores=[make.score("Engine", 0.9)])
    own = stored.segment.id
    cluster = Cluster(id="c1.x", space=card.space, n_members=1, persistence=None, medoid_id=own, exemplar_ids=())
    clustering = Clustering(id="x", space=card.space, method="", n_segments=1, n_unassigned=0, clusters=(cluster,))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with Catalog.open(sqlite_url) as catalog:
        catalog.commit_recording(recording, card, [stored], policy="p")
        catalog.save_clustering(clustering, {own: "c1.x"})
        event.listen(Engine, "before_cursor_execute", note)
        try:
            QUESTIONS[question](catalog, card.space, own)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    queries = [(statement, values) for statement, values in asked if statement.startswith(("SELECT", "DELETE"))]
    steps = [
        step
        for statement, values in queries
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
    connection.close()
    assert steps
    large = ("segments", "taxon_scores", "cluster_members", "labels")
    assert [] == [step for step in steps if step.startswith(tuple(f"SCAN {table}" for table in large))]
