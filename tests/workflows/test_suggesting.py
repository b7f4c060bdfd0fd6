"""Suggestions over real calls: nothing before people labelled, a name after, and what people answer is respected."""

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rab.domain import AnnotationSuggestion, SegmentFilter, StoredSegment, parse_filter
from rab.errors import InputError, NotFound, Ungrounded
from rab.evidence.calls import call_name
from rab.reports.annotation_tables import read_csv
from rab.reports.annotations import csv_of, write_annotations
from rab.workflows.ingest import ingest
from rab.workflows.labelling import ReviewReport, import_reviews, label_segment, review
from rab.workflows.questions import interpret
from rab.workflows.suggesting import annotation, choose, suggest, suggestions
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
CUCKOO = "Cuculus canorus"
EVERYTHING = SegmentFilter()
Open = Callable[[Path], AbstractContextManager[Workspace]]


@pytest.fixture(scope="module")
def taken_in(cuckoos: tuple[Path, ...], open_library: Open, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of a library of three recordings in which cuckoos call."""
    home = tmp_path_factory.mktemp("suggesting") / "home"
    with open_library(home) as workspace:
        ingest(workspace, cuckoos, models=[MODEL])
    return home


@pytest.fixture
def own(taken_in: Path, open_library: Open, tmp_path: Path) -> Iterator[Workspace]:
    """Return that library, to be changed."""
    shutil.copytree(taken_in, tmp_path / "own")
    with open_library(tmp_path / "own") as workspace:
        yield workspace


def labelled(workspace: Workspace) -> StoredSegment:
    """Label a cuckoo in two recordings; return a call of the third for which that is enough."""
    for number, t0_ms in ((4, 0.0), (2, 3000.0)):
        label_segment(workspace, at(workspace, number, t0_ms).segment.id, taxon=CUCKOO, author="Ann")
    return at(workspace, 3, 6000.0)


def at(workspace: Workspace, number: int, t0_ms: float) -> StoredSegment:
    """Return the segment of a recording, by its number, that begins there."""
    every = workspace.catalog.list_segments(workspace.card(MODEL).space, EVERYTHING)
    return next(
        one for one in every if one.recording.file_name.startswith(f"CHE_0{number}") and one.segment.t0_ms == t0_ms
    )


def counts(report: ReviewReport) -> tuple[int, int, int]:
    """Return the rows of a table, those with a verdict, and those that were new."""
    return report.n_rows, report.n_reviewed, report.n_new


def edited(path: Path, **cells: str) -> Path:
    """Write what a reviewer would into every row of an exported table."""
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    with path.open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, list(rows[0]))
        table.writeheader()
        table.writerows({**row, **cells} for row in rows)
    return path


def test_labels_of_two_recordings_make_a_suggestion(own: Workspace) -> None:
    """Before them a person is asked to listen; what two people's labels carry is a name, its limits and its pack."""
    before = suggest(own, at(own, 3, 6000.0).segment.id)
    assert ("review", True) == (before.outcome, "no_human_label" in before.reasons)
    query = labelled(own)
    written = suggest(own, query.segment.id)
    assert ("suggested", CUCKOO, ()) == (written.outcome, written.taxon, written.reasons)
    assert written.pack == own.catalog.pack(written.pack.pack_id)
    row = annotation(own, written)
    assert row is not None
    assert (6000.0, query.segment.t1_ms, query.quality.band_low_hz) == (row.t0_ms, row.t1_ms, row.low_hz)
    assert ("birdnet-v2.4 (CC BY-NC-SA 4.0)",) == row.models
    assert [row] == read_csv(csv_of([row]))


def test_one_after_another_is_as_all_at_once(own: Workspace) -> None:
    """Many suggestions are those that each segment has; reviewed ones are passed over, and packs are kept."""
    labelled(own)
    told: list[tuple[int, int]] = []
    chosen = choose(own, model=MODEL, where=EVERYTHING, limit=None)
    made = list(suggestions(own, chosen.segment_ids, lambda done, n: told.append((done, n))))
    assert (7, 2) == (chosen.n_matching, chosen.n_reviewed)
    assert [(n, 7) for n in range(1, 8)] == told
    assert [one.suggestion for one in made] == [suggest(own, one) for one in chosen.segment_ids]
    assert 1 == sum(one.suggestion is not None and one.suggestion.outcome == "suggested" for one in made)


def test_a_segment_that_fails_is_told_and_the_others_go_on(own: Workspace) -> None:
    """Its error stands in its place."""
    good = at(own, 3, 6000.0).segment.id
    found = list(suggestions(own, ["0" * 32, good]))
    assert ["0" * 32, good] == [one.segment_id for one in found]
    assert isinstance(found[0].error, NotFound)
    assert isinstance(found[1].suggestion, AnnotationSuggestion)


@pytest.mark.parametrize("order", ["uncertain", "frequent", "time"])
@pytest.mark.parametrize("with_labels", [True, False])
def test_orders_choose_among_the_same_segments(own: Workspace, order: Any, with_labels: bool) -> None:
    """Each is a permutation; a limit takes its beginning; a filter is respected."""
    if with_labels:
        labelled(own)
    whole = choose(own, model=MODEL, where=EVERYTHING, limit=None, order=order)
    ids = own.catalog.segment_ids(own.card(MODEL).space, parse_filter("not reviewed"))
    assert sorted(ids) == sorted(whole.segment_ids)
    assert whole.segment_ids[:2] == choose(own, model=MODEL, where=EVERYTHING, limit=2, order=order).segment_ids
    loud = choose(own, model=MODEL, where=parse_filter("snr>=10"), limit=None, order=order)
    assert set(own.catalog.segment_ids(own.card(MODEL).space, parse_filter("snr>=10 not reviewed"))) == set(
        loud.segment_ids
    )
    if order == "time":
        assert tuple(ids) == whole.segment_ids


def test_an_accepted_suggestion_is_a_label_of_its_pack(own: Workspace) -> None:
    """Who, when and which pack; nothing is suggested again; searches, filters and later suggestions know it."""
    segment = labelled(own).segment.id
    written = suggest(own, segment)
    given = review(own, written.pack.pack_id, "accepted", author=" Bob ")
    assert (CUCKOO, "Bob", written.pack.pack_id) == (given.taxon, given.author, given.pack_id)
    label = own.catalog.labels_of([segment])[segment][0]
    assert (CUCKOO, "human", "Bob", given.reviewed_at, written.pack.pack_id) == (
        label.taxon,
        label.source,
        label.author,
        label.labelled_at,
        label.pack_id,
    )
    again = suggest(own, segment)
    assert ("labelled", None) == (again.outcome, again.taxon)
    store = own.store(own.card(MODEL))
    assert segment in {one.payload.segment_id for one in store.scan(parse_filter("reviewed"))}
    assert segment not in choose(own, model=MODEL, where=EVERYTHING, limit=None).segment_ids


def test_a_rejected_suggestion_is_not_made_again(own: Workspace) -> None:
    """The call's name falls back, its detection counts as rejected, and no text puts the classifier's word forward."""
    query = labelled(own)
    review(own, query.segment.id, "rejected", author="Ann")
    again = suggest(own, query.segment.id)
    assert ("review", None) == (again.outcome, again.taxon)
    assert "rejected" in again.reasons
    stored = own.catalog.segment(query.segment.id)
    name = call_name(stored, own.card(MODEL).score_threshold)
    assert name is None or name.scientific_name != CUCKOO
    assert CUCKOO not in {
        claim.taxon for claim in interpret(own, query.segment.id).claims if claim.kind == "classifier_score"
    }
    store = own.store(own.card(MODEL))
    assert query.segment.id in {one.payload.segment_id for one in store.scan(parse_filter("reviewed"))}
    assert query.segment.id not in {one.payload.segment_id for one in store.scan(parse_filter(f'label="{CUCKOO}"'))}


def test_a_change_of_mind_goes_by_the_segment(own: Workspace) -> None:
    """What was reviewed last is meant where nothing is suggested any more; common names are understood."""
    segment = labelled(own).segment.id
    pack_id = review(own, segment, "rejected", author="Ann").pack_id
    back = review(own, segment[:12], "accepted", author="Ann")
    assert (pack_id, CUCKOO) == (back.pack_id, back.taxon)
    other = next(one for one in own.catalog.common_names() if one[1] not in (CUCKOO, one[0]))
    corrected = review(own, segment, "corrected", author="Ann", taxon=other[0].lower())
    assert (other[1], CUCKOO) == (corrected.taxon, corrected.rejected_taxon)
    assert {other[1], f"not {CUCKOO}"} == {label.taxon for label in own.catalog.labels_of([segment])[segment]}
    assert 3 == len(own.catalog.reviews_of([segment])[segment])


def test_a_call_without_a_suggestion_can_be_named_or_denied(own: Workspace) -> None:
    """Where a review is asked for, the person brings the name."""
    segment = at(own, 3, 6000.0).segment.id
    with pytest.raises(Ungrounded, match="suggests no label"):
        review(own, segment, "accepted", author="Ann")
    with pytest.raises(Ungrounded, match="suggests no label"):
        review(own, segment, "rejected", author="Ann")
    assert CUCKOO == review(own, segment, "rejected", author="Ann", taxon=CUCKOO).rejected_taxon
    assert CUCKOO == review(own, segment, "corrected", author="Ann", taxon=CUCKOO).accepted_taxon


@pytest.mark.parametrize(
    ("subject", "verdict", "fields", "error"),
    [
        ("segment", "corrected", {}, InputError),
        ("segment", "corrected", {"taxon": CUCKOO}, InputError),
        ("segment", "corrected", {"taxon": " "}, InputError),
        ("segment", "accepted", {"taxon": "Strix aluco"}, InputError),
        ("segment", "accepted", {"author": " "}, InputError),
        ("f" * 64, "accepted", {}, NotFound),
        ("f" * 32, "accepted", {}, NotFound),
        ("what", "accepted", {}, InputError),
    ],
)
def test_a_review_that_cannot_be_meant_is_refused(
    own: Workspace, subject: str, verdict: Any, fields: dict[str, str], error: type[Exception]
) -> None:
    """Nothing is kept of it."""
    segment = labelled(own).segment.id
    with pytest.raises(error):
        review(own, segment if subject == "segment" else subject, verdict, **{"author": "Ann", **fields})
    assert {} == own.catalog.reviews_of([segment])


def test_an_edited_table_is_taken_once(own: Workspace, tmp_path: Path) -> None:
    """Verdicts become reviews with their row; the same file again is known; untouched rows are passed over."""
    segment = labelled(own).segment.id
    row = annotation(own, suggest(own, segment))
    assert row is not None
    asked = annotation(own, suggest(own, at(own, 4, 6000.0).segment.id))
    assert asked is not None
    table = write_annotations(tmp_path / "out.csv", [row], "csv")[0]
    assert (1, 0, 0) == counts(import_reviews(own, table))
    edited(table, status="accepted", reviewer="Bob")
    assert [(1, 1, 1), (1, 1, 0)] == [counts(import_reviews(own, table)) for _ in range(2)]
    given = own.catalog.reviews_of([segment])[segment]
    assert [("Bob", "out.csv line 2", row.pack_id)] == [(one.author, one.provenance, one.pack_id) for one in given]
    named = write_annotations(tmp_path / "asked.csv", [asked], "csv")[0]
    edited(named, status="Corrected", corrected_taxon="Strix aluco")
    report = import_reviews(own, named, author="Cleo")
    assert ((1, 1, 1), ()) == (counts(report), report.failures)
    assert "Strix aluco" in {label.taxon for label in own.catalog.labels_of([asked.segment_id])[asked.segment_id]}


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"status": "accepted"}, "input"),
        ({"status": "perhaps", "reviewer": "Bob"}, "input"),
        ({"status": "accepted", "reviewer": "Bob", "pack": "f" * 64}, "not_found"),
        ({"status": "accepted", "reviewer": "Bob", "pack": "deadbeef"}, "not_found"),
        ({"status": "accepted", "reviewer": "Bob", "segment": "f" * 32}, "conflict"),
        ({"status": "accepted", "reviewer": "Bob", "suggested_taxon": "Strix aluco"}, "conflict"),
        ({"status": "corrected", "reviewer": "Bob"}, "input"),
    ],
)
def test_rows_that_cannot_be_meant_are_listed(own: Workspace, tmp_path: Path, cells: dict[str, str], code: str) -> None:
    """A row is held against its pack, and what contradicts it is not taken."""
    segment = labelled(own).segment.id
    row = annotation(own, suggest(own, segment))
    assert row is not None
    table = edited(write_annotations(tmp_path / "out.csv", [row], "csv")[0], **cells)
    report = import_reviews(own, table)
    assert [code] == [failure.code for failure in report.failures]
    assert (int(cells["status"] != "perhaps"), 0) == (report.n_reviewed, report.n_taken)
    assert code != "not_found" or "there is no Evidence Pack" in report.failures[0].message
    assert (0, {}) == (report.n_new, own.catalog.reviews_of([segment]))


def test_a_pack_of_another_segment_is_no_pack_of_this(own: Workspace) -> None:
    """Packs are held against their own segments, and a summary has none."""
    from rab.workflows.summaries import summarise

    summary = summarise(own, model=MODEL, where=EVERYTHING)
    with pytest.raises(InputError, match="not of a call"):
        review(own, summary.pack.pack_id, "accepted", author="Ann")
