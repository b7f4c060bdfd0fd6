"""What a filter names that the library does not know: an answer of nothing should say why."""

from collections.abc import Iterator

from rab.domain import SegmentFilter
from rab.workflows.workspace import Workspace


def filter_notes(workspace: Workspace, where: SegmentFilter) -> list[str]:
    """Return a sentence for each cluster that a filter names and no model's current clustering has."""
    named = sorted(set(_cluster_ids(where)))
    if not named:
        return []
    catalog = workspace.catalog
    spaces = [card.space for card in catalog.cards()]
    current = {one.id for space in spaces if (found := catalog.clustering(space)) for one in found.clusters}
    merged = {known.id: known.merged_into for space in spaces for known in catalog.cluster_identities(space)}
    notes = []
    for one in named:
        if one not in current:
            into = merged.get(one)
            why = f"it is one with {into} now" if into else "`rab clusters list` shows those there are"
            notes.append(f"there is no cluster {one}: {why}")
    return notes


def _cluster_ids(where: SegmentFilter) -> Iterator[str]:
    yield from where.cluster_ids
    for part in where.parts:
        yield from _cluster_ids(part)
