"""Calls that a model found, with their band; whether people are heard in a segment; jobs of many models."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; segments of before are windows, in which nobody looked for people."""
    for name in ("low_hz", "high_hz", "detection_score"):
        op.add_column("segments", sa.Column(name, sa.Double))
    op.add_column("segments", sa.Column("human_voice", sa.Boolean, nullable=False, server_default=sa.false()))
    _jobs_of_many_models()


def _jobs_of_many_models() -> None:
    """A job of before had one model, which every skipped file was skipped by."""
    jobs = sa.table("jobs", sa.column("pk"), sa.column("document"))
    connection = op.get_bind()
    for pk, document in connection.execute(sa.select(jobs.c.pk, jobs.c.document)).all():
        job = json.loads(document)
        model = job.pop("model")
        job["models"] = [model]
        job["skipped"] = [{**skipped, "model": model} for skipped in job.get("skipped", [])]
        connection.execute(sa.update(jobs).where(jobs.c.pk == pk).values(document=json.dumps(job)))
