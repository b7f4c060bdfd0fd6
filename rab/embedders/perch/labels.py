"""Perch's labels: 14,795 names, and beside them the eBird code of every bird.

`labels.csv` and `perch_v2_ebird_classes.csv` have one line a class, in the order of the logits, under a line that names
the list. Birds are those with an eBird code (9,706), sounds those whose label is a single word, joined with `_`
(198 from FSD50K, such as `Rain` or `Human_voice`); the rest are names of species from iNaturalist, whose group the
labels do not tell.
"""

import csv
from pathlib import Path

from rab.domain import Taxon, TaxonGroup
from rab.errors import ModelMissing

N_CLASSES = 14_795

_NO_CODE = "no_ebird_code"


def read_labels(labels: Path, ebird: Path) -> tuple[tuple[Taxon, ...], tuple[str | None, ...]]:
    """Read the classes in the order of the logits, and the eBird code of each, None for what is no bird.

    Labels carry no common names, so the scientific one stands for both. Raises `ModelMissing` for files of another
    shape: 14,795 rows each, no name twice.
    """
    names, codes = _column(labels), _column(ebird)
    if len(set(names)) != N_CLASSES:
        raise _misshapen(labels, "a name stands there twice")
    found = tuple(None if code == _NO_CODE else code for code in codes)
    taxa = (
        Taxon(scientific_name=name, common_name=name.replace("_", " "), group=_group(name, code))
        for name, code in zip(names, found, strict=True)
    )
    return tuple(taxa), found


def _column(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        values = [row[0].strip() for row in csv.reader(file) if row][1:]
    if len(values) != N_CLASSES:
        raise _misshapen(path, f"{len(values):,} rows under its first line")
    return values


def _misshapen(path: Path, what: str) -> ModelMissing:
    return ModelMissing(
        f"{path} does not hold Perch's {N_CLASSES:,} classes: {what}",
        hint=f"run `rab models install {path.parent.name}`",
    )


def _group(name: str, code: str | None) -> TaxonGroup | None:
    if code is not None:
        return "bird"
    return None if " " in name else "sound"
