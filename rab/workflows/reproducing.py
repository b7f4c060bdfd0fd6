"""Reproducing: ask the library again what a report asked, and say whether the answer is the same, to the byte.

A report that a language model took part in is not asked of the model again: its recorded selection is played back, and
every statement of it has to hold against the evidence as it is gathered now.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from rab import __version__
from rab.domain import AggregateEntry, Claim, EvidencePack, GroundedText, SegmentFilter, Value
from rab.domain.filter import parse_filter
from rab.errors import InputError, NotFound, Ungrounded
from rab.evidence.segment_pack import EvidencePolicy
from rab.evidence.summary_pack import SummaryPolicy
from rab.generation.checks.validate import validated
from rab.generation.needs.base import Grounds, Output
from rab.generation.outputs import facts_of
from rab.generation.policy import GroundingPolicy
from rab.generation.wording.texts import prompts_sha256
from rab.generation.writer import by_template, grounded, recorded
from rab.logs import canonical_line
from rab.reports import Passage, Question, Report, check_files, read_report, render_json
from rab.reports.aggregates import name_words
from rab.reports.printing import denominator, figure
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

    Raises `NotFound` where there is none, `InputError` for one that cannot be read, or of which a file was changed, and
    `Ungrounded` for one with a sentence that is not true of its evidence, however it was sealed.
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
    written = read_report(path)
    check_files(path)
    for one in written.passages:
        _check_sentences(one.output, one.text)
    return written


_UNTRUE = "the report was changed by hand, or this is other code of the same version; write it again with `rab report`"


def _check_sentences(output: Output, text: GroundedText) -> None:
    """Refuse a text that the validator would not print; one of another version is left to the comparison."""
    if (text.generation.code_version, text.generation.prompts_sha256) != (__version__, prompts_sha256()):
        return
    try:
        policy = GroundingPolicy.model_validate(text.generation.thresholds)
    except ValidationError as error:
        raise InputError(
            f"the thresholds of {text.title!r} were changed by hand: {error.errors()[0]['msg']}",
            hint="write it again with `rab report`",
        ) from error
    grounds = Grounds.of(text.pack, policy, output)
    served, _ = validated(text.claims, grounds, facts_of(grounds))
    for claim in text.claims:
        if claim not in served:
            raise Ungrounded(
                f"{text.title!r} says {claim.text!r}, which its Evidence Pack does not say",
                hint=_UNTRUE,
            )
    if left_out := [claim.text for claim in served if claim not in text.claims]:
        raise Ungrounded(
            f"{text.title!r} leaves out what has to be said: {left_out[0]}",
            hint=_UNTRUE,
        )


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
        found = _compared(workspace, written, rebuilt)
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
    for item_id in {*claim.citations, *(one for quantity in claim.quantities for one in quantity.source)}:
        moved = moved.replace(item_id, f"{item_id.removesuffix(old.salt)}{new.salt}")
    return Claim.model_validate_json(moved).model_copy(update={"text": text})


def _compared(workspace: Workspace, then: Report, now: Report) -> Reproduction:
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
        reasons=()
        if is_identical
        else tuple(dict.fromkeys((*_label_reasons(workspace, then, now), *_reasons(then, now)))),
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
        before, after = (() if text is None else text.claims for text in (old, new))
        said, still_said = Counter(map(_said, before)), Counter(map(_said, after))
        gone, new_ones = _beyond(before, still_said), _beyond(after, said)
        for one in gone:
            other = next((other for other in new_ones if _said(other)[:3] == _said(one)[:3]), None)
            if other is not None:
                new_ones.remove(other)
            yield Difference(text=name, then=_sentence(one), now=None if other is None else _sentence(other))
        for other in new_ones:
            yield Difference(text=name, then=None, now=_sentence(other))


def _said(claim: Claim) -> tuple[str, str | None, str | None, str]:
    """Return what a claim says, and of what. Evidence is numbered anew with anything in its pack, and no part of it."""
    return claim.kind, claim.code, claim.taxon, claim.text


def _beyond(claims: Sequence[Claim], others: Counter[tuple[str, str | None, str | None, str]]) -> list[Claim]:
    """Return the claims that the others do not say, or not as often."""
    left = others.copy()
    found = []
    for one in claims:
        if left[_said(one)] > 0:
            left[_said(one)] -= 1
        else:
            found.append(one)
    return found


def _sentence(claim: Claim) -> str:
    """Return a statement with what it cites, by keys: the salt of an id changes with anything in its pack."""
    return f"{claim.text} [{', '.join(item.partition('.')[0] for item in claim.citations)}]"


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
            yield from (f"{name}: {words}" for words in _figure_reasons(old.pack, new.pack))
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


def _label_reasons(workspace: Workspace, then: Report, now: Report) -> Iterator[str]:
    """Yield what people, or tables, have said since of calls of the library, where any evidence is other now."""
    if [pack.pack_id for pack in then.packs] == [pack.pack_id for pack in now.packs]:
        return
    said = workspace.catalog.labels(then.packs[0].library.space, SegmentFilter())
    since = Counter(f"{one.taxon} by {one.author}" for _, one in said if one.labelled_at > then.created_at)
    if n := since.total():
        names = [f"{words} ({times:,})" for words, times in since.most_common(_MOST_LABELS)]
        names += ["others"] if len(since) > _MOST_LABELS else []
        yield f"{n:,} {'label was' if n == 1 else 'labels were'} given since the report was written: {', '.join(names)}"


_MOST_LABELS = 5
_MOST_FIGURES = 10
"""Labels, and figures of a pack, that are told one by one."""


def _figure_reasons(old: EvidencePack, new: EvidencePack) -> Iterator[str]:
    """Yield the figures that are others now, by name and group; those that look alike come last."""
    before, after = ({(one.name, one.group): one for one in pack.aggregates} for pack in (old, new))
    changed = [
        (_words(before.get(name)), _words(after.get(name)), after.get(name) or before[name])
        for name in {**before, **after}
        if _content(before.get(name)) != _content(after.get(name))
    ]
    changed.sort(key=lambda one: one[0] == one[1])
    for was, is_now, entry in changed[:_MOST_FIGURES]:
        group = f", {entry.group_words or entry.group}" if entry.group else ""
        values = f"{was} then, {is_now} now" if was != is_now else f"{was} as then, of other rows or calls"
        yield f"{name_words(entry.name)}{group}: {values}"
    if len(changed) > _MOST_FIGURES:
        yield f"{len(changed) - _MOST_FIGURES:,} figures more are others now"


def _content(entry: AggregateEntry | None) -> AggregateEntry | None:
    """Return a figure without its key, which is its place in the pack."""
    return None if entry is None else entry.model_copy(update={"key": ""})


def _words(entry: AggregateEntry | None) -> str:
    if entry is None:
        return "none"
    over = denominator(entry)
    word = "of" if entry.unit in ("%", entry.denominator_unit) else "in"
    return (figure(entry) if over is None else f"{figure(entry)} {word} {over}").replace("\N{NO-BREAK SPACE}", " ")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
