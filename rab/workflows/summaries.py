"""Summaries: what was heard over a part of the library, counted, sealed and put into words."""

from pathlib import Path

from rab.domain import FileFailure, FileSkipped, MonitoringSummary, SegmentFilter
from rab.errors import NotFound, StorageFailed
from rab.evidence.summary_pack import gather_summary
from rab.generation import write_summary
from rab.logs import canonical_line
from rab.workflows.questions import EVERYTHING
from rab.workflows.workspace import Workspace


def summarise(workspace: Workspace, *, model: str, where: SegmentFilter = EVERYTHING) -> MonitoringSummary:
    """Write a monitoring summary of the segments under `where`; its pack is kept.

    Raises `NotFound` when `model` never filled the library.
    """
    card = workspace.card(model)
    with canonical_line("summary", model=model) as line:
        pack = gather_summary(
            workspace.catalog,
            card,
            where=where,
            policy=workspace.summary,
            failed_files=[Path(path).name for path in outstanding_failures(workspace)] if where.is_empty else (),
        )
        workspace.catalog.save_pack(pack)
        summary = write_summary(pack)
        line.update(pack_id=pack.pack_id, n_claims=len(summary.claims), n_dropped=len(summary.dropped))
    return summary


def outstanding_failures(workspace: Workspace) -> dict[str, FileFailure]:
    """Return, by path, the files that could not be read and still cannot be in the library, with the newest reason.

    A path at which nothing lies is no missing recording, and a file that a full disk kept out is not unreadable. A file
    that was taken in before counts as soon as it no longer holds the bytes that were heard.
    """
    newest_first = (job.report for job in workspace.catalog.jobs())
    failed: dict[str, FileFailure] = {}
    for report in newest_first:
        for failure in report.failures:
            if failure.code not in (NotFound.code, StorageFailed.code):
                failed.setdefault(failure.path, failure)
    failed = {path: failure for path, failure in failed.items() if Path(path).exists()}
    for recording in workspace.catalog.recordings() if failed else ():
        if recording.path in failed and Path(recording.path).stat().st_size == recording.n_bytes:
            del failed[recording.path]
    return failed


def skipped_files(workspace: Workspace, model: str) -> dict[str, FileSkipped]:
    """Return, by path, the files that a model's ingests left out on purpose, each with its newest reason."""
    skipped: dict[str, FileSkipped] = {}
    for job in workspace.catalog.jobs():
        for one in job.report.skipped:
            if one.model == model:
                skipped.setdefault(one.path, one)
    return skipped
