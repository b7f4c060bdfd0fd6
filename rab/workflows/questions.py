"""Questions about one call: what is near it, what speaks for it, what may be said of it."""

import base64
from contextlib import suppress

from rab.domain import EmbedderCard, EvidencePack, Interpretation, NeighbourEntry, SegmentFilter, StoredSegment
from rab.errors import NotFound
from rab.evidence.segment_pack import Learned, gather
from rab.evidence.segment_pack import similar as nearest_calls
from rab.generation import write_interpretation
from rab.logs import canonical_line
from rab.workflows.media import picture
from rab.workflows.probing import probes_of
from rab.workflows.reranking import reranker_in_use
from rab.workflows.workspace import Workspace

EVERYTHING = SegmentFilter()


def find_segment(workspace: Workspace, segment: str) -> StoredSegment:
    """Return a segment by its id or an unambiguous beginning of it. Raises `NotFound`."""
    return workspace.catalog.segment(workspace.catalog.resolve_segment(segment))


def evidence(
    workspace: Workspace, segment: str, *, where: SegmentFilter = EVERYTHING, thumbnails: bool = False
) -> EvidencePack:
    """Gather, seal and keep the Evidence Pack of a segment; `where` limits its neighbours.

    With `thumbnails` every call whose file is still where it was gets its spectrogram.
    """
    query = find_segment(workspace, segment)
    with canonical_line("evidence", segment_id=query.segment.id) as line:
        card = workspace.card(query.segment.embedder)
        store, learned = workspace.store(card), _learned(workspace, card)
        pack = gather(workspace.catalog, store, query, where=where, policy=workspace.evidence, learned=learned)
        workspace.catalog.save_pack(pack)
        line.update(pack_id=pack.pack_id, n_neighbours=len(pack.neighbours))
    return _with_thumbnails(workspace, pack) if thumbnails else pack


def similar(
    workspace: Workspace, segment: str, *, n: int, where: SegmentFilter = EVERYTHING, variety: float = 0.0
) -> tuple[NeighbourEntry, ...]:
    """Return the n calls nearest to a segment; with `variety` (0 to 1), calls unlike those before them come earlier."""
    query = find_segment(workspace, segment)
    card = workspace.card(query.segment.embedder)
    return nearest_calls(
        workspace.catalog,
        workspace.store(card),
        query,
        n=n,
        where=where,
        policy=workspace.evidence,
        learned=_learned(workspace, card),
        variety=variety,
    )


def _learned(workspace: Workspace, card: EmbedderCard) -> Learned:
    return Learned(reranker_in_use(workspace, card), tuple(probes_of(workspace, card)))


def interpret(workspace: Workspace, segment: str, *, where: SegmentFilter = EVERYTHING) -> Interpretation:
    """Say what a segment resembles, how it differs, and how far that can be trusted; every sentence cites its pack."""
    return write_interpretation(evidence(workspace, segment, where=where))


def _with_thumbnails(workspace: Workspace, pack: EvidencePack) -> EvidencePack:
    pictures = {}
    for key, call in pack.calls.items():
        with suppress(NotFound):  # a call whose file was moved has no picture
            pictures[key] = base64.b64encode(picture(workspace, call.segment_id)).decode("ascii")
    return pack.model_copy(update={"thumbnails": pictures})
