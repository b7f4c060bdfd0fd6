"""How a name is shown, and which names a cited item brings with it.

Names come from models, people, tables and files, so they may hold anything. A name that looks like one (a capital, then
letters, a few words) is printed as it is; anything else is printed in “…”, on one line, shortened. Digits of a name
therefore stand in quotation marks only, and identifiers that RAB or a model's card makes (`birdnet-v2.4`, `c3.9fa2`)
are printed bare. No name can be mistaken for a word of a template, because those are in lower case or without digits.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from rab.domain import (
    AggregateEntry,
    CallName,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.lexicon import MASK, forbidden

_PLAIN = re.compile(r"[^\W\d_]+(?:(?:[-'’ ]|\. )[^\W\d_]+\.?){0,5}")
_IDENTIFIER = re.compile(r"(?=\D+\d)[A-Za-z][A-Za-z0-9._-]{1,39}", re.ASCII)
_HOUR = re.compile(r"(?:[01]\d|2[0-3])")
TAXON_AGGREGATES = frozenset(
    {"detections", "detection_recordings", "detection_days", "sound_detections", "out_of_range_detections"}
)
"""Aggregates whose group is the scientific name of a taxon, or a sound that is no animal."""

_SHORTEST, _LONGEST = 3, 60


@lru_cache(maxsize=4096)
def shown(name: str, longest: int = _LONGEST) -> str:
    """Return a name as it is printed: bare when it looks like a name, else in “…” on one line."""
    clean = one_line(name.replace("“", "'").replace("”", "'").replace(MASK, " "))
    short = clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"
    return short if _is_plain(short) else f"“{short}”"


def _is_plain(name: str) -> bool:
    if len(name) < _SHORTEST or not name[0].isupper() or _PLAIN.fullmatch(name) is None:
        return False
    return forbidden(name) is None and not any(unicodedata.numeric(c, None) is not None for c in name)


def one_line(text: str) -> str:
    """Return a text on one line, without control characters and invisible marks."""
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).split())


def identifier(key: str) -> str:
    """Return the key of a model or a cluster as it is printed."""
    return key if _IDENTIFIER.fullmatch(key) else shown(key)


def taxon_words(scientific_name: str, common_name: str | None) -> str:
    """Return both names of a taxon, or the one that there is: `Eurasian Blackbird (Turdus merula)`."""
    if not common_name or common_name == scientific_name:
        return shown(scientific_name)
    return f"{shown(common_name)} ({shown(scientific_name)})"


def hour_words(hour: str) -> str:
    """Return an hour of the day as a span: `05` is `05:00–06:00`."""
    return f"{hour}:00–{(int(hour) + 1) % 24:02d}:00" if _HOUR.fullmatch(hour) else shown(hour)


def site_words(entry: AggregateEntry) -> str:
    """Return the site of an aggregate as it is printed; its group is `site:A12`."""
    return shown(entry.group_words or (entry.group or "").removeprefix("site:"))


def shown_names(item: PackItem) -> Iterator[str]:
    """Yield every name that an item brings into a sentence, as it is printed."""
    match item:
        case NeighbourEntry() | SequenceStep():
            if item.name is not None:
                yield from _call_name(item.name)
            if item.cluster_id is not None:
                yield identifier(item.cluster_id)
        case PrototypeEntry():
            yield identifier(item.cluster_id)
            for count in item.names:
                yield from (shown(count.scientific_name), shown(count.common_name))
        case TaxonScoreEntry():
            taxon = item.score.taxon
            yield from (shown(taxon.scientific_name), shown(taxon.common_name), identifier(item.score.model))
        case AggregateEntry():
            yield from _aggregate(item)
        case QueryEntry():
            return


def taxa_of(item: PackItem) -> dict[str, str]:
    """Return the taxa that an item names: scientific name → common name."""
    match item:
        case NeighbourEntry() | SequenceStep():
            return {} if item.name is None else {item.name.scientific_name: item.name.common_name}
        case PrototypeEntry():
            return {count.scientific_name: count.common_name for count in item.names}
        case TaxonScoreEntry():
            return {item.score.taxon.scientific_name: item.score.taxon.common_name}
        case AggregateEntry():
            by_taxon = item.name in TAXON_AGGREGATES and item.group is not None
            return {item.group: item.group_words or item.group} if by_taxon and item.group is not None else {}
        case QueryEntry():
            return {}


def _call_name(name: CallName) -> Iterator[str]:
    yield from (shown(name.scientific_name), shown(name.common_name))
    if name.source == "model":
        yield identifier(name.by)


def _aggregate(item: AggregateEntry) -> Iterator[str]:
    yield quoted(item.basis)
    if item.group is None:
        return
    if item.name == "detections_by_hour":
        yield hour_words(item.group)
    elif item.group.startswith("site:"):
        yield site_words(item)
    else:
        yield from (shown(item.group), shown(item.group_words or item.group))


def quoted(words: str) -> str:
    """Return words of a pack as a quotation on one line."""
    plain = shown(words, longest=240)
    return plain if plain.startswith("“") else f"“{plain}”"
