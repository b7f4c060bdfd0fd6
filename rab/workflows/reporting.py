"""Reporting: texts of any kind with the sound of every call that matters, as one document that knows its question."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from rab.audio import clip_expansion, clip_wav, stated_licence
from rab.audio.picture import spectrogram_png
from rab.audio.spectrogram import spectrogram
from rab.catalog import ReportRecord
from rab.domain import GroundedText, MonitoringSummary, Recording, SegmentFilter, StoredSegment, Value
from rab.domain.evidence import FAMILIES, Family
from rab.domain.filter import parse_filter
from rab.errors import InputError, RabError
from rab.generation.needs.base import Output
from rab.logs import canonical_line
from rab.reports import (
    CallMedia,
    Media,
    NoMedia,
    Passage,
    Question,
    RecordingLicence,
    Report,
    ReportFiles,
    write_report,
)
from rab.workflows.hypothesising import hypothesise
from rab.workflows.media import sound_of
from rab.workflows.questions import EVERYTHING, Call, interpret
from rab.workflows.suggesting import suggest
from rab.workflows.summaries import outstanding_failures, skipped_files, summarise
from rab.workflows.workspace import Workspace

CEILING_HZ = 12_000.0
"""Highest frequency drawn of audible sound: nearly all bird song lies below it. Ultrasound is drawn whole."""
OtherSide = SegmentFilter | Literal["previous"] | None


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
    compared_to: OtherSide = None,
    with_drift: bool = False,
    into: Path | None = None,
    policy: ReportPolicy | None = None,
    pdf: bool = False,
) -> WrittenReport:
    """Summarise, interpret the best call of each frequent taxon, and write the document.

    The folder is named after the summary's pack unless `into` names another, so the same evidence is the same report.
    """
    policy = policy or ReportPolicy()
    other = compared_to.words if isinstance(compared_to, SegmentFilter) else compared_to
    question = Question(
        kind="monitoring",
        model=model,
        where=where.words,
        compared_to=other,
        with_drift=with_drift,
        n_interpreted=policy.n_interpreted,
        policies=_policies(workspace),
    )
    with canonical_line("report", model=model, kind="monitoring") as line:
        report = compose(workspace, question, passages_of(workspace, question, where=where, compared_to=compared_to))
        line.update(report=report.name, n_packs=len(report.packs))
        return _written(workspace, report, into, policy.n_playable, pdf=pdf)


def passages_of(
    workspace: Workspace, question: Question, *, where: SegmentFilter, compared_to: OtherSide = None
) -> tuple[Passage, ...]:
    """Write the texts that answer a question."""
    if question.kind == "hypotheses":
        families = [one for one in FAMILIES if one in question.families]
        found = hypothesise(workspace, model=question.model, where=where, families=families)
        return (passage("hypotheses", found),)
    if question.kind == "interpretation" or question.kind == "suggestion":
        output = question.kind
        return tuple(passage(output, text_on_call(workspace, output, one, where)) for one in question.segment_ids)
    summary = summarise(
        workspace, model=question.model, where=where, compared_to=compared_to, with_drift=question.with_drift
    )
    texts = (interpret(workspace, segment) for segment in _to_interpret(summary, question.n_interpreted))
    return passage("summary", summary), *(passage("interpretation", text) for text in texts)


def write_questions_report(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    families: Sequence[Family] = FAMILIES,
    into: Path | None = None,
    policy: ReportPolicy | None = None,
    pdf: bool = False,
) -> WrittenReport:
    """Screen the library for contrasts worth a question, and write the questions as a document."""
    question = Question(kind="hypotheses", model=model, where=where.words, families=tuple(families))
    with canonical_line("report", model=model, kind="hypotheses"):
        report = compose(workspace, question, passages_of(workspace, question, where=where))
        return _written(workspace, report, into, (policy or ReportPolicy()).n_playable, pdf=pdf)


def write_call_report(
    workspace: Workspace,
    kind: Literal["interpretation", "suggestion"],
    texts: Sequence[GroundedText],
    *,
    where: SegmentFilter = EVERYTHING,
    unstored: Sequence[StoredSegment] = (),
    into: Path | None = None,
    policy: ReportPolicy | None = None,
    pdf: bool = False,
) -> WrittenReport:
    """Write the document of interpretations or suggestions that were made with `where` limiting their neighbours.

    `unstored` are those of the calls that were heard in a file: the library alone cannot be asked of them again. Raises
    `InputError` for no text, or for texts of several embedding models.
    """
    spaces = {text.pack.library.space for text in texts}
    if len(spaces) != 1:
        raise InputError(
            "a report needs calls, all of one model" if texts else "a report needs one call at least",
            hint="name segments of one model; `rab segments` lists them",
        )
    card = next(card for card in workspace.catalog.cards() if card.space in spaces)
    question = Question(
        kind=kind,
        model=card.key,
        where=where.words,
        segment_ids=() if unstored else tuple(text.pack.subject for text in texts),
        policies=_policies(workspace),
        is_repeatable=not unstored,
    )
    with canonical_line("report", model=card.key, kind=kind):
        report = compose(workspace, question, [passage(kind, text) for text in texts])
        return _written(workspace, report, into, (policy or ReportPolicy()).n_playable, pdf=pdf, unstored=unstored)


def report_on_calls(
    workspace: Workspace,
    kind: Literal["interpretation", "suggestion"],
    segments: Sequence[str],
    *,
    where: SegmentFilter = EVERYTHING,
    into: Path | None = None,
    policy: ReportPolicy | None = None,
    pdf: bool = False,
) -> WrittenReport:
    """Interpret stored calls, or suggest labels for them, and write the document."""
    texts = [text_on_call(workspace, kind, segment, where) for segment in segments]
    return write_call_report(workspace, kind, texts, where=where, into=into, policy=policy, pdf=pdf)


def text_on_call(
    workspace: Workspace, kind: Literal["interpretation", "suggestion"], call: Call, where: SegmentFilter
) -> GroundedText:
    """Write an interpretation of a call, or a suggestion for it."""
    if kind == "interpretation":
        return interpret(workspace, call, where=where)
    assert isinstance(call, str)
    return suggest(workspace, call, where=where)


def passage(output: Output, text: GroundedText) -> Passage:
    """Return a text as a part of a report."""
    return Passage(output=output, text=text)


def compose(workspace: Workspace, question: Question, passages: Sequence[Passage]) -> Report:
    """Put texts together with what must be known of their recordings."""
    heard = _recordings(workspace, question, passages)
    whole = question.kind == "monitoring"
    return Report(
        title=passages[0].text.title
        if len(passages) == 1 or whole
        else f"{_TITLES[question.kind]}: {len(passages)} calls",
        created_at=datetime.now(UTC).replace(microsecond=0),
        question=question,
        passages=tuple(passages),
        recording_licences=tuple(_licences(heard)),
        caveats=tuple(dict.fromkeys(caveat for one in heard for caveat in one.notes.caveats)),
        failures=tuple(outstanding_failures(workspace).values()) if whole else (),
        skipped=tuple(skipped_files(workspace, question.model).values()) if whole else (),
    )


_TITLES = {"interpretation": "Interpretations", "suggestion": "Suggested labels", "hypotheses": "Questions"}


def _recordings(workspace: Workspace, question: Question, passages: Iterable[Passage]) -> list[Recording]:
    """Return the recordings at the sites of a monitoring report, or those of the calls of another."""
    if question.kind == "monitoring":
        return list(workspace.catalog.recordings(sites=parse_filter(question.where).sites))
    of_calls = {call.recording_id for one in passages for call in one.text.pack.calls.values()}
    return [one for one in workspace.catalog.recordings() if one.id in of_calls]


def _written(
    workspace: Workspace,
    report: Report,
    into: Path | None,
    n_playable: int,
    *,
    pdf: bool,
    unstored: Sequence[StoredSegment] = (),
) -> WrittenReport:
    folder = into or workspace.home / "reports" / report.name
    media = _media(workspace, report, n_playable, {one.segment.id: one for one in unstored})
    files = write_report(folder, report, media, pdf=pdf)
    workspace.catalog.save_report(
        ReportRecord(
            id=report.name,
            kind=report.question.kind,
            title=report.title,
            created_at=report.created_at,
            path=str(files.html.resolve()),
            pack_ids=tuple(pack.pack_id for pack in report.packs),
        )
    )
    return WrittenReport(report, files)


def _policies(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {
        "evidence": workspace.evidence.model_dump(mode="json"),
        "summary": workspace.summary.model_dump(mode="json"),
    }


def _to_interpret(summary: MonitoringSummary, n: int) -> list[str]:
    """Return the best calls of the frequent taxa, each once.

    They are interpreted against the whole library: a filter on a taxon would let its name vote for itself.
    """
    frequent = sorted(
        (entry for entry in summary.pack.aggregates if entry.name == "detections" and entry.exemplars),
        key=lambda entry: (-entry.value, entry.group or ""),
    )
    return list(dict.fromkeys(entry.exemplars[0].segment_id for entry in frequent[:n]))


def _licences(recordings: Iterable[Recording]) -> Iterator[RecordingLicence]:
    names: dict[str, list[str]] = {}
    for recording in recordings:
        licence = stated_licence(Path(recording.path))
        if licence is not None:
            names.setdefault(licence, []).append(recording.file_name)
    return (RecordingLicence(licence=licence, file_names=tuple(sorted(files))) for licence, files in names.items())


def _media(
    workspace: Workspace, report: Report, n_playable: int, unstored: Mapping[str, StoredSegment] = MappingProxyType({})
) -> Media:
    media: dict[str, CallMedia | NoMedia] = {}
    for segment in dict.fromkeys(_calls(report)):
        if sum(isinstance(one, CallMedia) for one in media.values()) >= n_playable:
            media[segment] = NoMedia(f"only the first {n_playable} calls are playable in this page")
            continue
        try:
            media[segment] = call_media(unstored.get(segment) or workspace.catalog.segment(segment))
        except RabError as error:
            media[segment] = NoMedia(error.message)
    return media


def _calls(report: Report) -> Iterator[str]:
    """Yield segment ids in the order of their weight: first exemplars and queries, then neighbours, then the rest."""
    aggregates = [entry for pack in report.packs for entry in pack.aggregates if entry.exemplars]
    yield from (entry.exemplars[0].segment_id for entry in aggregates)
    yield from (pack.query.call.segment_id for pack in report.packs if pack.query)
    yield from (entry.call.segment_id for pack in report.packs for entry in pack.exemplars)
    yield from (entry.call.segment_id for pack in report.packs for entry in pack.neighbours)
    yield from (call.segment_id for entry in aggregates for call in entry.exemplars)
    yield from (call.segment_id for pack in report.packs for call in pack.calls.values())


def call_media(stored: StoredSegment) -> CallMedia:
    """Cut a call and draw it. Raises `NotFound` when its file is no longer where it was."""
    sound = sound_of(stored)
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
