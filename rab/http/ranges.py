"""Bytes with ranges and validators (RFC 9110 §13–14), so that browsers can seek in a clip and need not fetch it twice.

litestar's own file responses answer neither Range nor If-None-Match.
"""

import hashlib
import re
from typing import Any

from litestar import Request, Response

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def media(request: Request[Any, Any, Any], content: bytes, media_type: str) -> Response[bytes]:
    """Answer `content` whole (200), in part (206), not at all because the client has it (304), or not so (416)."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600"}
    if etag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    span = _span(request.headers.get("range", ""), len(content))
    if span is None:
        return Response(content, status_code=200, headers=headers, media_type=media_type)
    first, last = span
    if first >= len(content):
        headers["Content-Range"] = f"bytes */{len(content)}"
        return Response(b"", status_code=416, headers=headers, media_type=media_type)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], status_code=206, headers=headers, media_type=media_type)


def _span(header: str, length: int) -> tuple[int, int] | None:
    """Return first and last byte asked for; None when the header asks for everything or is not valid.

    Several ranges in one header are answered with the whole, which RFC 9110 allows.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        return (max(0, length - int(last)), length - 1) if int(last) else (length, length - 1)
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), length - 1) if last else length - 1
