"""Species lists: what is read, what is matched, and what is told of the rest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.domain import Taxon
from rab.embedders.scores import SpeciesList, listed_classes, parse_species_list, read_species_list
from rab.errors import InputError

TAXA = (
    Taxon(scientific_name="Turdus merula", common_name="Eurasian Blackbird", group="bird"),
    Taxon(scientific_name="Parus major", common_name="Great Tit", group="bird"),
    Taxon(scientific_name="Human_voice", common_name="Human_voice"),
)
CODES = ("eurbla", "gretit1", None)


def columns_of(text: str) -> list[int]:
    """Return the columns that a list of this text names."""
    return [int(column) for column in listed_classes(parse_species_list(text), TAXA, "m-v1", codes=CODES).columns]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Parus major_Great Tit\nTurdus merula_Eurasian Blackbird", [0, 1]),
        ("turdus MERULA", [0]),
        ("gretit1", [1]),
        ("Parus major_Kohlmeise", [1]),
        ("Human_voice", [2]),
        ("# a comment\n\n  Parus major  # in the garden\r\n", [1]),
    ],
)
def test_every_way_of_writing_a_name_is_understood(text: str, columns: list[int]) -> None:
    """BirdNET's lines, plain names, codes and comments, in any case and any language."""
    assert columns == columns_of(text)


@given(st.permutations(["Turdus merula", "Parus major", "Parus major", ""]))
def test_the_order_and_repetition_of_lines_mean_nothing(lines: list[str]) -> None:
    """The same names are the same list."""
    assert SpeciesList(names=("Parus major", "Turdus merula")) == parse_species_list("\n".join(lines))


def test_unknown_names_come_with_the_nearest_known_ones() -> None:
    """A misspelling and a common name both lead to the scientific name; a stranger leads nowhere."""
    listed = listed_classes(parse_species_list("Turdus merulla\nGreat Tit\nParus major\nXyz"), TAXA, "m-v1")

    assert [("Great Tit", ("Parus major",)), ("Turdus merulla", ("Turdus merula",)), ("Xyz", ())] == [
        (one.name, one.close) for one in listed.unknown
    ]


def test_a_list_that_no_class_matches_is_refused_with_a_hint() -> None:
    """Nothing would ever be kept; the nearest name may be the cure."""
    with pytest.raises(InputError, match=r"no class of birdnet-v2\.4") as caught:
        listed_classes(parse_species_list("Turdus merulla"), TAXA, "birdnet-v2.4")

    assert caught.value.hint == "Turdus merulla (did you mean Turdus merula?)"


def test_a_code_of_a_species_that_the_model_lacks_matches_nothing() -> None:
    """An ostrich is no class here, and a class without a code is matched by its name alone."""
    with pytest.raises(InputError, match="no class"):
        listed_classes(parse_species_list("ostric2\nNone"), TAXA, "m-v1", codes=CODES)


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n"])
def test_an_empty_list_is_refused(text: str) -> None:
    """It is a mistake more often than a wish for silence."""
    with pytest.raises(InputError, match="names no species"):
        parse_species_list(text)


def test_a_file_is_read_with_its_byte_order_mark(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    path = tmp_path / "species_list.txt"
    path.write_text("Parus major_Great Tit\n", encoding="utf-8-sig")

    assert SpeciesList(names=("Parus major_Great Tit",)) == read_species_list(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, a missing file and bytes that are no UTF-8 are the user's to mend."""
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"\xff\xfe\x00Parus")

    for path in (broken, tmp_path, tmp_path / "absent.txt"):
        with pytest.raises(InputError, match=path.name):
            read_species_list(path)


def test_birdnets_whole_label_file_lists_every_class(models_dir: Path) -> None:
    """Its own format, its own 6,522 names."""
    path = next((models_dir / "birdnet-v2.4").glob("*Labels.txt"))
    lines = path.read_text(encoding="utf-8").splitlines()
    taxa = [Taxon(scientific_name=name, common_name=common) for name, common in (line.split("_") for line in lines)]

    listed = listed_classes(read_species_list(path), taxa, "birdnet-v2.4")

    assert (6522, ()) == (len(listed.columns), listed.unknown)
