"""Errors over HTTP: one problem+json (RFC 9457) for every family, with the same message and next step as anywhere."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from rab.domain import Value
from rab.errors import RabError
from rab.logs import LOGGER

PROBLEM_JSON = "application/problem+json"


class Problem(Value):
    """What every error says: `code` is stable, `hint` names the next step."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    instance: str


_MEANINGS = {
    400: "A parameter or a filter cannot be used.",
    404: "What was named does not exist, or its recording's file is gone.",
    409: "It exists, but not like this.",
    422: "A statement would not be supported by its evidence.",
    500: "A fault of RAB.",
    503: "A model, a disk or a database is not there now.",
}
PROBLEMS = {
    status: ResponseSpec(Problem, generate_examples=False, description=meaning, media_type=PROBLEM_JSON)
    for status, meaning in _MEANINGS.items()
}
"""Of each status of an error, what the OpenAPI document says of it."""


def rab_problem(request: Request[Any, Any, Any], error: RabError) -> Response[Problem]:
    """Answer an error that RAB raised on purpose."""
    return _problem(request, error.http_status, error.code, error.message, error.hint)


def http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer a request that no route takes, or whose parameters do not fit."""
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(f"{fault.get('key')}: {fault.get('message')}" for fault in error.extra)
    code = "not_found" if error.status_code == 404 else "request"
    answer = _problem(
        request, error.status_code, code, detail, "the routes and their parameters stand in /schema/openapi.json"
    )
    answer.headers.update(error.headers or {})
    return answer


def unexpected_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer a fault of ours; what happened goes to the log, not to the client."""
    LOGGER.error("http_fault", exc_info=error, extra={"fields": {"path": request.scope["path"]}})
    return _problem(
        request, 500, "error", "RAB met an error that it does not know", "the log on the server's terminal says more"
    )


def _problem(request: Request[Any, Any, Any], status: int, code: str, detail: str, hint: str) -> Response[Problem]:
    problem = Problem(
        type=f"urn:rab:error:{code}",
        title=code.replace("_", " "),
        status=status,
        code=code,
        detail=detail,
        hint=hint,
        instance=request.scope["path"],  # the whole URL cannot be put together from every `Host`
    )
    return Response(problem, status_code=status, media_type=PROBLEM_JSON)
