"""The database's answer to a filter is the answer of the filter itself."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rab.catalog import Catalog
from rab.domain import (
    Cluster,
    Clustering,
    GivenLabel,
    Label,
    Recording,
    ScoredTaxon,
    SegmentFilter,
    SegmentPayload,
    StoredSegment,
)

if TYPE_CHECKING:
    from tests.conftest import Make

NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Library = list[tuple[Recording, list[StoredSegment]]]
THRESHOLD = 0.3


def payload(stored: StoredSegment, cluster_of: Mapping[str, str | None], said: Sequence[Label]) -> SegmentPayload:
    """Return what a store would keep of a segment."""
    local, notes = stored.heard_local, stored.recording.notes
    in_range = [one for one in stored.scores if one.in_range is not False]
    return SegmentPayload(
        segment_id=stored.segment.id,
        recording_id=stored.recording.id,
        site=stored.recording.site,
        heard_at=stored.heard_at,
        local_hour=None if local is None else local.hour,
        snr_db=stored.quality.snr_db,
        taxa=tuple(one.taxon.scientific_name for one in in_range if one.raw_score >= THRESHOLD),
        scores=tuple(ScoredTaxon(taxon=one.taxon.scientific_name, raw_score=one.raw_score) for one in in_range),
        cluster_id=cluster_of.get(stored.segment.id),
        habitat=notes.habitat,
        lat_deg=notes.lat_deg,
        lon_deg=notes.lon_deg,
        month_day=None if local is None else int(f"{local:%m%d}"),
        model=stored.segment.embedder,
        labels=tuple(
            GivenLabel(name=label.taxon, source=label.source) for label in said if label.segment_id == stored.segment.id
        ),
        human_voice=stored.human_voice,
    )


def labels_of(ids: Sequence[str]) -> st.SearchStrategy[Label]:
    """Draw labels on some of the segments."""
    return st.builds(
        Label,
        segment_id=st.sampled_from(ids),
        taxon=st.sampled_from(["Turdus merula", "alarm call"]),
        source=st.sampled_from(["human", "imported", "model"]),
        author=st.just("x"),
        labelled_at=st.just(datetime(2025, 6, 1, tzinfo=UTC)),
    )


def clustering(space: str, segments: list[StoredSegment], cluster_of: Mapping[str, str | None]) -> Clustering:
    """Return the clustering that an assignment makes."""
    names = sorted({name for name in cluster_of.values() if name})
    members = {name: [own for own, cluster in cluster_of.items() if cluster == name] for name in names}
    return Clustering(
        id="x",
        space=space,
        method="by chance",
        n_segments=len(segments),
        n_unassigned=sum(name is None for name in cluster_of.values()),
        clusters=tuple(
            Cluster(
                id=name,
                space=space,
                n_members=len(members[name]),
                persistence=0.5,
                medoid_id=members[name][0],
                exemplar_ids=tuple(members[name][1:]),
            )
            for name in names
        ),
    )


@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_filter_is_answered_as_the_filter_itself_would(
    data: st.DataObject,
    new_catalog: NewCatalog,
    libraries: st.SearchStrategy[Library],
    filters: st.SearchStrategy[SegmentFilter],
    make: "Make",
) -> None:
    """Random filters, nested exclusions among them, find exactly the segments that they match, in a random library."""
    library, card = data.draw(libraries), make.card(score_threshold=THRESHOLD)
    every = [stored for _, segments in library for stored in segments]
    cluster_of = {one.segment.id: data.draw(st.sampled_from([None, "c1.x", "c2.x"])) for one in every}
    ids = [one.segment.id for one in every]
    said = data.draw(st.lists(labels_of(ids), max_size=6)) if ids else []
    with new_catalog() as catalog:
        for recording, segments in library:
            catalog.commit_recording(recording, card, segments, policy="p")
        catalog.add_labels(said)
        if every:
            catalog.save_clustering(clustering(card.space, every, cluster_of), cluster_of)
        for where in data.draw(st.lists(filters, min_size=8, max_size=8)):
            expected = {one.segment.id for one in every if where.matches(payload(one, cluster_of, said))}
            found = catalog.segment_ids(card.space, where)
            assert sorted(expected) == sorted(found)
            facts = catalog.library_facts(card.space, where)
            meant = [one for one in every if one.segment.id in expected]
            sites = {one.recording.site for one in meant} - {None}
            assert (len(meant), len({one.recording.id for one in meant}), len(sites)) == (
                facts.n_segments,
                facts.n_recordings,
                facts.n_sites,
            )


def test_another_space_matches_nothing(catalog: Catalog, make: "Make") -> None:
    """A filter is asked of one space; a space that nobody filled has no segments."""
    recording = make.recording()
    catalog.commit_recording(recording, make.card(), [make.segment(recording)], policy="p")
    assert [] == catalog.segment_ids("nowhere", SegmentFilter())
    facts = catalog.library_facts("nowhere", SegmentFilter())
    assert (0, 0, 0) == (facts.n_segments, facts.n_recordings, facts.n_sites)


def test_facts_tell_the_filter_in_words(catalog: Catalog) -> None:
    """What was searched is told with the filter in force."""
    assert "everything" == catalog.library_facts("nowhere", SegmentFilter()).filter_words
    assert "site=A" == catalog.library_facts("nowhere", SegmentFilter(sites=("A",))).filter_words
