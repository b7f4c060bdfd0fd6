"""Columns: whatever a filter asks, the mask is what `SegmentFilter.matches` says row by row."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.domain import SegmentFilter, SegmentPayload
from rab.domain.filter import Box, GivenLabel, Near, ScoredTaxon
from rab.store.columns import ANSWERED, Columns, answers, microseconds
from tests.conftest import has_ends_in_order

TEXTS = ["A12", "Ä-Wald", "", "null", 'odd "name"\n', "Turdus merula", "human"]
TIMES = [datetime(2025, 5, 3, 4, tzinfo=UTC) + timedelta(days=days, microseconds=days % 2) for days in (-30_000, 0, 1)]
NUMBERS = [-12.34, 0.0, 9.99, 10.0]
SCORES = [0.05, 0.3, 0.7]
PLACES = [(46.5, 6.2), (-17.8, 180.0), (-17.8, -180.0), (90.0, 5.0)]
SOURCES = ["human", "imported", "model"]


def some(values: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """Draw one to three values."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("sites", "habitats", "recording_ids", "models", "taxa", "labels", "cluster_ids"), some(TEXTS)),
    **dict.fromkeys(("raw_score_min", "raw_score_max"), st.sampled_from(SCORES)),
    **dict.fromkeys(("snr_min_db", "snr_max_db"), st.sampled_from(NUMBERS)),
    **dict.fromkeys(("heard_from", "heard_before"), st.sampled_from(TIMES)),
    **dict.fromkeys(("reviewed", "human_voice"), st.just(True)),
    "label_sources": some(SOURCES),
    "local_hours": some([0, 4, 23]),
    "month_days": some([101, 503, 1231]),
    "box": st.sampled_from([
        Box(south_deg=46.5, west_deg=6.2, north_deg=46.9, east_deg=7.2),
        Box(south_deg=-20, west_deg=170, north_deg=0, east_deg=-179.95),
    ]),
    "near": st.builds(
        lambda place, radius_m: Near(lat_deg=place[0], lon_deg=place[1], radius_m=radius_m),
        st.sampled_from(PLACES),
        st.sampled_from([0, 5_000, 30_000_000]),
    ),
}  # fmt: skip


def filters(depth: int = 2) -> st.SearchStrategy[SegmentFilter]:
    """Draw filters of up to three conditions, with alternatives and exclusions inside them."""
    given = st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: CONDITIONS[name] for name in names}).filter(has_ends_in_order)
    )
    if depth == 0:
        return given.map(SegmentFilter.model_validate)
    inner = st.lists(filters(depth - 1), max_size=2).map(tuple)
    groups = inner.map(lambda group: (group,) if group else ())
    return st.builds(
        lambda fields, any_of, exclude: SegmentFilter(**fields, any_of=any_of, exclude=exclude), given, groups, inner
    )


def payloads() -> st.SearchStrategy[SegmentPayload]:
    """Draw payloads that have some of everything."""
    place = st.none() | st.sampled_from(PLACES)
    return st.builds(
        lambda place, **fields: SegmentPayload(
            segment_id="s", lat_deg=place and place[0], lon_deg=place and place[1], **fields
        ),
        place,
        recording_id=st.sampled_from(TEXTS),
        **dict.fromkeys(("site", "habitat", "model", "cluster_id"), st.none() | st.sampled_from(TEXTS)),
        heard_at=st.none() | st.sampled_from(TIMES),
        local_hour=st.none() | st.sampled_from([0, 4, 23]),
        month_day=st.none() | st.sampled_from([101, 503, 1231]),
        snr_db=st.none() | st.sampled_from(NUMBERS),
        taxa=st.lists(st.sampled_from(TEXTS), max_size=2).map(tuple),
        scores=st.lists(
            st.builds(ScoredTaxon, taxon=st.sampled_from(TEXTS), raw_score=st.sampled_from(SCORES)), max_size=2
        ).map(tuple),
        labels=st.lists(
            st.builds(GivenLabel, name=st.sampled_from(TEXTS), source=st.sampled_from(SOURCES)), max_size=2
        ).map(tuple),
        human_voice=st.booleans(),
    )


@settings(max_examples=80, deadline=None)
@given(
    before=st.lists(payloads(), max_size=6),
    after=st.lists(payloads(), min_size=1, max_size=8),
    wheres=st.lists(filters(), min_size=1, max_size=8),
)
def test_a_mask_is_what_matches_says(
    before: list[SegmentPayload], after: list[SegmentPayload], wheres: list[SegmentFilter]
) -> None:
    """Rows written, written over and opened again are matched as their payloads of now are."""
    with TemporaryDirectory() as name:
        columns = Columns(Path(name), {})
        columns.put(np.arange(len(before)), before, n_known=0)
        columns.put(np.arange(len(after)), after, n_known=len(before))
        now = [*after, *before[len(after) :]]
        columns = Columns(Path(name), columns.n_entries)
        for where in wheres:
            assert [where.matches(payload) for payload in now] == columns.matching(where, len(now)).tolist()


def test_every_condition_is_answered() -> None:
    """A condition that `SegmentFilter` gains is either answered here or leaves the question to the engine."""
    assert set(SegmentFilter.model_fields) - {"any_of", "exclude", "precision_min"} == ANSWERED


def test_a_condition_that_is_not_known_is_seen_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter is not answered when a condition deep inside it is not."""
    monkeypatch.setattr("rab.store.columns.ANSWERED", ANSWERED - {"habitats"})
    inside = SegmentFilter(sites=("A12",), exclude=(SegmentFilter(habitats=("moor",), sites=("B",)),))
    assert not answers(inside)
    assert answers(SegmentFilter(sites=("A12",)))


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_keep_every_instant(instant: datetime) -> None:
    """From the year 1 to 9999 an instant comes back whole from 64 bits."""
    number = int(np.int64(microseconds(instant)))
    assert instant == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
