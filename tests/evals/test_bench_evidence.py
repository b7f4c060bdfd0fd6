"""A library is grown from a real one, and packs are timed in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter
from rab.evals.bench_evidence import bench_evidence, grow
from rab.settings import Settings
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import ingest
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


def test_copies_keep_what_was_measured(models_dir: Path, samples_dir: Path, tmp_path: Path) -> None:
    """Each copy is a segment of its own, near its original and in its cluster; the library is as large as asked."""
    settings = Settings(home=tmp_path / "home", models_dir=models_dir, n_threads=1)
    with open_workspace(settings, purpose="tests") as workspace:
        ingest(workspace, [samples_dir / "pykanto"], models=(MODEL,))
        cluster_library(workspace, model=MODEL)
        space = workspace.card(MODEL).space
        before = workspace.catalog.list_segments(space, SegmentFilter())
        assert grow(workspace, MODEL, 300, seed=1) >= 300
        after = workspace.catalog.list_segments(space, SegmentFilter())
        copied = [one for one in after if one.recording.id not in {other.recording.id for other in before}]
        assert len(after) - len(before) == len(copied) >= 300 - len(before)
        assert {one.quality for one in copied} <= {one.quality for one in before}
        original = before[0]
        vectors = workspace.store(workspace.card(MODEL)).fetch([original.segment.id, *(c.segment.id for c in copied)])
        near = max(float(vectors[c.segment.id].vector @ vectors[original.segment.id].vector) for c in copied)
        assert 0.9 < near < 0.999


def test_packs_are_timed(models_dir: Path, samples_dir: Path) -> None:
    """A run says how large the library was, how neighbours were ordered, and percentiles in order."""

    @contextmanager
    def open_library(home: Path) -> Iterator[Workspace]:
        with open_workspace(Settings(home=home, models_dir=models_dir, n_threads=1), purpose="tests") as workspace:
            yield workspace

    first, *_ = runs = bench_evidence(open_library, [samples_dir / "pykanto"], MODEL, n_segments=200, n_packs=5)
    assert (True, 5) == (first.n_segments >= 200, first.n_packs)
    assert 0 < first.p50_ms <= first.p95_ms <= first.slowest_ms
    assert "cosine" == runs[-1].order
