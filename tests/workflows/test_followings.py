"""What usually comes before and after a cluster is counted once, kept, and read as a pack will hold it."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rab.domain import Cluster, Clustering
from rab.errors import StorageFailed
from rab.retrieval.sequences import FollowingPolicy
from rab.workflows.followings import followings_of, learn_followings
from rab.workflows.workspace import Workspace

if TYPE_CHECKING:
    from tests.conftest import Make


@pytest.fixture
def ordered(workspace: Workspace, make: "Make") -> Workspace:
    """Return a library of 20 recordings of 20 windows in ten clusters, in which c2 mostly comes after c1."""
    random = np.random.default_rng(5)
    members: dict[str, str] = {}
    for number in range(20):
        recording = make.recording(f"r{number}")
        row = random.integers(1, 11, 20)
        for at in range(19):
            if row[at] == 1 and random.random() < 0.9:
                row[at + 1] = 2
        segments = [make.segment(recording, n) for n in range(20)]
        workspace.catalog.commit_recording(recording, make.card(), segments, policy="p")
        members |= {one.segment.id: f"c{symbol}" for one, symbol in zip(segments, row.tolist(), strict=True)}
    names = sorted(set(members.values()))
    clusters = tuple(
        Cluster(
            id=name,
            space=make.card().space,
            n_members=sum(own == name for own in members.values()),
            persistence=None,
            medoid_id=next(one for one, own in members.items() if own == name),
            exemplar_ids=(),
        )
        for name in names
    )
    clustering = Clustering(
        id="abcd", space=make.card().space, method="by hand", n_segments=400, n_unassigned=0, clusters=clusters
    )
    workspace.catalog.save_clustering(clustering, members)
    return workspace


def test_findings_are_kept_as_entries_of_a_pack(ordered: Workspace, make: "Make") -> None:
    """c2 follows c1, c1 precedes c2; the examples are calls of two recordings that anyone can look up."""
    card = make.card()
    assert learn_followings(ordered, card) >= 2
    after = next(one for one in followings_of(ordered, card, "c1") if one.direction == "after")
    before = next(one for one in followings_of(ordered, card, "c2") if one.direction == "before")
    assert ("c2", "c1") == (after.other_id, before.other_id)
    assert after.key in ("f1", "f2")
    first, then, third, _ = after.exemplars
    assert first.recording_id == then.recording_id != third.recording_id
    assert first.t0_ms < then.t0_ms
    assert all(one.file_name.endswith(".wav") for one in after.exemplars)


def test_counting_anew_replaces_what_was_found(ordered: Workspace, make: "Make") -> None:
    """Nothing of an older clustering is left, and a cluster without a finding has none."""
    card = make.card()
    ordered.catalog.replace_learned("followings", card.space, {"c99": "[]"})
    n = learn_followings(ordered, card)
    kept = ordered.catalog.all_learned("followings", card.space)
    assert "c99" not in {one.name for one in kept}
    assert n == sum(len(followings_of(ordered, card, one.name)) for one in kept)
    assert 0 == learn_followings(ordered, card, FollowingPolicy(false_discovery_rate=1e-30))
    assert () == followings_of(ordered, card, "c1")


def test_call_in_no_cluster_has_no_findings(ordered: Workspace, make: "Make") -> None:
    """Where a call was not placed, nothing is usual."""
    learn_followings(ordered, make.card())
    assert () == followings_of(ordered, make.card(), None)


def test_findings_that_cannot_be_read_are_told(ordered: Workspace, make: "Make") -> None:
    """A damaged document names the command that makes it anew."""
    ordered.catalog.replace_learned("followings", make.card().space, {"c1": '[{"key": "f1"}]'})
    with pytest.raises(StorageFailed) as failed:
        followings_of(ordered, make.card(), "c1")
    assert "rab cluster" in failed.value.hint
