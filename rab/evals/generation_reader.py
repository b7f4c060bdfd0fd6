"""An independent reader: what a text says and what its pack requires, found without the validator's own code.

Sentences are read as a stranger would read them, from the rendered text: numerals of any script with the words behind
them, citations in brackets, words that no statement may use. What had to be said is worked out from the pack's entries
anew. Nothing here is shared with `rab.generation` but the policy's thresholds, so a fault there shows as a difference.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rab.domain import (
    Claim,
    EvidencePack,
    GroundedText,
    NeighbourEntry,
    PrototypeEntry,
    Quantity,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.needs.base import Output
from rab.generation.policy import GroundingPolicy

_BRACKET = re.compile(r"\[([^\[\]]*)\](?=[.?]?$|\s*[.?])")
_QUOTATION = re.compile(r"“[^“”]*”")
_HOURS = re.compile(r"\b(\d\d):00–(\d\d):00")
_DATE = re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b")
_KEYED = re.compile(r"\b[A-Za-z][A-Za-z._-]*\d[\w.-]*\w|\b[A-Za-z]\d+\b")
_NUMERAL = re.compile(r"(?P<sign>[+−-]?)(?P<digits>\d[\d,]*(?:\.\d+)?)(?=(?P<after>.{0,40}))", re.DOTALL)
_PHYSICAL = re.compile(r"\s?(?:%|(?:k?Hz|dB|dBFS|ms|s|h)\b)")
_NUMBER_WORD = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|half|twice|percent)\b",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(
    r"\b(?:sa(?:y|ys|ying|id)|mean(?:s|t|ing)?|warn(?:s|ed|ing)?|want(?:s|ed)?|tell(?:s|ing)?|beg(?:s|ging)?|greet(?:s|ing)?"
    r"|threaten(?:s|ing)?|intend(?:s|ed)?|intent(?:ion)?|happy|sad|angry|afraid|fear(?:ful)?|anxious|joy(?:ful)?|distress(?:ed)?"
    r"|excited|lonely|aggressive|danger(?:ous)?|alarm(?:ed|ing)?|confirm(?:s|ed)?|prov(?:e|es|ed|en)|proof|significant(?:ly)?"
    r"|definitely|undoubtedly|certainly|obviously|is an? (?!difference)|are the species|must be|breeds?|endangered"
    r"|increas(?:e|es|ed|ing)|declin(?:e|es|ed|ing))\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(r"\b(?:appears? to|[Tt]entatively|suggests|unverified|verified or not|as far as)\b", re.IGNORECASE)
_LARGER = {"Hz": (1000, "kHz"), "Hz/s": (1000, "kHz/s"), "ms": (1000, "s")}
_BARE_UNITS = ("", "cosine", "raw score", "calibrated probability")


class Sentence(NamedTuple):
    """A rendered sentence of a claim, with its citations, and without."""

    claim: Claim
    rendered: str
    plain: str
    """Without citations and quotations."""
    support: tuple[str, ...]
    contra: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """All citations that are printed."""
        return self.support + self.contra


def sentence(claim: Claim, rendered: str) -> Sentence:
    """Read a sentence with its citations, such as `[n1.38d0; against n2.38d0]`."""
    brackets = _BRACKET.findall(rendered)
    inside = brackets[-1] if brackets else ""
    pro, _, con = inside.partition("; against ")
    support, contra = (tuple(filter(None, one.split(", "))) for one in (pro, con))
    return Sentence(claim, rendered, _QUOTATION.sub(" ", _BRACKET.sub("", rendered)), support, contra)


def stray_ids(found: Sentence, pack: EvidencePack) -> list[str]:
    """Return the citations that no entry of the pack answers to."""
    printable = {f"{item.key}.{pack.pack_id[:4]}" for item in pack.items.values()}
    return [one for one in found.ids if one not in printable]


def loose_numerals(found: Sentence, content: str) -> list[str]:
    """Return the numerals of a sentence that no declared quantity of its claim gives; `content` is the pack's JSON."""
    text = _without_names(found.plain, content)
    loose = [
        match["digits"]
        for match in _NUMERAL.finditer(text)
        if not any(_gives(one, match) for one in found.claim.quantities)
    ]
    loose += [one for one in text if not one.isascii() and unicodedata.numeric(one, None) is not None]
    return loose + _NUMBER_WORD.findall(text)


def n_numerals(found: Sentence, content: str) -> int:
    """Count the numerals of a sentence, names aside."""
    return len(_NUMERAL.findall(_without_names(found.plain, content)))


def forbidden_words(found: Sentence, names: Iterable[str]) -> list[str]:
    """Return the words of intent, emotion, identity, certainty or trend in a sentence, its names aside."""
    text = found.plain
    for name in names:
        text = text.replace(name, " ")
    return _FORBIDDEN.findall(text)


def too_sure(found: Sentence, pack: EvidencePack, policy: GroundingPolicy) -> bool:
    """Return whether a sentence sounds sure of a model's word, or of a weak signal's likeness."""
    snr_db = None if pack.query is None else pack.query.quality.snr_db
    is_weak = pack.kind == "segment" and (snr_db is None or snr_db < policy.weak_signal_db)
    of_a_model = found.claim.kind in ("classifier_score", "label_suggestion")
    of_likeness = found.claim.kind in ("resemblance", "taxon_vote", "difference")
    return (of_a_model or (of_likeness and is_weak)) and _HEDGED.search(found.plain) is None


def n_words(found: Sentence) -> int:
    """Count the words of a sentence, its citations aside."""
    return len(_BRACKET.sub("", found.rendered).split())


def names_in(pack: EvidencePack) -> list[str]:
    """Return every name of a taxon in a pack, longest first."""
    found: set[str] = set()
    for item in pack.items.values():
        if isinstance(item, NeighbourEntry | SequenceStep) and item.name is not None:
            found |= {item.name.scientific_name, item.name.common_name}
        elif isinstance(item, TaxonScoreEntry):
            found |= {item.score.taxon.scientific_name, item.score.taxon.common_name}
        elif isinstance(item, PrototypeEntry):
            found |= {name for one in item.names for name in (one.scientific_name, one.common_name)}
    found |= {name for one in pack.aggregates for name in (one.group, one.group_words) if name}
    return sorted((name for name in found if name), key=lambda name: (-len(name), name))


def must_abstain(pack: EvidencePack, policy: GroundingPolicy) -> bool:
    """Return whether a pack forbids to name a taxon, or to count activity."""
    if pack.kind == "summary":
        return not any(one.name == "effort_hours" and one.group is None and one.value > 0 for one in pack.aggregates)
    if pack.query is None:
        return False
    quality = pack.query.quality
    if quality.silent or quality.snr_unmeasured in ("silent", "no_signal") or not pack.neighbours:
        return True
    if pack.depth is not None and not pack.depth.species_claims_supported:
        return True
    near = [one for one in pack.neighbours if one.similarity >= policy.near_similarity]
    return not near or _disputed(pack, near, policy) or _misplaced(pack, near, policy)


def due(pack: EvidencePack, policy: GroundingPolicy, output: Output) -> Iterator[tuple[str, str | None]]:
    """Yield what any text of a pack must state, as far as this reader knows: kind, and code where one is meant."""
    if pack.kind == "summary":
        if must_abstain(pack, policy):
            yield "abstention", "no_effort"
            return
        yield "effort", "total"
        if any(one.name == "snr_median_db" for one in pack.aggregates):
            yield "quality_profile", "snr"
        if any(one.name == "detections" and one.value > 0 for one in pack.aggregates):
            yield "caveat", "uncalibrated"
        return
    if pack.query is None:
        return
    yield "signal_quality", None
    if must_abstain(pack, policy):
        yield "abstention", None
    if output != "interpretation":
        return
    sounds = not pack.query.quality.silent and pack.query.quality.snr_unmeasured not in ("silent", "no_signal")
    sounds = sounds and (pack.depth is None or pack.depth.unsupported_by != "length")
    near = [one for one in pack.neighbours if sounds and one.similarity >= policy.near_similarity]
    others = {one.call.recording_id for one in near} - {pack.query.call.recording_id}
    if near and len(others) < policy.min_recordings:
        yield "caveat", "single_recording"
    if near and all(one.name is None for one in near):
        yield "caveat", "unlabelled"
    near_similarities = sorted(one.similarity for one in near)
    if len(near) >= policy.flat_neighbours and near_similarities[-1] - near_similarities[0] < policy.flat_spread:
        yield "caveat", "flat_similarities"


def _disputed(pack: EvidencePack, near: Iterable[NeighbourEntry], policy: GroundingPolicy) -> bool:
    """Return whether neighbours and classifier, or two classifiers, share no name."""
    voted = {one.name.scientific_name for one in near if one.name is not None}
    rejected = set(pack.query.rejected_taxa) if pack.query is not None else set()
    by_model: dict[str, set[str]] = {}
    best: tuple[float, str] = (-1.0, "")
    for one in pack.taxon_scores:
        score = one.score
        name = score.taxon.scientific_name
        if score.raw_score >= policy.candidate_score and score.in_range is not False and name not in rejected:
            by_model.setdefault(score.model, set()).add(name)
            best = max(best, (score.raw_score, score.model), key=lambda pair: pair[0])
    proposed = {name for names in by_model.values() for name in names}
    if voted and proposed and not voted & proposed:
        return True
    rest = {name for model, names in by_model.items() if model != best[1] for name in names}
    return bool(rest) and not rest & by_model[best[1]]


def _misplaced(pack: EvidencePack, near: Iterable[NeighbourEntry], policy: GroundingPolicy) -> bool:
    """Return whether the name that leads, by score or by vote, is one that place and week rule out."""
    reached = [one for one in pack.taxon_scores if one.score.raw_score >= policy.candidate_score]
    leader = max(reached, key=lambda one: one.score.raw_score, default=None)
    if leader is not None and leader.score.in_range is False:
        return True
    names = [one.name.scientific_name for one in near if one.name is not None]
    most = max(map(names.count, names), default=0)
    leading = {name for name in names if names.count(name) == most}
    return any(one.score.in_range is False and one.score.taxon.scientific_name in leading for one in pack.taxon_scores)


def names_a_taxon(text: GroundedText) -> bool:
    """Return whether a claim of a text names a taxon, labels that people gave to the very call aside."""
    return any(one.taxon is not None and one.kind != "existing_label" for one in text.claims)


def _without_names(text: str, content: str) -> str:
    """Return a text without hours, dates and keys that stand in the pack; others stay, and count as numerals."""
    text = _HOURS.sub(lambda found: " " if f'"{found[1]}"' in content or '"local_hours"' in content else found[0], text)
    text = _DATE.sub(lambda found: " " if found[0] in content else found[0], text)
    return _KEYED.sub(lambda found: " " if f'"{found[0]}"' in content else found[0], text)


def _gives(quantity: Quantity, match: re.Match[str]) -> bool:
    digits = match["digits"].rstrip(",")
    value = float(digits.replace(",", ""))
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    is_negative = match["sign"] in ("−", "-")
    for scale, unit in ((1, quantity.unit), _LARGER.get(quantity.unit, (1, quantity.unit))):
        is_equal = abs(abs(quantity.value) / scale - value) <= half * (1 + 1e-6)
        has_sign = is_negative == (quantity.value < 0) or value == 0
        if is_equal and has_sign and _follows(unit, match["after"]):
            return True
    return False


def _follows(unit: str, after: str) -> bool:
    if unit in _BARE_UNITS:
        return _PHYSICAL.match(after) is None
    singular = "taxon" if unit == "taxa" else unit.removesuffix("s")
    return after.lstrip().startswith((unit, singular)) if unit != "%" else after.startswith("%")
