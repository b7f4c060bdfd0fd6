"""Every kind of statement of every output, on real packs and made ones, attacked word by word and field by field.

Nothing here knows a template. A statement that is added tomorrow is attacked as those of today are.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from rab.domain import Claim, EvidencePack, SegmentFilter
from rab.generation import DEFAULT_POLICY, Grounds, Output, facts, validate
from rab.generation.checks.holding import failure_of
from rab.generation.checks.prose import prose_failure
from rab.workflows.hypothesising import hypothesise
from rab.workflows.questions import evidence
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace

MADE = ["clean", "low_snr", "silent", "far", "conflicting", "divided", "rich", "strayed", "one_recording", "day"]
LIES = [
    "no",
    "not",
    "never",
    "hardly",
    "none",
    "every",
    "all",
    "most",
    "many",
    "several",
    "few",
    "half",
    "only",
    "more",
    "less",
    "best",
    "better",
    "than",
    "twice",
    "both",
    "three",
    "definitely",
    "confirmed",
    "probably",
    "significantly",
    "is",
    "was",
    "because",
    "therefore",
    "increasing",
    "declining",
    "rare",
    "common",
    "present",
    "absent",
    "breeding",
    "male",
    "young",
    "alarm",
    "danger",
    "happy",
    "means",
    "warns",
    "calm",
    "individual",
    "healthy",
    "endangered",
    "same",
    "only-here",
    "unlike",
    "cannot",
]


class Stated(NamedTuple):
    """A true statement, worded, and what it is checked against."""

    claim: Claim
    grounds: Grounds


def outputs_of(pack: EvidencePack) -> tuple[Output, ...]:
    return (
        ("interpretation", "suggestion")
        if pack.kind == "segment"
        else ("summary",)
        if pack.kind == "summary"
        else ("hypotheses",)
    )


def statements(pack: EvidencePack) -> Iterator[Stated]:
    """Yield one statement of each kind and code of each output of a pack."""
    for output in outputs_of(pack):
        grounds, seen = Grounds.of(pack, DEFAULT_POLICY, output), set()
        for claim in validate([one.claim for one in facts(pack, output=output)], pack, output=output)[0]:
            if (claim.kind, claim.code) not in seen:
                seen.add((claim.kind, claim.code))
                yield Stated(claim, grounds)


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> list[Stated]:
    """Statements of packs made by hand."""
    return [one for name in MADE for one in statements(request.getfixturevalue(name))]


@pytest.fixture(scope="module")
def real(library: Workspace) -> list[Stated]:
    """Statements of real recordings: a dozen calls, the whole library, and what could be asked of it."""
    model = "birdnet-v2.4"
    segments = library.catalog.list_segments(library.card(model).space, SegmentFilter())
    packs = [evidence(library, one.segment.id) for one in segments[:: max(1, len(segments) // 12)]]
    packs += [summarise(library, model=model).pack, hypothesise(library, model=model).pack]
    return [one for pack in packs for one in statements(pack)]


@pytest.fixture(params=["made", "real"])
def stated(request: pytest.FixtureRequest) -> list[Stated]:
    found: list[Stated] = request.getfixturevalue(request.param)
    assert len({one.claim.kind for one in found}) >= 8
    return found


def survives(one: Stated, words: str) -> bool:
    """Return whether a model's words would be served."""
    claim = one.claim.model_copy(update={"text": words, "text_origin": "model"})
    return prose_failure(claim, one.grounds, one.claim.text) is None


def test_own_words_are_served(stated: list[Stated]) -> None:
    """The template's sentence, and the same behind a connective, pass for a model's."""
    for one in stated:
        text = one.claim.text
        assert survives(one, text), text
        assert survives(one, f"Moreover, {text}"), text


def test_word_added_anywhere_is_found(stated: list[Stated]) -> None:
    """None of sixty words that turn a statement can be put anywhere into it."""
    for one in stated:
        words = one.claim.text[:-1].split(" ")
        for number, lie in enumerate(LIES):
            place = number % (len(words) + 1)
            for at in {place, 0, len(words)}:
                text = " ".join([*words[:at], lie, *words[at:]]) + one.claim.text[-1]
                assert not survives(one, text), text


def test_word_left_out_is_found(stated: list[Stated]) -> None:
    """No word but an article can be left out."""
    for one in stated:
        words = one.claim.text[:-1].split(" ")
        for at, word in enumerate(words):
            if word.casefold() not in ("a", "an", "the"):
                text = " ".join(words[:at] + words[at + 1 :]) + one.claim.text[-1]
                assert not survives(one, text), text


def test_word_in_another_place_is_found(stated: list[Stated]) -> None:
    """No two words that differ, and are no articles, can change places."""
    free = ("a", "an", "the")
    for one in stated:
        words = one.claim.text[:-1].split(" ")
        for first in range(len(words)):
            for second in (first + 1, first + 2, first + 5):
                if second < len(words) and _bare(words[first]) != _bare(words[second]):
                    turned = list(words)
                    turned[first], turned[second] = words[second], words[first]
                    if [w for w in turned if _bare(w) not in free] != [w for w in words if _bare(w) not in free]:
                        text = " ".join(turned) + one.claim.text[-1]
                        assert not survives(one, text), text


def test_other_digit_is_found(stated: list[Stated]) -> None:
    """No digit of a sentence can be another, those of names included."""
    for one in stated:
        for found in re.finditer(r"\d", one.claim.text):
            digit = str((int(found.group()) + 1) % 10)
            text = one.claim.text[: found.start()] + digit + one.claim.text[found.end() :]
            assert not survives(one, text), text


CHANGES: dict[str, Callable[[Claim, EvidencePack], dict[str, Any]]] = {
    "nothing-cited": lambda claim, pack: {"support": ()},
    "one-left-out": lambda claim, pack: {"support": claim.support[:-1]},
    "one-too-many": lambda claim, pack: {"support": claim.support + _spare(claim, pack)[:1]},
    "dissent-left-out": lambda claim, pack: {"contra": claim.contra[:-1]},
    "dissent-made-up": lambda claim, pack: {"contra": claim.contra + _spare(claim, pack)[-1:]},
    "other-salt": lambda claim, pack: {"support": (claim.support[0][:-4] + "zzzz", *claim.support[1:])},
    "other-name": lambda claim, pack: {"taxon": "Canis lupus"},
    "other-code": lambda claim, pack: {"code": "certain"},
    "other-kind": lambda claim, pack: {"kind": "novelty" if claim.kind != "novelty" else "resemblance", "code": None},
    "certain": lambda claim, pack: {"confidence": 0.99 if claim.confidence != 0.99 else 0.98},
    "plain": lambda claim, pack: {"hedge": "plain"},
    "other-value": lambda claim, pack: {"quantities": _figures(claim, lambda one: {"value": one.value + 1})},
    "other-unit": lambda claim, pack: {"quantities": _figures(claim, lambda one: {"unit": one.unit + "s"})},
    "other-decimals": lambda claim, pack: {"quantities": _figures(claim, lambda one: {"decimals": one.decimals + 1})},
    "other-reference": lambda claim, pack: {"quantities": _figures(claim, lambda one: {"ref": one.ref + "x"})},
    "figure-twice": lambda claim, pack: {"quantities": claim.quantities + claim.quantities[:1]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_changed_field_is_found(change: Callable[[Claim, EvidencePack], dict[str, Any]], stated: list[Stated]) -> None:
    """A statement with one field changed does not hold."""
    n_changed = 0
    for claim, grounds in stated:
        changed = claim.model_copy(update=change(claim, grounds.reading.pack))
        if changed != claim:
            n_changed += 1
            assert failure_of(changed, grounds) is not None, changed
    assert n_changed


def _spare(claim: Claim, pack: EvidencePack) -> tuple[str, ...]:
    return tuple(item_id for item_id in pack.items if item_id not in claim.citations)


def _figures(claim: Claim, change: Callable[[Any], dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(one.model_copy(update=change(one)) for one in claim.quantities)


def _bare(word: str) -> str:
    return re.sub(r"[,;:()]", "", word.casefold())
