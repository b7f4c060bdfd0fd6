"""Reporting: a summary, its best calls interpreted, and the sound of every call that matters, as one document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from rab.audio import clip_expansion, clip_wav, stated_licence
from rab.audio.picture import spectrogram_png
from rab.audio.spectrogram import spectrogram
from rab.catalog import ReportRecord
from rab.domain import Interpretation, MonitoringSummary, Recording, SegmentFilter, Value
from rab.errors import RabError
from rab.logs import canonical_line
from rab.reports import CallMedia, Media, NoMedia, RecordingLicence, Report, ReportFiles, write_report
from rab.workflows.media import hear
from rab.workflows.questions import EVERYTHING, interpret
from rab.workflows.summaries import outstanding_failures, skipped_files, summarise
from rab.workflows.workspace import Workspace

CEILING_HZ = 12_000.0
"""Highest frequency drawn of audible sound: nearly all bird song lies below it. Ultrasound is drawn whole."""


class ReportPolicy(Value):
    """How much a report shows. A call of 3 s at 48 kHz adds 0.4 MB to the page."""

    n_interpreted: int = Field(default=8, ge=0)
    """Taxa, most detections first, whose best call is interpreted."""
    n_playable: int = Field(default=40, ge=0)
    """Calls that can be played in the page; the others are described, with where to find them."""


@dataclass(frozen=True)
class WrittenReport:
    """A report and where it stands."""

    report: Report
    files: ReportFiles


def write_summary_report(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    into: Path | None = None,
    policy: ReportPolicy | None = None,
) -> WrittenReport:
    """Summarise, interpret the best call of each frequent taxon, and write HTML, Markdown and JSON.

    The folder is named after the summary's pack unless `into` names another, so the same evidence is the same report.
    """
    policy = policy or ReportPolicy()
    with canonical_line("report", model=model) as line:
        summary = summarise(workspace, model=model, where=where)
        heard = workspace.catalog.recordings(sites=where.sites)
        report = Report(
            title=summary.title,
            created_at=datetime.now(UTC).replace(microsecond=0),
            summary=summary,
            interpretations=tuple(_interpretations(workspace, summary, policy.n_interpreted)),
            recording_licences=tuple(_licences(heard)),
            caveats=tuple(dict.fromkeys(caveat for one in heard for caveat in one.notes.caveats)),
            failures=tuple(outstanding_failures(workspace).values()),
            skipped=tuple(skipped_files(workspace, model).values()),
        )
        name = summary.pack.pack_id[:12]
        files = write_report(
            into or workspace.home / "reports" / name, report, _media(workspace, report, policy.n_playable)
        )
        workspace.catalog.save_report(_record(name, report, files))
        line.update(pack_id=summary.pack.pack_id, n_claims=len(summary.claims))
    return WrittenReport(report, files)


def _record(name: str, report: Report, files: ReportFiles) -> ReportRecord:
    packs = (report.summary.pack, *(interpretation.pack for interpretation in report.interpretations))
    return ReportRecord(
        id=name,
        kind="monitoring",
        title=report.title,
        created_at=report.created_at,
        path=str(files.html.resolve()),
        pack_ids=tuple(pack.pack_id for pack in packs),
    )


def _interpretations(workspace: Workspace, summary: MonitoringSummary, n: int) -> Iterator[Interpretation]:
    """Interpret the best calls against the whole library: a filter on a taxon would let its name vote for itself."""
    frequent = sorted(
        (entry for entry in summary.pack.aggregates if entry.name == "detections" and entry.exemplars),
        key=lambda entry: (-entry.value, entry.group or ""),
    )
    told = dict.fromkeys(entry.exemplars[0].segment_id for entry in frequent[:n])
    return (interpret(workspace, segment) for segment in told)


def _licences(recordings: Iterable[Recording]) -> Iterator[RecordingLicence]:
    names: dict[str, list[str]] = {}
    for recording in recordings:
        licence = stated_licence(Path(recording.path))
        if licence is not None:
            names.setdefault(licence, []).append(recording.file_name)
    return (RecordingLicence(licence=licence, file_names=tuple(sorted(files))) for licence, files in names.items())


def _media(workspace: Workspace, report: Report, n_playable: int) -> Media:
    media: dict[str, CallMedia | NoMedia] = {}
    for segment in dict.fromkeys(_calls(report)):
        if sum(isinstance(one, CallMedia) for one in media.values()) >= n_playable:
            media[segment] = NoMedia(f"only the first {n_playable} calls are playable in this page")
            continue
        try:
            media[segment] = call_media(workspace, segment)
        except RabError as error:
            media[segment] = NoMedia(error.message)
    return media


def _calls(report: Report) -> Iterator[str]:
    """Yield segment ids in the order of their weight: first exemplars and queries, then neighbours, then the rest."""
    aggregates = [entry for entry in report.summary.pack.aggregates if entry.exemplars]
    yield from (entry.exemplars[0].segment_id for entry in aggregates)
    packs = [interpretation.pack for interpretation in report.interpretations]
    yield from (pack.query.call.segment_id for pack in packs if pack.query)
    yield from (entry.call.segment_id for pack in packs for entry in pack.neighbours)
    yield from (call.segment_id for entry in aggregates for call in entry.exemplars)
    yield from (call.segment_id for pack in packs for call in pack.calls.values())


def call_media(workspace: Workspace, segment_id: str) -> CallMedia:
    """Cut a call and draw it. Raises `NotFound` when its file is no longer where it was."""
    sound = hear(workspace, segment_id)
    expansion = clip_expansion(sound.sample_rate_hz)
    nyquist_hz = sound.sample_rate_hz / 2
    high_hz = nyquist_hz if expansion > 1 else min(CEILING_HZ, nyquist_hz)
    return CallMedia(
        audio=clip_wav(sound),
        png=spectrogram_png(spectrogram(sound), low_hz=0.0, high_hz=high_hz),
        low_hz=0.0,
        high_hz=high_hz,
        duration_ms=sound.duration_ms,
        playback_note=f"played {expansion} × slower" if expansion > 1 else "",
    )
