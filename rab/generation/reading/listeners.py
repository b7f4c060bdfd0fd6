"""Listeners: what people said of the calls near a query, and what speaks against naming the query after them.

A suggestion may become a label, and labels are what later suggestions rest on: one mistake would teach the next. So it
asks more than an interpretation does. It rests on people's own labels, from recordings that are independent of the
query and of each other, with nothing in the evidence against it; anything less asks a person to listen instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rab.domain import NeighbourEntry, TaxonScoreEntry
from rab.generation.reading.pack import Reading


@dataclass(frozen=True, eq=False)
class Listeners:
    """A read pack in the terms of a suggestion."""

    reading: Reading

    @cached_property
    def heard(self) -> tuple[NeighbourEntry, ...]:
        """Near calls that bear a person's label, most similar first."""
        return tuple(one for one in self.reading.near if one.name is not None and one.name.source == "human")

    @cached_property
    def labelled(self) -> tuple[NeighbourEntry, ...]:
        """Near calls that bear a person's label or a table's, most similar first."""
        return tuple(one for one in self.reading.near if one.name is not None and one.name.source != "model")

    @cached_property
    def leader(self) -> str | None:
        """Scientific name on which all labels of near calls agree; None without labels of people, or several names."""
        names = taxa_named(self.labelled)
        return next(iter(names)) if self.heard and len(names) == 1 else None

    @cached_property
    def dissent(self) -> tuple[NeighbourEntry, ...]:
        """Near calls that a classifier alone names, and otherwise, most similar first."""
        by_model = (one for one in self.reading.near if one.name is not None and one.name.source == "model")
        return tuple(one for one in by_model if one.name is not None and one.name.scientific_name != self.leader)

    @cached_property
    def agreeing(self) -> tuple[TaxonScoreEntry, ...]:
        """Candidates of classifiers that name the leader, best first."""
        return tuple(one for one in self.reading.candidates if one.score.taxon.scientific_name == self.leader)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which a person should listen before the call is named, gravest first."""
        reading = self.reading
        if reading.query is None or not reading.holds_call:
            return ()
        if reading.query.names:
            return ("labels_conflict",) if self._is_contested else ()
        independent = reading.independent_recordings(self.heard)
        holds = {
            "rejected": self.leader in reading.query.rejected_taxa,
            "neighbours_disagree": len(taxa_named(self.labelled)) > 1,
            "classifier_conflict": bool(self.against),
            "models_disagree": reading.models_disagree,
            "out_of_range": "out_of_range" in reading.reasons,
            "far": "far" in reading.reasons,
            "no_human_label": bool(reading.near) and not self.heard,
            "one_recording": bool(self.heard) and independent < reading.policy.min_recordings,
            "vote_unclear": "vote_unclear" in reading.reasons,
            "weak_signal": reading.weak_signal,
        }
        return tuple(reason for reason, true in holds.items() if true)

    @property
    def _is_contested(self) -> bool:
        """Whether people who labelled the query do not name the same: one author may hear two species in it."""
        query = self.reading.query
        names = () if query is None else query.names
        by_author = {name.by: {one.scientific_name for one in names if one.by == name.by} for name in names}
        return any(not first & second for first in by_author.values() for second in by_author.values())

    @cached_property
    def against(self) -> tuple[TaxonScoreEntry, ...]:
        """The leading candidate, when no near call that a person labelled bears its name; else nothing."""
        leading = self.reading.candidates[:1]
        names = taxa_named(self.heard)
        return tuple(one for one in leading if names and one.score.taxon.scientific_name not in names)

    @cached_property
    def outside(self) -> tuple[TaxonScoreEntry, ...]:
        """Scores of taxa that are not expected there and then."""
        return tuple(one for one in self.reading.pack.taxon_scores if one.score.in_range is False)

    @cached_property
    def may_suggest(self) -> bool:
        """Whether a label may be suggested: nobody gave one, and nothing speaks for listening first."""
        reading = self.reading
        unlabelled = reading.query is not None and not reading.query.names
        return unlabelled and self.leader is not None and reading.may_name and not self.reasons


def taxa_named(calls: Iterable[NeighbourEntry]) -> set[str]:
    """Return the scientific names that calls bear."""
    return {one.name.scientific_name for one in calls if one.name is not None}
