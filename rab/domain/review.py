"""Review: a person's answer to a suggestion, with the Evidence Pack that it was made from.

What a review says is kept as labels, so that every search, filter and count knows it; the reviews themselves are kept
beside them, so that it can be told who said what of which pack, and when, even after a change of mind.
"""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from rab.domain.label import Label, rejection_of
from rab.domain.value import Instant, Value

Verdict = Literal["accepted", "corrected", "rejected"]


class Review(Value):
    """A person's verdict on what a pack suggests for a segment."""

    segment_id: str
    pack_id: str
    verdict: Verdict
    taxon: str = Field(min_length=1)
    """The name that was accepted, the one that was given in its place, or the one that was rejected."""
    suggested: str | None = None
    """What the pack suggests; None where it asks for a review without a name."""
    author: str = Field(min_length=1)
    reviewed_at: Instant
    provenance: str | None = None
    """The table that brought the review; None when it was said to RAB directly."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.verdict == "accepted" and self.taxon != self.suggested:
            raise ValueError("only what is suggested can be accepted")
        if self.verdict == "corrected" and self.taxon == self.suggested:
            raise ValueError("a correction names another taxon than the suggestion")
        return self

    @property
    def accepted_taxon(self) -> str | None:
        """The taxon that the segment holds by this review; None for a rejection."""
        return None if self.verdict == "rejected" else self.taxon

    @property
    def rejected_taxon(self) -> str | None:
        """The taxon that the segment does not hold by this review: a correction rejects what was suggested."""
        return {"accepted": None, "corrected": self.suggested, "rejected": self.taxon}[self.verdict]

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the review says, as labels."""
        said = Label(
            segment_id=self.segment_id,
            taxon=self.taxon,
            source="human",
            author=self.author,
            labelled_at=self.reviewed_at,
            provenance=self.provenance,
            pack_id=self.pack_id,
        )
        yes, no = self.accepted_taxon, self.rejected_taxon
        denied = [] if no is None else [said.model_copy(update={"taxon": rejection_of(no), "kind": "rejection"})]
        return (*([] if yes is None else [said]), *denied)

    def says_as(self, other: "Review") -> bool:
        """Return whether two reviews say the same of the same suggestion, whenever they were made."""
        ignored = {"reviewed_at", "provenance"}
        return self.model_dump(exclude=ignored) == other.model_dump(exclude=ignored)


def names_in_force(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return the taxon labels that nobody denied: a person's until somebody rejected the name later, others if nobody.

    A table or a model that was not there cannot outvote a person who listened, whenever either spoke.
    """
    given = tuple(labels)
    denied: dict[str, Instant] = {}
    for label in given:
        if (taxon := label.rejected_taxon) is not None:
            denied[taxon] = max(denied.get(taxon, label.labelled_at), label.labelled_at)
    return tuple(
        label
        for label in given
        if label.kind == "taxon"
        and (label.taxon not in denied or (label.source == "human" and label.labelled_at > denied[label.taxon]))
    )


def rejected_taxa(labels: Iterable[Label]) -> tuple[str, ...]:
    """Return the taxa that people rejected and nobody affirmed later, sorted."""
    given = tuple(labels)
    standing = {label.taxon for label in names_in_force(given) if label.source == "human"}
    return tuple(sorted({taxon for label in given if (taxon := label.rejected_taxon)} - standing))
