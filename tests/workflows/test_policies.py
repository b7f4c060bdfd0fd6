"""What an ingest keeps: sensitivity, thresholds, species lists, privacy, the SNR floor, the order of files."""

from pathlib import Path

import pytest

from rab.domain import Deployment, IngestReport, SegmentFilter, StoredSegment
from rab.embedders.scores import MergePolicy, PrivacyPolicy, ScorePolicy, parse_species_list
from rab.errors import InputError
from rab.segments import WindowPolicy
from rab.workflows.detections import detections
from rab.workflows.ingest import IngestPolicy, IngestProgress, ingest
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
EVERYTHING = SegmentFilter()


def run(workspace: Workspace, *paths: Path, **options: object) -> IngestReport:
    return ingest(workspace, paths, models=(MODEL,), **options)  # type: ignore[arg-type]


def stored(workspace: Workspace) -> list[StoredSegment]:
    return workspace.catalog.list_segments(workspace.card(MODEL).space, EVERYTHING)


def test_sensitivity_tilts_raw_scores_and_leaves_logits(workspace: Workspace, folder: Path) -> None:
    """A raw score is the sigmoid of sensitivity times logit; what the network said stays as it was."""
    run(workspace, folder)
    plain = {one.segment.id: one.scores[0] for one in stored(workspace)}
    assert 3 == run(workspace, folder, policy=IngestPolicy(scores=ScorePolicy(sensitivity=1.5))).n_ingested
    for one in stored(workspace):
        score = one.scores[0]
        assert plain[one.segment.id].logit == pytest.approx(score.logit, abs=1e-4)
        assert 1 / (1 + 2.718281828459045 ** (-1.5 * score.logit)) == pytest.approx(score.raw_score, abs=1e-4)


def test_threshold_decides_what_is_detected(workspace: Workspace, folder: Path) -> None:
    """With a threshold that nothing reaches, the scores stay and no detection is left, in catalog and store."""
    run(workspace, folder, policy=IngestPolicy(scores=ScorePolicy(threshold=1.0)))
    cuckoo = SegmentFilter(taxa=("Cuculus canorus",))
    assert any(score.taxon.scientific_name == "Cuculus canorus" for one in stored(workspace) for score in one.scores)
    assert [] == workspace.catalog.segment_ids(workspace.card(MODEL).space, cuckoo)
    assert [] == list(workspace.store(workspace.card(MODEL)).scan(cuckoo))
    assert [] == detections(workspace, model=MODEL, where=EVERYTHING)


def test_species_list_keeps_its_names_alone(workspace: Workspace, folder: Path) -> None:
    """Other names are not kept, and a misspelt one is told with what it may have meant."""
    species = parse_species_list("Cuculus canorus_Common Cuckoo\nTurdus merulla\n")
    report = run(workspace, folder, policy=IngestPolicy(scores=ScorePolicy(species=species)))
    assert {"Cuculus canorus"} == {score.taxon.scientific_name for one in stored(workspace) for score in one.scores}
    assert any("Turdus merulla" in caveat and "Turdus merula" in caveat for caveat in report.caveats)


def test_species_list_of_nothing_that_a_model_knows_is_refused(workspace: Workspace, folder: Path) -> None:
    """A list of plants says nothing to a model of birds: nothing is ingested."""
    species = parse_species_list("Quercus robur")
    with pytest.raises(InputError, match="species list"):
        run(workspace, folder, policy=IngestPolicy(scores=ScorePolicy(species=species)))


def test_privacy_drops_before_anything_is_stored(workspace: Workspace, folder: Path) -> None:
    """With a threshold that every window reaches, none is stored, and all are counted."""
    report = run(workspace, folder, policy=IngestPolicy(privacy=PrivacyPolicy(mode="drop", threshold=1e-9)))
    assert (3, 0, 9, "drop") == (report.n_ingested, report.n_segments, report.n_human_voice, report.privacy)
    assert [] == stored(workspace)
    assert [] == list(workspace.store(workspace.card(MODEL)).scan(EVERYTHING))


def test_privacy_marks_what_it_keeps(workspace: Workspace, folder: Path) -> None:
    """Flagged segments are stored with their flag, which a second look at the catalog still finds."""
    run(workspace, folder)
    assert {False} == {one.human_voice for one in stored(workspace)}
    report = run(workspace, folder, policy=IngestPolicy(privacy=PrivacyPolicy(threshold=1e-9)))
    assert (9, 9) == (report.n_segments, report.n_human_voice)
    assert {True} == {one.human_voice for one in stored(workspace)}


def test_snr_floor_counts_what_it_leaves_out(workspace: Workspace, folder: Path) -> None:
    """Every segment is either stored with enough signal, or counted."""
    run(workspace, folder)
    levels = sorted(one.quality.snr_db for one in stored(workspace) if one.quality.snr_db is not None)
    floor_db = levels[len(levels) // 2]
    report = run(workspace, folder, policy=IngestPolicy(snr_floor_db=floor_db))
    kept = [one.quality.snr_db for one in stored(workspace)]
    assert 9 == report.n_segments + report.n_below_snr_floor
    assert [level for level in levels if level >= floor_db] == sorted(level for level in kept if level is not None)
    assert len(kept) == report.n_segments


@pytest.mark.parametrize(("order", "expected"), [("oldest", [0, 1, 2]), ("newest", [2, 1, 0])])
def test_files_are_heard_in_the_order_of_their_clocks(
    order: str, expected: list[int], workspace: Workspace, folder: Path
) -> None:
    """Names that sort otherwise than their dates: the dates count, and a file without a clock comes last."""
    dates = ["b_20200101_000000", "c_20210101_000000", "a_20220101_000000"]
    for path, name in zip(sorted(folder.iterdir()), dates, strict=True):
        path.rename(folder / f"{name}.wav")
    (folder / "0.txt").write_text("no sound")
    seen: list[str] = []

    def watch(progress: IngestProgress) -> None:
        if progress.path.stem not in seen:
            seen.append(progress.path.stem)

    here = Deployment(site="Jura", zone="UTC")
    run(workspace, folder, here=here, order=order, watch=watch)
    assert [dates[number] for number in expected] == seen


def test_detections_in_overlapping_windows_are_one(workspace: Workspace, folder: Path) -> None:
    """A cuckoo that calls through three windows is one detection, which names the segment of its best score."""
    run(workspace, folder, policy=IngestPolicy(window=WindowPolicy(hop_ms=1000)))
    found = detections(workspace, model=MODEL, where=EVERYTHING, merge=MergePolicy(max_gap_ms=3000))
    cuckoos = [one.detection for one in found if one.detection.score.taxon.scientific_name == "Cuculus canorus"]
    assert len({one.recording_id for one in cuckoos}) == len(cuckoos) == 3
    for one in cuckoos:
        segment = workspace.catalog.segment(one.segment_id)
        assert one.score in segment.scores
        assert one.t0_ms <= segment.segment.t0_ms < segment.segment.t1_ms <= one.t1_ms
        assert one.n_segments > 3
