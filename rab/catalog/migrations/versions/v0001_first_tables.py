"""The first tables: recordings and what models heard in them, clusters, labels, packs, reports and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    _field_work()
    _models()
    _segments()
    _scores()
    _clusters()
    _documents()


def _pk() -> "sa.Column[int]":
    return sa.Column("pk", _BIG, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=nullable)


def _reference(name: str, target: str, *, primary_key: bool = False) -> "sa.Column[int]":
    reference = sa.ForeignKey(f"{target}.pk", ondelete="CASCADE")
    return sa.Column(name, _BIG, reference, primary_key=primary_key, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _field_work() -> None:
    op.create_table("deployments", _pk(), _text("site"), _text("document"))
    _index("deployments", "site")
    op.create_table(
        "recordings",
        _pk(),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        _text("path"),
        sa.Column("n_bytes", sa.BigInteger, nullable=False),
        _text("container"),
        sa.Column("sample_rate_hz", sa.Integer, nullable=False),
        sa.Column("n_channels", sa.Integer, nullable=False),
        sa.Column("n_frames", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        _text("site", nullable=True),
        sa.Column("started_at_us", sa.BigInteger),
        _text("zone", nullable=True),
        _text("notes"),
    )
    _index("recordings", "site")
    _index("recordings", "started_at_us")


def _models() -> None:
    op.create_table(
        "spaces",
        _pk(),
        sa.Column("space", sa.Text, nullable=False, unique=True),
        _text("model"),
        _text("card"),
    )
    _index("spaces", "model")
    op.create_table(
        "model_runs",
        _reference("recording_pk", "recordings", primary_key=True),
        _reference("space_pk", "spaces", primary_key=True),
        _text("policy"),
        sa.Column("score_threshold", sa.Double, nullable=False),
        _text("code_version"),
        sa.Column("committed_at_us", sa.BigInteger, nullable=False),
        sa.Column("n_segments", sa.Integer, nullable=False),
        sa.Column("audio_ms", sa.Double, nullable=False),
    )
    _index("model_runs", "space_pk", "committed_at_us")


def _segments() -> None:
    op.create_table(
        "segments",
        _pk(),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        _reference("recording_pk", "recordings"),
        _reference("space_pk", "spaces"),
        sa.Column("channel", sa.SmallInteger),
        sa.Column("t0_ms", sa.Double, nullable=False),
        sa.Column("t1_ms", sa.Double, nullable=False),
        sa.Column("heard_at_us", sa.BigInteger),
        sa.Column("local_hour", sa.SmallInteger),
        sa.Column("local_date", sa.String(10)),
        sa.Column("snr_db", sa.Double),
        _text("snr_unmeasured", nullable=True),
        sa.Column("band_low_hz", sa.Double),
        sa.Column("band_high_hz", sa.Double),
        sa.Column("noise_floor_dbfs", sa.Double),
        sa.Column("peak_dbfs", sa.Double),
        sa.Column("clipped_fraction", sa.Double, nullable=False),
        sa.Column("overlap_fraction", sa.Double, nullable=False),
        sa.Column("rain", sa.Boolean, nullable=False),
        sa.Column("wind", sa.Boolean, nullable=False),
        sa.Column("silent", sa.Boolean, nullable=False),
        _text("descriptors"),
    )
    op.create_index("ix_segments_in_order", "segments", ["space_pk", "recording_pk", "channel", "t0_ms", "t1_ms"])
    _index("segments", "space_pk", "heard_at_us")
    op.create_table(
        "labels",
        _pk(),
        sa.Column("segment_id", sa.String(32), nullable=False),
        _text("taxon"),
        _text("source"),
        _text("author"),
        sa.Column("labelled_at_us", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("segment_id", "taxon", "source", "author", "labelled_at_us"),
    )


def _scores() -> None:
    op.create_table(
        "classes",
        _pk(),
        _text("model"),
        _text("scientific_name"),
        _text("common_name"),
        _text("taxon_group"),
        sa.UniqueConstraint("model", "scientific_name", "common_name", "taxon_group"),
    )
    _index("classes", "scientific_name")
    op.create_table(
        "taxon_scores",
        _reference("segment_pk", "segments", primary_key=True),
        sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("class_pk", _BIG, sa.ForeignKey("classes.pk"), nullable=False),
        sa.Column("logit", sa.Double, nullable=False),
        sa.Column("raw_score", sa.Double, nullable=False),
        sa.Column("in_range", sa.Boolean),
        sa.Column("above_threshold", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_taxon_scores_above_threshold",
        "taxon_scores",
        ["class_pk", "segment_pk"],
        sqlite_where=sa.text("above_threshold = 1"),
        postgresql_where=sa.text("above_threshold"),
    )


def _clusters() -> None:
    op.create_table(
        "clusterings",
        _pk(),
        _text("id"),
        sa.Column("space_pk", _BIG, sa.ForeignKey("spaces.pk", ondelete="CASCADE"), nullable=False, unique=True),
        _text("method"),
        sa.Column("n_segments", sa.Integer, nullable=False),
        sa.Column("n_unassigned", sa.Integer, nullable=False),
    )
    op.create_table(
        "clusters",
        _pk(),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        _reference("clustering_pk", "clusterings"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("n_members", sa.Integer, nullable=False),
        sa.Column("persistence", sa.Double),
        _reference("medoid_pk", "segments"),
    )
    _index("clusters", "clustering_pk")
    _index("clusters", "medoid_pk")
    op.create_table(
        "cluster_exemplars",
        _reference("cluster_pk", "clusters", primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        _reference("segment_pk", "segments"),
    )
    _index("cluster_exemplars", "segment_pk")
    op.create_table(
        "cluster_members",
        _reference("segment_pk", "segments", primary_key=True),
        _reference("cluster_pk", "clusters"),
    )
    _index("cluster_members", "cluster_pk")


def _documents() -> None:
    op.create_table(
        "packs",
        sa.Column("id", sa.String(64), primary_key=True),
        _text("kind"),
        _text("subject"),
        sa.Column("saved_at_us", sa.BigInteger, nullable=False),
        _text("document"),
    )
    _index("packs", "subject")
    op.create_table(
        "reports",
        sa.Column("id", sa.Text, primary_key=True),
        _text("kind"),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        _text("document"),
    )
    _index("reports", "created_at_us")
    op.create_table("jobs", _pk(), sa.Column("ended_at_us", sa.BigInteger, nullable=False), _text("document"))
    _index("jobs", "ended_at_us")
