"""What RAB made of the library and keeps: Evidence Packs, reports, and what became of every ingest."""

from sqlalchemy import insert, select

from rab.catalog.database import Database
from rab.catalog.rows import from_us, now_us, read_document, to_us
from rab.catalog.schema import jobs, packs, reports
from rab.catalog.statements import insert_missing, upsert
from rab.domain import EvidencePack, IngestReport, Value
from rab.domain.value import Instant
from rab.errors import NotFound


class ReportRecord(Value):
    """A report that was written, and where it lies."""

    id: str
    kind: str
    """`monitoring` and the like."""
    title: str
    created_at: Instant
    path: str
    pack_ids: tuple[str, ...] = ()
    """The Evidence Packs that it cites."""


class JobRecord(Value):
    """What became of a batch, and when it ended."""

    ended_at: Instant
    report: IngestReport


class Records(Database):
    """The part of the catalog that knows what was made."""

    def save_pack(self, pack: EvidencePack) -> None:
        """Store a pack. One that is stored already stays as it is: its id is its content."""
        row = {
            "id": pack.pack_id,
            "kind": pack.kind,
            "subject": pack.subject,
            "saved_at_us": now_us(),
            "document": pack.model_dump_json(),
        }
        with self._writing() as connection:
            connection.execute(insert_missing(connection, packs).values(row))

    def pack(self, pack_id: str) -> EvidencePack:
        """Return a pack by its id. Raises `NotFound`, and `StorageFailed` when its seal no longer holds."""
        with self._reading() as connection:
            document = connection.scalar(select(packs.c.document).where(packs.c.id == pack_id))
        if document is None:
            raise NotFound(f"there is no Evidence Pack {pack_id}", hint="`rab evidence SEGMENT` makes one")
        return read_document(EvidencePack, document)

    def save_report(self, report: ReportRecord) -> None:
        """Store that a report was written; one with the same id is replaced."""
        row = {
            "id": report.id,
            "kind": report.kind,
            "created_at_us": to_us(report.created_at),
            "document": report.model_dump_json(),
        }
        with self._writing() as connection:
            connection.execute(upsert(connection, reports, "id").values(row))

    def reports(self) -> list[ReportRecord]:
        """Return all reports, newest first."""
        newest_first = select(reports.c.document).order_by(reports.c.created_at_us.desc(), reports.c.id)
        with self._reading() as connection:
            return [read_document(ReportRecord, document) for document in connection.scalars(newest_first)]

    def save_job(self, report: IngestReport) -> None:
        """Store what became of a batch that ended now."""
        with self._writing() as connection:
            connection.execute(insert(jobs).values(ended_at_us=now_us(), document=report.model_dump_json()))

    def jobs(self, *, limit: int | None = None) -> list[JobRecord]:
        """Return what became of the batches, newest first."""
        newest_first = select(jobs).order_by(jobs.c.ended_at_us.desc(), jobs.c.pk.desc()).limit(limit)
        with self._reading() as connection:
            return [
                JobRecord(ended_at=from_us(row.ended_at_us), report=read_document(IngestReport, row.document))
                for row in connection.execute(newest_first)
            ]
