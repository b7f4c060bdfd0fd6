"""Storage: where the vectors of a library live, whether they are whole, and how they move to another place.

A move copies and never takes away: the source is only read. What the target holds already, byte for byte, is passed
over, so a move that was killed at any moment goes on when it is started again, and keeps no notes that could be wrong.
At the end both sides are read through and compared: how many points, and one checksum of all of them that does not
depend on their order.

A unit vector keeps its bytes on the way: Qdrant normalises what it stores, and leaves alone what is of length 1 within
1e-6. Scaling 100,000 vectors of 64 dimensions that were scaled already changed none; of 8 dimensions, 0.9 % in their
last bit. So where the checksums differ, the points are compared one by one, vectors to 1e-6, before a move is refused.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from rab.domain import EmbedderCard, SegmentFilter, Value, canonical_json, point_id
from rab.errors import Conflict, StorageFailed
from rab.store.base import StoredVector, VectorStore
from rab.store.plan import PayloadSize, measure_payloads, plan_store
from rab.store.standing import Counted, Described, LoadedInBulk, StoreFacts
from rab.workflows.workspace import Workspace

_EVERYTHING = SegmentFilter()
_PAGE = 1_024
_TOLERANCE = 1e-6
_N_SHOWN = 5
_N_MEASURED = 2_000

Item = TypeVar("Item")


class Tally(Value):
    """What a collection holds: how many points, and the sum, modulo 2⁶⁴, of a hash of each."""

    n_points: int
    checksum: str
    """Sixteen hexadecimal characters."""


class SpaceMove(Value):
    """What became of one embedding space in a move."""

    model: str
    space: str
    n_copied: int
    n_present: int
    """Points that the target had already, the same in every byte."""
    source: Tally
    target: Tally


@dataclass(frozen=True)
class MoveProgress:
    """Where a move stands."""

    model: str
    stage: str
    n_done: int
    n_points: int


Watch = Callable[[MoveProgress], None]


class SpaceShown(Value):
    """How one embedding space is stored."""

    model: str
    space: str
    dim: int
    facts: StoreFacts
    server_ram_bytes: int
    """What its vectors would take of a server's RAM (`rab.store.plan`)."""


class SpaceVerified(Value):
    """Whether catalog and store agree about one embedding space."""

    model: str
    space: str
    n_segments: int
    n_points: int
    n_without_vector: int
    n_without_segment: int
    without_vector: tuple[str, ...] = ()
    """Some of them."""
    without_segment: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every segment has its vector and every vector its segment."""
        return self.n_without_vector == 0 == self.n_without_segment


def cards_of(workspace: Workspace, models: Sequence[str] = ()) -> list[EmbedderCard]:
    """Return the cards of the models named, or of all that filled the library. Raises `NotFound`."""
    return [workspace.card(key) for key in models] if models else workspace.catalog.cards()


def migrate(
    workspace: Workspace,
    open_target: Callable[[EmbedderCard], VectorStore],
    *,
    models: Sequence[str] = (),
    batch: int = _PAGE,
    watch: Watch = lambda _: None,
) -> tuple[SpaceMove, ...]:
    """Copy embedding spaces from the library's store to the one that `open_target` opens, and verify each.

    Raises `SpaceMismatch` where the target was filled by another model, `Conflict` where it holds points that the
    source does not, `StorageFailed` where the two are not the same afterwards, `Unavailable` where a server is gone.
    """
    moves = []
    for card in cards_of(workspace, models):
        source = workspace.store(card)
        target = open_target(card)
        try:
            n_expected = workspace.catalog.library_facts(card.space, _EVERYTHING).n_segments
            moves.append(copy_space(source, target, batch=batch, n_expected=n_expected, watch=watch))
        finally:
            target.close()
    return tuple(moves)


def copy_space(
    source: VectorStore,
    target: VectorStore,
    *,
    batch: int = _PAGE,
    n_expected: int = 0,
    watch: Watch = lambda _: None,
) -> SpaceMove:
    """Copy what `target` lacks of `source`, `batch` points at a time, and verify that they hold the same.

    `n_expected` is what `watch` is told of the number of points.
    """
    model = source.card.key
    n_copied = n_present = 0
    with target.loading() if isinstance(target, LoadedInBulk) else nullcontext():
        for page in _pages(source.scan(_EVERYTHING), batch):
            there = target.fetch([one.payload.segment_id for one in page])
            new = [one for one in page if not _same_bytes(one, there.get(one.payload.segment_id))]
            if new:
                target.upsert(np.stack([one.vector for one in new]), [one.payload for one in new])
            n_copied, n_present = n_copied + len(new), n_present + len(page) - len(new)
            watch(MoveProgress(model, "copied", n_copied + n_present, n_expected))
    tallies = [
        tally(store, lambda n: watch(MoveProgress(model, "verified", n, n_expected))) for store in (source, target)
    ]
    _require_same(source, target, *tallies)
    return SpaceMove(
        model=model,
        space=source.card.space,
        n_copied=n_copied,
        n_present=n_present,
        source=tallies[0],
        target=tallies[1],
    )


def tally(store: VectorStore, watch: Callable[[int], None] = lambda _: None) -> Tally:
    """Count the points of a collection, and add up their hashes in whatever order they come."""
    n_points = total = 0
    for page in _pages(store.scan(_EVERYTHING), _PAGE):
        total = (total + sum(struct.unpack("<Q", _digest(one))[0] for one in page)) % 2**64
        n_points += len(page)
        watch(n_points)
    return Tally(n_points=n_points, checksum=f"{total:016x}")


def verify_store(workspace: Workspace, *, models: Sequence[str] = ()) -> tuple[SpaceVerified, ...]:
    """Compare what the catalog says was embedded with what the store holds."""
    return tuple(_verified(workspace, card) for card in cards_of(workspace, models))


def show_store(workspace: Workspace, *, models: Sequence[str] = ()) -> tuple[SpaceShown, ...]:
    """Return how each embedding space is stored."""
    return tuple(_shown(workspace, card) for card in cards_of(workspace, models))


def payload_size(workspace: Workspace, model: str) -> PayloadSize:
    """Return what the payloads of a model's segments take, by the first 2,000."""
    stored = workspace.store(workspace.card(model)).scan(_EVERYTHING)
    return measure_payloads(one.payload for one in islice(stored, _N_MEASURED))


def _digest(stored: StoredVector) -> bytes:
    of_point = blake2b(point_id(stored.payload.segment_id).encode(), digest_size=8)
    of_point.update(canonical_json(stored.payload))
    of_point.update(stored.vector.astype("<f4").tobytes())
    return of_point.digest()


def _same_bytes(one: StoredVector, other: StoredVector | None) -> bool:
    return other is not None and one.payload == other.payload and one.vector.tobytes() == other.vector.tobytes()


def _pages(items: Iterable[Item], n: int) -> Iterator[list[Item]]:
    left = iter(items)
    while page := list(islice(left, n)):
        yield page


def _require_same(source: VectorStore, target: VectorStore, ours: Tally, theirs: Tally) -> None:
    """Raise where two collections do not hold the same; vectors that differ by no more than 1e-6 are the same."""
    if ours == theirs:
        return
    space = source.card.space
    if theirs.n_points > ours.n_points:
        raise Conflict(
            f"the target holds {theirs.n_points} points of {space}, the source {ours.n_points}; nothing was removed",
            hint="move to an empty target, or use the target if it is the newer one",
        )
    n_missing = n_other = 0
    for page in _pages(source.scan(_EVERYTHING), _PAGE):
        there = target.fetch([one.payload.segment_id for one in page])
        n_missing += len(page) - len(there)
        n_other += sum(not _alike(one, there.get(one.payload.segment_id, one)) for one in page)
    if n_missing or n_other:
        raise StorageFailed(
            f"of {ours.n_points} points of {space} the target lacks {n_missing}, and {n_other} differ",
            hint="run the same command again, while nothing else writes to either side; the source is as it was",
        )


def _alike(one: StoredVector, other: StoredVector) -> bool:
    return one.payload == other.payload and bool(np.abs(one.vector - other.vector).max() <= _TOLERANCE)


def _verified(workspace: Workspace, card: EmbedderCard) -> SpaceVerified:
    known = set(workspace.catalog.segment_ids(card.space, _EVERYTHING))
    stored = {one.payload.segment_id for one in workspace.store(card).scan(_EVERYTHING)}
    without_vector, without_segment = sorted(known - stored), sorted(stored - known)
    return SpaceVerified(
        model=card.key,
        space=card.space,
        n_segments=len(known),
        n_points=len(stored),
        n_without_vector=len(without_vector),
        n_without_segment=len(without_segment),
        without_vector=tuple(without_vector[:_N_SHOWN]),
        without_segment=tuple(without_segment[:_N_SHOWN]),
    )


def _shown(workspace: Workspace, card: EmbedderCard) -> SpaceShown:
    facts = _facts(workspace.store(card), workspace.home / "vectors" / card.space)
    return SpaceShown(
        model=card.key,
        space=card.space,
        dim=card.dim,
        facts=facts,
        server_ram_bytes=plan_store(facts.n_points, card.dim).ram_bytes,
    )


def _facts(store: VectorStore, folder: Path) -> StoreFacts:
    if isinstance(store, Described):
        return store.facts()
    n_points = store.n_points() if isinstance(store, Counted) else sum(1 for _ in store.scan(_EVERYTHING))
    n_bytes = sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
    return StoreFacts(engine="embedded", n_points=n_points, disk_bytes=n_bytes)
