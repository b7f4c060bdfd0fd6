"""How long a library of a given size takes to answer: whole Evidence Packs, timed one by one.

The library is grown from real recordings, ingested and clustered as a user's would be. Every recording is then copied
under other names, twenty times end to end in each, until there are enough segments: a copy keeps what was measured and
named, its vector is turned by a random angle of 15° or so, which is less than what parts two calls of one species, and
it belongs to the cluster of the segment that it was copied from. So clusters, names and nearby calls grow as they would
with more of the same place, and nothing is as easy as random vectors would be.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab import __version__
from rab.domain import Recording, SegmentFilter, StoredSegment, content_id, segment_id
from rab.domain.value import Value
from rab.errors import InputError
from rab.evals.bench import OpenLibrary
from rab.evals.race import machine, settled_heap
from rab.store.standing import Settling
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import ingest
from rab.workflows.payloads import segment_payload
from rab.workflows.questions import evidence
from rab.workflows.reranking import reranker_in_use, switch_off, train_reranker
from rab.workflows.workspace import Workspace

_REPEATS = 20
_N_UPSERTED = 4000
_TURN = 0.27
"""Length of the random vector that is added to a unit vector: tan 15°."""
EVERYTHING = SegmentFilter()


class EvidenceRun(Value):
    """How long packs took, in ms: half of them at most `p50_ms`, 95 of 100 at most `p95_ms`."""

    n_segments: int
    order: str
    """How neighbours are put into order: by cosine, or by which reranker."""
    n_packs: int
    p50_ms: float
    p95_ms: float
    slowest_ms: float
    first_ms: float
    """The first one, with the collection opened and the caches cold."""
    machine: str
    code_version: str


def bench_evidence(
    open_library: OpenLibrary, paths: Sequence[Path], key: str, *, n_segments: int, n_packs: int, seed: int = 20260101
) -> tuple[EvidenceRun, ...]:
    """Fill a library from recordings, and time packs in the order that it learned, if it did, and in cosine's.

    The reranker is learned from what was really heard, before the copies are made. The library is opened anew before
    packs are timed, with its index ready.
    """
    with TemporaryDirectory(prefix="rab-bench-") as folder:
        home = Path(folder) / "home"
        with open_library(home) as workspace:
            ingest(workspace, paths, models=(key,))
            cluster_library(workspace, model=key)
            with suppress(InputError):  # too little to learn from
                train_reranker(workspace, model=key)
            grow(workspace, key, n_segments, seed=seed)
            store = workspace.store(workspace.card(key))
            if isinstance(store, Settling):
                store.settle()
        with open_library(home) as workspace:
            runs = [time_packs(workspace, key, n_packs=n_packs, seed=seed)]
            if reranker_in_use(workspace, workspace.card(key)) is not None:
                switch_off(workspace, model=key)
                runs.append(time_packs(workspace, key, n_packs=n_packs, seed=seed))
    return tuple(runs)


def time_packs(workspace: Workspace, key: str, *, n_packs: int, seed: int) -> EvidenceRun:
    """Time the packs of segments drawn from the whole library, with whatever reranker is in use.

    What was loaded before is kept out of the garbage collector's rounds, as in `rab serve`.
    """
    card = workspace.card(key)
    ids = workspace.catalog.segment_ids(card.space, EVERYTHING)
    reranker = reranker_in_use(workspace, card)
    drawn = np.random.default_rng(seed).choice(len(ids), size=min(n_packs + 1, len(ids)), replace=False)
    with settled_heap():
        first_ms, *taken_ms = [_timed_ms(workspace, ids[one]) for one in drawn]
    return EvidenceRun(
        n_segments=len(ids),
        order="cosine" if reranker is None else reranker.words.split(" (")[0],
        n_packs=len(taken_ms),
        p50_ms=statistics.median(taken_ms),
        p95_ms=float(np.percentile(taken_ms, 95)),
        slowest_ms=max(taken_ms),
        first_ms=first_ms,
        machine=machine(),
        code_version=__version__,
    )


def grow(workspace: Workspace, key: str, n_segments: int, *, seed: int) -> int:
    """Copy the recordings of a library until it holds `n_segments` of a model; return how many it then holds."""
    card = workspace.card(key)
    store, catalog = workspace.store(card), workspace.catalog
    originals = catalog.list_segments(card.space, EVERYTHING)
    vectors = {one.payload.segment_id: one.vector for one in store.scan(EVERYTHING)}
    rng = np.random.default_rng(seed)
    cluster_of: dict[str, str | None] = {one.segment.id: one.cluster_id for one in originals}
    waiting: list[_Copied] = []
    for recording, segments in _copies(originals):
        waiting += segments
        if len(waiting) >= _N_UPSERTED or len(cluster_of) + len(waiting) >= n_segments:
            turned = _turned(np.stack([vectors[one.source.segment.id] for one in waiting]), rng)
            store.upsert(turned, [segment_payload(one.copy, card) for one in waiting])
            cluster_of |= {one.copy.segment.id: one.source.cluster_id for one in waiting}
            waiting = []
        catalog.commit_recording(recording, card, [one.copy for one in segments], policy="a copy")
        if len(cluster_of) >= n_segments:
            break
    clustering = catalog.clustering(card.space)
    if clustering is not None:
        catalog.save_clustering(clustering, cluster_of)
    return len(cluster_of)


def _timed_ms(workspace: Workspace, segment: str) -> float:
    started = time.perf_counter()
    evidence(workspace, segment)
    return 1000 * (time.perf_counter() - started)


class _Copied(NamedTuple):
    source: StoredSegment
    copy: StoredSegment


def _copies(originals: Sequence[StoredSegment]) -> Iterator[tuple[Recording, list[_Copied]]]:
    """Yield recordings without end, each one of the originals over and over, with its segments."""
    by_recording: dict[str, list[StoredSegment]] = {}
    for one in originals:
        by_recording.setdefault(one.recording.id, []).append(one)
    for number in count(1):
        for segments in by_recording.values():
            recording = _repeated(segments[0].recording, number)
            starts_ms = [n * segments[0].recording.duration_ms for n in range(_REPEATS)]
            yield recording, [_Copied(one, _moved(one, recording, start)) for start in starts_ms for one in segments]


def _repeated(source: Recording, number: int) -> Recording:
    changed = {
        "id": content_id(f"{source.id} {number}".encode()),
        "path": f"{number}/{source.path.lstrip('/')}",
        "duration_ms": _REPEATS * source.duration_ms,
        "n_frames": _REPEATS * source.n_frames,
    }
    return source.model_copy(update=changed)


def _moved(one: StoredSegment, recording: Recording, start_ms: float) -> StoredSegment:
    own = one.segment
    t0_ms, t1_ms = round(own.t0_ms + start_ms, 3), round(own.t1_ms + start_ms, 3)
    moved = segment_id(recording.id, own.channel, t0_ms, t1_ms, own.embedder, low_hz=own.low_hz)
    segment = own.model_copy(update={"id": moved, "recording_id": recording.id, "t0_ms": t0_ms, "t1_ms": t1_ms})
    return one.model_copy(update={"segment": segment, "recording": recording, "labels": ()})


def _turned(unit: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    noise = rng.standard_normal(unit.shape, dtype=np.float32)
    noise *= _TURN / np.linalg.norm(noise, axis=1, keepdims=True)
    return unit + noise
