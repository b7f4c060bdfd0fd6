"""Questions about one call: what is near it, what speaks for it, what may be said of it."""

import base64
from contextlib import suppress

from rab.domain import (
    EmbedderCard,
    EvidencePack,
    Interpretation,
    NeighbourEntry,
    SegmentFilter,
    StoredSegment,
    TaxonScore,
)
from rab.errors import NotFound
from rab.evidence.segment_pack import Learned, gather
from rab.evidence.segment_pack import similar as nearest_calls
from rab.logs import canonical_line
from rab.workflows.calibrating import calibrations_in_use
from rab.workflows.clips import Clip
from rab.workflows.filters import understand
from rab.workflows.followings import followings_of
from rab.workflows.media import picture
from rab.workflows.probing import probes_of
from rab.workflows.reranking import reranker_in_use
from rab.workflows.workspace import Workspace
from rab.workflows.writing import write

EVERYTHING = SegmentFilter()
Call = str | Clip
"""A stored segment, by its id or the beginning of it, or a clip that was heard for the question."""


def find_segment(workspace: Workspace, segment: str) -> StoredSegment:
    """Return a segment by its id or an unambiguous beginning of it. Raises `NotFound`."""
    return workspace.catalog.segment(workspace.catalog.resolve_segment(segment))


def model_of(workspace: Workspace, call: Call) -> str:
    """Return the model that embedded a call: the one whose scores a question about it means. Raises `NotFound`."""
    return _asked(workspace, call).stored.segment.embedder


def evidence(
    workspace: Workspace, call: Call, *, where: SegmentFilter = EVERYTHING, thumbnails: bool = False
) -> EvidencePack:
    """Gather, seal and keep the Evidence Pack of a call; `where` limits its neighbours.

    What `where` names that the library does not have stands in the pack's notes. Of a clip the pack is kept, and
    nothing else. With `thumbnails` every stored call whose file is still where it was gets its spectrogram.
    """
    asked = _asked(workspace, call)
    query = asked.stored
    with canonical_line("evidence", segment_id=query.segment.id) as line:
        card = workspace.card(query.segment.embedder)
        store, learned = workspace.store(card), _learned(workspace, card, query.cluster_id)
        where, notes = understand(workspace, where, card.key)
        policy, unstored = workspace.evidence, asked.unstored
        pack = gather(
            workspace.catalog,
            store,
            query,
            where=where,
            policy=policy,
            learned=learned,
            unstored=unstored,
            others=_others(workspace, card, query),
        )
        pack = pack.model_copy(update={"notes": (*asked.notes, *pack.notes, *notes)})
        workspace.catalog.save_pack(pack)
        line.update(pack_id=pack.pack_id, n_neighbours=len(pack.neighbours))
    return _with_thumbnails(workspace, pack) if thumbnails else pack


def similar(
    workspace: Workspace, call: Call, *, n: int, where: SegmentFilter = EVERYTHING, variety: float = 0.0
) -> tuple[NeighbourEntry, ...]:
    """Return the n calls nearest to a call; with `variety` (0 to 1), calls unlike those before them come earlier.

    Their keys are `similar-1` and on: no pack holds them, so none of them can be taken for a pack's.
    """
    asked = _asked(workspace, call)
    query = asked.stored
    card = workspace.card(query.segment.embedder)
    near = nearest_calls(
        workspace.catalog,
        workspace.store(card),
        query,
        n=n,
        where=where,
        policy=workspace.evidence,
        learned=_learned(workspace, card),
        variety=variety,
        unstored=asked.unstored,
    )
    return tuple(one.model_copy(update={"key": f"similar-{n}"}) for n, one in enumerate(near, start=1))


def _others(
    workspace: Workspace, card: EmbedderCard, query: StoredSegment
) -> list[tuple[EmbedderCard, list[TaxonScore]]]:
    """Return what other models of the same animals gave the call's stretch of sound, where they heard it."""
    cards = (one for one in workspace.catalog.cards() if one.key != card.key)
    alike = [one for one in cards if one.task.split()[0] == card.task.split()[0]]
    return [(one, workspace.catalog.scores_beside(query.segment, one.space)) for one in alike]


def _asked(workspace: Workspace, call: Call) -> Clip:
    return Clip(find_segment(workspace, call), None, ()) if isinstance(call, str) else call


def _learned(workspace: Workspace, card: EmbedderCard, cluster_id: str | None = None) -> Learned:
    return Learned(
        reranker_in_use(workspace, card),
        tuple(probes_of(workspace, card)),
        calibrations_in_use(workspace, card),
        followings_of(workspace, card, cluster_id),
    )


def interpret(workspace: Workspace, call: Call, *, where: SegmentFilter = EVERYTHING) -> Interpretation:
    """Say what a call resembles, how it differs, and how far that can be trusted; every sentence cites its pack."""
    return write(workspace, evidence(workspace, call, where=where), "interpretation")


def _with_thumbnails(workspace: Workspace, pack: EvidencePack) -> EvidencePack:
    pictures = {}
    for key, call in pack.calls.items():
        with suppress(NotFound):  # a call whose file was moved has no picture
            pictures[key] = base64.b64encode(picture(workspace, call.segment_id)).decode("ascii")
    return pack.model_copy(update={"thumbnails": pictures})
