"""The catalog's tables.

Sized for a million segments: rows refer to each other by whole numbers, and a classifier's names stand once, in
`classes`; ids and names in every row would make the scores alone three times as large. `id` is the content-addressed id
that the world knows, `pk` the row's number, which never leaves the catalog.

Absolute times are microseconds since 1970 in UTC (`_us`): a whole number compares exactly, on both databases, and is as
fine as a `datetime`. A noun that nobody searches by its fields is kept as its JSON, in `document`.

What the site's clock showed (`local_hour`, `local_date`) is stored beside a segment, since no database computes
it the same way as another.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

HEAD = "0006"
"""The migration that ends in these tables."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Big = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column called INTEGER, which holds 64 bits there."""


def _to(target: str, *, primary_key: bool = False, index: bool = False) -> Column[int]:
    """Return a column that refers to a row of `target`, and goes when that row goes."""
    return Column(
        f"{target.removesuffix('s')}_pk",
        _Big,
        ForeignKey(f"{target}.pk", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        index=index,
    )


deployments = Table(
    "deployments",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("site", Text, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("container", Text, nullable=False),
    Column("sample_rate_hz", Integer, nullable=False),
    Column("n_channels", Integer, nullable=False),
    Column("n_frames", BigInteger, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("site", Text, index=True),
    Column("started_at_us", BigInteger, index=True),
    Column("zone", Text),
    Column("habitat", Text),
    Column("lat_deg", Double),
    Column("lon_deg", Double),
    Column("unit_x", Double),
    Column("unit_y", Double),
    Column("unit_z", Double),
    Column("notes", Text, nullable=False),
)
"""`unit_x`, `unit_y` and `unit_z` are the place on the unit sphere, of which a database computes distances as exactly
as `rab.domain.filter.place` does; sines and cosines are not everywhere the same."""

spaces = Table(
    "spaces",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("space", Text, nullable=False, unique=True),
    Column("model", Text, nullable=False, index=True),
    Column("card", Text, nullable=False),
)
"""Embedding spaces, each with the card of the embedder that last filled it."""

model_runs = Table(
    "model_runs",
    metadata,
    _to("recordings", primary_key=True),
    _to("spaces", primary_key=True),
    Column("policy", Text, nullable=False),
    Column("score_threshold", Double, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("committed_at_us", BigInteger, nullable=False),
    Column("n_segments", Integer, nullable=False),
    Column("audio_ms", Double, nullable=False),
    Index("ix_model_runs_space_pk_committed_at_us", "space_pk", "committed_at_us"),
)
"""A recording that a model is done with. The row is written last, in the transaction that writes the segments."""

segments = Table(
    "segments",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    _to("recordings"),
    _to("spaces"),
    Column("channel", SmallInteger),
    Column("t0_ms", Double, nullable=False),
    Column("t1_ms", Double, nullable=False),
    Column("low_hz", Double),
    Column("high_hz", Double),
    Column("detection_score", Double),
    Column("human_voice", Boolean, nullable=False, server_default=false()),
    Column("heard_at_us", BigInteger),
    Column("local_hour", SmallInteger),
    Column("local_date", String(10)),
    Column("snr_db", Double),
    Column("snr_unmeasured", Text),
    Column("band_low_hz", Double),
    Column("band_high_hz", Double),
    Column("noise_floor_dbfs", Double),
    Column("peak_dbfs", Double),
    Column("clipped_fraction", Double, nullable=False),
    Column("overlap_fraction", Double, nullable=False),
    Column("rain", Boolean, nullable=False),
    Column("wind", Boolean, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("descriptors", Text, nullable=False),
    Index("ix_segments_in_order", "space_pk", "recording_pk", "channel", "t0_ms", "t1_ms"),
    Index("ix_segments_space_pk_heard_at_us", "space_pk", "heard_at_us"),
)

classes = Table(
    "classes",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("model", Text, nullable=False),
    Column("scientific_name", Text, nullable=False),
    Column("common_name", Text, nullable=False),
    Column("taxon_group", Text, nullable=False),
    UniqueConstraint("model", "scientific_name", "common_name", "taxon_group"),
    Index("ix_classes_scientific_name", "scientific_name"),
)
"""What a classifier can name. `taxon_group` is empty where its labels do not tell, for NULLs are never equal."""

taxon_scores = Table(
    "taxon_scores",
    metadata,
    _to("segments", primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("class_pk", _Big, ForeignKey("classes.pk"), nullable=False),
    Column("logit", Double, nullable=False),
    Column("raw_score", Double, nullable=False),
    Column("in_range", Boolean),
    Column("above_threshold", Boolean, nullable=False),
    Index(
        "ix_taxon_scores_above_threshold",
        "class_pk",
        "segment_pk",
        sqlite_where=text("above_threshold = 1"),
        postgresql_where=text("above_threshold"),
    ),
    sqlite_with_rowid=False,
)
"""Scores of a segment, best first (`position` 0). `above_threshold` is judged by the card's threshold at the commit."""

labels = Table(
    "labels",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("segment_id", String(32), nullable=False),
    Column("taxon", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("labelled_at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, server_default=text("'taxon'")),
    Column("licence", Text),
    Column("provenance", Text),
    Column("pack_id", String(64)),
    UniqueConstraint("segment_id", "taxon", "source", "author", "labelled_at_us"),
    Index("ix_labels_taxon_segment_id", "taxon", "segment_id"),
)
"""What people say. They name the segment by its id, and so outlive one that is cut anew, and meet it again."""

reviews = Table(
    "reviews",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("segment_id", String(32), nullable=False, index=True),
    Column("pack_id", String(64), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("taxon", Text, nullable=False),
    Column("suggested", Text),
    Column("author", Text, nullable=False),
    Column("reviewed_at_us", BigInteger, nullable=False),
    Column("provenance", Text),
)
"""Every review that was given, in the order of giving. What they say now stands in `labels`."""

outdated_payloads = Table(
    "outdated_payloads",
    metadata,
    Column("pk", _Big, primary_key=True),
    _to("segments", index=True),
)
"""Segments whose payload beside their vector says less than the catalog, once for each change."""

clusterings = Table(
    "clusterings",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("id", Text, nullable=False),
    Column("space_pk", _Big, ForeignKey("spaces.pk", ondelete="CASCADE"), nullable=False, unique=True),
    Column("method", Text, nullable=False),
    Column("n_segments", Integer, nullable=False),
    Column("n_unassigned", Integer, nullable=False),
)
"""The current clustering of each space."""

clusters = Table(
    "clusters",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    _to("clusterings", index=True),
    Column("position", Integer, nullable=False),
    Column("n_members", Integer, nullable=False),
    Column("persistence", Double),
    Column("medoid_pk", _Big, ForeignKey("segments.pk", ondelete="CASCADE"), nullable=False, index=True),
)
"""A cluster goes when its medoid goes: without the call that stands for it, it says nothing."""

cluster_exemplars = Table(
    "cluster_exemplars",
    metadata,
    _to("clusters", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _to("segments", index=True),
)

cluster_members = Table(
    "cluster_members",
    metadata,
    _to("segments", primary_key=True),
    _to("clusters", index=True),
    Column("found_as", Text),
)
"""`found_as` is the cluster that the clustering found, where a person has since said that it is one with another."""

cluster_identities = Table(
    "cluster_identities",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("space_pk", _Big, ForeignKey("spaces.pk", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text),
    Column("named_by", Text),
    Column("named_at_us", BigInteger),
    Column("merged_into", Text),
    Column("merged_by", Text),
    Column("merged_at_us", BigInteger),
)
"""Every cluster that ever was, with what people said of it. No id is given twice."""

novelties = Table(
    "novelties",
    metadata,
    _to("segments", primary_key=True),
    Column("novelty", Double),
    Index("ix_novelties_novelty", "novelty"),
)
"""Segments that the current clustering has placed, in a cluster or in none, and how novel each is."""

packs = Table(
    "packs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("saved_at_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("ended_at_us", BigInteger, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

learned = Table(
    "learned",
    metadata,
    Column("pk", _Big, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("learned_at_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("kind", "space", "name", "version"),
)
