"""One contract for every store: whatever is stored and asked, the answer is the oracle's."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.domain import Box, GivenLabel, Near, ScoredTaxon, SegmentFilter, SegmentPayload
from rab.errors import InputError
from rab.store.base import StoredVector, VectorStore
from rab.store.exact import ExactStore
from tests.conftest import has_ends_in_order

NewCollection = Callable[[], AbstractContextManager[Callable[[], VectorStore]]]
Row = tuple[int, float, SegmentPayload]
"""Which vector, how long it is made, and whose it is."""

RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.standard_normal((12, 8)).astype(np.float32)
QUERIES = RANDOM.standard_normal((4, 8)).astype(np.float32)
EVERYTHING = SegmentFilter()

SEGMENTS = [f"{n:032x}" for n in range(14)]
SITES = ["A12", "Ä-Wald", 'odd "name", with \\ (parts)', "日本 北", "two\nlines", "", " ", "site=B", "null", "12"]
RECORDINGS = ["a" * 64, "b" * 64, "c" * 64]
TAXA = ["Turdus merula", "Cuculus canorus", "Strix aluco"]
CLUSTERS = ["c0.9fa2", "c1.9fa2", "c1.77aa"]
HOURS = [0, 4, 5, 23]
TIMES = [
    datetime(2025, 5, 3, 4, tzinfo=UTC) + timedelta(hours=hours, microseconds=microseconds)
    for hours in (0, 1, 24 * 365, -24 * 365 * 60)
    for microseconds in (-1, 0, 1)
]
PLACES = [(46.5, 6.2), (46.5, 6.200001), (46.9, 7.2), (-17.8, 180.0), (-17.8, -180.0), (-17.8, -179.9), (90.0, 5.0)]
BOXES = [
    Box(south_deg=46.5, west_deg=6.2, north_deg=46.9, east_deg=7.2),
    Box(south_deg=-20, west_deg=170, north_deg=0, east_deg=-179.95),
    Box(south_deg=-20, west_deg=170, north_deg=0, east_deg=180),
    Box(south_deg=-90, west_deg=-180, north_deg=90, east_deg=180),
]
CIRCLES = [
    Near(lat_deg=lat_deg, lon_deg=lon_deg, radius_m=radius_m)
    for lat_deg, lon_deg in PLACES
    for radius_m in (0, 0.1, 5_000, 90_000, 2_000_000, 30_000_000)
]
RAW_SCORES = [0.05, 0.3, 0.7, 0.7001]
LABELS = ["Turdus merula", "alarm call", "x"]
SOURCES = ["human", "imported", "model"]
HABITATS = ["spruce", "Moor, nass"]
DAYS = [101, 229, 503, 1231]
LEVELS_DB = [-12.34, -0.01, 0.0, 9.99, 10.0, 10.01, 33.3]


def some(values: Sequence[object]) -> st.SearchStrategy[list[object]]:
    """Draw up to four values."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=4)


CONDITIONS: dict[str, st.SearchStrategy[object]] = {
    "sites": some(SITES),
    "recording_ids": some(RECORDINGS),
    "taxa": some(TAXA),
    "cluster_ids": some(CLUSTERS),
    "local_hours": some(HOURS),
    "heard_from": st.sampled_from(TIMES),
    "heard_before": st.sampled_from(TIMES),
    "habitats": some(HABITATS),
    "models": some(["toy-v1", "other-v2"]),
    "raw_score_min": st.sampled_from(RAW_SCORES),
    "raw_score_max": st.sampled_from(RAW_SCORES),
    "labels": some(LABELS),
    "label_sources": some(SOURCES),
    "reviewed": st.just(True),
    "human_voice": st.just(True),
    "month_days": some(DAYS),
    "box": st.sampled_from(BOXES),
    "near": st.sampled_from(CIRCLES),
    "snr_min_db": st.sampled_from(LEVELS_DB),
    "snr_max_db": st.sampled_from(LEVELS_DB),
}


def filters(depth: int = 2) -> st.SearchStrategy[SegmentFilter]:
    """Draw filters of at most two conditions, so that something matches, with alternatives and exclusions in them."""
    conditions = st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: CONDITIONS[name] for name in names}).filter(has_ends_in_order)
    )
    if depth == 0:
        return conditions.map(SegmentFilter.model_validate)
    inner = filters(depth - 1)
    group = st.lists(inner, min_size=2, max_size=3)
    return st.builds(
        lambda fields, any_of, exclude: SegmentFilter.model_validate({**fields, "any_of": any_of, "exclude": exclude}),
        conditions,
        st.just([]) | st.lists(group, max_size=1),
        st.just([]) | st.lists(inner, max_size=2),
    )


def with_place(fields: tuple[SegmentPayload, tuple[float, float] | None]) -> SegmentPayload:
    """Return a payload of somewhere, or of nobody knows where."""
    payload, place = fields
    lat_deg, lon_deg = place or (None, None)
    return payload.model_copy(update={"lat_deg": lat_deg, "lon_deg": lon_deg})


PLACELESS = st.builds(
    SegmentPayload,
    segment_id=st.sampled_from(SEGMENTS),
    recording_id=st.sampled_from(RECORDINGS),
    site=st.none() | st.sampled_from(SITES) | st.text(max_size=8),
    heard_at=st.none() | st.sampled_from(TIMES),
    local_hour=st.none() | st.sampled_from(HOURS),
    snr_db=st.none() | st.sampled_from(LEVELS_DB),
    taxa=st.lists(st.sampled_from(TAXA), max_size=3, unique=True).map(tuple),
    scores=st.lists(
        st.builds(ScoredTaxon, taxon=st.sampled_from(TAXA), raw_score=st.sampled_from(RAW_SCORES)), max_size=3
    ).map(tuple),
    labels=st.lists(
        st.builds(GivenLabel, name=st.sampled_from(LABELS), source=st.sampled_from(SOURCES)), max_size=2
    ).map(tuple),
    cluster_id=st.none() | st.sampled_from(CLUSTERS),
    habitat=st.none() | st.sampled_from(HABITATS),
    model=st.none() | st.just("toy-v1"),
    month_day=st.none() | st.sampled_from(DAYS),
    human_voice=st.booleans(),
    version=st.sampled_from([1, 2]),
)
PAYLOADS = st.tuples(PLACELESS, st.none() | st.sampled_from(PLACES)).map(with_place)
ROWS = st.tuples(st.integers(0, len(VECTORS) - 1), st.sampled_from([1.0, 2.0**-20, 2.0**8]), PAYLOADS)
"""Lengths are powers of two, so that equal directions are equal to the last bit: a tie, and not nearly one."""
ASSIGNMENTS = st.dictionaries(st.sampled_from(SEGMENTS), st.none() | st.sampled_from(CLUSTERS))
FILLING = st.lists(ROWS, min_size=8, max_size=20)
REPLACEMENTS = st.lists(PAYLOADS, max_size=6, unique_by=lambda payload: payload.segment_id).map(tuple)
WRITES = st.lists(st.one_of(st.lists(ROWS, max_size=6), ASSIGNMENTS, REPLACEMENTS), max_size=3)
QUESTIONS = st.lists(
    st.tuples(
        filters(),
        st.integers(0, len(QUERIES) - 1),
        st.integers(1, len(SEGMENTS) + 3),
        st.lists(st.sampled_from(SEGMENTS), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


def write(store: VectorStore, what: list[Row] | dict[str, str | None] | tuple[SegmentPayload, ...]) -> None:
    """Store rows, assign clusters, or replace payloads."""
    if isinstance(what, dict):
        store.assign_clusters(what)
    elif isinstance(what, tuple):
        store.update_payloads(what)
    else:
        vectors = [VECTORS[vector] * np.float32(length) for vector, length, _ in what]
        store.upsert(np.array(vectors, np.float32).reshape(-1, 8), [payload for *_, payload in what])


def by_id(stored: list[StoredVector]) -> dict[str, SegmentPayload]:
    """Return the payloads by segment, sure that no segment came twice."""
    found = {one.payload.segment_id: one.payload for one in stored}
    assert len(found) == len(stored)
    return found


def payload(segment: str, **fields: object) -> SegmentPayload:
    """Return a payload that has nothing but what is asked for."""
    return SegmentPayload.model_validate({"segment_id": segment, "recording_id": RECORDINGS[0], **fields})


def fill(store: VectorStore, *payloads: SegmentPayload) -> None:
    """Store payloads, with the first vectors of the pool in turn."""
    store.upsert(np.resize(VECTORS, (len(payloads), 8)), payloads)


def test_the_pool_has_no_near_ties() -> None:
    """Two vectors of the pool are equal or clearly apart, so that the order of hits is not a matter of rounding."""
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    queries = QUERIES / np.linalg.norm(QUERIES, axis=1, keepdims=True)
    assert np.diff(np.sort(queries @ units.T, axis=1), axis=1).min() > 1e-4


@settings(max_examples=25, deadline=None)
@given(filling=FILLING, writes=WRITES, questions=QUESTIONS)
def test_every_answer_is_the_oracles(
    new_collection: NewCollection,
    filling: list[Row],
    writes: list[list[Row] | dict[str, str | None] | tuple[SegmentPayload, ...]],
    questions: list[tuple[SegmentFilter, int, int, list[str]]],
) -> None:
    """Random segments, clusters and replacements, random filters: hits, scans and fetches agree with the oracle."""
    with new_collection() as opener:
        store = opener()
        oracle = ExactStore(store.card)
        for what in [filling, *writes]:
            write(store, what)
            write(oracle, what)
        for where, query, k, exclude_ids in questions:
            assert by_id(list(oracle.scan(where))) == by_id(list(store.scan(where)))
            expected = oracle.search(QUERIES[query], k, where, exclude_ids=exclude_ids)
            actual = store.search(QUERIES[query], k, where, exclude_ids=exclude_ids)
            assert [hit.segment_id for hit in expected] == [hit.segment_id for hit in actual]
            assert [hit.similarity for hit in expected] == pytest.approx([hit.similarity for hit in actual], abs=1e-5)
        expected_stored, actual_stored = oracle.fetch(SEGMENTS), store.fetch(SEGMENTS)
        assert expected_stored.keys() == actual_stored.keys()
        for segment, stored in actual_stored.items():
            assert expected_stored[segment].payload == stored.payload
            np.testing.assert_allclose(stored.vector, expected_stored[segment].vector, atol=1e-6)
        vectors = store.vectors(SEGMENTS)
        assert actual_stored.keys() == vectors.keys()
        for segment, vector in vectors.items():
            np.testing.assert_array_equal(actual_stored[segment].vector, vector)


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(ROWS, max_size=12), assignments=ASSIGNMENTS)
def test_reopening_keeps_everything(
    new_collection: NewCollection, rows: list[Row], assignments: dict[str, str | None]
) -> None:
    """What was stored and assigned is there after closing and opening, and the card too."""
    with new_collection() as opener:
        store = opener()
        write(store, rows)
        write(store, assignments)
        before, card = store.fetch(SEGMENTS), store.card
        store = opener()
        after = store.fetch(SEGMENTS)
        assert card == store.card
        assert {key: stored.payload for key, stored in before.items()} == {
            key: stored.payload for key, stored in after.items()
        }
        for key, stored in after.items():
            np.testing.assert_array_equal(before[key].vector, stored.vector)


def test_an_empty_collection_answers_nothing(store: VectorStore) -> None:
    """Nothing is stored, so nothing is found, fetched, gone through or assigned."""
    store.upsert(np.empty((0, 8), np.float32), [])
    store.assign_clusters({SEGMENTS[0]: "c0.9fa2"})
    assert store.search(QUERIES[0], 3, EVERYTHING) == []
    assert store.fetch(SEGMENTS) == {}
    assert store.vectors(SEGMENTS) == {}
    assert list(store.scan(EVERYTHING)) == []


def test_k_may_exceed_the_collection(store: VectorStore) -> None:
    """A search for more than there is returns all there is, best first."""
    fill(store, *map(payload, SEGMENTS[:3]))
    similarities = [hit.similarity for hit in store.search(QUERIES[0], 100_000, EVERYTHING)]
    assert len(similarities) == 3
    assert sorted(similarities, reverse=True) == similarities


def test_similarity_is_cosine(store: VectorStore) -> None:
    """A vector is 1 to itself at any length, −1 to its opposite and 0 across."""
    axes = np.array([[3, 0, 0, 0, 0, 0, 0, 0], [-0.5, 0, 0, 0, 0, 0, 0, 0], [0, 7, 0, 0, 0, 0, 0, 0]], np.float32)
    store.upsert(axes, [payload(segment) for segment in SEGMENTS[:3]])
    found = [(hit.segment_id, hit.similarity) for hit in store.search(axes[0] * 1000, 3, EVERYTHING)]
    assert [(SEGMENTS[0], 1.0), (SEGMENTS[2], 0.0), (SEGMENTS[1], -1.0)] == found


def test_ties_are_broken_by_segment_id_however_many(store: VectorStore) -> None:
    """Of 300 equal vectors, more than any engine looks at for k = 5, the five lowest ids are found."""
    segments = [f"{n:032x}" for n in range(300)]
    order = np.random.default_rng(1).permutation(300)
    store.upsert(np.tile(VECTORS[0], (300, 1)), [payload(segments[n]) for n in order])
    assert segments[:5] == [hit.segment_id for hit in store.search(VECTORS[0], 5, EVERYTHING)]
    hits = store.search(VECTORS[0], 5, EVERYTHING, exclude_ids=segments[1:299])
    assert [segments[0], segments[299]] == [hit.segment_id for hit in hits]


def test_pages_join_without_seam(store: VectorStore) -> None:
    """Scans, fetches and assignments over several pages miss nothing and repeat nothing."""
    segments = [f"{n:032x}" for n in range(600)]
    fill(store, *(payload(segment, local_hour=n % 24) for n, segment in enumerate(segments)))
    assert set(segments) == by_id(list(store.scan(EVERYTHING))).keys()
    assert set(segments[5::24]) == by_id(list(store.scan(SegmentFilter(local_hours=(5,))))).keys()
    assert set(segments) == store.fetch([*segments, "f" * 32]).keys()
    assert set(segments) == store.vectors([*segments, "f" * 32]).keys()
    store.assign_clusters(dict.fromkeys(segments, "c0.9fa2"))
    assert set(segments) == by_id(list(store.scan(SegmentFilter(cluster_ids=("c0.9fa2",))))).keys()


def test_no_store_answers_for_a_precision(store: VectorStore) -> None:
    """Which raw score is meant only a calibration says: the filter is refused, wherever the precision stands in it."""
    fill(store, payload(SEGMENTS[0], site="A12"))
    inside = SegmentFilter(taxa=("Strix aluco",), precision_min=0.9)
    for where in (
        inside,
        SegmentFilter(exclude=inside),
        SegmentFilter(any_of=((SegmentFilter(sites=("A12",)), inside),)),
    ):
        with pytest.raises(InputError, match="asks for a precision"):
            list(store.scan(where))
        with pytest.raises(InputError, match="asks for a precision"):
            store.search(VECTORS[0], 1, where)


def test_an_upsert_repeated_changes_nothing(store: VectorStore) -> None:
    """The same segments stored twice are there once."""
    payloads = [payload(segment, site="A12", snr_db=3.5) for segment in SEGMENTS]
    fill(store, *payloads)
    fill(store, *payloads)
    assert dict(zip(SEGMENTS, payloads, strict=True)) == by_id(list(store.scan(EVERYTHING)))


def test_a_segment_stored_anew_keeps_nothing_old(store: VectorStore) -> None:
    """A replaced payload loses the fields that the new one does not have; within one batch the last one counts."""
    fill(store, payload(SEGMENTS[0], site="A12", taxa=["Strix aluco"], cluster_id="c0.9fa2", snr_db=4.0))
    store.upsert(VECTORS[[1, 2]], [payload(SEGMENTS[0], site="B"), payload(SEGMENTS[0], local_hour=4)])
    stored = store.fetch(SEGMENTS)[SEGMENTS[0]]
    assert payload(SEGMENTS[0], local_hour=4) == stored.payload
    np.testing.assert_allclose(stored.vector, VECTORS[2] / np.linalg.norm(VECTORS[2]), atol=1e-6)


def test_a_cluster_is_set_moved_and_cleared(store: VectorStore) -> None:
    """Assignments touch the segments they name and that exist, and nothing else of them."""
    first, second = (payload(segment, site="A12") for segment in SEGMENTS[:2])
    fill(store, first, second)
    store.assign_clusters({SEGMENTS[0]: "c0.9fa2", SEGMENTS[1]: "c1.9fa2", SEGMENTS[5]: "c1.9fa2"})
    store.assign_clusters({SEGMENTS[0]: "c1.9fa2", SEGMENTS[1]: None})
    expected = {SEGMENTS[0]: first.model_copy(update={"cluster_id": "c1.9fa2"}), SEGMENTS[1]: second}
    assert expected == by_id(list(store.scan(EVERYTHING)))


def test_payloads_are_replaced_where_they_are(store: VectorStore) -> None:
    """A replaced payload is found by what it says now, keeps its vector, and makes no segment of one that is not."""
    fill(store, payload(SEGMENTS[0], site="A12", snr_db=4.0), payload(SEGMENTS[1]))
    vector = store.fetch(SEGMENTS[:1])[SEGMENTS[0]].vector
    new = payload(SEGMENTS[0], habitat="spruce", labels=[{"name": "alarm call", "source": "human"}])
    store.update_payloads([new, payload(SEGMENTS[5], habitat="spruce")])
    store.update_payloads([])
    assert {SEGMENTS[0]: new} == by_id(list(store.scan(SegmentFilter(habitats=("spruce",), reviewed=True))))
    assert [] == list(store.scan(SegmentFilter(sites=("A12",))))
    np.testing.assert_array_equal(vector, store.fetch(SEGMENTS[:1])[SEGMENTS[0]].vector)


def test_distance_is_exact_though_an_engine_only_draws_boxes(store: VectorStore) -> None:
    """Of 300 recorders on a ring 1 km away, found last by the vectors, the circle holds those inside to the metre."""
    angles = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    segments = [f"{n:032x}" for n in range(300)]
    north_deg = 1 / 111.195
    places = [(46.5 + north_deg * np.cos(a), 6.2 + north_deg * np.sin(a) / np.cos(np.radians(46.5))) for a in angles]
    store.upsert(
        np.tile(VECTORS[0], (300, 1)),
        [payload(one, lat_deg=lat, lon_deg=lon) for one, (lat, lon) in zip(segments, places, strict=True)],
    )
    near = [SegmentFilter(near=Near(lat_deg=46.5, lon_deg=6.2, radius_m=metres)) for metres in (998, 1002)]
    assert [] == store.search(VECTORS[0], 5, near[0])
    assert segments[:5] == [hit.segment_id for hit in store.search(VECTORS[0], 5, near[1])]
    assert segments[:5] == [hit.segment_id for hit in store.search(VECTORS[0], 5, SegmentFilter(exclude=near[0]))]
    assert [] == store.search(VECTORS[0], 5, SegmentFilter(exclude=near[1]))
    east = SegmentFilter(near=Near(lat_deg=46.5, lon_deg=6.2 + 1 / 76.54, radius_m=300))
    inside = [one for one, angle in zip(segments, angles, strict=True) if abs(angle - np.pi / 2) < 0.29]
    assert set(inside) <= by_id(list(store.scan(east))).keys()
    assert len(by_id(list(store.scan(east)))) < 40


def test_what_is_discarded_is_gone(store: VectorStore) -> None:
    """Discarded segments are neither found nor fetched; the others stay, and what is not there is passed over."""
    first, second = (payload(segment) for segment in SEGMENTS[:2])
    fill(store, first, second)
    store.discard([SEGMENTS[0], SEGMENTS[5]])
    store.discard([])
    assert {SEGMENTS[1]: second} == by_id(list(store.scan(EVERYTHING)))
    assert {SEGMENTS[1]} == set(store.fetch(SEGMENTS[:2]))
    assert [SEGMENTS[1]] == [hit.segment_id for hit in store.search(VECTORS[0], 5, EVERYTHING)]


@pytest.mark.parametrize(
    "where",
    [
        SegmentFilter(sites=("A12",)),
        SegmentFilter(taxa=("Strix aluco",)),
        SegmentFilter(cluster_ids=("c0.9fa2",)),
        SegmentFilter(local_hours=tuple(range(24))),
        SegmentFilter(heard_from=datetime(1, 1, 2, tzinfo=UTC)),
        SegmentFilter(heard_before=datetime(9999, 1, 1, tzinfo=UTC)),
        SegmentFilter(snr_min_db=-1e9),
        SegmentFilter(snr_max_db=1e9),
        SegmentFilter(habitats=("spruce",)),
        SegmentFilter(models=("toy-v1",)),
        SegmentFilter(raw_score_min=0),
        SegmentFilter(raw_score_max=1),
        SegmentFilter(labels=("Strix aluco",)),
        SegmentFilter(label_sources=("human", "imported", "model")),
        SegmentFilter(reviewed=True),
        SegmentFilter(human_voice=True),
        SegmentFilter(month_days=tuple(100 * month + 1 for month in range(1, 13))),
        SegmentFilter(box=BOXES[-1]),
        SegmentFilter(near=CIRCLES[-1]),
    ],
    ids=lambda where: where.words,
)
def test_what_is_not_there_never_matches(store: VectorStore, where: SegmentFilter) -> None:
    """A segment without the field is not found by a condition on it, and not left out by excluding that condition."""
    fill(store, payload(SEGMENTS[0]))
    assert store.search(QUERIES[0], 1, where) == []
    assert [SEGMENTS[0]] == list(by_id(list(store.scan(SegmentFilter(exclude=where)))))


@pytest.mark.parametrize("site", [*SITES, "a" * 2000, "\N{OWL}", "e\N{COMBINING ACUTE ACCENT}", "\x00"])
def test_any_site_name_is_kept_and_found(store: VectorStore, site: str) -> None:
    """Names come back as they went in, and find their own segments only."""
    fill(store, payload(SEGMENTS[0], site=site), payload(SEGMENTS[1], site=site + "x"), payload(SEGMENTS[2]))
    assert {SEGMENTS[0]: site} == {
        segment: found.site for segment, found in by_id(list(store.scan(SegmentFilter(sites=(site,))))).items()
    }


def test_times_are_kept_to_the_microsecond(store: VectorStore) -> None:
    """A bat call 1 µs before the bound is out, and the time comes back whole, in UTC."""
    heard_at = datetime.fromisoformat("2025-05-03T06:00:00.000001+02:00")
    fill(store, payload(SEGMENTS[0], heard_at=heard_at))
    assert heard_at == store.fetch(SEGMENTS)[SEGMENTS[0]].payload.heard_at
    assert len(store.search(QUERIES[0], 9, SegmentFilter(heard_from=heard_at))) == 1
    assert len(store.search(QUERIES[0], 9, SegmentFilter(heard_before=heard_at))) == 0
    assert len(store.search(QUERIES[0], 9, SegmentFilter(heard_from=heard_at + timedelta(microseconds=1)))) == 0


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((2, 8), np.float32),
        np.ones((1, 7), np.float32),
        np.ones(8, np.float32),
        np.zeros((1, 8), np.float32),
        np.full((1, 8), np.nan, np.float32),
        np.full((1, 8), np.inf, np.float32),
    ],
    ids=["two for one", "too short", "no rows", "zero", "NaN", "infinite"],
)
def test_vectors_that_mean_nothing_are_refused(store: VectorStore, vectors: npt.NDArray[np.float32]) -> None:
    """A wrong shape, a zero or an unbounded number raises, as a stored vector and as a query, and stores nothing."""
    with pytest.raises(InputError):
        store.upsert(vectors, [payload(SEGMENTS[0])])
    with pytest.raises(InputError):
        store.search(vectors if len(vectors) == 2 else vectors[0], 1, EVERYTHING)
    assert list(store.scan(EVERYTHING)) == []


def test_no_neighbours_cannot_be_asked_for(store: VectorStore) -> None:
    """A search for zero neighbours is a mistake of the caller's."""
    with pytest.raises(InputError, match="0 neighbours"):
        store.search(QUERIES[0], 0, EVERYTHING)


def test_what_is_fetched_cannot_be_changed(store: VectorStore) -> None:
    """Vectors are read-only, so that no caller alters what another reads."""
    fill(store, payload(SEGMENTS[0]))
    stored = store.fetch(SEGMENTS)[SEGMENTS[0]]
    assert np.float32 == stored.vector.dtype
    with pytest.raises(ValueError, match="read-only"):
        stored.vector[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        store.vectors(SEGMENTS)[SEGMENTS[0]][0] = 1.0


@pytest.mark.parametrize("kind", ["exact", "edge"])
def test_threads_share_a_store(kind: str, makers: dict[str, NewCollection]) -> None:
    """Four threads that write, search and assign at once lose nothing."""
    segments = [f"{n:032x}" for n in range(80)]

    with makers[kind]() as opener, ThreadPoolExecutor(4) as pool:
        store = opener()

        def work(turn: int) -> None:
            for segment in segments[turn::4]:
                fill(store, payload(segment))
                store.search(QUERIES[0], 5, EVERYTHING)
                store.assign_clusters({segment: "c0.9fa2"})

        list(pool.map(work, range(4)))
        assert set(segments) == by_id(list(store.scan(SegmentFilter(cluster_ids=("c0.9fa2",))))).keys()


def test_closing_twice_does_nothing(store: VectorStore) -> None:
    """A store may be closed by whoever is done with it."""
    store.close()
    store.close()
