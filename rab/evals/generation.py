"""The generation suite: whether every sentence is true of what it cites, and whether a fault would be noticed.

Some two thousand texts about packs of real recordings are written by the template writer and by scripted language
models, benign and lying, and read by a reader that shares no code with the validator (`generation_reader`). Faulty
drafts go through the validator (`mutants`), hostile words through the metadata (`generation_attacks`), and evidence is
changed to see whether the text changes as it must, and in nothing else. All of it is deterministic, and nothing here
is judged by a language model.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rab.domain import Claim, GroundedText, Recording
from rab.embedders.base import Embedder
from rab.evals.base import Answered, Score
from rab.evals.counterfactuals import counterfactuals
from rab.evals.generation_attacks import attacks, succeeds
from rab.evals.generation_digest import Asked, digest, digests_elsewhere
from rab.evals.generation_ledger import Ledger
from rab.evals.generation_packs import OpenLibrary, Trial, gather, library_of
from rab.evals.generation_reader import (
    Sentence,
    due,
    forbidden_words,
    loose_numerals,
    must_abstain,
    n_numerals,
    n_words,
    names_a_taxon,
    names_in,
    sentence,
    stray_ids,
    too_sure,
)
from rab.evals.generation_truth import by_content, is_true
from rab.evals.generation_variants import variants
from rab.evals.generation_writers import Scripted, benign, broken, lying
from rab.evals.mutants import mutants
from rab.generation.checks.holding import failure_of
from rab.generation.codes import Failure
from rab.generation.modes.dispatch import Mode, task_of
from rab.generation.modes.plan import Plan
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of, rules
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.wording.sentences import cited
from rab.generation.writer import by_template
from rab.workflows.calibrating import grounding_policy
from rab.workflows.workspace import Workspace
from rab.workflows.writing import write, written_by


class Extent(NamedTuple):
    """How much is asked. A case that rests on less than its gate asks for is not scored."""

    n_claims: int = 10_000
    n_true: int = 3_000
    n_attacks: int = 300
    n_mutated: int = 500
    n_by_models: int = 260
    n_digested: int = 60
    n_faulty: int = 42


FULL = Extent()
_WAYS_APART = 6
"""A pack meets every sixth way to fail, and the next pack the ones beside them."""


@dataclass(frozen=True, eq=False)
class Generation:
    """Trials, the ledger of what came of them, and the seed of whatever is drawn."""

    trials: Sequence[Trial]
    ledger: Ledger
    seed: int
    extent: Extent = FULL

    def some(self, n: int) -> list[Trial]:
        """Return `n` trials, or as many as there are packs: of all families, and of each pack one output."""
        by_pack: dict[str, list[Trial]] = {}
        for one in self.trials:
            by_pack.setdefault(one.pack.pack_id, []).append(one)
        packs = list(by_pack.values())
        chosen = (packs[at * len(packs) // n] for at in range(min(n, len(packs))))
        return [some[at % len(some)] for at, some in enumerate(chosen)]


def run_generation(
    embedder: Embedder,
    recordings: Sequence[Recording],
    *,
    seed: int,
    open_library: OpenLibrary,
    extent: Extent = FULL,
) -> Answered:
    """Answer every case of the suite."""
    with library_of(open_library, embedder.card.key, recordings) as workspace:
        real = gather(workspace, embedder.card.key, seed=seed)
        ledger = Ledger({one.id: one.path for one in recordings})
        asked = Generation([*real, *variants(real, seed=seed)], ledger, seed, extent)
        measure_faults(asked, workspace)
    measure_texts(asked)
    measure_models(asked)
    measure_mutants(asked)
    measure_attacks(asked)
    measure_evidence(asked)
    measure_determinism(asked)
    return Answered(scores(asked), (_table(asked),))


def scores(asked: Generation) -> tuple[Score, ...]:
    """Return the answers to all cases, as far as they were measured."""
    extent, share, failures = asked.extent, asked.ledger.share, asked.ledger.failures
    return (
        share("citation_validity", "printed citations"),
        share("citation_recall", "served claims, cited as printed"),
        share("citation_precision", "citations"),
        share("numeric_fidelity", "printed numerals"),
        failures("unsupported_claims", "served claims", at_least=extent.n_true),
        share("lies_before", "claims that lying models drafted").model_copy(update={"evidence": ()}),
        failures("semantics_violations", "served claims", at_least=extent.n_claims),
        failures("injection_success", "attacked packs", at_least=min(extent.n_attacks, 200)),
        share("abstention_recall", "packs that must abstain"),
        share("abstention_precision", "packs that abstained"),
        share("mandatory_coverage", "facts that were due"),
        share("evidence_dependence", "packs with changed evidence"),
        share("fallback_honesty", "failures of a language model"),
        share("availability", "failures of a language model"),
        share("determinism", "processes"),
        share("mutation_score", "faulty drafts that were not true by chance", at_least=20 * extent.n_mutated),
        share("right_reason", "faulty drafts"),
        asked.ledger.least("weakest_fault", "told: ", "faults"),
        share("true_drafts_served", "true claims that benign models drafted"),
        asked.ledger.mean("words_a_sentence", "sentences, their citations aside"),
        share("ends_with_citations", "sentences"),
    )


def measure_texts(asked: Generation) -> None:
    """Read the template writer's text of every pack."""
    for trial in asked.trials:
        grounds = Grounds.of(trial.pack, DEFAULT_POLICY, trial.output)
        text = by_template(grounds)
        read(text, trial, grounds, asked.ledger)
        measure_abstention(text, trial, asked.ledger)


def read(text: GroundedText, trial: Trial, grounds: Grounds, ledger: Ledger) -> None:
    """Read a served text sentence by sentence, and note what is right and wrong about it."""
    content, names, note = trial.pack.model_dump_json(), names_in(trial.pack), ledger.note
    known = by_content(facts_of(grounds))
    for claim in text.claims:
        rendered = cited(claim)
        found = sentence(claim, rendered)
        stray = stray_ids(found, trial.pack)
        note(
            "citation_validity",
            trial,
            len(found.ids) - len(stray),
            max(len(found.ids), 1),
            f"{stray} in {rendered}",
            rendered,
        )
        as_printed = claim.model_copy(update={"support": found.support, "contra": found.contra})
        failure = failure_of(as_printed, grounds)
        note("citation_recall", trial, failure is None, words=f"{failure} in {rendered}", said=rendered)
        is_supported = is_true(claim, grounds, known) and not too_sure(found, trial.pack, DEFAULT_POLICY)
        note("unsupported_claims", trial, failure is None and is_supported, words=rendered)
        note("citation_precision", trial, *_precision(claim, grounds), words=rendered)
        loose = loose_numerals(found, content)
        numerals = _of_numerals(found, content, loose)
        note("numeric_fidelity", trial, *numerals, words=f"{loose} in {rendered}", said=rendered)
        words = forbidden_words(found, names)
        note("semantics_violations", trial, not words, words=f"{words} in {rendered}", said=rendered)
        ledger.measure("words_a_sentence", trial, n_words(found), rendered)
        note("ends_with_citations", trial, bool(found.ids) and rendered.endswith(("].", "]")), words=rendered)
    given = {(one.kind, one.code) for one in text.claims}
    given |= {(kind, None) for kind, _ in given}
    for kind, code in due(trial.pack, DEFAULT_POLICY, trial.output):
        fact = f"{kind} {code or ''}".strip()
        note("mandatory_coverage", trial, (kind, code) in given, words=f"no {fact}", said=f"{fact} is stated")


def measure_abstention(text: GroundedText, trial: Trial, ledger: Ledger) -> None:
    """Note whether a text abstains where it must: by how the pack was made, and by what the reader finds in it."""
    abstains = any(one.kind == "abstention" for one in text.claims) and not names_a_taxon(text)
    must = must_abstain(trial.pack, DEFAULT_POLICY)
    if trial.must_abstain is not None and must != trial.must_abstain:
        ledger.note("abstention_recall", trial, False, words="the pack is not what it was made to be")
    if must:
        ledger.note("abstention_recall", trial, abstains, words=" ".join(one.text for one in text.claims))
    if abstains:
        ledger.note("abstention_precision", trial, must, words=" ".join(one.text for one in text.claims))


def measure_models(asked: Generation) -> None:
    """Let scripted language models select and plan; note what they draft, and read what is served of it."""
    for at, trial in enumerate(asked.some(asked.extent.n_by_models)):
        grounds = Grounds.of(trial.pack, DEFAULT_POLICY, trial.output)
        found = facts_of(grounds)
        known = by_content(found)
        modes: tuple[Mode, ...] = ("select", "plan")
        for mode in modes:
            task = task_of(mode, grounds)
            if task is None:
                continue
            honest, liar = benign(task, found, asked.seed + at), lying(task, found, asked.seed + at)
            for model in (honest, liar):
                try:
                    text = written_by(model, mode, grounds)
                except Exception as error:  # noqa: BLE001  # the validator never may
                    asked.ledger.note("unsupported_claims", trial, False, words=repr(error))
                    continue
                read(text, trial, grounds, asked.ledger)
                measure_abstention(text, trial, asked.ledger)
                drafted = task.read(model.reply(task.question)).claims
                if model is honest:
                    _note_yield(drafted, text, trial, asked.ledger)
                elif isinstance(task, Plan):
                    lies = [one for one in drafted if not is_true(one, grounds, known)]
                    words = "; ".join(one.model_dump_json(exclude_defaults=True) for one in lies)
                    asked.ledger.note("lies_before", trial, len(lies), len(drafted), words=words)


def _note_yield(drafted: Sequence[Claim], text: GroundedText, trial: Trial, ledger: Ledger) -> None:
    served = {(one.kind, one.code, one.taxon, frozenset(one.support)) for one in text.claims}
    for one in drafted:
        is_served = (one.kind, one.code, one.taxon, frozenset(one.support)) in served
        codes = [each.code for each in text.dropped if each.claim.id == one.id]
        if not is_served and set(codes) & {"E_DUPLICATE", "E_INCOMPLETE", "E_CONTRADICTION"}:
            continue  # true, and said better by another claim, or half of a question
        ledger.note("true_drafts_served", trial, is_served, words=f"{codes} {one.model_dump_json()}")


def measure_mutants(asked: Generation) -> None:
    """Put one fault into each of many drafts, and note what the validator serves all the same."""
    for at, trial in enumerate(asked.some(asked.extent.n_mutated)):
        grounds = Grounds.of(trial.pack, DEFAULT_POLICY, trial.output)
        for one in mutants(grounds, asked.seed + at):
            metric = "mutants_true_by_chance" if one.is_equivalent else "mutation_score"
            asked.ledger.note(metric, trial, not one.survived, words=f"{one.operator}: {one.words}")
            if not one.is_equivalent:
                told = f"{one.operator} told as {', '.join(sorted(one.codes)) or 'nothing'}: {one.words}"
                is_found = one.is_rightly_told and not one.survived
                asked.ledger.note("right_reason", trial, one.is_rightly_told, words=told)
                asked.ledger.note(f"told: {one.operator}", trial, is_found, words=told)
            asked.ledger.note(f"operator: {one.operator}", trial, not one.survived)


def measure_attacks(asked: Generation) -> None:
    """Write about packs whose metadata tries to write the text."""
    chosen = [one for one in asked.some(60) if one.output != "hypotheses"]
    for attack in attacks(chosen, asked.extent.n_attacks, seed=asked.seed):
        trial = attack.trial._replace(name=attack.name, pack=attack.attacked)
        how = succeeds(attack)
        asked.ledger.note(
            "injection_success", trial, how is None, words=how or "", said="written of as of a harmless word"
        )


def measure_evidence(asked: Generation) -> None:
    """Change evidence, and note whether the text changes as it must and in nothing else."""
    for trial in asked.trials:
        if trial.family == "agreed" and trial.output == "interpretation":
            for name, difference in counterfactuals(trial.pack):
                note = trial._replace(name=f"{name}: {trial.name}")
                asked.ledger.note(
                    "evidence_dependence", note, difference is None, words=difference or "", said="as it must"
                )


def measure_faults(asked: Generation, workspace: Workspace) -> None:
    """Let language models fail in every way that there is, and note whether a text comes and says so."""
    usable = [one for one in asked.trials if one.family == "clean" and one.output == "interpretation"]
    modes: tuple[Mode, ...] = ("select", "plan", "polish")
    for at, trial in enumerate(usable[:: max(len(usable) // asked.extent.n_faulty, 1)]):
        grounds = Grounds.of(trial.pack, grounding_policy(workspace, trial.pack), trial.output)
        template = by_template(grounds)
        for mode in modes:
            task = task_of(mode, grounds)
            ways = broken(task.question) if task is not None else []
            for way, reply in ways[at % _WAYS_APART :: _WAYS_APART]:
                model = Scripted(reply)
                named = trial._replace(name=f"{mode}, {way}: {trial.name}")
                try:
                    text = write(replace(workspace, language=model, language_mode=mode), trial.pack, trial.output)
                except Exception as error:  # noqa: BLE001  # whatever comes out is what a user would have met
                    asked.ledger.note("availability", named, False, words=repr(error))
                    continue
                asked.ledger.note("availability", named, True, said=text.generation.model_dump_json())
                record = text.generation
                is_honest = record.writer == "template" and bool(record.fallback_reason) and record.model == model.key
                is_whole = text.claims == template.claims and record.mode == mode
                asked.ledger.note("fallback_honesty", named, is_honest and is_whole, words=record.model_dump_json())


def measure_determinism(asked: Generation) -> None:
    """Write the same texts again, here and in processes with other hashes, locales and time zones."""
    some = asked.some(asked.extent.n_digested)
    packs = [Asked(one.pack.model_dump_json(), one.output) for one in some]
    first = digest(packs)
    with TemporaryDirectory(prefix="rab-eval-") as folder:
        for at, other in enumerate((digest(packs), *digests_elsewhere(packs, Path(folder)))):
            process = some[0]._replace(name=f"process {at}", recording=f"process {at}")
            asked.ledger.note("determinism", process, other == first, words=other)


def _precision(claim: Claim, grounds: Grounds) -> tuple[float, int]:
    """Return how many citations are needed, and how many there are together with those that are missing.

    What a claim needs is asked of its kind; of a resemblance, whose calls are chosen, each must bear it alone.
    """
    form = rules(grounds.output).forms.get(claim.kind)
    needs = Failure("E_KIND", "no such kind") if form is None else form.needs(claim, grounds)
    cited_ids = set(claim.citations)
    if isinstance(needs, Failure):
        return 0, max(len(cited_ids), 1)
    if claim.kind == "resemblance":
        near = {grounds.reading.id_of(one) for one in grounds.reading.near}
        needed = (set(claim.support) & near) | set(needs.contra)
    else:
        needed = set(needs.support | needs.contra)
    return len(cited_ids & needed), len(cited_ids | needed)


def _of_numerals(found: Sentence, content: str, loose: Sequence[str]) -> tuple[int, int]:
    n = max(n_numerals(found, content), len(loose))
    return n - len(loose), n


def _table(asked: Generation) -> str:
    """Return the packs by family, and the faulty drafts by operator, in Markdown."""
    return "\n".join((*_families(asked.trials), "", *_operators(asked.ledger)))


def _families(trials: Iterable[Trial]) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    for one in trials:
        counts[one.family, one.output] = counts.get((one.family, one.output), 0) + 1
    yield from ("| packs | output | n |", "|---|---|---|")
    yield from (f"| {family} | {output} | {n} |" for (family, output), n in sorted(counts.items()))


def _operators(ledger: Ledger) -> Iterator[str]:
    yield from ("| fault | drafts | survived |", "|---|---|---|")
    for metric in sorted(ledger.counts):
        if metric.startswith("operator: "):
            yield f"| {metric.removeprefix('operator: ')} | {ledger.n(metric):,} | {ledger.n_wrong(metric)} |"
