"""What is learned from a library: rerankers, probes, calibrations, cluster models."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table of learned things."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "learned",
        sa.Column("pk", big, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("learned_at_us", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_learned"),
        sa.UniqueConstraint("kind", "space", "name", "version", name="uq_learned_kind_space_name_version"),
    )
