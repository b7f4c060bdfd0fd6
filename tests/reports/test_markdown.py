"""The Markdown says what the HTML says: read by a Markdown parser, its links land and names stay names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rab.reports import Report, render_markdown

HOSTILE = "<script>alert(1)</script>|`x`*y*_z_[a](javascript:1)![b](http://c)\\#~~d~~&amp;\u202e{{ 7 * 7 }}"


def tokens(markdown: str) -> list[Token]:
    """Return block and inline tokens in one row."""
    return list(_flat(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)))


def _flat(some: list[Token]) -> Iterator[Token]:
    for token in some:
        yield token
        yield from _flat(token.children or [])


def shape(markdown: str) -> list[tuple[str, str]]:
    """Return what is drawn, without the words; anchors are part of it."""
    shown = [one for one in tokens(markdown) if one.type != "text"]
    return [(one.type, one.tag) for one in shown]


@pytest.fixture(scope="module")
def markdown(report: Report) -> str:
    return render_markdown(report)


def test_equal_reports_give_equal_bytes(report: Report, markdown: str) -> None:
    """Nothing changes from one rendering to the next."""
    assert render_markdown(report.model_copy(deep=True)) == markdown


def test_every_citation_lands(report: Report, markdown: str) -> None:
    """Each link within the page leads to one entry of the list of evidence."""
    anchors = Counter(re.findall(r'<a id="([^"]*)"></a>', markdown))
    links = {str(one.attrs["href"])[1:] for one in tokens(markdown) if one.type == "link_open"}
    assert [name for name, n in anchors.items() if n > 1] == []
    assert links - set(anchors) == set()
    cited = {f"summary-{item_id}" for one in report.passages[0].text.claims for item_id in one.citations}
    assert cited - links == set()


def test_each_statement_ends_in_its_citations(report: Report, markdown: str) -> None:
    """The links after a sentence are the claim's citations in their order."""
    claim = report.texts("interpretation")[1].claims[1]
    line = next(line for line in markdown.splitlines() if "2 calls named European Robin" in line)
    assert re.findall(r"\(#i2-([^)]*)\)", line) == list(claim.citations)
    assert "[against n3]" in line


def test_tables_are_tables(markdown: str) -> None:
    """Sites, species, hours and SNR bins are four tables, and no row of them falls out."""
    kinds = Counter(one.type for one in tokens(markdown))
    assert kinds["table_open"] == 4
    rows = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("|---")]
    assert kinds["tr_open"] == len(rows)


def test_hostile_names_stay_names(make_report: Callable[..., Report]) -> None:
    """No name becomes a tag, a link, a cell or emphasis, and all of it can be read."""
    plain, attacked = (
        render_markdown(
            make_report(title=name, species=[(name, name, 5)], site=name, word=name, author=name, n_interpreted=1)
        )
        for name in ("plain", HOSTILE)
    )
    assert shape(attacked) == shape(plain)
    title = "".join(one.content for one in tokens(attacked)[1:2][0].children or [] if one.type != "softbreak")
    assert title == HOSTILE.replace("\u202e", "‹U+202E›")


@settings(max_examples=15, deadline=None)
@given(name=st.text(min_size=1, max_size=12).map(lambda text: f"x{text}x"))
def test_no_name_whatever_changes_the_page(make_report: Callable[..., Report], name: str) -> None:
    """What is drawn is the same for any name."""
    plain, attacked = (
        render_markdown(make_report(species=[(text, text, 5)], site=text, word=text, author=text, n_interpreted=1))
        for text in ("plain", name)
    )
    assert shape(attacked) == shape(plain)


def test_summary_without_detections(make_report: Callable[..., Report]) -> None:
    """An empty night is a report all the same."""
    said = render_markdown(make_report(species=(), hours=False, n_interpreted=0))
    assert "The summary holds no detections." in said
    assert "No clock" in said
