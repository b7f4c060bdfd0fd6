"""Mutants: every fault can be put into some draft, none survives, and what is true by chance is known for true."""

from collections import Counter

import pytest

from rab.domain import SegmentFilter
from rab.evals.generation_packs import Trial
from rab.evals.generation_truth import by_content, is_true
from rab.evals.generation_variants import variants
from rab.evals.mutant_words import WORD_FAULTS
from rab.evals.mutants import EXPECTED, OPERATORS, Mutant, mutants
from rab.evidence.summary_pack import gather_summary
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of
from rab.generation.policy import DEFAULT_POLICY
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace


@pytest.fixture(scope="module")
def grounds(library: Workspace) -> list[Grounds]:
    """Readings of packs of all families that are made of a few real ones."""
    ids = sorted(library.catalog.segment_ids(library.card("birdnet-v2.4").space, SegmentFilter()))[::18]
    real = [Trial(one, "clean", evidence(library, one), "interpretation", one) for one in ids]
    everything = gather_summary(
        library.catalog, library.card("birdnet-v2.4"), where=SegmentFilter(), policy=library.summary
    )
    summary = Trial("summary", "summary", everything, "summary", "everything")
    trials = [summary, *real, *variants(real, seed=2)]
    return [Grounds.of(one.pack, DEFAULT_POLICY, one.output) for one in trials]


@pytest.fixture(scope="module")
def found(grounds: list[Grounds]) -> list[Mutant]:
    """One mutant of every operator for each of them."""
    return [one for seed, each in enumerate(grounds) for one in mutants(each, seed)]


def name_of(mutant: Mutant) -> str:
    return mutant.operator.removesuffix(", by a model").removesuffix(", by a template")


def test_every_fault_is_tried(found: list[Mutant]) -> None:
    """No operator is idle, and there are more of them than the specification asks for."""
    tried = Counter(map(name_of, found))
    assert set(OPERATORS) == set(tried)
    assert len(OPERATORS) >= 14


def test_none_survives(found: list[Mutant]) -> None:
    """The validator serves nothing that a fault brought in, and says why by the code that is there for it."""
    assert [] == [f"{one.operator}: {one.words}" for one in found if one.survived]
    told = [one for one in found if not one.is_equivalent]
    assert [] == [f"{one.operator}: {set(one.codes)} {one.words}" for one in told if not one.is_rightly_told]


def test_few_are_true_by_chance(found: list[Mutant]) -> None:
    """Saying less is no fault; of words and of sets nothing counts as true by chance."""
    equivalent = Counter(name_of(one) for one in found if one.is_equivalent)
    assert equivalent.total() < 0.02 * len(found)
    assert set() == set(equivalent) & set(WORD_FAULTS)


def test_expected_codes_are_of_operators() -> None:
    """A code is expected of faults that there are."""
    names = {name.removesuffix(", by a model").removesuffix(", by a template") for name in EXPECTED}
    assert set() == names - set(OPERATORS)


def test_mutants_are_drawn_the_same_twice(grounds: list[Grounds]) -> None:
    """One seed gives one set of mutants."""
    assert list(mutants(grounds[0], 7)) == list(mutants(grounds[0], 7))


def test_truth_by_the_second_account(grounds: list[Grounds]) -> None:
    """Facts are true; with another figure, another call or more certainty they are not."""
    judged = 0
    for each in grounds:
        facts = facts_of(each)
        known = by_content(facts)
        for one in (fact.claim for fact in facts):
            assert is_true(one, each, known)
            assert not is_true(one.model_copy(update={"confidence": 0.3}), each, known)
            if one.hedge == "tentative":
                assert not is_true(one.model_copy(update={"hedge": "plain"}), each, known)
            if one.quantities:
                wrong = one.quantities[0].model_copy(update={"value": one.quantities[0].value + 1})
                assert not is_true(one.model_copy(update={"quantities": (wrong, *one.quantities[1:])}), each, known)
            judged += 1
    assert judged > 500
