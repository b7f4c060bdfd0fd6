"""ServerPolicy: how a collection is set up on a Qdrant server or cluster, and how it is asked.

The full vectors and the payloads lie on disk; an int8 copy of each vector, a quarter of its size, stays in RAM and
leads the search, and what it proposes is compared again by the full vectors. So RAM is what a library costs
(`rab.store.plan`), and every similarity that leaves the store is exact.

Parts that only the server can change are fixed when the collection is made. They are recorded beside the embedder's
card and compared whenever it is opened; what differs is reported, never changed.

Strict mode is left off. It refuses filters on fields without an index and questions that are large, and RAB's own
filters reach into objects (`scores`, `labels`), whose every field would need an index of its own.
"""

from pydantic import Field

from rab.domain import Value


class ServerPolicy(Value):
    """What a collection is made with (down to `indexing_threshold_kb`), and what each search asks for."""

    shard_number: int = Field(default=1, ge=1)
    """Parts that the collection is cut into, spread over the nodes. Fixed for good on an open-source server."""
    replication_factor: int = Field(default=1, ge=1)
    """Copies of each shard, each on a node of its own."""
    write_consistency_factor: int = Field(default=1, ge=1)
    """Copies that must have a write before it counts as done."""
    hnsw_m: int = Field(default=16, ge=4, le=128)
    """Links of a point in the graph, twice as many on its lowest layer; 16 is Qdrant's default."""
    hnsw_ef_construct: int = Field(default=128, ge=4)
    """Candidates looked at for each point while the graph is built; Qdrant's default is 100."""
    quantile: float = Field(default=0.99, ge=0.5, le=1.0)
    """Share of components inside the int8 range; the rest is clipped (Qdrant's guide to scalar quantisation)."""
    indexing_threshold_kb: int = Field(default=20_000, ge=1)
    """Vectors of a part beyond which it gets a graph: 20 MB, 5,000 vectors of 1,024 dimensions."""

    exact_up_to: int = Field(default=50_000, ge=0)
    """Points up to which every vector is compared: 18 ms for 1,024 dimensions, at the 36 ms per 100,000 that Qdrant's
    engine takes on one machine."""
    ef_search: int = Field(default=256, ge=1)
    """Candidates that a search of the graph keeps, at least."""
    oversampling: float = Field(default=3.0, ge=1.0)
    """How many times as many candidates the int8 copies propose as the full vectors then choose from."""
    retry_waits_s: tuple[float, ...] = (0.2, 1.0, 3.0)
    """Waits before a request is repeated that nobody answered: as long as a node takes to hand over to another."""
