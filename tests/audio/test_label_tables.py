"""Label tables of several programs are read span by span, and a bad row is named without stopping the others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rab.audio.label_tables import LabelledSpan, read_collection
from rab.errors import InputError, NotFound

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of four files called recordings, in two sub-folders."""
    for name in ("Turdus_merula/a.wav", "Turdus_merula/b.wav", "Strix_aluco/c.wav", "Strix_aluco/b.wav"):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "clips"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table and return its path."""

    def written(text: str, name: str = "labels.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def _brief(spans: tuple[LabelledSpan, ...]) -> list[tuple[str, str, float | None, float | None]]:
    return [(Path(one.path).name, one.name, one.t0_ms, one.t1_ms) for one in spans]


def test_sub_folders_are_labels(folder: Path) -> None:
    """Every recording in a sub-folder bears its name as a whole; the row says where it lay."""
    spans, failures = read_collection(folder)
    assert () == failures
    assert [
        ("b.wav", "Strix aluco"),
        ("c.wav", "Strix aluco"),
        ("a.wav", "Turdus merula"),
        ("b.wav", "Turdus merula"),
    ] == [brief[:2] for brief in _brief(spans)]
    assert ("Strix_aluco/b.wav", None, None) == (spans[0].row, spans[0].t0_ms, spans[0].t1_ms)


def test_a_clip_in_no_sub_folder_is_named(folder: Path) -> None:
    """A recording that nothing says anything of is listed, and the others are read."""
    (folder / "lost.wav").write_bytes(b"")
    spans, failures = read_collection(folder)
    assert 4 == len(spans)
    assert ["lost.wav lies in no sub-folder, and no table speaks of it"] == [one.message for one in failures]


def test_columns_are_found_by_name(folder: Path, write: Write) -> None:
    """Whatever a table calls its columns and however it is parted, each row gives all that it says."""
    table = write(
        "Filename;Species;Begin;End;Recordist;License;URL\n"
        "Turdus_merula/a.wav;Turdus merula;1,5;3;Ann;CC BY 4.0;https://example.org/7\n"
    )
    spans, failures = read_collection(folder, table=table)
    assert () == failures
    assert [("a.wav", "Turdus merula", 1500.0, 3000.0)] == _brief(spans)
    assert ("Ann", "CC BY 4.0", "https://example.org/7", "labels.csv line 2") == (
        spans[0].author,
        spans[0].licence,
        spans[0].source,
        spans[0].row,
    )


def test_a_row_may_name_taxon_call_type_and_individual(folder: Path, write: Write) -> None:
    """Each column of names gives a label of its own kind."""
    table = write("path,species,call_type,individual\nc.wav,Strix aluco,kewick,F3\n")
    spans, _ = read_collection(folder, table=table)
    assert [("taxon", "Strix aluco"), ("call_type", "kewick"), ("individual", "F3")] == [
        (one.kind, one.name) for one in spans
    ]


def test_the_label_column_names_what_the_caller_says(folder: Path, write: Write) -> None:
    """A table of call types under a column `label` gives call types."""
    spans, _ = read_collection(folder, table=write("path,label\nc.wav,song\n"), kind="call_type")
    assert ["call_type"] == [one.kind for one in spans]


def test_bad_rows_are_named_and_the_rest_is_read(folder: Path, write: Write) -> None:
    """A missing file, an ambiguous one, a span that runs backwards, a time that is none: each row with its reason."""
    table = write(
        "path,label,start,end\n"
        "nosuch.wav,owl,0,1\n"
        "b.wav,owl,0,1\n"
        "c.wav,owl,2,1\n"
        "c.wav,owl,soon,1\n"
        "c.wav,owl,1,\n"
        "c.wav,,1,2\n"
        "c.wav,owl,1,2\n"
    )
    spans, failures = read_collection(folder, table=table)
    assert [("c.wav", "owl", 1000.0, 2000.0)] == _brief(spans)
    assert [
        (2, "there is no recording nosuch.wav"),
        (3, "b.wav may be 2 files"),
        (4, "2 to 1 s is no span"),
        (5, "'soon' is no time in seconds"),
        (6, "only one of start and end is given"),
        (7, "no label is given"),
    ] == [(int(one.path.rsplit(" ", 1)[1]), one.message) for one in failures]


def test_rows_outside_the_folder_are_refused(folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a row leads out of the folder, its line is told with the next step, and the others are read."""
    inside = min(folder.rglob("*.wav"))
    aside = folder.parent / "shuf" / inside.name
    aside.parent.mkdir()
    aside.touch()
    within = inside.relative_to(folder).as_posix()
    rows = [f"../shuf/{aside.name}", f"{aside}", f"shuf/{aside.name}", within, f"{inside}", f"../clips/{within}"]
    table = write("path,label\n" + "".join(f"{path},owl {n}\n" for n, path in enumerate(rows)))
    for root in (folder, Path("clips")):
        monkeypatch.chdir(folder.parent)
        spans, failures = read_collection(root, table=table)
        assert [f"owl {n}" for n in (3, 4, 5)] == [span.name for span in spans]
        assert {inside} == {Path(span.path).absolute() for span in spans}
        assert [f"{table}, line {line}" for line in (2, 3, 4)] == [failure.path for failure in failures]
        assert all("lies outside the collection's folder" in failure.message for failure in failures)
        assert {"move it into the folder, or add the folder that holds both"} == {one.hint for one in failures}


def test_ravens_table_beside_a_recording(folder: Path) -> None:
    """A selection table counts once what Raven lists in two views, and belongs to the recording of its name."""
    (folder / "Strix_aluco" / "c.Table.1.selections.txt").write_text(
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
        "1\tWaveform 1\t1\t0.5\t1.25\t0\t8000\thoot\n"
        "1\tSpectrogram 1\t1\t0.5\t1.25\t0\t8000\thoot\n",
        encoding="utf-8",
    )
    spans, failures = read_collection(folder)
    assert () == failures
    assert [("c.wav", "hoot", 500.0, 1250.0)] == [one for one in _brief(spans) if one[0] == "c.wav"]


def test_ravens_table_of_several_files(folder: Path, write: Write) -> None:
    """Raven counts time through all files of a table; the place within one is its file offset."""
    table = write(
        "Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tSpecies\n"
        "1\t62.0\t63.5\tc.wav\t2.0\tStrix aluco\n",
        "all.txt",
    )
    spans, _ = read_collection(folder, table=table)
    assert [("c.wav", "Strix aluco", 2000.0, 3500.0)] == _brief(spans)


def test_audacitys_track_beside_a_recording(folder: Path) -> None:
    """A label track has no header; a line of frequencies after a label is passed over, a moment stays a moment."""
    (folder / "Strix_aluco" / "c.txt").write_text(
        "0.5\t1.0\thoot\n\\\t300.0\t900.0\n2.0\t2.0\tkewick\n", encoding="utf-8"
    )
    spans, _ = read_collection(folder)
    assert [("c.wav", "hoot", 500.0, 1000.0), ("c.wav", "kewick", 2000.0, 2000.0)] == [
        one for one in _brief(spans) if one[0] == "c.wav"
    ]


def test_one_recording_with_its_track(folder: Path) -> None:
    """A single recording is a collection too, when a track lies beside it."""
    (folder / "Turdus_merula" / "a.txt").write_text("0.5\t1.0\tsong\n", encoding="utf-8")
    spans, failures = read_collection(folder / "Turdus_merula" / "a.wav")
    assert ([("a.wav", "song", 500.0, 1000.0)], ()) == (_brief(spans), failures)


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("path,start\na.wav,1\n", "no column is a label")])
def test_a_table_without_labels_is_refused(folder: Path, write: Write, text: str, said: str) -> None:
    """A table that has nothing to say is an error as a whole, with the columns that are wanted."""
    with pytest.raises(InputError, match=said):
        read_collection(folder, table=write(text))


def test_what_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    """A folder and a table that do not exist are not found."""
    with pytest.raises(NotFound, match="no label table"):
        read_collection(folder, table=tmp_path / "no.csv")
    with pytest.raises(NotFound, match="no file or folder"):
        read_collection(tmp_path / "nowhere")
