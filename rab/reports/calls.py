"""The calls of a report, each once: whatever its packs say of a call is brought together under one number.

One call may be the exemplar of a species, the query of an interpretation and the neighbour of another. It has one card,
so its sound is in the document once, and every mention links there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from rab.domain import AggregateEntry, CallName, CallRef, EvidencePack, SignalQuality, Taxon
from rab.reports.report import CallMedia, Media, NoMedia, Report

_NOT_HANDED_IN = NoMedia("its sound and picture were left out of this report")


@dataclass(frozen=True)
class _Mention:
    """What one entry of one pack says of a call."""

    call: CallRef
    taxon: Taxon | None = None
    """What the summary counts it as."""
    name: CallName | None = None
    quality: SignalQuality | None = None
    snr_db: float | None = None
    raw_scores: tuple[tuple[str, float], ...] = ()
    """Scientific name and the classifier's raw score."""
    thumbnail: str | None = None


@dataclass(frozen=True)
class Call:
    """A call as its card shows it. `number` counts from 1 in the order of the document."""

    number: int
    ref: CallRef
    taxa: tuple[Taxon, ...]
    names: tuple[CallName, ...]
    quality: SignalQuality | None
    snr_db: float | None
    raw_scores: dict[str, float]
    media: CallMedia | None
    no_media: NoMedia
    thumbnail: str | None
    """A labelled spectrogram of the pack, PNG in base64: shown where there is no media."""

    @property
    def anchor(self) -> str:
        """Id of the card in the document."""
        return f"call-{self.number}"

    @property
    def title(self) -> str:
        """What the call is said to be: by a person before a table, by a table before a model."""
        said = sorted(self.names, key=lambda name: ("human", "imported", "model").index(name.source))
        if said and said[0].source != "model":
            return said[0].common_name
        counted = dict.fromkeys([taxon.common_name for taxon in self.taxa] + [name.common_name for name in said])
        return " · ".join(counted) or "Unnamed call"

    @property
    def is_pictured(self) -> bool:
        """Whether there is anything to see of it."""
        return self.media is not None or self.thumbnail is not None

    @property
    def is_unverified(self) -> bool:
        """Whether no person's or table's label stands behind its name."""
        return all(name.source == "model" for name in self.names)

    @property
    def scores(self) -> tuple[tuple[str, float], ...]:
        """Raw scores of the taxa that the call is said to be, best first."""
        said = {taxon.scientific_name: taxon.common_name for taxon in self.taxa}
        said |= {name.scientific_name: name.common_name for name in self.names}
        known = [(said[taxon], score) for taxon, score in self.raw_scores.items() if taxon in said]
        return tuple(sorted(known, key=lambda named: (-named[1], named[0])))


def gather_calls(report: Report, species: Iterable[AggregateEntry], media: Media) -> dict[str, Call]:
    """Return segment id → call, in the order of the document: the exemplars of `species` come first."""
    by_segment: dict[str, list[_Mention]] = {}
    for mention in _mentions(report, species):
        by_segment.setdefault(mention.call.segment_id, []).append(mention)
    return {
        segment_id: _call(number, mentions, media.get(segment_id))
        for number, (segment_id, mentions) in enumerate(by_segment.items(), start=1)
    }


def exemplar_calls(entry: AggregateEntry, calls: Mapping[str, Call]) -> tuple[Call, ...]:
    """Return the calls that an aggregate shows, best first."""
    return tuple(calls[ref.segment_id] for ref in entry.exemplars)


def best_raw_score(calls: Iterable[Call], scientific_name: str) -> float | None:
    """Return the highest raw score that the report knows of these calls for a taxon."""
    known = [call.raw_scores[scientific_name] for call in calls if scientific_name in call.raw_scores]
    return max(known, default=None)


def _call(number: int, mentions: list[_Mention], media: CallMedia | NoMedia | None) -> Call:
    return Call(
        number=number,
        ref=mentions[0].call,
        taxa=tuple(dict.fromkeys(m.taxon for m in mentions if m.taxon is not None)),
        names=tuple(dict.fromkeys(m.name for m in mentions if m.name is not None)),
        quality=next((m.quality for m in mentions if m.quality is not None), None),
        snr_db=next((m.snr_db for m in mentions if m.snr_db is not None), None),
        raw_scores={taxon: score for m in reversed(mentions) for taxon, score in m.raw_scores},
        media=media if isinstance(media, CallMedia) else None,
        no_media=media if isinstance(media, NoMedia) else _NOT_HANDED_IN,
        thumbnail=next((m.thumbnail for m in mentions if m.thumbnail is not None), None),
    )


def _mentions(report: Report, species: Iterable[AggregateEntry]) -> Iterator[_Mention]:
    for entry in species:
        taxon = Taxon(scientific_name=entry.group or "", common_name=entry.group_words or entry.group or "")
        for call, raw_score, snr_db in zip_longest(entry.exemplars, entry.exemplar_raw_scores, entry.exemplar_snr_db):
            scored = () if raw_score is None else ((taxon.scientific_name, raw_score),)
            yield _Mention(call, taxon=taxon, raw_scores=scored, snr_db=snr_db)
    for pack in report.packs:
        yield from _pack_mentions(pack)


def _pack_mentions(pack: EvidencePack) -> Iterator[_Mention]:
    picture = pack.thumbnails.get
    if (query := pack.query) is not None:
        for said in query.names:
            yield _Mention(query.call, name=said)
        scores = tuple((e.score.taxon.scientific_name, e.score.raw_score) for e in pack.taxon_scores)
        quality = query.quality
        yield _Mention(
            query.call, quality=quality, snr_db=quality.snr_db, raw_scores=scores, thumbnail=picture(query.key)
        )
    for near in pack.neighbours:
        yield _Mention(
            near.call,
            name=near.name,
            quality=near.quality,
            snr_db=near.quality.snr_db,
            raw_scores=_raw_score(near.name),
            thumbnail=picture(near.key),
        )
    for prototype in pack.prototypes:
        yield _Mention(prototype.call, thumbnail=picture(prototype.key))
    for step in pack.sequence:
        yield _Mention(
            step.call,
            name=step.name,
            snr_db=step.snr_db,
            raw_scores=_raw_score(step.name),
            thumbnail=picture(step.key),
        )
    for exemplar in pack.exemplars:
        yield _Mention(
            exemplar.call,
            name=exemplar.name,
            quality=exemplar.quality,
            snr_db=exemplar.quality.snr_db,
            raw_scores=_raw_score(exemplar.name),
            thumbnail=picture(exemplar.key),
        )
    for following in pack.followings:
        yield from map(_Mention, following.exemplars)
    for entry in pack.aggregates:
        yield from map(_Mention, entry.exemplars)


def _raw_score(name: CallName | None) -> tuple[tuple[str, float], ...]:
    return () if name is None or name.raw_score is None else ((name.scientific_name, name.raw_score),)
