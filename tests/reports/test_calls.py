"""Each call of a report is one call, whatever its packs say of it."""

from rab.reports import CallMedia, Media, NoMedia, Report
from rab.reports.aggregates import Aggregates
from rab.reports.calls import best_raw_score, exemplar_calls, gather_calls


def test_a_call_keeps_what_every_pack_says_of_it(report: Report, media: Media) -> None:
    """The exemplar that is interpreted has the summary's score and SNR and the interpretation's quality."""
    species = [row.detections for row in Aggregates(report.passages[0].text.pack.aggregates).species]
    calls = gather_calls(report, species, media)
    first = next(iter(calls.values()))
    assert first.number == 1
    assert first.ref == species[0].exemplars[0]
    assert (first.snr_db, first.raw_scores["Turdus merula"]) == (21.5, 0.96)
    assert first.quality == report.texts("interpretation")[0].pack.query.quality  # type: ignore[union-attr]
    assert isinstance(first.media, CallMedia)


def test_numbers_follow_the_document(report: Report) -> None:
    """Exemplars come first, in the order of the species table; each call has one number."""
    species = [row.detections for row in Aggregates(report.passages[0].text.pack.aggregates).species]
    calls = gather_calls(report, species, {})
    assert [call.number for call in calls.values()] == list(range(1, len(calls) + 1))
    exemplars = [ref.segment_id for entry in species for ref in entry.exemplars]
    assert list(calls)[: len(exemplars)] == exemplars
    assert [call.number for call in exemplar_calls(species[1], calls)] == [4, 5, 6]


def test_the_best_raw_score_is_of_the_taxon_asked_for(report: Report) -> None:
    """A score for another taxon does not count, and no score is None."""
    species = [row.detections for row in Aggregates(report.passages[0].text.pack.aggregates).species]
    calls = gather_calls(report, species, {})
    blackbirds = exemplar_calls(species[0], calls)
    assert best_raw_score(blackbirds, "Turdus merula") == 0.96
    assert best_raw_score(blackbirds, "Parus major") is None


def test_a_person_is_believed_before_a_model(report: Report) -> None:
    """A call that a person named is titled so, and no longer unverified."""
    neighbour = report.texts("interpretation")[0].pack.neighbours[0]
    call = gather_calls(report, [], {})[neighbour.call.segment_id]
    assert (call.title, call.is_unverified) == ("Eurasian Blackbird", False)


def test_reason_without_media_is_kept(report: Report) -> None:
    """What the caller says of a missing call stands on its card; without a word it was left out."""
    one, other = (text.pack.subject for text in report.texts("interpretation"))
    calls = gather_calls(report, [], {one: NoMedia("the disk is gone")})
    assert calls[one].no_media.reason == "the disk is gone"
    assert "left out" in calls[other].no_media.reason
    assert not calls[one].is_pictured
