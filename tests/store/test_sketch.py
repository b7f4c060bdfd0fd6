"""A sketch: it names the true neighbours where vectors have a shape, and steps back where they have none."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import SegmentFilter, SegmentPayload
from rab.store.sketch import Sketch, best
from rab.store.sketch_making import Page, make_sketch

N, DIM = 6_000, 320
EVERYTHING = SegmentFilter()
HALF = SegmentFilter(sites=("even",))
POINTS = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))) for n in range(N)]
PAYLOADS = [
    SegmentPayload(segment_id=f"{n:032x}", recording_id=f"{n // 500:064x}", site="odd" if n % 2 else "even")
    for n in range(N)
]
Vectors = npt.NDArray[np.float32]


def shaped(n: int, seed: int) -> Vectors:
    """Return unit vectors that lie near 24 dimensions of many, as embeddings do."""
    axes = np.random.default_rng(0).standard_normal((24, DIM))
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 24)) @ axes + 0.3 * rng.standard_normal((n, DIM)) + 1
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def pages(vectors: Vectors, size: int = 700) -> Iterator[Page]:
    """Go through points a page at a time."""
    for start in range(0, len(vectors), size):
        part = slice(start, min(start + size, len(vectors)))
        yield POINTS[part], PAYLOADS[part], vectors[part]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Return vectors that have a shape."""
    return shaped(N, seed=1)


@pytest.fixture
def sketch(tmp_path: Path, vectors: Vectors) -> Sketch:
    """A sketch of them."""
    made = make_sketch(tmp_path / "sketch", pages(vectors))
    assert made is not None
    return made


def recall(sketch: Sketch, vectors: Vectors, rows: npt.NDArray[np.int64], where: SegmentFilter, k: int = 10) -> float:
    """Return which part of the true k nearest among rows are among those that the sketch names, over 50 queries."""
    found = []
    for query in shaped(50, seed=2):
        true = rows[np.argsort(-(vectors[rows] @ query))[:k]]
        named = sketch.nearest(query, k + 16, where)
        assert named is not None
        found.append(len({POINTS[row] for row in true}.intersection(named)) / k)
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        (EVERYTHING, np.arange(N)),
        (HALF, np.arange(0, N, 2)),
        (SegmentFilter(recording_ids=(f"{3:064x}",)), np.arange(1500, 2000)),
        (SegmentFilter(recording_ids=(f"{3:064x}",), sites=("odd",)), np.arange(1501, 2000, 2)),
    ],
    ids=lambda given: given.words if isinstance(given, SegmentFilter) else "",
)
def test_the_true_neighbours_are_named(
    sketch: Sketch, vectors: Vectors, where: SegmentFilter, chosen: npt.NDArray[np.int64]
) -> None:
    """Of the ten nearest that match, 98 of 100 are among the few hundred that the engine compares."""
    assert sketch.state.n_fine < 1024
    assert recall(sketch, vectors, chosen, where) >= 0.98


def test_more_neighbours_are_looked_for_deeper(sketch: Sketch, vectors: Vectors) -> None:
    """A search for a hundred looks at more than one for ten, and misses no more."""
    assert recall(sketch, vectors, np.arange(N), EVERYTHING, k=100) >= 0.98


def test_what_few_match_is_named_whole(sketch: Sketch, vectors: Vectors) -> None:
    """Where fewer match than the engine would compare anyway, all of them are named and nothing else."""
    where = SegmentFilter(recording_ids=(f"{5:064x}",), sites=("even",))
    few = sketch.nearest(vectors[0], 400, where, excluded=POINTS[2500:2600])
    assert few is not None
    assert {POINTS[row] for row in range(2600, 3000, 2)} == set(few)


def test_a_search_for_very_many_is_the_engines(sketch: Sketch, vectors: Vectors) -> None:
    """Beyond some thousand the engine is faster alone."""
    assert sketch.nearest(vectors[0], 5000, EVERYTHING) is None


def test_points_that_are_gone_are_not_named(sketch: Sketch, vectors: Vectors) -> None:
    """A removed point is not named, until it is there again; what was never there is passed over."""
    gone = POINTS[7]
    sketch.remove([gone, str(uuid.UUID(int=1))])
    assert len(sketch) == N - 1
    assert gone not in (sketch.nearest(vectors[7], 26, EVERYTHING) or [])
    sketch.put([gone], [PAYLOADS[7]], vectors[7:8])
    assert gone in (sketch.nearest(vectors[7], 26, EVERYTHING) or [])
    assert len(sketch) == N


def test_a_point_put_anew_is_where_it_is_now(sketch: Sketch, vectors: Vectors) -> None:
    """A point whose vector and payload were replaced is found by the new ones alone, in its old row."""
    sketch.put([POINTS[7]], [PAYLOADS[8].model_copy(update={"recording_id": "new"})], -vectors[7:8])
    assert POINTS[7] not in (sketch.nearest(vectors[7], 26, EVERYTHING) or [])
    assert [POINTS[7]] == sketch.nearest(-vectors[7], 26, SegmentFilter(recording_ids=("new",)))
    assert sketch.state.n_rows == N


def test_opened_again_it_says_the_same(sketch: Sketch, vectors: Vectors) -> None:
    """Closed and opened, with a point gone, the same points are named."""
    sketch.remove(POINTS[:3])
    queries = shaped(5, seed=3)
    before = [sketch.nearest(query, 26, HALF, excluded=POINTS[4:6]) for query in queries]
    again = Sketch.open(sketch.folder, sketch.state)
    assert before == [again.nearest(query, 26, HALF, excluded=POINTS[4:6]) for query in queries]
    assert len(again) == N - 3


def test_a_file_cut_short_is_refused(sketch: Sketch) -> None:
    """A sketch whose files hold fewer rows than it says is damaged."""
    state = sketch.state
    (sketch.folder / "coarse.i8").write_bytes(b"\x00" * 256)
    with pytest.raises(ValueError, match="shorter than"):
        Sketch.open(sketch.folder, state)


def test_equal_vectors_are_all_named_or_none(tmp_path: Path, vectors: Vectors) -> None:
    """Where more are equal than the engine would compare, it is left to it, so that ties are broken as promised."""
    silent = vectors.copy()
    silent[1000:6000] = silent[2000]
    made = make_sketch(tmp_path / "silent", pages(silent))
    assert made is not None
    assert made.nearest(silent[2000], 26, EVERYTHING) is None
    some = made.nearest(silent[2000], 26, EVERYTHING, excluded=POINTS[2300:6000])
    assert some is not None
    assert set(POINTS[1000:2300]) <= set(some)


def test_the_coarse_way_minds_the_filter(sketch: Sketch, vectors: Vectors) -> None:
    """Where far more match than are looked at finely, what is gone or does not match is not among them."""
    sketch.set_depths(n_coarse=1500, n_fine=sketch.state.n_fine)
    sketch.remove(POINTS[:600])
    assert recall(sketch, vectors, np.arange(600, N, 2), HALF) >= 0.98
    for query in shaped(20, seed=4):
        assert {*POINTS[600::2]}.issuperset(sketch.nearest(query, 26, HALF) or [""])


@pytest.mark.parametrize("part_equal", [0.0, 0.5, 0.98])
def test_of_very_many_the_best_are_found_by_a_sample(part_equal: float) -> None:
    """All that are as good as the n-th best are found, and no more than twice as many, however many are equal below."""
    similar = np.random.default_rng(6).random(200_000, np.float32)
    similar[similar < part_equal] = part_equal / 2
    found = best(similar, 2_000)
    assert 2_000 <= len(found) <= 4_000
    assert set(np.argsort(-similar)[:2_000].tolist()) <= set(found.tolist())
    assert similar[found].min() > np.delete(similar, found).max()


def test_equal_ones_among_very_many_are_found_together() -> None:
    """Where more are equal than were asked for, all of them are found."""
    similar = np.zeros(200_000, np.float32)
    similar[1_000:11_000] = 1
    np.testing.assert_array_equal(np.arange(1_000, 11_000), best(similar, 2_000))


def test_what_a_query_stands_out_in_is_looked_at(sketch: Sketch, vectors: Vectors) -> None:
    """The few dimensions that are read are the query's own, so they order as all that are kept do."""
    for query in shaped(20, seed=5):
        turned = sketch.turned(query)
        coarse, fine = sketch.coarse(turned, N), sketch.fine(turned, np.arange(N))
        np.testing.assert_allclose(fine, (vectors - vectors.mean(axis=0)) @ query, atol=0.03)
        assert np.corrcoef(coarse, fine)[0, 1] > 0.95


def test_vectors_without_a_shape_are_left_to_the_engine(tmp_path: Path) -> None:
    """Random directions have no neighbours that a few dimensions could tell, and the measurement says so."""
    rows = np.random.default_rng(5).standard_normal((N, DIM), dtype=np.float32)
    assert make_sketch(tmp_path / "random", pages(rows / np.linalg.norm(rows, axis=1, keepdims=True))) is None


def test_of_nothing_there_is_no_sketch(tmp_path: Path) -> None:
    """No points, no sketch, and no folder."""
    assert make_sketch(tmp_path / "empty", iter([])) is None
    assert not (tmp_path / "empty").exists()
