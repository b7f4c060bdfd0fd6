"""A report as PDF, by WeasyPrint: an extra, since it brings a text layout engine that a recorder's laptop may lack."""

from rab.errors import Unavailable
from rab.reports.pages import render_html
from rab.reports.report import Media, Report


def render_pdf(report: Report, media: Media) -> bytes:
    """Return the report as PDF, laid out as its page prints: pictures, no players, links that lead within the file.

    Making it asks nobody: addresses outside the page are not fetched. Raises `Unavailable` where WeasyPrint or the
    libraries that it calls are not installed, or where it fails. Its grids break over pages badly, so `paper.css` lays
    the page out without them.
    """
    try:
        from weasyprint import HTML  # type: ignore[import-not-found,unused-ignore]
        from weasyprint.urls import URLFetcher  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise Unavailable(
            "a PDF needs WeasyPrint, which is not installed",
            hint="run `pip install 'rab[pdf]'`, or print report.html from a browser",
        ) from error
    except OSError as error:
        raise Unavailable(
            "a PDF needs the Pango libraries, which WeasyPrint cannot find",
            hint="on Debian, `apt-get install libpango-1.0-0 libpangoft2-1.0-0`; or print report.html from a browser",
        ) from error
    page = render_html(report, media, for_print=True)
    inside_only = URLFetcher(allowed_protocols=("data",))
    try:
        return bytes(HTML(string=page, url_fetcher=inside_only).write_pdf(pdf_identifier=report.name.encode()))
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
        raise Unavailable(
            f"WeasyPrint cannot lay the report out: {type(error).__name__} {error}",
            hint="print report.html from a browser, and tell WeasyPrint's makers",
        ) from error
