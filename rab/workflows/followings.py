"""Followings of a library: what usually comes before and after each cluster, counted when the library is clustered.

A pack reads the findings of one cluster as they will stand in it. Counting them anew would take a pass over all
segments and two hundred shuffles of them; one table of all clusters would take 12 ms to read, where there are 1,000.
"""

import json
from collections import defaultdict

from pydantic import ValidationError

from rab.domain import EmbedderCard, FollowingEntry, SegmentFilter
from rab.errors import StorageFailed
from rab.evidence.calls import call_ref
from rab.retrieval.sequences import FollowingPolicy, usual_followings
from rab.workflows.sequences import policy_for, sequences_of
from rab.workflows.workspace import Workspace

_KIND = "followings"


def learn_followings(workspace: Workspace, card: EmbedderCard, policy: FollowingPolicy = FollowingPolicy()) -> int:
    """Count what comes before and after each cluster of the current clustering, and keep what stands out.

    Returns how many findings there are.
    """
    catalog = workspace.catalog
    rows = catalog.in_order(card.space, SegmentFilter())
    found = usual_followings(sequences_of(rows), policy_for(workspace, card.key), policy)
    stored = catalog.segments([one for each in found for pair in each.exemplar_ids for one in pair])
    of_cluster: dict[str, list[FollowingEntry]] = defaultdict(list)
    for each in found:
        own = of_cluster[each.cluster_id]
        pairs = (pair for pair in each.exemplar_ids if all(one in stored for one in pair))
        own.append(
            FollowingEntry(
                key=f"f{len(own) + 1}",
                exemplars=tuple(call_ref(stored[one]) for pair in pairs for one in pair),
                **each.model_dump(exclude={"exemplar_ids"}),
            )
        )
    documents = {
        cluster_id: json.dumps([one.model_dump(mode="json") for one in own]) for cluster_id, own in of_cluster.items()
    }
    catalog.replace_learned(_KIND, card.space, documents)
    return len(found)


def followings_of(workspace: Workspace, card: EmbedderCard, cluster_id: str | None) -> tuple[FollowingEntry, ...]:
    """Return what usually comes before and after a cluster; nothing in a library that was clustered before RAB counted.

    Raises `StorageFailed` for findings that cannot be read.
    """
    kept = None if cluster_id is None else workspace.catalog.learned(_KIND, cluster_id, card.space)
    if kept is None:
        return ()
    try:
        return tuple(FollowingEntry.model_validate(one) for one in json.loads(kept.document))
    except (ValueError, ValidationError) as error:
        raise StorageFailed(f"the followings cannot be read: {error}", hint="run `rab cluster` again") from error
