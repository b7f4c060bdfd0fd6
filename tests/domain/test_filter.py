"""Filters: what they mean, and that their words mean the same."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from rab.domain import SegmentFilter, SegmentPayload, canonical_json, parse_filter
from rab.errors import InputError

NAMES = st.lists(
    st.text(max_size=6) | st.sampled_from(["A12", "not", "a b", 'q"', "a,b", "(x)", "\\", "x=y"]), max_size=3
)
TIMES = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5.5)))).filter(
    lambda time: 1 < time.year < 9999
)
LEVELS_DB = st.none() | st.floats(-1e6, 1e6)


def filters(depth: int = 3) -> st.SearchStrategy[SegmentFilter]:
    """Draw filters that exclude filters, `depth` deep."""
    return st.builds(
        SegmentFilter,
        sites=NAMES,
        recording_ids=NAMES,
        taxa=NAMES,
        cluster_ids=NAMES,
        local_hours=st.lists(st.integers(0, 23)),
        heard_from=st.none() | TIMES | st.dates().map(midnight),
        heard_before=st.none() | TIMES,
        snr_min_db=LEVELS_DB,
        snr_max_db=LEVELS_DB,
        exclude=st.none() if depth == 0 else st.none() | filters(depth - 1),
    )


def midnight(date: object) -> datetime:
    """Return the UTC midnight that begins a day."""
    return datetime.fromisoformat(str(date)).replace(tzinfo=UTC)


@given(filters())
@example(SegmentFilter(exclude=SegmentFilter()))
@example(SegmentFilter(exclude=SegmentFilter(exclude=SegmentFilter(sites=("B",)))))
@example(SegmentFilter(local_hours=tuple(range(24)), snr_min_db=-0.0))
def test_words_read_back_as_the_same_filter(where: SegmentFilter) -> None:
    """Any filter survives being written and read, odd names, nesting and microseconds included."""
    assert where == parse_filter(where.words)
    assert where.words == parse_filter(where.words).words


@given(st.text(max_size=40) | st.text(alphabet='site=hourntxafbe<>().,"\\ 0123', max_size=40))
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    """No text ends in another kind of error, and what is read can be written."""
    try:
        where = parse_filter(text)
    except InputError:
        return
    assert where == parse_filter(where.words)


def test_the_grammar_is_the_one_that_is_documented() -> None:
    """Every kind of condition, as people write it."""
    where = parse_filter(
        'site=A12,"B 7" hour=22..1,12 snr>=10 snr<=30.5 taxon="Turdus merula" from=2025-05-03 before=2025-05-04T06:00Z '
        "not site=B cluster=c3.9fa2 recording=ab"
    )
    expected = SegmentFilter(
        sites=("A12", "B 7"),
        recording_ids=("ab",),
        taxa=("Turdus merula",),
        cluster_ids=("c3.9fa2",),
        local_hours=(22, 23, 0, 1, 12),
        heard_from=datetime(2025, 5, 3, tzinfo=UTC),
        heard_before=datetime(2025, 5, 4, 6, tzinfo=UTC),
        snr_min_db=10,
        snr_max_db=30.5,
        exclude=SegmentFilter(sites=("B",)),
    )
    assert expected == where
    assert where.words == (
        'site=A12,"B 7" recording=ab taxon="Turdus merula" cluster=c3.9fa2 hour=0..1,12,22..23 '
        "from=2025-05-03 before=2025-05-04T06:00Z snr>=10 snr<=30.5 not site=B"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "everything"),
        ("  everything  ", "everything"),
        ("not everything", "not everything"),
        ("not (snr>=3.0   site=B)", "not (site=B snr>=3)"),
        ("not (site=B)", "not site=B"),
        ("hour=4,5,6,8", "hour=4..6,8"),
        ("from=2025-05-03T02:00+02:00", "from=2025-05-03"),
        ("before=2025-05-03T04:05:06", "before=2025-05-03T04:05:06Z"),
        ("from=2025-05-03T04:00:00.000001Z", "from=2025-05-03T04:00:00.000001Z"),
        ("site=b,a,b", "site=a,b"),
    ],
)
def test_words_are_the_shortest_that_say_it(text: str, words: str) -> None:
    """One filter has one spelling, times without a zone being UTC."""
    assert words == parse_filter(text).words


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sight=A", "'sight=' stands where one of site="),
        ("A12", "'A12' is no condition"),
        ("site=", "'site=' is no condition"),
        ("site=A site=B", "'site=' stands twice"),
        ("not site=A not site=B", "'not' stands twice"),
        ("not", "missing after 'not'"),
        ("not (site=A", "not closed"),
        ("site=A)", "none opened"),
        ('site="A', "is no condition"),
        ('site="\\x"', "escape"),
        ("hour=24", "'24' is no hour"),
        ("hour=4-6", "'4-6' is no hour"),
        ("snr>=loud", "'loud'"),
        ("snr>=nan", "finite"),
        ("snr>=1,2", "one value is wanted, not 2"),
        ("from=yesterday", "'yesterday'"),
        ("from=0001-01-01T00:00+05:00", "outside the years"),
        ("not " * 8 + "site=A", "at most 8 deep"),
        ("not " * 100_000, "at most 8 deep"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, why: str) -> None:
    """The error says which word, and the hint shows how to write it."""
    with pytest.raises(InputError, match="cannot be used") as refused:
        parse_filter(text)
    assert why in refused.value.message
    assert "site=A12" in refused.value.hint


def test_equal_questions_are_equal_values() -> None:
    """The order of values, their repetition and the zone of a time change nothing, not even the bytes."""
    one = SegmentFilter(
        sites=("b", "a", "b"), local_hours=(5, 4), heard_from=datetime.fromisoformat("2025-05-03T06:00+02:00")
    )
    other = SegmentFilter(
        sites=("a", "b"), local_hours=(4, 5, 4), heard_from=datetime.fromisoformat("2025-05-03T04:00Z")
    )
    assert one == other
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    "fields", [{"local_hours": (24,)}, {"local_hours": (-1,)}, {"heard_from": "2025-05-03T00:00"}, {"site": "A"}]
)
def test_a_filter_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    """Hours beyond the clock, times without a zone and fields that are none raise."""
    with pytest.raises(ValidationError):
        SegmentFilter.model_validate(fields)


FULL = SegmentPayload(
    segment_id="s1",
    recording_id="r1",
    site="A12",
    heard_at=datetime(2025, 5, 3, 4, tzinfo=UTC),
    local_hour=6,
    snr_db=10.0,
    taxa=("Strix aluco", "Turdus merula"),
    cluster_id="c0.9fa2",
)
BARE = SegmentPayload(segment_id="s2", recording_id="r2")


@pytest.mark.parametrize(
    ("words", "full", "bare"),
    [
        ("everything", True, True),
        ("not everything", False, False),
        ("site=A12", True, False),
        ("site=B,A12", True, False),
        ("site=a12", False, False),
        ("recording=r2", False, True),
        ('taxon="Turdus merula","Parus major"', True, False),
        ('taxon="Parus major"', False, False),
        ("cluster=c0.9fa2", True, False),
        ("hour=5..6", True, False),
        ("hour=7..5", False, False),
        ("from=2025-05-03T04:00Z", True, False),
        ("from=2025-05-03T04:00:00.000001Z", False, False),
        ("before=2025-05-03T04:00Z", False, False),
        ("before=2025-05-03T04:00:00.000001Z", True, False),
        ("snr>=10", True, False),
        ("snr<=10", True, False),
        ("snr>=10.01", False, False),
        ("snr<=9.99", False, False),
        ("site=A12 hour=5", False, False),
        ("not site=A12", False, True),
        ("not (site=A12 hour=5)", True, True),
        ("not snr>=0", False, True),
        ("not not site=A12", True, False),
        ("recording=r1,r2 not (site=A12 not hour=6)", True, True),
    ],
)
def test_a_filter_means_what_it_says(words: str, full: bool, bare: bool) -> None:
    """Bounds, several values, missing fields and exclusion, on a segment with everything and one with nothing."""
    where = parse_filter(words)
    assert (full, bare) == (where.matches(FULL), where.matches(BARE))


def test_only_the_filter_without_conditions_is_empty() -> None:
    """An exclusion is a condition too."""
    assert SegmentFilter().is_empty
    assert not SegmentFilter(exclude=SegmentFilter()).is_empty
    assert not SegmentFilter(snr_min_db=0).is_empty
