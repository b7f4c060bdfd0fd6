"""Reading: a pack read once under a policy. The terms in which facts are found and claims are checked.

What "near", "candidate", "independent" and "must abstain" mean is decided here and nowhere else. The enumerator
(`rab.generation.facts`) and the checker (`rab.generation.needs`) share these terms and nothing more: one composes
claims, the other asks of a claim, whoever made it, what it would have to cite.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from rab.domain import (
    CallName,
    CallRef,
    ClaimKind,
    EvidencePack,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.domain.statement import Hedge
from rab.generation.policy import GroundingPolicy
from rab.generation.reading.tally import Tally

NAMING_KINDS: frozenset[ClaimKind] = frozenset({"taxon_vote", "classifier_score"})
"""Kinds that cannot be stated without a taxon."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A pack in the terms of a policy."""

    pack: EvidencePack
    policy: GroundingPolicy

    @cached_property
    def tally(self) -> Tally:
        """The aggregates of a summary."""
        return Tally(self.pack.aggregates, self.policy)

    def id_of(self, item: PackItem) -> str:
        """Return an item's full id."""
        return self.pack.item_id(item.key)

    def ids_of(self, items: Iterable[PackItem]) -> tuple[str, ...]:
        """Return the full ids of items, in their order."""
        return tuple(self.id_of(item) for item in items)

    # The query

    @cached_property
    def query(self) -> QueryEntry | None:
        """The call in question."""
        return self.pack.query

    @cached_property
    def snr_db(self) -> float | None:
        """SNR of the query; None when it was not measured."""
        return None if self.query is None else self.query.quality.snr_db

    @cached_property
    def weak_signal(self) -> bool:
        """Whether statements about the query are tentative on account of its SNR."""
        return self.snr_db is None or self.snr_db < self.policy.weak_signal_db

    @cached_property
    def holds_call(self) -> bool:
        """Whether there is anything in the query that could resemble a call."""
        if self.query is None:
            return False
        quality = self.query.quality
        return not self.is_remnant and not quality.silent and quality.snr_unmeasured not in ("silent", "no_signal")

    @property
    def is_remnant(self) -> bool:
        """Whether the query is the end of a recording that hardly fills its window."""
        return self.pack.depth is not None and self.pack.depth.unsupported_by == "length"

    # What lies near it

    @cached_property
    def ranked(self) -> tuple[NeighbourEntry, ...]:
        """All neighbours, most similar first, ties in the pack's order."""
        return tuple(sorted(self.pack.neighbours, key=lambda one: -one.similarity))

    @cached_property
    def near(self) -> tuple[NeighbourEntry, ...]:
        """Neighbours at or above the threshold, most similar first; none when the query holds no call."""
        if not self.holds_call:
            return ()
        return tuple(one for one in self.ranked if one.similarity >= self.policy.near_similarity)

    @cached_property
    def votes(self) -> dict[str, tuple[NeighbourEntry, ...]]:
        """Scientific name → the near neighbours that bear it; most votes first, ties by the nearest call."""
        ballots: dict[str, list[NeighbourEntry]] = {}
        for one in self.near:
            if one.name is not None:
                ballots.setdefault(one.name.scientific_name, []).append(one)
        return {taxon: tuple(ballots[taxon]) for taxon in sorted(ballots, key=lambda taxon: -len(ballots[taxon]))}

    @cached_property
    def named(self) -> tuple[NeighbourEntry, ...]:
        """Near neighbours that bear a name, most similar first."""
        return tuple(one for one in self.near if one.name is not None)

    @cached_property
    def nearest_prototype(self) -> PrototypeEntry | None:
        """The prototype with the highest similarity, when that reaches the threshold and the query holds a call."""
        best = max(self.pack.prototypes, key=lambda one: one.similarity, default=None)
        if best is None or not self.holds_call or best.similarity < self.policy.near_similarity:
            return None
        return best

    def independent_recordings(self, calls: Iterable[NeighbourEntry]) -> int:
        """Count the recordings, other than the query's own, that calls come from.

        Files of one site that began at the same instant are cuts or channels of one recording, and count as one.
        """
        own = None if self.query is None else _source(self.query.call)
        return len({_source(one.call) for one in calls} - {own})

    @cached_property
    def model_named(self) -> tuple[NeighbourEntry, ...]:
        """Near neighbours whose name comes from a classifier, most similar first."""
        return tuple(one for one in self.named if one.name is not None and one.name.source == "model")

    @cached_property
    def imported(self) -> tuple[NeighbourEntry, ...]:
        """Near neighbours whose name comes from an imported table, most similar first."""
        return tuple(one for one in self.named if one.name is not None and one.name.source == "imported")

    def _is_little_heard(self, calls: Iterable[NeighbourEntry]) -> bool:
        """Return whether those of the calls that people label come from too few recordings."""
        heard = (one for one in calls if not _unheard(one.name))
        return self.independent_recordings(heard) < self.policy.min_recordings

    # What the classifiers say

    @cached_property
    def candidates(self) -> tuple[TaxonScoreEntry, ...]:
        """Classes at or above the candidate score, not out of range and not rejected by a listener, best first."""
        rejected = () if self.query is None else self.query.rejected_taxa
        in_range = (one for one in self._scored if one.score.in_range is not False)
        return tuple(one for one in in_range if one.score.taxon.scientific_name not in rejected)

    @cached_property
    def uncalibrated(self) -> tuple[TaxonScoreEntry, ...]:
        """Candidates whose raw score is all that is known of them."""
        return tuple(one for one in self.candidates if self.probability(one) is None)

    def probability(self, entry: TaxonScoreEntry) -> float | None:
        """Return the calibrated probability of a score; None without one, or with too few labels behind it."""
        calibration = entry.calibration
        if calibration is None or calibration.n_behind < self.policy.min_calibration_labels:
            return None
        return entry.probability

    def confidence(self, kind: ClaimKind, support: Iterable[str]) -> float | None:
        """Return the confidence that a claim must carry: the calibrated probability of the score that it states."""
        cited = [self.pack.items.get(one) for one in support] if kind == "classifier_score" else []
        scored = cited[0] if len(cited) == 1 else None
        return self.probability(scored) if isinstance(scored, TaxonScoreEntry) else None

    @cached_property
    def set_aside(self) -> tuple[TaxonScoreEntry, ...]:
        """Classes at or above the candidate score that the location and week model does not expect, best first."""
        return tuple(one for one in self._scored if one.score.in_range is False)

    @cached_property
    def _scored(self) -> tuple[TaxonScoreEntry, ...]:
        reached = (one for one in self.pack.taxon_scores if one.score.raw_score >= self.policy.candidate_score)
        return tuple(sorted(reached, key=lambda one: -one.score.raw_score))

    @cached_property
    def disagreement(self) -> str | None:
        """`neighbours` when no near name is a candidate, `models` when two models share no candidate; else None."""
        candidates = {one.score.taxon.scientific_name for one in self.candidates}
        if self.votes and candidates and not candidates & set(self.votes):
            return "neighbours"
        return "models" if self.models_disagree else None

    @cached_property
    def models_disagree(self) -> bool:
        """Whether two models put forward candidates, and not one in common."""
        first, others = self.by_model
        return bool(first and others) and not _taxa(first) & _taxa(others)

    @cached_property
    def by_model(self) -> tuple[tuple[TaxonScoreEntry, ...], tuple[TaxonScoreEntry, ...]]:
        """Candidates of the model that scores highest, and those of all others."""
        leader = self.candidates[0].score.model if self.candidates else None
        first = tuple(one for one in self.candidates if one.score.model == leader)
        return first, tuple(one for one in self.candidates if one.score.model != leader)

    # What must be said

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which identity (of a call) or activity (of a summary) must not be stated, gravest first."""
        if self.pack.kind == "summary":
            return () if self.tally.effort_hours > 0 else ("no_effort",)
        if self.query is None:
            return ()
        quality, depth = self.query.quality, self.pack.depth
        unsupported = depth is not None and not depth.species_claims_supported
        divided = depth is not None and depth.unsupported_by == "vote"
        holds = {
            "silent": quality.silent or quality.snr_unmeasured == "silent",
            "no_signal": quality.snr_unmeasured == "no_signal",
            "remnant": self.is_remnant,
            "no_neighbours": not self.pack.neighbours,
            "far": bool(self.pack.neighbours) and not self.near and self.holds_call,
            "species_unsupported": unsupported and not divided and not self.is_remnant,
            "vote_unclear": unsupported and divided,
            "out_of_range": self._leads_out_of_range,
            "conflict": self.disagreement is not None,
        }
        return tuple(reason for reason, true in holds.items() if true)

    @cached_property
    def _leads_out_of_range(self) -> bool:
        if self._scored and self._scored[0].score.in_range is False:
            return True
        most = max((len(ballot) for ballot in self.votes.values()), default=0)
        leaders = {taxon for taxon, ballot in self.votes.items() if len(ballot) == most}
        return bool(leaders & _taxa(one for one in self.pack.taxon_scores if one.score.in_range is False))

    @cached_property
    def may_name(self) -> bool:
        """Whether a taxon may be named for the query."""
        return not self.reasons

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """Codes of the caveats that are due, in reading order."""
        due = self._summary_caveats if self.pack.kind == "summary" else self._segment_caveats
        return tuple(code for code, true in due.items() if true)

    @property
    def _segment_caveats(self) -> dict[str, bool]:
        names_shown = self.may_name or self.disagreement == "neighbours"
        few = self.independent_recordings(self.near) < self.policy.min_recordings
        return {
            "single_recording": bool(self.near) and few,
            "unlabelled": bool(self.near) and not self.named,
            "model_labels_only": names_shown and bool(self.model_named) and self._is_little_heard(self.named),
            "imported_labels": names_shown and bool(self.imported) and self._is_little_heard(self.named),
            "flat_similarities": self._is_flat,
            "uncalibrated": self.may_name and bool(self.uncalibrated),
            "range_unchecked": self.may_name and bool(self.unchecked) and len(self.unchecked) == len(self.candidates),
            "no_candidate": self.may_name and bool(self.pack.taxon_scores) and not self._scored,
            "out_of_range": bool(self.set_aside) and self.holds_call,
        }

    @cached_property
    def unchecked(self) -> tuple[TaxonScoreEntry, ...]:
        """Candidates whose range is not known."""
        return tuple(one for one in self.candidates if one.score.in_range is None)

    @property
    def _is_flat(self) -> bool:
        if len(self.near) < self.policy.flat_neighbours:
            return False
        return self.near[0].similarity - self.near[-1].similarity < self.policy.flat_spread

    @property
    def _summary_caveats(self) -> dict[str, bool]:
        tally = self.tally
        return {
            "uncalibrated": bool(tally.counted) and self.may_name,
            "out_of_range": bool(tally.outside),
            "range_unchecked": bool(tally.counted) and (tally.figure("unchecked_taxa") or 0) > 0,
            "single_recording": tally.figure("n_recordings") == 1,
            "untimed": bool(tally.counted) and tally.effort_hours > 0 and tally.is_untimed,
            "unknown_clock": (tally.figure("unclocked_recordings") or 0) > 0,
            "unknown_place": (tally.figure("unplaced_recordings") or 0) > 0,
            "failed_files": (tally.figure("n_failed_files") or 0) > 0,
            "sunless": (tally.figure("sunless_turns") or 0) > 0,
        }

    # Hedging

    def hedge(self, kind: ClaimKind, taxon: str | None, support: Iterable[str]) -> Hedge:
        """Return how a claim must be worded: tentative where signal, names or independence are weak."""
        cited = [self.pack.items[one] for one in support if one in self.pack.items]
        return "tentative" if self._is_tentative(kind, taxon, cited) else "plain"

    def _is_tentative(self, kind: ClaimKind, taxon: str | None, cited: list[PackItem]) -> bool:
        calls = [one for one in cited if isinstance(one, NeighbourEntry)]
        match kind:
            case "classifier_score" | "temporal_pattern" | "label_suggestion":
                return True  # no listener has heard it
            case "activity_count" | "occupancy" if taxon is not None:
                return (self.tally.value_of("verified_detections", taxon) or 0) == 0
            case "cluster_membership" | "noise" | "comparison" | "model_agreement":
                return taxon is not None
            case "hypothesis_prompt" | "screen_evidence":
                return True  # a screen raises questions
            case "richness":
                return not self.tally.verified_on_days
            case "sequence_context":
                steps = (one for one in cited if isinstance(one, SequenceStep))
                return taxon is not None and any(_unheard(one.name) for one in steps)
            case "resemblance" | "taxon_vote":
                few = self.independent_recordings(calls) < self.policy.min_recordings
                unheard = taxon is not None and self._is_little_heard(calls)
                return self.weak_signal or few or unheard or self.disagreement is not None
            case "difference":
                return self.weak_signal
            case _:
                return False


def _source(call: CallRef) -> str | tuple[str, datetime]:
    """Return what a call is a recording of: a site from an instant on; a file where either is not known."""
    if call.site is None or call.heard_at is None:
        return call.recording_id
    return call.site, call.heard_at - timedelta(milliseconds=call.t0_ms)


def _taxa(entries: Iterable[TaxonScoreEntry]) -> set[str]:
    return {one.score.taxon.scientific_name for one in entries}


def _unheard(name: CallName | None) -> bool:
    """Return whether no listener gave the name."""
    return name is None or name.source != "human"
