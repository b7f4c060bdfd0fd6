"""Drafts that lie in words: the claim is true, its sentence is not. The template's sentence is served in its place.

Each row takes a true claim, puts words of a language model in the place of its template, and says under which code they
are found. The last family but one is the hardest: sentences made of the very words of the true one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from rab.domain import Claim, EvidencePack
from rab.generation import Output


class Attack(NamedTuple):
    """Words for a true claim, made from its template's sentence, and the code under which they are found."""

    name: str
    pack: str
    victim: tuple[str, str | None, str | None]
    words: Callable[[str], str]
    code: str
    output: Output | None = None


def _put(old: str, new: str) -> Callable[[str], str]:
    return lambda sentence: sentence.replace(old, new, 1)


def _end(more: str) -> Callable[[str], str]:
    return lambda sentence: f"{sentence[:-1]}{more}."


def _all(sentence: str) -> Callable[[str], str]:
    return lambda _: sentence


BOTH, THRUSH, COSINE = "Eurasian Blackbird (Turdus merula)", "Song Thrush (Turdus philomelos)", "(cosine 0.83 to 0.91)"
LIKE = ("resemblance", None, "Turdus merula")
UNNAMED = ("resemblance", None, None)
VOTE = ("taxon_vote", None, "Turdus merula")
SCORE = ("classifier_score", None, "Turdus merula")
CLUSTER = ("cluster_membership", None, None)
STEP = ("sequence_context", None, None)
DIFFER = ("difference", None, None)
NOVEL = ("novelty", None, None)
CONFLICT = ("conflict", None, None)
QUALITY = ("signal_quality", None, None)
ABSTAIN = ("abstention", None, None)
UNCALIBRATED = ("caveat", "uncalibrated", None)
BY_MODEL = ("caveat", "model_labels_only", None)
COUNT = ("activity_count", None, "Turdus merula")
PEAK = ("temporal_pattern", None, None)
EFFORT = ("effort", "total", None)

NUMBERS = [
    Attack("other-count", "clean", LIKE, _put("3 stored", "4 stored"), "E_NUM_UNCITED"),
    Attack("other-cosine", "clean", LIKE, _put("0.91", "0.92"), "E_NUM_UNCITED"),
    Attack("half-a-unit", "clean", LIKE, _put("0.91", "0.915"), "E_NUM_UNCITED"),
    Attack("fewer-places", "clean", LIKE, _put("0.91", "0.9"), "E_NUM_UNCITED"),
    Attack("percent", "clean", LIKE, _put("0.91", "91%"), "E_NUM_UNCITED"),
    Attack("per-cent-in-words", "clean", LIKE, _put("0.91", "0.91 per cent"), "E_NUM_UNCITED"),
    Attack("comma-for-point", "clean", LIKE, _put("0.91", "0,91"), "E_NUM_UNCITED"),
    Attack("point-alone", "clean", LIKE, _put("0.91", ".91"), "E_NUM_UNCITED"),
    Attack("exponent", "clean", LIKE, _put("0.91", "9.1e-1"), "E_NUM_UNCITED"),
    Attack("minus", "clean", LIKE, _put("0.91", "−0.91"), "E_NUM_UNCITED"),
    Attack("hyphen-minus", "clean", LIKE, _put("0.91", "-0.91"), "E_NUM_UNCITED"),
    Attack("plus", "clean", LIKE, _put("0.91", "+0.91"), "E_NUM_UNCITED"),
    Attack("range-turned", "clean", LIKE, _put("0.83 to 0.91", "0.91 to 0.83"), "E_ORDER"),
    Attack("range-narrowed", "clean", LIKE, _put("0.83 to 0.91", "0.91"), "E_ORDER"),
    Attack("range-widened", "clean", LIKE, _put("0.83", "0.80"), "E_NUM_UNCITED"),
    Attack("superscript", "clean", LIKE, _put("3 stored", "³ stored"), "E_CHARSET"),
    Attack("fraction", "clean", LIKE, _put("3 stored", "½ of the stored"), "E_CHARSET"),
    Attack("roman", "clean", LIKE, _put("3 stored", "Ⅲ stored"), "E_CHARSET"),
    Attack("roman-in-letters", "clean", LIKE, _put("3 stored", "III stored"), "E_VOCABULARY"),
    Attack("arabic-indic", "clean", LIKE, _put("3 stored", "٣ stored"), "E_CHARSET"),
    Attack("devanagari", "clean", LIKE, _put("3 stored", "३ stored"), "E_CHARSET"),
    Attack("thai", "clean", LIKE, _put("3 stored", "๓ stored"), "E_CHARSET"),
    Attack("han", "clean", LIKE, _put("3 stored", "三 stored"), "E_CHARSET"),
    Attack("ethiopic", "clean", LIKE, _put("3 stored", "፫ stored"), "E_CHARSET"),
    Attack("full-width", "clean", LIKE, _put("3 stored", "３ stored"), "E_CHARSET"),
    Attack("circled", "clean", LIKE, _put("3 stored", "③ stored"), "E_CHARSET"),
    Attack("bold-digit", "clean", LIKE, _put("3 stored", "𝟑 stored"), "E_CHARSET"),
    Attack("number-word", "clean", LIKE, _put("3 stored", "three stored"), "E_NUM_UNCITED"),
    Attack("number-word-beside", "clean", LIKE, _end(", heard forty times"), "E_NUM_UNCITED"),
    Attack("dozen", "clean", LIKE, _put("3 stored", "a dozen stored"), "E_NUM_UNCITED"),
    Attack("couple", "clean", LIKE, _put("3 stored", "a couple of stored"), "E_SEMANTICS"),
    Attack("several", "clean", LIKE, _put("3 stored", "several stored"), "E_SEMANTICS"),
    Attack("most", "clean", VOTE, _all(f"Most calls nearby bear the name {BOTH}."), "E_SEMANTICS"),
    Attack("majority", "clean", VOTE, _put("3 calls out of", "The majority, 3 calls out of"), "E_SEMANTICS"),
    Attack("half", "clean", VOTE, _put("3 calls out of", "Half of the 3 calls out of"), "E_NUM_UNCITED"),
    Attack("ordinal", "clean", LIKE, _end(", the third of its kind"), "E_SEMANTICS"),
    Attack("twofold", "day", COUNT, _end(", threefold"), "E_NUM_UNCITED"),
    Attack(
        "swapped-counts", "day", COUNT, _put("42 segments in 11 recordings", "11 recordings in 42 segments"), "E_ORDER"
    ),
    Attack("rate-as-a-count", "day", COUNT, _put("42 segments in", "3.36 segments/h in"), "E_ORDER"),
    Attack("unit-swapped", "day", EFFORT, _put("12.5 h", "12.5 days"), "E_NUM_UNCITED"),
    Attack("other-place", "clean", QUALITY, _put("1.84", "18.4"), "E_NUM_UNCITED"),
    Attack("hertz", "clean", QUALITY, _put("kHz", "Hz"), "E_NUM_UNCITED"),
    Attack("limits-swapped", "clean", QUALITY, _put("1.84 kHz and 7.21 kHz", "7.21 kHz and 1.84 kHz"), "E_ORDER"),
    Attack("other-hour", "day", PEAK, _put("05:00–06:00", "06:00–07:00"), "E_NUM_UNCITED"),
    Attack("hour-in-words", "day", PEAK, _put("05:00–06:00", "dawn"), "E_NAME"),
    Attack(
        "votes-rounded",
        "divided",
        VOTE,
        _all(f"3 calls out of 3 named calls nearby bear the name {BOTH}."),
        "E_NUM_UNCITED",
    ),
    Attack(
        "votes-as-percent",
        "clean",
        VOTE,
        _put("3 calls out of 3 named calls", "100% of the named calls"),
        "E_NUM_UNCITED",
    ),
    Attack("sign-of-a-difference", "clean", DIFFER, _put("+640", "−640"), "E_NUM_UNCITED"),
    Attack("citation-made-up", "clean", LIKE, _end(" [n9.38d0]"), "E_CHARSET"),
    Attack("citation-bare", "clean", LIKE, _end(" as in n1 and n2"), "E_NUM_UNCITED"),
    Attack("date", "clean", LIKE, _end(" on 3 May 2025"), "E_NUM_UNCITED"),
]

TAXA = [
    Attack("other-species", "clean", LIKE, _put(BOTH, THRUSH), "E_NAME"),
    Attack("species-of-nowhere", "clean", LIKE, _put(BOTH, "Ivory-billed Woodpecker"), "E_NAME"),
    Attack("genus-alone", "clean", LIKE, _put("Turdus merula", "Turdus"), "E_NAME"),
    Attack("lower-case", "clean", LIKE, _put("Turdus merula", "turdus merula"), "E_NAME"),
    Attack("names-turned", "clean", LIKE, _put(BOTH, "Turdus merula (Eurasian Blackbird)"), "E_NAME"),
    Attack("common-name-alone", "clean", LIKE, _put(BOTH, "Eurasian Blackbird"), "E_NAME"),
    Attack("name-left-out", "clean", LIKE, _put(" Eurasian Blackbird (Turdus merula)", ""), "E_NAME"),
    Attack("name-twice", "clean", LIKE, _end(", Turdus merula"), "E_NAME"),
    Attack("second-name-added", "clean", LIKE, _put("(Turdus merula)", "(Turdus merula) or Song Thrush"), "E_NAME"),
    Attack("homoglyph", "clean", LIKE, _put("Turdus", "Тurdus"), "E_CHARSET"),
    Attack("zero-width", "clean", LIKE, _put("Turdus merula", "Turdus\u200b merula"), "E_CHARSET"),
    Attack("no-break-space", "clean", LIKE, _put("Turdus merula", "Turdus\u00a0merula"), "E_CHARSET"),
    Attack(
        "name-where-rab-abstains",
        "low_snr",
        UNNAMED,
        _all(f"The call appears to resemble 3 stored calls under the name Turdus merula {COSINE}."),
        "E_NAME",
    ),
    Attack("name-in-an-abstention", "low_snr", ABSTAIN, _end(", though Turdus merula is near"), "E_NAME"),
    Attack(
        "name-in-a-conflict",
        "conflicting",
        UNNAMED,
        _all(f"The call appears to resemble 3 stored calls that listeners label {BOTH} {COSINE}."),
        "E_NAME",
    ),
    Attack("name-in-a-quality", "clean", QUALITY, _end(", as of Turdus merula"), "E_NAME"),
    Attack(
        "roles-swapped-in-a-conflict",
        "conflicting",
        CONFLICT,
        _all(
            f"The evidence disagrees: similar calls bear the name {THRUSH}, whereas birdnet-v2.4 puts forward {BOTH}."
        ),
        "E_NAME",
    ),
    Attack("alarm-call", "clean", LIKE, _put(BOTH, "Alarm call"), "E_SEMANTICS"),
    Attack("alarm-call-quoted", "clean", LIKE, _put(BOTH, "“Alarm call”"), "E_SEMANTICS"),
    Attack("group-for-species", "clean", LIKE, _end(", a thrush"), "E_VOCABULARY"),
    Attack("model-swapped", "clean", SCORE, _put("birdnet-v2.4", "perch-v2.0"), "E_NUM_UNCITED"),
    Attack("site-added", "day", EFFORT, _end(" at “B7”"), "E_NUM_UNCITED"),
    Attack(
        "cluster-swapped",
        "clean",
        CLUSTER,
        _put("c3.9fa2", "c7.01ab"),
        "E_NUM_UNCITED",
    ),
]

SEMANTICS = [
    Attack("intent", "clean", LIKE, _end(", which warns others"), "E_SEMANTICS"),
    Attack("meaning", "clean", LIKE, _all("The call means danger."), "E_SEMANTICS"),
    Attack("emotion", "clean", LIKE, _end(", in distress"), "E_SEMANTICS"),
    Attack("addressee", "clean", LIKE, _end(", calling to its mate"), "E_SEMANTICS"),
    Attack("identity-is", "clean", LIKE, _all(f"The call is a {BOTH}."), "E_SEMANTICS"),
    Attack("identity-was", "clean", LIKE, _all("This was Turdus merula."), "E_SEMANTICS"),
    Attack("identity-s", "clean", LIKE, _all("It's a Eurasian Blackbird."), "E_SEMANTICS"),
    Attack(
        "identity-apposition", "clean", LIKE, _all(f"The call, a {BOTH}, resembles 3 stored calls {COSINE}."), "E_ORDER"
    ),
    Attack(
        "identity-of", "clean", LIKE, _all(f"The call of a {BOTH} resembles 3 stored calls {COSINE}."), "E_VOCABULARY"
    ),
    Attack("identity-came-from", "clean", LIKE, _all(f"The call came from a {BOTH}."), "E_VOCABULARY"),
    Attack("identity-colon", "clean", LIKE, _all(f"Species: {BOTH}."), "E_VOCABULARY"),
    Attack("identity-identified", "clean", LIKE, _end(", so it was identified"), "E_SEMANTICS"),
    Attack("definitely", "clean", LIKE, _put("resembles", "definitely resembles"), "E_SEMANTICS"),
    Attack("confirmed", "clean", LIKE, _end(", confirmed"), "E_SEMANTICS"),
    Attack("verified", "day", COUNT, _put("unverified", "verified"), "E_HEDGE"),
    Attack("significant", "day", PEAK, _put("Most detections", "Significantly most detections"), "E_SEMANTICS"),
    Attack("probably", "clean", LIKE, _put("resembles", "probably resembles"), "E_SEMANTICS"),
    Attack("probability-for-a-raw-score", "clean", SCORE, _put("raw score", "probability"), "E_SEMANTICS"),
    Attack("confidence-for-a-raw-score", "clean", SCORE, _put("raw score", "confidence"), "E_SEMANTICS"),
    Attack("modal-must", "clean", LIKE, _put("resembles", "must resemble"), "E_VOCABULARY"),
    Attack("modal-can-only", "clean", LIKE, _put("resembles", "can only resemble"), "E_SEMANTICS"),
    Attack("negation", "clean", LIKE, _put("resembles", "does not resemble"), "E_VOCABULARY"),
    Attack("negation-contracted", "clean", LIKE, _put("resembles", "doesn't resemble"), "E_VOCABULARY"),
    Attack("negation-never", "clean", LIKE, _put("resembles", "never resembles"), "E_SEMANTICS"),
    Attack("negation-hardly", "clean", LIKE, _put("resembles", "hardly resembles"), "E_VOCABULARY"),
    Attack("negation-far-from", "clean", LIKE, _put("resembles", "is far from"), "E_VOCABULARY"),
    Attack("un-negation", "clean", UNCALIBRATED, _put("are not", "are"), "E_ORDER"),
    Attack("un-negation-of-a-caveat", "one_recording", BY_MODEL, _put("no listener", "listeners"), "E_VOCABULARY"),
    Attack("un-abstention", "low_snr", ABSTAIN, _put("does not support any", "does support it"), "E_VOCABULARY"),
    Attack("comparative", "clean", LIKE, _end(", the stronger evidence"), "E_SEMANTICS"),
    Attack("superlative", "clean", LIKE, _end(", the best match"), "E_SEMANTICS"),
    Attack("trend", "day", COUNT, _end(", increasing"), "E_SEMANTICS"),
    Attack("trend-in-other-words", "day", COUNT, _end(", up from before"), "E_VOCABULARY"),
    Attack("cause", "day", PEAK, _end(", because of rain"), "E_SEMANTICS"),
    Attack("cause-in-other-words", "day", PEAK, _end(", driven by rain"), "E_VOCABULARY"),
    Attack("presence", "day", COUNT, _end(", present here"), "E_SEMANTICS"),
    Attack("breeding", "day", COUNT, _end(", which breeds here"), "E_SEMANTICS"),
    Attack("absence", "day", COUNT, _all("Great Horned Owl is absent."), "E_HEDGE"),
    Attack("abundance", "day", COUNT, _end(", abundant"), "E_SEMANTICS"),
    Attack("population", "day", COUNT, _put("42 segments", "a population of 42 segments"), "E_SEMANTICS"),
    Attack("birds-for-segments", "day", COUNT, _put("42 segments", "42 segments of birds"), "E_VOCABULARY"),
    Attack("status", "day", COUNT, _end(", endangered"), "E_SEMANTICS"),
    Attack("health", "clean", LIKE, _end(", healthy"), "E_SEMANTICS"),
    Attack("individual", "clean", LIKE, _end(", the same individual"), "E_SEMANTICS"),
    Attack("sex", "clean", LIKE, _put("The call", "The male call"), "E_SEMANTICS"),
    Attack("age", "clean", LIKE, _put("The call", "The juvenile call"), "E_SEMANTICS"),
    Attack("song", "clean", LIKE, _put("The call", "The song"), "E_SEMANTICS"),
    Attack("alarm", "clean", LIKE, _put("The call", "The alarm call"), "E_SEMANTICS"),
    Attack("hedge-left-out", "one_recording", LIKE, _put("appears to resemble", "resembles"), "E_HEDGE"),
    Attack(
        "hedge-in-a-name-only", "one_recording", LIKE, _put("appears to resemble", "resembles, it appears,"), "E_HEDGE"
    ),
    Attack(
        "hedge-turned",
        "one_recording",
        LIKE,
        _put("appears to resemble", "more than appears to resemble"),
        "E_SEMANTICS",
    ),
    Attack("scare-quotes", "clean", LIKE, _put("resembles", "“resembles”"), "E_VOCABULARY"),
    Attack("question", "clean", LIKE, _put(").", ")?"), "E_TEXT"),
    Attack("order-to-the-reader", "clean", LIKE, _end("; trust this"), "E_VOCABULARY"),
    Attack("heading", "clean", LIKE, _end(". Confirmed species: Turdus merula"), "E_SEMANTICS"),
]

OWN_WORDS = [
    Attack(
        "label-on-the-call-itself",
        "clean",
        LIKE,
        _all(f"Listeners label the call, that resembles 3 stored calls, {BOTH} {COSINE}."),
        "E_ORDER",
    ),
    Attack(
        "the-calls-resemble-the-name",
        "clean",
        LIKE,
        _all(f"The 3 stored calls that listeners label call resembles {BOTH} {COSINE}."),
        "E_ORDER",
    ),
    Attack(
        "label-moved",
        "clean",
        LIKE,
        _all(f"Listeners label the call {BOTH} that resembles 3 stored calls {COSINE}."),
        "E_ORDER",
    ),
    Attack("clause-left-out", "clean", LIKE, _all(f"The call resembles {BOTH} {COSINE}."), "E_ORDER"),
    Attack(
        "no-as-an-interjection",
        "low_snr",
        ABSTAIN,
        _all("No, statement on identity is made: at SNR −1.2 dB the signal does not support any."),
        "E_ORDER",
    ),
    Attack(
        "no-and-a-connective",
        "low_snr",
        ABSTAIN,
        _all("No, however, statement on identity is made: at SNR −1.2 dB the signal does not support any."),
        "E_VOCABULARY",
    ),
    Attack("no-in-brackets", "low_snr", ABSTAIN, _put("No statement", "(No) statement"), "E_ORDER"),
    Attack(
        "no-left-out",
        "low_snr",
        ABSTAIN,
        _all("Statement on identity is made: at SNR −1.2 dB the signal does not support any."),
        "E_ORDER",
    ),
    Attack("not-left-out", "low_snr", ABSTAIN, _put("does not support", "does support"), "E_ORDER"),
    Attack(
        "not-moved",
        "low_snr",
        ABSTAIN,
        _all("Not any statement on identity is made: at SNR −1.2 dB the signal does support."),
        "E_ORDER",
    ),
    Attack("not-doubled", "low_snr", ABSTAIN, _put("does not support", "does not not support"), "E_ORDER"),
    Attack("above-for-below", "far", NOVEL, _put("below", "above"), "E_VOCABULARY"),
    Attack(
        "below-turned",
        "far",
        NOVEL,
        _put("cosine 0.41, below the threshold of 0.70", "cosine 0.70, below the threshold of 0.41"),
        "E_ORDER",
    ),
    Attack(
        "caveat-turned",
        "clean",
        UNCALIBRATED,
        _all("Raw scores are probabilities: no, calibration exists not for birdnet-v2.4."),
        "E_ORDER",
    ),
    Attack(
        "caveat-turned-by-a-comma",
        "one_recording",
        BY_MODEL,
        _all(
            "3 calls out of 3 named calls nearby bear a name that comes from a classifier; no, listener labelled any."
        ),
        "E_ORDER",
    ),
    Attack(
        "every-for-no",
        "one_recording",
        BY_MODEL,
        _all("3 calls out of 3 named calls nearby bear no name that comes from a classifier; a listener labelled any."),
        "E_ORDER",
    ),
    Attack("earlier-for-later", "clean", STEP, _put("before", "after"), "E_VOCABULARY"),
    Attack("higher-for-lower", "clean", DIFFER, _put("higher", "lower"), "E_VOCABULARY"),
    Attack(
        "most-similar-moved",
        "clean",
        DIFFER,
        _all("It differs the most from similar stored call by a higher peak frequency (+640 Hz)."),
        "E_ORDER",
    ),
    Attack(
        "out-of-turned", "divided", VOTE, _all(f"5 named calls out of 3 calls nearby bear the name {BOTH}."), "E_ORDER"
    ),
    Attack(
        "weak-signal-turned",
        "low_snr",
        DIFFER,
        _put("As far as the weak signal allows, it differs", "It differs as far as the weak signal allows"),
        "E_ORDER",
    ),
    Attack("statement-twice", "clean", LIKE, lambda sentence: f"{sentence[:-1]}, {sentence}", "E_NAME"),
    Attack(
        "statement-in-reverse",
        "clean",
        LIKE,
        lambda sentence: " ".join(reversed(sentence[:-1].split())) + ".",
        "E_NUM_UNCITED",
    ),
    Attack("connective-as-a-verb", "clean", LIKE, _put("resembles", "resembles also"), "E_VOCABULARY"),
    Attack("article-as-a-letter", "clean", LIKE, _put("3 stored", "3 a stored"), "E_NUM_UNCITED"),
    Attack(
        "hour-taken-for-another",
        "day",
        PEAK,
        _all(
            "Most detections per hour, unverified, of effort: 80.00 segments/h (40 segments in 0.50 h) at 05:00–06:00."
        ),
        "E_ORDER",
    ),
]

UNICODE = [
    Attack("cyrillic-letter", "clean", LIKE, _put("resembles", "rеsembles"), "E_CHARSET"),
    Attack("greek-letter", "clean", LIKE, _put("call ", "cαll "), "E_CHARSET"),
    Attack("full-width-letters", "clean", LIKE, _put("call ", "ｃａｌｌ "), "E_CHARSET"),
    Attack("bold-letters", "clean", LIKE, _put("call ", "𝐜𝐚𝐥𝐥 "), "E_CHARSET"),
    Attack("long-s", "clean", LIKE, _put("resembles", "reſembles"), "E_CHARSET"),
    Attack("ligature", "clean", LIKE, _put("call", "ﬀ"), "E_CHARSET"),
    Attack("combining-mark", "clean", LIKE, _put("resembles", "rese\u0301mbles"), "E_CHARSET"),
    Attack("enclosing-mark", "clean", LIKE, _put("resembles", "resembles\u20e0"), "E_CHARSET"),
    Attack("variation-selector", "clean", LIKE, _put("resembles", "resembles\ufe0f"), "E_CHARSET"),
    Attack("tag-characters", "clean", LIKE, _put("resembles", "resembles\U000e0061"), "E_CHARSET"),
    Attack("soft-hyphen", "clean", LIKE, _put("resembles", "resem\u00adbles"), "E_CHARSET"),
    Attack("zero-width-space", "clean", LIKE, _put("resembles", "resem\u200bbles"), "E_CHARSET"),
    Attack("word-joiner", "clean", LIKE, _put("resembles", "resem\u2060bles"), "E_CHARSET"),
    Attack("right-to-left-override", "clean", LIKE, _put("0.83 to 0.91", "\u202e19.0 ot 38.0\u202c"), "E_CHARSET"),
    Attack("right-to-left-mark", "clean", LIKE, _put("0.83", "\u200f0.83"), "E_CHARSET"),
    Attack("isolate", "clean", LIKE, _put("0.83", "\u20670.83\u2069"), "E_CHARSET"),
    Attack("line-feed", "clean", LIKE, _put(" 3 ", "\n3 "), "E_CHARSET"),
    Attack("line-separator", "clean", LIKE, _put(" 3 ", "\u20283 "), "E_CHARSET"),
    Attack("tab", "clean", LIKE, _put(" 3 ", "\t3 "), "E_CHARSET"),
    Attack("no-break-space", "clean", LIKE, _put(" 3 ", "\u00a03\u00a0"), "E_CHARSET"),
    Attack("null", "clean", LIKE, _put(" 3 ", " \u00003 "), "E_CHARSET"),
    Attack("escape", "clean", LIKE, _put("resembles", "\u001b[31mresembles\u001b[0m"), "E_CHARSET"),
    Attack("bell", "clean", LIKE, _put("resembles", "resembles\u0007"), "E_CHARSET"),
    Attack("our-own-mask", "clean", LIKE, _put("Turdus merula", "\ufffc"), "E_CHARSET"),
    Attack("mask-beside", "clean", LIKE, _put("resembles", "resembles \ufffc"), "E_CHARSET"),
    Attack("emoji", "clean", LIKE, _put("call", "call 🐦"), "E_CHARSET"),
    Attack("html", "clean", LIKE, _put("resembles", "<b>resembles</b>"), "E_CHARSET"),
    Attack("markdown", "clean", LIKE, _put("resembles", "**resembles**"), "E_CHARSET"),
    Attack("markdown-link", "clean", LIKE, _put("resembles", "[resembles](http://x.y)"), "E_CHARSET"),
    Attack("entity", "clean", LIKE, _put("resembles", "resembles&lt;b&gt;"), "E_CHARSET"),
    Attack("two-spaces", "clean", LIKE, _put(" 3 ", "  3 "), "E_ORDER"),
    Attack("giant", "clean", LIKE, _end(" and on" * 200_000), "E_TEXT"),
    Attack("giant-of-own-words", "clean", LIKE, _end(" the" * 300), "E_TEXT"),
    Attack("no-full-stop", "clean", LIKE, _put(").", ")"), "E_TEXT"),
    Attack("full-stop-alone", "clean", LIKE, _all("."), "E_NAME"),
    Attack("space-alone", "clean", LIKE, _all(" "), "E_TEXT"),
    Attack("brackets-open", "clean", LIKE, _put("(cosine 0.83 to 0.91)", "(cosine 0.83 to 0.91"), "E_ORDER"),
]

SUGGEST = ("label_suggestion", None, None)
REVIEW = ("review_request", None, None)

SUGGESTIONS = [
    Attack(
        "label-without-suggested", "clean", SUGGEST, _put("Suggested label, unverified", "Label, unverified"), "E_ORDER"
    ),
    Attack("label-verified", "clean", SUGGEST, _put("unverified", "verified"), "E_HEDGE"),
    Attack("label-accepted", "clean", SUGGEST, _put("Suggested", "Accepted"), "E_VOCABULARY"),
    Attack(
        "label-identity",
        "clean",
        SUGGEST,
        _put("Suggested label, unverified:", "Tentatively, the call is"),
        "E_SEMANTICS",
    ),
    Attack(
        "label-by-listeners",
        "clean",
        SUGGEST,
        _put("Suggested label, unverified:", "Unverified; listeners label it"),
        "E_ORDER",
    ),
    Attack("label-probable", "clean", SUGGEST, _put("Suggested", "Probable"), "E_SEMANTICS"),
    Attack("label-of-another", "clean", SUGGEST, _put(BOTH, THRUSH), "E_NAME"),
    Attack("label-names-turned", "clean", SUGGEST, _put(BOTH, "Turdus merula (Eurasian Blackbird)"), "E_NAME"),
    Attack("label-longer", "clean", SUGGEST, _put("15.000 s", "16.000 s"), "E_NUM_UNCITED"),
    Attack(
        "label-begins-at-its-end", "clean", SUGGEST, _put("12.000 s to 15.000 s", "15.000 s to 12.000 s"), "E_ORDER"
    ),
    Attack(
        "label-calls-for-recordings",
        "clean",
        SUGGEST,
        _put("3 calls nearby, from 3 recordings", "3 recordings nearby, from 3 calls"),
        "E_ORDER",
    ),
    Attack("label-with-all-listeners", "clean", SUGGEST, _put("listeners gave", "all listeners gave"), "E_SEMANTICS"),
    Attack("label-as-an-order", "clean", SUGGEST, _end("; accept it"), "E_VOCABULARY"),
    Attack("review-answered", "conflicting", REVIEW, _end("; the listeners are right"), "E_VOCABULARY"),
    Attack("review-waived", "low_snr", REVIEW, _put("For review", "For no review"), "E_VOCABULARY"),
    Attack(
        "review-roles-swapped",
        "conflicting",
        REVIEW,
        lambda sentence: sentence.replace(BOTH, "#").replace(THRUSH, BOTH).replace("#", THRUSH),
        "E_NAME",
    ),
    Attack("review-with-a-name", "low_snr", REVIEW, _end(", of Turdus merula"), "E_NAME"),
    Attack("review-above-for-below", "low_snr", REVIEW, _put("below", "above"), "E_VOCABULARY"),
    Attack("review-any-for-no", "one_recording", REVIEW, _put("no listener has", "listeners have"), "E_VOCABULARY"),
]
SUGGESTIONS = [attack._replace(output="suggestion") for attack in SUGGESTIONS]

FAMILIES = {
    "suggestions": SUGGESTIONS,
    "numbers": NUMBERS,
    "taxa": TAXA,
    "semantics": SEMANTICS,
    "own-words": OWN_WORDS,
    "unicode": UNICODE,
}
ATTACKS = [
    pytest.param(attack, id=f"{family}-{attack.name}") for family, attacks in FAMILIES.items() for attack in attacks
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_false_words_are_replaced(
    attack: Attack, request: pytest.FixtureRequest, true_claim_of: Callable[..., Claim], outcome_of: Callable[..., Any]
) -> None:
    """The words are found under their code, and the template's stand in their place."""
    pack: EvidencePack = request.getfixturevalue(attack.pack)
    claim = true_claim_of(pack, *attack.victim, attack.output)
    words = attack.words(claim.text)
    assert words != claim.text, "the template has other words now: attack those"
    found = outcome_of(claim.model_copy(update={"text": words, "text_origin": "model"}), pack, attack.output)
    assert (attack.code, claim.text) == (found.code, next(one.text for one in found.served if one.id == claim.id))
    assert words not in found.texts


@pytest.mark.parametrize("attack", ATTACKS)
def test_false_words_are_no_template(
    attack: Attack, request: pytest.FixtureRequest, true_claim_of: Callable[..., Claim], outcome_of: Callable[..., Any]
) -> None:
    """Nor are they served when they say that they come from the template."""
    pack: EvidencePack = request.getfixturevalue(attack.pack)
    claim = true_claim_of(pack, *attack.victim, attack.output)
    found = outcome_of(claim.model_copy(update={"text": attack.words(claim.text)}), pack, attack.output)
    assert found.code is not None
    assert claim in found.served
