"""What filters ask: habitat and place of recordings, what stands beside labels, and payloads that lack all of it."""

import json
import math

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; places are read from the notes. Every payload of before counts as out of date."""
    op.add_column("recordings", sa.Column("habitat", sa.Text))
    for name in ("lat_deg", "lon_deg", "unit_x", "unit_y", "unit_z"):
        op.add_column("recordings", sa.Column(name, sa.Double))
    op.add_column("labels", sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'taxon'")))
    for name in ("licence", "provenance"):
        op.add_column("labels", sa.Column(name, sa.Text))
    op.create_index("ix_labels_taxon_segment_id", "labels", ["taxon", "segment_id"])
    _places()
    _outdated_payloads()


def _places() -> None:
    names = ("pk", "notes", "lat_deg", "lon_deg", "unit_x", "unit_y", "unit_z")
    recordings = sa.table("recordings", *map(sa.column, names))
    connection = op.get_bind()
    for pk, document in connection.execute(sa.select(recordings.c.pk, recordings.c.notes)).all():
        notes = json.loads(document)
        lat_deg, lon_deg = notes.get("lat_deg"), notes.get("lon_deg")
        if lat_deg is not None and lon_deg is not None:
            lat, lon = math.radians(lat_deg), math.radians(lon_deg)
            place = {
                "lat_deg": lat_deg,
                "lon_deg": lon_deg,
                "unit_x": math.cos(lat) * math.cos(lon),
                "unit_y": math.cos(lat) * math.sin(lon),
                "unit_z": math.sin(lat),
            }
            connection.execute(sa.update(recordings).where(recordings.c.pk == pk).values(place))


def _outdated_payloads() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    outdated = op.create_table(
        "outdated_payloads",
        sa.Column("pk", big, nullable=False),
        sa.Column("segment_pk", big, nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_pk"], ["segments.pk"], name="fk_outdated_payloads_segment_pk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name="pk_outdated_payloads"),
    )
    op.create_index("ix_outdated_payloads_segment_pk", "outdated_payloads", ["segment_pk"])
    every = sa.select(sa.table("segments", sa.column("pk")).c.pk)
    op.get_bind().execute(sa.insert(outdated).from_select(["segment_pk"], every))
