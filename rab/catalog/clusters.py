"""Clusterings: the current one of each space, its clusters, and what their members are called."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from rab.catalog.database import Database
from rab.catalog.filters import IN_ORDER, detected
from rab.catalog.schema import (
    classes,
    cluster_exemplars,
    cluster_members,
    clusterings,
    clusters,
    labels,
    segments,
    spaces,
    taxon_scores,
)
from rab.domain import Cluster, Clustering, NameCount
from rab.errors import InputError, NotFound

_MEMBERS = cluster_members.join(clusters).join(segments, segments.c.pk == cluster_members.c.segment_pk)


class Clusters(Database):
    """The part of the catalog that knows clusters."""

    def save_clustering(self, clustering: Clustering, members: Mapping[str, str | None]) -> None:
        """Store a clustering as the current one of its space, with the cluster of every segment.

        Raises `NotFound` for segments that the space does not hold, `InputError` for clusters that are not its own.
        """
        strange = {cluster for cluster in members.values() if cluster} - {one.id for one in clustering.clusters}
        if strange:
            raise InputError(
                f"clustering {clustering.id} has no cluster {min(strange)}", hint="assign its own clusters alone"
            )
        with self._writing() as connection:
            space_pk = connection.scalar(select(spaces.c.pk).where(spaces.c.space == clustering.space))
            if space_pk is None:
                raise NotFound(f"there is no embedding space {clustering.space}", hint="ingest recordings first")
            held = select(segments.c.id, segments.c.pk).where(segments.c.space_pk == space_pk)
            pks: dict[str, int] = dict(connection.execute(held).all())
            named = {*members, *(one.medoid_id for one in clustering.clusters)}
            if missing := named.union(*(one.exemplar_ids for one in clustering.clusters)) - pks.keys():
                raise NotFound(
                    f"{clustering.space} does not hold {len(missing)} of the segments, such as {min(missing)}",
                    hint="cluster again: what the catalog holds has changed",
                )
            connection.execute(delete(clusterings).where(clusterings.c.space_pk == space_pk))
            cluster_pks = _put_clusters(connection, clustering, space_pk, pks)
            assigned = [
                {"segment_pk": pks[segment_id], "cluster_pk": cluster_pks[cluster]}
                for segment_id, cluster in members.items()
                if cluster is not None
            ]
            if assigned:
                connection.execute(insert(cluster_members), assigned)

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

    def cluster_names(self, cluster_id: str) -> list[NameCount]:
        """Return the names that a cluster's members bear, most frequent first.

        A member is called what people say of it (a person's newest label before an imported one), else by its best
        detected taxon; members that nobody names are not counted.
        """
        with self._reading() as connection:
            name_of = {**_detected_names(connection, cluster_id), **_label_names(connection, cluster_id)}
            n_members = Counter(name_of.values())
            common_name = func.min(classes.c.common_name)
            known = select(classes.c.scientific_name, common_name).where(classes.c.scientific_name.in_(n_members))
            common: dict[str, str] = dict(connection.execute(known.group_by(classes.c.scientific_name)).all())
        return [
            NameCount(scientific_name=name, common_name=common.get(name, name), n_members=n)
            for name, n in sorted(n_members.items(), key=lambda item: (-item[1], item[0]))
        ]


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
    found = (
        select(clusters, spaces.c.space, segments.c.id.label("medoid_id"))
        .join(segments, segments.c.pk == clusters.c.medoid_pk)
        .join(clusterings)
        .join(spaces, spaces.c.pk == clusterings.c.space_pk)
    )
    return tuple(
        Cluster(
            id=row.id,
            space=row.space,
            n_members=row.n_members,
            persistence=row.persistence,
            medoid_id=row.medoid_id,
            exemplar_ids=tuple(exemplar_ids[row.pk]),
        )
        for row in connection.execute(found.where(which).order_by(clusters.c.position))
    )


def _detected_names(connection: Connection, cluster_id: str) -> dict[str, str]:
    """Return the best detected taxon of each member that has one, by segment id."""
    scored = _MEMBERS.join(taxon_scores, taxon_scores.c.segment_pk == segments.c.pk).join(classes)
    every = select(segments.c.id, classes.c.scientific_name).select_from(scored)
    worst_first = every.where(clusters.c.id == cluster_id, detected()).order_by(taxon_scores.c.position.desc())
    return dict(connection.execute(worst_first).all())


def _label_names(connection: Connection, cluster_id: str) -> dict[str, str]:
    """Return what people call each member that somebody labelled, by segment id."""
    labelled = _MEMBERS.join(labels, labels.c.segment_id == segments.c.id)
    said = select(labels.c.segment_id, labels.c.taxon).select_from(labelled)
    weakest_first = (labels.c.source == "human", labels.c.labelled_at_us, labels.c.pk.desc())
    return dict(connection.execute(said.where(clusters.c.id == cluster_id).order_by(*weakest_first)).all())
