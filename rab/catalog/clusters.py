"""Clusterings: the current one of each space, its clusters, and what their members are called."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, literal, select, update

from rab.catalog.cluster_identities import ClusterIdentities, put_identities
from rab.catalog.filters import IN_ORDER, detected
from rab.catalog.names import Names, library_state
from rab.catalog.novelty import NoveltyScores, put_novelty
from rab.catalog.schema import (
    classes,
    cluster_exemplars,
    cluster_identities,
    cluster_members,
    clusterings,
    clusters,
    labels,
    segments,
    spaces,
    taxon_scores,
)
from rab.catalog.statements import chunks
from rab.domain import Cluster, Clustering, Medoid, NameCount
from rab.errors import InputError, NotFound

_MEMBERS = cluster_members.join(clusters).join(segments, segments.c.pk == cluster_members.c.segment_pk)


class Clusters(ClusterIdentities, NoveltyScores, Names):
    """The part of the catalog that knows clusters."""

    def save_clustering(
        self,
        clustering: Clustering,
        members: Mapping[str, str | None],
        *,
        found_as: Mapping[str, str | None] | None = None,
        novelty: Mapping[str, float | None] | None = None,
    ) -> None:
        """Store a clustering as the current one of its space, with the cluster of every segment.

        `found_as` names the clusters before people made some of them one, and `novelty` replaces what was known of
        these segments. Raises `NotFound` for segments that the space does not hold, `InputError` for clusters that are
        not its own.
        """
        _refuse_strangers(clustering, members.values())
        found = found_as or members
        with self._writing() as connection:
            space_pk = _space_pk(connection, clustering.space)
            held = select(segments.c.id, segments.c.pk).where(segments.c.space_pk == space_pk)
            pks: dict[str, int] = dict(connection.execute(held).all())
            named = {*members, *(novelty or ()), *(one.medoid_id for one in clustering.clusters)}
            if missing := named.union(*(one.exemplar_ids for one in clustering.clusters)) - pks.keys():
                raise NotFound(
                    f"{clustering.space} does not hold {len(missing)} of the segments, such as {min(missing)}",
                    hint="cluster again: what the catalog holds has changed",
                )
            connection.execute(delete(clusterings).where(clusterings.c.space_pk == space_pk))
            known = [*(one.id for one in clustering.clusters), *sorted({one for one in found.values() if one})]
            put_identities(connection, space_pk, known)
            cluster_pks = _put_clusters(connection, clustering, space_pk, pks)
            _put_members(connection, members, found, pks, cluster_pks)
            put_novelty(connection, {pks[segment_id]: value for segment_id, value in (novelty or {}).items()})

    def place_segments(
        self,
        space: str,
        members: Mapping[str, str | None],
        *,
        found_as: Mapping[str, str | None],
        novelty: Mapping[str, float | None],
    ) -> None:
        """Add segments that came later to the current clustering of a space; those that are gone are passed over.

        Clusters that are gone take no members.
        """
        with self._writing() as connection:
            space_pk = _space_pk(connection, space)
            pks = _pks(connection, space_pk, members)
            own = clusters.join(clusterings)
            every = select(clusters.c.id, clusters.c.pk).select_from(own).where(clusterings.c.space_pk == space_pk)
            cluster_pks: dict[str, int] = dict(connection.execute(every).all())
            placed = {one: cluster for one, cluster in members.items() if one in pks and cluster in cluster_pks}
            for some in chunks(pks.values()):
                connection.execute(delete(cluster_members).where(cluster_members.c.segment_pk.in_(some)))
            _put_members(connection, placed, found_as, pks, cluster_pks)
            put_novelty(connection, {pk: novelty.get(segment_id) for segment_id, pk in pks.items()})
            for cluster, n in Counter(placed.values()).items():
                grown = update(clusters).where(clusters.c.id == cluster)
                connection.execute(grown.values(n_members=clusters.c.n_members + n))
            more = {
                "n_segments": clusterings.c.n_segments + len(pks),
                "n_unassigned": clusterings.c.n_unassigned + len(pks) - len(placed),
            }
            connection.execute(update(clusterings).where(clusterings.c.space_pk == space_pk).values(more))

    def clustering(self, space: str) -> Clustering | None:
        """Return the current clustering of a space; None before the first.

        Clusters whose medoid was cut away by a later ingest are left out, as are such exemplars.
        """
        current = select(clusterings).join(spaces).where(spaces.c.space == space)
        with self._reading() as connection:
            row = connection.execute(current).first()
            if row is None:
                return None
            return Clustering(
                id=row.id,
                space=space,
                method=row.method,
                n_segments=row.n_segments,
                n_unassigned=row.n_unassigned,
                clusters=_clusters(connection, clusters.c.clustering_pk == row.pk),
            )

    def cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster of a current clustering. Raises `NotFound`."""
        with self._reading() as connection:
            found = _clusters(connection, clusters.c.id == cluster_id)
        if not found:
            raise NotFound(
                f"there is no cluster {cluster_id}", hint="`rab cluster` groups the library and lists the clusters"
            )
        return found[0]

    def cluster_members(self, cluster_id: str) -> list[str]:
        """Return the ids of a cluster's segments, in the order of recordings, voices and time."""
        own = select(segments.c.id).select_from(_MEMBERS).where(clusters.c.id == cluster_id)
        with self._reading() as connection:
            return list(connection.scalars(own.order_by(*IN_ORDER)))

    def members_of_clusters(self, space: str, *, as_found: bool = False) -> dict[str, str]:
        """Return the cluster of every segment that is in one; `as_found` before people made some of them one."""
        cluster = func.coalesce(cluster_members.c.found_as, clusters.c.id) if as_found else clusters.c.id
        whole = _MEMBERS.join(spaces, spaces.c.pk == segments.c.space_pk)
        every = select(segments.c.id, cluster).select_from(whole)
        with self._reading() as connection:
            return dict(connection.execute(every.where(spaces.c.space == space)).all())

    def medoids(self, space: str) -> list[Medoid]:
        """Return the medoids of the current clustering of a space: a small part of what a clustering is."""
        with self._reading() as connection:
            return [Medoid(*row) for row in connection.execute(_MEDOIDS, {"space": space}).all()]

    def exemplars(self, cluster_id: str) -> list[str]:
        """Return the segments that stand for a cluster beside its medoid; none for a cluster that is gone."""
        with self._reading() as connection:
            return list(connection.scalars(_EXEMPLARS, {"cluster": cluster_id}))

    def cluster_names(self, cluster_id: str) -> list[NameCount]:
        """Return the names that a cluster's members bear, most frequent first; `names_of_clusters` says how."""
        return self.names_of_clusters([cluster_id]).get(cluster_id, [])

    def names_of_clusters(self, cluster_ids: Sequence[str]) -> dict[str, list[NameCount]]:
        """Return the names that the members of some clusters bear, most frequent first; clusters that are gone not.

        A member is called what people say of it (a person's newest label before an imported one), else by its best
        detected taxon; members that nobody names are not counted.
        """
        with self._reading() as connection:
            found = connection.execute(_SIZES, {"ids": cluster_ids}).all()
            state_of = {space_pk: library_state(connection, space_pk) for space_pk in {row.space_pk for row in found}}
            names = {}
            for row in found:
                key = ("names", row.id, row.clustering_id, row.n_members)
                count = partial(_count_names, connection, row.id)
                names[row.id] = list(self._while_unchanged(state_of[row.space_pk], key, count))
            return names


_MEDOIDS = (
    select(segments.c.id, clusters.c.id, clusters.c.n_members)
    .select_from(clusters.join(segments, segments.c.pk == clusters.c.medoid_pk).join(clusterings).join(spaces))
    .where(spaces.c.space == bindparam("space"))
    .order_by(clusters.c.position)
)
_EXEMPLARS = (
    select(segments.c.id)
    .select_from(cluster_exemplars.join(clusters).join(segments, segments.c.pk == cluster_exemplars.c.segment_pk))
    .where(clusters.c.id == bindparam("cluster"))
    .order_by(cluster_exemplars.c.position)
)
_SIZES = (
    select(clusters.c.id, clusterings.c.space_pk, clusterings.c.id.label("clustering_id"), clusters.c.n_members)
    .select_from(clusters.join(clusterings))
    .where(clusters.c.id.in_(bindparam("ids", expanding=True)))
)


def _count_names(connection: Connection, cluster_id: str) -> list[NameCount]:
    name_of = {**_detected_names(connection, cluster_id), **_label_names(connection, cluster_id)}
    n_members = Counter(name_of.values())
    common_name = func.min(classes.c.common_name)
    known = select(classes.c.scientific_name, common_name).where(classes.c.scientific_name.in_(n_members))
    common: dict[str, str] = dict(connection.execute(known.group_by(classes.c.scientific_name)).all())
    return [
        NameCount(scientific_name=name, common_name=common.get(name, name), n_members=n)
        for name, n in sorted(n_members.items(), key=lambda item: (-item[1], item[0]))
    ]


def _refuse_strangers(clustering: Clustering, named: Iterable[str | None]) -> None:
    strange = {cluster for cluster in named if cluster} - {one.id for one in clustering.clusters}
    if strange:
        raise InputError(
            f"clustering {clustering.id} has no cluster {min(strange)}", hint="assign its own clusters alone"
        )


def _space_pk(connection: Connection, space: str) -> int:
    space_pk = connection.scalar(select(spaces.c.pk).where(spaces.c.space == space))
    if space_pk is None:
        raise NotFound(f"there is no embedding space {space}", hint="ingest recordings first")
    return int(space_pk)


def _pks(connection: Connection, space_pk: int, ids: Iterable[str]) -> dict[str, int]:
    """Return the row numbers of those segments that the space holds."""
    held = select(segments.c.id, segments.c.pk).where(segments.c.space_pk == space_pk)
    rows = (connection.execute(held.where(segments.c.id.in_(some))) for some in chunks(ids))
    return {row.id: row.pk for some in rows for row in some}


def _put_members(
    connection: Connection,
    members: Mapping[str, str | None],
    found_as: Mapping[str, str | None],
    pks: Mapping[str, int],
    cluster_pks: Mapping[str, int],
) -> None:
    rows = []
    for segment_id, cluster in members.items():
        if cluster is not None:
            found = found_as.get(segment_id)
            apart = None if found == cluster else found
            rows.append({"segment_pk": pks[segment_id], "cluster_pk": cluster_pks[cluster], "found_as": apart})
    if rows:
        connection.execute(insert(cluster_members), rows)


def _put_clusters(
    connection: Connection, clustering: Clustering, space_pk: int, pks: Mapping[str, int]
) -> dict[str, int]:
    row = clustering.model_dump(include={"id", "method", "n_segments", "n_unassigned"})
    kept = insert(clusterings).values(**row, space_pk=space_pk).returning(clusterings.c.pk)
    clustering_pk = connection.execute(kept).scalar_one()
    cluster_pks: dict[str, int] = {}
    for position, one in enumerate(clustering.clusters):
        row = {
            **one.model_dump(include={"id", "n_members", "persistence"}),
            "clustering_pk": clustering_pk,
            "position": position,
            "medoid_pk": pks[one.medoid_id],
        }
        cluster_pk = connection.execute(insert(clusters).values(row).returning(clusters.c.pk)).scalar_one()
        cluster_pks[one.id] = cluster_pk
        for place, segment_id in enumerate(one.exemplar_ids):
            exemplar = {"cluster_pk": cluster_pk, "position": place, "segment_pk": pks[segment_id]}
            connection.execute(insert(cluster_exemplars).values(exemplar))
    return cluster_pks


def _clusters(connection: Connection, which: ColumnElement[bool]) -> tuple[Cluster, ...]:
    exemplar_ids: dict[int, list[str]] = defaultdict(list)
    of_clusters = cluster_exemplars.join(clusters).join(segments, segments.c.pk == cluster_exemplars.c.segment_pk)
    exemplars = select(clusters.c.pk, segments.c.id).select_from(of_clusters).where(which)
    for cluster_pk, segment_id in connection.execute(exemplars.order_by(cluster_exemplars.c.position)):
        exemplar_ids[cluster_pk].append(segment_id)
    merged_ids: dict[str, list[str]] = defaultdict(list)
    merged = select(cluster_identities.c.merged_into, cluster_identities.c.id)
    for into, merged_id in connection.execute(merged.where(cluster_identities.c.merged_into.is_not(None))):
        merged_ids[into].append(merged_id)
    found = (
        select(clusters, spaces.c.space, segments.c.id.label("medoid_id"), cluster_identities.c.name)
        .join(segments, segments.c.pk == clusters.c.medoid_pk)
        .join(clusterings)
        .join(spaces, spaces.c.pk == clusterings.c.space_pk)
        .outerjoin(cluster_identities, cluster_identities.c.id == clusters.c.id)
    )
    return tuple(
        Cluster(
            id=row.id,
            space=row.space,
            n_members=row.n_members,
            persistence=row.persistence,
            medoid_id=row.medoid_id,
            exemplar_ids=tuple(exemplar_ids[row.pk]),
            name=row.name,
            merged_ids=tuple(sorted(merged_ids[row.id])),
        )
        for row in connection.execute(found.where(which).order_by(clusters.c.position))
    )


def _detected_names(connection: Connection, cluster_id: str) -> dict[str, str]:
    """Return the best detected taxon of each member that has one, by segment id."""
    scored = _MEMBERS.join(taxon_scores, taxon_scores.c.segment_pk == segments.c.pk).join(classes)
    every = select(segments.c.id, classes.c.scientific_name).select_from(scored)
    rejected = select(labels.c.pk).where(
        labels.c.segment_id == segments.c.id, labels.c.taxon == literal("not ") + classes.c.scientific_name
    )
    heard = every.where(clusters.c.id == cluster_id, detected(), ~rejected.exists())
    worst_first = heard.order_by(taxon_scores.c.position.desc())
    return dict(connection.execute(worst_first).all())


def _label_names(connection: Connection, cluster_id: str) -> dict[str, str]:
    """Return what people call each member that somebody labelled, by segment id."""
    labelled = _MEMBERS.join(labels, labels.c.segment_id == segments.c.id)
    said = select(labels.c.segment_id, labels.c.taxon).select_from(labelled)
    weakest_first = (labels.c.source == "human", labels.c.labelled_at_us, labels.c.pk.desc())
    return dict(
        connection.execute(
            said.where(clusters.c.id == cluster_id, labels.c.source != "model", labels.c.kind == "taxon").order_by(
                *weakest_first
            )
        ).all()
    )
