"""The routes. Each calls one workflow, in a thread: the core is synchronous."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from rab import __version__
from rab.domain import EvidencePack, Interpretation, MonitoringSummary, Recording, StoredSegment, Value
from rab.domain.evidence import NeighbourEntry
from rab.domain.filter import parse_filter
from rab.errors import InputError
from rab.http.context import Context
from rab.http.problems import PROBLEMS
from rab.http.ranges import media
from rab.reports import report_schema
from rab.workflows import media as sounds
from rab.workflows import questions
from rab.workflows.summaries import other_side, summarise

_MOST_ROWS = 2**53 - 1
"""What JSON counts exactly; the database counts a little further."""

Where = Annotated[str, QueryParameter(description='Filter: `site=A12 hour=4..7 snr>=10 taxon="Turdus merula"`.')]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Rows at most.")]
Offset = Annotated[int, QueryParameter(ge=0, le=_MOST_ROWS, description="Rows to pass over.")]
Model = Annotated[str | None, QueryParameter(description="Model whose segments are meant.")]

Nearest = Annotated[
    int | None, QueryParameter(ge=1, le=1000, description="So many calls, whatever the signal; nothing is cut.")
]
Variety = Annotated[
    float, QueryParameter(ge=0, le=1, description="With a limit: above 0, calls unlike those before them come earlier.")
]
OtherSide = Annotated[
    str | None,
    QueryParameter(description="The other side of a comparison: a filter, or `previous` for the interval before."),
]
Drift = Annotated[bool, QueryParameter(description="Ask every recorder whether it changed; this reads all vectors.")]


class Answer(Value):
    """What answers a filter."""

    notes: tuple[str, ...] = ()
    """What the filter names that the library does not have, and how its words were read."""


class Health(Value):
    """Whether the service answers, and what it holds."""

    status: str
    version: str
    n_recordings: int
    models: tuple[str, ...]


class RecordingPage(Value):
    """Some recordings, and how many there are."""

    items: tuple[Recording, ...]
    n_all: int


class SegmentPage(Answer):
    """Some segments, in the order of recording and time."""

    items: tuple[StoredSegment, ...]


class Similar(Answer):
    """The calls nearest to a segment: the neighbours of its pack, or, of no pack, as many as a limit asks for."""

    segment_id: str
    pack_id: str | None = None
    """None where a limit was given."""
    reasons: tuple[str, ...] = ()
    """Why the pack has as many neighbours as it has."""
    items: tuple[NeighbourEntry, ...]
    """With the keys that the pack has for them, or `similar-1` and on."""


@get("/v1/health", sync_to_thread=True, responses=PROBLEMS, tags=["service"])
def health(context: Context) -> Health:
    """Say that the service answers, and what it holds."""
    catalog = context.workspace.catalog
    return Health(
        status="ok",
        version=__version__,
        n_recordings=catalog.count_recordings(),
        models=tuple(card.key for card in catalog.cards()),
    )


@get("/v1/recordings", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def recordings(context: Context, limit: Limit = 50, offset: Offset = 0) -> RecordingPage:
    """List recordings."""
    catalog = context.workspace.catalog
    return RecordingPage(items=tuple(catalog.recordings(limit=limit, offset=offset)), n_all=catalog.count_recordings())


@get("/v1/recordings/{recording_id:str}", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def recording(context: Context, recording_id: FromPath[str]) -> Recording:
    """Return one recording."""
    return context.workspace.catalog.recording(recording_id)


@get("/v1/segments", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def segments(
    context: Context, where: Where = "", model: Model = None, limit: Limit = 50, offset: Offset = 0
) -> SegmentPage:
    """List segments, filtered."""
    card = context.workspace.card(model or context.model)
    with context.filtered(where, model) as (asked, notes):
        found = context.workspace.catalog.list_segments(card.space, asked, limit=limit, offset=offset)
    return SegmentPage(notes=notes, items=tuple(found))


@get("/v1/segments/{segment_id:str}", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def segment(context: Context, segment_id: FromPath[str]) -> StoredSegment:
    """Return one segment with all that was measured on it."""
    return questions.find_segment(context.workspace, segment_id)


@get("/v1/segments/{segment_id:str}/similar", sync_to_thread=True, responses=PROBLEMS, tags=["evidence"])
def similar(
    context: Context, segment_id: FromPath[str], where: Where = "", limit: Nearest = None, variety: Variety = 0.0
) -> Similar:
    """Return the calls nearest to a segment: the neighbours of its pack, or so many as are asked for."""
    if variety and limit is None:
        raise InputError("variety chooses among the nearest", hint="say how many are wanted with limit")
    workspace = context.workspace
    with context.filtered(where, questions.model_of(workspace, segment_id)) as (asked, notes):
        if limit is not None:
            own = questions.find_segment(workspace, segment_id).segment.id
            near = questions.similar(workspace, own, n=limit, where=asked, variety=variety)
            return Similar(notes=notes, segment_id=own, items=near)
        pack = questions.evidence(workspace, segment_id, where=parse_filter(where))
    return Similar(
        notes=notes,
        segment_id=pack.subject,
        pack_id=pack.pack_id,
        reasons=pack.depth.reasons if pack.depth else (),
        items=pack.neighbours,
    )


@get("/v1/segments/{segment_id:str}/evidence", sync_to_thread=True, responses=PROBLEMS, tags=["evidence"])
def evidence(
    context: Context, segment_id: FromPath[str], where: Where = "", thumbnails: FromQuery[bool] = False
) -> EvidencePack:
    """Gather and return the Evidence Pack of a segment."""
    return questions.evidence(context.workspace, segment_id, where=parse_filter(where), thumbnails=thumbnails)


@get("/v1/segments/{segment_id:str}/interpretation", sync_to_thread=True, responses=PROBLEMS, tags=["statements"])
def interpretation(context: Context, segment_id: FromPath[str], where: Where = "") -> Interpretation:
    """Say what a segment resembles, how it differs, and how sure that is."""
    return questions.interpret(context.workspace, segment_id, where=parse_filter(where))


@get("/v1/packs/{pack_id:str}", sync_to_thread=True, responses=PROBLEMS, tags=["evidence"])
def pack(context: Context, pack_id: FromPath[str]) -> EvidencePack:
    """Return a sealed pack by its id."""
    return context.workspace.catalog.pack(pack_id)


@get("/v1/summaries", sync_to_thread=True, responses=PROBLEMS, tags=["statements"])
def summaries(
    context: Context, where: Where = "", model: Model = None, compare_to: OtherSide = None, drift: Drift = False
) -> MonitoringSummary:
    """Write a cited monitoring summary."""
    return summarise(
        context.workspace,
        model=model or context.model,
        where=parse_filter(where),
        compared_to=other_side(compare_to),
        with_drift=drift,
    )


@get("/v1/schemas/evidence-pack", sync_to_thread=False, responses=PROBLEMS, tags=["service"])
def evidence_pack_schema() -> dict[str, Any]:
    """Return the JSON Schema of Evidence Packs."""
    return EvidencePack.model_json_schema(mode="serialization")


@get("/v1/schemas/report", sync_to_thread=False, responses=PROBLEMS, tags=["service"])
def report_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of reports."""
    return report_schema()


@get(
    "/media/segments/{segment_id:str}/clip.wav",
    sync_to_thread=True,
    responses=PROBLEMS,
    tags=["media"],
    media_type="audio/wav",
)
def clip(context: Context, request: Request[Any, Any, Any], segment_id: FromPath[str]) -> Response[bytes]:
    """Return a segment's sound; ranges are answered, so that players can seek."""
    found = questions.find_segment(context.workspace, segment_id)
    return media(request, sounds.clip(context.workspace, found.segment.id), "audio/wav")


@get(
    "/media/segments/{segment_id:str}/spectrogram.png",
    sync_to_thread=True,
    responses=PROBLEMS,
    tags=["media"],
    media_type="image/png",
)
def spectrogram(context: Context, request: Request[Any, Any, Any], segment_id: FromPath[str]) -> Response[bytes]:
    """Return a segment's spectrogram with axes in kHz and seconds."""
    found = questions.find_segment(context.workspace, segment_id)
    return media(request, sounds.picture(context.workspace, found.segment.id), "image/png")


ROUTES = (
    health,
    recordings,
    recording,
    segments,
    segment,
    similar,
    evidence,
    interpretation,
    pack,
    summaries,
    evidence_pack_schema,
    report_json_schema,
    clip,
    spectrogram,
)
