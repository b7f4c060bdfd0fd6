"""Labelling: what is said of calls, kept with who said it and when, and told to the collections that hold them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice

from rab.domain import Label
from rab.domain.label import LabelKind
from rab.errors import InputError
from rab.workflows.payloads import bring_up_to_date
from rab.workflows.questions import find_segment
from rab.workflows.workspace import Workspace

_N_AT_ONCE = 1_000


def label_segment(workspace: Workspace, segment: str, *, taxon: str, author: str, kind: LabelKind = "taxon") -> Label:
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
        kind=kind,
    )
    keep_labels(workspace, [label])
    return label


def keep_labels(workspace: Workspace, labels: Iterable[Label]) -> int:
    """Keep labels of any source, and tell the collections that hold their segments; return how many were given.

    Raises `NotFound` for a segment that is not there. Labels are taken a thousand at a time; those before it are kept.
    """
    rest, n_labels = iter(labels), 0
    while some := list(islice(rest, _N_AT_ONCE)):
        workspace.catalog.add_labels(some)
        n_labels += len(some)
    for card in workspace.catalog.cards():
        if workspace.catalog.outdated_payloads(card.space, 1):
            workspace.store(card)  # which brings its payloads up to date
    return n_labels


def refresh_payloads(workspace: Workspace, model: str) -> int:
    """Rewrite every payload of a model's collection from the catalog; return how many segments that met.

    For a collection that was filled or changed from elsewhere: what RAB itself changes is followed without it.
    """
    card = workspace.card(model)
    store = workspace.store(card)
    workspace.catalog.outdate_payloads(card.space)
    return bring_up_to_date(workspace.catalog, store)
