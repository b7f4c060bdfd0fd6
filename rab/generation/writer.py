"""From facts to a text: what is chosen among them, whoever chooses, is worded, validated and recorded in one way.

The template writer chooses by kind, so many of each. A language model chooses by what it thinks of a menu of the same
facts (`rab.generation.modes.menu`). After that there is one path, `grounded`: no writer has a way around the validator.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rab import __version__
from rab.domain import (
    AnnotationSuggestion,
    Claim,
    ClaimKind,
    DroppedClaim,
    EvidencePack,
    GenerationRecord,
    GroundedText,
    HypothesisPrompts,
    Interpretation,
    MonitoringSummary,
)
from rab.errors import InputError
from rab.generation.bound import COMPANIONS
from rab.generation.checks.validate import validated
from rab.generation.facts.base import Fact
from rab.generation.needs.base import Grounds, Output
from rab.generation.outputs import facts_of
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.wording.sentences import title_of
from rab.generation.wording.texts import prompts_sha256


class Shape(NamedTuple):
    """What an output is made into, and how many facts of a kind and code the template writer gives.

    Mandatory facts count, and are never left out. Of the kinds in `taxa` as many more are given as the policy counts.
    """

    text: type[GroundedText]
    most: Mapping[ClaimKind, int]
    taxa: frozenset[ClaimKind] = frozenset()


MOST_QUESTIONS = 3
"""Questions of one family."""

SHAPES: dict[Output, Shape] = {
    "interpretation": Shape(
        Interpretation,
        {
            "resemblance": 2,
            "difference": 1,
            "cluster_membership": 1,
            "call_type": 2,
            "taxon_vote": 1,
            "classifier_score": 1,
            "sequence_context": 2,
            "usual_sequence": 2,
        },
    ),
    "suggestion": Shape(AnnotationSuggestion, {}),
    "summary": Shape(
        MonitoringSummary,
        {
            "activity_count": 1,
            "occupancy": 5,
            "temporal_pattern": 4,
            "richness": 1,
            "novel_count": 1,
            "recorder_drift": 1,
            "model_agreement": 5,
        },
        frozenset({"effort", "activity_count", "noise", "comparison"}),
    ),
    "hypotheses": Shape(
        HypothesisPrompts, {"hypothesis_prompt": MOST_QUESTIONS, **dict.fromkeys(COMPANIONS, MOST_QUESTIONS)}
    ),
}
"""The outputs: a new one is a line here."""


def write_interpretation(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> Interpretation:
    """Say what a call resembles, how it differs, and how far that can be trusted.

    Raises `InputError` for a pack that has no query.
    """
    if pack.kind != "segment" or pack.query is None:
        raise InputError("an interpretation needs the Evidence Pack of a call", hint="gather one with `rab evidence`")
    written = by_template(Grounds.of(pack, policy, "interpretation"))
    assert isinstance(written, Interpretation)
    return written


def write_suggestion(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> AnnotationSuggestion:
    """Say what a call could be labelled, or why a person should listen to it first.

    Raises `InputError` for a pack that has no query.
    """
    if pack.kind != "segment" or pack.query is None:
        raise InputError("a suggestion needs the Evidence Pack of a call", hint="gather one with `rab evidence`")
    written = by_template(Grounds.of(pack, policy, "suggestion"))
    assert isinstance(written, AnnotationSuggestion)
    return written


def write_summary(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> MonitoringSummary:
    """Say what was heard: effort first, then taxa by number, hours, quality and caveats.

    Raises `InputError` for a pack that is not a summary's.
    """
    if pack.kind != "summary":
        raise InputError("a monitoring summary needs a summary's Evidence Pack", hint="make one with `rab summary`")
    written = by_template(Grounds.of(pack, policy, "summary"))
    assert isinstance(written, MonitoringSummary)
    return written


def write_hypotheses(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> HypothesisPrompts:
    """Ask what the screens of a library raise, each question with all that belongs to it.

    Raises `InputError` for a pack that is not of hypotheses.
    """
    if pack.kind != "hypotheses":
        raise InputError("hypothesis prompts need their own Evidence Pack", hint="make one with `rab hypotheses`")
    written = by_template(Grounds.of(pack, policy, "hypotheses"))
    assert isinstance(written, HypothesisPrompts)
    return written


def by_template(grounds: Grounds, record: GenerationRecord | None = None) -> GroundedText:
    """Return the text of an output as the template writer chooses its facts.

    `record` says who was asked before and why that came to nothing; None: nobody was.
    """
    found = facts_of(grounds)
    return grounded(grounds, selected(found, SHAPES[grounds.output], grounds.reading.policy), found, record)


def grounded(
    grounds: Grounds,
    claims: Iterable[Claim],
    found: Iterable[Fact],
    record: GenerationRecord | None = None,
    refused: tuple[DroppedClaim, ...] = (),
) -> GroundedText:
    """Validate claims, from whomever they come, and return what may be printed of them as the output's text.

    `refused` is what of them had to be left out before.
    """
    served, dropped = validated(claims, grounds, found)
    return SHAPES[grounds.output].text(
        title=title_of(grounds.reading, grounds.output),
        pack=grounds.reading.pack,
        claims=served,
        dropped=(*refused, *dropped),
        generation=_with_thresholds(record or recorded(), grounds),
    )


def _with_thresholds(record: GenerationRecord, grounds: Grounds) -> GenerationRecord:
    """Add what a text depends on beside its pack: the thresholds in force, and the calibrations that took part."""
    refs = {(one.score.model, one.calibration) for one in grounds.reading.pack.taxon_scores if one.calibration}
    versions = {f"{model} v{ref.version} of {ref.learned_on}" for model, ref in refs}
    return record.model_copy(
        update={
            "thresholds": grounds.reading.policy.model_dump(mode="json"),
            "calibrations": tuple(sorted(versions)),
        }
    )


def recorded(**who: object) -> GenerationRecord:
    """Return the record of a text: who wrote it, with the digest of all texts and the version of the code."""
    return GenerationRecord.model_validate({"prompts_sha256": prompts_sha256(), "code_version": __version__, **who})


def selected(found: Iterable[Fact], shape: Shape, policy: GroundingPolicy) -> list[Claim]:
    """Return what the template writer states: mandatory facts and the first of each kind and code, with ids `c1…`."""
    facts = enumerate(foremost(found, shape, policy), start=1)
    return [fact.claim.model_copy(update={"id": f"c{number}"}) for number, fact in facts]


def foremost(found: Iterable[Fact], shape: Shape, policy: GroundingPolicy, *, times: int = 1) -> list[Fact]:
    """Return mandatory facts and the first so many of each kind and code, in their order.

    `times` is how many times as many as the template writer states.
    """
    taken: Counter[tuple[ClaimKind, str | None]] = Counter()
    chosen: list[Fact] = []
    for fact in found:
        kind, form = fact.claim.kind, (fact.claim.kind, fact.claim.code)
        most = shape.most.get(kind, 0) + (policy.max_taxa if kind in shape.taxa else 0)
        if fact.mandatory or taken[form] < times * most:
            taken[form] += 1
            chosen.append(fact)
    return chosen
