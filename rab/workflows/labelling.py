"""Labelling: what is said of calls, kept with who said it and when, and told to the collections that hold them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from rab.domain import EvidencePack, FileFailure, Label, Review, ReviewedRow, SegmentFilter, Value, Verdict
from rab.domain.label import LabelKind
from rab.errors import Conflict, InputError, NotFound, RabError, Ungrounded
from rab.generation import write_suggestion
from rab.workflows.calibrating import grounding_policy
from rab.workflows.filters import understand
from rab.workflows.questions import evidence, find_segment
from rab.workflows.workspace import Workspace

_N_AT_ONCE = 1_000


def label_segment(workspace: Workspace, segment: str, *, taxon: str, author: str, kind: LabelKind = "taxon") -> Label:
    """Keep a human label. Raises `NotFound` for a segment that is not there, `InputError` for an empty name."""
    if not taxon.strip() or not author.strip():
        raise InputError(
            "a label needs a taxon and an author", hint='write: rab label SEGMENT "Turdus merula" --by NAME'
        )
    label = Label(
        segment_id=find_segment(workspace, segment).segment.id,
        taxon=taxon.strip(),
        source="human",
        author=author.strip(),
        labelled_at=datetime.now(UTC),
        kind=kind,
    )
    keep_labels(workspace, [label])
    return label


def keep_labels(workspace: Workspace, labels: Iterable[Label]) -> int:
    """Keep labels of any source, and tell the collections that hold their segments; return how many were given.

    Raises `NotFound` for a segment that is not there. Labels are taken a thousand at a time; those before it are kept.
    """
    rest, n_labels = iter(labels), 0
    while some := list(islice(rest, _N_AT_ONCE)):
        workspace.catalog.add_labels(some)
        n_labels += len(some)
    _tell_stores(workspace)
    return n_labels


def review(workspace: Workspace, subject: str, verdict: Verdict, *, author: str, taxon: str | None = None) -> Review:
    """Keep a person's answer to a suggestion as labels, and the answer itself beside them.

    `subject` is the id of an Evidence Pack, or a segment: then what is suggested for it now is meant, or where nothing
    is any more, what was last reviewed of it. `taxon` is the right name for a correction; without it, what is rejected
    is the suggestion. Raises `NotFound` for a subject that is not there, `Ungrounded` where nothing is suggested that
    could be accepted or rejected, `InputError` where a name or an author is missing.
    """
    pack = _pack(workspace, subject)
    given = _review(workspace, pack, verdict, author=author, taxon=taxon, at=datetime.now(UTC))
    workspace.catalog.add_reviews([given])
    _tell_stores(workspace)
    return given


class ReviewReport(Value):
    """What became of a table of reviews."""

    n_rows: int
    n_reviewed: int
    """Rows with a verdict, whether it could be used or not."""
    n_taken: int
    """Verdicts that could be used."""
    n_new: int
    """Reviews that were not known yet."""
    failures: tuple[FileFailure, ...]
    """Rows that could not be used; the others were."""


def import_reviews(workspace: Workspace, table: Path, *, author: str | None = None) -> ReviewReport:
    """Keep the verdicts of a table that `rab suggest` exported and a person edited; known ones change nothing.

    A row's own reviewer goes before `author`. Raises `NotFound` for a file that is not there, `InputError` for one that
    is no such table.
    """
    from rab.reports.annotation_tables import read_reviewed  # which brings every report with it

    rows, refused = read_reviewed(table)
    failures = list(refused)
    now = datetime.now(UTC)
    given: list[Review] = []
    n_reviewed = sum(row.status in _VERDICTS for row in rows)
    for row in rows:
        if row.status not in _VERDICTS:
            if row.status not in _NO_VERDICT:
                failures.append(_failure(row, InputError(f"{row.status!r} is no status", hint=_STATUSES)))
            continue
        try:
            given.append(_row_review(workspace, row, author, now))
        except RabError as error:
            failures.append(_failure(row, error))
    known = workspace.catalog.reviews_of([one.segment_id for one in given])
    new = [one for one in given if not any(one.says_as(before) for before in known.get(one.segment_id, ()))]
    n_new = workspace.catalog.add_reviews(new)
    _tell_stores(workspace)
    return ReviewReport(
        n_rows=len(rows) + len(refused),
        n_reviewed=n_reviewed,
        n_taken=len(given),
        n_new=n_new,
        failures=tuple(failures),
    )


_VERDICTS: dict[str, Verdict] = {
    "accept": "accepted",
    "accepted": "accepted",
    "correct": "corrected",
    "corrected": "corrected",
    "reject": "rejected",
    "rejected": "rejected",
}
_NO_VERDICT = ("", "suggested", "review")
_STATUSES = "write accepted, corrected or rejected, or leave it as it was"
_PACK_ID = re.compile(r"[0-9a-f]{64}")


def _row_review(workspace: Workspace, row: ReviewedRow, author: str | None, now: datetime) -> Review:
    by = row.reviewer.strip() or author
    if by is None:
        raise InputError("no reviewer is named", hint="fill in the column reviewer, or give --by NAME")
    if not _PACK_ID.fullmatch(row.pack_id):
        raise NotFound(f"there is no Evidence Pack {row.pack_id}", hint="leave the column pack as it was exported")
    pack = _pack(workspace, row.pack_id)
    if pack.subject != row.segment_id:
        raise Conflict(f"pack {row.pack_id[:12]} is not of segment {row.segment_id}", hint="export the table again")
    suggested = _suggested(workspace, pack)
    if row.taxon != (suggested or ""):
        raise Conflict(
            f"the pack suggests {suggested or 'no label'}, and the row {row.taxon or 'none'}",
            hint="leave the suggestion as it is, and write the right name into the column corrected taxon",
        )
    verdict, taxon = _VERDICTS[row.status], row.corrected_taxon or None
    return _review(workspace, pack, verdict, author=by, taxon=taxon, at=now, provenance=row.row)


def _review(
    workspace: Workspace,
    pack: EvidencePack,
    verdict: Verdict,
    *,
    author: str,
    taxon: str | None,
    at: datetime,
    provenance: str | None = None,
) -> Review:
    if not author.strip():
        raise InputError("a review needs its author", hint="give --by NAME")
    suggested = _suggested(workspace, pack)
    name = _scientific(workspace, taxon) if taxon is not None and taxon.strip() else None
    if verdict == "corrected" and (name is None or name == suggested):
        raise InputError(
            "a correction needs another name than the suggestion", hint="name the TAXON that it is, or accept it"
        )
    if verdict == "accepted" and name not in (None, suggested):
        raise InputError(f"{name} is not what is suggested", hint="correct it with that name")
    meant = name if verdict != "accepted" and name is not None else suggested
    if meant is None:
        raise Ungrounded(
            f"pack {pack.pack_id[:12]} suggests no label that could be {verdict}",
            hint="correct it with the TAXON that it is, or reject a TAXON by its name",
        )
    return Review(
        segment_id=pack.subject,
        pack_id=pack.pack_id,
        verdict=verdict,
        taxon=meant,
        suggested=suggested,
        author=author.strip(),
        reviewed_at=at,
        provenance=provenance,
    )


def _suggested(workspace: Workspace, pack: EvidencePack) -> str | None:
    """Return the taxon that a pack suggests, by the thresholds of the library; no language model is asked for it."""
    return write_suggestion(pack, grounding_policy(workspace, pack)).taxon


def _pack(workspace: Workspace, subject: str) -> EvidencePack:
    """Return the pack that is meant. Raises `NotFound`, and `InputError` for a pack that is not of a call."""
    if _PACK_ID.fullmatch(subject):
        pack = workspace.catalog.pack(subject)
        if pack.query is None:
            raise InputError(f"pack {subject[:12]} is not of a call", hint="name a segment or the pack of one")
        workspace.catalog.segment(pack.subject)
        return pack
    try:
        pack = evidence(workspace, subject)
    except NotFound as error:
        raise NotFound(
            f"there is no Evidence Pack or segment {subject}",
            hint="write all 64 characters of a pack's id; `rab segments` lists segments",
        ) from error
    before = workspace.catalog.reviews_of([pack.subject]).get(pack.subject, ())
    if before and _suggested(workspace, pack) is None:
        return workspace.catalog.pack(before[-1].pack_id)
    return pack


def _scientific(workspace: Workspace, name: str) -> str:
    """Return the scientific name of a taxon that is called by its common name, where the library knows one alone."""
    return understand(workspace, SegmentFilter(taxa=(name.strip(),))).where.taxa[0]


def _tell_stores(workspace: Workspace) -> None:
    """Bring the payloads of all collections up to date."""
    for card in workspace.catalog.cards():
        if workspace.catalog.outdated_payloads(card.space, 1):
            workspace.store(card)  # which brings its payloads up to date


def _failure(row: ReviewedRow, error: RabError) -> FileFailure:
    return FileFailure(path=row.row, code=error.code, message=error.message, hint=error.hint)
