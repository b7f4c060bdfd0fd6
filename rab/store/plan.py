"""What a library costs on a Qdrant cluster: RAM, disk, shards and nodes, computed from how many segments it holds.

Set up as `ServerPolicy` says, a point keeps in RAM its int8 vector, its links in the search graph and its entries in
the payload indexes, and on disk all of that again, the full vector and the payload. Qdrant's guide to capacity planning
multiplies what is counted by 1.5, "metadata (such as indexes and point versions) and temporary segments created during
optimization" (qdrant.tech/documentation/guides/capacity-planning), for vectors and payloads alike. Links and index
entries are counted here by themselves and multiplied too, so a plan errs towards a larger machine: 1,000,000 segments
of 1,024 dimensions come to 2.3 GB of RAM, where n · dim · 4 · 1.5 ÷ 4 for the quantised vectors alone gives 1.5 GB.
"""

import math
from collections.abc import Iterable

from pydantic import Field

from rab.domain import SegmentPayload, Value
from rab.store.server_policy import ServerPolicy

_RESERVE = 1.5
"""Metadata and temporary segments (Qdrant, Capacity Planning)."""
_FLOAT_BYTES = 4
_LINK_BYTES = 4
_ID_BYTES = 32
"""A UUID (16), its version (8), and the number that stands for it, there and back (2 · 4)."""
_KEYWORD_BYTES = 8
"""A number in the value's list of points, and one in the point's list of values."""
_NUMBER_BYTES = 24
"""A value (8) and a point (4), once in the order of values and once in the order of points."""
_GB = 10**9
_HOUR_MS = 3_600_000


class PayloadSize(Value):
    """What the payload of a segment takes on average."""

    n_bytes: float = Field(ge=0)
    """As JSON without spaces."""
    n_keywords: float = Field(ge=0)
    """Entries in indexes of words and flags: site, recording, taxa, scores, labels and the like."""
    n_numbers: float = Field(ge=0)
    """Entries in indexes of numbers and times."""

    @property
    def index_bytes(self) -> float:
        """RAM of the payload's index entries."""
        return _KEYWORD_BYTES * self.n_keywords + _NUMBER_BYTES * self.n_numbers


USUAL_PAYLOAD = PayloadSize(n_bytes=546.0, n_keywords=7.9, n_numbers=6.0)
"""Measured on 245 segments with site, place, clock, three scores and a cluster. 2,000 segments without site and clock
took 409 bytes, 6.7 and 0.9; `measure_payloads` on one's own library says it better."""


class Hardware(Value):
    """A node of the cluster."""

    ram_bytes: int = Field(default=32 * _GB, gt=0)
    usable_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the RAM that may be planned with; the rest is the system's, the page cache's and the requests'."""
    max_points_per_shard: int = Field(default=20_000_000, ge=1)
    """A shard is moved, restored and optimised as one piece: 20,000,000 points of 1,024 dimensions take 185 GB of disk.
    """


class StorePlan(Value):
    """What a number of segments needs. Bytes are of the whole cluster, copies included."""

    n_segments: int
    hours: float | None = None
    dim: int
    ram_bytes: int
    disk_bytes: int
    n_shards: int
    n_nodes: int
    replication_factor: int


def segments_of(hours: float, *, window_ms: float = 3000.0, overlap_fraction: float = 0.0) -> int:
    """Return how many segments `hours` of sound are cut into: one every window · (1 − overlap)."""
    return math.ceil(hours * _HOUR_MS / (window_ms * (1 - overlap_fraction)))


def point_ram_bytes(dim: int, payload: PayloadSize, policy: ServerPolicy) -> float:
    """Return the RAM of one point: `dim` bytes of int8, links, id and index entries, and half as much again."""
    return _RESERVE * (dim + _graph_bytes(policy) + _ID_BYTES + payload.index_bytes)


def point_disk_bytes(dim: int, payload: PayloadSize, policy: ServerPolicy) -> float:
    """Return the disk of one point: the float32 vector, the payload, and all that RAM holds, and half as much again."""
    return point_ram_bytes(dim, payload, policy) + _RESERVE * (_FLOAT_BYTES * dim + payload.n_bytes)


def plan_store(
    n_segments: int,
    dim: int,
    *,
    payload: PayloadSize = USUAL_PAYLOAD,
    policy: ServerPolicy | None = None,
    node: Hardware | None = None,
    hours: float | None = None,
) -> StorePlan:
    """Return what a library of `n_segments` vectors of `dim` dimensions needs.

    There are as many nodes as the RAM asks for, and no fewer than copies. Shards are a multiple of the nodes, so that
    each carries the same load, and so many that none holds more than `node.max_points_per_shard`.
    """
    policy, node = policy or ServerPolicy(), node or Hardware()
    n_copies = n_segments * policy.replication_factor
    ram_bytes = math.ceil(n_copies * point_ram_bytes(dim, payload, policy))
    n_nodes = max(policy.replication_factor, math.ceil(ram_bytes / (node.ram_bytes * node.usable_fraction)), 1)
    per_node = max(1, math.ceil(n_segments / node.max_points_per_shard / n_nodes))
    return StorePlan(
        n_segments=n_segments,
        hours=hours,
        dim=dim,
        ram_bytes=ram_bytes,
        disk_bytes=math.ceil(n_copies * point_disk_bytes(dim, payload, policy)),
        n_shards=n_nodes * per_node,
        n_nodes=n_nodes,
        replication_factor=policy.replication_factor,
    )


def measure_payloads(payloads: Iterable[SegmentPayload]) -> PayloadSize:
    """Return the mean size of payloads as they are stored; `USUAL_PAYLOAD` where there are none."""
    sizes = [
        (len(one.model_dump_json(exclude_none=True).encode()), _n_keywords(one), _n_numbers(one)) for one in payloads
    ]
    if not sizes:
        return USUAL_PAYLOAD
    n_bytes, n_keywords, n_numbers = (round(sum(column) / len(sizes), 1) for column in zip(*sizes, strict=True))
    return PayloadSize(n_bytes=n_bytes, n_keywords=n_keywords, n_numbers=n_numbers)


def _graph_bytes(policy: ServerPolicy) -> int:
    """Return the bytes of a point's links.

    There are 2 · m on the lowest layer (Malkov & Yashunin 2018: M_max0 = 2 · M), and as many again for those that
    Qdrant adds along payload indexes. The layers above hold one point in m and go with the reserve.
    """
    return 2 * 2 * policy.hnsw_m * _LINK_BYTES


def _n_keywords(payload: SegmentPayload) -> int:
    named = (payload.site, payload.habitat, payload.recording_id, payload.cluster_id)
    in_lists = len(payload.taxa) + len(payload.scores) + 2 * len(payload.labels)
    return sum(one is not None for one in named) + in_lists + 1  # 1: `human_voice` is always said


def _n_numbers(payload: SegmentPayload) -> int:
    numbers = (
        payload.local_hour,
        payload.month_day,
        payload.heard_at,
        payload.snr_db,
        payload.lat_deg,
        payload.lon_deg,
    )
    return sum(one is not None for one in numbers)
