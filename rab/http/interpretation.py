"""The route that answers for a clip: sound that a client sends, heard for the length of the request.

What is sent lies in a folder of its own while it is heard, under a name made of harmless characters, and is deleted
whatever happens. Only the Evidence Pack stays, so that the sentences can be followed.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from litestar import post
from litestar.connection import ASGIConnection
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, MultipartBody, QueryParameter

from rab.domain import Interpretation, Recording, Value
from rab.domain.filter import parse_filter
from rab.errors import AudioError, InputError
from rab.http.context import Context, OpenLibrary
from rab.http.problems import PROBLEM_JSON, PROBLEMS, Problem
from rab.http.routes import Model, Where
from rab.workflows.clips import Clip, hear, read_file
from rab.workflows.questions import interpret
from rab.workflows.selections import Selection, Told

MOST_BYTES = 64 << 20
"""Of a request: eleven minutes of one channel at 48 kHz and 16 bits."""

_LONGEST_FILE_S = 3600.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

StartS = Annotated[float | None, QueryParameter(ge=0, description="Select from so many seconds on.")]
EndS = Annotated[float | None, QueryParameter(gt=0, description="Select up to so many seconds.")]
LowHz = Annotated[float | None, QueryParameter(ge=0, description="Select from this frequency up.")]
HighHz = Annotated[float | None, QueryParameter(gt=0, description="Select up to this frequency.")]
Channel = Annotated[int | None, QueryParameter(ge=0, description="Channel, from 0; else the average of all.")]
Lat = Annotated[float | None, QueryParameter(ge=-90, le=90, description="Latitude, in degrees.")]
Lon = Annotated[float | None, QueryParameter(ge=-180, le=180, description="Longitude, in degrees.")]
Time = Annotated[datetime | None, QueryParameter(description="Start of the file, with its offset.")]


@dataclass
class SentClip:
    """The form in which a clip is sent."""

    file: UploadFile


class ClipInterpretations(Value):
    """What is said of a clip that was sent."""

    file_name: str
    recording_id: str
    """sha256 of the bytes that were sent."""
    model: str
    items: tuple[Interpretation, ...]
    """One, or with `each` one for every segment of the selection."""


_REFUSALS = {
    status: ResponseSpec(Problem, generate_examples=False, description=meaning, media_type=PROBLEM_JSON)
    for status, meaning in {
        413: "The request is larger, or the sound longer, than is taken.",
        415: "What was sent is no multipart form, or not audio that can be decoded.",
        422: "The sound has no such stretch, band or channel.",
    }.items()
}


def _only_multipart(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    if connection.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPException(status_code=415, detail="send the sound as multipart/form-data, in a field named `file`")


@post(
    "/v1/interpretations",
    sync_to_thread=True,
    status_code=200,
    responses=PROBLEMS | _REFUSALS,
    tags=["statements"],
    guards=[_only_multipart],
    request_max_body_size=MOST_BYTES,
)
def clip_interpretation(
    context: Context,
    data: MultipartBody[SentClip],
    where: Where = "",
    model: Model = None,
    start_s: StartS = None,
    end_s: EndS = None,
    low_hz: LowHz = None,
    high_hz: HighHz = None,
    channel: Channel = None,
    site: FromQuery[str | None] = None,
    lat: Lat = None,
    lon: Lon = None,
    time: Time = None,
    each: FromQuery[bool] = False,
) -> ClipInterpretations:
    """Say what a clip resembles, how it differs, and how sure that is; the clip is not stored.

    The file is a part of a multipart form, of at most 64 MiB and an hour; 600 s of it are heard at most. Of several
    segments the one that is heard best is answered for, or with `each` every one.
    """
    if time is not None and time.tzinfo is None:
        raise HTTPException(status_code=422, detail="the time has no offset; write 2025-05-03T05:12:00+02:00")
    asked, key = parse_filter(where), model or context.model
    selection = Selection(
        t0_ms=None if start_s is None else 1000 * start_s,
        t1_ms=None if end_s is None else 1000 * end_s,
        low_hz=low_hz,
        high_hz=high_hz,
        channel=channel,
    )
    told = Told(site=site, lat_deg=lat, lon_deg=lon, started_at=time)
    with _on_disk(data.file) as path:
        recording, clips = _heard(context, path, told, selection, key, each)
    items = tuple(interpret(context.workspace, one, where=asked) for one in clips)
    return ClipInterpretations(file_name=recording.file_name, recording_id=recording.id, model=key, items=items)


def _heard(
    context: OpenLibrary, path: Path, told: Told, selection: Selection, model: str, each: bool
) -> tuple[Recording, tuple[Clip, ...]]:
    """Hear what was sent, and tell a client what it could send instead."""
    try:
        recording = read_file(context.workspace, path, told)
        if recording.duration_ms > 1000 * _LONGEST_FILE_S:
            length_s, most_s = recording.duration_ms / 1000, _LONGEST_FILE_S
            detail = f"{path.name} lasts {length_s:.0f} s, and {most_s:.0f} s are taken at most; send a part of it"
            raise HTTPException(status_code=413, detail=detail)
        return recording, hear(context.workspace, recording, selection, model=model, each=each)
    except AudioError as error:
        detail = str(error).replace(f"{path.parent}{os.sep}", "")
        raise HTTPException(status_code=415, detail=detail) from error
    except InputError as error:
        raise HTTPException(status_code=422, detail=str(error)) from error


@contextmanager
def _on_disk(upload: UploadFile) -> Iterator[Path]:
    """Lay what was sent in a folder of its own, for as long as it is heard."""
    with TemporaryDirectory(prefix="rab-clip-") as folder:
        name = upload.filename.replace("\\", "/").rpartition("/")[2]
        path = Path(folder) / (_UNSAFE.sub("_", name).lstrip(".-")[-100:] or "clip")
        with path.open("wb") as file:
            upload.file.seek(0)
            shutil.copyfileobj(upload.file, file)
        yield path


INTERPRETATION_ROUTES = (clip_interpretation,)
