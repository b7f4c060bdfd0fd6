"""Mutants: correct drafts with one fault each, to find out what the validator does not notice.

A draft is what the template writer states of a pack. One fault is put into one claim, or into the set, and the draft is
validated. The mutant is killed when nothing is served that the sound draft would not have had served, and nothing that
is due is missing; it survives otherwise. A mutant that happens to be true is no fault: the facts of the pack, which are
composed and never looked up by the checks, say so (`generation_truth`). Those are counted apart.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from rab.domain import Claim
from rab.evals.generation_truth import is_true
from rab.evals.mutant_claims import CLAIM_FAULTS, ClaimOperator, Sound, content_of
from rab.evals.mutant_models import MODEL_FAULTS
from rab.evals.mutant_packs import PACK_FAULTS, Planted
from rab.evals.mutant_sets import DRAFT_FAULTS
from rab.evals.mutant_words import WORD_FAULTS, Tamper
from rab.generation.checks.validate import validated
from rab.generation.needs.base import Grounds


class Mutant(NamedTuple):
    """One faulty draft, and what became of it."""

    operator: str
    kind: str
    survived: bool
    is_equivalent: bool
    codes: frozenset[str]
    """What the validator said was wrong, by code."""
    reasons: frozenset[str]
    """The same in words: checks that share a code have words of their own."""
    words: str
    """The faulty claim, so that a survivor can be made again."""

    @property
    def is_rightly_told(self) -> bool:
        """Whether the fault was found by a check that is there for it, and not only by one behind it."""
        told = self.codes | self.reasons
        return not told.isdisjoint(EXPECTED.get(self.operator, told))


def mutants(grounds: Grounds, seed: int, only: Container[str] | None = None) -> Iterator[Mutant]:
    """Yield one mutant for each operator that can be applied to a pack's draft and whose turn it is with this seed.

    `only`: the operators that are meant, whosever turn it is; None for all.
    """
    sound = Sound(grounds, Random(seed))  # noqa: S311  no secret

    def asked(name: str, at: int = 0, apart: int = 1) -> bool:
        return (at - seed) % apart == 0 if only is None else name in only

    for name, operator in CLAIM_FAULTS.items():
        if asked(name):
            yield from _of_claims(name, operator, sound, sound.draft)
    for name, tamper in WORD_FAULTS.items():
        if asked(name):
            origin = sound.random.choice(("template", "model"))
            worded = [one.model_copy(update={"text_origin": origin}) for one in sound.worded]
            yield from _of_claims(f"{name}, by a {origin}", _tampered(tamper), sound, worded)
    for at, (name, operator) in enumerate(MODEL_FAULTS.items()):
        if asked(name, at, _APART):
            yield from _of_claims(name, operator, sound, sound.worded)
    for name, of_draft in DRAFT_FAULTS.items():
        draft = of_draft(sound) if asked(name) else None
        if draft is not None:
            yield _judged(name, draft, None, sound)
    for at, (name, plant) in enumerate(PACK_FAULTS.items()):
        planted = plant(sound) if asked(name, at, 1 if name in _OF_EVERY_PACK else _PACKS_APART) else None
        if planted is not None:
            yield _of_pack(name, planted)


def _of_claims(name: str, operator: ClaimOperator, sound: Sound, draft: Sequence[Claim]) -> Iterator[Mutant]:
    places = list(range(len(draft)))
    sound.random.shuffle(places)
    for place in places:
        mutant = operator(draft[place], sound)
        if mutant is not None and mutant != draft[place]:
            yield _judged(name, [*draft[:place], mutant, *draft[place + 1 :]], mutant, sound)
            if name not in _OF_EVERY_CLAIM:
                return


def _tampered(tamper: Tamper) -> ClaimOperator:
    def mutate(claim: Claim, sound: Sound) -> Claim | None:
        changed = tamper(claim.text, sound.taxa)
        return None if changed is None or changed == claim.text else claim.model_copy(update={"text": changed})

    return mutate


def _judged(name: str, draft: Iterable[Claim], mutant: Claim | None, sound: Sound) -> Mutant:
    words = "" if mutant is None else _printed(mutant)
    kind = "draft" if mutant is None else mutant.kind
    try:
        served, dropped = validated(draft, sound.grounds, sound.found)
    except Exception as error:  # noqa: BLE001  # it never may
        return Mutant(name, kind, True, False, frozenset(), frozenset(), f"the validator raised {error!r} on {words}")
    got = Counter(map(content_of, served))
    survived = bool(got - sound.served) or not sound.due <= set(got) or _has_half_questions(served)
    codes, reasons = (frozenset(getattr(one, field) for one in dropped) for field in ("code", "reason"))
    may_be_true = mutant is not None and not mutant.text and name != "malformed"
    equivalent = survived and mutant is not None and may_be_true and is_true(mutant, sound.grounds, sound.known)
    return Mutant(name, kind, survived and not equivalent, equivalent, codes, reasons, words)


def _of_pack(name: str, planted: Planted) -> Mutant:
    """Judge a draft by whether all that may not be served together is served."""
    words = "; ".join(map(_printed, planted.draft))
    try:
        served, dropped = validated(planted.draft, planted.grounds, planted.found)
    except Exception as error:  # noqa: BLE001  # it never may
        return Mutant(name, "pack", True, False, frozenset(), frozenset(), f"the validator raised {error!r} on {words}")
    survived = planted.never <= {one.id for one in served}
    of_drafts = [one for one in dropped if one.claim.id in planted.never]
    codes, reasons = (frozenset(getattr(one, field) for one in of_drafts) for field in ("code", "reason"))
    return Mutant(name, "pack", survived, False, codes, reasons, words)


def _printed(mutant: Claim) -> str:
    return repr(mutant)[:1000]


def _has_half_questions(served: Sequence[Claim]) -> bool:
    """Return whether a question is served without all that belongs to it, or a part of one without a question."""
    kinds: dict[str, set[str]] = {}
    for one in served:
        if one.kind in _PARTS_OF_A_QUESTION:
            kinds.setdefault(one.support[0], set()).add(one.kind)
    return any(some != _PARTS_OF_A_QUESTION for some in kinds.values())


_PARTS_OF_A_QUESTION = {
    "hypothesis_prompt",
    "screen_evidence",
    "counter_evidence",
    "artefact",
    "refutation",
    "test_query",
}


OPERATORS = (*CLAIM_FAULTS, *WORD_FAULTS, *MODEL_FAULTS, *DRAFT_FAULTS, *PACK_FAULTS)
"""Names of all faults."""
_APART, _PACKS_APART = 4, 3
"""A pack meets every fourth fault of a model's sentence, and the next seed the ones beside them."""
_OF_EVERY_PACK = frozenset({"named where one must abstain", "counted where nothing was recorded"})
"""Faults that few packs have room for."""
_OF_EVERY_CLAIM = frozenset({"another item, with its figures"})
"""Faults that only the truth of a kind can tell, so that every claim of a draft has them in turn."""
_BY_CODE = {
    "E_SCHEMA": ("repeat a citation", "confidence given", "malformed", "a made-up code", "a taxon where there is none"),
    "E_KIND": ("an item of another sort", "a pack of another kind"),
    "E_CITE_NONE": ("no citation",),
    "E_CITE_FOREIGN": ("foreign salt",),
    "E_CITE_UNKNOWN": ("unknown id",),
    "E_TAXON": ("another taxon",),
    "E_MUST_ABSTAIN": ("named where one must abstain", "counted where nothing was recorded"),
    "E_UNSUPPORTED": ("a reason that does not hold",),
    "E_CHERRY_PICKED": ("drop dissent",),
    "E_OVER_CITED": ("add dissent",),
    "E_QUANTITY": (
        "number, one last place",
        "raise a similarity",
        "another unit",
        "another source",
        "one decimal more",
    ),
    "a figure rests on items that are not cited": ("a figure of other items",),
    "E_HEDGE": ("hedge dropped", "text: no hedge", "sentence: a hedge without words"),
    "E_DUPLICATE": (
        "say a thing twice",
        "two claims of one id",
        "a part of a resemblance",
        "a part of a difference",
    ),
    "E_CONTRADICTION": ("two prototypes, both nearest", "two scores of one class"),
    "E_INCOMPLETE": ("parts without their question",),
    "E_MISSING_MANDATORY": ("delete what is due", "delete everything", "a question without its parts"),
    "E_CHARSET": (
        "text: a superscript",
        "text: a citation",
        "text: a look-alike letter",
        "text: an unseen character",
        "sentence: a mask",
        "sentence: a full-width numeral",
        "sentence: a numeral within a character",
    ),
    "E_NUM_UNCITED": (
        "text: another digit",
        "text: another unit",
        "text: an uncited number",
        "text: a number in words",
        "sentence: a unit behind a number",
        "sentence: another sign",
        "sentence: a letter behind a number",
    ),
    "E_SEMANTICS": ("text: certainty", "text: behaviour, by a model"),
    "E_NAME": (
        "text: another name, by a model",
        "sentence: one cited name for another",
        "sentence: a name of another item",
    ),
    "E_VOCABULARY": ("sentence: a foreign word", "sentence: a connective behind a negation"),
    "E_ORDER": (
        "sentence: a word twice",
        "sentence: a mark added",
        "sentence: an untidy mark",
        "sentence: an open bracket",
    ),
    "E_TEXT": (
        "text: behaviour, by a template",
        "text: a second sentence, by a template",
        "sentence: no full stop",
        "sentence: without end",
    ),
}
EXPECTED = {
    f"{name}{origin}": frozenset({code})
    for code, names in _BY_CODE.items()
    for name in names
    for origin in (("",) if ", by a" in name else ("", ", by a template", ", by a model"))
}
"""The code of the check that is there for a fault; of faults that are not listed, several checks may find one first."""
