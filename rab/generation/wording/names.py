"""How a name is shown, and which names a cited item brings with it.

Names come from models, people, tables and files, so they may hold anything. A name that looks like one (a capital, then
letters of one alphabet, a few words, none of which belongs to a sentence) is printed as it is; anything else is printed
in “…”, on one line, shortened. Digits of a name therefore stand in quotation marks only, and identifiers that RAB or a
model's card makes (`birdnet-v2.4`, `c3.9fa2`) are printed bare. No name can be mistaken for a word of a template,
because those are in lower case or without digits; none can close our quotation marks, look like a citation, or hold a
mark that is not seen.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from rab.domain import (
    AggregateEntry,
    CallName,
    ContrastEntry,
    ExemplarEntry,
    FollowingEntry,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.reading.tally import SPANS, TIME_UNITS
from rab.generation.wording.lexicon import MASK, counts, forbidden, of_a_sentence
from rab.generation.wording.vocabulary import vocabulary

_QUOTES = dict.fromkeys(map(ord, '“”„‟«»‹›"″‶〝〞〟＂❝❞🙶🙷🙸'), "'")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Marks and letters without a shape that are no control characters: fillers, joiners, variation selectors."""
_CITATION = re.compile(r"\[(?=\s*[a-z]{1,2}[+-]?\d*\.[0-9a-f]{4})")
_PLAIN = re.compile(r"[^\W\d_]+(?:(?:[-'’ ]|\. )[^\W\d_]+\.?){0,5}")
_IDENTIFIER = re.compile(r"(?=\D+\d)[A-Za-z][A-Za-z0-9._-]{1,39}", re.ASCII)
_PARTICLES = frozenset({"do", "of"})
"""Words of names that are words of templates too: `Serra do Mar Tyrannulet`."""
_HOUR = re.compile(r"(?:[01]\d|2[0-3])")
_PERIOD = re.compile(r"\d{4}-\d{2}(-\d{2})?")
TAXON_AGGREGATES = frozenset(
    {
        "detections",
        "detection_recordings",
        "detection_days",
        "verified_detections",
        "rejected_detections",
        "calibrated_detections",
        "sound_detections",
        "out_of_range_detections",
        "occupied_sites",
        "models_split",
        "compared_rate",
        "compared_rate_other",
        "compared_detection_days",
        "compared_detection_days_other",
        "rate_difference",
        "rate_difference_low",
        "rate_difference_high",
        "difference_p",
    }
)
"""Aggregates whose group is the scientific name of a taxon, or a sound that is no animal."""

TAXON_TIMES = frozenset(f"taxon_by_{unit}" for unit in TIME_UNITS)
"""Aggregates whose group is the scientific name of a taxon, a tab and a time."""
_COMMAND = re.compile(r"(?!.*  )[\w .,:=<>'\"()/-]{1,400}")
"""A command that can be printed as it is run: no brackets, no quotation marks but its own, each space by itself."""
_SHORTEST, _LONGEST = 3, 60


@lru_cache(maxsize=4096)
def shown(name: str, longest: int = _LONGEST) -> str:
    """Return a name as it is printed: bare when it looks like a name, else in “…” on one line."""
    clean = one_line(name.replace(MASK, " ")).translate(_QUOTES).replace("[", "(").replace("]", ")")
    short = clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"
    return short if _is_plain(short) else f"“{short}”"


def _is_plain(name: str) -> bool:
    if len(name) < _SHORTEST or not name[0].isupper() or _PLAIN.fullmatch(name) is None:
        return False
    if unicodedata.normalize("NFKC", name) != name or counts(name):
        return False
    letters = [c for c in name if c.isalpha()]
    if any(unicodedata.numeric(c, None) is not None for c in letters) or len(set(map(_alphabet, letters))) > 1:
        return False
    if any(word.islower() and word in vocabulary() - _PARTICLES for word in name.split()):
        return False  # `Marsh more often`
    return forbidden(name) is None and not of_a_sentence(name)


def _alphabet(letter: str) -> str:
    """Return the first word of a letter's name, such as LATIN: a name of two alphabets is not what it looks like."""
    return unicodedata.name(letter, "?").partition(" ")[0]


@lru_cache(maxsize=4096)
def one_line(text: str) -> str:
    """Return a text on one line, composed, without control characters and marks that are not seen.

    A bracket that begins what looks like a citation becomes a round one.
    """
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in _UNSEEN.sub("", text))
    return _CITATION.sub("(", " ".join(unicodedata.normalize("NFC", seen).split()))


def identifier(key: str) -> str:
    """Return the key of a model or a cluster as it is printed."""
    return key if _IDENTIFIER.fullmatch(key) else shown(key)


def taxon_words(scientific_name: str, common_name: str | None) -> str:
    """Return both names of a taxon, or the one that there is: `Eurasian Blackbird (Turdus merula)`."""
    if not common_name or not one_line(common_name) or common_name == scientific_name:
        return shown(scientific_name)
    return f"{shown(common_name)} ({shown(scientific_name)})"


def hour_words(hour: str) -> str:
    """Return an hour of the day as a span: `05` is `05:00–06:00`."""
    return f"{hour}:00–{(int(hour) + 1) % 24:02d}:00" if _HOUR.fullmatch(hour) else shown(hour)


def site_words(entry: AggregateEntry) -> str:
    """Return the site of an aggregate as it is printed; its group is `site:A12`."""
    return shown(entry.group_words or (entry.group or "").removeprefix("site:"))


def period_words(period: str) -> str:
    """Return a week, by its first day, or a month as it is printed: `the week of 2025-05-05`, `2025-05`."""
    if _PERIOD.fullmatch(period) is None:
        return shown(period)
    return period if period.count("-") == 1 else f"the week of {period}"


def history_site(entry: AggregateEntry) -> str:
    """Return the site of a taxon's days as it is printed; the group is the taxon, a tab and the site."""
    return shown((entry.group or "").partition("\t")[2])


def span_dates(entry: AggregateEntry) -> tuple[str, str]:
    """Return the first and the last day of a span as they are printed."""
    first, _, last = (entry.group or "").partition("..")
    return day_words(first), day_words(last)


def day_words(day: str) -> str:
    """Return a day of the calendar as it is printed: `2025-05-05`."""
    return day if _PERIOD.fullmatch(day) else shown(day)


def change_words(entry: AggregateEntry) -> str:
    """Return what changed where and when, as it is printed: `SNR at Marsh, 2025-05-07` in quotation marks."""
    return shown(entry.group_words or entry.group or "", longest=160)


def other_side(entry: AggregateEntry) -> str:
    """Return the filter of a comparison's other side as it is printed."""
    return quoted(entry.group_words or "")


def shown_names(item: PackItem) -> Iterator[str]:
    """Yield every name that an item brings into a sentence, as it is printed."""
    match item:
        case NeighbourEntry() | SequenceStep() | ExemplarEntry():
            if item.name is not None:
                yield from _call_name(item.name)
            if item.cluster_id is not None:
                yield identifier(item.cluster_id)
            if isinstance(item, NeighbourEntry):
                yield from map(quoted, item.call_types)
        case PrototypeEntry():
            yield identifier(item.cluster_id)
            for count in item.names:
                yield from (shown(count.scientific_name), shown(count.common_name))
        case TaxonScoreEntry():
            taxon = item.score.taxon
            yield from (shown(taxon.scientific_name), shown(taxon.common_name), identifier(item.score.model))
            if item.calibration is not None:
                yield item.calibration.learned_on.isoformat()
        case ContrastEntry():
            yield from _contrast(item)
        case AggregateEntry():
            yield from _aggregate(item)
        case FollowingEntry():
            yield from (identifier(item.cluster_id), identifier(item.other_id))
        case QueryEntry():
            for scientific_name, common_name in taxa_of(item).items():
                yield from (shown(scientific_name), shown(common_name))
            if item.cluster_id is not None:
                yield identifier(item.cluster_id)


def taxa_of(item: PackItem) -> dict[str, str]:
    """Return the taxa that an item names: scientific name → common name."""
    match item:
        case NeighbourEntry() | SequenceStep() | ExemplarEntry():
            return {} if item.name is None else {item.name.scientific_name: item.name.common_name}
        case PrototypeEntry():
            return {count.scientific_name: count.common_name for count in item.names}
        case TaxonScoreEntry():
            return {item.score.taxon.scientific_name: item.score.taxon.common_name}
        case ContrastEntry():
            named = (item.taxon, item.other_taxon)
            return {one.scientific_name: one.common_name for one in named if one is not None}
        case AggregateEntry():
            if item.name == "history_days" and item.group is not None:
                taxon, _, site = item.group.partition("\t")
                return {taxon: (item.group_words or taxon).removesuffix(f" at {site}")}
            if item.name in TAXON_TIMES and item.group is not None:
                taxon, common_name = item.group.partition("\t")[0], (item.group_words or "").rpartition(", ")[0]
                return {taxon: common_name or taxon}
            by_taxon = item.name in TAXON_AGGREGATES and item.group is not None
            return {item.group: item.group_words or item.group} if by_taxon and item.group is not None else {}
        case QueryEntry():
            names = {name.scientific_name: name.common_name for name in item.names}
            return names | {taxon: taxon for taxon in item.rejected_taxa if taxon not in names}
        case FollowingEntry():
            return {}


def hours_words(entry: ContrastEntry) -> str:
    """Return the hours of a contrast, which follow each other, as a span: `00:00–06:00`."""
    first, last = entry.local_hours[0], entry.local_hours[-1]
    return f"{first:02d}:00–{(last + 1) % 24:02d}:00"


def date_words(entry: ContrastEntry) -> str:
    """Return the day of a contrast as it is printed."""
    return day_words(entry.date or "")


def command_words(entry: ContrastEntry) -> str:
    """Return the command of a contrast in “…”, as it is run; `…` stands for what cannot be printed so.

    A filter is printed to the letter or not at all: with one mark changed it is another, and its quotes may end early.
    """
    if _is_runnable(entry.command):
        return f"“{entry.command}”"
    try:
        words = shlex.split(entry.command)
    except ValueError:
        words = []
    return f"“{shlex.join(word if _is_runnable(word) else '…' for word in words)}”"


def _is_runnable(command: str) -> bool:
    return _COMMAND.fullmatch(command) is not None and _UNSEEN.search(command) is None


def _contrast(item: ContrastEntry) -> Iterator[str]:
    yield from (identifier(one) for one in (item.cluster_id, item.other_cluster_id, item.named_by) if one)
    yield from (shown(name) for names in taxa_of(item).items() for name in names)
    if item.site is not None:
        yield shown(item.site)
    if item.local_hours:
        yield hours_words(item)
    if item.date is not None:
        yield date_words(item)
    yield command_words(item)


def _call_name(name: CallName) -> Iterator[str]:
    yield from (shown(name.scientific_name), shown(name.common_name))
    if name.source == "model":
        yield identifier(name.by)


def _aggregate(item: AggregateEntry) -> Iterator[str]:
    yield quoted(item.basis)
    if item.group is None:
        return
    unit, time = item.name.partition("_by_")[2], item.group.rpartition("\t")[2]
    if unit == "hour":
        yield hour_words(time)
    if unit in ("week", "month"):
        yield period_words(time)
    if item.name == "history_days":
        yield history_site(item)
    if item.name == "history_days" or item.name in TAXON_TIMES:
        for names in taxa_of(item).items():
            yield from map(shown, names)
    if item.name in SPANS:
        yield from span_dates(item)
    if item.name == "recorder_change":
        yield change_words(item)
    if item.name == "compared_hours":
        yield other_side(item)
    if item.name == "models_alone":
        yield identifier(item.group)
    if item.group.startswith("site:"):
        yield site_words(item)
    yield from (shown(item.group), shown(item.group_words or item.group))


def quoted(words: str) -> str:
    """Return words of a pack as a quotation on one line."""
    plain = shown(words, longest=240)
    return plain if plain.startswith("“") else f"“{plain}”"
