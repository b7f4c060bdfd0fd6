"""What a filter names that the library does not know: an answer of nothing should say why.

A name that is not there is no error: a filter may well ask for what is yet to come, or exclude it. But whoever wrote a
name with a slip, or a common name where a scientific one is wanted, would take an empty answer for silence in the wood.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import NamedTuple

from rab.catalog.names import Named
from rab.domain import SegmentFilter
from rab.domain.filter.spelling import quoted
from rab.errors import InputError
from rab.workflows.precision import with_raw_scores
from rab.workflows.workspace import Workspace

_FIELDS: dict[str, Named] = {
    "sites": "site",
    "habitats": "habitat",
    "recording_ids": "recording",
    "models": "model",
    "labels": "label",
}
_N_LISTED = 5
"""Names that a note suggests at most."""

_LEAST_OF_AN_ID = 8
"""Characters of an id that may stand for the whole, as for segments."""

_N_NOTES = 20
"""Looking for a name among 6,500 taxa takes 50 ms, and a filter may hold 10,000."""


class Understood(NamedTuple):
    """A filter as a library can answer it, and what must be said of it."""

    where: SegmentFilter
    notes: tuple[str, ...] = ()


def understand(workspace: Workspace, where: SegmentFilter, model: str | None = None) -> Understood:
    """Look up what a filter names: a sentence for each name that the library does not have, with those near it.

    A taxon's common name, or its scientific name in other capitals, becomes the scientific name where one taxon alone
    of the library bears it; the beginning of a recording's id, of 8 characters or more, becomes the whole id where one
    recording alone has it. That is said too. A precision becomes the raw score of `model` that its calibration in use
    has for it, which is said first; without `model` it stays, and whoever is to answer it refuses. Raises `InputError`
    where no such raw score is known.
    """
    strange = _unknown(workspace, "taxon", _values(where, "taxa"))
    taxa_of = _taxa_by_name(workspace) if strange else {}
    meant = {name: min(taxa) for name in strange if len(taxa := taxa_of.get(name.casefold(), set())) == 1}
    ids_of = _ids_by_beginning(workspace, _values(where, "recording_ids"))
    whole = {begun: ids[0] for begun, ids in ids_of.items() if len(ids) == 1}
    notes = chain(
        (_taxon_note(name, taxa_of) for name in strange),
        (_recording_note(begun, ids) for begun, ids in ids_of.items()),
        *(
            _name_notes(workspace, noun, [one for one in _values(where, field) if one not in ids_of])
            for field, noun in _FIELDS.items()
        ),
        _cluster_notes(workspace, _values(where, "cluster_ids")),
    )
    told = tuple(islice(notes, _N_NOTES))
    more = ("there are more such names in the filter",) if next(notes, None) else ()
    named = _with_names(where, {"taxa": meant, "recording_ids": whole}) if meant or whole else where
    if model is None:
        return Understood(named, told + more)
    try:
        found, thresholds = with_raw_scores(workspace, named, model)
    except InputError as error:
        error.hint = "; ".join((*told, *more, error.hint))
        raise
    return Understood(found, thresholds + told + more)


def _unknown(workspace: Workspace, noun: Named, given: Sequence[str]) -> list[str]:
    return sorted(set(given).difference(workspace.catalog.names(noun, given))) if given else []


def _taxa_by_name(workspace: Workspace) -> dict[str, set[str]]:
    """Return scientific names by what a taxon is called, scientific names too, without regard to capitals."""
    taxa_of: dict[str, set[str]] = defaultdict(set)
    for names in workspace.catalog.common_names():
        for name in names:
            taxa_of[name.casefold()].add(names[1])
    return dict(taxa_of)


def _taxon_note(name: str, taxa_of: dict[str, set[str]]) -> str:
    taxa = sorted(taxa_of.get(name.casefold(), ()))
    if len(taxa) == 1:
        return f"taxon={quoted(name)} is read as {quoted(taxa[0])}"
    if taxa:
        return f"{len(taxa)} taxa are called {name}: write {_listed('taxon', taxa)}"
    part = name.casefold()
    near = [one for one in taxa_of if part in one] or get_close_matches(part, taxa_of, n=_N_LISTED)
    found = sorted({taxon for one in near for taxon in taxa_of[one]})
    return f"no model has named a taxon {name} in this library{_suggested('taxon', found)}"


def _ids_by_beginning(workspace: Workspace, given: Sequence[str]) -> dict[str, list[str]]:
    """Return the recordings that each given id which is none is the beginning of, where there are any."""
    begun = [one for one in _unknown(workspace, "recording", given) if len(one) >= _LEAST_OF_AN_ID]
    known = workspace.catalog.names("recording") if begun else []
    found = {one: sorted(whole for whole in known if whole.startswith(one.lower())) for one in begun}
    return {one: ids for one, ids in found.items() if ids}


def _recording_note(begun: str, ids: Sequence[str]) -> str:
    if len(ids) == 1:
        return f"recording={quoted(begun)} is read as {ids[0]}"
    return f"{len(ids)} recordings have ids that begin with {begun}: write {_listed('recording', ids)}"


def _suggested(noun: str, near: Sequence[str]) -> str:
    return f": did you mean {_listed(noun, near)}?" if near else ", nor one with a name like it"


def _listed(noun: str, names: Sequence[str]) -> str:
    return " or ".join(f"{noun}={quoted(name)}" for name in names[:_N_LISTED])


def _name_notes(workspace: Workspace, noun: Named, given: Sequence[str]) -> Iterator[str]:
    strange = _unknown(workspace, noun, given)
    known = workspace.catalog.names(noun) if strange else []
    for name in strange:
        near = [one for one in known if one.startswith(name)]
        if not near and noun != "recording":  # a sha256 resembles others by chance alone
            near = get_close_matches(name, known, n=_N_LISTED)
        yield f"the library has no {noun} {name}{_suggested(noun, near)}"


def _cluster_notes(workspace: Workspace, given: Sequence[str]) -> Iterator[str]:
    if not given:
        return
    catalog = workspace.catalog
    spaces = [card.space for card in catalog.cards()]
    current = {one.id for space in spaces if (found := catalog.clustering(space)) for one in found.clusters}
    merged = {known.id: known.merged_into for space in spaces for known in catalog.cluster_identities(space)}
    for one in sorted(set(given) - current):
        into = merged.get(one)
        why = f"it is one with {into} now" if into else "`rab clusters list` shows those there are"
        yield f"there is no cluster {one}: {why}"


def _values(where: SegmentFilter, field: str) -> tuple[str, ...]:
    """Return the values of a condition, wherever it stands in the filter."""
    own: tuple[str, ...] = getattr(where, field)
    return own + tuple(value for part in where.parts for value in _values(part, field))


def _with_names(where: SegmentFilter, meant: Mapping[str, Mapping[str, str]]) -> SegmentFilter:
    """Return a filter with other values, by field and value, wherever they stand in it."""
    changed: dict[str, object] = {
        field: tuple(names.get(name, name) for name in getattr(where, field)) for field, names in meant.items()
    }
    changed["any_of"] = tuple(tuple(_with_names(one, meant) for one in group) for group in where.any_of)
    changed["exclude"] = tuple(_with_names(one, meant) for one in where.exclude)
    return SegmentFilter.model_validate({**dict(where), **changed})
