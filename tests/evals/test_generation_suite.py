"""The generation suite passes on sound code, asks what its data names, and goes red where a check is taken away."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from rab.domain import Claim, ClaimKind, SegmentFilter
from rab.evals import generation as suite
from rab.evals.base import EvalRun, Score, judge
from rab.evals.generation_ledger import Ledger, interval
from rab.evals.generation_packs import Trial
from rab.evals.generation_reader import forbidden_words, loose_numerals, must_abstain, sentence, stray_ids
from rab.evals.generation_variants import variants
from rab.evals.mutants import mutants
from rab.evals.suites import read_suite
from rab.evidence.summary_pack import gather_summary
from rab.generation.checks import claim_set
from rab.generation.checks import validate as validation
from rab.generation.checks.prose import prose_failure
from rab.generation.codes import Failure
from rab.generation.needs import segment as segment_needs
from rab.generation.needs.base import Form, Grounds, Needs
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.reading.pack import Reading
from rab.generation.wording.lexicon import strange_character
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


@pytest.fixture(scope="module")
def with_summary(few: list[Trial], library: Workspace) -> list[Trial]:
    """The same, half as many, and a summary."""
    card = library.card("birdnet-v2.4")
    pack = gather_summary(library.catalog, card, where=SegmentFilter(), policy=library.summary)
    return [Trial("summary", "summary", pack, "summary", "everything"), *few[::2]]


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
    assert [] == [one.case for one in scores if None in (one.low, one.high)]
    assert [] == [one.case for one in scores if not one.instances or None in {each.pack for each in one.instances}]


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


def _silenced(path: str, words: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Take away the failure that has a code, or a reason with these words, of a check that yields or returns some."""

    def patch(patching: pytest.MonkeyPatch) -> None:
        module, _, name = path.rpartition(".")
        check = getattr(import_module(module), name)

        def without(*given: Any) -> Any:
            found = check(*given)
            if found is None or isinstance(found, Failure):
                return None if found is not None and (words in found.reason or words == found.code) else found
            return (one for one in found if words not in one.reason and words != one.code)

        patching.setattr(module + "." + name, without)

    return patch


class _AnyKind(str):
    """A kind of pack that is every kind."""

    __slots__ = ()

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def _any_pack(patching: pytest.MonkeyPatch) -> None:
    rules = _HOLDING_RULES
    patching.setattr("rab.generation.checks.holding.rules", lambda output: rules(output)._replace(pack_kind=_AnyKind()))


def _any_end(patching: pytest.MonkeyPatch) -> None:
    def ended(claim: Claim, grounds: Grounds, template: str) -> Failure | None:
        missing = "" if claim.text[-1:] == template[-1:] else template[-1:]
        return prose_failure(claim.model_copy(update={"text": claim.text + missing}), grounds, template)

    patching.setattr("rab.generation.checks.validate.prose_failure", ended)


def _any_template(patching: pytest.MonkeyPatch) -> None:
    def trusting(claim: Claim, grounds: Grounds, template: str) -> Failure | None:
        is_own = claim.text == template and claim.text_origin == "template"
        return None if is_own else prose_failure(claim, grounds, template)

    patching.setattr("rab.generation.checks.validate.prose_failure", trusting)


def _any_words(patching: pytest.MonkeyPatch) -> None:
    """Serve words as the template's that are not."""
    worded = validation._with_words

    def trusting(claim: Claim, grounds: Grounds) -> tuple[Claim | None, Failure | None]:
        found, failure = worded(claim, grounds)
        is_other = failure is not None and failure.reason == "the words are not those of the template"
        return (claim, None) if is_other else (found, failure)

    patching.setattr(validation, "_with_words", trusting)


def _any_mask(patching: pytest.MonkeyPatch) -> None:
    """Mask names with another character, so that the one that is used now has no meaning in a text."""
    patching.setattr("rab.generation.checks.prose.MASK", "\ue000")
    patching.setattr(
        "rab.generation.checks.prose.strange_character", lambda masked: strange_character(masked.replace("\ue000", ""))
    )


def _subject_of_none(kind: ClaimKind) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(patching: pytest.MonkeyPatch) -> None:
        def of(claim: Claim, grounds: Grounds) -> object:
            return claim_set.identity(claim) if claim.kind == kind else _SUBJECT(claim, grounds)

        patching.setattr(claim_set, "_subject", of)

    return patch


_HOLDING_RULES = import_module("rab.generation.outputs").rules
_SUBJECT = claim_set._subject
_NEVER = re.compile(r"(?!)")
_CHECKS = "rab.generation.checks"
SINGLE: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "the kind of pack": (_any_pack, "a pack of another kind"),
    "the code": (_silenced(f"{_CHECKS}.holding._of_form", "has no such code"), "a made-up code"),
    "the taxon": (_silenced(f"{_CHECKS}.holding._of_form", "name a taxon"), "a taxon where there is none"),
    "twice": (_silenced(f"{_CHECKS}.holding._of_form", "given twice"), "repeat a citation"),
    "nothing cited": (_silenced(f"{_CHECKS}.holding._of_citations", "E_CITE_NONE"), "no citation"),
    "items of a kind": (_silenced(f"{_CHECKS}.holding._of_citations", "E_KIND"), "an item of another sort"),
    "foreign salt": (_silenced(f"{_CHECKS}.holding._of_citations", "E_CITE_FOREIGN"), "foreign salt"),
    "bearer of a name": (_silenced(f"{_CHECKS}.holding._of_taxon", "E_TAXON"), "another taxon"),
    "abstention": (_silenced(f"{_CHECKS}.holding._of_taxon", "E_MUST_ABSTAIN"), "named where one must abstain"),
    "no effort": (_silenced(f"{_CHECKS}.holding._of_taxon", "E_MUST_ABSTAIN"), "counted where nothing was recorded"),
    "confidence": (_silenced(f"{_CHECKS}.holding._failures", "a confidence is"), "confidence given"),
    "truth": (_silenced(f"{_CHECKS}.holding._failures", "E_UNSUPPORTED"), "a reason that does not hold"),
    "evidence left out": (_silenced(f"{_CHECKS}.holding._of_completeness", "E_CHERRY_PICKED"), "drop dissent"),
    "evidence too much": (_silenced(f"{_CHECKS}.holding._of_completeness", "E_OVER_CITED"), "add dissent"),
    "the figure": (_silenced(f"{_CHECKS}.holding._of_quantities", "not one of the pack"), "number, one last place"),
    "figures of others": (_silenced(f"{_CHECKS}.holding._of_quantities", "not cited"), "a figure of other items"),
    "figures missing": (_silenced(f"{_CHECKS}.holding._of_quantities", "figures are missing"), "drop a number"),
    "the hedge": (_silenced(f"{_CHECKS}.holding._failures", "E_HEDGE"), "hedge dropped"),
    "length": (_by_name(f"{_CHECKS}.prose.LONGEST_TEXT", 1_000_000), "sentence: without end"),
    "the end": (_any_end, "sentence: no full stop"),
    "the mask": (_any_mask, "sentence: a mask"),
    "unit behind": (_by_name(f"{_CHECKS}.prose._UNIT_AFTER", _NEVER), "sentence: a unit behind a number"),
    "sign before": (_by_name(f"{_CHECKS}.prose._NUMBER_BEFORE", _NEVER), "sentence: another sign"),
    "letter behind": (_by_name(f"{_CHECKS}.prose._NUMBER_AFTER", _NEVER), "sentence: a letter behind a number"),
    "numbers in words": (_by_name(f"{_CHECKS}.prose.number_word", lambda _: None), "text: a number in words"),
    "hedging words": (_by_name(f"{_CHECKS}.prose._HEDGES", re.compile("")), "text: no hedge"),
    "foreign name": (_by_name(f"{_CHECKS}.prose._foreign_name", lambda *_: None), "sentence: a name of another item"),
    "names in order": (
        _silenced(f"{_CHECKS}.prose._liberty", "left out, added"),
        "sentence: one cited name for another",
    ),
    "overreach": (_by_name(f"{_CHECKS}.prose.overreach", lambda *_: None), "text: behaviour"),
    "foreign word": (_by_name(f"{_CHECKS}.paraphrase.foreign_word", lambda *_: None), "sentence: a foreign word"),
    "negations": (
        _by_name(f"{_CHECKS}.paraphrase.NEGATIONS", frozenset()),
        "sentence: a connective behind a negation",
    ),
    "order": (_silenced(f"{_CHECKS}.prose.paraphrase_failure", "in another order"), "sentence: a word twice"),
    "marks": (_silenced(f"{_CHECKS}.prose.paraphrase_failure", "a mark stands"), "sentence: a mark added"),
    "tidy marks": (_by_name(f"{_CHECKS}.paraphrase._is_tidy", lambda _: True), "sentence: an untidy mark"),
    "brackets": (_by_name(f"{_CHECKS}.paraphrase._is_tidy", lambda _: True), "sentence: an open bracket"),
    "one resemblance": (_subject_of_none("resemblance"), "a part of a resemblance"),
    "one difference": (_subject_of_none("difference"), "a part of a difference"),
    "one cluster": (_subject_of_none("cluster_membership"), "two prototypes, both nearest"),
    "one score": (_subject_of_none("classifier_score"), "two scores of one class"),
    "contradiction": (
        _by_name(f"{_CHECKS}.claim_set._redundant", lambda *_: Failure("E_DUPLICATE", "")),
        "two scores of one class",
    ),
    "words of the template": (_any_words, "text: behaviour"),
    "printable": (_any_template, "sentence: a hedge without words"),
    "printable, reworded": (_any_template, "sentence: other words, and a hedge without any"),
    "bound facts": (_by_name(f"{_CHECKS}.validate.asked", lambda _: set()), "a question without its parts"),
    "half questions": (_by_name(f"{_CHECKS}.validate.incomplete", lambda _: set()), "parts without their question"),
}
"""Single checks, each with the fault of a draft that must tell that it is gone."""
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


@pytest.mark.parametrize("check", SINGLE)
def test_a_single_check_that_is_gone_is_noticed(
    check: str, with_summary: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a check is there for is served, or told by another check, and the suite says of which fault."""
    patch, operator = SINGLE[check]
    monkeypatch.setattr(suite, "mutants", partial(mutants, only={operator}))
    with monkeypatch.context() as patching:
        patch(patching)
        scores = measured(with_summary, suite.measure_mutants)
    assert "weakest_fault" in red(scores)
    assert operator in scores["weakest_fault"].evidence[0]


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


def test_cases_open_to_packs(few: list[Trial]) -> None:
    """What went wrong comes first, then examples of other families; of a mean, where it was highest."""
    ledger = Ledger()
    first, other = few[0], next(one for one in few if one.family != few[0].family)
    for trial, right in ((first, 1), (other, 0), (first, 1)):
        ledger.note("share", trial, right, words="wrong", said="right")
        ledger.measure("mean", trial, 10 + right, "words")
    share, mean = ledger.share("share", "claims"), ledger.mean("mean", "sentences")
    assert [(other.name, 0.0, "wrong"), (first.name, 1.0, "right")] == [
        (one.name, one.value, one.words) for one in share.instances
    ]
    assert (f"{other.name}: wrong",) == share.evidence
    assert [(first.name, 11.0), (other.name, 10.0)] == [(one.name, one.value) for one in mean.instances]
    assert first.pack.model_dump_json() == mean.instances[0].pack


def test_the_mean_goes_by_recordings(few: list[Trial]) -> None:
    """One recording gives a mean no interval; recordings that differ give a wider one than recordings that do not."""

    def of(*lengths: tuple[str, float]) -> Score:
        ledger = Ledger()
        for recording, length in lengths:
            ledger.measure("mean", few[0]._replace(recording=recording), length, "words")
        return ledger.mean("mean", "sentences")

    assert (15.0, None, None) == ((alone := of(("a", 10), ("a", 20))).value, alone.low, alone.high)
    apart, alike = of(("a", 10), ("b", 20)), of(("a", 15), ("b", 15))
    assert (15.0, 15.0, 15.0) == (alike.value, alike.low, alike.high)
    assert (15.0, 5.2, 24.8) == (apart.value, *(round(end or 0.0, 2) for end in (apart.low, apart.high)))


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
