"""The deployments table, as field workers and their spreadsheets write it."""

from pathlib import Path

import pytest

from rab.audio import deployment_for, read_deployments
from rab.domain import Deployment
from rab.errors import InputError, NotFound

NORTH = Deployment(
    site="north",
    lat_deg=52.1,
    lon_deg=-4.4,
    zone="UTC+02:00",
    recorder="AM07",
    habitat="dune, open",
    file_pattern="AM07/*",
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return the path of a table that is not yet written."""
    return tmp_path / "deployments.csv"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("site,lat,lon,zone,recorder,habitat,file_pattern", 'north,52.1,-4.4,UTC+2:00,AM07,"dune, open",AM07/*'),
        ("Pattern, Site ,zone,lat,lon,habitat,recorder\r\n", 'AM07/*, north,+0200,52.1,-4.4,"dune, open",AM07\r\n'),
        (
            "\ufeffsite;lat;lon;zone;recorder;habitat;file_pattern",
            "north;52,1;-4,4;UTC+2;AM07;dune, open;AM07/*\n;;;;;;",
        ),
        ("site\tlat\tlon\tzone\trecorder\thabitat\tpattern", "north\t52.1\t-4.4\tUTC+02\tAM07\tdune, open\tAM07/*\t\t"),
    ],
)
def test_tables_of_every_spreadsheet_are_read(table: Path, header: str, row: str) -> None:
    """Order and case of columns, byte order mark, semicolons with decimal commas, tabs and empty rows do not matter."""
    table.write_bytes(f"{header}\n{row}".encode())
    assert read_deployments(table) == (NORTH,)


def test_only_the_site_must_be_known(table: Path) -> None:
    """Empty cells and missing columns are None; a row without a pattern owns every file."""
    table.write_text("site,lat,lon,zone\na,,,\nb,,,utc+2\n")
    assert read_deployments(table) == (Deployment(site="a"), Deployment(site="b", zone="UTC+02:00"))


@pytest.mark.parametrize(
    ("row", "trouble"),
    [
        (",52,4,UTC,x", "line 3: site is missing"),
        ("a,95,4,UTC,x", r"line 3: lat is '95' \(input should be less than or equal to 90"),
        ("a,52,-181,UTC,x", "line 3: lon is '-181'"),
        ("a,north,4,UTC,x", "line 3: lat is 'north'"),
        ("a,nan,4,UTC,x", "line 3: lat is 'nan'"),
        ("a,52,,UTC,x", "line 3: only one of lat and lon is given"),
        ("a,52,4,Mars/Olympus,x", "line 3: there is no time zone 'Mars/Olympus'"),
        ("a,52,4,UTC,x,y", "line 3: more cells than columns"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_by_line(table: Path, row: str, trouble: str) -> None:
    """The message names the line, the column and what stands there."""
    table.write_text(f"site,lat,lon,zone,pattern\nok,52,4,UTC,*\n{row}\n")
    with pytest.raises(InputError, match=trouble):
        read_deployments(table)


@pytest.mark.parametrize("header", ["site,latitude", "lat,lon", "site,site", "site,pattern,file_pattern", "", "\n"])
def test_other_columns_are_refused(table: Path, header: str) -> None:
    """The hint lists the columns there are."""
    table.write_text(f"{header}\na,1,2\n")
    with pytest.raises(InputError, match="the columns are site, lat, lon, zone, recorder, habitat, file_pattern"):
        read_deployments(table)


def test_a_table_without_rows_is_refused(table: Path) -> None:
    """It was meant to say something."""
    table.write_text("site,lat,lon\n\n")
    with pytest.raises(InputError, match="names no deployment"):
        read_deployments(table)


def test_what_is_no_csv_is_refused(table: Path) -> None:
    """A cell that never ends, from a quote that was not closed."""
    table.write_text('site\n"' + "x" * 200_000)
    with pytest.raises(InputError, match="line 2: field larger than field limit"):
        read_deployments(table)


def test_what_cannot_be_read_as_text_is_refused(table: Path) -> None:
    """A missing table, a folder, and a table in another encoding."""
    with pytest.raises(NotFound, match="there is no deployments table"):
        read_deployments(table)
    with pytest.raises(InputError, match="cannot be read"):
        read_deployments(table.parent)
    table.write_bytes("site\nforêt".encode("latin-1"))
    with pytest.raises(InputError, match="save it as CSV UTF-8"):
        read_deployments(table)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "a.wav", True),
        ("AM07/*", "card/AM07/DATA/20190522_043000.WAV", True),
        ("am07/*.wav", "card/AM07/20190522_043000.WAV", True),
        ("AM07_*", "card/AM07_20190522_043000.WAV", True),
        ("card/AM07*", "/media/card/AM07_1.WAV", True),
        ("/media/card/*", "/media/card/AM07_1.WAV", True),
        ("AM07\\*", "card\\AM07\\a.wav", True),
        ("AM07/*", "card/AM070/a.wav", False),
        ("AM07", "card/AM07/a.wav", False),
        ("*.flac", "a.wav", False),
    ],
)
def test_a_pattern_is_a_glob_over_the_end_of_the_path(pattern: str, path: str, expected: bool) -> None:
    """Without regard to case or slashes, and across folders."""
    deployment = Deployment(site="a", file_pattern=pattern)
    assert deployment_for(Path(path), [deployment]) == (deployment if expected else None)


def test_two_claims_on_one_file_are_refused() -> None:
    """The message names both, with their patterns."""
    deployments = [
        Deployment(site="a"),
        Deployment(site="b", file_pattern="b_*"),
        Deployment(site="c", file_pattern="c_*"),
    ]
    with pytest.raises(InputError, match=r"several deployments: a \(\*\) and b \(b_\*\)"):
        deployment_for(Path("b_1.wav"), deployments)
