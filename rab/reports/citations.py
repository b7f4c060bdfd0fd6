"""Statements with their citations as links: every sentence ends in chips, and every chip leads to an entry on the page.

Ids of entries are unique within a pack, and two packs may share a salt, so an anchor is the text's own prefix and the
full id: `summary-a1.38d0`, `i2-n1.9fa2`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rab.domain import (
    AggregateEntry,
    Claim,
    ContrastEntry,
    DroppedClaim,
    ExemplarEntry,
    FollowingEntry,
    GroundedText,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.errors import Ungrounded
from rab.reports.aggregates import name_words
from rab.reports.calls import Call
from rab.reports.printing import denominator, figure, said_by, span

KIND_WORDS: dict[str, str] = {
    "signal_quality": "Signal",
    "abstention": "Abstention",
    "caveat": "Caveat",
    "resemblance": "Resemblance",
    "difference": "Difference",
    "cluster_membership": "Cluster",
    "taxon_vote": "Neighbours",
    "classifier_score": "Classifier",
    "conflict": "Conflict",
    "sequence_context": "Sequence",
    "usual_sequence": "Usual sequence",
    "novelty": "Novelty",
    "label_suggestion": "Suggestion",
    "review_request": "Please listen",
    "existing_label": "Label",
    "effort": "Effort",
    "activity_count": "Detections",
    "temporal_pattern": "Time",
    "quality_profile": "Quality",
    "occupancy": "Sites",
    "richness": "Richness",
    "review_coverage": "Review",
    "novel_count": "Novelty",
    "recorder_drift": "Recorders",
    "noise": "Noise",
    "model_agreement": "Models",
    "comparison": "Comparison",
    "screening": "Screens",
    "hypothesis_prompt": "Question",
    "screen_evidence": "Evidence",
    "counter_evidence": "Against",
    "artefact": "Artefact",
    "refutation": "Refuted by",
    "test_query": "Look again",
}
"""Claim kind → the label in the margin."""

_N_LISTEN = 3
"""Calls behind its figures that one statement offers for listening."""
CallEntry = QueryEntry | NeighbourEntry | PrototypeEntry | SequenceStep | ExemplarEntry
"""Entries that are a call."""
_RESTORED = "E_MISSING_MANDATORY"
_SILENT = ("abstention", "caveat")
"""Kinds that are about the evidence, so that no call sounds like them."""


@dataclass(frozen=True)
class Chip:
    """A citation: the entry's short key, where it stands on the page, and what it says."""

    key: str
    item_id: str
    anchor: str
    """Where it leads: to the card of its call, where that can be seen; else to the entry itself."""
    words: str
    against: bool
    """Whether the entry speaks against the statement."""


@dataclass(frozen=True)
class Statement:
    """A claim with its chips, and the calls that can be heard for it."""

    number: int
    anchor: str
    claim: Claim
    chips: tuple[Chip, ...]
    listen: tuple[Call, ...]

    @property
    def kind_words(self) -> str:
        """What sort of statement it is."""
        return KIND_WORDS.get(self.claim.kind, self.claim.kind.replace("_", " "))


@dataclass(frozen=True, eq=False)
class CitedText:
    """A grounded text with its statements as the page shows them. Raises `Ungrounded` for a citation without entry."""

    prefix: str
    words: str
    """What the text is called on the page: `Interpretation 2`."""
    text: GroundedText
    calls: Mapping[str, Call]

    def anchor(self, key: str) -> str:
        """Return the id on the page of an entry of the pack."""
        return f"{self.prefix}-{self.text.pack.item_id(key)}"

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The claims in reading order."""
        return tuple(self._statement(number, claim) for number, claim in enumerate(self.text.claims, start=1))

    @cached_property
    def abstentions(self) -> tuple[Statement, ...]:
        """The statements that say why nothing more is said."""
        return tuple(one for one in self.statements if one.claim.kind == "abstention")

    @cached_property
    def removed(self) -> tuple[DroppedClaim, ...]:
        """What the validator took out."""
        return tuple(one for one in self.text.dropped if one.code != _RESTORED)

    @cached_property
    def restored(self) -> tuple[DroppedClaim, ...]:
        """What was due and left out; the validator put it back."""
        return tuple(one for one in self.text.dropped if one.code == _RESTORED)

    @cached_property
    def cited_by(self) -> dict[str, tuple[Statement, ...]]:
        """Entry key → the statements that cite it."""
        found: dict[str, tuple[Statement, ...]] = {}
        for statement in self.statements:
            for chip in statement.chips:
                found[chip.key] = (*found.get(chip.key, ()), statement)
        return found

    def chip(self, entry: PackItem, *, against: bool = False) -> Chip:
        """Return the citation of an entry."""
        item_id = self.text.pack.item_id(entry.key)
        call = self.call(entry)
        anchor = call.anchor if call is not None and call.is_pictured else self.anchor(entry.key)
        return Chip(entry.key, item_id, anchor, entry_words(entry), against)

    def call(self, entry: PackItem) -> Call | None:
        """Return the call that an entry names; None for an entry that is a figure."""
        return self.calls[entry.call.segment_id] if isinstance(entry, CallEntry) else None

    def words_of(self, entry: PackItem) -> str:
        """Return in a line what an entry of the pack says."""
        return entry_words(entry)

    def entries_of(self, call: Call) -> tuple[PackItem, ...]:
        """Return the entries of the pack that are this call, in the pack's order."""
        return self._by_call.get(call.ref.segment_id, ())

    @cached_property
    def _by_call(self) -> dict[str, tuple[PackItem, ...]]:
        found: dict[str, tuple[PackItem, ...]] = {}
        for entry in self.text.pack.items.values():
            calls = (entry.call,) if isinstance(entry, CallEntry) else getattr(entry, "exemplars", ())
            for segment_id in dict.fromkeys(call.segment_id for call in calls):
                found[segment_id] = (*found.get(segment_id, ()), entry)
        return found

    def _statement(self, number: int, claim: Claim) -> Statement:
        entries = {item_id: self._entry(claim, item_id) for item_id in claim.citations}
        if not entries:
            raise Ungrounded(
                f"statement {claim.id} of {self.text.title!r} cites nothing",
                hint="write the text again from its Evidence Pack; nothing is printed without a citation",
            )
        return Statement(
            number=number,
            anchor=f"{self.prefix}-statement-{number}",
            claim=claim,
            chips=tuple(self.chip(entry, against=item_id in claim.contra) for item_id, entry in entries.items()),
            listen=() if claim.kind in _SILENT else self._audible(list(entries.values())),
        )

    def _entry(self, claim: Claim, item_id: str) -> PackItem:
        entry = self.text.pack.items.get(item_id)
        if entry is None:
            raise Ungrounded(
                f"statement {claim.id} of {self.text.title!r} cites {item_id}, which its Evidence Pack does not hold",
                hint="write the text again from the pack that is printed with it",
            )
        return entry

    def _audible(self, entries: list[PackItem]) -> tuple[Call, ...]:
        """Return the first calls behind figures that can be heard in the document; other entries are calls."""
        groups = [entry.exemplars for entry in entries if isinstance(entry, AggregateEntry | FollowingEntry)]
        calls = dict.fromkeys(call.segment_id for calls in groups for call in calls)
        return tuple(self.calls[one] for one in calls if self.calls[one].media is not None)[:_N_LISTEN]


def entry_words(entry: PackItem) -> str:
    """Return in a line what an entry of a pack says."""
    match entry:
        case QueryEntry():
            return f"The call itself: {entry.call.file_name}, {span(entry.call)}"
        case NeighbourEntry():
            name = "unnamed" if entry.name is None else f"{entry.name.common_name}, {said_by(entry.name)}"
            return f"Neighbour, similarity {entry.similarity:.3f}: {name}"
        case PrototypeEntry():
            return f"Prototype of cluster {entry.cluster_id}, similarity {entry.similarity:.3f}"
        case SequenceStep():
            return f"{step_words(entry)}: {'unnamed' if entry.name is None else entry.name.common_name}"
        case FollowingEntry():
            share = f"{entry.n_followed} of {entry.n}"
            return (
                f"{entry.other_id} {entry.direction} {entry.cluster_id}, within {entry.within_ms / 1000:g} s: {share}"
            )
        case FollowingEntry():
            return (
                f"Cluster {entry.other_id} {entry.direction} cluster {entry.cluster_id}, within"
                f" {entry.within_ms / 1000:g} s: {entry.n_followed} of {entry.n}"
            )
        case ContrastEntry():
            return f"{entry.family.replace('_', ' ')}: {entry.direction} {entry.measure.replace('_', ' ')}"
        case ExemplarEntry():
            return f"Exemplar of {entry.contrast}, {entry.group}: {entry.call.file_name}, {span(entry.call)}"
        case TaxonScoreEntry():
            return f"Classifier: {entry.score.taxon.common_name}, raw score {entry.score.raw_score:.3f}"
        case AggregateEntry():
            group = f", {entry.group_words or entry.group}" if entry.group else ""
            word = "of" if entry.unit in ("%", entry.denominator_unit) else "in"
            over = f" {word} {denominator(entry)}" if entry.denominator is not None else ""
            return f"{name_words(entry.name)}{group}: {figure(entry)}{over}"


def step_words(step: SequenceStep) -> str:
    """Return where in the sequence a step stands."""
    steps = abs(step.offset)
    side = "before" if step.offset < 0 else "after"
    return f"{steps} {'call' if steps == 1 else 'calls'} {side}"
