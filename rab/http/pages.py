"""The two pages that a browser finds without knowing a route: the newest report, and where everything else stands."""

from html import escape
from pathlib import Path

from litestar import MediaType, Response, get

from rab import __version__
from rab.errors import NotFound
from rab.http.context import Context
from rab.http.problems import PROBLEMS

_LINKS = (
    ("/reports/latest", "newest report"),
    ("/v1/health", "health"),
    ("/v1/recordings", "recordings"),
    ("/v1/segments", "segments"),
    ("/v1/summaries", "monitoring summary"),
    ("/schema/openapi.json", "every route and parameter (OpenAPI)"),
    ("/v1/schemas/evidence-pack", "JSON Schema of Evidence Packs"),
)


@get("/", sync_to_thread=False, media_type=MediaType.HTML, include_in_schema=False)
def index() -> str:
    """Show where everything stands."""
    links = "\n".join(f'<li><a href="{address}">{escape(words)}</a></li>' for address, words in _LINKS)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>RAB</title>'
        '<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">'
        '<body style="font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem">'
        f"<h1>RAB {escape(__version__)}</h1><p>Statements that cite the calls behind them.</p><ul>{links}</ul>"
    )


@get("/reports/latest", sync_to_thread=True, responses=PROBLEMS, media_type=MediaType.HTML, tags=["statements"])
def latest_report(context: Context) -> Response[bytes]:
    """Return the newest report that `rab report` wrote, as one self-contained page."""
    written = (Path(report.path) for report in context.workspace.catalog.reports())
    newest = next((path for path in written if path.is_file()), None)
    if newest is None:
        raise NotFound("no report has been written yet", hint="run `rab report` and load this page again")
    return Response(newest.read_bytes(), media_type=MediaType.HTML)
