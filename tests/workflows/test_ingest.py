"""Recordings in: what BirdNET must hear in the samples, and that an ingest is a unit that can be repeated."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rab.domain import Deployment, IngestReport, SegmentFilter, StoredSegment
from rab.segments import WindowPolicy
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import IngestPolicy, IngestProgress, ingest
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
Contents = Callable[[Workspace], object]
OVERLAPPING = IngestPolicy(window=WindowPolicy(hop_ms=1500))


def run(workspace: Workspace, *paths: Path, **options: object) -> IngestReport:
    return ingest(workspace, paths, models=(MODEL,), **options)  # type: ignore[arg-type]


def segments(workspace: Workspace, where: SegmentFilter | None = None) -> list[StoredSegment]:
    return workspace.catalog.list_segments(workspace.card(MODEL).space, where or SegmentFilter())


def detected(stored: Iterable[StoredSegment], threshold: float = 0.3) -> dict[str, set[str]]:
    """Return, by file, the common names at or above the threshold that are not out of range."""
    found: dict[str, set[str]] = {}
    for one in stored:
        found.setdefault(one.recording.file_name, set()).update(
            score.taxon.common_name
            for score in one.scores
            if score.raw_score >= threshold and score.in_range is not False
        )
    return found


@pytest.mark.parametrize(
    ("start", "n_files", "name"),
    [
        ("242A2604603691DD", 3, "Eurasian Blackbird"),
        ("CHE_", 4, "Common Cuckoo"),
        ("XC", 2, "European Storm-Petrel"),
        ("birds_10s", 1, "Warbler"),
    ],
)
def test_samples_hold_what_birdnet_finds_in_them(library: Workspace, start: str, n_files: int, name: str) -> None:
    """The expected bird is detected at 0.3 in every file of its kind."""
    heard = {file: names for file, names in detected(segments(library)).items() if file.startswith(start)}
    assert n_files == len(heard)
    assert all(any(name in one for one in names) for names in heard.values()), heard


def test_upper_case_extensions_are_recordings(library: Workspace) -> None:
    """The urban files end in .WAV, and are found in their folder."""
    assert 3 == sum(one.path.endswith(".WAV") for one in library.catalog.recordings())


def test_store_and_catalog_hold_the_same_segments(library: Workspace) -> None:
    """Every segment has its vector with what a search is filtered by; there are no others."""
    points = {one.payload.segment_id: one.payload for one in library.store(library.card(MODEL)).scan(SegmentFilter())}
    stored = {one.segment.id: one for one in segments(library)}
    assert stored.keys() == points.keys()
    for segment, payload in points.items():
        one = stored[segment]
        local = one.heard_local
        assert (payload.site, payload.heard_at, payload.snr_db, payload.cluster_id, payload.local_hour) == (
            one.recording.site,
            one.heard_at,
            one.quality.snr_db,
            one.cluster_id,
            None if local is None else local.hour,
        )


def test_names_out_of_range_are_kept_and_marked(library: Workspace) -> None:
    """At the Dutch site the Chinese Blackbird scores above 0.3, and no search by taxon finds it there."""
    named = [score for one in segments(library) for score in one.scores if score.raw_score >= 0.3]
    assert {False} == {score.in_range for score in named if score.taxon.common_name == "Chinese Blackbird"}
    assert [] == segments(library, SegmentFilter(taxa=("Turdus mandarinus",)))


def test_ingesting_twice_changes_nothing(workspace: Workspace, folder: Path, contents: Contents) -> None:
    """A second run embeds nothing, and the library is the same in every id, score and vector; so with `again`."""
    first = run(workspace, folder)
    before = contents(workspace)
    second = run(workspace, folder)
    assert (first.n_ingested, first.n_segments) == (3, 9)
    assert (second.n_ingested, second.n_already_done, second.n_segments) == (0, 3, 0)
    assert before == contents(workspace)
    assert 3 == run(workspace, folder, again=True).n_ingested
    assert before == contents(workspace)


def test_copies_are_one_recording(workspace: Workspace, folder: Path) -> None:
    """The same bytes under another name are done already."""
    for path in list(folder.iterdir()):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    report = run(workspace, folder)
    assert (report.n_files, report.n_ingested, report.n_already_done) == (6, 3, 3)
    assert 9 == len(segments(workspace))


def test_progress_ends_at_the_whole(workspace: Workspace, folder: Path) -> None:
    """Progress never goes back, and ends with every file and every byte."""
    seen: list[IngestProgress] = []
    run(workspace, folder, watch=seen.append)
    assert [one.n_bytes_done for one in seen] == sorted(one.n_bytes_done for one in seen)
    assert (3, 3) == (seen[-1].n_files_done, seen[-1].n_files)
    assert seen[-1].n_bytes == seen[-1].n_bytes_done == sum(path.stat().st_size for path in folder.iterdir())


def test_another_cutting_replaces_the_one_before(workspace: Workspace, folder: Path) -> None:
    """Windows that overlap replace those that did not, keep the ids of the spans in both, and are idempotent."""
    run(workspace, folder)
    plain = {one.segment.id for one in segments(workspace)}
    assert 3 == run(workspace, folder, policy=OVERLAPPING).n_ingested
    overlapping = {one.segment.id for one in segments(workspace)}
    assert plain < overlapping
    assert 3 == run(workspace, folder, policy=OVERLAPPING).n_already_done
    assert 3 == run(workspace, folder).n_ingested
    assert plain == {one.segment.id for one in segments(workspace)}


def test_vectors_of_an_earlier_cutting_are_discarded(workspace: Workspace, folder: Path) -> None:
    """Windows that are no longer segments leave the store too."""
    run(workspace, folder, policy=OVERLAPPING)
    run(workspace, folder)
    current = {one.segment.id for one in segments(workspace)}
    points = {one.payload.segment_id for one in workspace.store(workspace.card(MODEL)).scan(SegmentFilter())}
    assert current == points


def test_search_passes_over_points_that_the_catalog_does_not_know(workspace: Workspace, folder: Path) -> None:
    """Vectors of an ingest that was killed before its commit: neither evidence nor clusters show them."""
    run(workspace, folder)
    store = workspace.store(workspace.card(MODEL))
    current = {one.segment.id for one in segments(workspace)}
    for point in list(store.scan(SegmentFilter())):
        unknown = point.payload.model_copy(update={"segment_id": point.payload.segment_id[::-1]})
        store.upsert(point.vector[np.newaxis], [unknown])
    for segment in current:
        pack = evidence(workspace, segment)
        assert {call.segment_id for call in pack.calls.values()} <= current
        assert len(pack.neighbours) == min(pack.depth.k if pack.depth else 0, 6)  # two other recordings, three of each
    assert len(current) == cluster_library(workspace, model=MODEL).n_segments


def test_channels_apart_are_voices_apart(workspace: Workspace, cuckoos: tuple[Path, ...], tmp_path: Path) -> None:
    """With `each`, a stereo file gives segments per channel, each with its own next and previous; one may be silent."""
    sound, rate_hz = soundfile.read(cuckoos[0])
    sound = sound[:, 0]
    stereo = tmp_path / "stereo.flac"
    soundfile.write(stereo, np.stack([sound, np.zeros_like(sound)], axis=1), rate_hz)
    assert 0 == len(run(workspace, stereo, policy=IngestPolicy(channels="each")).failures)
    heard = segments(workspace)
    assert [0, 0, 0, 1, 1, 1] == [one.segment.channel for one in heard]
    assert {"Common Cuckoo"} <= detected(one for one in heard if one.segment.channel == 0)["stereo.flac"]
    silent = [one for one in heard if one.segment.channel == 1]
    assert [(None, "silent")] * 3 == [(one.quality.snr_db, one.quality.snr_unmeasured) for one in silent]
    around = workspace.catalog.around(heard[1].segment.id, 2, 2)
    assert {0} == {step.segment.channel for _, step in around}
    assert 0 == len(run(workspace, stereo).failures)
    assert [None] * 3 == [one.segment.channel for one in segments(workspace)]


def test_channel_that_is_not_there_is_a_failure_of_its_file(workspace: Workspace, folder: Path) -> None:
    """A stereo file has no third channel: it is listed, with how many it has."""
    report = run(workspace, folder, policy=IngestPolicy(channels=2))
    assert ["input"] * 3 == [failure.code for failure in report.failures]
    assert "this recording has 2" in report.failures[0].hint


def test_place_told_later_is_taken_up(workspace: Workspace, folder: Path) -> None:
    """A site, position and clock given after the first ingest reach scores, catalog and filtered search alike."""
    run(workspace, folder)
    assert {None} == {score.in_range for one in segments(workspace) for score in one.scores}
    here = Deployment(site="Jura", lat_deg=46.5, lon_deg=6.2, zone="Europe/Zurich")
    assert 3 == run(workspace, folder, here=here).n_ingested
    there = segments(workspace, SegmentFilter(sites=("Jura",), local_hours=(16, 17, 18)))
    assert 9 == len(there)
    assert {True, False} <= {score.in_range for one in there for score in one.scores}
    assert evidence(workspace, there[0].segment.id, where=SegmentFilter(sites=("Jura",))).neighbours
    assert 3 == run(workspace, folder, here=here).n_already_done


def test_less_told_later_forgets_nothing(workspace: Workspace, folder: Path) -> None:
    """An ingest that names no site leaves the site, the clock and what is expected there as they were."""

    def told() -> list[object]:
        return [(one.recording.site, one.heard_local, one.scores) for one in segments(workspace)]

    here = Deployment(site="Jura", lat_deg=46.5, lon_deg=6.2, zone="Europe/Zurich")
    run(workspace, folder, here=here)
    before = told()
    assert 3 == run(workspace, folder).n_already_done
    assert 3 == run(workspace, folder, again=True).n_ingested
    assert before == told()
    assert 9 == sum(1 for _ in workspace.store(workspace.card(MODEL)).scan(SegmentFilter(sites=("Jura",))))


def test_embedding_again_keeps_clusters(workspace: Workspace, samples_dir: Path) -> None:
    """A search by cluster finds after `again` what it found before, in the catalog and in the store."""
    petrels = samples_dir / "pykanto" / "STORM-PETREL"
    run(workspace, petrels, samples_dir / "pykanto" / "great_tit")
    cluster_library(workspace, model=MODEL)
    cluster = next(one.cluster_id for one in segments(workspace) if one.cluster_id and "XC" in one.recording.file_name)
    where = SegmentFilter(cluster_ids=(cluster,))
    store = workspace.store(workspace.card(MODEL))
    members = {one.payload.segment_id for one in store.scan(where)}
    run(workspace, petrels, again=True)
    assert members == {one.payload.segment_id for one in store.scan(where)}
    assert members == {one.segment.id for one in segments(workspace, where)}


def test_notes_say_of_how_many_files_they_speak(workspace: Workspace, folder: Path) -> None:
    """A note on some files has their number and the first of them, a note on all their number, one file's nothing."""

    def unclocked(*paths: Path) -> list[str]:
        report = run(workspace, *paths, here=Deployment(site="here", zone="UTC"), again=True)
        return [note for note in report.caveats if note.startswith("No start time is known")]

    named = zip(sorted(folder.glob("*.wav")), ("a.wav", "b.wav", "c.wav"), strict=True)
    first, second, third = (file.rename(folder / name) for file, name in named)
    (whole,) = unclocked(first)
    assert whole.endswith(".")
    assert [f"{whole} (all 3 files)"] == unclocked(folder)
    third.rename(folder / "20250503_053000.wav")
    assert [f"{whole} (2 of 3 files: {first.name}, {second.name})"] == unclocked(folder)
    assert [] == unclocked(folder / "20250503_053000.wav")
