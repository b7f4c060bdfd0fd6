"""Other people's vector search, for `rab bench search`: each answers the same queries about the same vectors.

Run as `python search_peer.py FOLDER NAME…` by an interpreter in which one of them is installed. FOLDER holds
`vectors.npy` and `queries.npy`, float32 rows of length 1; what is written goes below it. Each engine that can be
imported gives a line of JSON: its name, seconds to build and to open, milliseconds of each query, and the rows found.
"""

import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

K = 10
Search = Callable[[np.ndarray], Sequence[int]]


def qdrant_client(folder: Path, vectors: np.ndarray) -> tuple[float, Callable[[], Search]]:
    """qdrant-client's local mode, which keeps everything in memory and compares all of it."""
    import warnings

    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")
    started = time.perf_counter()
    client = QdrantClient(":memory:")
    client.create_collection("bench", models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE))
    for start in range(0, len(vectors), 1000):
        rows = vectors[start : start + 1000]
        client.upsert("bench", models.Batch(ids=[*range(start, start + len(rows))], vectors=rows.tolist()))
    build_s = time.perf_counter() - started

    def opened() -> Search:
        return lambda query: [int(hit.id) for hit in client.query_points("bench", query.tolist(), limit=K).points]

    return build_s, opened


def perch_hoplite(folder: Path, vectors: np.ndarray) -> tuple[float, Callable[[], Search]]:
    """perch-hoplite's database on a disk: SQLite beside a usearch index of float16, as it is set up by default."""
    from perch_hoplite.db.sqlite_usearch_impl import SQLiteUSearchDB, get_default_usearch_config

    started = time.perf_counter()
    db = SQLiteUSearchDB.create(str(folder / "hoplite"), get_default_usearch_config(vectors.shape[1]))
    deployment = db.insert_deployment("bench", "bench")
    recording = db.insert_recording("bench.wav", deployment_id=deployment)
    row_of = {}
    for start in range(0, len(vectors), 1000):
        rows = vectors[start : start + 1000]
        windows = [{"recording_id": recording, "offsets": [float(start + n)]} for n in range(len(rows))]
        ids = db.insert_windows_batch(windows, rows, handle_duplicates="allow")
        row_of.update(zip(map(int, ids), range(start, start + len(rows)), strict=True))
    db.commit()
    build_s = time.perf_counter() - started

    def opened() -> Search:
        again = SQLiteUSearchDB.create(str(folder / "hoplite"))
        return lambda query: [row_of[int(hit.window_id)] for hit in again.search(query, K)]

    return build_s, opened


def usearch(folder: Path, vectors: np.ndarray) -> tuple[float, Callable[[], Search]]:
    """The index of usearch alone, with the settings that perch-hoplite gives it, on all cores."""
    from usearch.index import Index, MetricKind, ScalarKind

    started = time.perf_counter()
    index = Index(
        ndim=vectors.shape[1], metric=MetricKind.IP, dtype=ScalarKind.F16, expansion_add=256, expansion_search=128
    )
    index.add(np.arange(len(vectors)), vectors)
    index.save(str(folder / "usearch.index"))
    build_s = time.perf_counter() - started

    def opened() -> Search:
        again = Index.restore(str(folder / "usearch.index"), view=True)
        return lambda query: again.search(query, K).keys.tolist()

    return build_s, opened


ENGINES = {"qdrant_client": qdrant_client, "perch_hoplite": perch_hoplite, "usearch": usearch}
PACKAGES = {"qdrant_client": "qdrant-client, local mode", "perch_hoplite": "perch-hoplite", "usearch": "usearch"}


def main() -> None:
    """Measure each engine that was named and is installed."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    folder = Path(sys.argv[1])
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    for name in sys.argv[2:]:
        if importlib.util.find_spec(name) is None:
            continue
        version = importlib.metadata.version(name.replace("_", "-"))
        build_s, opened = ENGINES[name](folder, vectors)
        started = time.perf_counter()
        search = opened()
        rows, ms = [search(queries[0])], []
        opening_s = time.perf_counter() - started
        rows.clear()
        for query in queries:
            started = time.perf_counter()
            rows.append(list(map(int, search(query))))
            ms.append(1000 * (time.perf_counter() - started))
        answer = {"name": f"{PACKAGES[name]} {version}", "build_s": build_s, "opening_s": opening_s}
        print(json.dumps({**answer, "ms": ms, "rows": rows}), file=answers)


if __name__ == "__main__":
    main()
