"""Clusters that keep their identity, with what people say of them; how novel every segment is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables; clusters of before keep their ids, and nothing is known of the novelty of their members."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("cluster_members", sa.Column("found_as", sa.Text))
    op.create_table(
        "cluster_identities",
        sa.Column("pk", big, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("space_pk", big, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("named_by", sa.Text),
        sa.Column("named_at_us", sa.BigInteger),
        sa.Column("merged_into", sa.Text),
        sa.Column("merged_by", sa.Text),
        sa.Column("merged_at_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("pk", name="pk_cluster_identities"),
        sa.UniqueConstraint("id", name="uq_cluster_identities_id"),
        sa.ForeignKeyConstraint(["space_pk"], ["spaces.pk"], name="fk_cluster_identities_space_pk", ondelete="CASCADE"),
    )
    op.create_index("ix_cluster_identities_space_pk", "cluster_identities", ["space_pk"])
    op.create_table(
        "novelties",
        sa.Column("segment_pk", big, nullable=False),
        sa.Column("novelty", sa.Double),
        sa.PrimaryKeyConstraint("segment_pk", name="pk_novelties"),
        sa.ForeignKeyConstraint(["segment_pk"], ["segments.pk"], name="fk_novelties_segment_pk", ondelete="CASCADE"),
    )
    op.create_index("ix_novelties_novelty", "novelties", ["novelty"])
    _identities()


def _identities() -> None:
    clusters = sa.table("clusters", sa.column("id"), sa.column("clustering_pk"))
    clusterings = sa.table("clusterings", sa.column("pk"), sa.column("space_pk"))
    identities = sa.table("cluster_identities", sa.column("id"), sa.column("space_pk"))
    found = sa.select(clusters.c.id, clusterings.c.space_pk).join(
        clusterings, clusterings.c.pk == clusters.c.clustering_pk
    )
    op.get_bind().execute(sa.insert(identities).from_select(["id", "space_pk"], found))
