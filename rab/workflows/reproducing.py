"""Reproducing: ask the library again what a report asked, and say whether the answer is the same, to the byte.

A report that a language model took part in is not asked of the model again: its recorded selection is played back, and
every statement of it has to hold against the evidence as it is gathered now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from pydantic import ValidationError

from rab.domain import Claim, EvidencePack, GroundedText, Value
from rab.domain.filter import parse_filter
from rab.errors import InputError, NotFound
from rab.evidence.segment_pack import EvidencePolicy
from rab.evidence.summary_pack import SummaryPolicy
from rab.generation.facts import facts_of
from rab.generation.needs import Grounds, Output
from rab.generation.writer import by_template, grounded, recorded
from rab.logs import canonical_line
from rab.reports import Passage, Question, Report, read_report, render_json
from rab.workflows.calibrating import grounding_policy
from rab.workflows.reporting import OtherSide, compose, passages_of
from rab.workflows.workspace import Workspace


class Difference(Value):
    """A statement that is not the same: as it was written, and as it would be written now."""

    text: str
    """Which text of the report it stands in: `interpretation 2`."""
    then: str | None
    now: str | None


class Reproduction(Value):
    """A report made again, and how it compares."""

    report: str
    is_identical: bool
    """Whether the JSON is the same to the byte, but for when it was written."""
    pack_ids: tuple[str, ...]
    """Of the Evidence Packs as they were gathered now."""
    n_same_packs: int
    """Packs of the report that were gathered again with the same content."""
    n_packs: int
    differences: tuple[Difference, ...] = ()
    reasons: tuple[str, ...] = ()


def find_report(workspace: Workspace, named: str) -> Report:
    """Return a report by its folder, one of its files, its id, or the beginning of its id.

    Raises `NotFound` where there is none, `InputError` for one that cannot be read or was changed.
    """
    path = Path(named)
    if path.is_dir():
        path = path / "report.json"
    elif not path.is_file():
        found = [one for one in workspace.catalog.reports() if one.id.startswith(named)]
        if len(found) != 1:
            raise NotFound(
                f"there is no report {named}" if not found else f"{len(found)} reports begin with {named}",
                hint="name its folder, its report.json, or the id in its foot",
            )
        path = Path(found[0].path)
    path = path.with_suffix(".json")
    if not path.is_file():
        raise NotFound(f"there is no {path}", hint="a report is made again from the report.json beside its pages")
    return read_report(path)


def reproduce(workspace: Workspace, written: Report) -> Reproduction:
    """Make a report again from the library and compare. The Evidence Packs that are gathered are kept.

    Raises `InputError` for a report that the library alone cannot answer, `NotFound` when a call or model is gone.
    """
    question = written.question
    if not question.is_repeatable:
        raise InputError(
            f"report {written.name} cannot be made again: a call in it was heard in a file outside the library",
            hint="take the file into the library with `rab ingest`, and report on its segments",
        )
    with canonical_line("reproduce", report=written.name) as line:
        rebuilt = _rebuilt(_as_then(workspace, question), written)
        found = _compared(written, rebuilt)
        line.update(is_identical=found.is_identical, n_differences=len(found.differences))
    return found


def _as_then(workspace: Workspace, question: Question) -> Workspace:
    """Return the workspace under the report's own policies, with templates writing."""
    try:
        evidence = EvidencePolicy.model_validate(question.policies.get("evidence", {}))
        summary = SummaryPolicy.model_validate(question.policies.get("summary", {}))
    except ValidationError as error:
        raise InputError(
            f"the report was written under policies that this version does not have: {error.errors()[0]['msg']}",
            hint="write it again with `rab report`",
        ) from error
    return replace(workspace, language=None, evidence=evidence, summary=summary)


def _rebuilt(workspace: Workspace, written: Report) -> Report:
    question = written.question
    other = question.compared_to
    side: OtherSide = "previous" if other == "previous" else None if other is None else parse_filter(other)
    passages = passages_of(workspace, question, where=parse_filter(question.where), compared_to=side)
    then = {(one.output, one.text.pack.subject): one.text for one in written.passages}
    played = [
        Passage(output=one.output, text=_played_back(workspace, one.output, old, one.text))
        if (old := then.get((one.output, one.text.pack.subject))) is not None and old.generation.mode != "template"
        else one
        for one in passages
    ]
    return compose(workspace, question, played)


def _played_back(workspace: Workspace, output: Output, old: GroundedText, new: GroundedText) -> GroundedText:
    """Write the statements that were chosen then of the pack as it is now; each has to hold against it."""
    who = old.generation.model_dump(include={"writer", "mode", "model", "attempts", "fallback_reason"})
    record = recorded(**who)
    grounds = Grounds.of(new.pack, grounding_policy(workspace, new.pack), output)
    if record.writer == "template":
        return by_template(grounds, record)
    claims = [_resalted(claim, old.pack, new.pack) for claim in old.claims]
    return grounded(grounds, claims, facts_of(grounds), record, old.dropped)


def _resalted(claim: Claim, old: EvidencePack, new: EvidencePack) -> Claim:
    """Return a claim with the ids of another pack, to be worded anew where a template words it."""
    text = claim.text if claim.text_origin == "model" else ""
    moved = claim.model_copy(update={"text": ""}).model_dump_json()
    for item_id in {*claim.citations, *(one for figure in claim.quantities for one in figure.source)}:
        moved = moved.replace(item_id, f"{item_id.removesuffix(old.salt)}{new.salt}")
    return Claim.model_validate_json(moved).model_copy(update={"text": text})


def _compared(then: Report, now: Report) -> Reproduction:
    same_time = now.model_copy(update={"created_at": then.created_at})
    is_identical = render_json(then) == render_json(same_time)
    ids = {pack.pack_id for pack in now.packs}
    return Reproduction(
        report=then.name,
        is_identical=is_identical,
        pack_ids=tuple(pack.pack_id for pack in now.packs),
        n_same_packs=sum(pack.pack_id in ids for pack in then.packs),
        n_packs=len(then.packs),
        differences=() if is_identical else tuple(_differences(then, now)),
        reasons=() if is_identical else tuple(dict.fromkeys(_reasons(then, now))),
    )


def _pairs(then: Report, now: Report) -> Iterator[tuple[str, GroundedText | None, GroundedText | None]]:
    """Yield the texts of both reports side by side, by output and subject; then those that only one of them has."""
    of_now = {(one.output, one.text.pack.subject): one.text for one in now.passages}
    numbers: dict[Output, int] = {}
    for one in then.passages:
        numbers[one.output] = numbers.get(one.output, 0) + 1
        name = one.output if one.output == "summary" else f"{one.output} {numbers[one.output]}"
        yield name, one.text, of_now.pop((one.output, one.text.pack.subject), None)
    for (output, _), text in of_now.items():
        yield f"{output}, new", None, text


def _differences(then: Report, now: Report) -> Iterator[Difference]:
    for name, old, new in _pairs(then, now):
        before, after = (_sentences(text) for text in (old, new))
        for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if tag != "equal":
                for one, other in zip_longest(before[i:j], after[k:m]):
                    yield Difference(text=name, then=one, now=other)


def _sentences(text: GroundedText | None) -> Sequence[str]:
    """Return statements with what they cite, by keys: the salt of an id changes with anything in its pack."""
    if text is None:
        return []
    return [f"{one.text} [{', '.join(item.partition('.')[0] for item in one.citations)}]" for one in text.claims]


def _reasons(then: Report, now: Report) -> Iterator[str]:
    for name, old, new in _pairs(then, now):
        if old is None or new is None:
            yield f"{name}: the call is {'among those that are told of now' if old is None else 'no longer told of'}"
            continue
        yield from _library_reasons(old.pack, new.pack)
        if old.generation.code_version != new.generation.code_version:
            yield f"written by RAB {old.generation.code_version}; this is RAB {new.generation.code_version}"
        if old.generation.prompts_sha256 != new.generation.prompts_sha256:
            yield "the texts of which sentences are made changed: their digest is another"
        if old.generation.thresholds != new.generation.thresholds:
            yield "thresholds in force changed, by another calibration or another version of RAB"
        if old.generation.calibrations != new.generation.calibrations:
            was, now_is = (_listed(text.generation.calibrations) for text in (old, new))
            yield f"calibrations were {was}, and are {now_is}"
        if old.pack.pack_id != new.pack.pack_id:
            parts = [part for part in _PARTS if getattr(old.pack, part) != getattr(new.pack, part)]
            yield f"{name}: the Evidence Pack differs in {', '.join(parts).replace('_', ' ') or 'its form'}"
    for part, words in _OF_RECORDINGS.items():
        if getattr(then, part) != getattr(now, part):
            yield f"{words} now"


_OF_RECORDINGS = {
    "title": "the title is another",
    "recording_licences": "the licences known of recordings are others",
    "caveats": "what could not be known of recordings is another list",
    "failures": "the files that could not be read are others",
    "skipped": "the files left out on purpose are others",
}
"""Parts of a report beside its texts, and what is said where one of them changed."""

_PARTS = tuple(name for name in EvidencePack.model_fields if name != "thumbnails")


def _library_reasons(old: EvidencePack, new: EvidencePack) -> Iterator[str]:
    more = new.library.n_segments - old.library.n_segments
    if more:
        change = f"{abs(more):,} segments {'more' if more > 0 else 'fewer'}"
        yield (
            f"the library changed since: {change} match {new.library.filter_words}"
            f" ({old.library.n_segments:,} then, {new.library.n_segments:,} now)"
        )
    if old.models != new.models:
        yield "the models, or their weights, are others now"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
