"""The Evidence Pack of a summary: figures that agree with the segments they were counted from."""

import pytest

from rab.domain import AggregateEntry, EvidencePack, SegmentFilter
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


@pytest.fixture(scope="module")
def pack(library: Workspace) -> EvidencePack:
    """Return the pack of everything in the samples."""
    return summarise(library, model=MODEL).pack


def figures(pack: EvidencePack, name: str) -> dict[str | None, AggregateEntry]:
    return {entry.group: entry for entry in pack.aggregates if entry.name == name}


def test_summary_is_repeatable_and_kept(library: Workspace, pack: EvidencePack) -> None:
    """Counting twice gives one pack, which the catalog returns by its id."""
    assert pack == summarise(library, model=MODEL).pack == library.catalog.pack(pack.pack_id)


def test_effort_is_the_length_of_the_recordings(library: Workspace, pack: EvidencePack) -> None:
    """Recorder-hours are the recordings' durations, each once, and sites add up to the whole."""
    recordings = library.catalog.recordings()
    hours = figures(pack, "effort_hours")
    assert hours[None].value == pytest.approx(sum(one.duration_ms for one in recordings) / 3_600_000, abs=1e-5)
    assert hours[None].value == pytest.approx(sum(one.value for group, one in hours.items() if group), abs=1e-5)
    assert len(recordings) == figures(pack, "n_recordings")[None].value


def test_counts_are_those_of_the_segments(library: Workspace, pack: EvidencePack) -> None:
    """A taxon's detections are the segments that a filter by that taxon finds; exemplars are among them."""
    space = library.card(MODEL).space
    detections = figures(pack, "detections")
    assert {"Turdus merula", "Cuculus canorus", "Hydrobates pelagicus", "Parus major"} <= detections.keys()
    for taxon, entry in detections.items():
        found = library.catalog.segment_ids(space, SegmentFilter(taxa=(taxon or "",)))
        assert len(found) == entry.value
        assert {call.segment_id for call in entry.exemplars} <= set(found)
        assert "a raw score of at least 0.3 by birdnet-v2.4" in entry.basis


def test_what_is_out_of_range_is_counted_apart(pack: EvidencePack) -> None:
    """The Chinese Blackbird at the Dutch site is set aside, and no detection."""
    assert "Turdus mandarinus" in figures(pack, "out_of_range_detections")
    assert "Turdus mandarinus" not in figures(pack, "detections")


def test_filter_narrows_every_figure(library: Workspace) -> None:
    """Under one site, effort, recordings and taxa are that site's."""
    summary = summarise(library, model=MODEL, where=SegmentFilter(sites=("UrbanSoundscape",)))
    pack = summary.pack
    assert ("site=UrbanSoundscape", 3) == (pack.subject, figures(pack, "n_recordings")[None].value)
    assert "Cuculus canorus" not in figures(pack, "detections")
    assert {"UrbanSoundscape"} == {call.site for entry in pack.aggregates for call in entry.exemplars}


def test_nothing_under_the_filter_is_said_not_guessed(library: Workspace) -> None:
    """A site that is not there has no effort, no taxa, and a summary that cites that."""
    summary = summarise(library, model=MODEL, where=SegmentFilter(sites=("Nowhere",)))
    assert 0 == figures(summary.pack, "effort_hours")[None].value
    assert {} == figures(summary.pack, "detections")
    assert all(claim.citations for claim in summary.claims)


def test_every_sentence_cites_its_pack(library: Workspace) -> None:
    """No claim of the summary stands without entries of its own pack."""
    summary = summarise(library, model=MODEL)
    assert summary.claims
    for claim in summary.claims:
        assert claim.citations
        assert set(claim.citations) <= summary.pack.items.keys()


def test_two_real_sites_without_a_common_hour_are_not_compared(library: Workspace) -> None:
    """The city's recordings have clocks, Oxford's have none: the summary says that nothing is compared."""
    where, other = SegmentFilter(sites=("UrbanSoundscape",)), SegmentFilter(sites=("Oxford",))
    summary = summarise(library, model=MODEL, where=where, compared_to=other, with_drift=True)
    assert ["apart"] == [claim.code for claim in summary.claims if claim.kind == "comparison"]
    assert ["untested"] == [claim.code for claim in summary.claims if claim.kind == "recorder_drift"]
    assert () == summary.dropped


def test_days_of_a_taxon_are_days_of_effort(pack: EvidencePack) -> None:
    """The one recorder-day with a clock is the city's, in spring, before and after sunrise."""
    assert {1.0} == {entry.denominator for entry in figures(pack, "detection_days").values()}
    assert 1 == figures(pack, "recorder_days")[None].value
    assert 0 == figures(pack, "reviewed_detections")[None].value
