"""Groups as they stand in the files, read once more: what leaks are counted against.

A leak that is counted in the groups an evaluation made for itself is never found where those are wrong: with every
window a group of its own, nothing shares a group. So whoever counts leaks reads the tables anew, by nothing that the
evaluation uses, and asks of every recording which group its row gives it.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Names = npt.NDArray[np.str_]
_MANIFEST = "MANIFEST.csv"


def groups_as_written(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the group of each recording by the nearest `MANIFEST.csv` above it; its path where none names it."""
    manifests: dict[Path, dict[Path, str]] = {}
    found: dict[Path, str] = {}
    for path in dict.fromkeys(paths):
        found[path] = str(path)
        for folder in path.parents:
            if folder not in manifests:
                manifests[folder] = _rows(folder)
            if path in manifests[folder]:
                found[path] = manifests[folder][path]
                break
    return found


def as_written(paths: Sequence[Path], labels: Iterable[str]) -> Names:
    """Return the group of each of n windows, [n].

    Where no label stands in two groups (each individual at its own nest), what may be held apart is the recording.
    """
    written = groups_as_written(paths)
    groups = [written[path] for path in paths]
    pairs = set(zip(labels, groups, strict=True))
    alone = len(pairs) == len({label for label, _ in pairs})
    return np.array([str(path) for path in paths] if alone else groups)


def _rows(folder: Path) -> dict[Path, str]:
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        return {}
    with manifest.open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.DictReader(text) if row.get("path")]
    return {folder / row["path"]: row.get("group") or str(folder / row["path"]) for row in rows}
