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
    ContrastEntry,
    FollowingEntry,
    GenerationRecord,
    GroundedText,
    LibraryFacts,
    NeighbourEntry,
    PackItem,
    Quantity,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.domain.calibration import Withheld
from rab.evidence.printing import call_words
from rab.generation.bound import COMPANIONS, QUESTION, question_of
from rab.generation.needs.base import Output, labels_of
from rab.generation.reading.pack import Reading
from rab.generation.reading.quantities import printed
from rab.generation.wording.names import (
    change_words,
    command_words,
    date_words,
    history_site,
    hour_words,
    hours_words,
    identifier,
    one_line,
    other_side,
    period_words,
    quoted,
    shown,
    site_words,
    span_dates,
    taxa_of,
    taxon_words,
)
from rab.generation.wording.texts import templates

SECTIONS: dict[str, tuple[str, ...]] = {
    "Effort": ("effort",),
    "Signal": ("signal_quality",),
    "Abstention": ("abstention",),
    "Suggestion": ("label_suggestion", "existing_label", "review_request"),
    "Resemblance": ("resemblance", "difference", "cluster_membership", "call_type", "novelty"),
    "Names": ("taxon_vote", "classifier_score", "conflict"),
    "Sequence": ("sequence_context", "usual_sequence"),
    "Detections": ("activity_count",),
    "Sites": ("occupancy",),
    "Time": ("temporal_pattern",),
    "Richness": ("richness",),
    "Quality and review": ("quality_profile", "review_coverage", "novel_count", "recorder_drift"),
    "Noise": ("noise",),
    "Models": ("model_agreement",),
    "Comparison": ("comparison",),
    "Screening": ("screening",),
    "Questions": (QUESTION, *COMPANIONS),
    "Caveats": ("caveat",),
}
"""Headings of an output, in reading order, and the kinds of claims below each; every question has one of its own."""

_EXEMPLARS = 3
"""Calls that plain text lists behind a figure; the pack has them all."""


_WITHHELD: dict[Withheld, str] = {
    "no_labels": "no label in the library covers",
    "few_labels": "too few labels exist to calibrate",
    "inexact": "the calibration is too inexact on held-out recordings for",
    "outside": "the score lies outside those with a label for",
}
"""Why a calibration gives no probability, before the names of the taxa."""


@dataclass(frozen=True)
class Section:
    """A heading and the claims below it."""

    heading: str
    claims: tuple[Claim, ...]


def sections(grounded: GroundedText) -> tuple[Section, ...]:
    """Return the served claims below their headings, in reading order; headings without a claim are left out."""
    found: list[Section] = []
    for heading, kinds in SECTIONS.items():
        claims = _of_kinds(grounded.claims, kinds)
        found += _questions(claims) if QUESTION in kinds else [Section(heading, claims)]
    return tuple(section for section in found if section.claims)


def _questions(claims: Iterable[Claim]) -> list[Section]:
    """Return each question with all that belongs to it, below a heading of its own."""
    of: dict[str, list[Claim]] = {}
    for claim in claims:
        if (contrast := question_of(claim)) is not None:
            of.setdefault(contrast, []).append(claim)
    return [
        Section(f"Question {number}: {(some[0].code or '').replace('_', ' ')}", tuple(some))
        for number, some in enumerate(of.values(), start=1)
    ]


def _of_kinds(claims: Iterable[Claim], kinds: tuple[str, ...]) -> tuple[Claim, ...]:
    return tuple(claim for claim in claims if claim.kind in kinds)


def cited(claim: Claim) -> str:
    """Return a sentence with its citations before the full stop: `… [n1.38d0, n2.38d0; against n3.38d0]`."""
    sources = ", ".join(claim.support)
    if claim.contra:
        sources += f"; against {', '.join(claim.contra)}"
    if claim.text.endswith("?"):
        return f"{claim.text} [{sources}]"
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
            one_line=one_line,
            writer=_writer_words(grounded.generation),
            model_name=shown(grounded.generation.model or ""),
        )
    )


def title_of(reading: Reading, output: Output) -> str:
    """Return the title of an output of a pack."""
    return one_line(templates().get_template("documents/title.j2").render(pack=reading.pack, output=output))


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
        "call_types": [
            quoted(kind) for kind in labels_of([one for one in items if isinstance(one, NeighbourEntry)], reading.near)
        ],
        "any_named": bool(reading.named),
        "unverified": _unverified(claim.taxon, reading),
        "taxa": _taxa,
        "models": _models,
        "uncalibrated": _uncalibrated,
        "hour_words": hour_words,
        "period_words": period_words,
        "span_dates": span_dates,
        "listed": listed,
        "identifier": identifier,
        "site_words": site_words,
        "quoted": quoted,
        "history_site": history_site,
        "change_words": change_words,
        "other_side": other_side,
        "shown": shown,
        "named": lambda one: taxon_words(one.scientific_name, one.common_name),
        "hours_words": hours_words,
        "date_words": date_words,
        "command_words": command_words,
    }


def amounts(claim: Claim, name: str) -> list[str]:
    """Return a claim's quantities of a name, printed: `similarity`, `vote`, `near:named`, or a full reference."""
    return [printed(one) for one in _called(claim, name)]


def span(claim: Claim, name: str) -> str:
    """Return the range of a claim's quantities of a name: `0.83 to 0.91`, or one number when both ends print alike."""
    called = sorted(_called(claim, name), key=lambda one: one.value)
    ends = dict.fromkeys((printed(called[0]), printed(called[-1])))
    return " to ".join(ends)


def _called(claim: Claim, name: str) -> list[Quantity]:
    """Return the quantities of a name. A reference that ends in a name by chance, as a taxon's may, is not one."""
    refs = {name, *(f"{item_id}:{name}" for item_id in claim.citations)}
    return [one for one in claim.quantities if one.ref in refs or one.ref.startswith(f"{name}:")]


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


def _unverified(taxon: str | None, reading: Reading) -> str:
    """Return how detections stand that no count of verified ones is told of: of a taxon, or of all."""
    verified = any(taxon in (None, one.group) for one in reading.tally.verified)
    return "verified or not" if verified else "unverified"


def _models(items: Iterable[PackItem]) -> list[str]:
    return list(dict.fromkeys(identifier(item.score.model) for item in items if isinstance(item, TaxonScoreEntry)))


def _uncalibrated(items: Iterable[PackItem]) -> str:
    """Return why the library's calibration gives scores no probability; empty where there is no calibration."""
    taxa: dict[Withheld, dict[str, None]] = {}
    for item in items:
        if isinstance(item, TaxonScoreEntry) and item.withheld is not None:
            taxon = item.score.taxon
            taxa.setdefault(item.withheld, {})[taxon_words(taxon.scientific_name, taxon.common_name)] = None
    return "; ".join(f"{_WITHHELD[reason]} {listed(list(names))}" for reason, names in taxa.items())


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


def _writer_words(record: GenerationRecord) -> str:
    if record.model is None:
        return record.writer
    return f"{record.writer} ({shown(record.model)}, mode {record.mode}, attempts {record.attempts})"


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
    if isinstance(item, FollowingEntry):
        clips = "".join(f"; {_clip_words(call)}" for call in item.exemplars)
        return f"what comes {item.direction} calls of cluster {identifier(item.cluster_id)}{clips}"
    if isinstance(item, ContrastEntry):
        return f"contrast of the family {item.family.replace('_', ' ')}: {command_words(item)}"
    return one_line(call_words(item.call))
