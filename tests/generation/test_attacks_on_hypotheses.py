"""Drafts and packs that lie about what a screen found: none is served, and what is served stays whole.

Each row takes the true text of a family of contrasts, changes one thing, and says under which code the change is found;
a row without a code says why it is true by chance. Lies are told as data (what a question or a part of it cites, counts
or is called) or in words (the claim is true, its sentence is not). Then come half questions, contrasts that are not
clear enough to be asked about, names that would speak, commands that would do something else, and sheer mass.
"""

import random
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import pytest

from rab.domain import AggregateEntry, Claim, DroppedClaim, EvidencePack, GroundedText
from rab.domain.evidence import FAMILIES, Family
from rab.evidence.printing import pack_words
from rab.generation import facts, holds, text_of, validate, write_hypotheses
from rab.generation.bound import COMPANIONS, QUESTION, question_of
from tests.generation.test_attacks_on_evidence import (
    Attack,
    Change,
    _added,
    _as,
    _citing,
    _figure,
    _ids,
    _value,
    _with,
)
from tests.generation.test_attacks_on_words import Attack as Wording
from tests.generation.test_attacks_on_words import _all, _end, _put
from tests.generation.test_attacks_through_metadata import PAYLOADS, _same_form, forms, poisoned, without
from tests.generation.test_hypotheses import changed, pack_of

EVIDENCE, COUNTER, ARTEFACT, REFUTED, QUERY = COMPANIONS
SITE, DIEL, SEQUENCE, NOISE, ONSET, NOVEL, SENSOR, NAMES, PAIR = FAMILIES
PARUS, CUCULUS = "Common Parus major (Parus major)", "Common Cuculus canorus (Cuculus canorus)"

ASK, SHOW, OPPOSE, DOUBT, REFUTE, LOOK, SCREEN = ((kind, None, None) for kind in (QUESTION, *COMPANIONS, "screening"))


def _salted_anew(item_id: str) -> str:
    key, _, salt = item_id.partition(".")
    return f"{key}.{'ffff' if salt != 'ffff' else '0000'}"


def _also(*keys: str) -> Change:
    return lambda claim, pack: claim.model_copy(update={"support": (*claim.support, *map(pack.item_id, keys))})


def _against(*keys: str) -> Change:
    return lambda claim, pack: claim.model_copy(update={"contra": tuple(map(pack.item_id, keys))})


def _lacking(place: int) -> Change:
    """Leave one citation out."""
    return lambda claim, pack: claim.model_copy(
        update={"support": tuple(one for n, one in enumerate(claim.support) if n != place % len(claim.support))}
    )


def _first(n: int) -> Change:
    return lambda claim, pack: claim.model_copy(update={"support": claim.support[:n]})


def _for(old: str, new: str) -> Change:
    """Cite another item in the place of one."""
    return lambda claim, pack: claim.model_copy(
        update={"support": tuple(pack.item_id(new) if one == pack.item_id(old) else one for one in claim.support)}
    )


def _swapped(first: int, second: int) -> Change:
    """Give each of two figures the value of the other."""

    def change(claim: Claim, pack: EvidencePack) -> Claim:
        values = [one.value for one in claim.quantities]
        return _figure(first, value=values[second])(_figure(second, value=values[first])(claim, pack), pack)

    return change


def _without_figure(place: int) -> Change:
    return lambda claim, pack: claim.model_copy(
        update={"quantities": tuple(one for n, one in enumerate(claim.quantities) if n != place)}
    )


def _turned(claim: Claim, pack: EvidencePack) -> Claim:
    """Give evidence and figures in reverse."""
    return claim.model_copy(update={"support": claim.support[::-1], "quantities": claim.quantities[::-1]})


CITATIONS = [
    Attack("nothing", SITE, (QUESTION,), _with(support=(), contra=()), "E_CITE_NONE"),
    Attack("no-evidence", DIEL, (EVIDENCE,), _with(support=()), "E_CITE_NONE"),
    Attack("foreign-salt", SITE, (QUESTION,), _ids(_salted_anew), "E_CITE_FOREIGN"),
    Attack("foreign-salt-of-a-query", PAIR, (QUERY,), _ids(_salted_anew), "E_CITE_FOREIGN"),
    Attack("no-salt", SITE, (REFUTED,), _ids(lambda i: i.partition(".")[0]), "E_CITE_UNKNOWN"),
    Attack("upper-case", NOISE, (ARTEFACT,), _ids(str.upper), "E_CITE_UNKNOWN"),
    Attack("cyrillic", NAMES, (QUERY,), _ids(lambda i: "һ" + i[1:]), "E_CITE_UNKNOWN"),
    Attack("contrast-of-nothing", DIEL, (QUERY,), _citing("h9"), "E_CITE_UNKNOWN"),
    Attack("without-its-contrast", SITE, (QUESTION,), _lacking(0), "E_UNSUPPORTED"),
    Attack("evidence-without-its-contrast", PAIR, (EVIDENCE,), _lacking(0), "E_UNSUPPORTED"),
    Attack("two-contrasts", DIEL, (QUESTION,), _also("h2"), "E_UNSUPPORTED"),
    Attack("another-contrast", DIEL, (QUESTION,), _for("h1", "h2"), "E_CHERRY_PICKED"),
    Attack("evidence-of-another", DIEL, (EVIDENCE,), _for("h1", "h2"), "E_CHERRY_PICKED"),
    Attack("counter-evidence-of-another", SEQUENCE, (COUNTER,), _for("h1", "h2"), "E_CHERRY_PICKED"),
    Attack("artefact-of-another", SEQUENCE, (ARTEFACT,), _for("h1", "h2"), "E_CHERRY_PICKED"),
    Attack("least-of-another", DIEL, (REFUTED,), _for("h1", "h3"), "E_CHERRY_PICKED"),
    Attack("call-of-another", SEQUENCE, (QUESTION,), _also("e5"), "E_OVER_CITED"),
    Attack("query-of-another", SEQUENCE, (QUERY,), _citing("h2"), "E_DUPLICATE"),
    Attack("call-left-out", NOVEL, (QUESTION,), _lacking(-1), "E_CHERRY_PICKED"),
    Attack("group-left-out", SENSOR, (QUESTION,), _lacking(2), "E_CHERRY_PICKED"),
    Attack("calls-left-out", ONSET, (QUESTION,), _first(3), "E_CHERRY_PICKED"),
    Attack("dissent-left-out", PAIR, (QUESTION,), _with(contra=()), "E_CHERRY_PICKED"),
    Attack("dissent-thinned", NAMES, (QUESTION,), _against("a9"), "E_CHERRY_PICKED"),
    Attack(
        "dissent-taken-for-support",
        NOISE,
        (QUESTION,),
        lambda c, p: c.model_copy(update={"support": c.citations, "contra": ()}),
        "E_CHERRY_PICKED",
    ),
    Attack("dissenting-call-unheard", NOISE, (COUNTER,), _lacking(-1), "E_CHERRY_PICKED"),
    Attack("dissent-beside-evidence", SITE, (EVIDENCE,), _against("a9"), "E_OVER_CITED"),
    Attack("against-itself", SITE, (QUERY,), _against("h1"), "E_SCHEMA"),
    Attack("shuffles-left-out", NOISE, (EVIDENCE,), _lacking(-1), "E_CHERRY_PICKED"),
    Attack("interval-left-out", SENSOR, (EVIDENCE,), _lacking(4), "E_CHERRY_PICKED"),
    Attack("what-else-differs-left-out", NOVEL, (ARTEFACT,), _first(1), "E_CHERRY_PICKED"),
    Attack("half-of-what-else-differs", SITE, (ARTEFACT,), _lacking(-1), "E_CHERRY_PICKED"),
    Attack("padded-query", PAIR, (QUERY,), _also("a2"), "E_OVER_CITED"),
    Attack("padded-refutation", ONSET, (REFUTED,), _also("e1"), "E_OVER_CITED"),
    Attack("screen-taken-for-evidence", SITE, (EVIDENCE,), _also("a1"), "E_OVER_CITED"),
    Attack("contrast-taken-for-a-count", SITE, ("screening",), _citing("h1"), "E_KIND"),
    Attack("another-figure-as-the-count", SITE, ("screening",), _citing("a2"), "E_CHERRY_PICKED"),
    Attack("twice", NAMES, (QUESTION,), _also("a2"), "E_SCHEMA"),
    Attack("in-reverse", NOVEL, (EVIDENCE,), _turned, ""),  # the order of citations is no part of a claim
]

HERE, THERE, GAP, LOW, HIGH, N_HERE, N_THERE, N_SHUFFLES, SHUFFLES = range(9)
"""Places of the figures of the evidence."""

NUMBERS = [
    Attack("greater-gap", SITE, (EVIDENCE,), _value(lambda v: v + 100, GAP), "E_QUANTITY"),
    Attack("gap-below-the-last-place", DIEL, (EVIDENCE,), _value(lambda v: v + 1e-9, GAP), "E_QUANTITY"),
    Attack("gap-as-a-loss", PAIR, (EVIDENCE,), _value(lambda v: -v, GAP), "E_QUANTITY"),
    Attack("sides-swapped", SITE, (EVIDENCE,), _swapped(HERE, THERE), "E_QUANTITY"),
    Attack("value-of-the-other-side", SENSOR, (EVIDENCE,), _figure(HERE, value=204.0), "E_QUANTITY"),
    Attack("units-swapped", SITE, (EVIDENCE,), _swapped(N_HERE, N_THERE), "E_QUANTITY"),
    Attack("more-units", NOVEL, (EVIDENCE,), _value(lambda v: v * 10, N_HERE), "E_QUANTITY"),
    Attack("interval-turned", NOISE, (EVIDENCE,), _swapped(LOW, HIGH), "E_QUANTITY"),
    # both ends of the interval are 100 points
    Attack("interval-of-a-point-turned", ONSET, (EVIDENCE,), _swapped(LOW, HIGH), ""),
    Attack("interval-narrowed", NAMES, (EVIDENCE,), _value(lambda v: v - 1, HIGH), "E_QUANTITY"),
    Attack("more-shuffles", SEQUENCE, (EVIDENCE,), _figure(N_SHUFFLES, value=1999.0), "E_QUANTITY"),
    Attack("shuffles-turned", SEQUENCE, (EVIDENCE,), _swapped(N_SHUFFLES, SHUFFLES), "E_QUANTITY"),
    Attack("no-shuffle-as-minus-none", PAIR, (EVIDENCE,), _figure(SHUFFLES, value=-0.0), ""),  # none is none
    Attack("shuffles-left-out", PAIR, (EVIDENCE,), _without_figure(SHUFFLES), "E_QUANTITY"),
    Attack("thousandfold-unit", SITE, (EVIDENCE,), _figure(GAP, value=0.392, unit="kHz"), "E_QUANTITY"),
    Attack("per-cent-for-points", DIEL, (EVIDENCE,), _figure(GAP, unit="%"), "E_QUANTITY"),
    Attack("calls-for-recordings", NOISE, (EVIDENCE,), _figure(N_HERE, unit="calls"), "E_QUANTITY"),
    Attack("unit-with-a-claim", SITE, (EVIDENCE,), _figure(GAP, unit="Hz, proven"), "E_QUANTITY"),
    Attack("more-decimals", DIEL, (EVIDENCE,), _figure(GAP, decimals=4), "E_QUANTITY"),
    Attack("not-a-number", SITE, (EVIDENCE,), _figure(GAP, value=float("nan")), "E_SCHEMA"),
    Attack("infinite", SITE, (REFUTED,), _figure(value=float("inf")), "E_SCHEMA"),
    Attack("least-made-small", SITE, (REFUTED,), _figure(value=1.0), "E_QUANTITY"),
    Attack("least-made-great", SENSOR, (REFUTED,), _value(lambda v: v * 100), "E_QUANTITY"),
    Attack("least-left-out", PAIR, (REFUTED,), _with(quantities=()), "E_QUANTITY"),
    Attack("least-beside-the-evidence", SITE, (EVIDENCE,), _added("a7", 100.0, "Hz"), "E_QUANTITY"),
    Attack("dissent-made-small", PAIR, (COUNTER,), _figure(value=0.0), "E_QUANTITY"),
    Attack("dissent-turned-to-assent", NAMES, (COUNTER,), _figure(value=109.0), "E_QUANTITY"),
    Attack("dissent-out-of-all", NAMES, (COUNTER,), _figure(1, value=396.0), "E_QUANTITY"),
    Attack("beside-swapped", NOVEL, (ARTEFACT,), _swapped(0, 1), "E_QUANTITY"),
    Attack("beside-of-equal-effort-swapped", ONSET, (ARTEFACT,), _swapped(0, 1), ""),  # both sides have 0.07 h a day
    Attack(
        "beside-made-alike", SENSOR, (ARTEFACT,), lambda c, p: _figure(value=c.quantities[1].value)(c, p), "E_QUANTITY"
    ),
    Attack("figure-in-a-question", SITE, (QUESTION,), _added("contrast", 392.0, "Hz"), "E_QUANTITY"),
    Attack("figure-in-a-query", SITE, (QUERY,), _added("certainty", 99.0, "%"), "E_QUANTITY"),
    Attack("more-screened", SITE, ("screening",), _figure(1, value=3600.0), "E_QUANTITY"),
    Attack("fewer-screened", DIEL, ("screening",), _figure(1, value=6.0), "E_QUANTITY"),
    Attack("all-passed", PAIR, ("screening",), _figure(0, value=6.0), "E_QUANTITY"),
    Attack("source-invented", SITE, (REFUTED,), _figure(source=("a9.0000",)), "E_QUANTITY"),
]

STRUCTURE = [
    Attack("question-of-another-family", SITE, (QUESTION,), _with(code=NOISE), "E_UNSUPPORTED"),
    Attack("artefact-of-another-family", SITE, (ARTEFACT,), _with(code=NOVEL), "E_UNSUPPORTED"),
    Attack("screening-of-another-family", SITE, ("screening",), _with(code=PAIR), "E_UNSUPPORTED"),
    Attack("family-of-nothing", DIEL, (QUESTION,), _with(code="truth"), "E_SCHEMA"),
    Attack("no-family", DIEL, (REFUTED,), _with(code=None), "E_SCHEMA"),
    Attack("family-with-markup", DIEL, (QUERY,), _with(code="<script>"), "E_SCHEMA"),
    Attack("evidence-as-a-question", SITE, (EVIDENCE,), _as(QUESTION, SITE), "E_CHERRY_PICKED"),
    Attack("question-as-evidence", SITE, (QUESTION,), _as(EVIDENCE, SITE), "E_CHERRY_PICKED"),
    Attack("artefact-as-a-refutation", NOISE, (ARTEFACT,), _as(REFUTED, NOISE), "E_CHERRY_PICKED"),
    Attack("counter-evidence-as-evidence", NAMES, (COUNTER,), _as(EVIDENCE, NAMES), "E_CHERRY_PICKED"),
    Attack("refutation-as-a-query", ONSET, (REFUTED,), _as(QUERY, ONSET), "E_OVER_CITED"),
    Attack("question-as-a-resemblance", SITE, (QUESTION,), _as("resemblance"), "E_KIND"),
    Attack("question-as-a-count", PAIR, (QUESTION,), _as("activity_count"), "E_KIND"),
    Attack("question-as-an-abstention", ONSET, (QUESTION,), _as("abstention", "far"), "E_KIND"),
    Attack("kind-of-nothing", SITE, (QUESTION,), _as("finding", SITE), "E_SCHEMA"),
    Attack("plain-question", SEQUENCE, (QUESTION,), _with(hedge="plain"), "E_HEDGE"),
    Attack("plain-evidence", NOVEL, (EVIDENCE,), _with(hedge="plain"), "E_HEDGE"),
    Attack("tentative-refutation", NOVEL, (REFUTED,), _with(hedge="tentative"), "E_HEDGE"),
    Attack("supported", SENSOR, (QUESTION,), _with(hedge="supported"), "E_SCHEMA"),
    Attack("with-confidence", SITE, (QUESTION,), _with(confidence=0.995), "E_SCHEMA"),
    Attack("evidence-with-confidence", SITE, (EVIDENCE,), _with(confidence=1.0), "E_SCHEMA"),
    Attack("taxon-of-the-pair", PAIR, (QUESTION,), _with(taxon="Parus major"), "E_SCHEMA"),
    Attack("taxon-of-nobody", SITE, (QUESTION,), _with(taxon="Corvus corax"), "E_SCHEMA"),
    Attack("id-with-a-heading", SITE, (EVIDENCE,), _with(id="c1\n\nConfirmed"), "E_SCHEMA"),
    Attack("origin-of-nothing", SITE, (QUESTION,), _with(text_origin="human"), "E_SCHEMA"),
    Attack("half-a-character", SITE, (QUESTION,), _with(text="\ud800?"), "E_SCHEMA"),
    Attack("unknown-field", SITE, (QUESTION,), _with(verdict="true"), "E_SCHEMA"),
    Attack("words-as-an-order", SITE, (QUESTION,), _with(text=("Do", "calls", "?")), "E_SCHEMA"),
]

LIES = [
    pytest.param(attack, id=f"{name}-{attack.name}")
    for name, attacks in {"citations": CITATIONS, "numbers": NUMBERS, "structure": STRUCTURE}.items()
    for attack in attacks
]


def sayings(claims: Iterable[Claim]) -> list[tuple[str, ...]]:
    """Return what is said of what, in its order, whatever the claims are called."""
    return [(one.kind, one.hedge, one.text, one.text_origin, *one.citations) for one in claims]


def about(claims: Iterable[Claim], pack: EvidencePack, key: str = "h1") -> list[Claim]:
    """Return a question and its parts."""
    return [one for one in claims if question_of(one) == pack.item_id(key)]


def codes(dropped: Iterable[DroppedClaim]) -> Counter[str]:
    return Counter(one.code for one in dropped)


@pytest.mark.parametrize("attack", LIES)
def test_false_claim_of_a_question_is_not_served(attack: Attack) -> None:
    """The change is found; a part is restored as it was, a question goes with all that belongs to it."""
    pack = pack_of(attack.pack)
    text = list(write_hypotheses(pack).claims)
    victim = next(one for one in text if one.kind == attack.victim[0])
    served, dropped = validate([attack.change(one, pack) if one is victim else one for one in text], pack)
    is_lost = victim.kind == QUESTION and attack.code
    remaining = [one for one in text if one not in about(text, pack)] if is_lost else text
    consequence = {"E_INCOMPLETE": len(COMPANIONS)} if is_lost else {"E_MISSING_MANDATORY": 1}
    expected = Counter({attack.code: 1} | consequence) if attack.code else Counter()
    assert (expected, sorted(sayings(remaining))) == (codes(dropped), sorted(sayings(served)))


@pytest.mark.parametrize("attack", LIES)
def test_reason_repeats_nothing_of_a_false_question(attack: Attack) -> None:
    """Reasons are printed below a text: they are one line of our words and of ids."""
    pack = pack_of(attack.pack)
    victim = next(one for one in write_hypotheses(pack).claims if one.kind == attack.victim[0])
    reason = failure.reason if (failure := holds(attack.change(victim, pack), pack)) else ""
    assert reason.isascii()
    assert not set('<>[]"\n') & set(reason)


def _turn(one: str, other: str) -> Callable[[str], str]:
    """Let two phrases change places."""
    return lambda text: text.replace(one, "\0").replace(other, one).replace("\0", other)


DIRECTION = [
    Wording("lower-for-higher", SITE, ASK, _put("higher", "lower"), "E_VOCABULARY"),
    Wording(
        "places-turned",
        SITE,
        ASK,
        _put("at Marsh than at other sites", "at other sites than at Marsh"),
        "E_ORDER",
    ),
    Wording("smaller-for-greater", DIEL, ASK, _put("greater", "smaller"), "E_VOCABULARY"),
    Wording("clusters-turned", SEQUENCE, ASK, _turn("c2", "c3"), "E_NAME"),
    Wording("less-for-more", SEQUENCE, ASK, _put("more", "less"), "E_SEMANTICS"),
    Wording(
        "quiet-for-noise",
        NOISE,
        ASK,
        _put("more noise than in quieter ones", "quieter than in more noise ones"),
        "E_ORDER",
    ),
    Wording("end-for-begin", ONSET, ASK, _put("begin", "end"), "E_VOCABULARY"),
    Wording("like-for-unlike", NOVEL, ASK, _put("unlike", "like"), "E_VOCABULARY"),
    Wording("more-for-fewer", SENSOR, ASK, _put("fewer", "more"), "E_SEMANTICS"),
    Wording("until-that-day", SENSOR, ASK, _put("from that day on", "until that day"), "E_VOCABULARY"),
    Wording("name-for-misname", NAMES, ASK, _put("misname", "name"), "E_VOCABULARY"),
    Wording("roles-turned", NAMES, ASK, _turn(CUCULUS, "Upupa epops"), "E_NAME"),
    Wording("pair-turned", PAIR, ASK, _turn(PARUS, CUCULUS), "E_NAME"),
    Wording("seldom-for-often", PAIR, ASK, _put("more often", "seldom"), "E_SEMANTICS"),
    Wording("negated", SITE, ASK, _put("Do calls", "Do no calls"), "E_VOCABULARY"),
    Wording("above-for-below", SITE, OPPOSE, _put("below", "above"), "E_VOCABULARY"),
    Wording("below-for-above", SENSOR, OPPOSE, _put("above", "below"), "E_VOCABULARY"),
    Wording("hold-for-lack", PAIR, OPPOSE, _put("lack", "hold"), "E_VOCABULARY"),
    Wording("no-left-out", ONSET, OPPOSE, _put("have no detection", "have a detection"), "E_ORDER"),
    Wording("counter-evidence-as-evidence", SITE, OPPOSE, _put("Counter-evidence", "Evidence"), "E_VOCABULARY"),
    Wording("refuted-by-the-opposite", SITE, REFUTE, _put("below", "above"), "E_VOCABULARY"),
    Wording("refuted-by-less", SENSOR, REFUTE, _put("or more", "or less"), "E_SEMANTICS"),
    Wording("refuted-where-it-did-change", SENSOR, REFUTE, _put("did not change", "did change"), "E_ORDER"),
    Wording("refuted-with-knowledge", NAMES, REFUTE, _put("without knowing", "knowing"), "E_ORDER"),
    Wording("refuted-by-all-hours", DIEL, REFUTE, _put("with only hours", "with hours"), "E_ORDER"),
    Wording(
        "condition-left-out", NOVEL, REFUTE, _put(" on new days, with the sounds of devices left out", ""), "E_ORDER"
    ),
    Wording("not-refuted", NOISE, REFUTE, _put("Refuted by", "Not refuted by"), "E_VOCABULARY"),
    Wording("artefact-turned", SITE, DOUBT, _turn("the recorder and its surroundings", "the callers"), "E_ORDER"),
]

MEANING = [
    Wording("cause-for-account", SENSOR, ASK, _put("account for", "cause"), "E_SEMANTICS"),
    Wording("because", SITE, SHOW, _end(", because of the site"), "E_SEMANTICS"),
    Wording("due-to", NOISE, SHOW, _end(", due to noise"), "E_SEMANTICS"),
    Wording("leads-to", ONSET, DOUBT, _put("may bring about", "leads to"), "E_SEMANTICS"),
    Wording("does-for-may", SITE, DOUBT, _put("may make", "makes"), "E_VOCABULARY"),
    Wording("may-not", NOVEL, DOUBT, _put("may sound", "may not sound"), "E_VOCABULARY"),
    Wording("no-artefact", NAMES, DOUBT, _put("Artefact", "No artefact"), "E_VOCABULARY"),
    Wording("artefact-waived", PAIR, DOUBT, _end(", which is ruled out"), "E_VOCABULARY"),
    Wording("proves", SITE, SHOW, _end("; this proves it"), "E_SEMANTICS"),
    Wording("proven-question", SITE, ASK, _put("Do calls", "Do proven calls"), "E_SEMANTICS"),
    Wording("confirmed-by", DIEL, REFUTE, _put("Refuted by", "Confirmed by"), "E_SEMANTICS"),
    Wording("significant", SITE, SHOW, _put("apart", "significant"), "E_SEMANTICS"),
    Wording("certainly", PAIR, ASK, _put("Do ", "Certainly do "), "E_SEMANTICS"),
    Wording("likely", NAMES, ASK, _put("misname", "likely misname"), "E_SEMANTICS"),
    Wording("clearly", SEQUENCE, SHOW, _put("as clear", "clearly"), "E_SEMANTICS"),
    Wording("supported", SITE, SHOW, _put("Evidence, unverified", "Evidence, unverified, supported"), "E_VOCABULARY"),
    Wording("verified", SITE, SHOW, _put("unverified", "verified"), "E_HEDGE"),
    Wording("hedge-left-out", DIEL, SHOW, _put(", unverified", ""), "E_HEDGE"),
    Wording("question-answered", SITE, ASK, _put("Do calls", "Yes, calls do"), "E_VOCABULARY"),
    Wording(
        "question-as-a-fact", SITE, ASK, _put("Do calls of cluster c1 have", "Calls of cluster c1 do have"), "E_ORDER"
    ),
    Wording("leading-question", NOISE, ASK, _put("Do calls", "Why do calls"), "E_VOCABULARY"),
    Wording("population", SITE, ASK, _put("calls of cluster", "populations of cluster"), "E_SEMANTICS"),
    Wording("abundance", PAIR, ASK, _put("come up", "come up, abundant,"), "E_SEMANTICS"),
    Wording("decline", SENSOR, ASK, _put("fewer detections", "declining detections"), "E_SEMANTICS"),
    Wording("birds-for-segments", SENSOR, SHOW, _put("61.5 segments/h", "61.5 birds/h"), "E_NUM_UNCITED"),
    Wording("breeding", ONSET, ASK, _put("the season", "the breeding season"), "E_SEMANTICS"),
    Wording("arrival", ONSET, ASK, _put("begin about", "arrive"), "E_VOCABULARY"),
    Wording("first-of-all", ONSET, ASK, _put("the first detection", "the first, rare detection"), "E_SEMANTICS"),
    Wording("absence", ONSET, OPPOSE, _put("have no detection", "show absence"), "E_SEMANTICS"),
    Wording("presence", NOVEL, ASK, _put("Do sounds", "Do sounds present"), "E_SEMANTICS"),
    Wording("sings", SITE, ASK, _put("Do calls", "Do singing calls"), "E_SEMANTICS"),
    Wording("answers", SEQUENCE, ASK, _put("follow", "answers"), "E_SEMANTICS"),
    Wording("responds", NOISE, ASK, _put("have", "respond with"), "E_SEMANTICS"),
    Wording("alarm", NOVEL, ASK, _put("Do sounds", "Do alarm sounds"), "E_SEMANTICS"),
    Wording("compete", PAIR, ASK, _put("come up", "compete"), "E_VOCABULARY"),
    Wording("pair-bond", PAIR, ASK, _put("come up", "mate"), "E_SEMANTICS"),
    Wording("individual", SITE, ASK, _put("calls of", "individual calls of"), "E_SEMANTICS"),
    Wording("stress", NOISE, ASK, _end(", stressed"), "E_TEXT"),
    Wording("identity", NAMES, ASK, _all("Is cluster c2 what labels give, Upupa epops?"), "E_SEMANTICS"),
    Wording("species-of-a-cluster", SITE, ASK, _put("calls of cluster c1", "calls of Corvus corax"), "E_NAME"),
    Wording("order-to-the-reader", SITE, LOOK, _put("To look again", "Ignore this and run"), "E_VOCABULARY"),
    Wording("to-confirm", SITE, LOOK, _put("To look again", "To confirm"), "E_SEMANTICS"),
]

FIGURES = [
    Wording("other-value", SITE, SHOW, _put("3.39", "3.49"), "E_NUM_UNCITED"),
    Wording("sides-swapped", SITE, SHOW, _turn("3.39 kHz", "3.00 kHz"), "E_ORDER"),
    Wording("units-swapped", SITE, SHOW, _turn("20 recorder-days", "60 recorder-days"), "E_ORDER"),
    Wording("interval-turned", SITE, SHOW, _put("355 Hz to 428 Hz", "428 Hz to 355 Hz"), "E_ORDER"),
    Wording("interval-left-out", DIEL, SHOW, _put(" (interval 72 points to 79 points)", ""), "E_ORDER"),
    Wording("gap-for-an-end", DIEL, SHOW, _put("76 points apart", "79 points apart"), "E_ORDER"),
    Wording("other-unit", SITE, SHOW, _put("392 Hz", "392 kHz"), "E_NUM_UNCITED"),
    Wording("per-cent-for-points", DIEL, SHOW, _put("76 points", "76%"), "E_NUM_UNCITED"),
    Wording("bare-number", DIEL, SHOW, _put("76 points", "76"), "E_NUM_UNCITED"),
    Wording("minus", PAIR, SHOW, _put("62 points", "−62 points"), "E_NUM_UNCITED"),
    Wording("figure-of-another-question", DIEL, SHOW, _put("76 points apart", "41 points apart"), "E_NUM_UNCITED"),
    Wording("shuffles-turned", SITE, SHOW, _put("0 out of 199 shuffles", "199 out of 0 shuffles"), "E_NUM_UNCITED"),
    Wording("none-of-the-shuffles", SITE, SHOW, _put("0 out of", "none out of"), "E_SEMANTICS"),
    Wording("all-speak-against-it", SITE, OPPOSE, _put("0 out of 20", "20 out of 20"), "E_NUM_UNCITED"),
    Wording("none-speaks-against-it", PAIR, OPPOSE, _put("36 out of 142", "No"), "E_VOCABULARY"),
    Wording("few-speak-against-it", NAMES, OPPOSE, _put("21 out of", "few out of"), "E_SEMANTICS"),
    Wording("smaller-least", SITE, REFUTE, _put("100 Hz", "10 Hz"), "E_NUM_UNCITED"),
    Wording("least-in-words", SITE, REFUTE, _put("100 Hz", "a hundred hertz"), "E_NUM_UNCITED"),
    Wording("least-twice", SITE, REFUTE, _put("100 Hz", "100 Hz, 100 Hz"), "E_ORDER"),
    Wording("full-width-digits", SITE, REFUTE, _put("100", "１００"), "E_CHARSET"),
    Wording("arabic-digits", SITE, SHOW, _put("392", "٣٩٢"), "E_CHARSET"),
    Wording(
        "number-in-a-question",
        SITE,
        ASK,
        _put("a higher peak frequency", "a 392 Hz higher peak frequency"),
        "E_NUM_UNCITED",
    ),
    Wording("twice-as-high", SITE, ASK, _put("a higher", "a twice higher"), "E_NUM_UNCITED"),
    Wording("other-cluster", SITE, ASK, _put("c1", "c3"), "E_NUM_UNCITED"),
    Wording("other-hour", NOVEL, ASK, _put("06:00–07:00", "05:00–06:00"), "E_NUM_UNCITED"),
    Wording("hours-turned", DIEL, ASK, _put("06:00–12:00", "12:00–06:00"), "E_NUM_UNCITED"),
    Wording("other-day", ONSET, ASK, _put("2025-05-11", "2025-05-01"), "E_NUM_UNCITED"),
    Wording("other-site", SITE, ASK, _put("Marsh", "Quarry"), "E_NAME"),
    Wording("site-left-out", SENSOR, ASK, _put(" at North Wood", ""), "E_NAME"),
    Wording("fewer-screened", SITE, SCREEN, _put("36 contrasts", "1 contrasts"), "E_ORDER"),
    Wording("screening-turned", SITE, SCREEN, _put("1 out of", "Only 1 out of"), "E_SEMANTICS"),
    Wording("choice-left-out", DIEL, SCREEN, _put(", of each subject the clearest is asked about", ""), "E_ORDER"),
]

FORM = [
    Wording("no-question-mark", SITE, ASK, lambda text: f"{text[:-1]}.", "E_TEXT"),
    Wording("no-mark", SITE, ASK, lambda text: text[:-1], "E_TEXT"),
    Wording("exclamation", SITE, ASK, lambda text: f"{text[:-1]}!", "E_TEXT"),
    Wording("two-marks", SITE, ASK, lambda text: f"{text}?", "E_ORDER"),
    Wording("greek-question-mark", SITE, ASK, lambda text: f"{text[:-1]}\u037e", "E_TEXT"),
    Wording("mark-within", DIEL, ASK, _put("at Marsh", "? At Marsh"), "E_ORDER"),
    Wording("evidence-as-a-question", SITE, SHOW, lambda text: f"{text[:-1]}?", "E_TEXT"),
    Wording("refutation-as-a-question", NOISE, REFUTE, lambda text: f"{text[:-1]}?", "E_TEXT"),
    Wording("answer-before", SITE, ASK, lambda text: f"They do. {text}", "E_VOCABULARY"),
    Wording("answer-behind", SITE, ASK, lambda text: f"{text} They do.", "E_TEXT"),
    Wording("answer-as-a-question", SITE, ASK, lambda text: f"{text} Yes?", "E_VOCABULARY"),
    Wording("question-twice", SITE, ASK, lambda text: f"{text} {text}", "E_NAME"),
    Wording("two-sentences", SITE, REFUTE, lambda text: f"{text} {text}", "E_VOCABULARY"),
    Wording("in-reverse", NOISE, ASK, lambda text: f"{' '.join(reversed(text[:-1].split()))}?", "E_ORDER"),
    Wording("line-feed", SITE, ASK, _put(" at ", "\nat "), "E_CHARSET"),
    Wording("heading", SITE, SHOW, _put("Evidence", "## Evidence"), "E_CHARSET"),
    Wording("markdown", SITE, ASK, _put("higher", "**higher**"), "E_CHARSET"),
    Wording("html", NOVEL, DOUBT, _put("a device", "<b>a device</b>"), "E_CHARSET"),
    Wording("citation", SITE, SHOW, _end(" [n1.38d0]"), "E_CHARSET"),
    Wording("right-to-left", SITE, ASK, _put("higher", "\u202erehgih\u202c"), "E_CHARSET"),
    Wording("isolate", SITE, SHOW, _put("392", "\u2067392\u2069"), "E_CHARSET"),
    Wording("cyrillic", SITE, ASK, _put("have", "hаve"), "E_CHARSET"),
    Wording("zero-width", SITE, DOUBT, _put("rather", "rat\u200bher"), "E_CHARSET"),
    Wording("mask", SITE, ASK, _put("c1", "\ufffc"), "E_CHARSET"),
    Wording("without-end", SITE, ASK, lambda text: f"{text[:-1]}{' and on' * 10_000}?", "E_TEXT"),
    Wording("space-alone", SITE, ASK, _all(" "), "E_TEXT"),
    Wording("mark-alone", SITE, ASK, _all("?"), "E_NAME"),
    Wording("other-filter", SITE, LOOK, _put("cluster=c1", "cluster=c2"), "E_CHARSET"),
    Wording("wider-filter", NOVEL, LOOK, _put(" hour=6", ""), "E_CHARSET"),
    Wording("no-filter", SITE, LOOK, _put(" --where cluster=c1", ""), "E_NUM_UNCITED"),
    Wording("other-model", SITE, LOOK, _put("toy-v1", "toy-v2"), "E_CHARSET"),
    Wording("other-command", SITE, LOOK, _put("rab segments", "rab forget"), "E_CHARSET"),
    Wording("command-behind", SITE, LOOK, _put("=c1", "=c1; rm -rf ~"), "E_CHARSET"),
    Wording("command-outside", SITE, LOOK, _end("; rm -rf /"), "E_VOCABULARY"),
    Wording("substitution", PAIR, LOOK, _put("Parus major", "$(id)"), "E_CHARSET"),
    Wording("redirection", SITE, LOOK, _put("=c1", "=c1 > x"), "E_CHARSET"),
    Wording("bare-command", SITE, LOOK, lambda text: re.sub("[“”]", "", text), "E_CHARSET"),
    Wording("double-dash-made-long", SITE, LOOK, _put("--where", "–where"), "E_CHARSET"),
    Wording("query-twice", SITE, LOOK, lambda text: f"{text[:-1]}, {text[15:]}", "E_NAME"),
]

WORDS = [
    pytest.param(attack, id=f"{name}-{attack.name}")
    for name, attacks in {"direction": DIRECTION, "meaning": MEANING, "figures": FIGURES, "form": FORM}.items()
    for attack in attacks
]


@pytest.mark.parametrize("attack", WORDS)
def test_false_words_of_a_question_are_replaced(attack: Wording) -> None:
    """The words are found under their code, and the whole text stands as its templates have it."""
    pack = pack_of(attack.pack)
    text = list(write_hypotheses(pack).claims)
    victim = next(one for one in text if one.kind == attack.victim[0])
    words = attack.words(victim.text)
    assert words != victim.text, "the template has other words now: attack those"
    for origin, code in (("model", attack.code), ("template", None)):
        lie = victim.model_copy(update={"text": words, "text_origin": origin})
        served, dropped = validate([lie if one is victim else one for one in text], pack)
        assert ([code or dropped[0].code], sayings(text)) == ([one.code for one in dropped], sayings(served))


@pytest.mark.parametrize(
    ("family", "kind", "old", "new"),
    [
        (SITE, QUESTION, "Do calls", "Moreover, do the calls"),
        (SITE, EVIDENCE, "Evidence, unverified:", "Evidence (unverified):"),
        (NOVEL, ARTEFACT, ", or people at work,", " or people at work"),
        (PAIR, COUNTER, "Counter-evidence:", "Counter-evidence, however,"),
    ],
)
def test_other_words_for_the_same_are_served(family: Family, kind: str, old: str, new: str) -> None:
    """What a model may change is served as it wrote it: a validator that replaced everything would look perfect."""
    pack = pack_of(family)
    text = write_hypotheses(pack).claims
    words = {one.id: one.text.replace(old, new) for one in text if one.kind == kind}
    draft = [
        one.model_copy(update={"text": words[one.id], "text_origin": "model"}) if one.id in words else one
        for one in text
    ]
    served, dropped = validate(draft, pack)
    assert (draft, ()) == (list(served), dropped)
    assert words[next(iter(words))] not in {one.text for one in text}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", COMPANIONS)
def test_part_that_is_left_out_is_restored(kind: str, family: Family) -> None:
    """No family lets a question stand without its evidence, what speaks against it, artefact, refutation or query."""
    pack = pack_of(family)
    text = write_hypotheses(pack).claims
    served, dropped = validate([one for one in text if one.kind != kind], pack)
    n_questions = len(pack.contrasts)
    assert (sayings(text), {"E_MISSING_MANDATORY": n_questions}) == (sayings(served), codes(dropped))


class Half(NamedTuple):
    """A draft of two whole questions, changed, with its codes and how many questions are left."""

    name: str
    draft: Callable[[list[Claim], list[Claim]], list[Claim]]
    codes: dict[str, int]
    n_questions: int


def _named(claims: Iterable[Claim], claim_id: str) -> list[Claim]:
    return [one.model_copy(update={"id": claim_id}) for one in claims]


def _again(claims: Iterable[Claim]) -> list[Claim]:
    return [one.model_copy(update={"id": f"{one.id}-again"}) for one in claims]


def _false(claim: Claim) -> Claim:
    return claim.model_copy(update={"code": "noise_response"})


HALVES = [
    Half("questions-alone", lambda a, b: [a[0], b[0]], {"E_MISSING_MANDATORY": 10}, 2),
    Half("question-alone", lambda a, b: a[:1], {"E_MISSING_MANDATORY": 5}, 1),
    Half("parts-without-a-question", lambda a, b: a[1:], {"E_INCOMPLETE": 5}, 0),
    Half("parts-of-two-questions", lambda a, b: a[1:] + b[1:], {"E_INCOMPLETE": 10}, 0),
    Half("evidence-alone", lambda a, b: a[1:2], {"E_INCOMPLETE": 1}, 0),
    Half("parts-of-the-other", lambda a, b: a[:1] + b[1:], {"E_MISSING_MANDATORY": 5, "E_INCOMPLETE": 5}, 1),
    Half(
        "artefact-of-the-other", lambda a, b: a[:3] + b[3:4] + a[4:], {"E_MISSING_MANDATORY": 1, "E_INCOMPLETE": 1}, 1
    ),
    Half("second-artefact-of-the-other", lambda a, b: a + b[3:4], {"E_INCOMPLETE": 1}, 1),
    Half(
        "refutation-in-the-artefact's-place",
        lambda a, b: a[:3] + _named(a[4:5], "x") + a[4:],
        {"E_DUPLICATE": 1, "E_MISSING_MANDATORY": 1},
        1,
    ),
    Half("five-of-the-other", lambda a, b: a + b[:5], {"E_MISSING_MANDATORY": 1}, 2),
    Half(
        "false-artefact", lambda a, b: [*a[:3], _false(a[3]), *a[4:]], {"E_UNSUPPORTED": 1, "E_MISSING_MANDATORY": 1}, 1
    ),
    Half("false-question", lambda a, b: [_false(a[0]), *a[1:], *b], {"E_UNSUPPORTED": 1, "E_INCOMPLETE": 5}, 1),
    Half("false-parts", lambda a, b: [a[0], *map(_false, a[1:])], {"E_UNSUPPORTED": 5, "E_MISSING_MANDATORY": 5}, 1),
    Half("question-twice", lambda a, b: a + _again(a[:1]), {"E_DUPLICATE": 1}, 1),
    Half("all-twice", lambda a, b: a + b + _again(a + b), {"E_DUPLICATE": 12}, 2),
    Half("query-twice", lambda a, b: a + _again(a[5:]), {"E_DUPLICATE": 1}, 1),
    Half("one-id-for-all", lambda a, b: _named(a, "c"), {"E_DUPLICATE": 5, "E_MISSING_MANDATORY": 5}, 1),
    Half(
        "id-of-the-other's-part",
        lambda a, b: _named(a[:1], b[3].id) + a[1:] + b,
        {"E_DUPLICATE": 1, "E_MISSING_MANDATORY": 1},
        2,
    ),
    Half("in-reverse", lambda a, b: a[::-1], {}, 1),  # the order of a draft is put right
    Half("interleaved", lambda a, b: [one for pair in zip(a, b, strict=True) for one in pair], {}, 2),  # likewise
    Half("nothing", lambda a, b: [], {}, 0),  # nobody has to ask
]


@pytest.mark.parametrize("half", HALVES, ids=lambda half: half.name)
@pytest.mark.parametrize("family", [DIEL, SEQUENCE])
def test_half_a_question_is_made_whole_or_dropped(family: Family, half: Half) -> None:
    """What is served are whole questions, each with its own parts and in its order, and how much was screened."""
    pack = pack_of(family)
    text = list(write_hypotheses(pack).claims)
    screening, first, second = text[0], about(text, pack, "h1"), about(text, pack, "h2")
    served, dropped = validate([screening, *half.draft(first, second)], pack)
    whole = [screening, *(first if half.n_questions else []), *(second if half.n_questions == 2 else [])]
    if half.name == "false-question":
        whole = [screening, *second]
    assert (half.codes, sayings(whole)) == (codes(dropped), sayings(served))


@pytest.mark.parametrize(
    ("figure", "fields", "is_asked"),
    [
        ("contrast_gap", {"value": 0.0}, False),
        ("contrast_gap", {"value": -391.512127791}, False),
        ("contrast_here", {"value": 3002.713455054}, False),
        ("contrast_there", {"value": 9000.0}, False),
        ("contrast_there", {"value": -3394.0}, False),
        ("contrast_gap_low", {"value": -1.0}, False),
        ("contrast_gap_low", {"value": 400.0}, False),
        ("contrast_gap_high", {"value": 391.0}, False),
        ("contrast_gap_high", {"value": 391.512127791}, True),  # an interval may end where the difference lies
        ("contrast_least", {"value": 391.6}, False),
        ("contrast_least", {"value": 391.512127791}, True),  # from the least difference on
        ("contrast_here", {"denominator": 4.0}, False),
        ("contrast_here", {"denominator": -20.0}, False),
        ("contrast_there", {"denominator": 4.99}, False),
        ("contrast_there", {"denominator": 5.0}, True),  # five units are enough
        ("contrast_here", {"denominator": None}, False),
        ("contrast_shuffles", {"value": 5.0}, False),
        ("contrast_shuffles", {"value": 4.0}, True),  # 5 in 200 are 2.5 %, which is allowed
        ("contrast_shuffles", {"value": -1.0}, False),
        ("contrast_shuffles", {"value": 199.0}, False),
        ("contrast_shuffles", {"denominator": 38.0}, False),
        ("contrast_shuffles", {"denominator": 39.0}, True),  # 1 in 40
        ("contrast_shuffles", {"denominator": None}, False),
        ("contrast_shuffles", {"denominator": -2.0}, False),
        ("contrast_contrary", {"value": 21.0}, False),
        ("contrast_contrary", {"value": -1.0}, False),
        ("contrast_contrary", {"value": 20.0}, True),  # a mean may differ where no single unit does; it is said
        ("contrast_contrary", {"denominator": 60.0}, False),
        ("contrast_contrary", {"denominator": None}, False),
        ("contrast_gap_high", {"name": "contrast_gap_top"}, False),
    ],
)
def test_contrast_that_is_not_clear_is_not_asked_about(figure: str, fields: dict[str, object], is_asked: bool) -> None:
    """Given in full, the draft of a question on figures that do not carry it is dropped, part by part."""
    pack = changed(pack_of(SITE), figure, **fields)
    draft = [one.claim for one in facts(pack)]
    served, dropped = validate(draft, pack)
    n_parts = len(COMPANIONS) + 1
    expected = ({}, n_parts) if is_asked else ({"E_UNSUPPORTED": n_parts}, 0)
    assert expected == (codes(dropped), len(about(served, pack)))
    assert ["screening"] == [one.kind for one in served if one not in about(served, pack)]


def _entry(pack: EvidencePack, **fields: object) -> EvidencePack:
    """Return a pack with its first contrast changed, sealed anew."""
    contrasts = (pack.contrasts[0].model_copy(update=fields), *pack.contrasts[1:])
    return EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | {"contrasts": contrasts})


@pytest.mark.parametrize("family", FAMILIES)
def test_contrast_in_the_other_direction_is_not_asked_about(family: Family) -> None:
    """A pack whose figures say more raises no question whether it is less."""
    pack = pack_of(family)
    turned = _entry(pack, direction="less" if pack.contrasts[0].direction == "more" else "more")
    served, dropped = validate([one.claim for one in facts(turned)], turned)
    assert ({"E_UNSUPPORTED": 6}, []) == (codes(dropped), about(served, turned))


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_contrast_without_calls_is_not_asked_about(family: Family, kept: int) -> None:
    """A question that fewer than two calls stand for cannot be listened to."""
    pack = pack_of(family)
    few = EvidencePack.model_validate(
        pack.model_dump(exclude={"pack_id"}) | {"exemplars": tuple(pack.exemplars[:kept])}
    )
    served, dropped = validate([one.claim for one in facts(few)], few)
    assert {"screening"} == {one.kind for one in served}
    assert {"E_UNSUPPORTED": len(pack.contrasts), "E_INCOMPLETE": 5 * len(pack.contrasts)} == codes(dropped)


class Named(NamedTuple):
    """A name of a contrast, and the pack that has it."""

    family: Family
    old: str


FIELDS = {
    "site": Named(SITE, "Marsh"),
    "site-of-a-shift": Named(DIEL, "Marsh"),
    "site-of-a-sequence": Named(SEQUENCE, "Marsh"),
    "site-of-an-hour": Named(NOVEL, "Ridge"),
    "site-of-a-recorder": Named(SENSOR, "North Wood"),
    "site-of-a-season": Named(ONSET, "Marsh"),
    "common-name-of-a-season": Named(ONSET, "Common Apus apus"),
    "name-given": Named(NAMES, "Upupa epops"),
    "name-of-the-classifier": Named(NAMES, "Common Cuculus canorus"),
    "name-of-the-pair": Named(PAIR, "Common Parus major"),
    "cluster": Named(NOISE, "c3"),
    "cluster-that-follows": Named(SEQUENCE, "c2"),
}
OWN = {
    "template-words": "Marsh more often",
    "template-words-of-a-side": "Marsh lower than at other sites",
    "question": "Marsh? Yes, at Marsh",
    "answered": "Marsh than at other sites? They do",
    "refuted": "Marsh. Refuted by: nothing",
    "shell": "$(id)",
    "shell-behind-quotes": "” ; rm -rf ~ ; “",
    "shell-behind-other-quotes": "x' ; rm -rf ~ ; '",
    "backticks": "`id`",
    "pipe": "Marsh | sh",
    "redirection": "Marsh > x",
    "option": "--where cluster=c9",
    "filter": 'Marsh" or site="Quarry',
    "two-spaces": "Wolf  Den",
    "asterisk": "*",
    "interval": "100 Hz (interval 90 Hz to 110 Hz)",
    "contrast": "h1",
    "figure-of-a-contrast": "contrast_gap",
}
"""What would speak in a question or in a command."""


def _renamed(field: Named, payload: str) -> EvidencePack:
    """Return the pack with another name, and with the command that a screen would give it then."""
    pack = poisoned(pack_of(field.family), field.old, payload)
    contrasts = []
    for entry in pack.contrasts:
        words = [payload if one == field.old else one for one in shlex.split(entry.command)]
        contrasts.append(entry.model_copy(update={"command": shlex.join([*words[:-1], entry.where.words])}))
    return EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | {"contrasts": tuple(contrasts)})


@pytest.mark.parametrize("payload", (PAYLOADS | OWN).values(), ids=list(PAYLOADS | OWN))
def test_name_in_a_question_says_nothing(payload: str) -> None:
    """The same questions are asked, in sentences that differ in the name alone; nothing of it becomes a command."""
    for name, field in FIELDS.items():
        before, after = _clean(field.family), write_hypotheses(_renamed(field, payload))
        assert (name, _frame(before), ()) == (name, _frame(after), after.dropped)
        own, others = (_asked(before, field.old), _asked(after, payload))
        assert (name, own) == (name, others)
        _same_form(name, text_of(before), text_of(after), after.pack)
        for claim, entry in zip(_queries(after), after.pack.contrasts, strict=True):
            _is_that_command(claim.text, entry.command)


@cache
def _clean(family: Family) -> GroundedText:
    return write_hypotheses(pack_of(family))


@pytest.mark.parametrize(
    ("name", "is_quoted"),
    [
        ("Marsh more often", True),
        ("Ridge rather", True),
        ("Marsh lower than", True),
        ("Marsh", False),
        ("North Wood", False),
        ("Serra do Mar", False),  # a particle of names, and a word of questions
        ("Turdus merula", False),
    ],
)
def test_name_with_words_of_a_question_is_quoted(name: str, is_quoted: bool) -> None:
    """`at Marsh more often than at other sites` would turn a question, so such a name stands in quotation marks."""
    text = write_hypotheses(_renamed(FIELDS["site"], name)).claims[1].text
    assert f"at {f'“{name}”' if is_quoted else name} than at other sites?" in text


def _frame(text: GroundedText) -> list[tuple[object, ...]]:
    return [(one.kind, one.code, one.hedge, len(one.support), len(one.contra)) for one in text.claims]


def _asked(text: GroundedText, name: str) -> list[str]:
    """Return the sentences without a name, but for commands."""
    return without((one.text for one in text.claims if one.kind != QUERY), forms(name))


def _queries(text: GroundedText) -> list[Claim]:
    return [one for one in text.claims if one.kind == QUERY]


def _is_that_command(text: str, command: str) -> None:
    """A shell reads the words of the command, or `…` for one that cannot be printed to the letter; no more happens."""
    printed = text.removeprefix("To look again: “").removesuffix("”.")
    words, own = shlex.split(printed), shlex.split(command)
    assert shlex.join(words) == printed
    assert [one for one, other in zip(words, own, strict=True) if one not in (other, "…")] == []
    assert words[:2] == own[:2]
    assert "\u3164" not in printed


@pytest.mark.parametrize(
    "command",
    [
        "rab segments --json --model toy-v1 --where cluster=c2",
        "rab segments --json --model toy-v1 --where everything",
        "rab segments --json --model toy-v1 --where 'cluster=c1 or site=Marsh'",
        "rab segments --json --model toy-v1 --where CLUSTER=c1",
        "rab segments --json --model toy-v1",
        "rab segments --json --model toy-v2 --where cluster=c1",
        "rab segments --where cluster=c2 --model toy-v1 --where cluster=c1",
        "rab segments --json --model toy-v1 --where cluster=c1 --where cluster=c2",
        "rab segments --json --model toy-v1 --where cluster=c1; rm -rf ~",
        "rab segments --json --model toy-v1 ; --where cluster=c1",
        "rab segments --json --model toy-v1 > labels.csv --where cluster=c1",
        "rab segments --json --model toy-v1 | sh --where cluster=c1",
        "rab segments --json --model $(id) --where cluster=c1",
        "rab segments --json --model `id` --where cluster=c1",
        "rab segments --json --model ~ --where cluster=c1",
        "rab segments --json\nid --where cluster=c1",
        "rab segments  --json --model toy-v1 --where cluster=c1",
        "rab forget --yes --model toy-v1 --where cluster=c1",
        "rm segments --model toy-v1 --where cluster=c1",
        "sudo rab segments --json --model toy-v1 --where cluster=c1",
        "rab --where cluster=c1",
        "--where cluster=c1",
        "rab segments --json --model toy-v1 --where 'cluster=c1",
        "rab",
        "",
    ],
)
def test_command_that_is_not_the_contrasts_own_is_not_served(command: str) -> None:
    """A command with another filter, another model or anything for a shell to do takes its question with it."""
    pack = _entry(pack_of(SITE), command=command)
    served, dropped = validate([one.claim for one in facts(pack)], pack)
    assert ({"E_UNSUPPORTED": 6}, ["screening"]) == (codes(dropped), [one.kind for one in served])
    assert [pack.item_id("h1") in line for line in pack_words(pack).splitlines()].count(True) == 1


def _many(n: int) -> EvidencePack:
    """Return a pack with one contrast `n` times, with figures and calls for each, sealed."""
    pack = pack_of(SITE)
    (entry,) = pack.contrasts
    screened, *figures = pack.aggregates
    copies = range(1, n + 1)
    contrasts = tuple(entry.model_copy(update={"key": f"h{at}"}) for at in copies)
    calls = tuple(one.model_copy(update={"contrast": f"h{at}"}) for at in copies for one in pack.exemplars)
    of_each: list[AggregateEntry] = [one.model_copy(update={"group": f"h{at}"}) for at in copies for one in figures]
    content = {
        "contrasts": contrasts,
        "exemplars": tuple(one.model_copy(update={"key": f"e{at}"}) for at, one in enumerate(calls, start=1)),
        "aggregates": tuple(
            one.model_copy(update={"key": f"a{at}"}) for at, one in enumerate((screened, *of_each), start=1)
        ),
    }
    return EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | content)


def test_hundreds_of_claims_are_told_apart() -> None:
    """Of sixty questions, shuffled with their parts, each is served with its own and with those of no other."""
    pack = _many(60)
    draft = [one.claim for one in facts(pack)]
    served, dropped = validate(random.Random(7).sample(draft, len(draft)), pack)
    assert (361, {}) == (len(served), codes(dropped))
    whole = [one for one in served if one.kind != "screening"]
    for start in range(0, len(whole), 6):
        some = whole[start : start + 6]
        assert [QUESTION, *COMPANIONS] == [one.kind for one in some]
        assert 1 == len({question_of(one) for one in some})


def test_hundreds_of_repetitions_are_one() -> None:
    """A question with its parts a hundred times is one question, whatever the copies are called."""
    pack = pack_of(PAIR)
    text = list(write_hypotheses(pack).claims)
    copies = [one.model_copy(update={"id": f"{one.id}-{n}"}) for n in range(100) for one in text]
    served, dropped = validate(copies, pack)
    assert (sayings(text), {"E_DUPLICATE": 99 * len(text)}) == (sayings(served), codes(dropped))


def test_hundreds_of_lies_leave_the_truth() -> None:
    """Every lie of this file that a pack can be told, told at once beside the truth, changes nothing."""
    for family in FAMILIES:
        pack = pack_of(family)
        text = list(write_hypotheses(pack).claims)
        lies: list[Claim] = []
        for attack in (*CITATIONS, *NUMBERS, *STRUCTURE):
            victims = [one for one in text if (attack.pack, attack.victim[0]) == (family, one.kind) and attack.code]
            lies += [attack.change(one, pack) for one in victims[:1]]
        for wording in (*DIRECTION, *MEANING, *FIGURES, *FORM):
            victims = [one for one in text if (wording.pack, wording.victim[0]) == (family, one.kind)]
            lies += [
                one.model_copy(update={"id": f"w{len(lies)}", "text": wording.words(one.text), "text_origin": "model"})
                for one in victims[:1]
            ]
        served, dropped = validate([*text, *lies], pack)
        assert (sayings(text), len(lies)) == (sayings(served), len(dropped))
