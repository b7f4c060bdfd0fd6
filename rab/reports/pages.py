"""A report as HTML, Markdown and JSON. Equal reports and media give equal bytes.

The HTML is one file that works from a disk: style, pictures and sound are inside, a content security policy forbids
every request, and nothing needs a script. Escaping is automatic in both templates, so that a file name cannot become
markup whoever writes it; a missing or empty value in a template raises and is never printed.
"""

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from rab import __version__
from rab.domain import MEASURES
from rab.reports import printing
from rab.reports.aggregates import Aggregates, name_words, rate
from rab.reports.calls import best_raw_score, exemplar_calls, gather_calls
from rab.reports.charts import axes, diel, snr_histogram
from rab.reports.citations import CitedText, step_words
from rab.reports.report import Media, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment
    from markupsafe import Markup

_PICTURES_STAY_OUT: dict[str, Any] = {
    "summary": {"pack": {"thumbnails"}},
    "interpretations": {"__all__": {"pack": {"thumbnails"}}},
}


def render_html(report: Report, media: Media) -> str:
    """Return the report as one HTML page, with the sound and pictures of `media` inside.

    Raises `Ungrounded` when a statement cites nothing, or something that its pack does not hold.
    """
    return _environment(printing.visible).get_template("report.html.j2").render(_context(report, media))


def render_markdown(report: Report) -> str:
    """Return the report as Markdown without media; citations link to a list of evidence at its end.

    Raises `Ungrounded` as `render_html` does.
    """
    escaped = _environment(_markdown)
    return escaped.get_template("report.md.j2").render(_context(report, {})).strip() + "\n"


def render_json(report: Report) -> str:
    """Return the report as canonical JSON, by the schema of `report_schema`. Pictures are not part of it."""
    content = report.model_dump(mode="json", exclude=_PICTURES_STAY_OUT)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `render_json` writes."""
    return Report.model_json_schema(mode="serialization")


def _context(report: Report, media: Media) -> dict[str, Any]:
    aggregates = Aggregates(report.summary.pack.aggregates)
    calls = gather_calls(report, aggregates.counted, media)
    interpretations = tuple(
        CitedText(f"i{number}", f"Interpretation {number}", text, calls)
        for number, text in enumerate(report.interpretations, start=1)
    )
    summary = CitedText("summary", "Summary", report.summary, calls)
    texts = (report.summary, *report.interpretations)
    return {
        "report": report,
        "summary": summary,
        "interpretations": interpretations,
        "abstaining": tuple(one for one in (summary, *interpretations) if one.abstentions),
        "aggregates": aggregates,
        "calls": calls,
        "diel": diel(aggregates),
        "snr_histogram": snr_histogram(aggregates),
        "models": tuple(dict.fromkeys(model for text in texts for model in text.models)),
        "dropped": tuple(one for text in texts for one in text.dropped),
    }


@cache
def _environment(printed: "Callable[[str], str]") -> "Environment":
    """Return the templates' environment, in which every string passes through `printed` on its way out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(content: object) -> object:
        if content is None:
            raise TypeError("a template printed a value that is not there")
        return printed(content) if isinstance(content, str) and not isinstance(content, Markup) else content

    environment = Environment(
        loader=PackageLoader("rab.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        {
            "axes": axes,
            "data_uri": _data_uri,
            "MEASURES": MEASURES,
            "name_words": name_words,
            "rab_version": __version__,
            "rate": rate,
            "step_words": step_words,
        }
    )
    names = ("denominator", "figure", "local", "number", "said_by", "significant", "snr", "span", "utc")
    environment.filters.update({name: getattr(printing, name) for name in names})
    environment.filters.update(exemplar_calls=exemplar_calls, best_raw_score=best_raw_score)
    return environment


def _markdown(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(printing.markdown_escaped(text))  # noqa: S704  # escaped just now


def _data_uri(media_type: str, content: bytes) -> "Markup":
    """Return `content` as an address that asks nobody. Base64 holds nothing that HTML could misread."""
    from markupsafe import Markup

    return Markup(f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}")  # noqa: S704  # base64
