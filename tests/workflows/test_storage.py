"""Moving, verifying and showing the vectors of a library: between stores, over HTTP, and after being killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import SegmentFilter, SegmentPayload
from rab.errors import Conflict, SpaceMismatch, StorageFailed
from rab.store.base import VectorStore
from rab.store.exact import ExactStore
from rab.store.qdrant_edge import QdrantEdgeStore
from rab.store.qdrant_server import QdrantServerStore
from rab.store.server_policy import ServerPolicy
from rab.workflows.ingest import ingest
from rab.workflows.storage import copy_space, migrate, payload_size, show_store, tally, verify_store
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MODEL = "birdnet-v2.4"
DIM, N = 64, 600
EVERYTHING = SegmentFilter()
HASTY = ServerPolicy(retry_waits_s=())
VECTORS = np.random.default_rng(5).standard_normal((N, DIM)).astype(np.float32)
PAYLOADS = [
    SegmentPayload(segment_id=f"{n:032x}", recording_id="r" * 64, site=f"Ä {n % 4}", snr_db=n / 7, cluster_id="c1")
    for n in range(N)
]
CARD = Make().card(name="moving", task="tests", dim=DIM)


@pytest.fixture
def server(serving_qdrant: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """A server without any collection."""
    with serving_qdrant() as running:
        yield running


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[VectorStore]:
    """A full collection in a folder."""
    store = QdrantEdgeStore.open(tmp_path / "source", CARD)
    store.upsert(VECTORS, PAYLOADS)
    yield store
    store.close()


def test_there_and_back_changes_no_byte(embedded: VectorStore, server: Any, tmp_path: Path) -> None:
    """From a folder to a server and from there to another folder: all counts, sums, payloads and vectors are equal."""
    on_server = QdrantServerStore.open(server.url, CARD, policy=HASTY)
    there = copy_space(embedded, on_server, batch=100)
    folder = QdrantEdgeStore.open(tmp_path / "back", CARD)
    back = copy_space(on_server, folder, batch=77)
    assert (N, 0, N, 0) == (there.n_copied, there.n_present, back.n_copied, back.n_present)
    assert there.source == there.target == back.source == back.target
    assert N == there.source.n_points
    assert _contents(embedded) == _contents(folder)
    on_server.close()
    folder.close()


def test_what_is_there_is_passed_over(embedded: VectorStore, server: Any) -> None:
    """A second move sends no point; one that has changed on the way is sent again."""
    target = QdrantServerStore.open(server.url, CARD, policy=HASTY)
    copy_space(embedded, target)
    n_sent = len(server.bodies("PUT", "/points"))
    assert (0, N) == _counts(copy_space(embedded, target))
    assert n_sent == len(server.bodies("PUT", "/points"))
    embedded.assign_clusters({PAYLOADS[7].segment_id: "c2"})
    assert (1, N - 1) == _counts(copy_space(embedded, target))
    target.close()


def test_a_move_that_breaks_off_goes_on(embedded: VectorStore, server: Any) -> None:
    """A server that fails in the middle keeps what it has; the next move sends the rest, and the graph is built."""
    target = QdrantServerStore.open(server.url, CARD, policy=HASTY)

    def fail(progress: Any) -> None:
        if progress.n_done == 300:
            server.faults.extend([500, 500])

    with pytest.raises(StorageFailed, match="500"):
        copy_space(embedded, target, batch=100, watch=fail)
    server.faults.clear()
    assert (300, 300) == _counts(copy_space(embedded, target, batch=100))
    assert () == target.facts().differences
    target.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from rab.domain import EmbedderCard
from rab.store.qdrant_edge import QdrantEdgeStore
from rab.store.qdrant_server import QdrantServerStore
from rab.workflows.storage import copy_space
card = EmbedderCard.model_validate_json(sys.argv[3])
def die(progress):
    if progress.n_done >= 200: os.kill(os.getpid(), signal.SIGKILL)
target = QdrantServerStore.open(sys.argv[2], card)
copy_space(QdrantEdgeStore.open(Path(sys.argv[1]), card), target, batch=100, watch=die)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_move_that_is_killed_goes_on(repo: Path, server: Any, tmp_path: Path) -> None:
    """`kill -9` leaves what was sent, and the graph switched off, which is told; the next move finishes both."""
    source = QdrantEdgeStore.open(tmp_path / "source", CARD)
    source.upsert(VECTORS, PAYLOADS)
    source.close()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "source"), server.url, CARD.model_dump_json()]
    killed = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(repo)})
    assert -signal.SIGKILL == killed.returncode
    target = QdrantServerStore.open(server.url, CARD, policy=HASTY)
    assert any("a load was broken off" in one for one in target.facts().differences)
    source = QdrantEdgeStore.open(tmp_path / "source", CARD)
    assert (400, 200) == _counts(copy_space(source, target))
    assert () == target.facts().differences
    source.close()
    target.close()


def test_a_target_with_other_points_is_refused_and_left() -> None:
    """More than the source holds is never removed."""
    source, target = _full(ExactStore(CARD), 5), _full(ExactStore(CARD), 9)
    with pytest.raises(Conflict, match=r"target holds 9 points of .* the source 5; nothing was removed"):
        copy_space(source, target)
    assert (5, 9) == (tally(source).n_points, tally(target).n_points)


def test_a_target_of_another_model_is_refused(embedded: VectorStore, tmp_path: Path) -> None:
    """The port refuses to open it, before anything is copied."""
    other = CARD.model_copy(update={"weights_sha256": "1" * 64})
    QdrantEdgeStore.open(tmp_path / "target", other).close()
    with pytest.raises(SpaceMismatch):
        copy_space(embedded, QdrantEdgeStore.open(tmp_path / "target", CARD))


class Losing(ExactStore):
    """A store that loses a point, or a bit of one, without a word."""

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store all but the last, the first one with another site."""
        changed = payloads[0].model_copy(update={"site": "elsewhere"})
        super().upsert(vectors[:-1], [changed, *payloads[1:-1]])


def test_a_loss_is_seen() -> None:
    """A missing point and another payload are counted, and the move fails."""
    with pytest.raises(StorageFailed, match=r"of 5 points of .* the target lacks 1, and 1 differ"):
        copy_space(_full(ExactStore(CARD), 5), Losing(CARD))


class Rounding(ExactStore):
    """A store that scales vectors once more, in its own arithmetic."""

    def upsert(self, vectors: npt.NDArray[np.float32], payloads: Sequence[SegmentPayload]) -> None:
        """Store vectors that differ in their last bits, and are of length 1 still."""
        super().upsert(np.nextafter(vectors, np.float32(2.0), dtype=np.float32), payloads)
        for stored in self.scan(EVERYTHING):
            stored.vector.flags.writeable = True
            stored.vector[:] = np.nextafter(stored.vector, np.float32(2.0))


def test_a_last_bit_is_no_loss() -> None:
    """Vectors that differ by less than 1e-6 are the same, though their checksums are not."""
    move = copy_space(_full(ExactStore(CARD), 5), Rounding(CARD))
    assert move.source.checksum != move.target.checksum
    assert move.source.n_points == move.target.n_points


@given(st.permutations(range(12)))
def test_a_checksum_does_not_depend_on_order(order: list[int]) -> None:
    """Whatever comes first, the sum is the same; another payload makes another sum."""
    store = ExactStore(CARD)
    store.upsert(VECTORS[order], [PAYLOADS[n] for n in order])
    straight = tally(_full(ExactStore(CARD), 12))
    assert straight == tally(store)
    store.assign_clusters({PAYLOADS[3].segment_id: None})
    assert straight != tally(store)


def test_a_library_moves_to_a_server_and_is_whole_there(workspace: Workspace, folder: Path, server: Any) -> None:
    """What was ingested is on the server afterwards, shown and verified there like at home."""
    ingest(workspace, [folder], models=[MODEL])
    (move,) = migrate(workspace, lambda card: QdrantServerStore.open(server.url, card, policy=HASTY))
    assert move.source == move.target
    (home,), (verified,) = show_store(workspace), verify_store(workspace)
    assert (move.n_copied, "embedded") == (home.facts.n_points, home.facts.engine)
    assert home.facts.disk_bytes is not None
    assert home.facts.disk_bytes > 4 * 1024 * move.n_copied
    assert verified.is_whole
    assert move.n_copied == verified.n_segments
    assert payload_size(workspace, move.model).n_bytes > 100


def test_segments_without_vectors_and_vectors_without_segments_are_counted(workspace: Workspace, folder: Path) -> None:
    """A vector that is lost and one that nobody knows are both named."""
    ingest(workspace, [folder], models=[MODEL])
    (card,) = workspace.catalog.cards()
    store = workspace.store(card)
    lost = workspace.catalog.segment_ids(card.space, EVERYTHING)[0]
    store.discard([lost])
    strange = SegmentPayload(segment_id="f" * 32, recording_id="r" * 64)
    store.upsert(np.ones((2, card.dim), dtype=np.float32)[:1], [strange])
    (found,) = verify_store(workspace)
    assert not found.is_whole
    assert ((lost,), ("f" * 32,)) == (found.without_vector, found.without_segment)
    assert (1, 1) == (found.n_without_vector, found.n_without_segment)
    assert found.n_segments == found.n_points


def _full(store: ExactStore, n: int) -> ExactStore:
    store.upsert(VECTORS[:n], PAYLOADS[:n])
    return store


def _contents(store: VectorStore) -> dict[str, tuple[SegmentPayload, bytes]]:
    return {one.payload.segment_id: (one.payload, one.vector.tobytes()) for one in store.scan(EVERYTHING)}


def _counts(move: Any) -> tuple[int, int]:
    return move.n_copied, move.n_present
