"""`rab serve`: the library over HTTP."""

import gc
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import library
from rab.errors import Unavailable

if TYPE_CHECKING:
    from rab.settings import Settings
    from rab.workflows.workspace import Workspace


@click.command()
@click.option("--host", help="Address to bind to (RAB_HTTP__HOST; 127.0.0.1 without either).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (RAB_HTTP__PORT; 8420); 0 takes any free one.")
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Answer over HTTP.

    The address is printed when the service listens; Ctrl-C ends it. While it runs it owns the data directory.
    """
    with library(ctx) as (settings, workspace):
        run_service(workspace, settings, host=host, port=port)


def run_service(
    workspace: "Workspace", settings: "Settings", *, host: str | None = None, port: int | None = None
) -> None:
    """Serve an open library until Ctrl-C; prints the address once it is listened on."""
    import uvicorn

    from rab.bootstrap import models_dir
    from rab.http import create_app
    from rab.http.hosts import is_loopback

    address = host or settings.http.host
    listener = _listen(address, settings.http.port if port is None else port)
    app = create_app(
        workspace,
        model=settings.model,
        models_dir=models_dir(settings),
        on_loopback=is_loopback(listener.getsockname()[0]),
    )
    gc.freeze()  # what is loaded by now stays; going through it for garbage would hold up a request by 50 ms
    shown = f"[{address}]" if ":" in address else address
    click.echo(f"serving http://{shown}:{listener.getsockname()[1]} (Ctrl-C ends it)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside is ended in order, too
    with suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {error.strerror}",
            hint="stop what holds the port, or choose another with --port (0 takes any free one)",
        ) from error
