"""Words are held to their claim: numbers, names, characters and what no statement may say."""

import pytest

from rab.domain import Claim, EvidencePack
from rab.generation import facts, validate
from rab.generation.wording.lexicon import MASK, forbidden, number_word


@pytest.fixture
def resemblance(clean: EvidencePack) -> Claim:
    """A true claim on 3 stored calls, cosine 0.83 to 0.91, whose words come from a model."""
    claim = next(fact.claim for fact in facts(clean) if fact.claim.kind == "resemblance")
    served = next(one for one in validate([claim], clean)[0] if one.kind == "resemblance")
    return served.model_copy(update={"text_origin": "model"})


def verdict(claim: Claim, text: str, pack: EvidencePack) -> tuple[str | None, str]:
    """Return the code under which words were rejected, and the words that were served instead."""
    served, dropped = validate([claim.model_copy(update={"text": text})], pack)
    code = next((one.code for one in dropped if one.claim.id == claim.id and one.claim.text == text), None)
    return code, next(one.text for one in served if one.id == claim.id)


@pytest.mark.parametrize(
    "text",
    [
        "Moreover, the call is similar to 3 stored calls that listeners label Eurasian Blackbird (Turdus merula), "
        "cosine 0.83 to 0.91.",
        "The call resembles the 3 stored calls that listeners label Eurasian Blackbird (Turdus merula); "
        "cosine 0.83 to 0.91.",
        "Also, a call resembles 3 stored calls, however, that listeners label Eurasian Blackbird (Turdus merula) "
        "(cosine 0.83 to 0.91).",
    ],
)
def test_other_words_with_the_same_facts_are_served(text: str, resemblance: Claim, clean: EvidencePack) -> None:
    """A model may choose openings, articles, marks and words of the closed table."""
    assert verdict(resemblance, text, clean) == (None, text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The call resembles 4 stored calls.", "E_NUM_UNCITED"),
        ("The call resembles 3 segments.", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.84).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.9).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.91%).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.91 dB).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine −0.91).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 10.91).", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.915).", "E_NUM_UNCITED"),
        ("The call resembles three stored calls.", "E_NUM_UNCITED"),
        ("The call resembles half of the calls.", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls of n1.", "E_NUM_UNCITED"),
        ("The call resembles 3 stored calls (cosine 0.83 to 0.91).", "E_NAME"),
        (
            "The call resembles 3 stored calls that listeners label Turdus merula (Eurasian Blackbird) "
            "(cosine 0.83 to 0.91).",
            "E_NAME",
        ),
        (
            "The call that listeners label resembles 3 stored calls Eurasian Blackbird (Turdus merula) "
            "(cosine 0.83 to 0.91).",
            "E_ORDER",
        ),
        (
            "The call resembles 3 stored calls that listeners label Eurasian Blackbird (Turdus merula) "
            "(cosine 0.91 to 0.83).",
            "E_ORDER",
        ),
        (
            "The call resembles 3 stored calls that listeners cannot label Eurasian Blackbird (Turdus merula) "
            "(cosine 0.83 to 0.91).",
            "E_VOCABULARY",
        ),
        (
            "The call, resembles 3 stored calls that listeners label Eurasian Blackbird (Turdus merula) "
            "(cosine 0.83 to 0.91).",
            "E_ORDER",
        ),
        ("The call resembles ٣ stored calls.", "E_CHARSET"),
        ("The call resembles ³ stored calls.", "E_CHARSET"),
        ("The call resembles Ⅲ stored calls.", "E_CHARSET"),
        ("The call resembles 三 stored calls.", "E_CHARSET"),
        ("The call resembles ½ of the stored calls.", "E_CHARSET"),
        ("The call rеsembles 3 stored calls.", "E_CHARSET"),
        ("The call resembles\n3 stored calls.", "E_CHARSET"),
        ("The call means danger.", "E_SEMANTICS"),
        ("The bird is angry.", "E_SEMANTICS"),
        ("The call is a Eurasian Blackbird.", "E_SEMANTICS"),
        ("The caller is clearly Turdus merula.", "E_SEMANTICS"),
        ("This was Turdus merula.", "E_SEMANTICS"),
        ("This proves resemblance.", "E_SEMANTICS"),
        ("The resemblance is significant.", "E_SEMANTICS"),
        ("The call is probably like 3 stored calls.", "E_SEMANTICS"),
        ("Alarm calls resemble it.", "E_SEMANTICS"),
        ("The call resembles a Song Thrush.", "E_NAME"),
        ("The call resembles Turdus philomelos.", "E_NAME"),
        ("The call resembles 3 stored calls", "E_TEXT"),
        ("x" * 1000 + ".", "E_TEXT"),
    ],
)
def test_words_beyond_the_claim_are_replaced(text: str, code: str, resemblance: Claim, clean: EvidencePack) -> None:
    """Words that bring a number, a name or a meaning of their own give way to the template's."""
    template = (
        "The call resembles 3 stored calls that listeners label Eurasian Blackbird (Turdus merula) "
        "(cosine 0.83 to 0.91)."
    )
    assert verdict(resemblance, text, clean) == (code, template)


def test_certain_words_for_a_tentative_claim_are_replaced(one_recording: EvidencePack) -> None:
    """A claim that is tentative as data has to sound tentative."""
    claim = next(fact.claim for fact in facts(one_recording) if fact.claim.kind == "resemblance")
    worded = claim.model_copy(update={"text_origin": "model"})
    assert verdict(worded, "The call resembles 3 stored calls.", one_recording)[0] == "E_HEDGE"


def test_template_words_cannot_be_claimed_for_others(resemblance: Claim, clean: EvidencePack) -> None:
    """Words that say they come from the template are compared with it, letter by letter."""
    claim = resemblance.model_copy(update={"text_origin": "template"})
    assert verdict(claim, "The call resembles 3 stored calls.", clean)[0] == "E_TEXT"


def test_words_hidden_by_case_width_or_marks_are_found() -> None:
    """Full-width letters, capitals and invisible characters hide nothing."""
    assert [forbidden("it MEANS"), forbidden("it ｍｅａｎｓ"), forbidden("it me\u00adans")] == ["intent or meaning"] * 3


def test_naming_is_no_identity() -> None:
    """What a call is named may be told, what it is may not."""
    assert forbidden(f"the call is named {MASK}") is None
    assert forbidden(f"the call is a young {MASK}") == "identity"


def test_number_words_are_whole_words() -> None:
    """`someone` and `often` hold no number."""
    assert (number_word("someone often heard it"), number_word("Twice as long")) == (None, "twice")
