"""From a claim to words: one template per kind, filled from the claim and the items it cites, and nothing else.

A claim's words are a pure function of the claim and its pack. So the validator can write them again, and a text that
differs from its template is found whatever the difference.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rab.domain import (
    MEASURES,
    AggregateEntry,
    CallRef,
    Claim,
    GroundedText,
    LibraryFacts,
    NeighbourEntry,
    PackItem,
    Quantity,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.evidence.printing import call_words
from rab.generation.names import hour_words, identifier, one_line, quoted, shown, site_words, taxa_of, taxon_words
from rab.generation.quantities import printed
from rab.generation.reading import Reading
from rab.generation.texts import templates

SECTIONS: dict[str, tuple[str, ...]] = {
    "Effort": ("effort",),
    "Signal": ("signal_quality",),
    "Abstention": ("abstention",),
    "Resemblance": ("resemblance", "difference", "cluster_membership", "novelty"),
    "Names": ("taxon_vote", "classifier_score", "conflict"),
    "Sequence": ("sequence_context",),
    "Detections": ("activity_count",),
    "Time of day": ("temporal_pattern",),
    "Recording quality": ("quality_profile",),
    "Caveats": ("caveat",),
}
"""Headings of an output, in reading order, and the kinds of claims below each."""

_EXEMPLARS = 3
"""Calls that plain text lists behind a figure; the pack has them all."""


@dataclass(frozen=True)
class Section:
    """A heading and the claims below it."""

    heading: str
    claims: tuple[Claim, ...]


def sections(grounded: GroundedText) -> tuple[Section, ...]:
    """Return the served claims below their headings, in reading order; headings without a claim are left out."""
    found = (Section(heading, _of_kinds(grounded.claims, kinds)) for heading, kinds in SECTIONS.items())
    return tuple(section for section in found if section.claims)


def _of_kinds(claims: Iterable[Claim], kinds: tuple[str, ...]) -> tuple[Claim, ...]:
    return tuple(claim for claim in claims if claim.kind in kinds)


def cited(claim: Claim) -> str:
    """Return a sentence with its citations before the full stop: `… [n1.38d0, n2.38d0; against n3.38d0]`."""
    sources = ", ".join(claim.support)
    if claim.contra:
        sources += f"; against {', '.join(claim.contra)}"
    return f"{claim.text.removesuffix('.')} [{sources}]."


def text_of(grounded: GroundedText) -> str:
    """Return a grounded text for terminals: sentences with citations, then the cited entries, models and provenance."""
    pack = grounded.pack
    used = {item_id for claim in grounded.claims for item_id in claim.citations}
    return (
        templates()
        .get_template("documents/text.j2")
        .render(
            grounded=grounded,
            heading=one_line(grounded.title),
            searched=_searched(pack.library),
            sections=sections(grounded),
            sources=[(item_id, _source_words(item)) for item_id, item in pack.items.items() if item_id in used],
            bases=_bases(item for item_id, item in pack.items.items() if item_id in used),
            notes=[shown(note, longest=240) for note in pack.notes],
            cited=cited,
        )
    )


def title_of(reading: Reading) -> str:
    """Return the title of a pack's text."""
    return one_line(templates().get_template("documents/title.j2").render(pack=reading.pack))


def worded(claim: Claim, reading: Reading) -> str:
    """Return a claim's sentence from its template. The claim must hold, or its template may miss what it needs."""
    template = templates().get_template(f"claims/{claim.kind}.j2")
    return " ".join(template.render(**_context(claim, reading)).split())


def _context(claim: Claim, reading: Reading) -> dict[str, Any]:
    items = [reading.pack.items[item_id] for item_id in claim.support]
    dissent = [reading.pack.items[item_id] for item_id in claim.contra]
    return {
        "code": claim.code,
        "tentative": claim.hedge == "tentative",
        "taxon": None if claim.taxon is None else _taxon(claim.taxon, items),
        "scientific_name": claim.taxon,
        "items": items,
        "item": items[0],
        "dissent": dissent,
        "quality": None if reading.query is None else reading.query.quality,
        "is_nearest": any(item is one for one in reading.ranked[:1] for item in items),
        "amount": lambda name: amounts(claim, name)[0],
        "amounts": lambda name: amounts(claim, name),
        "has": lambda name: bool(amounts(claim, name)),
        "by_item": lambda item, name: amounts(claim, f"{reading.id_of(item)}:{name}")[0],
        "entry": lambda name: next(
            (one for one in items if isinstance(one, AggregateEntry) and one.name == name), None
        ),
        "span": lambda name: span(claim, name),
        "deltas": _deltas(claim),
        "namers": _namers(items),
        "taxa": _taxa,
        "models": _models,
        "hours": sorted(hour_words(item.group or "") for item in items if isinstance(item, AggregateEntry)),
        "listed": listed,
        "identifier": identifier,
        "site_words": site_words,
        "quoted": quoted,
    }


def amounts(claim: Claim, name: str) -> list[str]:
    """Return a claim's quantities of a name, printed: `similarity`, `vote`, `near:named`, or a full reference."""
    return [printed(one) for one in claim.quantities if _is_called(one, name)]


def span(claim: Claim, name: str) -> str:
    """Return the range of a claim's quantities of a name: `0.83 to 0.91`, or one number when both ends print alike."""
    called = sorted((one for one in claim.quantities if _is_called(one, name)), key=lambda one: one.value)
    ends = dict.fromkeys((printed(called[0]), printed(called[-1])))
    return " to ".join(ends)


def _is_called(quantity: Quantity, name: str) -> bool:
    return quantity.ref == name or quantity.ref.endswith(f":{name}") or quantity.ref.startswith(f"{name}:")


def listed(words: Sequence[str], most: int = 3) -> str:
    """Return words as a list: `a, b and c`, with `others` in place of what exceeds `most`."""
    parts = [*words[:most], "others"] if len(words) > most else list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def _taxon(taxon: str, items: Iterable[PackItem]) -> str:
    common = next((names[taxon] for item in items if taxon in (names := taxa_of(item))), None)
    return taxon_words(taxon, common)


def _taxa(items: Iterable[PackItem]) -> list[str]:
    """Return the taxa that items name, each once, in the order of the items."""
    return list(dict.fromkeys(taxon_words(*names) for item in items for names in taxa_of(item).items()))


def _models(items: Iterable[PackItem]) -> list[str]:
    return list(dict.fromkeys(identifier(item.score.model) for item in items if isinstance(item, TaxonScoreEntry)))


def _namers(items: Iterable[PackItem]) -> dict[str, str | None]:
    """Return who named the cited calls: the one source of all names, and the one model behind them, or None."""
    names = [item.name for item in items if isinstance(item, NeighbourEntry | SequenceStep) and item.name]
    sources = {name.source for name in names}
    models = {name.by for name in names}
    source = next(iter(sources)) if len(sources) == 1 else None
    return {
        "source": source,
        "model": identifier(next(iter(models))) if source == "model" and len(models) == 1 else None,
    }


def _deltas(claim: Claim) -> list[dict[str, object]]:
    found = []
    for quantity in claim.quantities:
        _, _, measure = quantity.ref.partition(":delta:")
        if measure in MEASURES:
            words = MEASURES[measure].words
            found.append({"words": words, "more": quantity.value > 0, "text": printed(quantity), "measure": measure})
    return found


def _clip_words(call: CallRef) -> str:
    return f"{one_line(call.file_name)} {call.t0_ms / 1000:.3f}–{call.t1_ms / 1000:.3f} s"


def _searched(library: LibraryFacts) -> str:
    segments = "1 segment" if library.n_segments == 1 else f"{library.n_segments} segments"
    recordings = "1 recording" if library.n_recordings == 1 else f"{library.n_recordings} recordings"
    return f"{segments} of {recordings} ({one_line(library.filter_words)})"


def _name_words(item: AggregateEntry) -> str:
    return one_line(item.name).replace("_", " ")


def _bases(items: Iterable[PackItem]) -> dict[str, str]:
    """Return how the aggregates were counted: the names of the figures that share a basis → that basis."""
    names: dict[str, dict[str, None]] = {}
    for item in items:
        if isinstance(item, AggregateEntry):
            names.setdefault(one_line(item.basis), {})[_name_words(item)] = None
    return {", ".join(sharing): basis for basis, sharing in names.items()}


def _source_words(item: PackItem) -> str:
    if isinstance(item, TaxonScoreEntry):
        taxon = item.score.taxon
        return f"class {taxon_words(taxon.scientific_name, taxon.common_name)} of {identifier(item.score.model)}"
    if isinstance(item, AggregateEntry):
        group = f", {one_line(item.group_words or item.group)}" if item.group else ""
        clips = "".join(f"; {_clip_words(call)}" for call in item.exemplars[:_EXEMPLARS])
        value = Quantity(ref=item.key, value=item.value, unit=item.unit, decimals=item.decimals, source=())
        return f"{_name_words(item)}{group}: {printed(value)}{clips}"
    return one_line(call_words(item.call))
