"""The HTML stands on its own: every citation lands, nothing is fetched, and no name becomes markup."""

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.domain import GroundedText
from rab.errors import Ungrounded
from rab.reports import CallMedia, Media, NoMedia, Report, render_html

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egpj.{{ 7 * 7 }}{% raw %}&amp;\u2066](javascript:1)"
)
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """A page as its tags and its text; a tag that closes another than the open one fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(" ".join(data.split()))

    def all(self, attribute: str) -> list[str]:
        """Return the values of an attribute, in order."""
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]

    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return tags with the names of their attributes: what text must never change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]


@pytest.fixture(scope="module")
def html(report: Report, media: Media) -> str:
    return render_html(report, media)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_equal_reports_give_equal_bytes(report: Report, media: Media, html: str) -> None:
    """Nothing of the clock, the process or the order of a set is in the page."""
    assert render_html(report.model_copy(deep=True), dict(reversed(list(media.items())))) == html


def test_every_link_lands(page: Page) -> None:
    """Ids are unique, and each link within the page leads to one of them."""
    ids = Counter(page.all("id"))
    assert [name for name, n in ids.items() if n > 1] == []
    targets = {href[1:] for href in page.all("href") if href.startswith("#")}
    assert targets - set(ids) == set()


def test_every_entry_of_every_pack_has_its_place(report: Report, page: Page) -> None:
    """Whatever may be cited stands on the page, cited or not."""
    ids = set(page.all("id"))
    texts = dict(zip(("summary", "i1", "i2"), (one.text for one in report.passages), strict=True))
    due = {f"{prefix}-{item_id}" for prefix, text in texts.items() for item_id in text.pack.items}
    assert due - ids == set()


def test_each_statement_ends_in_its_citations(report: Report, page: Page) -> None:
    """The chips are the claims' citations in their order, and dissent is marked."""
    texts = dict(zip(("summary", "i1", "i2"), (one.text for one in report.passages), strict=True))
    due = [item_id for text in texts.values() for one in text.claims for item_id in one.citations]
    of_header = 4
    of_abstentions = 4
    chips = [a for tag, a in page.tags if tag == "a" and a.get("class", "").startswith("chip")]
    said = [a["title"].partition(" ")[0] for a in chips]
    assert said[of_header : len(chips) - of_abstentions] == due
    assert [one for one, a in zip(said, chips, strict=True) if a["class"] == "chip against"] == [
        text.pack.item_id("n3") for text in report.texts("interpretation")
    ]


def test_a_citation_of_a_call_opens_it(report: Report, page: Page) -> None:
    """A chip leads to the card of a call that can be seen, with its entries on it; to the entry of a figure or else."""
    text = report.texts("interpretation")[0]
    href = {a["title"].partition(" ")[0]: a["href"] for tag, a in page.tags if a.get("class", "").startswith("chip")}
    assert href[text.pack.item_id("q")] == "#call-1"
    assert href[text.pack.item_id("t1")] == f"#i1-{text.pack.item_id('t1')}"
    assert href[report.packs[0].item_id("a1")] == f"#summary-{report.packs[0].item_id('a1')}"
    assert page.texts.count(text.pack.item_id("q")) == 2


def test_nothing_is_fetched(html: str, page: Page) -> None:
    """Pictures, sound and style are inside; the one address outside is a licence's, which asks when it is clicked."""
    loaded = page.all("src") + [a["href"] for tag, a in page.tags if tag in ("link", "image", "use") and "href" in a]
    assert [one[:40] for one in loaded if not one.startswith(("data:", "#"))] == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", html) == []
    outside = {a["href"] for tag, a in page.tags if tag == "a" and not a["href"].startswith("#")}
    assert outside == {"https://creativecommons.org/licenses/by-nc-sa/4.0/"}
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'")


def test_no_script_is_needed(page: Page) -> None:
    """There is no script and no handler."""
    assert [tag for tag, _ in page.tags if tag == "script"] == []
    assert [name for _, attributes in page.tags for name in attributes if name.startswith("on")] == []


def test_pictures_sounds_and_tables_are_named(page: Page) -> None:
    """Whoever cannot see the page hears what stands there."""
    for tag, attributes in page.tags:
        if tag == "img":
            assert attributes["alt"]
        if tag == "audio" or attributes.get("role") in ("img", "group", "region"):
            assert attributes.get("aria-label") or attributes["aria-labelledby"]
        if tag == "th":
            assert attributes["scope"] in ("col", "row", "rowgroup")
    assert ("html", {"lang": "en"}) in page.tags


def survey() -> list[dict[str, Any]]:
    """Return figures for every plot of a survey."""
    hours = {"unit": "segments", "denominator": 2.0, "denominator_unit": "h"}
    of_taxon = {"group": "Turdus merula", "group_words": "Eurasian Blackbird", "unit": "segments/h", "decimals": 2}
    named = {"group": "Turdus merula", "unit": "segments", "denominator": 48.0, "denominator_unit": "segments"}
    return [
        *({"name": "detections_by_sun", "group": one, "value": 3, **hours} for one in ("night", "dawn", "day", "dusk")),
        *({"name": "detections_by_week", "group": f"2025-05-{day}", "value": 3, **hours} for day in ("05", "19")),
        {"name": "history_days", "group": "Turdus merula\tBeech ridge", "value": 2, **hours},
        *({"name": "richness_expected", "group": f"{one:06}", "value": one, "unit": "taxa"} for one in (1, 2, 3)),
        *({"name": "richness_in_order", "group": f"{one:06}", "value": one, "unit": "taxa"} for one in (1, 2, 3)),
        *({"name": f"chao2{end}", "value": n, "unit": "taxa"} for end, n in (("", 4), ("_low", 3), ("_high", 6))),
        {"name": "compared_hours", "group": "dates", "group_words": "site=Alder", "value": 5, "unit": "hours"},
        {"name": "compared_rate", "value": 3, **of_taxon},
        {"name": "compared_rate_other", "value": 1, **of_taxon},
        {"name": "rate_difference", "value": 2, **of_taxon},
        {"name": "rate_difference_low", "value": 1, **of_taxon},
        {"name": "rate_difference_high", "value": 3, **of_taxon},
        {"name": "difference_p", "value": 0.01, **of_taxon},
        {"name": "verified_detections", "value": 7, **named},
    ]


def test_every_plot_of_a_survey_is_drawn(make_report: Callable[..., Report]) -> None:
    """Sites, sun, season, richness and comparison have their places, and their links land."""
    html = render_html(make_report(more=survey()), {})
    page = Page(html)
    ids = set(page.all("id"))
    assert {"sites", "times", "richness", "comparison", "curve-title", "sun-rates-title", "season-effort-desc"} <= ids
    assert {href[1:] for href in page.all("href") if href.startswith("#")} <= ids
    assert "verified by listeners: " in html
    assert html.count("unverified model score</span>") == 10


def test_every_drawing_is_named_or_hidden(make_report: Callable[..., Report], media: Media) -> None:
    """A drawing has a name of its own, or a title and a description that are there; the rest is hidden."""
    page = Page(render_html(make_report(more=survey()), media))
    ids = set(page.all("id"))
    drawings = [attributes for tag, attributes in page.tags if tag == "svg" and attributes.get("aria-hidden") != "true"]
    named = [attributes for attributes in drawings if "role" in attributes]
    inner = len([tag for tag, _ in page.tags if tag == "svg"]) - len(drawings)
    assert len(drawings) == len(named)
    assert inner > 0
    for attributes in named:
        by = attributes.get("aria-labelledby", "").split()
        assert set(by) <= ids
        assert len(by) == 2 or attributes["aria-label"]


def test_a_reader_by_keyboard_finds_the_way(html: str, page: Page) -> None:
    """The first link skips to the statements, there is one of each landmark, and focus can be seen."""
    first = next(attributes for tag, attributes in page.tags if tag == "a")
    assert (first["class"], first["href"]) == ("skip", "#main")
    landmarks = Counter(tag for tag, _ in page.tags if tag in ("header", "nav", "main", "footer"))
    assert landmarks == {"header": 1, "nav": 1, "main": 1, "footer": 1}
    assert ":focus-visible { outline: 2px solid" in html


def test_print_shows_links_and_no_players(html: str) -> None:
    """On paper an address stands after its link, players are gone, and nothing is cut off beside a page."""
    paper = html[html.index("@media print") : html.index("</style>")]
    for rule in ('a[href^="http"]::after', ".card audio", "break-after: avoid", ".scroll { overflow: visible; }"):
        assert rule in paper


def test_headings_descend_one_by_one(page: Page) -> None:
    """One first-level heading, and no level is skipped on the way down."""
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))


def test_a_call_is_in_the_page_once(report: Report, media: Media, page: Page) -> None:
    """The exemplar that is interpreted has one sound and one picture, however often it is shown."""
    held = [one for one in media.values() if isinstance(one, CallMedia)]
    assert len([tag for tag, _ in page.tags if tag == "audio"]) == len(held)
    assert len([tag for tag, _ in page.tags if tag == "image"]) == len(held)
    assert len([tag for tag, _ in page.tags if tag == "use"]) > len(held)


def test_a_card_says_where_the_call_is(page: Page) -> None:
    """Site, both clocks, file, span, digest, SNR and score of the first exemplar are there to be looked up."""
    said = {
        "Beech ridge",
        "2025-05-03 04:00:00 Europe/Zurich",
        "2025-05-03 02:00:00 UTC",
        "20250503_020000.WAV",
        "0.000–3.000 s",
        "21.5 dB",
        "0.96",
        "time-expanded ×10",
        "unverified model score",
    }
    assert said - set(page.texts) == set()


def test_a_call_without_media_says_why(page: Page) -> None:
    """A missing file and a call left out are told apart."""
    assert "its recording is no longer where it was read" in page.texts
    assert "its sound and picture were left out of this report" in page.texts


def test_dropped_statements_and_files_are_shown(page: Page) -> None:
    """What is not said stands there with its reason."""
    said = {"Activity rose over the day.", "E_UNSUPPORTED", "Great Horned Owl", "Engine", "card/.WAV", "it is cut off"}
    assert said - set(page.texts) == set()


def test_hostile_names_stay_names(make_report: Callable[..., Report], media: Media) -> None:
    """Markup, quotes, template signs and direction marks in names change no tag, and are there to be read."""
    made = [
        make_report(title=f"T {name}", species=[(name, name, 5)], site=name, word=name, author=name, n_interpreted=1)
        for name in ("plain", HOSTILE)
    ]
    clean, attacked = (Page(render_html(one, media)) for one in made)
    assert attacked.skeleton() == clean.skeleton()
    shown = HOSTILE.replace("\u202e", "‹U+202E›").replace("\u2066", "‹U+2066›")
    assert shown in attacked.texts
    assert f"T {shown}" in attacked.texts
    assert "{{ 7 * 7 }}" in shown


@settings(max_examples=15, deadline=None)
@given(name=st.text(min_size=1, max_size=12).filter(str.strip))
def test_no_name_whatever_changes_the_page(make_report: Callable[..., Report], name: str) -> None:
    """The tags of a page are the same for any name."""
    made = [
        make_report(title=f"T{text}", species=[(text, text, 5)], site=text, word=text, author=text, n_interpreted=1)
        for text in ("plain", name)
    ]
    clean, attacked = (Page(render_html(one, {})) for one in made)
    assert attacked.skeleton() == clean.skeleton()


def test_a_licence_address_is_only_linked_when_it_is_one(report: Report, with_text: Callable[..., Report]) -> None:
    """A script in the place of a licence's address is no link."""
    pack = report.passages[0].text.pack
    model = pack.models[0].model_copy(update={"licence_url": "javascript:alert(1)"})
    changed = pack.model_copy(update={"models": (model,)})
    alone = with_text(report, 0, report.passages[0].text.model_copy(update={"pack": changed}), only=1)
    assert "javascript" not in render_html(alone, {})


def test_summary_without_detections(make_report: Callable[..., Report]) -> None:
    """An empty night is a report all the same."""
    empty = make_report(species=(), hours=False, n_interpreted=0)
    texts = Page(render_html(empty, {})).texts
    assert "The summary holds no detections." in texts


def test_summary_without_clocks(make_report: Callable[..., Report]) -> None:
    """Without a clock there is no plot of hours, and the recordings without one are counted."""
    unclocked = {"name": "unclocked_recordings", "value": 47, "unit": "recordings"}
    hour = {"name": "detections_by_hour", "unit": "segments", "denominator": 0.0, "denominator_unit": "h"}
    nowhere = [{**hour, "value": 0, "group": f"{one:02}"} for one in range(24)]
    html = render_html(make_report(hours=False, more=[unclocked, *nowhere]), {})
    assert "No clock: the summary holds no detections on a site’s clock" in html
    assert "Recordings without a clock are in no hour" in html


def test_summary_of_nothing_at_all(report: Report, with_text: Callable[..., Report]) -> None:
    """A pack without aggregates makes a page that says so."""
    pack = report.passages[0].text.pack.model_copy(update={"aggregates": ()})
    summary = report.passages[0].text.model_copy(update={"pack": pack, "claims": ()})
    html = render_html(with_text(report, 0, summary, only=1), {})
    assert "The summary holds no figures." in html


def test_three_hundred_taxa(make_report: Callable[..., Report]) -> None:
    """Size grows with the evidence and no faster: a row for a taxon costs some kilobytes."""
    species = [(f"Genus species{n}", f"Bird {n}", 1 + n % 40) for n in range(300)]
    html = render_html(make_report(species=species, n_interpreted=0), {})
    assert len(html) < 300 * 8_000
    assert html.count("unverified model score</span>") == 300


def test_a_call_that_a_person_named_is_no_model_score(report: Report, media: Media, html: str) -> None:
    """The neighbour with a person's label is called labelled, not unverified."""
    card = html[html.index('id="call-12"') :]
    assert "labelled" in card[: card.index("</article>")]
    assert "label by A. Meier" in card[: card.index("</article>")]


def test_thumbnail_of_a_pack_stands_in_for_media(report: Report, with_text: Callable[..., Report]) -> None:
    """Where no media is handed in, the pack's own picture is shown, with words for it."""
    text = report.texts("interpretation")[0]
    pack = text.pack.model_copy(update={"thumbnails": {"q": "iVBORw0KGgo="}})
    pictured = with_text(report, 1, text.model_copy(update={"pack": pack}), only=2)
    pictures = [a for tag, a in Page(render_html(pictured, {})).tags if tag == "img"]
    assert {a["src"] for a in pictures} == {"data:image/png;base64,iVBORw0KGgo="}


@pytest.mark.parametrize("support", [(), ("n1.0000",)], ids=["nothing", "a foreign id"])
def test_statement_without_evidence_is_refused(
    report: Report, with_text: Callable[..., Report], support: tuple[str, ...]
) -> None:
    """A sentence that cites nothing, or an id that its pack does not hold, stops the report."""

    def with_claim(text: GroundedText) -> GroundedText:
        return text.model_copy(update={"claims": (text.claims[0].model_copy(update={"support": support}),)})

    with pytest.raises(Ungrounded):
        render_html(with_text(report, 0, with_claim(report.passages[0].text)), {})


def test_reason_for_missing_media_is_escaped(report: Report) -> None:
    """The reason is somebody's words too."""
    html = render_html(report, {report.texts("interpretation")[0].pack.subject: NoMedia("<b>gone</b>")})
    assert "&lt;b&gt;gone&lt;/b&gt;" in html


def test_a_fallback_is_said(report: Report, with_text: Callable[..., Report]) -> None:
    """When a language model failed, the page says that templates wrote the words, and why."""
    record = report.passages[0].text.generation.model_copy(update={"fallback_reason": "the server did not answer"})
    summary = report.passages[0].text.model_copy(update={"generation": record})
    html = render_html(with_text(report, 0, summary), {})
    assert "The wording fell back to templates: the server did not answer." in html
