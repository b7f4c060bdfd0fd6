"""Labelling: a person's word on a call, kept with who said it and when."""

from datetime import UTC, datetime

from rab.domain import Label
from rab.errors import InputError
from rab.workflows.questions import find_segment
from rab.workflows.workspace import Workspace


def label_segment(workspace: Workspace, segment: str, *, taxon: str, author: str) -> Label:
    """Keep a human label. Raises `NotFound` for a segment that is not there, `InputError` for an empty name."""
    if not taxon.strip() or not author.strip():
        raise InputError(
            "a label needs a taxon and an author", hint='write: rab label SEGMENT "Turdus merula" --by NAME'
        )
    label = Label(
        segment_id=find_segment(workspace, segment).segment.id,
        taxon=taxon.strip(),
        source="human",
        author=author.strip(),
        labelled_at=datetime.now(UTC),
    )
    workspace.catalog.add_label(label)
    return label
