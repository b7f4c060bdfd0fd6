"""Effort is recording time, counted once and to the microsecond, whatever clock the site keeps."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rab.catalog import Catalog, Gap
from rab.domain import Recording, SegmentFilter, SegmentPayload, StoredSegment, local_time

if TYPE_CHECKING:
    from tests.conftest import Make

NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Library = list[tuple[Recording, list[StoredSegment]]]
EVERYTHING = SegmentFilter()
HOUR_MS = 3_600_000.0
MINUTE_MS = 60_000.0
OF_WHAT_IS_HEARD = {
    *("taxa", "raw_score_min", "raw_score_max", "labels", "label_sources", "reviewed", "human_voice"),
    *("cluster_ids", "snr_min_db", "snr_max_db"),
}


def hours(catalog: Catalog, space: str, where: SegmentFilter = EVERYTHING) -> dict[int, float]:
    """Return the recorder-hours in each hour of the site's clock that has some."""
    effort = catalog.effort(space, where)
    return {one.local_hour: one.recorder_ms / HOUR_MS for one in effort.hours if one.recorder_ms}


def may_match(where: SegmentFilter, recording: Recording, at: datetime | None) -> bool:
    """Return whether any segment that begins at an instant could match."""
    return (
        in_place_and_time(where, recording, at)
        and all(any(may_match(one, recording, at) for one in group) for group in where.any_of)
        and not any(must_match(one, recording, at) for one in where.exclude)
    )


def must_match(where: SegmentFilter, recording: Recording, at: datetime | None) -> bool:
    """Return whether every segment that begins at an instant would match."""
    if OF_WHAT_IS_HEARD & where.conditions.keys():
        return False
    return (
        in_place_and_time(where, recording, at)
        and all(any(must_match(one, recording, at) for one in group) for group in where.any_of)
        and not any(may_match(one, recording, at) for one in where.exclude)
    )


def in_place_and_time(where: SegmentFilter, recording: Recording, at: datetime | None) -> bool:
    """Return whether the conditions on recording, site and time hold."""
    local, notes = local_time(at, recording.notes.zone), recording.notes
    return (
        SegmentFilter(box=where.box, near=where.near, habitats=where.habitats, models=where.models).matches(
            SegmentPayload(
                segment_id="",
                recording_id="",
                lat_deg=notes.lat_deg,
                lon_deg=notes.lon_deg,
                habitat=notes.habitat,
                model="toy-v1",
            )
        )
        and (not where.month_days or (local is not None and int(f"{local:%m%d}") in where.month_days))
        and (not where.sites or recording.site in where.sites)
        and (not where.recording_ids or recording.id in where.recording_ids)
        and (not where.local_hours or (local is not None and local.hour in where.local_hours))
        and (where.heard_from is None or (at is not None and at >= where.heard_from))
        and (where.heard_before is None or (at is not None and at < where.heard_before))
    )


def minutes_of(recording: Recording) -> list[tuple[datetime | None, float]]:
    """Cut a recording into minutes: the beginning of each, and its length in milliseconds."""
    start = recording.notes.started_at
    if start is None:
        return [(None, recording.duration_ms)]
    n_whole, rest_ms = divmod(recording.duration_ms, MINUTE_MS)
    lengths_ms = [MINUTE_MS] * int(n_whole) + [rest_ms]
    return [(start + timedelta(minutes=n), length_ms) for n, length_ms in enumerate(lengths_ms) if length_ms]


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_effort_is_every_minute_that_could_be_heard(
    data: st.DataObject,
    new_catalog: NewCatalog,
    libraries: st.SearchStrategy[Library],
    filters: st.SearchStrategy[SegmentFilter],
    make: "Make",
) -> None:
    """The effort under a random filter is what a count of single minutes gives: in all, by site, by hour and day."""
    library = data.draw(libraries)
    with new_catalog() as catalog:
        for recording, segments in library:
            catalog.commit_recording(recording, make.card(), segments, policy="p")
        for where in data.draw(st.lists(filters, min_size=3, max_size=3)):
            by_site: defaultdict[str | None, float] = defaultdict(float)
            by_hour: defaultdict[int, float] = defaultdict(float)
            days, heard = set(), set()
            for recording, _ in library:
                for at, length_ms in minutes_of(recording):
                    if may_match(where, recording, at):
                        heard.add(recording.id)
                        by_site[recording.site] += length_ms
                        if (local := local_time(at, recording.notes.zone)) is not None:
                            by_hour[local.hour] += length_ms
                            days.add((recording.site, local.date()))
            effort = catalog.effort(make.card().space, where)
            assert pytest.approx(by_site) == {one.site: one.recorder_ms for one in effort.sites}
            assert pytest.approx(by_hour) == {
                one.local_hour: one.recorder_ms for one in effort.hours if one.recorder_ms
            }
            assert (len(heard), len(days)) == (effort.n_recordings, effort.n_recorder_days)
            assert pytest.approx(sum(by_site.values())) == effort.recorder_ms


@pytest.mark.parametrize(
    ("zone", "start", "n_hours", "expected"),
    [
        ("Europe/Zurich", datetime(2025, 10, 25, 22, tzinfo=UTC), 6, {0: 1, 1: 1, 2: 2, 3: 1, 4: 1}),
        ("Europe/Zurich", datetime(2025, 3, 29, 23, tzinfo=UTC), 4, {0: 1, 1: 1, 3: 1, 4: 1}),
        ("Australia/Lord_Howe", datetime(2025, 4, 5, 13, 30, tzinfo=UTC), 3, {0: 0.5, 1: 1.5, 2: 1}),
        ("America/St_Johns", datetime(2010, 11, 7, 2, tzinfo=UTC), 2, {0: 31 / 60, 23: 89 / 60}),
        ("UTC+05:30", datetime(2025, 5, 3, 12, tzinfo=UTC), 1, {17: 0.5, 18: 0.5}),
        ("UTC", datetime(2025, 5, 3, 12, 59, 59, 500_000, tzinfo=UTC), 1, {12: 0.5 / 3600, 13: 3599.5 / 3600}),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(
    catalog: Catalog, make: "Make", zone: str, start: datetime, n_hours: int, expected: dict[int, float]
) -> None:
    """Hours that summer time repeats, skips or cuts short are as long as they were, also where it changes at 00:01."""
    recording = make.recording(started_at=start, zone=zone, duration_ms=n_hours * HOUR_MS)
    catalog.commit_recording(recording, make.card(), [], policy="p")
    assert pytest.approx(expected) == hours(catalog, make.card().space)


def test_a_long_recording_is_split_over_its_hours_and_days(catalog: Catalog, make: "Make") -> None:
    """Fifteen hours over midnight are fifteen hours, on two recorder-days."""
    start = datetime(2025, 5, 3, 18, 30, tzinfo=UTC)
    recording = make.recording(started_at=start, duration_ms=15 * HOUR_MS)
    catalog.commit_recording(recording, make.card(), [], policy="p")
    expected = {18: 0.5, **dict.fromkeys([*range(19, 24), *range(9)], 1.0), 9: 0.5}
    assert expected == hours(catalog, make.card().space)
    effort = catalog.effort(make.card().space, EVERYTHING)
    assert (15 * HOUR_MS, 1, 2) == (effort.recorder_ms, effort.n_recordings, effort.n_recorder_days)
    assert (start, start + timedelta(hours=15)) == (effort.earliest, effort.latest)


def test_a_filter_cuts_into_recordings(catalog: Catalog, make: "Make") -> None:
    """Hours and intervals take their part of a recording; taxa, clusters and SNR take nothing."""
    start = datetime(2025, 5, 3, 18, tzinfo=UTC)
    catalog.commit_recording(make.recording(started_at=start, duration_ms=6 * HOUR_MS), make.card(), [], policy="p")
    for where, expected in [
        (SegmentFilter(local_hours=(19, 20)), 2.0),
        (SegmentFilter(heard_from=start + timedelta(minutes=90), heard_before=start + timedelta(hours=2)), 0.5),
        (SegmentFilter(exclude=SegmentFilter(local_hours=(19,))), 5.0),
        (SegmentFilter(taxa=("Turdus merula",), cluster_ids=("c1",), snr_min_db=10), 6.0),
        (SegmentFilter(exclude=SegmentFilter(taxa=("Turdus merula",), local_hours=(19,))), 6.0),
        (SegmentFilter(exclude=SegmentFilter(exclude=SegmentFilter(taxa=("Turdus merula",)))), 6.0),
        (SegmentFilter(exclude=SegmentFilter()), 0.0),
        (SegmentFilter(sites=("B",)), 0.0),
    ]:
        assert expected * HOUR_MS == catalog.effort(make.card().space, where).recorder_ms, where.words


def test_recording_time_counts_once(catalog: Catalog, make: "Make") -> None:
    """Two models, two channels and overlapping windows do not listen twice; a model counts what it heard alone."""
    card, bats = make.card(), make.card(name="bats")
    stereo, unheard = make.recording("a"), make.recording("b")
    segments = [make.segment(stereo, n, channel=channel) for n in (0, 1) for channel in (0, 1)]
    catalog.commit_recording(stereo, card, segments, policy="p")
    catalog.commit_recording(stereo, bats, [], policy="p")
    catalog.commit_recording(unheard, bats, [], policy="p")
    assert 60_000 == catalog.effort(card.space, EVERYTHING).recorder_ms
    assert 120_000 == catalog.effort(bats.space, EVERYTHING).recorder_ms


def test_a_recording_without_a_clock_counts_in_no_hour(catalog: Catalog, make: "Make") -> None:
    """Without a start or a zone the time counts, but in no hour and on no day, and the recording is told of."""
    catalog.commit_recording(make.recording("a", started_at=None, zone=None), make.card(), [], policy="p")
    catalog.commit_recording(make.recording("b", zone=None), make.card(), [], policy="p")
    effort = catalog.effort(make.card().space, EVERYTHING)
    assert (120_000, 2, 2, 0) == (
        effort.recorder_ms,
        effort.n_recordings,
        effort.n_without_clock,
        effort.n_recorder_days,
    )
    assert {} == hours(catalog, make.card().space)
    assert 0 == catalog.effort(make.card().space, SegmentFilter(local_hours=tuple(range(24)))).recorder_ms


def test_nothing_gives_no_effort(catalog: Catalog) -> None:
    """An empty library has been listened to for no time, from never to never."""
    effort = catalog.effort("nowhere", EVERYTHING)
    assert (0, 0, None, None, ()) == (
        effort.recorder_ms,
        effort.n_recordings,
        effort.earliest,
        effort.latest,
        effort.sites,
    )


def test_the_fingerprint_follows_what_was_counted(new_catalog: NewCatalog, make: "Make") -> None:
    """The same recordings in another order give the same fingerprint, another minute another one."""

    def fingerprint(*recordings: Recording) -> str:
        with new_catalog() as catalog:
            for recording in recordings:
                catalog.commit_recording(recording, make.card(), [], policy="p")
            return catalog.effort(make.card().space, EVERYTHING).rows_sha256

    a, b = make.recording("a"), make.recording("b")
    assert fingerprint(a, b) == fingerprint(b, a)
    assert fingerprint(a, b) != fingerprint(a)
    assert fingerprint(a, b) != fingerprint(a, make.recording("b", duration_ms=120_000))


def test_pauses_are_found_site_by_site(catalog: Catalog, make: "Make") -> None:
    """A pause lies between the latest end before and the next start, longer than asked, within one site."""
    start = datetime(2025, 5, 3, tzinfo=UTC)

    def at(name: str, hour: float, site: str = "A", n_hours: float = 1) -> Recording:
        begins = start + timedelta(hours=hour)
        return make.recording(name, site=site, started_at=begins, duration_ms=n_hours * HOUR_MS)

    long, within, after, next_day = at("long", 0, n_hours=4), at("within", 1), at("after", 5), at("next", 24)
    elsewhere = at("elsewhere", 10, site="B")
    unclocked = make.recording("unclocked", started_at=None, zone=None)
    for recording in (next_day, after, long, within, elsewhere, unclocked):
        catalog.commit_recording(recording, make.card(), [], policy="p")
    short = Gap("A", start + timedelta(hours=4), start + timedelta(hours=5), long.id, after.id)
    night = Gap("A", start + timedelta(hours=6), start + timedelta(hours=24), after.id, next_day.id)
    space = make.card().space
    assert (short, night) == catalog.gaps(space, EVERYTHING, longer_than_ms=HOUR_MS - 1).gaps
    assert (night,) == catalog.gaps(space, EVERYTHING, longer_than_ms=HOUR_MS).gaps
    assert (night,) == catalog.gaps(space, SegmentFilter(sites=("A",)), longer_than_ms=HOUR_MS).gaps
    assert () == catalog.gaps(space, SegmentFilter(sites=("B",)), longer_than_ms=0).gaps
    assert 18 * HOUR_MS == night.duration_ms


def test_the_ends_of_an_asked_interval_bound_gaps(catalog: Catalog, make: "Make") -> None:
    """A recorder that was heard on one day of a month has a gap before that day and another behind it."""
    first, last = datetime(2025, 5, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    begins = datetime(2025, 5, 10, 4, tzinfo=UTC)
    recording = make.recording("a", site="A", started_at=begins, duration_ms=HOUR_MS)
    catalog.commit_recording(recording, make.card(), [], policy="p")
    space, asked = make.card().space, SegmentFilter(heard_from=first, heard_before=last)
    ends = begins + timedelta(hours=1)
    expected = (Gap("A", first, begins, None, recording.id), Gap("A", ends, last, recording.id, None))
    assert expected == catalog.gaps(space, asked, longer_than_ms=24 * HOUR_MS).gaps
    assert () == catalog.gaps(space, EVERYTHING, longer_than_ms=24 * HOUR_MS).gaps
