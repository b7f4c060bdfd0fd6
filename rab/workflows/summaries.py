"""Summaries: what was heard over a part of the library, counted, sealed and put into words."""

from pathlib import Path

from rab.domain import FileFailure, MonitoringSummary, SegmentFilter
from rab.errors import NotFound
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
            failed_files=[Path(failed).name for failed in outstanding_failures(workspace)],
        )
        workspace.catalog.save_pack(pack)
        summary = write_summary(pack)
        line.update(pack_id=pack.pack_id, n_claims=len(summary.claims), n_dropped=len(summary.dropped))
    return summary


def outstanding_failures(workspace: Workspace) -> dict[str, FileFailure]:
    """Return, by path, the files that failed and are not in the library yet, each with its newest reason.

    A path at which nothing was ever found is a slip of the pen, and no recording that is missing.
    """
    newest_first = (job.report for job in workspace.catalog.jobs())
    failed: dict[str, FileFailure] = {}
    for report in newest_first:
        for failure in report.failures:
            if failure.code == NotFound.code:
                continue
            failed.setdefault(failure.path, failure)
    if failed:
        for recording in workspace.catalog.recordings():
            failed.pop(recording.path, None)
    return failed
