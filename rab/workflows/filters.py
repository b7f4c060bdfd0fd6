"""What a filter names that the library does not know: an answer of nothing should say why.

A name that is not there is no error: a filter may well ask for what is yet to come, or exclude it. But whoever wrote a
name with a slip, or a common name where a scientific one is wanted, would take an empty answer for silence in the wood.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import NamedTuple

from rab.catalog.names import Named
from rab.domain import SegmentFilter
from rab.domain.filter.spelling import quoted
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

_N_NOTES = 20
"""Looking for a name among 6,500 taxa takes 50 ms, and a filter may hold 10,000."""


class Understood(NamedTuple):
    """A filter as a library can answer it, and what must be said of it."""

    where: SegmentFilter
    notes: tuple[str, ...] = ()


def understand(workspace: Workspace, where: SegmentFilter) -> Understood:
    """Look up what a filter names: a sentence for each name that the library does not have, with those near it.

    A taxon's common name, or its scientific name in other capitals, becomes the scientific name where one taxon alone
    of the library bears it; that is said too.
    """
    strange = _unknown(workspace, "taxon", _values(where, "taxa"))
    taxa_of = _taxa_by_name(workspace) if strange else {}
    meant = {name: min(taxa) for name in strange if len(taxa := taxa_of.get(name.casefold(), set())) == 1}
    notes = chain(
        (_taxon_note(name, taxa_of) for name in strange),
        *(_name_notes(workspace, noun, _values(where, field)) for field, noun in _FIELDS.items()),
        _cluster_notes(workspace, _values(where, "cluster_ids")),
    )
    told = tuple(islice(notes, _N_NOTES))
    more = ("there are more such names in the filter",) if next(notes, None) else ()
    return Understood(_with_taxa(where, meant) if meant else where, told + more)


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
    near = get_close_matches(name.casefold(), taxa_of, n=_N_LISTED)
    found = sorted({taxon for one in near for taxon in taxa_of[one]})
    return f"no model has named a taxon {name} in this library{_suggested('taxon', found)}"


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


def _with_taxa(where: SegmentFilter, meant: dict[str, str]) -> SegmentFilter:
    changed = {
        "taxa": tuple(meant.get(name, name) for name in where.taxa),
        "any_of": tuple(tuple(_with_taxa(one, meant) for one in group) for group in where.any_of),
        "exclude": tuple(_with_taxa(one, meant) for one in where.exclude),
    }
    return SegmentFilter(**{**dict(where), **changed})
