"""How fast the nearest of n segments are found, and whether they are the nearest: latency against the exact oracle.

Vectors are grown from real embeddings, since random ones have no neighbours: two real windows are mixed in unequal
parts (Beta(1, 3), mean 0.25), noise with the real covariance of windows about their recording's mean is added at 0.7 of
its real size, and what falls below zero is cut off where no real number does. Queries are grown likewise and are not
among them. `gaussian` takes vectors without any shape instead, the worst case of a search that goes by shape.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np
import numpy.typing as npt

from rab import __version__
from rab.domain import EmbedderCard, Recording, SegmentFilter, SegmentPayload
from rab.domain.value import Value
from rab.embedders.base import Embedder
from rab.errors import InputError, Unavailable
from rab.evals.race import machine
from rab.evals.suites import suites_folder
from rab.segments import WindowPolicy, windows
from rab.store.base import VectorStore
from rab.store.standing import Settling

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
OpenStore = Callable[[Path, EmbedderCard, bool], VectorStore]
"""Opens the embedded store of an embedder in a folder, with a sketch or without."""

K = 10
_MIN_VECTORS = 2_000
_BLOCK = 4096
_N_SLOW = 50
"""Queries that the engine alone is asked."""

_N_SITES = 20
_N_PER_RECORDING = 500

UNFILTERED = "unfiltered"
FILTERS: Mapping[str, SegmentFilter] = {
    UNFILTERED: SegmentFilter(),
    "3 of 4 by SNR": SegmentFilter(snr_min_db=10.0),
    "site, 1 of 20": SegmentFilter(sites=("s07",)),
    "1 recording": SegmentFilter(recording_ids=(f"{3:064x}",)),
    "1 taxon of 7, not that site": SegmentFilter(taxa=("Species 2",), exclude=(SegmentFilter(sites=("s07",)),)),
}


@dataclass(frozen=True)
class SearchPeer:
    """Other packages that search, in an interpreter of their own, and the most vectors that they are given."""

    python: str
    packages: tuple[str, ...] = ("perch_hoplite", "usearch")
    n_most: int = 100_000


class SearchTiming(Value):
    """How one way to search did: latency, the part of the true ten nearest that it found, and what it took before."""

    name: str
    n_vectors: int
    n_queries: int
    p50_ms: float
    p95_ms: float
    slowest_ms: float
    recall_at_10: float | None
    """None where nothing was asked, because a sketch was made at once."""
    build_s: float | None = None
    opening_s: float | None = None
    """From opening to the first answer."""


class SearchRun(Value):
    """The outcome of `rab bench search`."""

    n_vectors: int
    n_dims: int
    n_queries: int
    vectors: str
    """What the vectors are, in words."""
    timings: tuple[SearchTiming, ...]
    insert_s: float
    own_mib: float
    """Memory of the process after all queries, less files that are mapped."""
    mapped_mib: float
    """Files mapped and in memory, which the system takes back when it needs the room."""
    disk_mib: float
    machine: str
    code_version: str


def bench_search(
    open_store: OpenStore,
    card: EmbedderCard,
    real: Vectors,
    recordings: Sequence[str],
    *,
    n: int = 100_000,
    n_queries: int = 200,
    peers: Sequence[SearchPeer] = (),
    gaussian: bool = False,
    seed: int = 7,
) -> SearchRun:
    """Fill a store with n vectors grown from `real` [m, dim], ask it, and compare with the exact answers.

    `recordings` names the recording of each real vector, for what vectors of one recording differ by. Peers are given
    the same vectors, or the first of them.
    """
    if n < _MIN_VECTORS or len(real) < 2:
        raise InputError(
            f"{n} vectors grown from {len(real)} say nothing about a search",
            hint=f"ask for {_MIN_VECTORS} at least, and give recordings that hold two windows",
        )
    grow = _Random(real.shape[1]) if gaussian else _Grower(real, recordings)
    queries = grow(n_queries, np.random.default_rng(seed + 1))
    with tempfile.TemporaryDirectory(prefix="rab-bench-") as name:
        folder = Path(name)
        np.save(folder / "queries.npy", queries)
        _write_vectors(folder / "vectors.npy", grow, n, real.shape[1], seed)
        truth = _nearest(folder / "vectors.npy", queries)
        ours = _Ours(open_store, card, folder, queries, truth)
        timings = [*ours.exact(), *ours.making(), *ours.sketched()]
        figures = _memory_mib()
        disk_mib = sum(file.stat().st_blocks for file in (folder / "store").rglob("*")) * 512 / 2**20
        for peer in peers:
            timings += _answers_of(peer, folder, n, queries, truth)
    return SearchRun(
        n_vectors=n,
        n_dims=real.shape[1],
        n_queries=n_queries,
        vectors="random directions" if gaussian else f"grown from {len(real)} real windows",
        timings=tuple(timings),
        insert_s=ours.insert_s,
        own_mib=figures[0],
        mapped_mib=figures[1],
        disk_mib=disk_mib,
        machine=machine(),
        code_version=__version__,
    )


def real_vectors(embedder: Embedder, recordings: Sequence[Recording]) -> tuple[Vectors, list[str]]:
    """Embed every window of some recordings; return the vectors [m, dim] and the recording of each."""
    found = [
        (window.samples, one.id) for one in recordings for window in windows(one, embedder.card, WindowPolicy(), None)
    ]
    batches = [np.stack([samples for samples, _ in found[at : at + 8]]) for at in range(0, len(found), 8)]
    vectors = [embedder.embed(batch).embeddings for batch in batches]
    return np.concatenate([np.empty((0, embedder.card.dim), np.float32), *vectors]), [one for _, one in found]


class _Ours:
    """RAB's own store, filled once and asked in several ways."""

    def __init__(
        self, open_store: OpenStore, card: EmbedderCard, folder: Path, queries: Vectors, truth: Mapping[str, Rows]
    ) -> None:
        self._open: Callable[[bool], VectorStore] = partial(open_store, folder / "store", card)
        self._queries = queries
        self._truth = truth
        started = time.perf_counter()
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self._n = len(vectors)
        with closing(self._open(False)) as store:
            for start in range(0, self._n, _BLOCK):
                rows = np.array(vectors[start : start + _BLOCK])
                store.upsert(rows, [_payload(start + n) for n in range(len(rows))])
        self.insert_s = time.perf_counter() - started

    def exact(self) -> Iterator[SearchTiming]:
        """Ask the engine alone."""
        with closing(self._open(False)) as store:
            few = self._queries[:_N_SLOW]
            for title in (UNFILTERED, next(name for name in FILTERS if name.startswith("site"))):
                yield self._timing(f"the engine alone, {title}", store, few, title)

    def making(self) -> Iterator[SearchTiming]:
        """Ask while the sketch is made, which is when the collection is opened for the first time."""
        started = time.perf_counter()
        with closing(self._open(True)) as store:
            assert isinstance(store, Settling)
            settled: list[float] = []

            def wait() -> None:
                store.settle()
                settled.append(time.perf_counter() - started)

            waiting = Thread(target=wait)
            waiting.start()
            asked: list[tuple[float, list[int]]] = []
            while waiting.is_alive() and len(asked) < len(self._queries):
                asked.append(_ask(store, self._queries[len(asked)], FILTERS[UNFILTERED]))
            waiting.join()
            yield self._summary("while the sketch is made", asked, self._truth[UNFILTERED], build_s=settled[0])

    def sketched(self) -> Iterator[SearchTiming]:
        """Open the collection again, and ask with each filter."""
        started = time.perf_counter()
        with closing(self._open(True)) as store:
            _ask(store, self._queries[-1], FILTERS[UNFILTERED])
            opening_s = time.perf_counter() - started
            for title in FILTERS:
                timing = self._timing(f"RAB, {title}", store, self._queries, title)
                yield timing.model_copy(update={"opening_s": opening_s}) if title == UNFILTERED else timing

    def _timing(self, name: str, store: VectorStore, queries: Vectors, title: str) -> SearchTiming:
        _ask(store, queries[-1], FILTERS[title])
        asked = [_ask(store, query, FILTERS[title]) for query in queries]
        return self._summary(name, asked, self._truth[title])

    def _summary(
        self, name: str, asked: Sequence[tuple[float, list[int]]], truth: Rows, *, build_s: float | None = None
    ) -> SearchTiming:
        return _timing(name, self._n, [ms for ms, _ in asked], [rows for _, rows in asked], truth, build_s=build_s)


def _ask(store: VectorStore, query: Vectors, where: SegmentFilter) -> tuple[float, list[int]]:
    """Return the milliseconds that an answer took, and its rows."""
    started = time.perf_counter()
    hits = store.search(query, K, where)
    return 1000 * (time.perf_counter() - started), [int(hit.segment_id, 16) for hit in hits]


def _timing(
    name: str,
    n: int,
    ms: Sequence[float],
    rows: Sequence[Sequence[int]],
    truth: Rows,
    *,
    build_s: float | None = None,
    opening_s: float | None = None,
) -> SearchTiming:
    found = [len(set(own).intersection(true.tolist())) / len(true) for own, true in zip(rows, truth, strict=False)]
    p50_ms, p95_ms = np.quantile(ms, [0.5, 0.95]) if ms else (0.0, 0.0)
    return SearchTiming(
        name=name,
        n_vectors=n,
        n_queries=len(ms),
        p50_ms=float(p50_ms),
        p95_ms=float(p95_ms),
        slowest_ms=max(ms, default=0.0),
        recall_at_10=float(np.mean(found)) if found else None,
        build_s=build_s,
        opening_s=opening_s,
    )


def _answers_of(
    peer: SearchPeer, folder: Path, n: int, queries: Vectors, truth: Mapping[str, Rows]
) -> Iterator[SearchTiming]:
    """Let the packages of an interpreter answer the queries. Raises `InputError`, or `Unavailable` where it fails."""
    place, true = folder, truth[UNFILTERED]
    if peer.n_most < n:
        place = folder / "part"
        place.mkdir()
        np.save(place / "vectors.npy", np.load(folder / "vectors.npy", mmap_mode="r")[: peer.n_most])
        np.save(place / "queries.npy", queries)
        true = _nearest(place / "vectors.npy", queries)[UNFILTERED]
    command = [peer.python, str(suites_folder() / "peers" / "search_peer.py"), str(place), *peer.packages]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)  # noqa: S603  # the user's own interpreter
    except OSError as error:
        raise InputError(
            f"{peer.python} cannot be started: {error.strerror}", hint="give the path of a Python"
        ) from error
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not answers:
        raise Unavailable(
            f"none of {', '.join(peer.packages)} could be measured in {peer.python}",
            hint="its error stands above, if it had one; is one of them installed there?",
        )
    for answer in answers:
        seconds = {"build_s": answer["build_s"], "opening_s": answer["opening_s"]}
        yield _timing(answer["name"], min(n, peer.n_most), answer["ms"], answer["rows"], true, **seconds)


def _payload(row: int) -> SegmentPayload:
    return SegmentPayload(
        segment_id=f"{row:032x}",
        recording_id=f"{row // _N_PER_RECORDING:064x}",
        site=f"s{row % _N_SITES:02d}",
        local_hour=row % 24,
        snr_db=float(row % 40),
        taxa=(f"Species {row % 7}",),
    )


def _write_vectors(path: Path, grow: "_Grower | _Random", n: int, dim: int, seed: int) -> None:
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (n, dim))
    rng = np.random.default_rng(seed)
    for start in range(0, n, _BLOCK):
        rows[start : start + _BLOCK] = grow(min(_BLOCK, n - start), rng)


def _nearest(path: Path, queries: Vectors) -> dict[str, Rows]:
    """Return the rows of the true nearest to each query [n_queries, K], best first, by each filter."""
    vectors = np.load(path, mmap_mode="r")
    best: dict[str, tuple[Vectors, Rows]] = {
        title: (np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)) for title in FILTERS
    }
    for start in range(0, len(vectors), _BLOCK):
        block = np.array(vectors[start : start + _BLOCK])
        similar = queries @ block.T
        payloads = [_payload(start + n) for n in range(len(block))]
        for title, where in FILTERS.items():
            chosen = np.flatnonzero([where.matches(payload) for payload in payloads])
            own = np.concatenate([best[title][0], similar[:, chosen]], axis=1)
            new = np.broadcast_to(start + chosen, (len(queries), len(chosen)))
            rows = np.concatenate([best[title][1], new], axis=1)
            order = np.argsort(-own, axis=1, kind="stable")[:, :K]
            best[title] = np.take_along_axis(own, order, 1), np.take_along_axis(rows, order, 1)
    return {title: rows for title, (_, rows) in best.items()}


def _memory_mib() -> tuple[float, float]:
    """Return the memory that is this process's own, and that of mapped files; zeros where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0, 0.0
    told = {
        name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines) if "Rss" in name
    }
    return told.get("RssAnon", 0.0), told.get("RssFile", 0.0)


class _Grower:
    """Makes more vectors of the kind of some real ones, as the module says."""

    def __init__(self, real: Vectors, recordings: Sequence[str]) -> None:
        self._real = real / np.linalg.norm(real, axis=1, keepdims=True)
        _, group = np.unique(np.asarray(recordings), return_inverse=True)
        sizes = np.bincount(group)
        means = np.zeros((len(sizes), real.shape[1]), np.float32)
        np.add.at(means, group, self._real)
        within = self._real - means[group] / sizes[group, np.newaxis]
        self._within = within[sizes[group] > 1]
        self._floor = 0.0 if real.min() >= 0 else -np.inf

    def __call__(self, n: int, rng: np.random.Generator) -> Vectors:
        first, second = rng.integers(len(self._real), size=(2, n))
        part = rng.beta(1, 3, size=(n, 1)).astype(np.float32)
        mixed = (1 - part) * self._real[first] + part * self._real[second]
        m = len(self._within)
        if m:
            mixed += 0.7 / np.sqrt(m) * (rng.standard_normal((n, m), dtype=np.float32) @ self._within)
        mixed = np.maximum(mixed, self._floor)
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


class _Random:
    """Makes vectors in random directions, which have no neighbours to speak of."""

    def __init__(self, dim: int) -> None:
        self._dim = dim

    def __call__(self, n: int, rng: np.random.Generator) -> Vectors:
        rows = rng.standard_normal((n, self._dim), dtype=np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
