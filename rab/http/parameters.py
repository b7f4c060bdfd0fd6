"""Parameters that a route does not know are refused: a filter with a slip in its name would let everything through."""

from typing import Any

from litestar import Request

from rab.errors import InputError


def refuse_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """Raise `InputError` for a query parameter that the route does not take."""
    known = set(request.route_handler.parsed_fn_signature.parameters)
    for name in request.query_params:
        if name not in known:
            taken = sorted(known - set(request.path_params) - {"context", "request"})
            raise InputError(
                f"{request.url.path} takes no parameter {name!r}",
                hint=f"it takes {', '.join(taken)}" if taken else "it takes none",
            )
