"""Faults of filters and of depth, planted one by one: the library suite names the filter, or the query."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import rab.catalog.filters
import rab.domain.filter.place
import rab.evals.filtering
import rab.evals.made_segments
import rab.evidence.segment_pack
import rab.store.qdrant
from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter, SegmentPayload
from rab.domain.filter import parse_filter
from rab.embedders.base import Embedder
from rab.evals.base import Score, judge
from rab.evals.filtering import filter_errors, filters
from rab.evals.made_segments import Fact, shelve_facts
from rab.evals.run import SEED, run_suite
from rab.evals.suites import read_suite
from rab.evals.witnesses import (
    Witnesses,
    counted_growth,
    neighbour_count_error,
    pack_filter_error,
    per_recording_error,
)
from rab.settings import Settings
from rab.workflows.workspace import Workspace

ENGINES = {"catalog": (rab.catalog.filters, "_conditions"), "search": (rab.store.qdrant, "_translated")}


@contextmanager
def _opened(home: Path) -> Iterator[Workspace]:
    with open_workspace(Settings(home=home, n_threads=1), purpose="tests") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A library of made segments; tests ask it, and the calls of made queries are added to it."""
    with _opened(tmp_path_factory.mktemp("unheard")) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def facts(unheard: Workspace) -> list[Fact]:
    """What the segments of the library are."""
    return shelve_facts(unheard, SEED)


@pytest.fixture
def dropping(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Make an engine pass over one field of every filter."""

    def drop(engine: str, field: str) -> None:
        module, name = ENGINES[engine]
        ask = getattr(module, name)
        unasked = {field: SegmentFilter.model_fields[field].default}
        monkeypatch.setattr(module, name, lambda where, *more, **asked: ask(_without(where, unasked), *more, **asked))

    return drop


def _without(where: SegmentFilter, unasked: dict[str, Any]) -> SegmentFilter:
    return where.model_copy(update=unasked)


def _wrong(score: Score, door: str) -> set[str]:
    """Return the filters for which a door lists other segments than reading by hand."""
    return {one.name for one in score.instances if f"; {door} lists" in one.words}


def test_sound_engines_list_what_reading_by_hand_lists(unheard: Workspace, facts: list[Fact]) -> None:
    """Without a fault every filter is right, and every condition of the language is among those asked."""
    score = filter_errors(unheard, facts)
    assert 0.0 == score.value
    asked = {field for words, _ in filters(facts) for field in parse_filter(words).conditions}
    spared = {"precision_min", "any_of", "exclude"}
    assert set(SegmentFilter.model_fields) - spared == asked


def test_every_filter_selects_some_and_leaves_out_some(facts: list[Fact]) -> None:
    """An engine that ignores a condition cannot be right by chance."""
    counts = {words: sum(map(holds, facts)) for words, holds in filters(facts)}
    assert {} == {words: n for words, n in counts.items() if not 0 < n < len(facts)}


FIELDS = [
    ("sites", "site=A"),
    ("habitats", "habitat=moor"),
    ("taxa", 'taxon="Turdus merula"'),
    ("raw_score_max", "score<=0.2"),
    ("local_hours", "hour=22..0"),
    ("month_days", "date=12-15..01-10"),
    ("heard_before", "before=2025-05-01T01:50Z"),
    ("snr_max_db", "snr<=10"),
    ("box", "box=-18,179,-16,-179"),
    ("human_voice", "voice"),
    ("label_sources", "source=imported"),
]


@pytest.mark.parametrize("engine", sorted(ENGINES))
@pytest.mark.parametrize(("field", "words"), FIELDS)
def test_a_condition_that_an_engine_drops_is_named(
    engine: str,
    field: str,
    words: str,
    unheard: Workspace,
    facts: list[Fact],
    dropping: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One field ignored by the catalog or by the store makes its filters wrong at that door, and the reason says so."""
    dropping(engine, field)
    some = [one for one in filters(facts) if field in parse_filter(one[0]).conditions or one[0] == "hour=4"]
    monkeypatch.setattr(rab.evals.filtering, "filters", lambda facts: iter(some))
    score = filter_errors(unheard, facts)
    assert (score.value or 0) > 0
    assert words in _wrong(score, engine)
    assert words in score.reason
    other = next(one for one in ENGINES if one != engine)
    assert set() == _wrong(score, other)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_all_conditions_are_asked_of_both_engines(
    engine: str, unheard: Workspace, facts: list[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that ignores every condition is wrong on every filter; what is near is read again behind a search."""
    module, name = ENGINES[engine]
    ask = getattr(module, name)
    monkeypatch.setattr(module, name, lambda where, *more, **asked: ask(SegmentFilter(), *more, **asked))
    wrong = _wrong(filter_errors(unheard, facts), engine)
    spared = {words for words, _ in filters(facts) if engine == "search" and "near=" in words}
    assert {words for words, _ in filters(facts)} - spared == wrong


def test_a_circle_taken_for_its_box_is_noticed(
    unheard: Workspace, facts: list[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place in the corner of the box about a circle is no part of the circle."""
    monkeypatch.setattr(rab.domain.filter.place.Near, "holds", lambda self, *place: self.box.holds(*place))
    wrong = _wrong(filter_errors(unheard, facts), "search")
    assert "near=46.5,6.2,5km" in wrong
    assert all("near=46.5,6.2,5km" in one for one in wrong)


def test_a_payload_that_tells_another_day_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that was told UTC's day and hour instead of the site's is wrong, and the catalog is not."""
    made: Any = rab.evals.made_segments
    right = made.segment_payload

    def in_utc(stored: Any, card: Any) -> SegmentPayload:
        payload: SegmentPayload = right(stored, card)
        heard = stored.heard_at
        told = {} if heard is None else {"local_hour": heard.hour, "month_day": 100 * heard.month + heard.day}
        return payload.model_copy(update=told)

    monkeypatch.setattr(made, "segment_payload", in_utc)
    with _opened(tmp_path) as workspace:
        score = filter_errors(workspace, shelve_facts(workspace, SEED))
    assert {"hour=22..0", "date=05-01"} <= _wrong(score, "search")
    assert set() == _wrong(score, "catalog")


def test_a_filter_that_tells_nothing_is_not_scored(unheard: Workspace, facts: list[Fact]) -> None:
    """Where a condition holds for no segment, there is no score, and the reason names the filter."""
    score = filter_errors(unheard, [one for one in facts if one.site != "A"])
    assert score.value is None
    assert "site=A" in score.reason


@pytest.fixture
def packed(unheard: Workspace) -> Callable[[], dict[str, Score]]:
    """Gather the packs of made queries anew, and score them."""

    def ask() -> dict[str, Score]:
        witnesses = Witnesses(unheard, SEED)
        clear, faint = counted_growth(witnesses)
        grown = Score(case="growth", value=faint - clear, n=2, reason="")
        return {one.case: one for one in (neighbour_count_error(witnesses), per_recording_error(witnesses), grown)}

    return ask


def _values(scores: dict[str, Score]) -> tuple[float | None, ...]:
    return tuple(scores[name].value for name in ("neighbour_count_error", "per_recording_error", "growth"))


def test_sound_packs_hold_what_is_due(packed: Callable[[], dict[str, Score]]) -> None:
    """Without a fault no neighbour is missing or too many, and a faint call has more."""
    assert (0.0, 0.0, 4.0) == _values(packed())


def _find_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    pack: Any = rab.evidence.segment_pack
    nearest = pack.nearest
    monkeypatch.setattr(pack, "nearest", lambda *asked, **more: nearest(*asked, **{**more, "k": 10}))


def test_a_search_that_finds_ten_is_noticed(
    packed: Callable[[], dict[str, Score]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packs that declare their depth and hold ten neighbours all the same are counted."""
    _find_ten(monkeypatch)
    scores = packed()
    assert (6.0, 0.0, 0.0) == _values(scores)
    assert "10 neighbours where 16 were due (k = 16)" in scores["neighbour_count_error"].reason


def test_a_filter_that_packs_ignore_is_noticed(unheard: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that asks everything, whatever its filter says, holds neighbours that it should not."""
    assert 0.0 == pack_filter_error(Witnesses(unheard, SEED)).value
    pack: Any = rab.evidence.segment_pack
    nearest = pack.nearest
    monkeypatch.setattr(pack, "nearest", lambda *asked, **more: nearest(*asked, **{**more, "where": SegmentFilter()}))
    found = pack_filter_error(Witnesses(unheard, SEED))
    assert (found.value or 0) > 0
    assert "neighbours that the filter leaves out" in found.reason


def test_a_cut_at_ten_is_noticed(packed: Callable[[], dict[str, Score]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut that is blind to weights keeps too few of a crowd and too many of the lonely query's."""
    monkeypatch.setattr(rab.evidence.segment_pack, "cut", lambda *asked: 10)
    held = {one.name: one.words for one in packed()["neighbour_count_error"].instances}
    assert held["faint query"].startswith("10 neighbours where 16")
    assert held["lonely query"].startswith("10 neighbours where 5")


def test_weights_that_are_ignored_are_noticed(
    packed: Callable[[], dict[str, Score]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is cut, the lonely query keeps what is far."""
    monkeypatch.setattr(rab.evidence.segment_pack, "cut", lambda weighed, k, policy: min(k, len(weighed)))
    scores = packed()
    assert 10.0 == scores["neighbour_count_error"].value
    assert scores["neighbour_count_error"].reason.startswith("lonely query")


def test_a_recording_that_gives_all_it_has_is_noticed(
    packed: Callable[[], dict[str, Score]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine calls of one recording are no nine witnesses."""
    neighbours: Any = sys.modules["rab.retrieval.neighbours"]
    witnesses = neighbours._witnesses
    monkeypatch.setattr(
        neighbours,
        "_witnesses",
        lambda near, source_of, policy: witnesses(
            near, source_of, policy.model_copy(update={"max_per_recording": 1000})
        ),
    )
    assert (0.0, 6.0, 4.0) == _values(packed())


def test_the_suite_turns_red(
    birdnet: Embedder,
    samples_dir: Path,
    models_dir: Path,
    dropping: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search that finds ten and a catalog that forgets sites fail the cases that name them, and no others."""
    _find_ten(monkeypatch)
    dropping("catalog", "sites")

    @contextmanager
    def open_library(home: Path) -> Iterator[Workspace]:
        with open_workspace(Settings(home=home, models_dir=models_dir, n_threads=1), purpose="tests") as workspace:
            yield workspace

    run = run_suite("library", birdnet, [samples_dir / "pykanto"], open_library=open_library)
    failed = {verdict.case for verdict in judge(run, read_suite("library"), None) if not verdict.passed}
    assert {"filter_error_share", "depth_growth", "neighbour_count_error"} == failed
