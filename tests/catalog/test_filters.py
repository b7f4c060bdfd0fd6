"""The database's answer to a filter is the answer of the filter itself."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rab.catalog import Catalog
from rab.domain import Cluster, Clustering, Recording, SegmentFilter, SegmentPayload, StoredSegment

if TYPE_CHECKING:
    from tests.catalog.conftest import Make

NewCatalog = Callable[[], AbstractContextManager[Catalog]]
Library = list[tuple[Recording, list[StoredSegment]]]
THRESHOLD = 0.3


def payload(stored: StoredSegment, cluster_of: Mapping[str, str | None]) -> SegmentPayload:
    """Return what a store would keep of a segment."""
    local = stored.heard_local
    return SegmentPayload(
        segment_id=stored.segment.id,
        recording_id=stored.recording.id,
        site=stored.recording.site,
        heard_at=stored.heard_at,
        local_hour=None if local is None else local.hour,
        snr_db=stored.quality.snr_db,
        taxa=tuple(
            one.taxon.scientific_name
            for one in stored.scores
            if one.raw_score >= THRESHOLD and one.in_range is not False
        ),
        cluster_id=cluster_of.get(stored.segment.id),
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
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    with new_catalog() as catalog:
        for recording, segments in library:
            catalog.commit_recording(recording, card, segments, policy="p")
        if every:
            catalog.save_clustering(clustering(card.space, every, cluster_of), cluster_of)
        for where in data.draw(st.lists(filters, min_size=8, max_size=8)):
            expected = {one.segment.id for one in every if where.matches(payload(one, cluster_of))}
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
