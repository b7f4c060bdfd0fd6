"""A reference collection is taken in once, each exemplar says whose it is, and searches can keep to exemplars."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.audio.label_tables import LabelledSpan
from rab.domain import CallSegment, SegmentFilter, parse_filter, segment_id
from rab.errors import InputError, NotFound
from rab.workflows.call_library import (
    OWN,
    CollectionReport,
    CollectionTerms,
    add_collection,
    is_labelled_by,
    list_collections,
    remove_collection,
)
from rab.workflows.ingest import ingest
from rab.workflows.labelling import label_segment
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
EVERYTHING = SegmentFilter()


def _add(workspace: Workspace, path: Path, name: str = "atlas", **options: object) -> CollectionReport:
    terms = CollectionTerms(name=name, licence="CC BY 4.0", source="https://example.org")
    return add_collection(workspace, path, terms, models=[MODEL], n_threads=1, **options)  # type: ignore[arg-type]


@pytest.fixture
def table(folder: Path) -> Path:
    """Return a table of the cuckoos: two spans that hold, two rows that cannot."""
    first, second, _ = sorted(one.name for one in folder.glob("*.wav"))
    path = folder / "labels.csv"
    path.write_text(
        "path,species,start,end,recordist,licence\n"
        f"{first},Cuculus canorus,0,2,Ann,CC0\n"
        f"{second},Cuculus canorus,,,,\n"
        "gone.wav,Cuculus canorus,0,1,,\n"
        f"{first},Cuculus canorus,500,501,,\n",
        encoding="utf-8",
    )
    return path


def test_exemplars_carry_author_licence_and_provenance(workspace: Workspace, folder: Path, table: Path) -> None:
    """Each row becomes imported labels on the segments that it meets; rows that cannot be used are listed."""
    report = _add(workspace, folder, table=table)
    assert (2 + 1, 4, (("Cuculus canorus", 4),)) == (report.n_spans, report.n_labels, report.names)
    assert ["there is no recording gone.wav", "no segment of its recording lies there"] == [
        one.message for one in report.failures
    ]
    found = [label for _, label in workspace.catalog.labels(workspace.card(MODEL).space, EVERYTHING)]
    assert {"imported"} == {one.source for one in found}
    assert [("Ann", "CC0", "atlas: labels.csv line 2, https://example.org")] == [
        (one.author, one.licence, one.provenance) for one in found if one.author == "Ann"
    ]
    assert {("atlas", "CC BY 4.0")} == {(one.author, one.licence) for one in found if one.author != "Ann"}


def test_what_cannot_be_used_is_told_once(workspace: Workspace, folder: Path) -> None:
    """A row with two names, and a file that two rows spell in two ways, fail once each."""
    first = min(one.name for one in folder.glob("*.wav"))
    beside = folder / "beside.wav"
    beside.write_bytes(b"no sound")
    table = folder / "labels.csv"
    table.write_text(
        "path,species,call_type,start,end\n"
        f"{first},Cuculus canorus,song,500,501\n"
        "beside.wav,Cuculus canorus,song,0,1\n"
        f"{beside},Cuculus canorus,song,0,1\n",
        encoding="utf-8",
    )
    failures = _add(workspace, folder, table=table).failures
    assert [True, True] == ["beside.wav" in failures[0].path, failures[1].path.endswith("labels.csv line 2")]
    assert 2 == len(failures)


def test_a_search_keeps_to_exemplars(workspace: Workspace, folder: Path, table: Path) -> None:
    """With `source=imported` only labelled segments are neighbours, at once after the collection was added."""
    _add(workspace, folder, table=table)
    card = workspace.card(MODEL)
    where = parse_filter('source=imported label="Cuculus canorus"')
    expected = set(workspace.catalog.segment_ids(card.space, where))
    store = workspace.store(card)
    query = next(iter(store.fetch(sorted(expected)).values())).vector
    assert 4 == len(expected)
    assert expected == {hit.segment_id for hit in store.search(query, 20, where)}
    remove_collection(workspace, "atlas")
    assert [] == workspace.store(card).search(query, 20, where)


def test_folders_are_labels_and_the_collection_has_a_site_of_its_own(
    workspace: Workspace, cuckoos: tuple[Path, ...], tmp_path: Path
) -> None:
    """Clips in a folder bear its name, and no deployment's pattern claims them."""
    clips = tmp_path / "reference" / "Cuculus_canorus"
    clips.mkdir(parents=True)
    (clips / "1.wav").symlink_to(cuckoos[0])
    report = _add(workspace, tmp_path / "reference")
    assert (("Cuculus canorus", 3),) == report.names
    assert ["library:atlas"] == [one.site for one in workspace.catalog.recordings()]


def test_own_recordings_stay_where_they_are(workspace: Workspace, folder: Path, table: Path) -> None:
    """Recordings that the library has met are labelled and neither heard again nor moved to another site."""
    ingest(workspace, [folder], models=[MODEL], n_threads=1)
    before = workspace.catalog.recordings()
    report = _add(workspace, folder, table=table)
    assert () == report.ingests
    assert 4 == report.n_labels
    assert before == workspace.catalog.recordings()


def test_adding_again_replaces_and_removing_leaves_recordings(workspace: Workspace, folder: Path, table: Path) -> None:
    """The same name twice holds the labels once; removed, its labels are gone and its recordings stay."""
    _add(workspace, folder, table=table)
    _add(workspace, folder, table=table)
    _add(workspace, folder, "atlas two", table=table)
    card = workspace.card(MODEL)
    assert 8 == len(list(workspace.catalog.labels(card.space, EVERYTHING)))
    assert (4, ()) == remove_collection(workspace, "atlas")
    assert ["atlas two"] == [one.name for one in list_collections(workspace)]
    assert 2 == workspace.catalog.count_recordings()
    with pytest.raises(NotFound, match="no collection atlas"):
        remove_collection(workspace, "atlas")


def test_the_list_tells_licences_and_own_labels(workspace: Workspace, folder: Path, table: Path) -> None:
    """Collections stand with their names and licences; what people labelled in RAB comes last."""
    _add(workspace, folder, table=table)
    own = workspace.catalog.segment_ids(workspace.card(MODEL).space, EVERYTHING)[0]
    label_segment(workspace, own, taxon="Parus major", author="Bo")
    atlas, people = list_collections(workspace)
    assert ("atlas", 4, (("CC BY 4.0", 3), ("CC0", 1))) == (atlas.name, atlas.n_exemplars, atlas.licences)
    assert (OWN, (("Parus major", 1),), (("not stated", 1),)) == (people.name, people.names, people.licences)


def test_a_broken_clip_is_listed_and_the_rest_is_taken(workspace: Workspace, folder: Path, table: Path) -> None:
    """A file that is no sound fails by itself."""
    first = min(folder.glob("*.wav"))
    first.write_bytes(b"RIFF")
    report = _add(workspace, folder, table=table)
    assert (("Cuculus canorus", 3),) == report.names
    assert str(first) in [one.path for one in report.failures]


def test_a_name_with_a_colon_is_refused(workspace: Workspace, folder: Path) -> None:
    """The colon parts a collection's name from its rows, so a name has none."""
    with pytest.raises(InputError, match="cannot be called 'a:b'"):
        _add(workspace, folder, "a:b")


def _segment(t0_ms: float, t1_ms: float) -> CallSegment:
    recording = "0" * 64
    own = segment_id(recording, None, t0_ms, t1_ms, MODEL)
    return CallSegment(id=own, recording_id=recording, t0_ms=t0_ms, t1_ms=t1_ms, embedder=MODEL)


@pytest.mark.parametrize(
    ("span_ms", "labelled"),
    [
        ((None, None), True),
        ((0, 10_000), True),
        ((3400, 3500), True),
        ((2900, 3100), True),
        ((2900, 3050), False),
        ((1000, 4500), True),
        ((1000, 4400), False),
        ((6000, 7000), False),
        ((3000, 3000), True),
        ((6000, 6000), False),
    ],
)
def test_half_of_the_shorter_decides(span_ms: tuple[float | None, float | None], *, labelled: bool) -> None:
    """A segment from 3 s to 6 s has a span's name where half of the shorter of the two lies in both."""
    span = LabelledSpan(path="a.wav", name="x", t0_ms=span_ms[0], t1_ms=span_ms[1], row="1")
    assert labelled == is_labelled_by(_segment(3000, 6000), span)


@given(st.integers(0, 9000), st.integers(1, 9000))
def test_no_span_within_the_sound_is_lost(t0_ms: int, length_ms: int) -> None:
    """Whatever a span is, some window of an unbroken series has its name."""
    span = LabelledSpan(path="a.wav", name="x", t0_ms=t0_ms, t1_ms=t0_ms + length_ms, row="1")
    assert any(is_labelled_by(_segment(start, start + 3000), span) for start in range(0, 18_000, 3000))
