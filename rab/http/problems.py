"""Errors over HTTP: one problem+json (RFC 9457) for every family, with the same message and next step as anywhere."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from rab.errors import RabError
from rab.logs import LOGGER

PROBLEM_JSON = "application/problem+json"


def rab_problem(request: Request[Any, Any, Any], error: RabError) -> Response[dict[str, object]]:
    """Answer an error that RAB raised on purpose."""
    return _problem(request, error.http_status, error.code, error.message, error.hint)


def http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, object]]:
    """Answer a request that no route takes, or whose parameters do not fit."""
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(f"{fault.get('key')}: {fault.get('message')}" for fault in error.extra)
    code = "not_found" if error.status_code == 404 else "request"
    return _problem(
        request, error.status_code, code, detail, "the routes and their parameters stand in /schema/openapi.json"
    )


def unexpected_problem(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, object]]:
    """Answer a fault of ours; what happened goes to the log, not to the client."""
    LOGGER.error("http_fault", exc_info=error, extra={"fields": {"path": request.url.path}})
    return _problem(
        request, 500, "error", "RAB met an error that it does not know", "the log on the server's terminal says more"
    )


def _problem(
    request: Request[Any, Any, Any], status: int, code: str, detail: str, hint: str
) -> Response[dict[str, object]]:
    body: dict[str, object] = {
        "type": f"urn:rab:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        "instance": request.url.path,
    }
    return Response(body, status_code=status, media_type=PROBLEM_JSON)
