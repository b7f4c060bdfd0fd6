"""Deployments: the table in which field workers say where each recorder hung and which clock it kept.

One row per recorder and place, as CSV: `site` (the one column that must be there), `lat`, `lon`, `zone`, `recorder`,
`habitat`, and `file_pattern` (or `pattern`), which says whose files are whose. Spreadsheets write such tables with a
byte order mark, with semicolons, and then with decimal commas: all are read. A row that cannot be meant is refused with
its line number, for a wrong place or clock would be believed by everything after it.
"""

import csv
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from rab.audio.clocks import canonical_zone
from rab.domain import Deployment
from rab.errors import InputError, NotFound

_FIELDS = {
    "site": "site",
    "lat": "lat_deg",
    "lon": "lon_deg",
    "zone": "zone",
    "recorder": "recorder",
    "habitat": "habitat",
    "file_pattern": "file_pattern",
    "pattern": "file_pattern",
}


def read_deployments(path: Path) -> tuple[Deployment, ...]:
    """Read a deployments CSV, in the order of its rows; empty cells are not known, empty rows are skipped.

    Raises `NotFound` without a file, and `InputError` naming the line for an unknown column, a missing site, a
    coordinate without the other or off the Earth, and an unknown time zone.
    """
    lines = _lines(path)
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows = csv.reader(lines, delimiter=delimiter)
    deployments = []
    try:
        columns = _columns(next(rows, []), path)
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if any(cell.strip() for cell in row[len(columns) :]):
                raise InputError(f"{where}: more cells than columns", hint=f"quote cells that hold a {delimiter!r}")
            if any(cell.strip() for cell in row):
                deployments.append(_deployment(dict(zip(columns, row, strict=False)), where, delimiter))
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}", hint="save it again as CSV") from error
    if not deployments:
        raise InputError(f"{path} names no deployment", hint="write one row for each recorder and site")
    return tuple(deployments)


def deployment_for(path: Path, deployments: Sequence[Deployment]) -> Deployment | None:
    """Return the deployment whose pattern matches a file, or None.

    A pattern is a glob over the whole path or over its last parts, without regard to case; `*` also crosses folders:
    `*`, `AM07/*`, `*_north_*.wav`. Raises `InputError` where several match.
    """
    matching = [deployment for deployment in deployments if _matches(path, deployment.file_pattern)]
    if len(matching) > 1:
        claims = " and ".join(f"{deployment.site} ({deployment.file_pattern})" for deployment in matching)
        raise InputError(f"{path} belongs to several deployments: {claims}", hint="narrow their file patterns")
    return matching[0] if matching else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"there is no deployments table {path}", hint="check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="give the path of a CSV file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", hint="save it as CSV UTF-8") from error


def _columns(header: list[str], path: Path) -> list[str]:
    columns = [column.strip().lower() for column in header]
    while columns and not columns[-1]:
        columns.pop()
    fields = [_FIELDS.get(column) for column in columns]
    if None in fields or "site" not in fields or len(set(fields)) < len(fields):
        raise InputError(
            f"{path}: its first line is {', '.join(columns) or 'empty'}",
            hint="the columns are site, lat, lon, zone, recorder, habitat, file_pattern, each once",
        )
    return columns


def _deployment(row: dict[str, str], where: str, delimiter: str) -> Deployment:
    given: dict[str, str] = {column: cell.strip() for column, cell in row.items() if cell.strip()}
    if ("lat" in given) != ("lon" in given):
        raise InputError(f"{where}: only one of lat and lon is given", hint="give both in decimal degrees, or neither")
    if delimiter != ",":
        given |= {column: given[column].replace(",", ".") for column in ("lat", "lon") if column in given}
    try:
        if "zone" in given:
            given["zone"] = canonical_zone(given["zone"])
        return Deployment.model_validate({_FIELDS[column]: cell for column, cell in given.items()})
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0]).removesuffix("_deg")
        said = f"{column} is {given[column]!r}" if column in given else f"{column} is missing"
        raise InputError(f"{where}: {said}", hint=first["msg"].lower()) from error


def _matches(path: Path, pattern: str) -> bool:
    name, glob = (text.replace("\\", "/").lower() for text in (str(path), pattern))
    return fnmatchcase(name, glob) or fnmatchcase(name, f"*/{glob}")
