"""A report holds any texts with their question, comes back from its JSON, and refuses one that was changed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rab.domain import AnnotationSuggestion, GroundedText
from rab.errors import InputError, NotFound
from rab.reports import Passage, Question, Report, read_report, render_html, render_json, render_markdown, report_schema


def suggestion_of(report: Report) -> AnnotationSuggestion:
    """Return the first interpretation's text as if it were a suggestion."""
    text = report.texts("interpretation")[0]
    return AnnotationSuggestion(**{name: getattr(text, name) for name in GroundedText.model_fields})


def test_a_text_of_any_kind_is_a_passage(report: Report) -> None:
    """What a kind of text works out of its claims stays out of the document, which reads back as it was."""
    passage = Passage(output="suggestion", text=suggestion_of(report))
    assert type(passage.text) is GroundedText
    mixed = report.model_copy(update={"passages": (*report.passages, passage)})
    assert mixed == Report.model_validate_json(render_json(mixed))
    html = render_html(mixed, {})
    assert 'id="l1-q.' in html
    assert html.index("Interpretations of calls") < html.index("Suggested labels")


def test_a_report_without_a_summary_is_whole(report: Report) -> None:
    """One suggestion alone is a document: no empty section, no figure that is not there."""
    alone = Report(
        title="A call",
        created_at=report.created_at,
        question=Question(kind="suggestion", model="birdnet-v2.4", segment_ids=("a", "b c")),
        passages=(Passage(output="suggestion", text=suggestion_of(report)),),
    )
    html, markdown = render_html(alone, {}), render_markdown(alone)
    assert 'href="#figures"' not in html
    assert '<h2 id="effort-title">' not in html
    assert "## Effort" not in markdown
    assert "rab report a &#39;b c&#39; --of suggestion --model birdnet-v2.4" in html
    assert alone.name != report.name


def test_the_foot_names_what_a_report_rests_on(report: Report, with_text: Callable[..., Report]) -> None:
    """Thresholds, calibrations, digests and the command that makes it again stand on the page."""
    text = report.passages[0].text
    record = text.generation.model_copy(
        update={"calibrations": ("birdnet-v2.4 v3 of 2026-11-02",), "thresholds": {"weak_signal_db": 5.0}}
    )
    shown = with_text(report, 0, text.model_copy(update={"generation": record}))
    for page in (render_html(shown, {}), render_markdown(shown)):
        for said in ("birdnet-v2.4 v3 of 2026-11-02", "SNR in dB below which", f"rab reproduce {report.name}"):
            assert said in page
        assert record.prompts_sha256 in page
        assert all(pack.pack_id in page for pack in report.packs)


def test_the_json_is_valid_by_its_schema(report: Report) -> None:
    """The published schema has an id, and admits what is printed; a validator of its own says so where there is one."""
    schema = report_schema()
    assert schema["$id"] == "urn:rab:schema:report:2"
    assert schema["properties"]["schema_version"]["const"] == 2
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator(schema).validate(json.loads(render_json(report)))


def test_a_changed_report_is_refused(report: Report, tmp_path: Path) -> None:
    """A figure changed by hand breaks the seal of its pack, and the refusal says where."""
    path = tmp_path / "report.json"
    path.write_text(render_json(report).replace('"value":23.5', '"value":99.5', 1), encoding="utf-8")
    with pytest.raises(InputError, match="changed after it was sealed"):
        read_report(path)


def test_a_changed_sentence_is_refused(report: Report, tmp_path: Path) -> None:
    """A word changed by hand breaks the seal of the report, and so does a seal that is taken away."""
    path = tmp_path / "report.json"
    printed = render_json(report)
    path.write_text(printed.replace("Effort: 23.5 h", "Effort: 99.5 h", 1), encoding="utf-8")
    with pytest.raises(InputError, match="changed by hand"):
        read_report(path)
    path.write_text(printed.replace(f',"seal":"{report.seal}"', ""), encoding="utf-8")
    with pytest.raises(InputError, match="holds no seal"):
        read_report(path)
    path.write_text(printed, encoding="utf-8")
    assert read_report(path) == report


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"created_at":1,"schema_version":1,"summary":{}}', "schema version 1"),
        ("{}", "no report of RAB"),
        ("<html>", "no report of RAB"),
    ],
)
def test_what_is_no_report_of_this_version_is_named(content: str, words: str, tmp_path: Path) -> None:
    """An older report says that it cannot be made again; anything else that it is none."""
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_report(path)


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path without a file is not found."""
    with pytest.raises(NotFound, match=r"nowhere\.json"):
        read_report(tmp_path / "nowhere.json")


_RENDER = """
import sys
from hashlib import sha256
from pathlib import Path
from rab.reports import read_report, render_html, render_json, render_markdown
report = read_report(Path(sys.argv[1]))
for text in (render_html(report, {}), render_markdown(report), render_json(report)):
    print(sha256(text.encode()).hexdigest())
"""


def test_place_and_process_leave_no_trace(report: Report, tmp_path: Path) -> None:
    """Another locale, time zone and hash seed give the same bytes."""
    path = tmp_path / "report.json"
    path.write_text(render_json(report), encoding="utf-8")
    places = [
        {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"},
        {"LC_ALL": "de_CH.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Apia", "PYTHONHASHSEED": "4711"},
    ]
    printed = {
        subprocess.run(
            [sys.executable, "-c", _RENDER, str(path)],
            env={**os.environ, **place},
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
        for place in places
    }
    assert len(printed) == 1
    assert len(printed.pop().split()) == 3
