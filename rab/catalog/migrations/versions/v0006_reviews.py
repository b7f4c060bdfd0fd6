"""Reviews of suggestions, and the pack that a label answers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table and the column; labels of before answer no pack."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("labels", sa.Column("pack_id", sa.String(64)))
    op.create_table(
        "reviews",
        sa.Column("pk", big, nullable=False),
        sa.Column("segment_id", sa.String(32), nullable=False),
        sa.Column("pack_id", sa.String(64), nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("taxon", sa.Text, nullable=False),
        sa.Column("suggested", sa.Text),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reviewed_at_us", sa.BigInteger, nullable=False),
        sa.Column("provenance", sa.Text),
        sa.PrimaryKeyConstraint("pk", name="pk_reviews"),
    )
    op.create_index("ix_reviews_segment_id", "reviews", ["segment_id"])
