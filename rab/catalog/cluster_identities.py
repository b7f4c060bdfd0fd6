"""Cluster identities: what people said of clusters, kept beyond the clustering that found them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from rab.catalog.database import Database
from rab.catalog.rows import from_us, now_us
from rab.catalog.schema import cluster_identities, spaces
from rab.catalog.statements import insert_missing
from rab.domain import ClusterIdentity
from rab.errors import NotFound

_EVERY = select(cluster_identities, spaces.c.space).join_from(cluster_identities, spaces)


class ClusterIdentities(Database):
    """The part of the catalog that knows every cluster that ever was."""

    def cluster_identities(self, space: str) -> list[ClusterIdentity]:
        """Return the clusters that a space ever had, in the order in which they were first found."""
        every = _EVERY.where(spaces.c.space == space)
        with self._reading() as connection:
            return [_identity(row) for row in connection.execute(every.order_by(cluster_identities.c.pk))]

    def next_cluster_number(self) -> int:
        """Return the number that no cluster of any space ever had, nor any after it."""
        with self._reading() as connection:
            ids: Sequence[str] = connection.scalars(select(cluster_identities.c.id)).all()
        numbers = (one.split(".")[0].removeprefix("c") for one in ids)
        return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)

    def name_cluster(self, cluster_id: str, name: str | None, *, author: str) -> ClusterIdentity:
        """Keep what a person calls a cluster; None takes the name away. Raises `NotFound`."""
        values = {"name": name, "named_by": author, "named_at_us": now_us()}
        return self._tell(cluster_id, values)

    def merge_cluster(self, cluster_id: str, into: str | None, *, author: str) -> ClusterIdentity:
        """Keep that a person says a cluster is one with another; None takes it back. Raises `NotFound`.

        Members stay where they are until a clustering is saved that follows it.
        """
        values = {"merged_into": into, "merged_by": author, "merged_at_us": now_us()}
        return self._tell(cluster_id, values)

    def _tell(self, cluster_id: str, values: dict[str, Any]) -> ClusterIdentity:
        own = cluster_identities.c.id == cluster_id
        with self._writing() as connection:
            connection.execute(update(cluster_identities).where(own).values(values))
            row = connection.execute(_EVERY.where(own)).first()
        if row is None:
            raise NotFound(f"there is no cluster {cluster_id}", hint="`rab clusters list` lists the clusters")
        return _identity(row)


def put_identities(connection: Connection, space_pk: int, cluster_ids: Iterable[str]) -> None:
    """Write the clusters that are new."""
    rows = [{"id": one, "space_pk": space_pk} for one in dict.fromkeys(cluster_ids)]
    if rows:
        connection.execute(insert_missing(connection, cluster_identities), rows)


def _identity(row: Row[Any]) -> ClusterIdentity:
    return ClusterIdentity(
        id=row.id,
        space=row.space,
        name=row.name,
        named_by=row.named_by,
        named_at=None if row.named_at_us is None else from_us(row.named_at_us),
        merged_into=row.merged_into,
        merged_by=row.merged_by,
        merged_at=None if row.merged_at_us is None else from_us(row.merged_at_us),
    )
