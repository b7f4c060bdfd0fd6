"""Clustering: group what a library holds, and remember it in the catalog and beside the vectors."""

import numpy as np

from rab.domain import Clustering, SegmentFilter
from rab.logs import canonical_line
from rab.retrieval.clusters import cluster
from rab.workflows.workspace import Workspace


def cluster_library(workspace: Workspace, *, model: str) -> Clustering:
    """Group all segments that `model` embedded; an earlier clustering is replaced as the current one."""
    card = workspace.card(model)
    store = workspace.store(card)
    with canonical_line("cluster", model=model) as line:
        stored = {one.payload.segment_id: one.vector for one in store.scan(SegmentFilter())}
        known = workspace.catalog.known_segments(list(stored))
        ids = sorted(known)
        vectors = np.stack([stored[one] for one in ids]) if ids else np.zeros((0, card.dim), dtype=np.float32)
        clustering, cluster_of = cluster(card, ids, vectors, workspace.clusters)
        store.assign_clusters(cluster_of)
        workspace.catalog.save_clustering(clustering, cluster_of)
        line.update(n_segments=clustering.n_segments, n_clusters=len(clustering.clusters))
    return clustering
