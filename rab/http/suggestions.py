"""The routes about labels that are suggested: one, many as a file, and a person's answer."""

import io
import zipfile
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from pydantic import Field

from rab.domain import AnnotationFormat, AnnotationSuggestion, Review, Value
from rab.domain.filter import parse_filter
from rab.errors import Conflict, InputError
from rab.http.context import Context
from rab.http.problems import PROBLEMS
from rab.http.routes import Limit, Model, Where
from rab.reports.annotations import annotation_files
from rab.workflows import labelling, suggesting
from rab.workflows.questions import find_segment
from rab.workflows.suggesting import Order

Ordered = Annotated[
    Order,
    QueryParameter(description="Nearest to a decision first, of the largest cluster first, or as they were recorded."),
]
Form = Annotated[AnnotationFormat, QueryParameter(description="A zip where there is a file for each of several.")]


class GivenReview(Value):
    """A person's answer to the suggestion of a pack."""

    pack_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    """The Evidence Pack whose suggestion was before the person."""
    verdict: Literal["accepted", "corrected", "rejected"]
    taxon: str | None = Field(default=None, min_length=1, max_length=200)
    """The right name, for a correction; the name that is denied, where a rejection is not of the suggestion."""
    by: str = Field(min_length=1, max_length=200)
    """Who listened."""


class ReviewList(Value):
    """Every answer that people gave about a segment, in the order of giving."""

    items: tuple[Review, ...]


@get("/v1/segments/{segment_id:str}/suggestion", sync_to_thread=True, responses=PROBLEMS, tags=["statements"])
def suggestion(context: Context, segment_id: FromPath[str], where: Where = "") -> AnnotationSuggestion:
    """Say what a segment could be labelled, or why a person should listen first; `where` limits its neighbours."""
    return suggesting.suggest(context.workspace, segment_id, where=parse_filter(where))


@get("/v1/segments/{segment_id:str}/reviews", sync_to_thread=True, responses=PROBLEMS, tags=["labels"])
def reviews(context: Context, segment_id: FromPath[str]) -> ReviewList:
    """Return every review of a segment."""
    own = find_segment(context.workspace, segment_id).segment.id
    return ReviewList(items=context.workspace.catalog.reviews_of([own]).get(own, ()))


@post("/v1/segments/{segment_id:str}/reviews", sync_to_thread=True, responses=PROBLEMS, tags=["labels"])
def review(
    context: Context, request: Request[Any, Any, Any], segment_id: FromPath[str], data: JSONBody[GivenReview]
) -> Review:
    """Keep a person's answer to a suggestion, as labels with who, when and which pack.

    The body must be `application/json`: no page of another site can send that unasked.
    """
    if request.content_type[0] != "application/json":
        raise InputError("a review is sent as JSON", hint="send it with Content-Type: application/json")
    own = find_segment(context.workspace, segment_id).segment.id
    pack = context.workspace.catalog.pack(data.pack_id)
    if pack.subject != own:
        raise Conflict(
            f"pack {data.pack_id[:12]} is not of segment {own}", hint=f"fetch /v1/segments/{own}/suggestion again"
        )
    return labelling.review(context.workspace, data.pack_id, data.verdict, author=data.by, taxon=data.taxon)


@get(
    "/v1/suggestions/export",
    sync_to_thread=True,
    responses=PROBLEMS,
    tags=["statements"],
    media_type="text/csv",
)
def export(
    context: Context,
    where: Where = "",
    model: Model = None,
    limit: Limit = 50,
    order: Ordered = "uncertain",
    format: Form = "csv",  # noqa: A002  the name of the parameter
) -> Response[bytes]:
    """Suggest labels for the matching segments that nobody has reviewed, as a file for an annotation program."""
    workspace = context.workspace
    with context.filtered(where, model) as (asked, _):
        chosen = suggesting.choose(workspace, model=model or context.model, where=asked, limit=limit, order=order)
        found = suggesting.suggestions(workspace, chosen.segment_ids)
        written = [one.suggestion for one in found if one.suggestion is not None]
    rows = [row for one in written if (row := suggesting.annotation(workspace, one)) is not None]
    files = annotation_files(rows, format)
    if len(files) == 1:
        name, text = next(iter(files.items()))
        return _file(name, text.encode(), "text/csv" if format == "csv" else "text/plain")
    return _file("suggestions.zip", _zipped(files), "application/zip")


def _file(name: str, content: bytes, media_type: str) -> Response[bytes]:
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_")
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _zipped(files: dict[str, str]) -> bytes:
    """Return files as a zip that is the same whenever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


SUGGESTION_ROUTES = (suggestion, reviews, review, export)
