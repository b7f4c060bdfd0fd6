"""Label: somebody's word on what a segment holds. Not a model's score, which is a TaxonScore."""

from typing import Literal

from rab.domain.value import Instant, Value

LabelSource = Literal["human", "imported"]
"""A person who listened in RAB, or a table that came with the recordings and whose making we have not seen."""


class Label(Value):
    """A name given to a segment, by whom and when."""

    segment_id: str
    taxon: str
    """Scientific name where there is one."""
    source: LabelSource
    author: str
    labelled_at: Instant
