"""Drafts that lie as data: in what they cite, count, name, or leave out. None is served, and the truth is.

Each row takes a true claim of a pack, changes one thing, and says under which code the change is found. What is served
instead is what a text about the pack must say anyway, word for word, and nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from rab.domain import Claim, EvidencePack, Quantity
from rab.generation import Output, validate

Change = Callable[[Claim, EvidencePack], Claim]


class Attack(NamedTuple):
    """A change to a true claim, and the code under which it is found."""

    name: str
    pack: str
    victim: tuple[str, ...]
    change: Change
    code: str
    output: Output | None = None


def _with(**changes: Any) -> Change:
    return lambda claim, pack: claim.model_copy(update=changes)


def _citing(*keys: str, contra: Iterable[str] = ()) -> Change:
    """Cite other items, salted rightly."""
    return lambda claim, pack: claim.model_copy(
        update={
            "support": tuple(map(pack.item_id, keys)),
            "contra": tuple(map(pack.item_id, contra)),
        }
    )


def _ids(change: Callable[[str], str]) -> Change:
    """Change the first id that is cited."""
    return lambda claim, pack: claim.model_copy(update={"support": (change(claim.support[0]), *claim.support[1:])})


def _figure(number: int = 0, **changes: Any) -> Change:
    """Change one figure."""

    def change(claim: Claim, pack: EvidencePack) -> Claim:
        figures = list(claim.quantities)
        figures[number] = figures[number].model_copy(update=changes)
        return claim.model_copy(update={"quantities": tuple(figures)})

    return change


def _value(change: Callable[[float], float], number: int = 0) -> Change:
    return lambda claim, pack: _figure(number, value=change(claim.quantities[number].value))(claim, pack)


def _as(kind: str, code: str | None = None) -> Change:
    return _with(kind=kind, code=code)


def _added(ref: str, value: float, unit: str, decimals: int = 0) -> Change:
    extra = Quantity(ref=ref, value=value, unit=unit, decimals=decimals, source=())
    return lambda claim, pack: claim.model_copy(update={"quantities": (*claim.quantities, extra)})


MERULA, PHILOMELOS = "Turdus merula", "Turdus philomelos"
LIKE = ("resemblance", "", MERULA)
VOTE = ("taxon_vote", "", MERULA)
SCORE = ("classifier_score", "", MERULA)
COUNT = ("activity_count", "", MERULA)

CITATIONS = [
    Attack("nothing", "clean", VOTE, _with(support=()), "E_CITE_NONE"),
    Attack(
        "dissent-only",
        "clean",
        VOTE,
        lambda c, p: c.model_copy(update={"support": (), "contra": c.support}),
        "E_CITE_NONE",
    ),
    Attack("unknown-number", "clean", VOTE, lambda c, p: _citing("n1", "n2", "n99")(c, p), "E_CITE_UNKNOWN"),
    Attack(
        "foreign-salt",
        "clean",
        VOTE,
        _ids(lambda i: f"{i[:3]}{'ffff' if i[3:] != 'ffff' else '0000'}"),
        "E_CITE_FOREIGN",
    ),
    Attack("no-salt", "clean", VOTE, _ids(lambda i: i.partition(".")[0]), "E_CITE_UNKNOWN"),
    Attack("prefix", "clean", VOTE, _ids(lambda i: i[:-1]), "E_CITE_UNKNOWN"),
    Attack("suffix", "clean", VOTE, _ids(lambda i: i + "0"), "E_CITE_UNKNOWN"),
    Attack("upper-case", "clean", VOTE, _ids(str.upper), "E_CITE_UNKNOWN"),
    Attack("padded-number", "clean", VOTE, _ids(lambda i: i.replace("n1", "n01")), "E_CITE_UNKNOWN"),
    Attack("space", "clean", VOTE, _ids(lambda i: i + " "), "E_CITE_UNKNOWN"),
    Attack("line-feed", "clean", VOTE, _ids(lambda i: i + "\n"), "E_CITE_UNKNOWN"),
    Attack("full-width", "clean", VOTE, _ids(lambda i: "ｎ" + i[1:]), "E_CITE_UNKNOWN"),
    Attack("cyrillic", "clean", VOTE, _ids(lambda i: "п" + i[1:]), "E_CITE_UNKNOWN"),
    Attack("arabic-digit", "clean", VOTE, _ids(lambda i: i.replace("n1", "n١")), "E_CITE_UNKNOWN"),
    Attack("zero-width", "clean", VOTE, _ids(lambda i: i[:2] + "\u200b" + i[2:]), "E_CITE_UNKNOWN"),
    Attack("list-in-one", "clean", VOTE, _ids(lambda i: f"{i}, n2"), "E_CITE_UNKNOWN"),
    Attack("wrong-kind", "clean", VOTE, lambda c, p: _citing("n1", "n2", "p1")(c, p), "E_KIND"),
    Attack("score-for-calls", "clean", VOTE, lambda c, p: _citing("t1")(c, p), "E_KIND"),
    Attack("the-query-itself", "clean", LIKE, _citing("q"), "E_KIND"),
    Attack(
        "twice", "clean", VOTE, lambda c, p: c.model_copy(update={"support": c.support + c.support[:1]}), "E_SCHEMA"
    ),
    Attack("for-and-against", "clean", VOTE, lambda c, p: c.model_copy(update={"contra": c.support[:1]}), "E_SCHEMA"),
    Attack("dissent-hidden", "divided", VOTE, _with(contra=()), "E_CHERRY_PICKED"),
    Attack(
        "dissent-thinned",
        "divided",
        VOTE,
        lambda c, p: c.model_copy(update={"contra": c.contra[:1]}),
        "E_CHERRY_PICKED",
    ),
    Attack(
        "dissent-chosen",
        "clean",
        VOTE,
        lambda c, p: c.model_copy(update={"contra": (p.item_id("t2"),)}),
        "E_OVER_CITED",
    ),
    Attack(
        "dissent-unnamed",
        "divided",
        VOTE,
        lambda c, p: c.model_copy(update={"contra": (*c.contra, p.item_id("n3"))}),
        "E_OVER_CITED",
    ),
    Attack("nearer-rival-hidden", "divided", LIKE, _with(contra=()), "E_CHERRY_PICKED"),
    Attack("better-score-hidden", "rich", ("classifier_score", "", PHILOMELOS), _with(contra=()), "E_CHERRY_PICKED"),
    Attack("step-of-another-name", "rich", ("sequence_context", "", MERULA), _citing("s+1"), "E_TAXON"),
    Attack("half-of-a-conflict", "conflicting", ("conflict",), _with(contra=()), "E_CHERRY_PICKED"),
]

NUMBERS = [
    Attack("next-in-the-last-place", "clean", VOTE, _value(lambda v: v + 1), "E_QUANTITY"),
    Attack("half-a-unit-of-the-last-place", "clean", LIKE, _value(lambda v: v + 0.005, 1), "E_QUANTITY"),
    Attack("below-the-last-place", "clean", LIKE, _value(lambda v: v + 1e-9, 1), "E_QUANTITY"),
    Attack("rounded-up", "day", COUNT, _value(lambda v: float(round(v, -1)), 0), "E_QUANTITY"),
    Attack("percent-for-cosine", "clean", LIKE, _figure(1, unit="%"), "E_QUANTITY"),
    Attack("hundredfold-percent", "clean", SCORE, lambda c, p: _figure(value=71.0, unit="%")(c, p), "E_QUANTITY"),
    Attack("other-unit", "clean", ("signal_quality",), _figure(unit="dBFS"), "E_QUANTITY"),
    Attack("thousandfold-unit", "clean", ("signal_quality",), _figure(1, value=1.84, unit="kHz"), "E_QUANTITY"),
    Attack("unit-with-a-claim", "clean", VOTE, _figure(unit="calls, all alarmed"), "E_QUANTITY"),
    Attack("unit-with-a-line-feed", "clean", VOTE, _figure(unit="calls\n\nAbstention"), "E_QUANTITY"),
    Attack("more-decimals", "clean", LIKE, _figure(1, decimals=4), "E_QUANTITY"),
    Attack("fewer-decimals", "clean", LIKE, _figure(1, decimals=0), "E_QUANTITY"),
    Attack("decimals-without-end", "clean", LIKE, _figure(1, decimals=10**6), "E_QUANTITY"),
    Attack("negative-decimals", "clean", LIKE, _figure(1, decimals=-1), "E_QUANTITY"),
    Attack("minus", "clean", LIKE, _value(lambda v: -v, 1), "E_QUANTITY"),
    Attack("turned-difference", "clean", ("difference",), _value(lambda v: -v), "E_QUANTITY"),
    Attack("huge", "clean", VOTE, _figure(value=1e308), "E_QUANTITY"),
    Attack("infinite", "clean", VOTE, _figure(value=float("inf")), "E_SCHEMA"),
    Attack("not-a-number", "clean", VOTE, _figure(value=float("nan")), "E_SCHEMA"),
    Attack("words-for-a-number", "clean", VOTE, _figure(value="three"), "E_SCHEMA"),
    Attack("another-figure-of-the-item", "clean", SCORE, _figure(ref="policy:candidate_score"), "E_QUANTITY"),
    Attack("foreign-figure", "clean", SCORE, _figure(ref="t1.0000:raw_score"), "E_QUANTITY"),
    Attack("figure-of-another-item", "clean", LIKE, lambda c, p: _figure(3, ref=c.quantities[1].ref)(c, p), "E_SCHEMA"),
    Attack(
        "swapped-figures",
        "clean",
        LIKE,
        lambda c, p: c.model_copy(
            update={
                "quantities": (
                    c.quantities[0],
                    c.quantities[2].model_copy(update={"ref": c.quantities[1].ref}),
                    c.quantities[1].model_copy(update={"ref": c.quantities[2].ref}),
                    c.quantities[3],
                )
            }
        ),
        "E_QUANTITY",
    ),
    Attack("invented-figure", "clean", VOTE, _added("certainty", 99.0, "%"), "E_QUANTITY"),
    Attack(
        "true-figure-out-of-place", "clean", VOTE, _added("policy:near_similarity", 0.70, "cosine", 2), "E_QUANTITY"
    ),
    Attack("missing-figure", "clean", VOTE, _with(quantities=()), "E_QUANTITY"),
    Attack(
        "repeated-figure", "clean", VOTE, lambda c, p: c.model_copy(update={"quantities": c.quantities * 2}), "E_SCHEMA"
    ),
    Attack("padded-count-of-calls", "clean", LIKE, _figure(value=30.0), "E_QUANTITY"),
    Attack("source-withheld", "clean", VOTE, _figure(source=()), "E_QUANTITY"),
    Attack("source-invented", "clean", VOTE, _figure(source=("n9.0000",)), "E_QUANTITY"),
]

TAXA = [
    Attack("not-in-the-pack", "clean", VOTE, _with(taxon="Corvus corax"), "E_TAXON"),
    Attack("of-another-item", "clean", VOTE, _with(taxon=PHILOMELOS), "E_TAXON"),
    Attack("of-dissent", "divided", VOTE, _with(taxon=PHILOMELOS), "E_TAXON"),
    Attack("common-name", "clean", VOTE, _with(taxon="Eurasian Blackbird"), "E_TAXON"),
    Attack("genus-alone", "clean", VOTE, _with(taxon="Turdus"), "E_TAXON"),
    Attack("genus-and-sp", "clean", VOTE, _with(taxon="Turdus sp."), "E_TAXON"),
    Attack("subspecies", "clean", VOTE, _with(taxon="Turdus merula merula"), "E_TAXON"),
    Attack("synonym", "clean", VOTE, _with(taxon="Merula merula"), "E_TAXON"),
    Attack("lower-case", "clean", VOTE, _with(taxon="turdus merula"), "E_TAXON"),
    Attack("homoglyph", "clean", VOTE, _with(taxon="Turdus mеrula"), "E_TAXON"),
    Attack("zero-width-joiner", "clean", VOTE, _with(taxon="Turdus\u200d merula"), "E_TAXON"),
    Attack("no-break-space", "clean", VOTE, _with(taxon="Turdus\u00a0merula"), "E_TAXON"),
    Attack("combining-mark", "clean", VOTE, _with(taxon="Turdus merula\u0301"), "E_TAXON"),
    Attack("tag-characters", "clean", VOTE, _with(taxon="Turdus merula\U000e0061"), "E_TAXON"),
    Attack("two-names-in-one", "clean", VOTE, _with(taxon="Turdus merula and Turdus philomelos"), "E_TAXON"),
    Attack("with-a-claim", "clean", VOTE, _with(taxon="Turdus merula, an alarm call"), "E_TAXON"),
    Attack("alarm-call", "clean", VOTE, _with(taxon="Alarm call"), "E_TAXON"),
    Attack("empty", "clean", VOTE, _with(taxon=""), "E_TAXON"),
    Attack("on-quality", "clean", ("signal_quality",), _with(taxon=MERULA), "E_SCHEMA"),
    Attack("on-a-caveat", "clean", ("caveat",), _with(taxon=MERULA), "E_SCHEMA"),
    Attack("none-on-a-vote", "clean", VOTE, _with(taxon=None), "E_SCHEMA"),
    Attack("taken-off-a-count", "day", COUNT, _with(taxon=None), "E_CHERRY_PICKED"),
    Attack("moved-to-another-count", "day", COUNT, _with(taxon=PHILOMELOS), "E_TAXON"),
    Attack(
        "of-a-set-aside-owl",
        "day",
        ("activity_count", "", PHILOMELOS),
        lambda c, p: _with(taxon="Bubo virginianus")(_citing("a10")(c, p), p),
        "E_UNSUPPORTED",
    ),
    Attack("minority-of-a-cluster", "rich", ("cluster_membership",), _with(taxon=PHILOMELOS), "E_TAXON"),
]

OVERCLAIMS = [
    Attack(
        "vote-padded-with-a-far-call",
        "divided",
        VOTE,
        lambda c, p: _citing("n2", "n4", "n6", "n7", contra=("n1", "n5"))(c, p),
        "E_OVER_CITED",
    ),
    Attack(
        "vote-thinned", "divided", VOTE, lambda c, p: _citing("n2", "n4", contra=("n1", "n5"))(c, p), "E_CHERRY_PICKED"
    ),
    Attack(
        "vote-for-the-minority-alone", "divided", ("taxon_vote", "", PHILOMELOS), _with(contra=()), "E_CHERRY_PICKED"
    ),
    Attack("vote-with-an-unnamed-call", "divided", VOTE, lambda c, p: _citing("n2", "n3", "n4", "n6")(c, p), "E_TAXON"),
    Attack(
        "far-call-resembled", "divided", LIKE, lambda c, p: _citing("n2", "n7", contra=("n1",))(c, p), "E_UNSUPPORTED"
    ),
    Attack(
        "too-many-resembled",
        "divided",
        LIKE,
        lambda c, p: _with(taxon=None)(_citing("n1", "n2", "n3", "n4")(c, p), p),
        "E_OVER_CITED",
    ),
    Attack("far-cluster", "rich", ("cluster_membership",), lambda c, p: _citing("p2")(c, p), "E_UNSUPPORTED"),
    Attack(
        "difference-below-its-resolution",
        "rich",
        ("difference",),
        lambda c, p: c.model_copy(
            update={
                "support": (p.item_id("q"), p.item_id("n4")),
                "quantities": (
                    Quantity(
                        ref=f"{p.item_id('n4')}:delta:peak_hz",
                        value=20.0,
                        unit="Hz",
                        decimals=0,
                        source=(p.item_id("q"), p.item_id("n4")),
                    ),
                ),
            }
        ),
        "E_UNSUPPORTED",
    ),
    Attack(
        "difference-from-a-far-call", "rich", ("difference",), lambda c, p: _citing("q", "n7")(c, p), "E_UNSUPPORTED"
    ),
    Attack(
        "difference-of-two-others", "rich", ("difference",), lambda c, p: _citing("n1", "n2")(c, p), "E_UNSUPPORTED"
    ),
    Attack("difference-without-a-measure", "rich", ("difference",), _with(quantities=()), "E_QUANTITY"),
    Attack(
        "difference-of-no-descriptor",
        "clean",
        ("difference",),
        lambda c, p: _figure(ref=f"{c.support[1]}:delta:beauty")(c, p),
        "E_UNSUPPORTED",
    ),
    Attack(
        "score-below-a-candidate",
        "rich",
        ("classifier_score", "", PHILOMELOS),
        lambda c, p: _with(taxon="Bubo virginianus")(_citing("t3")(c, p), p),
        "E_UNSUPPORTED",
    ),
    Attack(
        "novelty-where-calls-are-near",
        "clean",
        LIKE,
        lambda c, p: c.model_copy(
            update={"kind": "novelty", "taxon": None, "support": c.support[:1], "quantities": ()}
        ),
        "E_UNSUPPORTED",
    ),
    Attack(
        "conflict-where-there-is-none",
        "clean",
        VOTE,
        lambda c, p: c.model_copy(update={"kind": "conflict", "code": "neighbours", "taxon": None}),
        "E_UNSUPPORTED",
    ),
    Attack("caveat-that-does-not-hold", "clean", ("caveat",), _with(code="no_candidate"), "E_UNSUPPORTED"),
    Attack("peak-at-another-hour", "day", ("temporal_pattern",), lambda c, p: _citing("a20")(c, p), "E_UNSUPPORTED"),
    Attack(
        "peak-at-every-hour",
        "day",
        ("temporal_pattern",),
        lambda c, p: _citing("a20", "a21", "a22")(c, p),
        "E_UNSUPPORTED",
    ),
    Attack("peak-from-the-effort", "day", ("temporal_pattern",), lambda c, p: _citing("a1")(c, p), "E_UNSUPPORTED"),
    Attack(
        "site-of-one",
        "day",
        ("effort", "total"),
        lambda c, p: _with(code="site")(_citing("a1")(c, p), p),
        "E_UNSUPPORTED",
    ),
    Attack("hours-without-their-gaps", "day", ("effort", "gaps"), lambda c, p: _citing("a4")(c, p), "E_CHERRY_PICKED"),
    Attack("count-without-its-recordings", "day", COUNT, lambda c, p: _citing("a7")(c, p), "E_CHERRY_PICKED"),
    Attack(
        "clean-half-of-a-profile",
        "day",
        ("quality_profile", "snr"),
        lambda c, p: _citing("a11")(c, p),
        "E_CHERRY_PICKED",
    ),
    Attack("noise-for-a-taxon", "day", COUNT, _with(kind="noise"), "E_UNSUPPORTED"),
]

STRUCTURE = [
    Attack("other-kind", "clean", VOTE, _as("novelty"), "E_SCHEMA"),
    Attack("kind-of-a-summary", "clean", VOTE, _as("effort", "total"), "E_KIND"),
    Attack("kind-of-a-call", "day", COUNT, _as("taxon_vote"), "E_KIND"),
    Attack("kind-of-nothing", "clean", VOTE, _as("truth"), "E_SCHEMA"),
    Attack("code-of-nothing", "clean", VOTE, _with(code="certain"), "E_SCHEMA"),
    Attack("code-of-another-kind", "clean", ("caveat",), _with(code="silent"), "E_SCHEMA"),
    Attack("code-with-markup", "clean", ("caveat",), _with(code="<script>"), "E_SCHEMA"),
    Attack("confidence", "clean", VOTE, _with(confidence=0.99), "E_SCHEMA"),
    Attack("plain-where-tentative", "one_recording", VOTE, _with(hedge="plain"), "E_HEDGE"),
    Attack("plain-score", "clean", SCORE, _with(hedge="plain"), "E_HEDGE"),
    Attack("plain-count", "day", COUNT, _with(hedge="plain"), "E_HEDGE"),
    Attack("plain-peak", "day", ("temporal_pattern",), _with(hedge="plain"), "E_HEDGE"),
    Attack("hedge-of-nothing", "clean", VOTE, _with(hedge="certain"), "E_SCHEMA"),
    Attack("origin-of-nothing", "clean", VOTE, _with(text_origin="human"), "E_SCHEMA"),
    Attack("id-empty", "clean", VOTE, _with(id=""), "E_SCHEMA"),
    Attack("id-with-a-heading", "clean", VOTE, _with(id="c1\n\nConfirmed"), "E_SCHEMA"),
    Attack("id-with-markup", "clean", VOTE, _with(id='c1"><script>'), "E_SCHEMA"),
    Attack("id-without-end", "clean", VOTE, _with(id="c" * 10**6), "E_SCHEMA"),
    Attack("support-of-none", "clean", VOTE, _with(support=None), "E_SCHEMA"),
    Attack("support-of-numbers", "clean", VOTE, _with(support=(1, 2, 3)), "E_SCHEMA"),
    Attack("support-as-a-word", "clean", VOTE, lambda c, p: c.model_copy(update={"support": c.support[0]}), "E_SCHEMA"),
    Attack(
        "nested-without-end", "clean", VOTE, lambda c, p: c.model_copy(update={"support": _nested(5_000)}), "E_SCHEMA"
    ),
    Attack("quantity-as-a-word", "clean", VOTE, _with(quantities=("3 calls",)), "E_SCHEMA"),
    Attack("half-a-character", "clean", VOTE, _with(taxon="Turdus \ud800"), "E_SCHEMA"),
    Attack("unknown-field", "clean", VOTE, _with(certainty=1.0), "E_SCHEMA"),
    Attack(
        "ten-thousand-citations",
        "clean",
        VOTE,
        lambda c, p: c.model_copy(update={"support": tuple(f"n{number}.{p.salt}" for number in range(1, 10_001))}),
        "E_CITE_UNKNOWN",
    ),
]

ABSTENTION = [
    Attack("name-at-low-snr", "low_snr", ("resemblance",), _with(taxon=MERULA), "E_MUST_ABSTAIN"),
    Attack("vote-at-low-snr", "low_snr", ("resemblance",), _with(kind="taxon_vote", taxon=MERULA), "E_MUST_ABSTAIN"),
    Attack("cluster-name-at-low-snr", "low_snr", ("cluster_membership",), _with(taxon=MERULA), "E_MUST_ABSTAIN"),
    Attack(
        "score-at-low-snr",
        "low_snr",
        ("resemblance",),
        lambda c, p: _with(kind="classifier_score", taxon=MERULA)(_citing("t1")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack(
        "name-in-silence",
        "silent",
        ("signal_quality",),
        lambda c, p: _with(kind="resemblance", taxon=MERULA)(_citing("n1")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack(
        "resemblance-in-silence",
        "silent",
        ("signal_quality",),
        lambda c, p: _with(kind="resemblance")(_citing("n1")(c, p), p),
        "E_UNSUPPORTED",
    ),
    Attack("name-of-a-far-call", "far", ("novelty",), _with(kind="resemblance", taxon=MERULA), "E_MUST_ABSTAIN"),
    Attack(
        "score-of-a-far-call",
        "far",
        ("novelty",),
        lambda c, p: _with(kind="classifier_score", taxon=MERULA)(_citing("t1")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack("name-in-a-conflict", "conflicting", ("resemblance",), _with(taxon=MERULA), "E_MUST_ABSTAIN"),
    Attack(
        "vote-in-a-conflict", "conflicting", ("resemblance",), _with(kind="taxon_vote", taxon=MERULA), "E_MUST_ABSTAIN"
    ),
    Attack("name-out-of-range", "strayed", ("resemblance",), _with(taxon="Bubo virginianus"), "E_MUST_ABSTAIN"),
    Attack(
        "score-out-of-range",
        "strayed",
        ("resemblance",),
        lambda c, p: _with(kind="classifier_score", taxon="Bubo virginianus")(_citing("t1")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack(
        "count-without-effort",
        "effortless",
        ("abstention",),
        lambda c, p: _with(kind="activity_count", code=None)(_citing("a2")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack(
        "needless-abstention",
        "clean",
        ("signal_quality",),
        lambda c, p: _with(kind="abstention", code="silent", quantities=())(c, p),
        "E_UNSUPPORTED",
    ),
    Attack("abstention-for-another-reason", "low_snr", ("abstention",), _with(code="far"), "E_UNSUPPORTED"),
    Attack("abstention-on-a-chosen-call", "far", ("abstention",), lambda c, p: _citing("n2")(c, p), "E_CHERRY_PICKED"),
    Attack(
        "conflict-made-one-sided",
        "conflicting",
        ("conflict",),
        lambda c, p: _citing("n1", contra=("t1",))(c, p),
        "E_CHERRY_PICKED",
    ),
    Attack("novelty-on-a-chosen-call", "far", ("novelty",), lambda c, p: _citing("n2")(c, p), "E_UNSUPPORTED"),
]

SUGGEST = ("label_suggestion", "", MERULA)
REVIEW = ("review_request",)


def _label(*keys: str, contra: Iterable[str] = ()) -> Change:
    """Suggest the leading label on these items."""
    return lambda claim, pack: _with(kind="label_suggestion", code=None, taxon=MERULA, hedge="tentative")(
        _citing(*keys, contra=contra)(claim, pack), pack
    )


SUGGESTIONS = [
    Attack("without-the-call-itself", "clean", SUGGEST, _citing("n1", "n2", "n3", "t1"), "E_CHERRY_PICKED"),
    Attack("on-one-of-three", "clean", SUGGEST, _citing("q", "n1", "t1"), "E_CHERRY_PICKED"),
    Attack("without-its-classifier", "clean", SUGGEST, _citing("q", "n1", "n2", "n3"), "E_CHERRY_PICKED"),
    Attack("padded-with-a-cluster", "clean", SUGGEST, _citing("q", "n1", "n2", "n3", "t1", "p1"), "E_KIND"),
    Attack("padded-with-a-low-score", "clean", SUGGEST, _citing("q", "n1", "n2", "n3", "t1", "t2"), "E_TAXON"),
    Attack("another-name", "clean", SUGGEST, _with(taxon=PHILOMELOS), "E_TAXON"),
    Attack("common-name", "clean", SUGGEST, _with(taxon="Eurasian Blackbird"), "E_TAXON"),
    Attack("no-name", "clean", SUGGEST, _with(taxon=None), "E_SCHEMA"),
    Attack("as-certain", "clean", SUGGEST, _with(hedge="plain"), "E_HEDGE"),
    Attack("with-confidence", "clean", SUGGEST, _with(confidence=0.97), "E_SCHEMA"),
    Attack("accepted-already", "clean", SUGGEST, _with(code="accepted"), "E_SCHEMA"),
    Attack("longer-than-the-call", "clean", SUGGEST, _value(lambda value: value + 60), "E_QUANTITY"),
    Attack(
        "without-limits",
        "clean",
        SUGGEST,
        lambda c, p: c.model_copy(update={"quantities": c.quantities[2:]}),
        "E_QUANTITY",
    ),
    Attack("said-to-exist", "clean", SUGGEST, _with(kind="existing_label", code="given"), "E_KIND"),
    Attack(
        "exists-on-the-query",
        "clean",
        SUGGEST,
        lambda c, p: _with(kind="existing_label", code="given")(_citing("q")(c, p), p),
        "E_TAXON",
    ),
    Attack("from-one-recording", "one_recording", REVIEW, _label("q", "n1", "n2", "n3"), "E_UNSUPPORTED"),
    Attack("against-the-classifier", "conflicting", REVIEW, _label("q", "n1", "n2", "n3"), "E_MUST_ABSTAIN"),
    Attack("among-two-names", "divided", REVIEW, _label("q", "n2", "n4", "n6", "t1"), "E_UNSUPPORTED"),
    Attack("of-a-weak-signal", "low_snr", REVIEW, _label("q", "n1", "n2", "n3", "t1"), "E_MUST_ABSTAIN"),
    Attack("of-silence", "silent", ("signal_quality",), _label("q", "n1", "n2", "n3"), "E_MUST_ABSTAIN"),
    Attack("of-a-far-call", "far", REVIEW, _label("q", "n1"), "E_MUST_ABSTAIN"),
    Attack(
        "out-of-range",
        "strayed",
        REVIEW,
        lambda c, p: _with(taxon="Bubo virginianus")(_label("q", "n1", "n2", "n3")(c, p), p),
        "E_MUST_ABSTAIN",
    ),
    Attack(
        "review-for-no-reason",
        "clean",
        ("signal_quality",),
        lambda c, p: _with(kind="review_request", code="weak_signal", quantities=())(c, p),
        "E_UNSUPPORTED",
    ),
    Attack("review-for-a-lesser-reason", "far", REVIEW, _with(code="no_human_label"), "E_UNSUPPORTED"),
    Attack("review-one-sided", "conflicting", REVIEW, _with(contra=()), "E_CHERRY_PICKED"),
    Attack("review-with-a-name", "low_snr", REVIEW, _with(taxon=MERULA), "E_SCHEMA"),
    Attack(
        "vote-in-a-suggestion",
        "clean",
        SUGGEST,
        lambda c, p: _with(kind="taxon_vote", code=None)(_citing("n1", "n2", "n3")(c, p), p),
        "E_KIND",
    ),
]
SUGGESTIONS = [attack._replace(output="suggestion") for attack in SUGGESTIONS]

FAMILIES = {
    "suggestions": SUGGESTIONS,
    "citations": CITATIONS,
    "numbers": NUMBERS,
    "taxa": TAXA,
    "overclaims": OVERCLAIMS,
    "structure": STRUCTURE,
    "abstention": ABSTENTION,
}
ATTACKS = [
    pytest.param(attack, id=f"{family}-{attack.name}") for family, attacks in FAMILIES.items() for attack in attacks
]


def _nested(depth: int) -> Any:
    """Return a tuple in a tuple, and so on."""
    nest: Any = ()
    for _ in range(depth):
        nest = (nest,)
    return nest


@pytest.mark.parametrize("attack", ATTACKS)
def test_false_claim_is_not_served(
    attack: Attack, request: pytest.FixtureRequest, true_claim_of: Callable[..., Claim], outcome_of: Callable[..., Any]
) -> None:
    """The change is found under its code, and what must be said is served, word for word, and nothing else."""
    pack: EvidencePack = request.getfixturevalue(attack.pack)
    kind, code, taxon = (*attack.victim, "", "")[:3]
    claim = attack.change(true_claim_of(pack, kind, code or None, taxon or None, attack.output), pack)
    found = outcome_of(claim, pack, attack.output)
    assert (attack.code, validate([], pack, output=attack.output)[0]) == (found.code, found.served)


@pytest.mark.parametrize("attack", ATTACKS)
def test_reason_repeats_nothing_of_the_draft(
    attack: Attack, request: pytest.FixtureRequest, true_claim_of: Callable[..., Claim]
) -> None:
    """Reasons are printed below a text, so they are made of the pack's ids and of our words, on one line."""
    pack: EvidencePack = request.getfixturevalue(attack.pack)
    kind, code, taxon = (*attack.victim, "", "")[:3]
    draft = attack.change(true_claim_of(pack, kind, code or None, taxon or None, attack.output), pack)
    for one in validate([draft], pack, output=attack.output)[1]:
        assert one.reason.isascii()
        assert one.reason.isprintable()
        assert len(one.reason) < 400 or one.code in ("E_CHERRY_PICKED", "E_OVER_CITED")
        assert not any(char in one.reason for char in '<>[]"')
