"""Clustering: group what a library holds, and remember it in the catalog and beside the vectors.

A library is clustered as a whole, now and then; what is ingested after that is placed in the clusters that there are
(`assign_new`). A cluster that is found again keeps its id, and with it what people said of it. The clustering of before
stays in force until the new one is complete, so a run that is stopped changes nothing that a search by cluster would
not set right when it is run again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rab.domain import Cluster, Clustering, EmbedderCard, SegmentFilter, content_id
from rab.errors import InputError, NotFound
from rab.logs import canonical_line
from rab.retrieval.clusters import ClusterModel, changes, followed, group, identified, in_number_order, stand_for
from rab.workflows.followings import learn_followings
from rab.workflows.workspace import Workspace

Watch = Callable[[str], None]
"""Told which part of the work begins."""

_KEPT_AS = ("clusters", "current")
_N_PLACED = 2048
"""Segments placed at once: 8 MiB of vectors."""


def cluster_library(workspace: Workspace, *, model: str, watch: Watch = lambda _: None) -> Clustering:
    """Group all segments that `model` embedded, and say what changed; the clustering becomes the current one."""
    card = workspace.card(model)
    with canonical_line("cluster", model=model) as line:
        watch("reading vectors")
        library = _Library(workspace, card)
        watch(f"grouping {len(library.ids)} segments")
        found_as, novelty, persistences, method, kept = _grouped(workspace, card, library)
        members = followed(found_as, workspace.catalog.cluster_identities(card.space))
        before = workspace.catalog.members_of_clusters(card.space)
        watch("saving")
        row = {segment_id: place for place, segment_id in enumerate(library.ids)}
        parts = _parts(members)
        clusters = []
        for cluster_id in sorted(parts, key=in_number_order):
            own = parts[cluster_id]
            unit = library.unit[[row[one] for one in own]]
            alone = {found_as[one] for one in own} == {cluster_id}
            persistence = persistences[cluster_id] if alone else None
            clusters.append(_cluster(workspace, cluster_id, card, own, unit, persistence))
        clustering = Clustering(
            id=content_id("\n".join([card.space, method, *library.ids]).encode())[:4],
            space=card.space,
            method=method,
            n_segments=len(library.ids),
            n_unassigned=sum(cluster is None for cluster in members.values()),
            clusters=tuple(clusters),
        )
        _assign(workspace, card, members, library.cluster_of)
        workspace.catalog.save_clustering(clustering, members, found_as=found_as, novelty=novelty)
        workspace.catalog.forget_learned(*_KEPT_AS, card.space)
        if kept is not None:
            workspace.catalog.keep_learned(*_KEPT_AS, card.space, kept.to_json())
        watch("counting what follows what")
        learn_followings(workspace, card)
        found = workspace.catalog.clustering(card.space) or clustering
        line.update(n_segments=found.n_segments, n_clusters=len(found.clusters), n_unassigned=found.n_unassigned)
    return found.model_copy(update={"changes": changes(before, members)})


_FAR = 0.95
"""Novelty from which a new segment belongs to no cluster, whichever is nearest: HDBSCAN would reach for it, and a call
that lies farther out than nineteen of twenty waits for the next clustering."""


def assign_new(workspace: Workspace, *, model: str) -> int:
    """Place the segments that came after the current clustering, in a cluster or in none; return how many.

    A library that was never clustered places none. The time grows with the new segments times those clustered.
    """
    card = workspace.card(model)
    learned = workspace.catalog.learned(*_KEPT_AS, card.space)
    clustering = workspace.catalog.clustering(card.space)
    if learned is None or clustering is None:
        return 0
    fresh = workspace.catalog.unplaced_segments(card.space)
    if not fresh:
        return 0
    cluster_model = ClusterModel.from_json(learned.document)
    identities = workspace.catalog.cluster_identities(card.space)
    current = {one.id for one in clustering.clusters}
    store, n_placed = workspace.store(card), 0
    for start in range(0, len(fresh), _N_PLACED):
        stored = store.fetch(fresh[start : start + _N_PLACED])
        if not stored:
            continue
        clusters, novelty = cluster_model.place(np.stack([one.vector for one in stored.values()]))
        fitting = (
            None if far is not None and far >= _FAR else cluster for cluster, far in zip(clusters, novelty, strict=True)
        )
        whole = _are_whole(workspace, card, list(stored))
        found_as = {
            one: cluster if is_whole else None
            for one, cluster, is_whole in zip(stored, fitting, whole.tolist(), strict=True)
        }
        novelty = [far if is_whole else None for far, is_whole in zip(novelty, whole.tolist(), strict=True)]
        members = {
            segment_id: cluster if cluster in current else None
            for segment_id, cluster in followed(found_as, identities).items()
        }
        _assign(workspace, card, members, {one: stored[one].payload.cluster_id for one in stored})
        workspace.catalog.place_segments(
            card.space, members, found_as=found_as, novelty=dict(zip(stored, novelty, strict=True))
        )
        n_placed += len(stored)
    return n_placed


def place(
    workspace: Workspace, card: EmbedderCard, vectors: npt.NDArray[np.float32]
) -> list[tuple[str | None, float | None]] | None:
    """Return cluster and novelty of sounds that the library does not hold (float32 [m, dim]), and store nothing.

    None for a library that was never clustered.
    """
    learned = workspace.catalog.learned(*_KEPT_AS, card.space)
    clustering = workspace.catalog.clustering(card.space)
    if learned is None or clustering is None:
        return None
    clusters, novelty = ClusterModel.from_json(learned.document).place(vectors)
    identities = workspace.catalog.cluster_identities(card.space)
    current = {one.id for one in clustering.clusters}
    found_as = {
        str(row): None if far is not None and far >= _FAR else cluster
        for row, (cluster, far) in enumerate(zip(clusters, novelty, strict=True))
    }
    members = followed(found_as, identities)
    fitting = (members[str(row)] for row in range(len(novelty)))
    return [(one if one in current else None, far) for one, far in zip(fitting, novelty, strict=True)]


def name_cluster(workspace: Workspace, cluster_id: str, name: str, *, author: str) -> Cluster:
    """Keep what a person calls a cluster; an empty name takes it away. Raises `NotFound`, `InputError` of nobody."""
    _refuse_nobody(author)
    workspace.catalog.cluster(cluster_id)
    workspace.catalog.name_cluster(cluster_id, name.strip() or None, author=author.strip())
    return workspace.catalog.cluster(cluster_id)


def merge_clusters(workspace: Workspace, cluster_ids: Sequence[str], *, author: str) -> Cluster:
    """Make clusters one, as a person says they are: the first keeps its id, and its name or that of the first named.

    It stays so when the library is clustered again. Raises `NotFound` for a cluster that is not there, `InputError` for
    fewer than two, and for clusters of different models.
    """
    _refuse_nobody(author)
    named = [workspace.catalog.cluster(one) for one in dict.fromkeys(cluster_ids)]
    if len(named) < 2 or len({one.space for one in named}) > 1:
        raise InputError(
            f"{', '.join(cluster_ids)} cannot be made one",
            hint="name two or more clusters of one model, the one to keep first",
        )
    kept, *others = named
    for one in others:
        workspace.catalog.merge_cluster(one.id, kept.id, author=author.strip())
    if kept.name is None and (name := next((one.name for one in others if one.name), None)):
        workspace.catalog.name_cluster(kept.id, name, author=author.strip())
    _follow_people(workspace, _card_of(workspace, kept.space))
    return workspace.catalog.cluster(kept.id)


def split_cluster(workspace: Workspace, cluster_id: str, *, author: str) -> tuple[Cluster, ...]:
    """Take apart again what was made one, and return the parts that the current clustering has.

    Raises `NotFound`, and `InputError` for a cluster that is as it was found.
    """
    _refuse_nobody(author)
    whole = workspace.catalog.cluster(cluster_id)
    if not whole.merged_ids:
        raise InputError(
            f"{cluster_id} is as it was found, and has no parts",
            hint="only clusters that were made one can be taken apart; a new `rab cluster` may find it in parts",
        )
    for one in whole.merged_ids:
        workspace.catalog.merge_cluster(one, None, author=author.strip())
    _follow_people(workspace, _card_of(workspace, whole.space))
    clustering = workspace.catalog.clustering(whole.space)
    parts = {cluster_id, *whole.merged_ids}
    return tuple(one for one in clustering.clusters if one.id in parts) if clustering else ()


class _Library:
    """The vectors of all segments that the catalog knows, by segment id, in one matrix; what the store says of each."""

    def __init__(self, workspace: Workspace, card: EmbedderCard) -> None:
        known = sorted(workspace.catalog.segment_ids(card.space, SegmentFilter()))
        row = {segment_id: place for place, segment_id in enumerate(known)}
        unit = np.empty((len(known), card.dim), dtype=np.float32)
        recording_of: dict[str, str] = {}
        self.cluster_of: dict[str, str | None] = {}
        for stored in workspace.store(card).scan(SegmentFilter()):
            segment_id = stored.payload.segment_id
            if segment_id in row:
                unit[row[segment_id]] = stored.vector
                recording_of[segment_id] = stored.payload.recording_id
                self.cluster_of[segment_id] = stored.payload.cluster_id
        self.ids = [one for one in known if one in recording_of]
        self.is_whole = _are_whole(workspace, card, self.ids)
        """Which of the ids stand for sound that fills its window, [n]: the others are alike by their silence."""
        self.recording_ids = [recording_of[one] for one in self.ids]
        has_vector = np.array([one in recording_of for one in known], dtype=np.bool_)
        self.unit: npt.NDArray[np.float32] = unit if has_vector.all() else unit[has_vector]


def _are_whole(workspace: Workspace, card: EmbedderCard, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which segments are no end of a recording that hardly fills its window, [n]."""
    if card.finds_calls:
        return np.ones(len(ids), dtype=np.bool_)
    places = workspace.catalog.places(ids)
    return np.array(
        [one in places and not card.is_remnant(places[one].t0_ms, places[one].t1_ms) for one in ids], np.bool_
    )


_Grouped = tuple[dict[str, str | None], dict[str, float | None], dict[str, float], str, ClusterModel | None]


def _grouped(workspace: Workspace, card: EmbedderCard, library: _Library) -> _Grouped:
    """Return cluster and novelty of every segment, persistence of every cluster, the method, and the model."""
    if not library.ids:
        return {}, {}, {}, "nothing to group", None
    whole = np.flatnonzero(library.is_whole)
    if not len(whole):
        return dict.fromkeys(library.ids), dict.fromkeys(library.ids), {}, "nothing to group", None
    recording_ids = [library.recording_ids[row] for row in whole.tolist()]
    found = group(
        library.unit[whole] if len(whole) < len(library.ids) else library.unit, recording_ids, workspace.clusters
    )
    labels = np.full(len(library.ids), -1)
    labels[whole] = found.labels
    novelty: dict[str, float | None] = dict.fromkeys(library.ids)
    novelty |= {library.ids[row]: far for row, far in zip(whole.tolist(), found.novelty, strict=True)}
    catalog = workspace.catalog
    unseen = set(catalog.unplaced_segments(card.space))
    before = {one: None for one in library.ids if one not in unseen}
    cluster_ids = identified(
        library.ids,
        labels.tolist(),
        {**before, **catalog.members_of_clusters(card.space, as_found=True)},
        first_number=catalog.next_cluster_number(),
    )
    found_as = {
        one: None if label < 0 else cluster_ids[label] for one, label in zip(library.ids, labels.tolist(), strict=True)
    }
    persistences = dict(zip(cluster_ids, found.persistences, strict=True))
    return found_as, novelty, persistences, found.method, found.model.with_ids(cluster_ids)


def _follow_people(workspace: Workspace, card: EmbedderCard) -> None:
    """Bring the current clustering to what people say is one."""
    catalog, store = workspace.catalog, workspace.store(card)
    clustering = catalog.clustering(card.space)
    if clustering is None:
        return
    found_as = catalog.members_of_clusters(card.space, as_found=True)
    before = catalog.members_of_clusters(card.space)
    members = followed(found_as, catalog.cluster_identities(card.space))
    then, known = _parts(before), {one.id: one for one in clustering.clusters}
    clusters = []
    for cluster_id, own in sorted(_parts(members).items(), key=lambda item: in_number_order(item[0])):
        if cluster_id in known and then.get(cluster_id) == own:
            clusters.append(known[cluster_id])
            continue
        stored = store.fetch(own)
        unit = np.stack([one.vector for one in stored.values()])
        clusters.append(_cluster(workspace, cluster_id, card, list(stored), unit, None))
    _assign(workspace, card, members, before)
    after = clustering.model_copy(update={"clusters": tuple(clusters)})
    catalog.save_clustering(after, members, found_as=found_as)
    learn_followings(workspace, card)


def _cluster(
    workspace: Workspace,
    cluster_id: str,
    card: EmbedderCard,
    own: Sequence[str],
    unit: npt.NDArray[np.float32],
    persistence: float | None,
) -> Cluster:
    medoid_id, exemplar_ids = stand_for(unit, own, workspace.clusters.n_exemplars)
    return Cluster(
        id=cluster_id,
        space=card.space,
        n_members=len(own),
        persistence=persistence,
        medoid_id=medoid_id,
        exemplar_ids=exemplar_ids,
    )


def _parts(members: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Return the members of every cluster, in the order of their ids."""
    parts: dict[str, list[str]] = defaultdict(list)
    for segment_id in sorted(members):
        if cluster := members[segment_id]:
            parts[cluster].append(segment_id)
    return dict(parts)


def _assign(
    workspace: Workspace, card: EmbedderCard, now: Mapping[str, str | None], before: Mapping[str, str | None]
) -> None:
    """Tell the store of the clusters that changed."""
    changed = {one: cluster for one, cluster in now.items() if before.get(one) != cluster}
    if changed:
        workspace.store(card).assign_clusters(changed)


def _card_of(workspace: Workspace, space: str) -> EmbedderCard:
    for card in workspace.catalog.cards():
        if card.space == space:
            return card
    raise NotFound(f"no model fills {space} any more", hint="run `rab cluster` for the model in use")


def _refuse_nobody(author: str) -> None:
    if not author.strip():
        raise InputError("what is said of a cluster needs an author", hint="write --by NAME")
