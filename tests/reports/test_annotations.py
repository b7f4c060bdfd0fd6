"""Suggestions as files: whatever is written is read back, no file is lost, and no cell is a formula."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rab.audio.label_tables import read_collection
from rab.domain import SuggestedAnnotation
from rab.errors import Conflict, InputError, NotFound, StorageFailed
from rab.reports.annotation_tables import read_audacity, read_csv, read_raven, read_reviewed
from rab.reports.annotations import (
    CSV_COLUMNS,
    RAVEN_COLUMNS,
    annotation_files,
    audacity_of,
    csv_of,
    guarded,
    one_line,
    raven_of,
    safe_name,
    unguarded,
    write_annotations,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
EVIL = st.sampled_from(
    ["=1+1", "@SUM(A1)", "-2", "+3", "'=x", "'quoted'", 'a,"b"', "two\nlines", "tab\there", "ends\r"]
)
NAMES = (TEXTS | EVIL).filter(lambda text: text.strip() == text and text != "")
ITEMS = st.from_regex(r"[A-Za-z0-9 .()+_-]{1,20}", fullmatch=True).filter(lambda text: text.strip() == text)


@st.composite
def annotations(draw: st.DrawFn) -> SuggestedAnnotation:
    """Draw a suggestion with names as files and people may make them."""
    t0_ms, length_ms = draw(st.floats(0, 1e8)), draw(st.floats(0, 1e5))
    nyquist_hz = draw(st.sampled_from([11_000.0, 24_000.0, 192_000.0]))
    band = draw(st.none() | st.tuples(st.floats(0, 9_000), st.floats(9_000, 11_000)))
    taxon = draw(st.none() | NAMES)
    return SuggestedAnnotation(
        segment_id=draw(st.from_regex(r"[0-9a-f]{32}", fullmatch=True)),
        pack_id=draw(st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
        recording_id=draw(st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
        file_name=draw(NAMES),
        path=draw(NAMES),
        channel=draw(st.none() | st.integers(0, 15)),
        t0_ms=t0_ms,
        t1_ms=t0_ms + length_ms,
        low_hz=None if band is None else band[0],
        high_hz=None if band is None else band[1],
        nyquist_hz=nyquist_hz,
        status="review" if taxon is None else "suggested",
        taxon=taxon,
        common_name=None if taxon is None else draw(st.none() | NAMES),
        reasons=() if taxon is not None else tuple(draw(st.lists(ITEMS, max_size=3))),
        evidence=tuple(draw(st.lists(ITEMS, max_size=4))),
        similarity=draw(st.none() | st.floats(-1, 1)),
        models=tuple(draw(st.lists(ITEMS, min_size=1, max_size=2))),
        label_licences=tuple(draw(st.lists(ITEMS, max_size=2))),
        statement=draw(TEXTS),
    )


def annotation(**fields: Any) -> SuggestedAnnotation:
    """Return a plain suggestion."""
    given_fields = {
        "segment_id": "a" * 32,
        "pack_id": "b" * 64,
        "recording_id": "c" * 64,
        "file_name": "dawn.wav",
        "path": "/field/dawn.wav",
        "channel": 0,
        "t0_ms": 12_000.0,
        "t1_ms": 15_000.0,
        "low_hz": 1840.0,
        "high_hz": 7210.5,
        "nyquist_hz": 24_000.0,
        "status": "suggested",
        "taxon": "Turdus merula",
        "common_name": "Eurasian Blackbird",
        "reasons": (),
        "evidence": ("q.bbbb", "n1.bbbb", "n2.bbbb"),
        "similarity": 0.91,
        "models": ("birdnet-v2.4 (CC BY-NC-SA 4.0)",),
        "label_licences": ("CC-BY-4.0",),
        "statement": "Suggested label, unverified.",
    }
    return SuggestedAnnotation.model_validate({**given_fields, **fields})


@settings(max_examples=60, deadline=None)
@given(st.lists(annotations(), max_size=3))
def test_csv_is_read_back_whole(rows: list[SuggestedAnnotation]) -> None:
    """Every field of every row, whatever stands in it."""
    assert rows == read_csv(csv_of(rows))


@settings(max_examples=60, deadline=None)
@given(st.lists(annotations(), max_size=3))
def test_raven_is_read_back(rows: list[SuggestedAnnotation]) -> None:
    """All but what a selection table cannot say: line ends in texts, a mix of channels, a band that is unmeasured."""
    assert [_as_raven_says(row) for row in rows] == read_raven(raven_of(rows))


@settings(max_examples=60, deadline=None)
@given(st.lists(annotations(), max_size=3))
def test_audacity_is_read_back(rows: list[SuggestedAnnotation]) -> None:
    """Times, band, name, segment, pack and models of each label."""
    read = read_audacity(audacity_of(rows))
    assert len(rows) == len(read)
    for row, label in zip(rows, read, strict=True):
        assert [row.t0_ms, row.t1_ms] == pytest.approx([1000 * label.begin_s, 1000 * label.end_s])
        assert (row.low_hz, row.high_hz) == (label.low_hz, label.high_hz)
        name = row.taxon or f"? {', '.join(row.reasons)}"
        assert [one_line(name).replace("|", "¦"), row.status] == list(label.parts[:2])
        assert (f"segment {row.segment_id}", f"pack {row.pack_id}") == label.parts[2:4]
        assert set(map(one_line, row.models)) <= set(label.parts)


def _as_raven_says(row: SuggestedAnnotation) -> SuggestedAnnotation:
    low_hz, high_hz = (0.0, row.nyquist_hz) if row.low_hz is None or row.high_hz is None else (row.low_hz, row.high_hz)
    texts = {name: getattr(row, name) for name in ("file_name", "path", "taxon", "common_name", "statement")}
    plain = {name: None if text is None else one_line(text) for name, text in texts.items()}
    plain = {name: text or (None if name in ("taxon", "common_name") else "") for name, text in plain.items()}
    named = {"channel": row.channel or 0, "low_hz": low_hz, "high_hz": high_hz, "nyquist_hz": high_hz}
    if plain["taxon"] is not None:
        plain["taxon"] = plain["taxon"].strip() or None
    return row.model_copy(update={**plain, **named})


@given(NAMES)
def test_no_cell_is_a_formula(text: str) -> None:
    """What a spreadsheet would compute begins with an apostrophe, and comes back as it was."""
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text == unguarded(guarded(text))


def test_csv_is_what_the_standard_says() -> None:
    """RFC 4180: commas, CRLF, quotes doubled; one header; the licence of every model."""
    text = csv_of([annotation(file_name='a,"b".wav', taxon="=cmd()")])
    assert text.endswith("\r\n")
    header, row = csv.reader(io.StringIO(text, newline=""))
    assert list(CSV_COLUMNS) == header
    assert 'a,""b"".wav' in text
    told = dict(zip(header, row, strict=True))
    assert ("'=cmd()", "suggested", "birdnet-v2.4 (CC BY-NC-SA 4.0)", "12.000000", "1840.0", "7210.5") == tuple(
        told[name] for name in ("suggested_taxon", "status", "models", "begin_s", "low_hz", "high_hz")
    )
    assert ("", "", "0") == (told["corrected_taxon"], told["reviewer"], told["channel"])


def test_raven_has_the_columns_that_raven_needs() -> None:
    """The seven columns of a selection table come first, channels count from 1, and a band is never missing."""
    text = raven_of([annotation(), annotation(low_hz=None, high_hz=None, channel=None)])
    lines = [line.split("\t") for line in text.splitlines()]
    assert "Selection|View|Channel|Begin Time (s)|End Time (s)|Low Freq (Hz)|High Freq (Hz)" == "|".join(lines[0][:7])
    assert ["1", "Spectrogram 1", "1", "12.000000", "15.000000", "1840.0", "7210.5"] == lines[1][:7]
    assert ["2", "Spectrogram 1", "1", "12.000000", "15.000000", "0.0", "24000.0"] == lines[2][:7]
    assert {len(RAVEN_COLUMNS)} == {len(line) for line in lines}


def test_audacity_has_a_line_for_the_band() -> None:
    """Start, end, label; then a backslash with low and high, where a band was measured."""
    first, band, second = audacity_of([annotation(), annotation(low_hz=None, high_hz=None)]).splitlines()
    assert "\\\t1840.000000\t7210.500000" == band
    assert first == second
    assert first.startswith("12.000000\t15.000000\tTurdus merula | suggested | segment aaaa")
    assert first.endswith("| birdnet-v2.4 (CC BY-NC-SA 4.0) | labels CC-BY-4.0")


@pytest.mark.parametrize("form", ["raven", "audacity"])
def test_each_recording_has_its_file(form: Any) -> None:
    """Recordings of one name are kept apart, whatever the case of its letters."""
    rows = [
        annotation(),
        annotation(recording_id="d" * 64, file_name="DAWN.wav"),
        annotation(recording_id="e" * 64, file_name="../../etc/passwd"),
        annotation(t0_ms=20_000.0, t1_ms=23_000.0),
    ]
    files = annotation_files(rows, form)
    assert [
        f"dawn.suggestions.{form}.txt",
        f"DAWN.dddddddddddd.suggestions.{form}.txt",
        f"etc_passwd.suggestions.{form}.txt",
    ] == list(files)
    assert 2 == files[f"dawn.suggestions.{form}.txt"].count("Turdus merula")


@pytest.mark.parametrize(
    ("file_name", "safe"),
    [
        ("dawn.wav", "dawn"),
        ("../../secret.wav", "secret"),
        ("CON.wav", "_CON"),
        ("com1.flac", "_com1"),
        ("a:b*c?.wav", "a_b_c"),
        (".hidden.wav", "hidden"),
        ("日本 北.wav", "日本_北"),
        ("x" * 300 + ".wav", "x" * 80),
        ("night.2025.05.wav", "night.2025.05"),
        ("", "recording"),
    ],
)
def test_file_names_are_safe(file_name: str, safe: str) -> None:
    """No separator, no reserved or hidden name, no endless one."""
    assert safe == safe_name(file_name)


@given(st.text(max_size=40))
def test_any_file_name_is_safe(file_name: str) -> None:
    """Whatever a recording is called."""
    assert re.fullmatch(r"[\w][\w.-]{0,81}", safe_name(file_name))
    assert safe_name(file_name).strip(".") not in ("", "..")


def test_files_are_written_once(tmp_path: Path) -> None:
    """One recording is the file that was named, several a folder; what exists stays unless it is forced."""
    rows = [annotation(), annotation(recording_id="d" * 64, file_name="dusk.wav")]
    one = tmp_path / "one.selections.txt"
    assert [one] == write_annotations(one, rows[:1], "raven")
    with pytest.raises(Conflict, match="is there already"):
        write_annotations(one, rows[:1], "raven")
    kept = one.read_bytes()
    assert [one] == write_annotations(one, rows[:1], "raven", force=True)
    assert kept == one.read_bytes()
    several = write_annotations(tmp_path / "deep" / "all.selections.txt", rows, "raven")
    assert ["dawn.suggestions.raven.txt", "dusk.suggestions.raven.txt"] == [path.name for path in several]
    assert {tmp_path / "deep" / "all"} == {path.parent for path in several}
    several[0].unlink()
    with pytest.raises(Conflict, match="dusk"):
        write_annotations(tmp_path / "deep" / "all.selections.txt", rows, "raven")
    assert not several[0].exists()
    assert b"\r\n" in write_annotations(tmp_path / "all.csv", rows, "csv")[0].read_bytes()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_annotations(tmp_path / "file" / "out.csv", [annotation()], "csv")


@pytest.mark.parametrize("form", ["raven", "csv"])
def test_suggestions_are_no_labels(form: Any, tmp_path: Path) -> None:
    """A table that nobody reviewed cannot be brought in as a collection's labels."""
    table = write_annotations(tmp_path / "out.txt", [annotation()], form)[0]
    (tmp_path / "dawn.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="no column is a label"):
        read_collection(tmp_path, table=table)


@pytest.mark.parametrize("form", ["raven", "csv"])
def test_a_reviewed_table_is_read_however_it_was_saved(form: Any, tmp_path: Path) -> None:
    """Columns in another order, semicolons, a byte order mark, capitals: only the reviewer's cells are read."""
    path = write_annotations(tmp_path / "out.txt", [annotation(), annotation(taxon=None, status="review")], form)[0]
    text = path.read_bytes().decode()
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if form == "raven" else ",")
    rows = list(reader)
    names = {name.lower().replace("_", " "): name for name in reader.fieldnames or ()}
    rows[0] |= {names["status"]: " Corrected ", names["corrected taxon"]: "Turdus philomelos", names["reviewer"]: "Ann"}
    saved = io.StringIO(newline="")
    writer = csv.DictWriter(saved, list(reversed(names.values())), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + saved.getvalue().encode())
    found, failures = read_reviewed(path)
    assert [] == failures
    assert [
        ("corrected", "Turdus merula", "Turdus philomelos", "Ann"),
        ("review", "", "", ""),
    ] == [(one.status, one.taxon, one.corrected_taxon, one.reviewer) for one in found]
    assert {("a" * 32, "b" * 64)} == {(one.segment_id, one.pack_id) for one in found}


def test_a_row_without_its_pack_is_listed(tmp_path: Path) -> None:
    """The others are read."""
    table = tmp_path / "t.csv"
    table.write_text("segment,pack,status\n,,accepted\naaa,bbb,accepted\n\n")
    found, failures = read_reviewed(table)
    assert (["t.csv line 2"], ["aaa"]) == ([one.path for one in failures], [one.segment_id for one in found])


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (None, NotFound, "there is no table"),
        (b"", InputError, "no column segment"),
        (b"path,label\na.wav,x\n", InputError, "no column segment"),
        (b"\xff\xfe\x00", InputError, "not UTF-8"),
    ],
)
def test_what_is_no_such_table_is_refused(
    content: bytes | None, error: type[Exception], words: str, tmp_path: Path
) -> None:
    """With what is missing, and what to give instead."""
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=words):
        read_reviewed(path)
