"""Matching: which cluster of today is which cluster of before.

Clusters are compared by the members that both clusterings saw: calls that came since say nothing. Those that share the
largest part of their members (Jaccard index) are one and the same, each with one other at most (the assignment of
greatest total overlap), unless they share less than a third: then the old one dissolved, and the other is new.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from rab.domain import ClusterChange, ClusterIdentity

Members = Mapping[str, str | None]
"""Segment id → cluster id; None where a segment is in none."""

_LEAST_OVERLAP = 1 / 3
"""Jaccard index from which two clusters are the same: half of the members kept and none new is a half."""
_LEAST_PART = 0.2
"""Of a cluster's members, from which it is said to have gone into another."""


def identified(
    segment_ids: Sequence[str], labels: Sequence[int], before: Members, *, first_number: int
) -> tuple[str, ...]:
    """Return the id of every group 0, 1, …: that of the cluster it continues, else `c` and a number never used.

    New numbers count from `first_number`, the largest group first.
    """
    sizes = Counter(label for label in labels if label >= 0)
    same = _continued(segment_ids, labels, before)
    fresh = sorted(sizes.keys() - same.keys(), key=lambda label: (-sizes[label], label))
    names = same | {label: f"c{first_number + place}" for place, label in enumerate(fresh)}
    return tuple(names[label] for label in range(len(sizes)))


def followed(members: Members, identities: Sequence[ClusterIdentity]) -> dict[str, str | None]:
    """Return the clusters that segments belong to once what people made one is one."""
    into = {one.id: one.merged_into for one in identities if one.merged_into is not None}

    def end(cluster: str | None) -> str | None:
        while cluster in into:
            cluster = into[cluster]
        return cluster

    return {segment: end(cluster) for segment, cluster in members.items()}


def changes(before: Members, after: Members) -> tuple[ClusterChange, ...]:
    """Return what became of every cluster that changed, those of before first, by number."""
    n_before, n_after = (Counter(one for one in members.values() if one) for members in (before, after))
    into: dict[str, Counter[str]] = defaultdict(Counter)
    for segment, cluster in before.items():
        now = after.get(segment)
        if cluster and now:
            into[cluster][now] += 1
    found = []
    for cluster in sorted(n_before | n_after, key=in_number_order):
        n, n_now = n_before[cluster], n_after[cluster]
        parts = tuple(sorted((one for one, k in into[cluster].items() if k >= _LEAST_PART * n), key=in_number_order))
        counts = {"cluster_id": cluster, "n_before": n, "n_after": n_now}
        if not n:
            found.append(ClusterChange(kind="new", **counts))
        elif not n_now:
            found.append(ClusterChange(kind="dissolved", **counts, into_ids=parts))
        elif len(parts) > 1:
            found.append(ClusterChange(kind="split", **counts, into_ids=parts))
        elif n != n_now:
            found.append(ClusterChange(kind="resized", **counts))
    return tuple(found)


def in_number_order(cluster_id: str) -> tuple[int, str]:
    """Return what sorts cluster ids by their numbers: `c2` before `c10`."""
    digits = cluster_id.split(".")[0].removeprefix("c")
    return (int(digits) if digits.isdigit() else 0, cluster_id)


def _continued(segment_ids: Sequence[str], labels: Sequence[int], before: Members) -> dict[int, str]:
    """Return which cluster of before each group continues, of those that do."""
    from scipy.optimize import linear_sum_assignment

    seen = [(label, before[one] or "") for one, label in zip(segment_ids, labels, strict=True) if one in before]
    n_now, n_then = Counter(label for label, _ in seen), Counter(cluster for _, cluster in seen)
    shared = Counter((label, cluster) for label, cluster in seen if label >= 0 and cluster)
    groups, clusters = sorted({label for label, _ in shared}), sorted({cluster for _, cluster in shared})
    gain = np.zeros((len(groups), len(clusters)))
    for (label, cluster), n in shared.items():
        overlap = n / (n_now[label] + n_then[cluster] - n)
        if overlap >= _LEAST_OVERLAP:
            gain[bisect_left(groups, label), bisect_left(clusters, cluster)] = overlap
    pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return {groups[i]: clusters[j] for i, j in pairs if gain[i, j] > 0}
