"""The JSON is the report itself: it can be read back, and it keeps to its schema."""

import json
from collections.abc import Callable
from typing import Any

from rab.reports import Report, render_json, report_schema


def test_a_printed_report_comes_back(report: Report) -> None:
    """Reading the JSON gives the report, its packs' seals unbroken."""
    assert Report.model_validate_json(render_json(report)) == report


def test_equal_reports_give_equal_bytes(report: Report) -> None:
    """Keys are sorted and nothing is indented, so a digest of it means something."""
    printed = render_json(report)
    assert render_json(Report.model_validate_json(printed)) == printed
    assert list(json.loads(printed)) == sorted(json.loads(printed))


def test_pictures_stay_out(report: Report, with_text: Callable[..., Report]) -> None:
    """A thumbnail's bytes depend on the machine that drew it, so they are no part of the JSON."""
    text = report.texts("interpretation")[0]
    pack = text.pack.model_copy(update={"thumbnails": {"q": "AAAA"}})
    pictured = with_text(report, 1, text.model_copy(update={"pack": pack}))
    assert render_json(pictured) == render_json(report)


def test_schema_names_what_is_printed(report: Report) -> None:
    """Every field that is printed is in the schema, at the top and in a pack."""
    schema = report_schema()
    printed: dict[str, Any] = json.loads(render_json(report))
    assert set(printed) == set(schema["properties"])
    pack = set(schema["$defs"]["EvidencePack"]["properties"])
    assert set(printed["passages"][0]["text"]["pack"]) == pack - {"thumbnails"}
