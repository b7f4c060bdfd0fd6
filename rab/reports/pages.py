"""A report as HTML, Markdown and JSON. Equal reports and media give equal bytes.

The HTML is one file that works from a disk: style, pictures and sound are inside, a content security policy forbids
every request, and nothing needs a script. Escaping is automatic in both templates, so that a file name cannot become
markup whoever writes it; a missing or empty value in a template raises and is never printed.
"""

import base64
from functools import cache
from typing import TYPE_CHECKING, Any

from rab import __version__
from rab.domain import MEASURES, Claim
from rab.generation.needs.base import Output
from rab.reports import printing
from rab.reports.aggregates import Aggregates, name_words, rate
from rab.reports.calls import Call, best_raw_score, exemplar_calls, gather_calls
from rab.reports.charts import axes, by_sun, diel, season, snr_histogram
from rab.reports.citations import CitedText, entry_words, step_words
from rab.reports.provenance import Provenance
from rab.reports.report import PICTURES, Media, Report, canonical
from rab.reports.survey_charts import accumulation, contrasts, history, times_of_taxa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Environment
    from markupsafe import Markup

SCHEMA_ID = "urn:rab:schema:report:2"
_CALL_TEXTS: tuple[tuple[Output, str, str, str], ...] = (
    ("interpretation", "Interpretations of calls", "Interpretation", "i"),
    ("suggestion", "Suggested labels", "Suggestion", "l"),
    ("hypotheses", "Questions worth a test", "Questions", "h"),
)
"""Outputs beside the summary: the heading of their section, what one is called, and the prefix of its anchors."""


def render_html(report: Report, media: Media, *, for_print: bool = False) -> str:
    """Return the report as one HTML page, with the sound and pictures of `media` inside.

    With `for_print`, pictures stand where they are shown and there is no sound: what a maker of PDF understands.
    Raises `Ungrounded` when a statement cites nothing, or something that its pack does not hold.
    """
    context = _context(report, media) | {"for_print": for_print}
    return _environment(printing.visible).get_template("report.html.j2").render(context)


def render_markdown(report: Report) -> str:
    """Return the report as Markdown without media; citations link to a list of evidence at its end.

    Raises `Ungrounded` as `render_html` does.
    """
    escaped = _environment(_markdown)
    return escaped.get_template("report.md.j2").render(_context(report, {})).strip() + "\n"


def render_json(report: Report) -> str:
    """Return the report as canonical JSON, by the schema of `report_schema`. Its seal is part of it, no picture is."""
    return canonical(report.model_dump(mode="json", exclude=PICTURES)) + "\n"


def render_page(package: str, template: str, context: "Mapping[str, Any]") -> str:
    """Return a page of another room in the style of reports; its template is in the folder `templates` of `package`.

    It may include what reports have, `report.css` above all, and is escaped as they are.
    """
    return _environment(printing.visible, package).get_template(template).render(context)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `render_json` writes."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def _context(report: Report, media: Media) -> dict[str, Any]:
    thresholds = {} if report.summary is None else report.summary.generation.thresholds
    least_effort_h = thresholds.get("min_bin_effort_hours") or 0.0
    aggregates = Aggregates(report.summary.pack.aggregates if report.summary else (), least_effort_h)
    calls = gather_calls(report, aggregates.counted, media)
    summary = None if report.summary is None else CitedText("summary", "Summary", report.summary, calls)
    groups = [
        (output, heading, _cited(report, output, words, prefix, calls))
        for output, heading, words, prefix in _CALL_TEXTS
    ]
    texts = [*([summary] if summary else []), *(text for _, _, cited in groups for text in cited)]
    return {
        "report": report,
        "summary": summary,
        "groups": [group for group in groups if group[2]],
        "texts": texts,
        "counted": [text for text in texts if text.text.pack.aggregates],
        "aggregates": aggregates,
        "calls": calls,
        "diel": diel(aggregates),
        "by_sun": by_sun(aggregates),
        "season": season(aggregates),
        "times_of_taxa": times_of_taxa(aggregates),
        "history": history(aggregates),
        "accumulation": accumulation(aggregates),
        "contrasts": contrasts(aggregates),
        "snr_histogram": snr_histogram(aggregates),
        "provenance": Provenance.of(report),
    }


def _cited(
    report: Report, output: Output, words: str, prefix: str, calls: "Mapping[str, Call]"
) -> tuple[CitedText, ...]:
    texts = enumerate(report.texts(output), start=1)
    return tuple(CitedText(f"{prefix}{number}", f"{words} {number}", text, calls) for number, text in texts)


@cache
def _environment(printed: "Callable[[str], str]", *packages: str) -> "Environment":
    """Return the environment of the templates of reports, and of `packages`, every string `printed` on its way out."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(content: object) -> object:
        if content is None:
            raise TypeError("a template printed a value that is not there")
        return printed(content) if isinstance(content, str) and not isinstance(content, Markup) else content

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in ("rab.reports", *packages)]),
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
            "entry_words": entry_words,
            "MEASURES": MEASURES,
            "name_words": name_words,
            "rab_version": __version__,
            "rate": rate,
            "step_words": step_words,
        }
    )
    names = ("denominator", "figure", "local", "number", "said_by", "significant", "snr", "span", "utc")
    environment.filters.update({name: getattr(printing, name) for name in names})
    environment.filters["sentence"] = _sentence
    environment.filters["by_name"] = lambda entries: Aggregates(entries).by_name.items()
    environment.filters.update(exemplar_calls=exemplar_calls, best_raw_score=best_raw_score)
    return environment


def _markdown(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(printing.markdown_escaped(text))  # noqa: S704  # escaped just now


def _sentence(claim: Claim) -> "str | Markup":
    """Return a claim's sentence, its taxon's scientific name in italics where it stands in parentheses."""
    from markupsafe import Markup, escape

    before, mark, after = claim.text.partition(f"({claim.taxon})")
    if claim.taxon is None or not mark:
        return claim.text
    visible = [escape(printing.visible(part)) for part in (before, claim.taxon, after)]
    return Markup('{}(<i lang="la">{}</i>){}').format(*visible)


def _data_uri(media_type: str, content: bytes) -> "Markup":
    """Return `content` as an address that asks nobody. Base64 holds nothing that HTML could misread."""
    from markupsafe import Markup

    return Markup(f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}")  # noqa: S704  # base64
