"""SuggestedAnnotation: a suggestion as a row of a table that other programs read and people edit.

It says no more than the suggestion that it is made of, in the terms of annotation programs: a box in time and
frequency, a name, and where both come from.
"""

from typing import Literal, NamedTuple

from rab.domain.value import Hz, Ms, Similarity, Value

AnnotationFormat = Literal["raven", "audacity", "csv"]
"""Raven selection tables, Audacity label tracks, or one table for spreadsheets and scripts."""


class SuggestedAnnotation(Value):
    """A box in a recording, and the label that is suggested for it, or why a person should listen to it."""

    segment_id: str
    pack_id: str
    recording_id: str
    file_name: str
    path: str
    """Where the recording lay when it was taken in."""
    channel: int | None
    """From 0; None when the channels were averaged."""
    t0_ms: Ms
    t1_ms: Ms
    low_hz: Hz | None
    high_hz: Hz | None
    """None where no band was measured."""
    nyquist_hz: Hz
    """Half the recording's sample rate: the end of the band where none was measured."""
    status: Literal["suggested", "review"]
    taxon: str | None
    """Scientific name that is suggested; None where a review is asked for."""
    common_name: str | None
    reasons: tuple[str, ...]
    """Codes of the reasons for a review."""
    evidence: tuple[str, ...]
    """Ids of the pack's entries that the suggestion cites."""
    similarity: Similarity | None
    """Best cosine among the cited calls."""
    models: tuple[str, ...]
    """Each model behind the suggestion, with its licence."""
    label_licences: tuple[str, ...]
    """Licences of the sounds whose labels are cited, where they are told."""
    statement: str
    """What RAB says, in words."""


class ReviewedRow(NamedTuple):
    """What a person wrote into a row of such a table."""

    row: str
    """Where that stands: `reviewed.csv line 12`."""
    segment_id: str
    pack_id: str
    status: str
    """As it stands there, in small letters."""
    taxon: str
    """The suggestion as it stands there; empty where there is none."""
    corrected_taxon: str
    reviewer: str
