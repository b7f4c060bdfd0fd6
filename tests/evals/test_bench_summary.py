"""The bench of summaries measures real summaries of a catalog that holds what it says."""

from pathlib import Path

from rab.catalog import Catalog
from rab.domain import SegmentFilter
from rab.evals.bench_summary import bench_summary, fill_catalog, toy_card


def test_the_catalog_holds_what_it_says(tmp_path: Path) -> None:
    """Twenty sites, whole recordings of 200 segments, and as many detections as were told."""
    path, card = tmp_path / "catalog.sqlite", toy_card()
    n_detections = fill_catalog(path, card, 8000, seed=1)
    with Catalog.open(f"sqlite:///{path}") as catalog:
        facts = catalog.library_facts(card.space, SegmentFilter())
        heard = catalog.heard(card.space, SegmentFilter())
        stored = catalog.list_segments(card.space, SegmentFilter(), limit=1)[0]
        clocked = (stored.heard_local.hour, stored.heard_local.date().isoformat()) if stored.heard_local else None
    assert (8000, 40, 20) == (facts.n_segments, facts.n_recordings, facts.n_sites)
    assert n_detections == len(heard.segment_ids)
    assert 0.3 * 8000 < n_detections < 0.7 * 8000
    assert (0, "2025-05-01") == clocked


def test_a_summary_is_timed_beside_a_scan() -> None:
    """Each size has its time, its ratio and its figures; a comparison is timed as well."""
    small, larger = bench_summary([1000, 4000], rounds=1)
    assert (1000, 4000) == (small.n_segments, larger.n_segments)
    assert small.n_detections < larger.n_detections
    assert min(small.scan_s, small.summary_s, small.n_figures) > 0
    assert bench_summary([8000], rounds=1, compared=True)[0].n_figures > 100
