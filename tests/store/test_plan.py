"""A plan, held against sums done by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import SegmentPayload
from rab.domain.filter import GivenLabel, ScoredTaxon
from rab.store.plan import (
    USUAL_PAYLOAD,
    Hardware,
    PayloadSize,
    measure_payloads,
    plan_store,
    point_disk_bytes,
    point_ram_bytes,
    segments_of,
)
from rab.store.server_policy import ServerPolicy

PAYLOAD = PayloadSize(n_bytes=700, n_keywords=10, n_numbers=5)
POLICY = ServerPolicy()
GB = 10**9


@pytest.mark.parametrize(
    ("hours", "window_ms", "overlap_fraction", "expected"),
    [(1, 3000, 0, 1200), (10, 3000, 0.5, 24_000), (1_000_000, 5000, 0, 720_000_000), (0, 3000, 0, 0)],
)
def test_hours_become_segments(hours: float, window_ms: float, overlap_fraction: float, expected: int) -> None:
    """3,600 s are 1,200 windows of 3 s; half overlapped, twice as many."""
    assert expected == segments_of(hours, window_ms=window_ms, overlap_fraction=overlap_fraction)


def test_the_ram_of_a_point() -> None:
    """1.5 · (1,024 of int8 + 2 · 2 · 16 links of 4 + id 32 + 10 words of 8 + 5 numbers of 24) = 1.5 · 1,512 = 2,268."""
    assert 2268 == point_ram_bytes(1024, PAYLOAD, POLICY)


def test_the_disk_of_a_point() -> None:
    """2,268 as in RAM + 1.5 · (4 · 1,024 + 700) = 2,268 + 7,194 = 9,462."""
    assert 9462 == point_disk_bytes(1024, PAYLOAD, POLICY)


def test_links_grow_with_m() -> None:
    """Twice the links, 256 bytes more, 384 with the reserve."""
    more = point_ram_bytes(1024, PAYLOAD, ServerPolicy(hnsw_m=32))
    assert 384 == more - point_ram_bytes(1024, PAYLOAD, POLICY)


def test_a_million_fit_one_node() -> None:
    """2.268 GB of RAM and 9.462 GB of disk: one shard on one node of 32 GB."""
    plan = plan_store(1_000_000, 1024, payload=PAYLOAD)
    assert (2_268_000_000, 9_462_000_000, 1, 1) == (plan.ram_bytes, plan.disk_bytes, plan.n_shards, plan.n_nodes)


def test_copies_multiply_bytes_and_stand_apart() -> None:
    """Two copies of a million: twice the bytes, and two nodes though one would hold them."""
    plan = plan_store(1_000_000, 1024, payload=PAYLOAD, policy=ServerPolicy(replication_factor=2))
    assert (4_536_000_000, 18_924_000_000, 2, 2) == (plan.ram_bytes, plan.disk_bytes, plan.n_shards, plan.n_nodes)


def test_nodes_and_shards_of_a_hundred_million() -> None:
    """226.8 GB ÷ (64 · 0.8 = 51.2) are 4.43, so 5 nodes; 20,000,000 points to each are one shard; of 9,000,000, 3."""
    node = Hardware(ram_bytes=64 * GB)
    plan = plan_store(100_000_000, 1024, payload=PAYLOAD, node=node)
    assert (5, 5) == (plan.n_nodes, plan.n_shards)
    small = node.model_copy(update={"max_points_per_shard": 9_000_000})
    assert 15 == plan_store(100_000_000, 1024, payload=PAYLOAD, node=small).n_shards


@given(st.integers(0, 2 * 10**9), st.integers(1, 4096), st.integers(1, 5), st.integers(1, 512))
def test_every_plan_holds_what_it_plans(n: int, dim: int, replicas: int, ram_gb: int) -> None:
    """The nodes have the RAM, shards are shared out evenly, none is too large, and copies have nodes of their own."""
    node = Hardware(ram_bytes=ram_gb * GB)
    plan = plan_store(n, dim, policy=ServerPolicy(replication_factor=replicas), node=node)
    assert plan.ram_bytes <= plan.n_nodes * node.ram_bytes * node.usable_fraction
    assert 0 == plan.n_shards % plan.n_nodes
    assert n <= plan.n_shards * node.max_points_per_shard
    assert replicas <= plan.n_nodes


def test_payloads_are_measured_as_they_are_stored() -> None:
    """Bytes of JSON without what is None; a word in an index for each that a filter may ask for, a number likewise."""
    bare = SegmentPayload(segment_id="a", recording_id="b")
    full = SegmentPayload(
        segment_id="a",
        recording_id="b",
        site="s",
        taxa=("x", "y"),
        scores=(ScoredTaxon(taxon="x", raw_score=0.5),),
        labels=(GivenLabel(name="x", source="human"),),
        snr_db=3.0,
        local_hour=4,
    )
    size = measure_payloads([bare, full])
    n_bytes = sum(len(one.model_dump_json(exclude_none=True)) for one in (bare, full)) / 2
    assert (n_bytes, (2 + 8) / 2, (0 + 2) / 2) == (size.n_bytes, size.n_keywords, size.n_numbers)


def test_an_empty_library_is_planned_by_the_usual_payload() -> None:
    """Where nothing can be measured, what was measured elsewhere stands in."""
    assert USUAL_PAYLOAD == measure_payloads([])
