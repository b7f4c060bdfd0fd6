"""Counterfactual pairs: evidence is changed in one way, and the text must change in the way that follows, and no other.

Every pair begins with a pack whose four near calls, of four recordings, a listener names alike, as the classifier does
(`generation_variants.agreed`).
"""

import re
from collections.abc import Iterator, Sequence

from rab.domain import Claim, EvidencePack, Taxon
from rab.evals.generation_variants import BLACKBIRD, ROBIN, THRUSH, relabelled, scored, with_distractors, without
from rab.generation.needs.base import Grounds
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.wording.sentences import cited
from rab.generation.writer import by_template

_SALT = re.compile(r"(?<=[a-z\d])\.[0-9a-f]{4}(?=[,;\]])")
_OF_NAMES = frozenset({"resemblance", "taxon_vote", "classifier_score"})
"""Kinds that give the names of neighbours and scores; clusters and steps have names of their own."""
_OF_NEIGHBOURS = frozenset({"resemblance", "difference", "taxon_vote", "novelty", "caveat", "call_type", "conflict"})
"""Kinds that rest on neighbours; a neighbour that goes may change no other."""


def counterfactuals(pack: EvidencePack) -> Iterator[tuple[str, str | None]]:
    """Yield each change by its name, with what was wrong about the text that came of it; None where nothing was."""
    yield "labels and scores swapped", _swapped(pack)
    yield "labels swapped, scores left", _contradicted(pack)
    yield "a cited call deleted", _deleted(pack)
    yield "distractors added", _distracted(pack)


def _swapped(pack: EvidencePack) -> str | None:
    other = scored(relabelled(pack, THRUSH), [(THRUSH, 0.78), (ROBIN, 0.12)])
    before = _written(pack)
    predicted = [
        _renamed(text, BLACKBIRD, THRUSH) if one.kind in _OF_NAMES else text
        for one, text in zip(before, _sentences(before), strict=True)
    ]
    return _difference(predicted, _sentences(_written(other)))


def _contradicted(pack: EvidencePack) -> str | None:
    before, after = _written(pack), _written(relabelled(pack, THRUSH))
    named = [one for one in after if one.taxon is not None]
    if named:
        return f"a name is given although labels and classifier disagree: {named[0].text}"
    stated = {(one.kind, one.code) for one in after}
    for wanted in (("abstention", "conflict"), ("conflict", "neighbours")):
        if wanted not in stated:
            return f"no {wanted[0]} {wanted[1]}"
    return _difference(*(_sentences(one for one in some if one.kind == "signal_quality") for some in (before, after)))


def _deleted(pack: EvidencePack) -> str | None:
    gone = pack.neighbours[2].key
    before, after = _written(pack), _written(without(pack, gone))
    if any(item_id.partition(".")[0] == gone for one in after for item_id in one.citations):
        return "the deleted call is cited"
    votes = [
        [q.value for q in one.quantities if q.ref.startswith("vote:")] for one in after if one.kind == "taxon_vote"
    ]
    if votes != [[3.0]]:
        return f"the vote is {votes}, not 3"
    kept = [_sentences(one for one in some if one.kind not in _OF_NEIGHBOURS) for some in (before, after)]
    return _difference(*kept)


def _distracted(pack: EvidencePack) -> str | None:
    return _difference(_sentences(_written(pack)), _sentences(_written(with_distractors(pack, THRUSH))))


def _written(pack: EvidencePack) -> tuple[Claim, ...]:
    return by_template(Grounds.of(pack, DEFAULT_POLICY, "interpretation")).claims


def _sentences(claims: "Iterator[Claim] | Sequence[Claim]") -> list[str]:
    return [_SALT.sub("", cited(one)) for one in claims]


def _renamed(text: str, old: Taxon, new: Taxon) -> str:
    return text.replace(old.common_name, new.common_name).replace(old.scientific_name, new.scientific_name)


def _difference(predicted: Sequence[str], found: Sequence[str]) -> str | None:
    if list(predicted) == list(found):
        return None
    return f"predicted {sorted(set(predicted) - set(found))}, found {sorted(set(found) - set(predicted))}"
