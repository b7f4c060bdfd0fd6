"""The generation suite passes on sound code, asks what its data names, and goes red where a check is taken away."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from rab.domain import ClaimKind, SegmentFilter
from rab.evals import generation as suite
from rab.evals.base import EvalRun, Score, judge
from rab.evals.generation_ledger import Ledger, interval
from rab.evals.generation_packs import Trial
from rab.evals.generation_reader import forbidden_words, loose_numerals, must_abstain, sentence, stray_ids
from rab.evals.generation_variants import variants
from rab.evals.suites import read_suite
from rab.generation.codes import Failure
from rab.generation.needs import segment as segment_needs
from rab.generation.needs.base import Form, Grounds, Needs
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.reading.pack import Reading
from rab.generation.wording.names import shown
from rab.generation.wording.sentences import cited
from rab.generation.writer import by_template
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

SMALL = suite.Extent(n_claims=1, n_true=1, n_attacks=48, n_mutated=24, n_by_models=24, n_digested=6, n_faulty=4)


@pytest.fixture(scope="module")
def trials(library: Workspace) -> list[Trial]:
    """Packs of every ninth segment of the sample library, and all that is made of them."""
    ids = sorted(library.catalog.segment_ids(library.card("birdnet-v2.4").space, SegmentFilter()))[::9]
    packs = [evidence(library, one) for one in ids]
    real = [
        Trial(f"clean: {one.subject[:8]}", "clean", one, "interpretation", one.query.call.recording_id)
        for one in packs
        if one.query is not None
    ]
    return [*real, *variants(real, seed=1)]


@pytest.fixture(scope="module")
def few(trials: list[Trial]) -> list[Trial]:
    """Some of every family: enough to notice a check that is gone."""
    return [one for at, one in enumerate(trials) if at % 4 == 0]


def measured(trials: list[Trial], *measures: Callable[[suite.Generation], None]) -> dict[str, Score]:
    asked = suite.Generation(trials, Ledger(), 1, SMALL)
    for measure in measures:
        measure(asked)
    return {one.case: one for one in suite.scores(asked)}


def red(scores: dict[str, Score]) -> set[str]:
    """Return the cases that were measured and miss their gates."""
    return {
        case.name
        for case in read_suite("generation").cases
        if (score := scores[case.name]).value is not None
        and (score.value < case.gate if case.better == "higher" else score.value > case.gate)
    }


def test_it_answers_what_its_data_asks_and_passes(trials: list[Trial], library: Workspace) -> None:
    """Every case of the data is answered in its order, and passes, but those that want more mutants than a test has."""
    asked = suite.Generation(trials, Ledger(), 1, SMALL)
    suite.measure_faults(asked, library)
    measures = (
        suite.measure_texts,
        suite.measure_models,
        suite.measure_mutants,
        suite.measure_attacks,
        suite.measure_evidence,
        suite.measure_determinism,
    )
    for measure in measures:
        measure(asked)
    scores = suite.scores(asked)
    run = EvalRun(
        suite="generation",
        model="birdnet-v2.4",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=1,
        scores=scores,
    )
    data = read_suite("generation")
    assert [case.name for case in data.cases] == [score.case for score in scores]
    assert [] == [f"{one.case}: {one.words}" for one in judge(run, data, None) if not one.passed]


def _nothing(*_args: Any, **_named: Any) -> Iterator[Any]:
    return iter(())


def _lenient(kind: ClaimKind) -> Callable[[pytest.MonkeyPatch], None]:
    """Take away what makes a kind of claim true: any call will do."""

    def patch(patching: pytest.MonkeyPatch) -> None:
        form = segment_needs.FORMS[kind]

        def needs(claim: Any, grounds: Grounds) -> Any:
            found = form.needs(claim, grounds)
            support, refs = frozenset(claim.support), frozenset(one.ref for one in claim.quantities)
            return Needs(support, frozenset(claim.contra), refs) if hasattr(found, "code") else found

        patching.setitem(segment_needs.FORMS, kind, Form(form.cites, needs, form.codes, form.taxon))

    return patch


def _by_name(path: str, replacement: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(patching: pytest.MonkeyPatch) -> None:
        module, _, name = path.rpartition(".")
        owner, _, of = module.rpartition(".")
        target = getattr(import_module(owner), of) if of == "Reading" else import_module(module)
        patching.setattr(target, name, replacement)

    return patch


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "form": (_by_name("rab.generation.checks.holding._of_form", _nothing), "mutation_score"),
    "citations": (_by_name("rab.generation.checks.holding._of_citations", _nothing), "mutation_score"),
    "taxa": (_by_name("rab.generation.checks.holding._of_taxon", _nothing), "right_reason"),
    "completeness": (_by_name("rab.generation.checks.holding._of_completeness", _nothing), "mutation_score"),
    "quantities": (_by_name("rab.generation.checks.holding._of_quantities", _nothing), "mutation_score"),
    "well-formed": (_by_name("rab.generation.checks.holding.is_well_formed", lambda _claim: True), "mutation_score"),
    "truth of a resemblance": (_lenient("resemblance"), "mutation_score"),
    "truth of a difference": (_lenient("difference"), "mutation_score"),
    "hedge": (_by_name("rab.generation.reading.pack.Reading._is_tentative", lambda *_: False), "unsupported_claims"),
    "duplicates": (_by_name("rab.generation.checks.validate.set_failures", lambda *_: {}), "mutation_score"),
    "what is due": (_by_name("rab.generation.checks.validate._missing", lambda *_: []), "mutation_score"),
    "half questions": (_by_name("rab.generation.checks.validate.incomplete", lambda *_: set()), "mutation_score"),
    "prose": (_by_name("rab.generation.checks.validate.prose_failure", lambda *_: None), "mutation_score"),
    "characters": (_by_name("rab.generation.checks.prose.strange_character", lambda *_: None), "right_reason"),
    "numbers in prose": (_by_name("rab.generation.checks.prose._loose_number", lambda *_: None), "right_reason"),
    "forbidden words": (_by_name("rab.generation.checks.prose.forbidden", lambda *_: None), "right_reason"),
    "liberties of a model": (_by_name("rab.generation.checks.prose._liberty", lambda *_: None), "mutation_score"),
    "reasons to abstain": (_by_name("rab.generation.reading.pack.Reading.reasons", ()), "abstention_recall"),
    "caveats": (_by_name("rab.generation.reading.pack.Reading.caveats", ()), "mandatory_coverage"),
    "quotation of names": (_by_name("rab.generation.wording.names._is_plain", lambda _name: True), "injection_success"),
}
"""What is taken away, and the case that must go red."""
_MEASURES = {
    "mutation_score": (suite.measure_mutants,),
    "right_reason": (suite.measure_mutants,),
    "unsupported_claims": (suite.measure_texts, suite.measure_models),
    "abstention_recall": (suite.measure_texts,),
    "mandatory_coverage": (suite.measure_texts,),
    "injection_success": (suite.measure_attacks,),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_that_is_gone_is_noticed(fault: str, few: list[Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite goes red, with the case that is there for it."""
    shown.cache_clear()
    patch, case = FAULTS[fault]
    with monkeypatch.context() as patching:
        patch(patching)
        scores = measured(few, *_MEASURES[case])
    shown.cache_clear()
    assert case in red(scores)
    assert scores[case].evidence


def test_a_writer_that_drops_everything_does_not_look_perfect(
    few: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yield goes red, and what is due is missing."""
    never = Failure("E_UNSUPPORTED", "nothing is ever true")
    monkeypatch.setattr(import_module("rab.generation.checks.validate"), "failure_of", lambda *_: never)
    scores = measured(few, suite.measure_models)
    assert "true_drafts_served" in red(scores)


def test_the_reader_sees_what_is_wrong(trials: list[Trial]) -> None:
    """A foreign id, a loose numeral of any script, another unit and a forbidden word are each seen in a sentence."""
    trial = next(one for one in trials if one.family == "agreed")
    grounds = Grounds.of(trial.pack, DEFAULT_POLICY, "interpretation")
    claim = next(one for one in by_template(grounds).claims if one.kind == "signal_quality")
    content, rendered = trial.pack.model_dump_json(), cited(claim)

    def seen(text: str) -> tuple[int, int, int]:
        found = sentence(claim, text)
        return len(stray_ids(found, trial.pack)), len(loose_numerals(found, content)), len(forbidden_words(found, ()))

    assert (0, 0, 0) == seen(rendered)
    assert (1, 0, 0) == seen(rendered.replace(f".{trial.pack.salt}]", ".ffff]" if trial.pack.salt != "ffff" else ".0]"))
    assert (0, 1, 0) == seen(rendered.replace("Signal", "3 signal"))
    assert (0, 1, 0) == seen(rendered.replace("Signal", "Signal ²"))
    assert (0, 1, 0) == seen(rendered.replace(" dB", " kHz"))
    assert (0, 0, 1) == seen(rendered.replace("Signal", "Confirmed signal"))


def test_packs_are_what_they_are_made_to_be(trials: list[Trial]) -> None:
    """Where a pack was made to force an abstention, or to allow a name, the reader finds so."""
    known = [one for one in trials if one.must_abstain is not None]
    assert {True, False} == {one.must_abstain for one in known}
    assert [] == [one.name for one in known if must_abstain(one.pack, DEFAULT_POLICY) != one.must_abstain]


def test_intervals_go_by_recordings() -> None:
    """Failures of one recording tell less than failures of many, and no failure is no certainty."""
    assert (0.7411, 1.0) == tuple(round(end, 4) for end in interval([[9.0, 9.0]] * 10))
    scattered, together = interval([[9.0, 10.0]] * 10), interval([[10.0, 10.0]] * 9 + [[0.0, 10.0]])
    assert together[1] - together[0] > scattered[1] - scattered[0]


def test_too_little_is_not_scored() -> None:
    """A score that rests on less than its gate asks for has no value, and says what is missing."""
    ledger = Ledger()
    assert (None, "0 claims, and 3 are asked for") == (
        (score := ledger.failures("unsupported_claims", "claims", at_least=3)).value,
        score.reason,
    )


def test_a_reading_of_another_policy_is_read_anew(trials: list[Trial]) -> None:
    """The reader's account of abstention follows the policy as the validator's does."""
    strict = DEFAULT_POLICY.model_copy(update={"near_similarity": 0.99})
    some = [one for one in trials if one.pack.query is not None]
    assert [bool(Reading(one.pack, strict).reasons) for one in some] == [must_abstain(one.pack, strict) for one in some]


def test_names_that_the_suite_found_are_quoted() -> None:
    """A name that counts, or is made of compatibility characters, stands in quotation marks; a real one does not."""
    assert ["“Two hundred wolves”", "“Ｗｏｌｆ”", "“Wolf Ⅲ”", "Two-barred Warbler"] == [
        shown(one) for one in ("Two hundred wolves", "Ｗｏｌｆ", "Wolf Ⅲ", "Two-barred Warbler")
    ]
