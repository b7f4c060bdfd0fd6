"""A folder of broken files: the good ones are in, and each broken one is named with what to do."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rab.domain import IngestReport, SegmentFilter
from rab.errors import NotFound
from rab.workflows.ingest import ingest
from rab.workflows.media import clip
from rab.workflows.summaries import outstanding_failures, summarise
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
Open = Callable[[Path], AbstractContextManager[Workspace]]


def run(workspace: Workspace, *paths: Path) -> IngestReport:
    return ingest(workspace, paths, models=(MODEL,))


def break_files(folder: Path, good: Path) -> dict[str, str]:
    """Put broken files beside the good ones; return what the message on each must say."""
    content = good.read_bytes()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "truncated.wav").write_bytes(content[: len(content) // 3])
    (folder / "header only.WAV").write_bytes(content[:44])
    soundfile.write(folder / "no samples.wav", np.zeros((0, 1), dtype=np.float32), 48_000)
    soundfile.write(folder / "nan.wav", np.full(48_000, np.nan, dtype=np.float32), 48_000, subtype="FLOAT")
    (folder / "text.wav").write_text("site;date\nA12;2025-05-03\n" * 200)
    shutil.copy(Path(__file__), folder / "module.flac")
    shutil.copy(good, folder / "really a wav.mp3")  # known by content: no failure
    (folder / "notes.txt").write_text("no recording, and no failure")
    return {
        "empty.wav": "is empty: 0 bytes",
        "truncated.wav": "breaks off",
        "header only.WAV": "",
        "no samples.wav": "holds no sound",
        "nan.wav": "NaN or infinity",
        "text.wav": "is not audio that can be decoded",
        "module.flac": "is not audio that can be decoded",
    }


def test_broken_files_are_named_and_good_ones_are_in(workspace: Workspace, folder: Path) -> None:
    """Each broken file stands in the report with code, message and next step; nothing of it is in the library."""
    n_good = len(list(folder.iterdir()))
    wanted = break_files(folder, min(folder.iterdir()))
    report = run(workspace, folder)
    failures = {Path(failure.path).name: failure for failure in report.failures}
    assert wanted.keys() == failures.keys()
    for name, words in wanted.items():
        assert ("audio", True, True) == (
            failures[name].code,
            words in failures[name].message and name in failures[name].message,
            bool(failures[name].hint),
        )
    assert (n_good, 1, n_good + 1 + len(wanted)) == (report.n_ingested, report.n_already_done, report.n_files)
    assert n_good == workspace.catalog.count_recordings()
    assert len(wanted) == len(outstanding_failures(workspace))


def test_file_without_permission_is_named(workspace: Workspace, folder: Path) -> None:
    """A file that this user may not read is a failure of that file alone."""
    locked = min(folder.iterdir())
    locked.chmod(0)
    try:
        locked.read_bytes()
    except PermissionError:
        report = run(workspace, folder)
        assert [("audio", True)] == [(one.code, "permission denied" in one.message) for one in report.failures]
        assert 2 == report.n_ingested
    else:
        pytest.skip("this user reads everything")
    finally:
        locked.chmod(0o644)


def test_file_that_is_mended_is_outstanding_no_longer(workspace: Workspace, folder: Path) -> None:
    """A summary tells of files that failed until a later ingest takes them in."""
    broken = min(folder.iterdir())
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert 1 == len(run(workspace, folder).failures)
    figures = {entry.name: entry.value for entry in summarise(workspace, model=MODEL).pack.aggregates}
    assert (1, [str(broken)]) == (figures["n_failed_files"], list(outstanding_failures(workspace)))
    broken.write_bytes(whole)
    assert 0 == len(run(workspace, folder).failures)
    assert {} == outstanding_failures(workspace)
    assert "n_failed_files" not in {entry.name for entry in summarise(workspace, model=MODEL).pack.aggregates}


def test_path_that_is_not_there_is_named_and_forgotten(workspace: Workspace, folder: Path) -> None:
    """A slip in a path fails the batch, and no later summary speaks of it."""
    report = run(workspace, folder, folder / "nowhere")
    assert [("not_found", str(folder / "nowhere"))] == [(one.code, one.path) for one in report.failures]
    assert (4, 3) == (report.n_files, report.n_ingested)
    assert {} == outstanding_failures(workspace)


def test_moved_recordings_are_found_again(workspace: Workspace, folder: Path) -> None:
    """After a move a clip says where its file was; ingesting the new path mends it without embedding anything."""
    run(workspace, folder)
    segment = workspace.catalog.segment_ids(workspace.card(MODEL).space, SegmentFilter())[0]
    before = clip(workspace, segment)
    moved = folder.rename(folder.with_name("archive"))
    with pytest.raises(NotFound, match="there is no file") as gone:
        clip(workspace, segment)
    assert ("card" in gone.value.message, "ingest its new path" in gone.value.hint) == (True, True)
    assert (0, 3) == ((report := run(workspace, moved)).n_ingested, report.n_already_done)
    assert before == clip(workspace, segment)
