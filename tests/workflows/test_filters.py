"""A filter that names what the library does not have is answered with a word on it, and with what comes near."""

import pytest

from rab.domain import EvidencePack, SegmentFilter, parse_filter
from rab.workflows.filters import understand
from rab.workflows.questions import evidence
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


def test_what_the_library_has_needs_no_note(library: Workspace) -> None:
    """Names of every kind that are there are taken as they stand."""
    recording = library.catalog.recordings(limit=1)[0]
    where = SegmentFilter(
        sites=(recording.site or "",), recording_ids=(recording.id,), models=(MODEL,), taxa=("Turdus merula",)
    )
    assert (where, ()) == understand(library, where)
    assert (SegmentFilter(), ()) == understand(library, SegmentFilter())


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("site=UrbanSoundscap", "the library has no site UrbanSoundscap: did you mean site=UrbanSoundscape?"),
        ("not (site=Qqq or snr>=3)", "the library has no site Qqq, nor one with a name like it"),
        ("habitat=moor", "the library has no habitat moor, nor one with a name like it"),
        ("label=owl", "the library has no label owl, nor one with a name like it"),
        ("model=birdnet", "the library has no model birdnet: did you mean model=birdnet-v2.4?"),
        (
            'taxon="Turdus merulla"',
            'no model has named a taxon Turdus merulla in this library: did you mean taxon="Tur',
        ),
        ("taxon=Xyzzy", "no model has named a taxon Xyzzy in this library, nor one with a name like it"),
        ("taxon=merula", 'no model has named a taxon merula in this library: did you mean taxon="Turdus merula"'),
        ("cluster=c99999", "there is no cluster c99999: `rab clusters list` shows those there are"),
    ],
)
def test_what_it_does_not_have_is_named(library: Workspace, words: str, note: str) -> None:
    """Wherever it stands in the filter, a strange name is told with those near it, and the filter stays as it is."""
    where, notes = understand(library, parse_filter(words))
    assert [True] == [one.startswith(note) for one in notes]
    assert parse_filter(words) == where


def test_the_beginning_of_a_recording_id_becomes_the_whole(library: Workspace) -> None:
    """Ids as lists show them are read as what they begin, inside exclusions too; shorter ones are suggested only."""
    whole = library.catalog.recordings(limit=1)[0].id
    for begun in (whole[:12], whole[:8], whole[:10].upper()):
        where, notes = understand(library, parse_filter(f"voice not (recording={begun} site=A)"))
        assert parse_filter(f"voice not (recording={whole} site=A)") == where
        assert f"recording={begun} is read as {whole}" in notes
        assert not [note for note in notes if "no recording" in note]
    short = SegmentFilter(recording_ids=(whole[:7],))
    expected = f"the library has no recording {whole[:7]}: did you mean recording={whole}?"
    assert (short, (expected,)) == understand(library, short)
    card = library.card(MODEL)
    found = library.catalog.segment_ids(card.space, understand(library, parse_filter(f"recording={whole[:12]}")).where)
    assert library.catalog.segment_ids(card.space, SegmentFilter(recording_ids=(whole,))) == found != []


def test_the_beginning_of_several_recordings_is_left_to_the_reader(
    library: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two recordings begin alike, neither is chosen, and both are named."""
    ids = [f"422eb0d8{end}" for end in ("72aa", "99ff")]
    monkeypatch.setattr(library.catalog, "names", lambda of, among=None: ids if among is None else [])
    where, notes = understand(library, parse_filter("recording=422eb0d8"))
    assert ("422eb0d8",) == where.recording_ids
    expected = f"2 recordings have ids that begin with 422eb0d8: write recording={ids[0]} or recording={ids[1]}"
    assert (expected,) == notes


@pytest.mark.parametrize("name", ["Eurasian Blackbird", "eurasian blackbird", "TURDUS MERULA"])
def test_a_common_name_becomes_the_scientific_one(library: Workspace, name: str) -> None:
    """What one taxon alone is called means that taxon, inside alternatives and exclusions too, and is said."""
    words = 'not (site=A taxon="{0}") (taxon="{0}" score>=0.5 or reviewed)'
    where, notes = understand(library, parse_filter(words.format(name)))
    assert parse_filter(words.format("Turdus merula")) == where
    assert f'taxon="{name}" is read as "Turdus merula"' in notes


def test_a_name_of_several_taxa_is_left_to_the_reader(library: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two taxa share a common name, neither is chosen."""
    wrens = {("Wren", "Troglodytes troglodytes"), ("Wren", "Troglodytes hiemalis")}
    monkeypatch.setattr(library.catalog, "common_names", lambda: wrens)
    where, notes = understand(library, parse_filter("taxon=wren"))
    assert ("wren",) == where.taxa
    suggested = 'taxon="Troglodytes hiemalis" or taxon="Troglodytes troglodytes"'
    assert (f"2 taxa are called wren: write {suggested}",) == notes


def test_packs_carry_the_notes(library: Workspace) -> None:
    """Summaries and Evidence Packs say it where they are read, and are sealed with it."""
    where = parse_filter('site=Qqq taxon="Eurasian Blackbird"')
    segment = library.catalog.segment_ids(library.card(MODEL).space, SegmentFilter())[0]
    for pack in (summarise(library, model=MODEL, where=where).pack, evidence(library, segment, where=where)):
        assert {
            'taxon="Eurasian Blackbird" is read as "Turdus merula"',
            "the library has no site Qqq, nor one with a name like it",
        } <= set(pack.notes)
        assert 'site=Qqq taxon="Turdus merula"' == pack.library.filter_words
        assert pack == EvidencePack.model_validate_json(pack.model_dump_json())


def test_a_filter_of_many_strange_names_is_told_briefly(library: Workspace) -> None:
    """Twenty notes, and a word that there are more."""
    notes = understand(library, SegmentFilter(sites=tuple(f"no{n}" for n in range(10_000)))).notes
    assert (21, "there are more such names in the filter") == (len(notes), notes[-1])
