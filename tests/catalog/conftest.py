"""Catalogs of every kind that can be had here, and nouns to fill them with."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from rab.catalog import Catalog
from rab.domain import (
    Box,
    CallSegment,
    Descriptors,
    Near,
    RecorderNotes,
    Recording,
    SegmentFilter,
    SignalQuality,
    StoredSegment,
    Taxon,
    TaxonScore,
    content_id,
    segment_id,
)
from tests.conftest import NAMES, NOON, Make

NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Draw = Callable[[st.SearchStrategy[Any]], Any]

POSTGRES_URL = os.environ.get("RAB_TEST_POSTGRES_URL")
POSTGRES = pytest.param(
    "postgres",
    marks=pytest.mark.skipif(POSTGRES_URL is None, reason="RAB_TEST_POSTGRES_URL names no PostgreSQL database"),
)


@contextmanager
def _in_file(template: Path) -> Iterator[str]:
    path = template.with_name(f"{uuid4().hex}.sqlite")
    shutil.copy(template, path)
    yield f"sqlite:///{path}"


@contextmanager
def _in_schema() -> Iterator[str]:
    """Yield the address of an empty schema of its own."""
    assert POSTGRES_URL is not None
    schema = f"rab_{uuid4().hex}"
    engine = create_engine(make_url(POSTGRES_URL).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    address = make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield address.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty SQLite catalog, to be copied."""
    path = tmp_path_factory.mktemp("catalogs") / "template.sqlite"
    Catalog.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session", params=["sqlite", POSTGRES])
def new_catalog(request: pytest.FixtureRequest, template: Path) -> NewCatalog:
    """Return a maker of empty catalogs, once for each kind of database."""
    new_url = _in_schema if request.param == "postgres" else partial(_in_file, template)

    @contextmanager
    def make() -> Iterator[Catalog]:
        with new_url() as url, Catalog.open(url) as catalog:
            yield catalog

    return make


@pytest.fixture
def catalog(new_catalog: NewCatalog) -> Iterator[Catalog]:
    """An empty catalog, once for each kind of database."""
    with new_catalog() as empty:
        yield empty


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'catalog.sqlite'}"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ZONES = st.sampled_from([None, "UTC", "Europe/Zurich", "UTC+05:30", "Australia/Lord_Howe", "America/St_Johns"])
FRACTIONS = st.floats(0, 1)
LEVELS = st.none() | st.floats(-200, 200)
FREQUENCIES = st.none() | st.floats(0, 250_000)


@st.composite
def _recordings(draw: st.DrawFn) -> Recording:
    notes = draw(
        st.builds(
            RecorderNotes,
            started_at=st.none() | st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds the zone
            zone=ZONES,
            habitat=st.none() | TEXTS,
            lat_deg=st.none() | st.floats(-90, 90),
            lon_deg=st.none() | st.floats(-180, 180),
            make=st.none() | TEXTS,
            model=st.none() | TEXTS,
            serial=st.none() | TEXTS,
            temperature_c=st.none() | st.floats(-50, 60),
            battery_v=st.none() | st.floats(0, 20),
            gain=st.none() | TEXTS,
            time_expansion=st.integers(1, 100),
            sources=st.lists(TEXTS, max_size=3).map(tuple),
            caveats=st.lists(TEXTS, max_size=3).map(tuple),
        )
    )
    return Recording(
        id=content_id(draw(st.binary(max_size=4))),
        path=draw(TEXTS),
        n_bytes=draw(st.integers(0, 2**62)),
        container=draw(TEXTS),
        sample_rate_hz=draw(st.integers(1, 10**7)),
        n_channels=draw(st.integers(1, 64)),
        n_frames=draw(st.integers(0, 2**62)),
        duration_ms=draw(st.floats(0, 1e9)),
        site=draw(st.none() | TEXTS),
        notes=notes,
    )


@st.composite
def _segments(draw: st.DrawFn, recording: Recording, span: tuple[int | None, float, float]) -> StoredSegment:
    channel, t0_ms, length_ms = span
    scored = st.builds(
        TaxonScore,
        taxon=st.builds(
            Taxon,
            scientific_name=st.sampled_from(list(NAMES)) | TEXTS,
            common_name=TEXTS,
            group=st.sampled_from([None, "bird", "sound"]),
        ),
        logit=st.floats(-50, 50),
        raw_score=FRACTIONS,
        model=st.sampled_from(["toy-v1", "other-v2"]),
        in_range=st.sampled_from([None, True, False]),
    )
    call = CallSegment(
        id=segment_id(recording.id, channel, t0_ms, t0_ms + length_ms, "toy-v1"),
        recording_id=recording.id,
        channel=channel,
        t0_ms=t0_ms,
        t1_ms=t0_ms + length_ms,
        embedder="toy-v1",
    )
    quality = st.builds(
        SignalQuality,
        snr_db=LEVELS,
        snr_unmeasured=st.sampled_from([None, "silent", "no_signal", "too_short"]),
        band_low_hz=FREQUENCIES,
        band_high_hz=FREQUENCIES,
        noise_floor_dbfs=LEVELS,
        peak_dbfs=LEVELS,
        clipped_fraction=FRACTIONS,
        overlap_fraction=FRACTIONS,
    )
    described = {name: st.none() | st.floats(0, 1) for name in Descriptors.model_fields if name != "n_onsets"}
    return StoredSegment(
        segment=call,
        recording=recording,
        quality=draw(quality),
        descriptors=draw(st.builds(Descriptors, n_onsets=st.none() | st.integers(0, 1000), **described)),
        scores=tuple(draw(st.lists(scored, max_size=4))),
    )


@st.composite
def _commits(draw: st.DrawFn) -> tuple[Recording, list[StoredSegment]]:
    recording = draw(_recordings())
    span = st.tuples(
        st.none() | st.integers(0, 3), st.floats(0, 1e7).map(lambda t: round(t, 3)), st.sampled_from([3000.0, 0.001])
    )
    spans = draw(st.lists(span, max_size=4, unique=True))
    return recording, [draw(_segments(recording, span)) for span in spans]


@pytest.fixture(scope="session")
def commits() -> st.SearchStrategy[tuple[Recording, list[StoredSegment]]]:
    """Return a strategy of recordings with what the model `toy-v1` heard in them."""
    return _commits()


PLACES: list[dict[str, float]] = [
    {},
    {"lat_deg": 46.5, "lon_deg": 6.2},
    {"lat_deg": 46.53, "lon_deg": 6.25},
    {"lat_deg": -17.0, "lon_deg": 180.0},
]
BOXES = [
    Box(south_deg=46, west_deg=6, north_deg=46.5, east_deg=6.2),
    Box(south_deg=-18, west_deg=170, north_deg=47, east_deg=-179),
    Box(south_deg=-90, west_deg=-180, north_deg=90, east_deg=170),
]
LEVELS_DB = st.sampled_from([-5.0, 0.0, 10.0])


@st.composite
def _filters(draw: st.DrawFn, depth: int = 3) -> SegmentFilter:
    """Draw filters over what `_libraries` holds, most of them with few conditions."""

    def some(values: Sequence[Any]) -> Any:
        return draw(st.just(()) | st.just(()) | st.lists(st.sampled_from(values), max_size=2).map(tuple))

    def sometimes(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | st.none() | strategy)

    near = st.builds(Near, lat_deg=st.just(46.5), lon_deg=st.just(6.2), radius_m=st.sampled_from([0, 5000, 5e6, 3e7]))
    inner = _filters(depth - 1) if depth > 1 else st.nothing()
    instants = st.integers(-90, 90).map(lambda minutes: NOON + timedelta(minutes=minutes))
    heard_from, levels_db = sometimes(instants), (sometimes(LEVELS_DB), sometimes(LEVELS_DB))
    later = instants if heard_from is None else st.integers(1, 90).map(lambda n: heard_from + timedelta(minutes=n))
    snr_min_db, snr_max_db = levels_db if None in levels_db else sorted(levels_db)
    return SegmentFilter(
        sites=some(["A", "B", "C"]),
        recording_ids=some([content_id(name.encode()) for name in "abc"]),
        taxa=some([*NAMES, "Nobody"]),
        cluster_ids=some(["c1.x", "c2.x", "c9.x"]),
        local_hours=some([11, 12, 13, 14, 22]),
        heard_from=heard_from,
        heard_before=sometimes(later),
        snr_min_db=snr_min_db,
        snr_max_db=snr_max_db,
        habitats=some(["spruce", "moor"]),
        models=some(["toy-v1", "other-v2"]),
        raw_score_min=sometimes(st.sampled_from([0.0, 0.1, 0.5])),
        raw_score_max=sometimes(st.sampled_from([0.5, 0.6])),
        labels=some([*NAMES, "alarm call"]),
        label_sources=some(["human", "imported", "model"]),
        reviewed=draw(st.sampled_from([False, False, False, True])),
        human_voice=draw(st.sampled_from([False, False, False, True])),
        month_days=some([502, 503, 504]),
        box=sometimes(st.sampled_from(BOXES)),
        near=sometimes(near),
        any_of=draw(st.just(()) | st.tuples(st.tuples(inner, inner))) if depth > 1 else (),
        exclude=draw(st.just(()) | st.tuples(inner)) if depth > 1 else (),
    )


@pytest.fixture(scope="session")
def filters() -> st.SearchStrategy[SegmentFilter]:
    """Return a strategy of filters that a library of `libraries` half matches."""
    return _filters()


@st.composite
def _libraries(draw: st.DrawFn) -> list[tuple[Recording, list[StoredSegment]]]:
    make, found = Make(), []
    for name in draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=4)):
        recording = make.recording(
            name,
            site=draw(st.sampled_from([None, "A", "B"])),
            started_at=draw(st.none() | st.integers(-70, 70).map(lambda minutes: NOON + timedelta(minutes=minutes))),
            zone=draw(st.sampled_from([None, "UTC", "Europe/Zurich", "UTC+09:30"])),
            duration_ms=draw(st.sampled_from([6000.0, 60_000.0, 5_000_000.25])),
            habitat=draw(st.sampled_from([None, "spruce"])),
            **draw(st.sampled_from(PLACES)),
        )
        score = st.builds(
            make.score,
            st.sampled_from(list(NAMES)),
            st.sampled_from([0.1, 0.3, 0.5, 0.9]),
            in_range=st.sampled_from([None, True, False]),
        )
        segments = [
            make.segment(
                recording,
                index,
                scores=sorted(draw(st.lists(score, max_size=3)), key=lambda one: -one.raw_score),
                quality=make.quality(
                    draw(st.sampled_from([None, -5.0, 0.0, 9.99, 10.0, 30.0])),
                    clipped_fraction=draw(st.sampled_from([0.0, 0.01, 0.5])),
                    rain=draw(st.booleans()),
                ),
            ).model_copy(update={"human_voice": draw(st.booleans())})
            for index in draw(st.lists(st.integers(0, 1000), unique=True, max_size=5))
        ]
        found.append((recording, segments))
    return found


@pytest.fixture(scope="session")
def libraries() -> st.SearchStrategy[list[tuple[Recording, list[StoredSegment]]]]:
    """Return a strategy of small libraries, in which the same few sites, hours, names and levels meet."""
    return _libraries()
