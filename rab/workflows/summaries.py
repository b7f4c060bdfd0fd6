"""Summaries: what was heard over a part of the library, counted, sealed and put into words."""

from pathlib import Path
from typing import Literal

from rab.domain import FileFailure, FileSkipped, MonitoringSummary, SegmentFilter
from rab.domain.filter import parse_filter
from rab.errors import InputError, NotFound, StorageFailed
from rab.evidence.summary.comparison import previous
from rab.evidence.summary_pack import Beside, Thresholds, gather_summary
from rab.logs import canonical_line
from rab.retrieval.drift import RecorderDrift
from rab.workflows.calibrating import summary_thresholds
from rab.workflows.drift import recorder_drift
from rab.workflows.filters import understand
from rab.workflows.questions import EVERYTHING
from rab.workflows.workspace import Workspace
from rab.workflows.writing import write


def summarise(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    compared_to: SegmentFilter | Literal["previous"] | None = None,
    with_drift: bool = False,
    thresholds: Thresholds | None = None,
) -> MonitoringSummary:
    """Write a monitoring summary of the segments under `where`; its pack is kept.

    With `compared_to`, each taxon is held against that side too; `previous` is the interval before. With `with_drift`
    every recorder is asked whether it changed, which reads all vectors. `thresholds` are raw scores from which
    detections of a taxon are right as often as was asked for; None: those of the library's calibration in use.
    What a filter names that the library does not have stands in the pack's notes.
    Raises `NotFound` when `model` never filled the library, `InputError` for a comparison that cannot be meant.
    """
    card = workspace.card(model)
    where, notes = understand(workspace, where, model)
    other = previous(where) if isinstance(compared_to, str) else compared_to
    if other is not None:
        other, of_other = understand(workspace, other, model)
        notes = (*notes, *(note for note in of_other if note not in notes))
    with canonical_line("summary", model=model) as line:
        drift, untold = _drift(workspace, model, where) if with_drift else ((), ())
        beside = Beside(
            thresholds=summary_thresholds(workspace, card) if thresholds is None else thresholds,
            other_models=[one for one in workspace.catalog.cards() if one.key != card.key and one.n_classes],
            drift=drift,
            compared_to=other,
            notes=(*notes, *untold),
            failed_files=[Path(path).name for path in outstanding_failures(workspace)] if where.is_empty else (),
        )
        pack = gather_summary(workspace.catalog, card, where=where, policy=workspace.summary, beside=beside)
        workspace.catalog.save_pack(pack)
        summary = write(workspace, pack, "summary")
        line.update(pack_id=pack.pack_id, n_claims=len(summary.claims), n_dropped=len(summary.dropped))
    return summary


def other_side(words: str | None) -> SegmentFilter | Literal["previous"] | None:
    """Read the other side of a comparison: `previous`, or a filter. Raises `InputError` for what is neither."""
    if words == "previous":
        return "previous"
    return None if words is None else parse_filter(words)


def _drift(workspace: Workspace, model: str, where: SegmentFilter) -> tuple[list[RecorderDrift], tuple[str, ...]]:
    """Return what became of the recorders, or a note on why nobody can tell."""
    try:
        return recorder_drift(workspace, model=model, where=where), ()
    except InputError as error:
        return [], (f"Whether recorders changed cannot be told: {error.message}.",)


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
