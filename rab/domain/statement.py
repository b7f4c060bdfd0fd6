"""Claim: a statement is data before it is text. Interpretation and MonitoringSummary: what readers get.

A claim names its kind, its citations, its quantities and its taxon; prose is rendered from claims that held against the
pack, never the other way round. What the validator removed stands in `dropped`, with the code of the reason.
"""

from typing import Literal

from pydantic import Field, computed_field

from rab.domain.embedding import ModelCredit
from rab.domain.evidence import EvidencePack
from rab.domain.value import Value

ClaimKind = Literal[
    "signal_quality",
    "abstention",
    "caveat",
    "resemblance",
    "difference",
    "cluster_membership",
    "call_type",
    "taxon_vote",
    "classifier_score",
    "conflict",
    "sequence_context",
    "usual_sequence",
    "novelty",
    "label_suggestion",
    "review_request",
    "existing_label",
    "effort",
    "activity_count",
    "temporal_pattern",
    "quality_profile",
    "occupancy",
    "richness",
    "review_coverage",
    "novel_count",
    "recorder_drift",
    "noise",
    "model_agreement",
    "comparison",
    "screening",
    "hypothesis_prompt",
    "screen_evidence",
    "counter_evidence",
    "artefact",
    "refutation",
    "test_query",
]
Hedge = Literal["plain", "tentative"]


class Quantity(Value):
    """A number that a claim prints. It must be the pack's own, in value, unit, decimals and sources."""

    ref: str
    """Item id and name (`n1.38d0:similarity`), or a figure of the whole pack (`vote:Turdus merula`)."""
    value: float
    unit: str
    decimals: int
    source: tuple[str, ...]
    """Item ids the number rests on."""


class Claim(Value):
    """One statement: what it says as data, what supports it, what speaks against it, and its words."""

    id: str
    kind: ClaimKind
    code: str | None = None
    """Reason of an abstention, code of a caveat, or which form of its kind (`total`, `site` or `gaps` of an effort)."""
    taxon: str | None = None
    support: tuple[str, ...]
    contra: tuple[str, ...] = ()
    """Computed, never chosen: dissent is always cited."""
    quantities: tuple[Quantity, ...] = ()
    hedge: Hedge = "plain"
    confidence: float | None = None
    """The calibrated probability of a classifier's score, as the pack has it; None without one."""
    text: str = ""
    """The sentence without its citations; empty until it is worded."""
    text_origin: Literal["template", "model"] = "template"

    @property
    def citations(self) -> tuple[str, ...]:
        """Support first, then dissent."""
        return self.support + self.contra


class DroppedClaim(Value):
    """A claim that did not hold, and why."""

    claim: Claim
    code: str
    """Stable code, such as `E_CITE_UNKNOWN`."""
    reason: str


class GenerationRecord(Value):
    """Who wrote the words, from which texts."""

    writer: Literal["template", "model", "mixed"] = "template"
    mode: Literal["template", "select", "plan", "polish"] = "template"
    model: str | None = None
    attempts: int = 0
    fallback_reason: str | None = None
    prompts_sha256: str
    """Digest of every text the writer was given."""
    code_version: str
    thresholds: dict[str, float | None] = Field(default_factory=dict)
    """The grounding policy in force: what counted as near, as a candidate, as weak, and what it was learned in."""
    calibrations: tuple[str, ...] = ()
    """The calibrations that took part: `birdnet-v2.4 v3 of 2026-11-02`."""


class GroundedText(Value):
    """Validated claims about one Evidence Pack, in reading order."""

    title: str
    pack: EvidencePack
    claims: tuple[Claim, ...]
    dropped: tuple[DroppedClaim, ...] = ()
    generation: GenerationRecord

    @property
    def models(self) -> tuple[ModelCredit, ...]:
        """The models behind the text, with their licences."""
        return self.pack.models


class Interpretation(GroundedText):
    """What one call resembles, how it differs, and how far that can be trusted."""


class MonitoringSummary(GroundedText):
    """What was heard over an interval, with effort, counts, times and quality."""


class HypothesisPrompts(GroundedText):
    """Questions that screens of a library raise, each with evidence, counter-evidence and what would refute it."""


SuggestionOutcome = Literal["suggested", "review", "labelled", "abstained"]
"""A name is suggested; a person is asked to listen; a person already did; there is nothing to name."""


class AnnotationSuggestion(GroundedText):
    """What a call could be labelled, or why a person should listen to it first. Nothing in it is a label yet."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def outcome(self) -> SuggestionOutcome:
        """What came of it. A name is only ever suggested."""
        kinds = {(claim.kind, claim.code) for claim in self.claims}
        if ("label_suggestion", None) in kinds:
            return "suggested"
        if self.reasons:
            return "review"
        return "labelled" if ("existing_label", "given") in kinds else "abstained"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def taxon(self) -> str | None:
        """Scientific name of the suggested label; None where none is suggested."""
        return next((claim.taxon for claim in self.claims if claim.kind == "label_suggestion"), None)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of the reasons for which a person is asked to listen, gravest first."""
        return tuple(claim.code for claim in self.claims if claim.kind == "review_request" and claim.code)
