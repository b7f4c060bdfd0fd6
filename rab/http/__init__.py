"""The service: the same workflows as the command line, over HTTP."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from rab import __version__
from rab.errors import RabError
from rab.http.calibration import CALIBRATION_ROUTES
from rab.http.context import OpenLibrary
from rab.http.hosts import only_loopback
from rab.http.hypotheses import HYPOTHESIS_ROUTES
from rab.http.interpretation import INTERPRETATION_ROUTES
from rab.http.models import MODEL_ROUTES
from rab.http.pages import index, latest_report
from rab.http.parameters import refuse_unknown_parameters
from rab.http.problems import http_problem, rab_problem, unexpected_problem
from rab.http.routes import ROUTES
from rab.http.structure import STRUCTURE_ROUTES
from rab.http.suggestions import SUGGESTION_ROUTES
from rab.workflows.workspace import Workspace

N_THREADS = 32
"""Requests that are worked on at once. Left to itself, Python takes four more than there are cores, and so many that
wait for a language model would hold up all others."""


def create_app(
    workspace: Workspace, *, model: str, models_dir: Path | None = None, on_loopback: bool = False
) -> Litestar:
    """Build the service over an open library; `model` is meant where a request names none.

    `models_dir` is where weights are installed, None: in the library's home. `on_loopback` refuses requests that name
    another host than this machine's loopback.

    The OpenAPI document stands at `/schema/openapi.json`; no page loads anything from another host.
    """
    library = OpenLibrary(workspace, model, models_dir)
    return Litestar(
        before_request=refuse_unknown_parameters,
        on_startup=[_make_threads],
        guards=[only_loopback] if on_loopback else [],
        route_handlers=[
            *ROUTES,
            *MODEL_ROUTES,
            *STRUCTURE_ROUTES,
            *CALIBRATION_ROUTES,
            *INTERPRETATION_ROUTES,
            *HYPOTHESIS_ROUTES,
            *SUGGESTION_ROUTES,
            index,
            latest_report,
        ],
        dependencies={"context": Provide(lambda: library, sync_to_thread=False)},
        exception_handlers={
            RabError: rab_problem,
            HTTPException: http_problem,
            Exception: unexpected_problem,
        },
        openapi_config=OpenAPIConfig(
            title="RAB",
            version=__version__,
            path="/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            description="Retrieval-Augmented Bioacoustics: statements that cite the calls behind them.",
        ),
        logging_config=None,
    )


async def _make_threads() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(N_THREADS, "rab-http"))
