"""Species lists: the names that a user wants to hear of, one to a line.

BirdNET's own format is `Scientific name_Common name`; a scientific name alone serves as well, and so does an eBird code
where the model comes with codes. A misspelt name would silence a species for good, so every name that a model does not
know is told, with the nearest that it does know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.domain import Taxon, Value
from rab.errors import InputError

_FORMAT = "write one species to a line: `Turdus merula` or `Turdus merula_Eurasian Blackbird`"
_MAX_NAMED = 3
"""Unknown names that an error spells out."""


class SpeciesList(Value):
    """Names as they were written, sorted and each once: lists with the same names are the same list."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class UnlistedName:
    """A name on the list that a model does not know, and what it may have meant."""

    name: str
    close: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ListedClasses:
    """A model's classes that a list names: ascending columns intp [n], and the names without a class."""

    columns: npt.NDArray[np.intp]
    unknown: tuple[UnlistedName, ...]


def read_species_list(path: Path) -> SpeciesList:
    """Read a species list, UTF-8. Raises `InputError` for a file that cannot be read or names nothing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a species list: {error}", hint=_FORMAT) from error
    return parse_species_list(text, source=str(path))


def parse_species_list(text: str, *, source: str = "the species list") -> SpeciesList:
    """Read names from text; blank lines and what follows a `#` are passed over. Raises `InputError` for no name."""
    names = {line.partition("#")[0].strip() for line in text.splitlines()} - {""}
    if not names:
        raise InputError(f"{source} names no species", hint=_FORMAT)
    return SpeciesList(names=tuple(sorted(names)))


def listed_classes(
    species: SpeciesList, taxa: Sequence[Taxon], model: str, *, codes: Sequence[str | None] = ()
) -> ListedClasses:
    """Find the classes that a list names, whatever their case. `codes` holds the eBird code of each class, if any.

    Raises `InputError` for a list that no class of the model matches.
    """
    column_of = {taxon.scientific_name.casefold(): column for column, taxon in enumerate(taxa)}
    for column, code in enumerate(codes):
        if code is not None:
            column_of.setdefault(code.casefold(), column)
    found: set[int] = set()
    missing: list[str] = []
    for name in species.names:
        # A class may hold an underscore itself (`Human_voice`), so the whole line is tried first.
        keys = (name.casefold(), name.partition("_")[0].strip().casefold())
        known = [column_of[key] for key in keys if key in column_of]
        found.update(known[:1])
        if not known:
            missing.append(name)
    unknown = _unlisted(missing, taxa)
    if not found:
        hints = ", ".join(f"{one.name} (did you mean {one.close[0]}?)" for one in unknown[:_MAX_NAMED] if one.close)
        raise InputError(f"no class of {model} is on the species list", hint=hints or _FORMAT)
    return ListedClasses(np.array(sorted(found), dtype=np.intp), unknown)


def _unlisted(names: Sequence[str], taxa: Sequence[Taxon]) -> tuple[UnlistedName, ...]:
    """Give each unknown name the scientific names nearest to it, or that of the species whose common name it is."""
    if not names:
        return ()
    scientific = {taxon.scientific_name.casefold(): taxon.scientific_name for taxon in taxa}
    common = {taxon.common_name.casefold(): taxon.scientific_name for taxon in taxa}
    unknown = []
    for name in names:
        first, _, second = (part.strip().casefold() for part in name.partition("_"))
        known = common.get(second) or common.get(first)
        close = [known] if known else [scientific[one] for one in get_close_matches(first, scientific, n=3, cutoff=0.7)]
        unknown.append(UnlistedName(name, tuple(close)))
    return tuple(unknown)
