"""Filters: what they mean, and that their words mean the same."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rab.domain import Box, GivenLabel, Near, ScoredTaxon, SegmentFilter, SegmentPayload, canonical_json, parse_filter
from rab.errors import InputError

NAMES = st.lists(
    st.text(max_size=6) | st.sampled_from(["A12", "not", "a b", 'q"', "a,b", "(x)", "\\", "x=y"]), max_size=3
)
TIMES = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5.5)))).filter(
    lambda time: 1 < time.year < 9999
)
LEVELS_DB = st.floats(-1e6, 1e6)
DAYS = st.dates().map(lambda day: 100 * day.month + day.day)
LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)
BOXES = st.builds(
    lambda parallels, west, east: Box(south_deg=min(parallels), west_deg=west, north_deg=max(parallels), east_deg=east),
    st.tuples(LATITUDES, LATITUDES),
    LONGITUDES,
    LONGITUDES,
)
CIRCLES = st.builds(Near, lat_deg=LATITUDES, lon_deg=LONGITUDES, radius_m=st.floats(0, 1e8) | st.integers(0, 5000))


def midnight(date: object) -> datetime:
    """Return the UTC midnight that begins a day."""
    return datetime.fromisoformat(str(date)).replace(tzinfo=UTC)


CONDITIONS: dict[str, st.SearchStrategy[object]] = {
    "sites": NAMES,
    "habitats": NAMES,
    "recording_ids": NAMES,
    "models": NAMES,
    "taxa": NAMES,
    "raw_score_min": st.floats(0, 1),
    "raw_score_max": st.floats(0, 1),
    "labels": NAMES,
    "label_sources": st.lists(st.sampled_from(["human", "imported", "model"])),
    "reviewed": st.booleans(),
    "human_voice": st.booleans(),
    "cluster_ids": NAMES,
    "local_hours": st.lists(st.integers(0, 23)),
    "month_days": st.lists(DAYS),
    "heard_from": TIMES | st.dates().map(midnight),
    "heard_before": TIMES,
    "box": BOXES,
    "near": CIRCLES,
    "snr_min_db": LEVELS_DB,
    "snr_max_db": LEVELS_DB,
}


def with_ends_in_order(fields: dict[str, Any]) -> dict[str, Any]:
    """Return conditions with the ends of each range swapped where they are crossed; of two equal times one alone."""
    for low, high in (("raw_score_min", "raw_score_max"), ("heard_from", "heard_before"), ("snr_min_db", "snr_max_db")):
        if low in fields and high in fields:
            first, last = sorted((fields[low], fields[high]))
            fields = fields | {low: first, high: last}
    if "heard_from" in fields and fields["heard_from"] == fields.get("heard_before"):
        return {name: value for name, value in fields.items() if name != "heard_before"}
    return fields


def filters(depth: int = 3) -> st.SearchStrategy[SegmentFilter]:
    """Draw filters with alternatives and exclusions in them, `depth` deep."""
    names = st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=4, unique=True)
    own = names.flatmap(lambda names: st.fixed_dictionaries({name: CONDITIONS[name] for name in names}))
    own = own.map(with_ends_in_order)
    if depth == 0:
        return own.map(SegmentFilter.model_validate)
    inner = filters(depth - 1)
    parts = {
        "any_of": st.lists(st.lists(inner, min_size=1, max_size=3), max_size=2),
        "exclude": st.lists(inner, max_size=2),
    }
    return st.builds(lambda own, parts: SegmentFilter.model_validate(own | parts), own, st.fixed_dictionaries(parts))


FULL = SegmentPayload(
    segment_id="s1",
    recording_id="r1",
    site="A12",
    heard_at=datetime(2025, 5, 3, 4, tzinfo=UTC),
    local_hour=6,
    snr_db=10.0,
    taxa=("Strix aluco", "Turdus merula"),
    scores=(
        ScoredTaxon(taxon="Turdus merula", raw_score=0.8),
        ScoredTaxon(taxon="Strix aluco", raw_score=0.6),
        ScoredTaxon(taxon="Parus major", raw_score=0.1),
    ),
    cluster_id="c0.9fa2",
    habitat="spruce",
    lat_deg=46.5,
    lon_deg=6.2,
    month_day=503,
    model="toy-v1",
    labels=(GivenLabel(name="Turdus merula", source="imported"), GivenLabel(name="alarm call", source="human")),
    human_voice=True,
)
BARE = SegmentPayload(segment_id="s2", recording_id="r2")
PAYLOADS = st.sampled_from([
    FULL,
    BARE,
    FULL.model_copy(update={"labels": (), "human_voice": False, "site": "A", "local_hour": 23}),
    FULL.model_copy(update={"lat_deg": -17.0, "lon_deg": 180.0, "scores": (), "month_day": 229}),
])  # fmt: skip


@settings(deadline=None)
@given(filters())
@example(SegmentFilter(any_of=((SegmentFilter(sites=("A",)), SegmentFilter(snr_min_db=3)),) * 2))
@example(SegmentFilter(sites=("A",), any_of=((SegmentFilter(sites=("B",), local_hours=(3,)),),)))
@example(SegmentFilter(taxa=("A",), any_of=((SegmentFilter(raw_score_min=0.5),),)))
@example(SegmentFilter(taxa=("A", "b c"), precision_min=0.9, raw_score_max=0.95))
@example(SegmentFilter(taxa=("A",), any_of=((SegmentFilter(taxa=("A",), precision_min=0.9),),)))
@example(SegmentFilter(exclude=SegmentFilter(taxa=("A",), precision_min=0.123456 + 0.5)))
@example(SegmentFilter(exclude=SegmentFilter()))
@example(SegmentFilter(exclude=SegmentFilter(exclude=SegmentFilter(sites=("B",)))))
@example(SegmentFilter(local_hours=tuple(range(24)), snr_min_db=-0.0))
@example(SegmentFilter(snr_min_db=10, any_of=((SegmentFilter(snr_max_db=5),),)))
@example(SegmentFilter(any_of=((SegmentFilter(snr_min_db=10),), (SegmentFilter(snr_max_db=5, sites=("A",)),))))
def test_words_read_back_as_the_same_filter(where: SegmentFilter) -> None:
    """Any filter survives being written and read, odd names, nesting and microseconds included."""
    assert where == parse_filter(where.words)
    assert where.words == parse_filter(where.words).words


@given(
    st.text(max_size=40)
    | st.text(alphabet='site=hourntxafbe<>().,"\\ 0123', max_size=40)
    | st.lists(
        st.sampled_from(
            [
                *(
                    "(",
                    ")",
                    "or",
                    "and",
                    "not",
                    "snr>=3",
                    "snr<=2",
                    "everything",
                    "reviewed",
                    "voice",
                    "site=A",
                    "site=B,C",
                    "hour=3",
                    "taxon=X",
                ),
                *("precision>=0.9", "taxon=X precision>=0.95"),
                *("score>=0.5", "label=y", "source=human", "date=12-30..01-02", "near=1,2,3km", "box=1,2,3,4"),
            ]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    """No text ends in another kind of error, and what is read can be written."""
    try:
        where = parse_filter(text)
    except InputError:
        return
    assert where == parse_filter(where.words)


@given(filters(2), filters(2), filters(1))
@settings(deadline=None, max_examples=60)
def test_one_question_has_one_spelling(one: SegmentFilter, two: SegmentFilter, three: SegmentFilter) -> None:
    """Order, parentheses and repetition change neither the words nor the bytes."""

    def either(*group: SegmentFilter) -> SegmentFilter:
        return SegmentFilter(any_of=(group,))

    def both(*parts: SegmentFilter) -> SegmentFilter:
        return SegmentFilter(any_of=tuple((part,) for part in parts))

    def none_of(*parts: SegmentFilter) -> SegmentFilter:
        return SegmentFilter(exclude=parts)

    spellings = [
        (either(one, two, three), either(three, either(two, one), one)),
        (both(one, two), both(two, one)),
        (none_of(one, two), none_of(either(two, one))),
        (both(one), one),
        (both(one, one), one),
    ]
    for first, second in spellings:
        assert first == second
        assert canonical_json(first) == canonical_json(second)


@settings(deadline=None, max_examples=60)
@given(filters(2), filters(2), st.lists(PAYLOADS, min_size=1, max_size=5))
def test_the_one_form_means_what_was_asked(
    one: SegmentFilter, two: SegmentFilter, payloads: Sequence[SegmentPayload]
) -> None:
    """And, or and not mean what they mean, however the filter is put into its one form."""
    for payload in payloads:
        first, second = one.matches(payload), two.matches(payload)
        assert (first or second) == SegmentFilter(any_of=((one, two),)).matches(payload)
        assert (first and second) == SegmentFilter(any_of=((one,), (two,))).matches(payload)
        assert (first and not second) == SegmentFilter(any_of=((one,),), exclude=(two,)).matches(payload)
        assert (not first) == SegmentFilter(exclude=(one,)).matches(payload)
        assert (first and second) == parse_filter(f"({one.words}) ({two.words})").matches(payload)
        assert (first or not second) == parse_filter(f"({one.words}) or not ({two.words})").matches(payload)


def test_the_grammar_is_the_one_that_is_documented() -> None:
    """Every kind of condition, as people write it."""
    where = parse_filter(
        'site=A12,"B 7" hour=22..1,12 snr>=10 snr<=30.5 taxon="Turdus merula" from=2025-05-03 before=2025-05-04T06:00Z '
        'score>=0.7 score<=0.9 label="alarm call" source=human,model reviewed voice date=11-15..02-28 model=m-v1 '
        "box=45.9,5.8,46.9,7.2 near=46.5,6.2,5km habitat=spruce (site=C or hour=4..5 not snr<=0) "
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
        raw_score_min=0.7,
        raw_score_max=0.9,
        labels=("alarm call",),
        label_sources=("human", "model"),
        reviewed=True,
        human_voice=True,
        month_days=(*range(101, 132), *range(201, 229), *range(1115, 1131), *range(1201, 1232)),
        models=("m-v1",),
        box=Box(south_deg=45.9, west_deg=5.8, north_deg=46.9, east_deg=7.2),
        near=Near(lat_deg=46.5, lon_deg=6.2, radius_m=5000),
        habitats=("spruce",),
        any_of=(
            (
                SegmentFilter(sites=("C",)),
                SegmentFilter(local_hours=(4, 5), exclude=(SegmentFilter(snr_max_db=0),)),
            ),
        ),
        exclude=(SegmentFilter(sites=("B",)),),
    )
    assert expected == where
    assert where.words == (
        'site=A12,"B 7" habitat=spruce recording=ab model=m-v1 taxon="Turdus merula" score>=0.7 score<=0.9 '
        'label="alarm call" source=human,model reviewed voice cluster=c3.9fa2 hour=12,22..1 date=11-15..02-28 '
        "from=2025-05-03 before=2025-05-04T06:00Z box=45.9,5.8,46.9,7.2 near=46.5,6.2,5km snr>=10 snr<=30.5 "
        "(hour=4..5 not snr<=0 or site=C) not site=B"
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
        ("hour=0..23", "hour=0..23"),
        ("date=1-2,01-03", "date=01-02..01-03"),
        ("date=12-30..01-02", "date=12-30..01-02"),
        ("date=02-28..03-01", "date=02-28..03-01"),
        ("date=02-28,03-01", "date=02-28,03-01"),
        ("near=46.50,6.2,0.5km", "near=46.5,6.2,500m"),
        ("near=-1,2,1500m", "near=-1,2,1.5km"),
        ("(site=A)", "site=A"),
        ("site=A and hour=3", "site=A hour=3"),
        ("not site=A and hour=3", "hour=3 not site=A"),
        ("not (site=A and hour=3) and voice", "voice not (site=A hour=3)"),
        ("site=A and hour=3 or voice and reviewed", "reviewed voice or site=A hour=3"),
        ("voice or site=A and hour=3 snr>=1", "site=A hour=3 snr>=1 or voice"),
        ("snr>=5 snr<=5", "snr>=5 snr<=5"),
        ("((site=A) hour=3)", "site=A hour=3"),
        ("site=A or site=B", "site=A,B"),
        ("site=B hour=4 or snr>=3", "site=B hour=4 or snr>=3"),
        ("snr>=3 or (reviewed or voice)", "reviewed or snr>=3 or voice"),
        ("(voice or reviewed) site=A", "site=A (reviewed or voice)"),
        ("voice or everything", "everything"),
        ("voice or not everything", "voice"),
        ("site=A hour=3 not everything", "not everything"),
        ("not site=A not site=B", "not site=A,B"),
        ("not (voice or reviewed)", "not reviewed not voice"),
        ("not not voice", "voice"),
        ("not (not voice not reviewed)", "reviewed or voice"),
        ("site=A (site=A)", "site=A"),
        ("site=A (site=B)", "site=A (site=B)"),
        ("taxon=X (score>=0.5)", "taxon=X (score>=0.5)"),
        ("label=X (source=human)", "label=X (source=human)"),
        ("precision>=0.90 score<=0.95 taxon=Y,X", "taxon=X,Y score<=0.95 precision>=0.9"),
        ("(taxon=X precision>=0.9) site=A", "site=A taxon=X precision>=0.9"),
        ("taxon=X (taxon=X precision>=0.9)", "taxon=X (taxon=X precision>=0.9)"),
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
        ("reviewed reviewed", "'reviewed' stands twice"),
        ("or site=A", "missing before 'or'"),
        ("and site=A", "missing before 'and'"),
        ("site=A and", "missing at the end"),
        ("site=A and and voice", "missing before 'and'"),
        ("site=A and or voice", "missing before 'or'"),
        ("(site=A and) voice", "missing before ')'"),
        ("not and site=A", "missing after 'not'"),
        ("and=3", "'and=' stands where one of site="),
        ("snr>=10 snr<=5", "no SNR can meet snr>=10 snr<=5: swap the ends"),
        ("score<=0.1 score>=0.9", "no score can meet score>=0.9 score<=0.1: swap the ends"),
        ("from=2009-01-01 before=2008-01-01", "no time can meet from=2009-01-01 before=2008-01-01: swap the ends"),
        ("from=2009-01-01 before=2009-01-01", "no time can meet from=2009-01-01 before=2009-01-01"),
        ("site=A or not (snr>=10 snr<=5)", "no SNR can meet snr>=10 snr<=5"),
        ("site=A or", "missing at the end"),
        ("site=A or )", "missing before ')'"),
        ("()", "missing before ')'"),
        ("not or site=A", "missing after 'not'"),
        ("reviewed=yes", "'reviewed=' stands where"),
        ("score>=2", "in score>=, '2' is no raw score from 0 to 1"),
        ("precision>=0.9", "precision>= needs a taxon beside it"),
        ("taxon=X (precision>=0.9)", "precision>= needs a taxon beside it"),
        ("taxon=X precision>=1", "in precision>=, '1' is no precision from 0.5 to 0.99"),
        ("taxon=X precision<=0.9", "'precision<=' stands where"),
        ("source=robot", "'robot' is no source of labels: human, imported or model"),
        ("date=02-30", "'02-30' is no day of the year"),
        ("date=04-15..07-32", "'04-15..07-32' is no day of the year"),
        ("box=1,2,3", "a box has four sides, south,west,north,east, not 3"),
        ("box=5,2,3,4", "the south of a box, 5.0, lies north of its north, 3.0"),
        ("box=1,2,3,x", "'x' is no longitude"),
        ("near=46,6", "'46,6' is no latitude, longitude and distance"),
        ("near=46,6,5", "'46,6,5' is no latitude, longitude and distance"),
        ("near=46,6,-5km", "in near=, '-5' is no distance in km from 0 to 100,000"),
        ("near=95,6,5km", "in near=, '95' is no latitude from -90 to 90"),
        ("near=46,186,5km", "in near=, '186' is no longitude from -180 to 180"),
        ("box=95,0,96,1", "in box=, '95' is no latitude from -90 to 90"),
        ("(" * 8 + "site=A" + ")" * 8, "at most 8 deep"),
        (" or ".join(f"site=A snr>={n}" for n in range(200)), "128 filters"),
        ("recording=" + ",".join(map(str, range(10_001))), "10,000 values"),
        ("not", "missing after 'not'"),
        ("not (site=A", "not closed"),
        ("site=A)", "none opened"),
        ('site="A', "is no condition"),
        ('site="\\x"', "escape"),
        ("hour=24", "'24' is no hour"),
        ("hour=4-6", "'4-6' is no hour"),
        ("snr>=loud", "'loud'"),
        ("snr>=nan", "in snr>=, 'nan' is no number"),
        ("snr>=1,2", "one value is wanted, not 2"),
        ("from=yesterday", "in from=, 'yesterday' is no date or time such as 2025-05-03"),
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
    "fields",
    [
        {"local_hours": (24,)},
        {"local_hours": (-1,)},
        {"heard_from": "2025-05-03T00:00"},
        {"site": "A"},
        {"precision_min": 0.9},
        {"taxa": ("X",), "precision_min": 0.4},
    ],
)
def test_a_filter_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    """Hours beyond the clock, times without a zone and fields that are none raise."""
    with pytest.raises(ValidationError):
        SegmentFilter.model_validate(fields)


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
        ('taxon="Turdus merula" score>=0.8', True, False),
        ('taxon="Turdus merula" score>=0.8001', False, False),
        ('taxon="Parus major" score<=0.1', True, False),
        ("score>=0.81", False, False),
        ("score>=0.3 score<=0.5", False, False),
        ("score>=0.6 score<=0.6", True, False),
        ('label="alarm call"', True, False),
        ('label="alarm call" source=imported', False, False),
        ('label="Turdus merula" source=imported,model', True, False),
        ("source=model", False, False),
        ("reviewed", True, False),
        ("voice", True, False),
        ("not reviewed", False, True),
        ("habitat=spruce", True, False),
        ("model=toy-v1", True, False),
        ("date=05-03", True, False),
        ("date=11-01..05-03", True, False),
        ("date=05-04..05-02", False, False),
        ("box=46.5,6.2,46.5,6.2", True, False),
        ("box=46.500001,6,47,7", False, False),
        ("not box=0,0,1,1", True, True),
        ("near=46.5,6.2,0m", True, False),
        ("near=46.5,6.3,8km", True, False),
        ("near=46.5,6.3,7.6km", False, False),
        ("not near=46.5,6.2,5km", False, True),
        ("site=B or hour=6", True, False),
        ("site=B or hour=5 or not voice", False, True),
        ("(site=B or hour=6) (voice or site=B)", True, False),
        ("recording=r1,r2 not (site=A12 not hour=6)", True, True),
    ],
)
def test_a_filter_means_what_it_says(words: str, full: bool, bare: bool) -> None:
    """Bounds, several values, missing fields and exclusion, on a segment with everything and one with nothing."""
    where = parse_filter(words)
    assert (full, bare) == (where.matches(FULL), where.matches(BARE))


@pytest.mark.parametrize("words", ["", "site=A12 or ", "site=Q ", "not ", "reviewed or not voice not "])
@pytest.mark.parametrize("payload", [FULL, BARE])
def test_no_segment_answers_for_a_precision(words: str, payload: SegmentPayload) -> None:
    """Which raw score is meant is unknown, so nothing matches or fails, even where another condition would decide."""
    where = parse_filter(f'{words}(taxon="Turdus merula" precision>=0.9)')
    assert where.asks_precision
    with pytest.raises(InputError, match=r"Turdus merula.* precision>=0\.9.* asks for a precision"):
        where.matches(payload)


def test_a_precision_is_written_only_where_it_is_asked_for() -> None:
    """Packs that were sealed before there were precisions keep their bytes; a filter with one survives JSON."""
    assert b"precision" not in canonical_json(parse_filter("taxon=X not taxon=Y"))
    where = parse_filter("taxon=X precision>=0.9 not (taxon=Y precision>=0.95)")
    assert where == SegmentFilter.model_validate_json(canonical_json(where))


def test_only_the_filter_without_conditions_is_empty() -> None:
    """An exclusion is a condition too."""
    assert SegmentFilter().is_empty
    assert not SegmentFilter(exclude=SegmentFilter()).is_empty
    assert not SegmentFilter(snr_min_db=0).is_empty


@pytest.mark.parametrize(
    ("words", "inside"),
    [
        ("box=-18,170,-16,-170", True),
        ("box=-18,170,-16,180", True),
        ("box=-18,-180,-16,-170", True),
        ("box=-18,-170,-16,170", False),
        ("near=-17,-179.999,200m", True),
        ("near=-17,-179.999,100m", False),
    ],
)
@pytest.mark.parametrize("lon_deg", [180.0, -180.0])
def test_180_degrees_is_one_meridian(words: str, inside: bool, lon_deg: float) -> None:
    """A place on the antimeridian is found from both sides, however its longitude is written."""
    fiji = BARE.model_copy(update={"lat_deg": -17.0, "lon_deg": lon_deg})
    assert inside == parse_filter(words).matches(fiji)


@given(CIRCLES, LATITUDES, LONGITUDES)
def test_distance_is_the_great_circle(near: Near, lat_deg: float, lon_deg: float) -> None:
    """The haversine formula agrees, but for the last centimetres, and what is near lies in the box around it."""
    lat, lon, lat0, lon0 = map(math.radians, (lat_deg, lon_deg, near.lat_deg, near.lon_deg))
    half = math.sin((lat - lat0) / 2) ** 2 + math.cos(lat) * math.cos(lat0) * math.sin((lon - lon0) / 2) ** 2
    metres = 2 * 6_371_008.8 * math.asin(min(1.0, math.sqrt(half)))
    if abs(metres - near.radius_m) > 1 + metres * 1e-6:
        assert (metres < near.radius_m) == near.holds(lat_deg, lon_deg)
    if near.holds(lat_deg, lon_deg):
        assert near.box.holds(lat_deg, lon_deg)


def test_an_old_payload_can_be_read() -> None:
    """A payload stored before fields were added has none of them, and says that it is old."""
    old = SegmentPayload.model_validate({"segment_id": "s", "recording_id": "r", "taxa": ["Strix aluco"]})
    assert (1, (), None, False) == (old.version, old.labels, old.month_day, old.reviewed)
