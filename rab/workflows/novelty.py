"""Novelty: the calls of a library that lie farthest out, and what they look like."""

from rab.domain import EmbedderCard, NoveltyScore, SegmentFilter
from rab.errors import Conflict
from rab.retrieval.neighbours import NeighbourPolicy, nearest
from rab.retrieval.novelty import NovelCall, NoveltyPolicy, human_made_classes, novel_call
from rab.workflows.questions import EVERYTHING
from rab.workflows.workspace import Workspace

_ELSEWHERE = NeighbourPolicy(own_bout_ms=1e12)
"""Nothing of a call's own recording is its neighbour."""


def novel_calls(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    limit: int = 20,
    policy: NoveltyPolicy | None = None,
) -> list[NovelCall]:
    """Return the matching calls that lie farthest from all other recordings, the farthest first.

    Raises `Conflict` for a library that was not clustered: that is when novelty is measured.
    """
    card = _compared(workspace, model)
    scores = workspace.catalog.most_novel(card.space, where, limit=limit)
    return [_described(workspace, card, one, policy or NoveltyPolicy()) for one in scores]


def alerts(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    limit: int = 20,
    policy: NoveltyPolicy | None = None,
) -> list[NovelCall]:
    """Return the matching calls that call for attention, the most novel first: sounds of people, and unknowns.

    People and their machines are told whether they are novel here or not. Raises `Conflict` as `novel_calls` does.
    """
    policy = policy or NoveltyPolicy()
    card = _compared(workspace, model)
    catalog = workspace.catalog
    signs = [SegmentFilter(human_voice=True)]
    if names := human_made_classes(catalog.class_names(card.key)):
        signs.append(SegmentFilter(taxa=names, raw_score_min=policy.human_made_at))
    human_made = where.model_copy(update={"any_of": (*where.any_of, tuple(signs))})
    far_out = (one for one in catalog.most_novel(card.space, where, limit=limit) if _is_far(one, policy))
    scores = {one.segment_id: one for one in (*catalog.most_novel(card.space, human_made, limit=limit), *far_out)}
    found = [_described(workspace, card, one, policy) for one in scores.values()]
    raised = [one for one in found if one.alert is not None]
    return sorted(raised, key=lambda one: (-(one.novelty.novelty or 0), one.novelty.segment_id))[:limit]


def _is_far(score: NoveltyScore, policy: NoveltyPolicy) -> bool:
    return score.novelty is not None and score.novelty >= policy.unknown_at


def _compared(workspace: Workspace, model: str) -> EmbedderCard:
    card = workspace.card(model)
    if workspace.catalog.clustering(card.space) is None:
        raise Conflict(f"the segments of {model} were not compared yet", hint="run `rab cluster` first")
    return card


def _described(workspace: Workspace, card: EmbedderCard, score: NoveltyScore, policy: NoveltyPolicy) -> NovelCall:
    stored = workspace.catalog.segment(score.segment_id)
    store = workspace.store(card)
    vector = store.fetch([score.segment_id])[score.segment_id].vector
    found = nearest(store, workspace.catalog, stored.segment, vector, k=1, where=EVERYTHING, policy=_ELSEWHERE)
    return novel_call(stored, score, found.neighbours, threshold=card.score_threshold, policy=policy)
