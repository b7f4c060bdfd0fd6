"""Qdrant Edge: one owner, one embedder, nothing lost, every failure translated."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload, point_id
from rab.errors import HomeLocked, RabError, SpaceMismatch, StorageFailed
from rab.store.qdrant_edge import QdrantEdgeStore

EVERYTHING = SegmentFilter()
ONE = SegmentPayload(segment_id="s1", recording_id="r")
AXIS = np.eye(1, 8, dtype=np.float32)

OPENER = """
import sys
from pathlib import Path
import numpy as np
from rab.domain import EmbedderCard, SegmentPayload
from rab.store.qdrant_edge import QdrantEdgeStore
folder = Path(sys.argv[1])
card = EmbedderCard.model_validate_json(sys.argv[2])
"""
WRITER = """
store = QdrantEdgeStore.open(folder, card)
for n in range(10_000):
    ids = [f"{n}-{m}" for m in range(20)]
    store.upsert(np.ones((20, card.dim), np.float32), [SegmentPayload(segment_id=i, recording_id="r") for i in ids])
    store.assign_clusters(dict.fromkeys(ids, "c0"))
    print(n, flush=True)
"""


def command(script: str, folder: Path, card: EmbedderCard) -> list[str]:
    """Return the command line of another process."""
    return [sys.executable, "-c", OPENER + script, str(folder), card.model_dump_json()]


def test_a_collection_open_in_another_process_is_refused(tmp_path: Path, card: EmbedderCard) -> None:
    """The other process is told that somebody has the folder open, and gets it once that is closed."""
    store = QdrantEdgeStore.open(tmp_path / "space", card)
    script = """
try:
    QdrantEdgeStore.open(folder, card).close()
except Exception as error:
    print(type(error).__name__, error)
"""
    refused = subprocess.run(command(script, tmp_path / "space", card), capture_output=True, text=True, check=True)
    assert refused.stdout.startswith(f"HomeLocked the vectors in {tmp_path / 'space'} are open already")
    store.close()
    granted = subprocess.run(command(script, tmp_path / "space", card), capture_output=True, text=True, check=True)
    assert granted.stdout == ""


def test_a_collection_open_in_this_process_is_refused(tmp_path: Path, card: EmbedderCard) -> None:
    """A second opening is refused here too, and leaves the first one working."""
    store = QdrantEdgeStore.open(tmp_path, card)
    with pytest.raises(HomeLocked, match="open already"):
        QdrantEdgeStore.open(tmp_path, card)
    store.upsert(AXIS, [ONE])
    assert store.fetch(["s1"])["s1"].payload == ONE
    store.close()


def test_kill_9_loses_nothing_that_was_stored(tmp_path: Path, card: EmbedderCard) -> None:
    """A writer is killed while it writes: every batch that it had finished is there, clusters and all."""
    with subprocess.Popen(command(WRITER, tmp_path, card), stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        done = [int(writer.stdout.readline()) for _ in range(5)]
        writer.kill()
        done += [int(line) for line in writer.stdout]
    store = QdrantEdgeStore.open(tmp_path, card)
    found = {stored.payload.segment_id for stored in store.scan(SegmentFilter(cluster_ids=("c0",)))}
    assert {f"{n}-{m}" for n in done for m in range(20)} <= found
    store.upsert(AXIS, [ONE])
    assert store.fetch(["s1"]).keys() == {"s1"}
    store.close()


def test_kill_9_leaves_a_sketch_that_mirrors_what_was_stored(tmp_path: Path, card: EmbedderCard) -> None:
    """A writer with a sketch is killed while it writes: the next one searches through it and finds all there is."""
    sketched = WRITER.replace("(folder, card)", "(folder, card, sketch_from=40)")
    with subprocess.Popen(command(sketched, tmp_path, card), stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        while not (tmp_path / "current.json").exists():
            assert writer.stdout.readline()
        for _ in range(5):
            assert writer.stdout.readline()
        writer.kill()
        writer.stdout.read()
    store = QdrantEdgeStore.open(tmp_path, card, sketch_from=40)
    store.settle()
    assert store.is_sketched
    everything = [stored.payload.segment_id for stored in store.scan(SegmentFilter(cluster_ids=("c0",)))]
    hits = store.search(np.ones(card.dim, np.float32), 5000, SegmentFilter(cluster_ids=("c0",)))
    assert sorted(everything) == [hit.segment_id for hit in hits]
    few = store.search(np.ones(card.dim, np.float32), 5, SegmentFilter())
    assert sorted(stored.payload.segment_id for stored in store.scan(EVERYTHING))[:5] == [hit.segment_id for hit in few]
    store.close()


def test_vectors_of_another_embedder_are_refused(tmp_path: Path, card: EmbedderCard) -> None:
    """The error names both embedders, and the collection is left as it was."""
    QdrantEdgeStore.open(tmp_path, card).close()
    other = card.model_copy(update={"weights_sha256": "1" * 64})
    with pytest.raises(SpaceMismatch) as refused:
        QdrantEdgeStore.open(tmp_path, other)
    assert card.fingerprint in refused.value.message
    assert other.fingerprint in refused.value.message
    with pytest.raises(SpaceMismatch, match="16 dimensions"):
        QdrantEdgeStore.open(tmp_path, card.model_copy(update={"dim": 16}))
    QdrantEdgeStore.open(tmp_path, card).close()


def test_a_card_may_change_its_words(tmp_path: Path, card: EmbedderCard) -> None:
    """A new citation is the same embedding space; the collection keeps the card that filled it."""
    QdrantEdgeStore.open(tmp_path, card).close()
    store = QdrantEdgeStore.open(tmp_path, card.model_copy(update={"citation": "another"}))
    assert store.card == card
    store.close()


def test_a_making_cut_short_is_made_anew(tmp_path: Path, card: EmbedderCard) -> None:
    """A shard half made, by a process that died, is thrown away when the collection is opened."""
    (tmp_path / "shard.new" / "segments").mkdir(parents=True)
    (tmp_path / "shard.new" / "edge_config.json").write_text("{")
    (tmp_path / "card.json.new").write_text("{")
    store = QdrantEdgeStore.open(tmp_path, card)
    store.upsert(AXIS, [ONE])
    assert {path.name for path in tmp_path.iterdir()} == {"card.json", "shard"}
    store.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "card.json").write_text("{"), "is no embedder card"),
        (lambda folder: (folder / "card.json").unlink(), "no card.json"),
        (lambda folder: (folder / "shard" / "edge_config.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "shard" / "wal" / "open-1").write_bytes(b"\xff" * 999), "cannot be used"),
        (lambda folder: next((folder / "shard").rglob("segment.json")).write_text("x"), "cannot be used"),
        (lambda folder: next((folder / "shard").rglob("vectors/status.dat")).write_bytes(b""), "cannot be used"),
    ],
    ids=["card", "no card", "configuration", "log", "segment", "panic"],
)
def test_a_damaged_folder_is_named(
    tmp_path: Path, card: EmbedderCard, damage: Callable[[Path], object], words: str
) -> None:
    """Whatever file is broken, the error names the folder and what to do."""
    store = QdrantEdgeStore.open(tmp_path, card)
    store.upsert(AXIS, [ONE])
    store.close()
    damage(tmp_path)
    with pytest.raises(StorageFailed, match=words) as failed:
        QdrantEdgeStore.open(tmp_path, card)
    assert str(tmp_path) in failed.value.message


def test_a_point_of_another_program_is_named(tmp_path: Path, card: EmbedderCard) -> None:
    """A payload without RAB's fields is told from an empty answer."""
    QdrantEdgeStore.open(tmp_path, card).close()
    shard = qdrant_edge.EdgeShard.load(str(tmp_path / "shard"))
    stranger = qdrant_edge.Point(point_id("s1"), AXIS[0].tolist(), {"colour": "red"})
    shard.update(qdrant_edge.UpdateOperation.upsert_points([stranger]))
    shard.close()
    store = QdrantEdgeStore.open(tmp_path, card)
    for call in (
        lambda: list(store.scan(EVERYTHING)),
        lambda: store.search(AXIS[0], 1, EVERYTHING),
        lambda: store.assign_clusters({"s1": "c0"}),
    ):
        with pytest.raises(StorageFailed, match="not as RAB stores them"):
            call()
    store.close()


def test_a_disk_almost_full_is_not_written_to(
    tmp_path: Path, card: EmbedderCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine would die of a full disk, so it is not asked; what is stored stays readable."""
    store = QdrantEdgeStore.open(tmp_path / "space", card)
    store.upsert(AXIS, [ONE])
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200 * 2**20))
    for call in (
        lambda: store.upsert(AXIS, [ONE]),
        lambda: store.assign_clusters({"s1": "c0"}),
        lambda: QdrantEdgeStore.open(tmp_path / "another", card),
    ):
        with pytest.raises(StorageFailed, match="only 200 MiB are free"):
            call()
    assert store.fetch(["s1"])["s1"].payload == ONE
    store.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, card: EmbedderCard) -> None:
    """A file where the folder should stand is the disk's refusal, not a crash."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used"):
        QdrantEdgeStore.open(tmp_path / "file" / "space", card)


def test_a_closed_store_says_so(tmp_path: Path, card: EmbedderCard) -> None:
    """Every method of a closed store raises one of RAB's errors."""
    store = QdrantEdgeStore.open(tmp_path, card)
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.upsert(AXIS, [ONE]),
        lambda: store.search(AXIS[0], 1, EVERYTHING),
        lambda: store.fetch(["s1"]),
        lambda: list(store.scan(EVERYTHING)),
        lambda: store.assign_clusters({"s1": "c0"}),
    ]
    for call in calls:
        with pytest.raises(RabError):
            call()


def test_the_engine_has_no_exceptions_of_its_own() -> None:
    """Qdrant Edge raises bare `Exception`; a version with classes of its own needs another translation."""
    own = [
        name for name, thing in vars(qdrant_edge).items() if isinstance(thing, type) and issubclass(thing, Exception)
    ]
    assert own == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped")
def test_what_was_stored_does_not_stay_in_memory(tmp_path: Path, card: EmbedderCard) -> None:
    """Of 40 MiB of vectors hardly any stays mapped, and all of them are found again."""
    wide = card.model_copy(update={"dim": 1024})
    store = QdrantEdgeStore.open(tmp_path / "wide", wide)
    rng = np.random.default_rng(3)
    grown = []
    for start in range(0, 10_240, 512):
        segments = [f"{number:032x}" for number in range(start, start + 512)]
        vectors = rng.standard_normal((512, 1024), dtype=np.float32)
        store.upsert(vectors, [SegmentPayload(segment_id=one, recording_id="a" * 64) for one in segments])
        grown.append(mapped_mib(tmp_path))
    assert grown[-1] - grown[1] < 10
    assert [segments[-1]] == [hit.segment_id for hit in store.search(vectors[-1], 1, SegmentFilter())]
    store.close()


def mapped_mib(folder: Path) -> float:
    """Return how much of the files below a folder stands in this process's memory."""
    n_kib, inside = 0, False
    for line in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = str(folder) in line
        elif inside and line.startswith("Rss:"):
            n_kib += int(line.split()[1])
    return n_kib / 1024
