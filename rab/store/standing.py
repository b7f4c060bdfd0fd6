"""What some stores can do beside the port, for whoever looks after them: say how they stand, and take in a great load.

A workflow asks `isinstance(store, Described)`: a store in memory has nothing to say, and the port stays as small.
"""

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from rab.domain import Value


class StoreFacts(Value):
    """How a collection stands. What its engine does not tell is None."""

    engine: str
    """`embedded` or the server's address."""
    n_points: int
    n_indexed: int | None = None
    """Vectors that the search graph holds; the others are compared one by one."""
    disk_bytes: int | None = None
    quantisation: str | None = None
    indexes: tuple[str, ...] = ()
    """Payload fields that have an index."""
    shard_number: int | None = None
    replication_factor: int | None = None
    differences: tuple[str, ...] = ()
    """What the collection was set up with otherwise than is asked for now, one sentence each."""


@runtime_checkable
class Described(Protocol):
    """A store that can say how it stands."""

    def facts(self) -> StoreFacts:
        """Return how the collection stands now."""
        ...


@runtime_checkable
class Counted(Protocol):
    """A store that knows how many points it has without going through them."""

    def n_points(self) -> int:
        """Return how many points there are."""
        ...


@runtime_checkable
class LoadedInBulk(Protocol):
    """A store that indexes by itself, and had better wait with that while very much comes in."""

    def loading(self) -> AbstractContextManager[None]:
        """Index nothing until the block ends, however it ends."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A store that gets faster by itself, after it was filled or opened."""

    def settle(self) -> None:
        """Wait until it has. Searches need not: they are right at any time."""
        ...
