"""Packs, reports, jobs and deployments are kept as they are."""

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rab.catalog import Catalog, ReportRecord
from rab.domain import (
    AggregateEntry,
    Deployment,
    EvidencePack,
    FileFailure,
    FileSkipped,
    IngestReport,
    LibraryFacts,
    ModelCredit,
)
from rab.errors import NotFound, StorageFailed

if TYPE_CHECKING:
    from tests.conftest import Make


def pack(make: "Make", value: float = 1.0) -> EvidencePack:
    """Return a pack of one figure."""
    figure = AggregateEntry(key="a1", name="effort_hours", value=value, unit="h", basis="counted", rows_sha256="0" * 64)
    facts = LibraryFacts(space="s", n_segments=1, n_recordings=1, n_sites=1, filter_words="everything")
    credit = ModelCredit.of(make.card())
    return EvidencePack(kind="summary", subject="everything", library=facts, models=(credit,), aggregates=(figure,))


def test_a_pack_is_kept_under_its_id(catalog: Catalog, make: "Make") -> None:
    """A sealed pack comes back equal, however often it was saved, and by its id alone."""
    first, second = pack(make, 1.0), pack(make, 2.0)
    for one in (first, second, first):
        catalog.save_pack(one)
    assert first == catalog.pack(first.pack_id)
    assert second == catalog.pack(second.pack_id)
    with pytest.raises(NotFound, match="0000"):
        catalog.pack("0000")


def test_a_pack_that_was_changed_is_not_believed(sqlite_url: str, make: "Make") -> None:
    """A pack that somebody edits in the database no longer gives its id, and reading it says so."""
    sealed = pack(make, 1.0)
    with Catalog.open(sqlite_url) as catalog:
        catalog.save_pack(sealed)
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE packs SET document = replace(document, '\"value\":1.0', '\"value\":9.0')")
        connection.close()
        with pytest.raises(StorageFailed, match="was changed after it was sealed"):
            catalog.pack(sealed.pack_id)


def test_reports_come_newest_first(catalog: Catalog) -> None:
    """Reports are listed newest first, and one with the same id replaces the other."""
    old, new = (
        ReportRecord(
            id=name,
            kind="monitoring",
            title="May",
            created_at=datetime(2025, 6, day, tzinfo=UTC),
            path=f"/reports/{name}.html",
            pack_ids=("a", "b"),
        )
        for name, day in (("old", 1), ("new", 2))
    )
    moved = old.model_copy(update={"path": "/archive/old.html"})
    for report in (old, new, moved):
        catalog.save_report(report)
    assert [new, moved] == catalog.reports()


def test_jobs_come_newest_first(catalog: Catalog) -> None:
    """What became of a batch is kept whole: failures, skipped files and caveats."""
    reports = [
        IngestReport(
            models=("toy-v1",),
            n_files=n,
            n_ingested=1,
            n_already_done=0,
            n_segments=3,
            audio_ms=9000.0,
            elapsed_ms=12.5,
            failures=(FileFailure(path="a.wav", code="audio", message="it is empty", hint="copy it again"),),
            skipped=(FileSkipped(path="b.wav", model="toy-v1", reason="too slow"),),
            caveats=("no clock",),
        )
        for n in (1, 2)
    ]
    before = datetime.now(UTC)
    for report in reports:
        catalog.save_job(report)
    assert reports[::-1] == [job.report for job in catalog.jobs()]
    assert [reports[1]] == [job.report for job in catalog.jobs(limit=1)]
    assert all(before <= job.ended_at <= datetime.now(UTC) for job in catalog.jobs())


def test_deployments_of_a_site_are_replaced_together(catalog: Catalog) -> None:
    """A table that names a site again replaces that site's rows, and leaves the other sites alone."""
    north, south = Deployment(site="N", lat_deg=46.5, lon_deg=6.2, zone="UTC"), Deployment(site="S", habitat="reed")
    catalog.put_deployments([north, south])
    moved = [Deployment(site="N", file_pattern="a/*"), Deployment(site="N", file_pattern="b/*")]
    catalog.put_deployments(moved)
    catalog.put_deployments([])
    assert [south, *moved] == catalog.deployments()
