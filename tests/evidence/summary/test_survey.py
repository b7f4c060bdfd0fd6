"""A small survey whose every figure is counted by hand: two sites, twelve days, a blackbird, a cuckoo and an engine.

At each site ten minutes are recorded from 04:00 and from 12:00 on each day. The blackbird is heard at Marsh at 04:00
on all twelve days, in two segments each time, and at Ridge at 12:00 on the first day. The cuckoo is heard at Ridge at
04:00 on the last day. An engine is heard at Marsh at 12:00 on the second day.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rab.catalog import Catalog
from rab.domain import AggregateEntry, EvidencePack, Label, SegmentFilter, StoredSegment, rejection_of
from rab.domain.filter import parse_filter
from rab.errors import InputError
from rab.evidence.summary.comparison import previous
from rab.evidence.summary.contrast import ContrastPolicy
from rab.evidence.summary_pack import Beside, CalibratedThreshold, SummaryPolicy, gather_summary

if TYPE_CHECKING:
    from tests.conftest import Make

FIRST = datetime(2025, 5, 5, tzinfo=UTC)  # a Monday
N_DAYS = 12
BLACKBIRD, CUCKOO = "Turdus merula", "Cuculus canorus"
POLICY = SummaryPolicy(min_weeks_days=10)
PLACES = {"Marsh": (52.0, 5.0), "Ridge": (52.5, 5.5)}


def heard_in(make: "Make", site: str, day: int, hour: int) -> list[list[tuple[str, float]]]:
    """Return the names and raw scores of each segment of a recording."""
    if site == "Marsh" and hour == 4:
        return [[(BLACKBIRD, 0.9)], [(BLACKBIRD, 0.5)], []]
    if (site, day, hour) == ("Ridge", 0, 12):
        return [[(BLACKBIRD, 0.4)]]
    if (site, day, hour) == ("Ridge", N_DAYS - 1, 4):
        return [[(CUCKOO, 0.8)]]
    if (site, day, hour) == ("Marsh", 1, 12):
        return [[("Engine", 0.7)]]
    return [[]]


@pytest.fixture
def catalog(tmp_path: Path, make: "Make") -> Iterator[Catalog]:
    """The survey, as a catalog of one model."""
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        for site, (lat_deg, lon_deg) in PLACES.items():
            for day in range(N_DAYS):
                for hour in (4, 12):
                    recording = make.recording(
                        f"{site}-{day:02}-{hour:02}",
                        site=site,
                        started_at=FIRST + timedelta(days=day, hours=hour),
                        duration_ms=600_000,
                        lat_deg=lat_deg,
                        lon_deg=lon_deg,
                    )
                    segments = [
                        make.segment(recording, n, scores=[make.score(*one) for one in scores])
                        for n, scores in enumerate(heard_in(make, site, day, hour))
                    ]
                    catalog.commit_recording(recording, make.card(score_threshold=0.3), segments, policy="p")
        yield catalog


def gathered(catalog: Catalog, make: "Make", where: str = "", beside: Beside = Beside()) -> EvidencePack:
    card = make.card(score_threshold=0.3)
    contrast = ContrastPolicy(n_bootstraps=199)
    return gather_summary(catalog, card, where=parse_filter(where), policy=POLICY, contrast=contrast, beside=beside)


def figures(pack: EvidencePack, name: str) -> dict[str | None, AggregateEntry]:
    return {entry.group: entry for entry in pack.aggregates if entry.name == name}


def values(pack: EvidencePack, name: str) -> dict[str | None, tuple[float, float | None]]:
    found = figures(pack, name)
    return {group: (one.value, one.denominator) for group, one in found.items()}


def segments_of(catalog: Catalog, make: "Make", where: str) -> list[StoredSegment]:
    return catalog.list_segments(make.card().space, parse_filter(where))


def test_effort_and_detections_are_those_of_the_field_book(catalog: Catalog, make: "Make") -> None:
    """48 recordings of ten minutes are 8 h over 24 recorder-days; the blackbird has 25 segments on 13 of them."""
    pack = gathered(catalog, make)
    assert {None: 8.0, "site:Marsh": 4.0, "site:Ridge": 4.0} == {
        group: entry.value for group, entry in figures(pack, "effort_hours").items()
    }
    assert 24 == figures(pack, "recorder_days")[None].value
    assert {BLACKBIRD: (25, 8.0), CUCKOO: (1, 8.0)} == values(pack, "detections")
    assert {BLACKBIRD: (13, 24), CUCKOO: (1, 24)} == values(pack, "detection_days")
    assert {"Engine": (1, 8.0)} == values(pack, "sound_detections")
    assert 2 == figures(pack, "n_taxa")[None].value


def test_sites_and_days_are_told_apart(catalog: Catalog, make: "Make") -> None:
    """The blackbird was detected at both sites, on 12 of 12 days and on 1 of 12; the cuckoo at one of two."""
    pack = gathered(catalog, make)
    assert {BLACKBIRD: (2, 2), CUCKOO: (1, 2)} == values(pack, "occupied_sites")
    assert {
        f"{BLACKBIRD}\tMarsh": (12, 12),
        f"{BLACKBIRD}\tRidge": (1, 12),
        f"{CUCKOO}\tMarsh": (0, 12),
        f"{CUCKOO}\tRidge": (1, 12),
    } == values(pack, "history_days")


def test_time_is_normalised_by_effort(catalog: Catalog, make: "Make") -> None:
    """At 04:00 and at 12:00 4 h were recorded each; the first week has 7 days at both sites, the second 5."""
    pack = gathered(catalog, make)
    assert {"04": (25, 4.0), "12": (1, 4.0)} == values(pack, "detections_by_hour")
    week = {
        group: (value, round(hours or 0, 6)) for group, (value, hours) in values(pack, "detections_by_week").items()
    }
    assert {"2025-05-05": (15, round(14 / 3, 6)), "2025-05-12": (11, round(10 / 3, 6))} == week
    assert {} == values(pack, "detections_by_month")


def test_a_taxon_that_is_heard_often_has_its_own_times(catalog: Catalog, make: "Make") -> None:
    """The blackbird has 24 of its 25 segments at 04:00, at dawn; a cuckoo heard once has no times."""
    pack = gathered(catalog, make)
    assert {f"{BLACKBIRD}\t04": (24, 4.0), f"{BLACKBIRD}\t12": (1, 4.0)} == values(pack, "taxon_by_hour")
    sun = {group: value for group, (value, _) in values(pack, "taxon_by_sun").items()}
    assert {f"{BLACKBIRD}\tdawn": 24, f"{BLACKBIRD}\tday": 1} == sun
    weeks = {group: value for group, (value, _) in values(pack, "taxon_by_week").items()}
    assert {f"{BLACKBIRD}\t2025-05-05": 15, f"{BLACKBIRD}\t2025-05-12": 10} == weeks
    entry = figures(pack, "taxon_by_hour")[f"{BLACKBIRD}\t04"]
    assert (entry.group_words, entry.exemplar_raw_scores) == ("Eurasian Blackbird, 04:00–05:00", (0.9,))


def test_the_sun_decides_what_is_dawn(catalog: Catalog, make: "Make") -> None:
    """In May at 52° N 5° E the sun rises between 03:45 and 04:00 UTC: 04:00 is dawn, noon is day, and all is told."""
    pack = gathered(catalog, make)
    by_sun = {
        group: (value, round(hours or 0, 6)) for group, (value, hours) in values(pack, "detections_by_sun").items()
    }
    assert {"dawn": (25, 4.0), "day": (1, 4.0)} == by_sun
    assert {} == values(pack, "sunless_turns")


def test_richness_is_over_recorder_days(catalog: Catalog, make: "Make") -> None:
    """Two taxa on 24 recorder-days, the cuckoo on one: half of them hold it every second time."""
    pack = gathered(catalog, make)
    assert (24, 2, 12) == tuple(
        figures(pack, name)[None].value for name in ("richness_days", "richness_taxa", "richness_half_days")
    )
    missed = 1.0
    for n in range(12):
        missed *= (11 - n) / (24 - n)  # all 12 drawn days are among the 11 without a blackbird: none is left to draw
    assert 1.5 - missed == pytest.approx(figures(pack, "richness_at_half")[None].value)
    in_order = figures(pack, "richness_in_order")
    assert (1, 2) == (in_order["000001"].value, in_order["000024"].value)
    assert {} == values(pack, "chao2")


def test_what_people_said_stands_beside_what_was_counted(catalog: Catalog, make: "Make") -> None:
    """One blackbird is verified, by its common name in other capitals; one is rejected; 24 segments nobody reviewed."""
    first, second, *_ = segments_of(catalog, make, f'taxon="{BLACKBIRD}"')
    silent = next(one for one in segments_of(catalog, make, "site=Ridge") if not one.scores)
    now = FIRST + timedelta(days=99)
    told = [
        Label(segment_id=first.segment.id, taxon="eurasian blackbird", source="human", author="a", labelled_at=now),
        Label(
            segment_id=second.segment.id,
            taxon=rejection_of(BLACKBIRD),
            kind="rejection",
            source="human",
            author="a",
            labelled_at=now,
        ),
        Label(segment_id=silent.segment.id, taxon=BLACKBIRD, source="human", author="a", labelled_at=now),
        Label(segment_id=second.segment.id, taxon=BLACKBIRD, source="model", author="m", labelled_at=now),
    ]
    catalog.add_labels(told)
    pack = gathered(catalog, make)
    assert {BLACKBIRD: (1, 25)} == values(pack, "verified_detections")
    assert {BLACKBIRD: (1, 25)} == values(pack, "rejected_detections")
    assert {None: (2, 26)} == values(pack, "reviewed_detections")
    assert 100 * 24 / 26 == pytest.approx(figures(pack, "unreviewed_share")[None].value)


def test_a_segment_of_two_ruled_out_taxa_counts_once(catalog: Catalog, make: "Make") -> None:
    """Two taxa that the location and week model rules out in one segment: two detections, one segment."""
    recording = make.recording("far", started_at=FIRST + timedelta(days=30), site="Fen")
    scores = [make.score(name, 0.9, in_range=False) for name in (BLACKBIRD, CUCKOO)]
    catalog.commit_recording(
        recording, make.card(score_threshold=0.3), [make.segment(recording, 0, scores=scores)], policy="p"
    )
    pack = gathered(catalog, make, "site=Fen")
    assert {BLACKBIRD: 1, CUCKOO: 1} == {g: one.value for g, one in figures(pack, "out_of_range_detections").items()}
    assert 1 == figures(pack, "out_of_range_segments")[None].value


def test_a_dog_is_no_wildlife(catalog: Catalog, make: "Make") -> None:
    """The basis of a class of sound calls no animal anything else."""
    basis = figures(gathered(catalog, make), "sound_detections")["Engine"].basis
    assert basis.endswith("; a class of sound that is no wildlife")


def test_a_calibrated_threshold_is_counted_from(catalog: Catalog, make: "Make") -> None:
    """Of 25 blackbirds, 12 have a raw score of 0.9; a taxon without a calibration has no such figure."""
    threshold = CalibratedThreshold(raw_score=0.6, precision=0.9, version="v3")
    pack = gathered(catalog, make, beside=Beside(thresholds={BLACKBIRD: threshold}))
    found = figures(pack, "calibrated_detections")
    assert {BLACKBIRD: (12, 25)} == values(pack, "calibrated_detections")
    assert "90 % were right among labelled ones: calibration v3" in found[BLACKBIRD].basis


def test_clear_calls_come_first(catalog: Catalog, make: "Make") -> None:
    """A clear call with a lower raw score stands before a faint one with a higher."""
    recording = make.recording("late", started_at=FIRST + timedelta(days=30), site="Fen")
    faint = make.segment(recording, 0, scores=[make.score(CUCKOO, 0.99)], quality=make.quality(-3.0))
    clear = make.segment(recording, 1, scores=[make.score(CUCKOO, 0.35)], quality=make.quality(20.0))
    catalog.commit_recording(recording, make.card(score_threshold=0.3), [faint, clear], policy="p")
    pack = gathered(catalog, make, "site=Fen")
    calls = figures(pack, "detections")[CUCKOO].exemplars
    assert [clear.segment.id, faint.segment.id] == [one.segment_id for one in calls]
    assert (1, 2) == values(pack, "weak_detections")[None]


def test_two_sites_on_the_same_dates_are_compared(catalog: Catalog, make: "Make") -> None:
    """On 12 shared dates the blackbird has 24 segments in 4 h at Marsh and 1 at Ridge: all but one way differ less."""
    pack = gathered(catalog, make, "site=Marsh", Beside(compared_to=SegmentFilter(sites=("Ridge",))))
    hours = figures(pack, "compared_hours")
    assert {"dates": 2} == {group: one.value for group, one in hours.items()}
    assert {"here": 12, "there": 12} == {group: one.value for group, one in figures(pack, "compared_days").items()}
    assert {BLACKBIRD} == figures(pack, "difference_p").keys()
    assert (12, 12) == values(pack, "compared_detection_days")[BLACKBIRD]
    assert (1, 12) == values(pack, "compared_detection_days_other")[BLACKBIRD]
    assert 6.0 == pytest.approx(figures(pack, "compared_rate")[BLACKBIRD].value, rel=0.05)
    assert 0.25 == pytest.approx(figures(pack, "compared_rate_other")[BLACKBIRD].value, rel=0.05)
    assert figures(pack, "difference_p")[BLACKBIRD].value <= 4 / 4096
    assert "compared with site=Ridge" in pack.subject


def test_an_interval_is_compared_with_the_one_before(catalog: Catalog, make: "Make") -> None:
    """Six days against the six before, at the same sites: the blackbird is as frequent, and one taxon is tested."""
    where = parse_filter("from=2025-05-11 before=2025-05-17")
    before = previous(where)
    assert parse_filter("from=2025-05-05 before=2025-05-11") == before
    pack = gathered(catalog, make, where.words, Beside(compared_to=before))
    assert ["sites"] == list(figures(pack, "compared_hours"))
    assert (6, 12) == values(pack, "compared_detection_days")[BLACKBIRD]
    assert (7, 12) == values(pack, "compared_detection_days_other")[BLACKBIRD]
    assert figures(pack, "difference_p")[BLACKBIRD].value > 0.2


def test_sides_that_share_nothing_are_not_tested(catalog: Catalog, make: "Make") -> None:
    """Another site in another interval differs in place and in time: no test is made."""
    other = parse_filter("site=Ridge from=2025-05-11")
    pack = gathered(catalog, make, "site=Marsh before=2025-05-11", Beside(compared_to=other))
    assert ["nothing"] == list(figures(pack, "compared_hours"))
    assert {} == figures(pack, "compared_taxa")


def test_few_days_are_not_tested(catalog: Catalog, make: "Make") -> None:
    """Three dates a side are too few."""
    other = parse_filter("site=Ridge before=2025-05-08")
    pack = gathered(catalog, make, "site=Marsh before=2025-05-08", Beside(compared_to=other))
    assert {"here": 3, "there": 3} == {group: one.value for group, one in figures(pack, "compared_days").items()}
    assert {} == figures(pack, "compared_taxa")


def test_a_side_is_not_held_against_itself(catalog: Catalog, make: "Make") -> None:
    """Sides that share recording time are refused, and so is an interval before none."""
    with pytest.raises(InputError, match="both sides hold the same recording time, in 24 recordings"):
        gathered(catalog, make, "site=Marsh", Beside(compared_to=SegmentFilter()))
    with pytest.raises(InputError, match="there is no interval before"):
        previous(parse_filter("from=2025-05-05"))


def test_two_models_are_held_against_each_other(catalog: Catalog, make: "Make") -> None:
    """Of three recordings of both models: one pair is shared, one is of the first alone, one of the second."""
    other = make.card(name="bats", score_threshold=0.3)
    heard = {"Marsh-00-04": [BLACKBIRD], "Marsh-01-04": [CUCKOO], "Ridge-05-04": ["Strix aluco"]}
    for recording in catalog.recordings():
        if recording.file_name.removesuffix(".wav") in heard:
            names = heard[recording.file_name.removesuffix(".wav")]
            scores = [make.score(name, 0.9, model=other.key) for name in names]
            catalog.commit_recording(
                recording, other, [make.segment(recording, 0, scores=scores, embedder=other.key)], policy="p"
            )
    pack = gathered(catalog, make, beside=Beside(other_models=[other]))
    assert 3 == figures(pack, "models_recordings")[None].value
    assert {None: (1, 3)} == values(pack, "models_shared")
    assert {"toy-v1": (1, 3), "bats-v1": (1, 3)} == values(pack, "models_alone")
    assert {BLACKBIRD: (1, 2), CUCKOO: (1, 1)} == values(pack, "models_split")
    assert ("toy-v1", "bats-v1") == tuple(model.key for model in pack.models)


def test_nothing_gives_a_pack_without_patterns(catalog: Catalog, make: "Make") -> None:
    """A filter that nothing matches has no effort, no taxa and no share of anything."""
    pack = gathered(catalog, make, "site=Nowhere")
    assert 0 == figures(pack, "effort_hours")[None].value
    names = {entry.name for entry in pack.aggregates}
    assert not names & {"detections", "reviewed_detections", "richness_taxa", "detections_by_sun", "low_snr_share"}


def test_equal_counts_give_equal_packs(catalog: Catalog, make: "Make") -> None:
    """Gathering twice gives one pack, comparison and all."""
    beside = Beside(compared_to=SegmentFilter(sites=("Ridge",)))
    assert gathered(catalog, make, "site=Marsh", beside) == gathered(catalog, make, "site=Marsh", beside)
