"""Label: somebody's word on what a segment holds. Not a model's score, which is a TaxonScore.

A person's word may be a no. It is a label too, of the kind `rejection`, and its name is `not Turdus merula`: whoever
counts, lists or filters labels by name cannot take it for a yes.
"""

from typing import Literal

from rab.domain.value import Instant, Value

LabelSource = Literal["human", "imported", "model"]
"""A person who listened in RAB; a table that came with recordings and whose making we have not seen; a model's word
that somebody took over without listening, which never counts as reviewed."""

LabelKind = Literal["taxon", "call_type", "individual", "other"]
"""What a label names."""

_NOT = "not "


class Label(Value):
    """A name given to a segment, by whom and when."""

    segment_id: str
    taxon: str
    """Scientific name where there is one; for another `kind`, the name of that."""
    source: LabelSource
    author: str
    labelled_at: Instant
    kind: LabelKind | Literal["rejection"] = "taxon"
    licence: str | None = None
    """The licence of the sound under the label, as its source states it."""
    provenance: str | None = None
    """Where the label came from: a file, a URL, the name of a data set."""
    pack_id: str | None = None
    """The Evidence Pack that the person had before them, where the label answers a suggestion."""

    @property
    def rejected_taxon(self) -> str | None:
        """The taxon that a rejection denies; None for any other label."""
        return self.taxon.removeprefix(_NOT) if self.kind == "rejection" else None


def rejection_of(taxon: str) -> str:
    """Return the name of the label that denies a taxon."""
    return f"{_NOT}{taxon}"
