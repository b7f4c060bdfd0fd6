"""Clusters keep their identity from run to run, what people say of them stays, and new calls find their place."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.catalog import Catalog
from rab.domain import (
    Clustering,
    SegmentFilter,
    SegmentPayload,
    content_id,
)
from rab.domain.filter import parse_filter
from rab.errors import Conflict, InputError, NotFound
from rab.retrieval.clusters import ClusterPolicy
from rab.store.exact import ExactStore
from rab.workflows.clustering import assign_new, cluster_library, merge_clusters, name_cluster, split_cluster
from rab.workflows.filters import understand
from rab.workflows.novelty import alerts, novel_calls
from rab.workflows.workspace import Workspace
from tests.conftest import Make

DIM = 16
MODEL = "toy-v1"
MAKE = Make()
CARD = MAKE.card(dim=DIM)


class Library:
    """A library of made-up sounds, each around a direction of the space, in memory but for its catalog."""

    def __init__(self, folder: Path) -> None:
        self.catalog = Catalog.open(f"sqlite:///{(folder / 'catalog.sqlite').as_posix()}")
        self.store = ExactStore(CARD)
        self.workspace = Workspace(
            home=folder,
            catalog=self.catalog,
            build_embedder=lambda key: pytest.fail(f"nothing is embedded, and {key} was asked for"),
            open_store=lambda _: self.store,
            open_ranges=lambda _: pytest.fail("no ranges are needed"),
            clusters=ClusterPolicy(min_cluster_size=5, n_components=8),
        )
        self._random = np.random.default_rng(0)

    def record(self, name: str, centres: Sequence[npt.NDArray[np.float64]], *, heard: str | None = None) -> list[str]:
        """Take in a recording with a segment around every centre; return their ids."""
        length_ms = 3000.0 * len(centres)
        recording = MAKE.recording(name, site=None, started_at=None, zone=None, duration_ms=length_ms)
        scores = () if heard is None else (MAKE.score(heard, 0.2),)
        windy = MAKE.quality(12.0, wind=True)
        stored = [MAKE.segment(recording, number, scores=scores, quality=windy) for number in range(len(centres))]
        ids = [one.segment.id for one in stored]
        vectors = np.stack(centres) + 0.05 * self._random.normal(size=(len(centres), DIM))
        self.catalog.commit_recording(recording, CARD, stored, policy="p")
        payloads = [SegmentPayload(segment_id=one, recording_id=recording.id) for one in ids]
        self.store.upsert(vectors.astype(np.float32), payloads)
        return ids

    def cluster(self) -> Clustering:
        """Cluster the library."""
        return cluster_library(self.workspace, model=MODEL)

    def in_store(self) -> dict[str, str | None]:
        """Return the cluster that the store tells of every segment."""
        return {one.payload.segment_id: one.payload.cluster_id for one in self.store.scan(SegmentFilter())}

    def in_catalog(self) -> dict[str, str | None]:
        """Return the cluster that the catalog tells of every segment."""
        everything = self.catalog.list_segments(CARD.space, SegmentFilter())
        return {one.segment.id: one.cluster_id for one in everything}


def axis(number: int) -> npt.NDArray[np.float64]:
    """Return a direction of the space."""
    return np.asarray(np.eye(DIM)[number])


@pytest.fixture
def made_up(tmp_path: Path) -> Library:
    """Return a library of three kinds of sound, four recordings of eight of each."""
    library = Library(tmp_path)
    for number in range(12):
        library.record(f"r{number}", [axis(number % 3)] * 8)
    return library


def test_clusters_of_a_kind_are_the_same_in_catalog_and_store(made_up: Library) -> None:
    """Three kinds give c1 to c3 of 32 calls each, and both sides say the same of every segment."""
    clustering = made_up.cluster()
    assert [("c1", 32), ("c2", 32), ("c3", 32)] == [(one.id, one.n_members) for one in clustering.clusters]
    assert ["new"] * 3 == [change.kind for change in clustering.changes]
    assert made_up.in_catalog() == made_up.in_store()
    assert clustering.clusters == made_up.cluster().clusters


def test_ends_of_recordings_stay_in_no_cluster(made_up: Library) -> None:
    """Ends of a second, all alike, make no cluster, and one that comes later joins none."""
    recordings = [MAKE.recording(f"end{n}", site=None, started_at=None, zone=None, duration_ms=4000) for n in range(10)]

    def end(number: int) -> str:
        stored = MAKE.segment(recordings[number], 1, length_ms=1000)
        made_up.catalog.commit_recording(recordings[number], CARD, [stored], policy="p")
        payload = SegmentPayload(segment_id=stored.segment.id, recording_id=recordings[number].id)
        made_up.store.upsert(axis(0 if number == 9 else 9)[np.newaxis].astype(np.float32), [payload])
        return stored.segment.id

    ends = [end(number) for number in range(9)]
    clustering = made_up.cluster()
    assert (3, 9) == (len(clustering.clusters), clustering.n_unassigned)
    assert {None} == {made_up.in_catalog()[one] for one in ends}
    later = end(9)
    assert 1 == assign_new(made_up.workspace, model=MODEL)
    assert made_up.in_catalog()[later] is None


def test_ids_outlive_a_new_clustering(made_up: Library) -> None:
    """A kind that grows keeps its id, a kind that comes gets a new one, and the changes are told."""
    before = made_up.cluster()
    first = made_up.catalog.cluster_members("c1")
    direction = next(n for n in range(3) if made_up.in_catalog()[first[0]] == made_up.in_catalog()[_of(made_up, n)])
    made_up.record("more", [axis(direction)] * 8)
    made_up.record("other", [axis(7)] * 9)
    after = made_up.cluster()
    assert {"c1", "c2", "c3", "c4"} == {one.id for one in after.clusters}
    assert set(first) < set(made_up.catalog.cluster_members("c1"))
    assert ["c1: 32 → 40 members", "c4 is new, 9 members"] == [change.words for change in after.changes]
    assert () == made_up.cluster().changes
    assert before.id != after.id


def _of(library: Library, direction: int) -> str:
    return library.catalog.segment_ids(
        CARD.space, SegmentFilter(recording_ids=(content_id(f"r{direction}".encode()),))
    )[0]


def test_names_and_merges_survive(made_up: Library) -> None:
    """What people say of clusters holds after the next clustering, in lists, filters and the store; splits undo it."""
    made_up.cluster()
    name_cluster(made_up.workspace, "c3", "rattle", author="Ann")
    merged = merge_clusters(made_up.workspace, ["c1", "c3"], author="Ann")
    assert ("c1", 64, "rattle", ("c3",)) == (merged.id, merged.n_members, merged.name, merged.merged_ids)
    made_up.record("more", [axis(7)] * 9)
    after = made_up.cluster()
    assert [("c1", 64), ("c2", 32), ("c4", 9)] == [(one.id, one.n_members) for one in after.clusters]
    assert "rattle" == after.clusters[0].name
    assert made_up.in_catalog() == made_up.in_store()
    assert 64 == len(made_up.catalog.list_segments(CARD.space, SegmentFilter(cluster_ids=("c1",))))
    with pytest.raises(NotFound, match="c3"):
        made_up.catalog.cluster("c3")
    parts = split_cluster(made_up.workspace, "c1", author="Bob")
    assert [("c1", 32), ("c3", 32)] == [(one.id, one.n_members) for one in parts]
    assert made_up.in_catalog() == made_up.in_store()
    assert ["Ann", "Bob"] == [
        one.named_by if one.id == "c1" else one.merged_by
        for one in made_up.catalog.cluster_identities(CARD.space)
        if one.id in ("c1", "c3")
    ]


def test_what_cannot_be_said_of_clusters_is_refused(made_up: Library) -> None:
    """Unknown clusters, single ones, and nobody's word: each with its reason, and nothing changes."""
    made_up.cluster()
    before = made_up.in_catalog()
    with pytest.raises(NotFound, match="c9"):
        merge_clusters(made_up.workspace, ["c1", "c9"], author="Ann")
    with pytest.raises(InputError, match="cannot be made one"):
        merge_clusters(made_up.workspace, ["c1", "c1"], author="Ann")
    with pytest.raises(InputError, match="as it was found"):
        split_cluster(made_up.workspace, "c1", author="Ann")
    with pytest.raises(InputError, match="author"):
        name_cluster(made_up.workspace, "c1", "rattle", author=" ")
    assert before == made_up.in_catalog()


def test_new_calls_find_their_cluster(made_up: Library) -> None:
    """After a clustering, calls of a known kind join it, as people merged it; strange ones join none and are novel."""
    assert 0 == assign_new(made_up.workspace, model=MODEL)
    made_up.cluster()
    merge_clusters(made_up.workspace, ["c1", "c2"], author="Ann")
    known = [made_up.record(f"n{number}", [axis(number)] * 4) for number in range(3)]
    strange = made_up.record("strange", [-axis(9)])
    assert 13 == assign_new(made_up.workspace, model=MODEL)
    now = made_up.in_catalog()
    joined = [{now[one] for one in ids} - {None} for ids in known]  # the farthest out of each kind may wait
    assert [{"c1"}, {"c1"}, {"c3"}] == sorted(joined, key=sorted)
    assert now[strange[0]] is None
    assert now == made_up.in_store()
    clustering = made_up.catalog.clustering(CARD.space)
    assert clustering is not None
    assert (109, sum(one is None for one in now.values())) == (clustering.n_segments, clustering.n_unassigned)
    assert all(one.n_members == len(made_up.catalog.cluster_members(one.id)) for one in clustering.clusters)
    novelty = made_up.catalog.novelty(strange[0])
    assert novelty is not None
    assert (1.0, True) == (novelty.novelty, "unlike anything else" in novelty.words)
    assert 0 == assign_new(made_up.workspace, model=MODEL)


def test_an_intruder_is_the_most_novel_and_raises_an_alert(made_up: Library) -> None:
    """One engine among birds comes first, with what was noticed; one that nobody names is an unknown."""
    with pytest.raises(Conflict, match="rab cluster"):
        novel_calls(made_up.workspace, model=MODEL)
    unknown = made_up.record("unknown", [axis(8) - axis(0)])
    engine = made_up.record("engine", [axis(9) - axis(1)], heard="Engine")
    made_up.cluster()
    found = novel_calls(made_up.workspace, model=MODEL, limit=2)
    assert {*unknown, *engine} == {one.stored.segment.id for one in found}
    raised = {one.stored.segment.id: one for one in alerts(made_up.workspace, model=MODEL)}
    assert ("human-made", ("Engine, raw score 0.20", "wind")) == (raised[engine[0]].alert, raised[engine[0]].reasons)
    assert 0.97 <= min(one.novelty.novelty or 0 for one in found)
    nearest = raised[engine[0]].nearest
    assert nearest is not None
    assert nearest.stored.recording.id != raised[engine[0]].stored.recording.id


def test_an_empty_library_has_no_clusters(tmp_path: Path) -> None:
    """A model that heard nothing gives a clustering without segments."""
    library = Library(tmp_path)
    library.record("one", [axis(0)])
    clustering = library.cluster()
    assert (1, 1, ()) == (clustering.n_segments, clustering.n_unassigned, clustering.clusters)
    assert [] == novel_calls(library.workspace, model=MODEL)


def test_a_filter_by_a_merged_cluster_is_explained(made_up: Library) -> None:
    """The note names the cluster that it is one with now, also inside an exclusion; known clusters need none."""
    made_up.cluster()
    merge_clusters(made_up.workspace, ["c1", "c2"], author="Ann")
    where = parse_filter("cluster=c1,c2 not cluster=c77")
    assert [
        "there is no cluster c2: it is one with c1 now",
        "there is no cluster c77: `rab clusters list` shows those there are",
    ] == list(understand(made_up.workspace, where).notes)
    assert () == understand(made_up.workspace, parse_filter("cluster=c1")).notes
