"""Mutants: correct drafts with one fault each, to find out what the validator does not notice.

A draft is what the template writer states of a pack. One fault is put into one claim, or into the set, and the draft is
validated. The mutant is killed when nothing is served that the sound draft would not have had served, and nothing that
is due is missing; it survives otherwise. A mutant that happens to be true is no fault: the facts of the pack, which are
composed and never looked up by the checks, say so (`generation_truth`). Those are counted apart.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from rab.domain import Claim
from rab.evals.generation_truth import is_true
from rab.evals.mutant_claims import CLAIM_FAULTS, DRAFT_FAULTS, ClaimOperator, Sound, content_of
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
    """What the validator said was wrong, what was due aside."""
    words: str
    """The faulty claim, so that a survivor can be made again."""

    @property
    def is_rightly_told(self) -> bool:
        """Whether the fault was found by a check that is there for it, and not only by one behind it."""
        return not self.codes.isdisjoint(EXPECTED.get(self.operator, self.codes))


def mutants(grounds: Grounds, seed: int) -> Iterator[Mutant]:
    """Yield one mutant for each operator that can be applied to a pack's draft."""
    sound = Sound(grounds, Random(seed))  # noqa: S311  no secret
    for name, operator in CLAIM_FAULTS.items():
        yield from _of_claims(name, operator, sound, sound.draft)
    for name, tamper in WORD_FAULTS.items():
        origin = sound.random.choice(("template", "model"))
        worded = [one.model_copy(update={"text_origin": origin}) for one in sound.worded]
        yield from _of_claims(f"{name}, by a {origin}", _tampered(tamper), sound, worded)
    for name, of_draft in DRAFT_FAULTS.items():
        draft = of_draft(sound)
        if draft is not None:
            yield _judged(name, draft, None, sound)


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
        return Mutant(name, kind, True, False, frozenset(), f"the validator raised {error!r} on {words}")
    got = Counter(map(content_of, served))
    survived = bool(got - sound.served) or not sound.due <= set(got) or _has_half_questions(served)
    codes = frozenset(one.code for one in dropped)
    may_be_true = mutant is not None and not mutant.text and name != "malformed"
    equivalent = survived and mutant is not None and may_be_true and is_true(mutant, sound.grounds, sound.known)
    return Mutant(name, kind, survived and not equivalent, equivalent, codes, words)


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


OPERATORS = (*CLAIM_FAULTS, *WORD_FAULTS, *DRAFT_FAULTS)
"""Names of all faults."""
_OF_EVERY_CLAIM = frozenset({"another item, with its figures"})
"""Faults that only the truth of a kind can tell, so that every claim of a draft has them in turn."""
_BY_CODE = {
    "E_SCHEMA": ("repeat a citation", "confidence given", "malformed"),
    "E_CITE_FOREIGN": ("foreign salt",),
    "E_CITE_UNKNOWN": ("unknown id",),
    "E_TAXON": ("another taxon",),
    "E_CHERRY_PICKED": ("drop dissent",),
    "E_OVER_CITED": ("add dissent",),
    "E_QUANTITY": (
        "number, one last place",
        "raise a similarity",
        "another unit",
        "another source",
        "one decimal more",
    ),
    "E_HEDGE": ("hedge dropped", "text: no hedge"),
    "E_DUPLICATE": ("say a thing twice", "two claims of one id"),
    "E_INCOMPLETE": ("parts without their question",),
    "E_MISSING_MANDATORY": ("delete what is due", "delete everything"),
    "E_CHARSET": (
        "text: a superscript",
        "text: a citation",
        "text: a look-alike letter",
        "text: an unseen character",
    ),
    "E_NUM_UNCITED": (
        "text: another digit",
        "text: another unit",
        "text: an uncited number",
        "text: a number in words",
    ),
    "E_SEMANTICS": ("text: certainty", "text: behaviour, by a model"),
    "E_NAME": ("text: another name, by a model",),
    "E_TEXT": ("text: behaviour, by a template", "text: a second sentence, by a template"),
}
EXPECTED = {
    f"{name}{origin}": frozenset({code})
    for code, names in _BY_CODE.items()
    for name in names
    for origin in (("",) if ", by a" in name else ("", ", by a template", ", by a model"))
}
"""The code of the check that is there for a fault; of faults that are not listed, several checks may find one first."""
