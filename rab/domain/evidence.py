"""EvidencePack: a frozen, content-addressed record of everything that a statement may cite.

Entries have short keys: `q` the query, `n1…` neighbours, `p1…` prototypes, `s-2…s+2` sequence steps, `f1…` what
usually comes before and after, `t1…` taxon scores, `h1…` contrasts that a screen found, `e1…` exemplar calls of their
groups, `a1…` aggregates. The pack's id is the sha256 of its canonical JSON. A full item id is the key with
the pack's salt, the id's first four characters (`n1.38d0`): an id copied from another pack is detectable.

Thumbnails travel with a pack but are not part of its id: a picture's bytes depend on the compression library of the
machine that drew it, and everything needed to draw it again stands in the entry.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, Self, get_args

from pydantic import Field, ModelWrapValidatorHandler, computed_field, model_validator

from rab.domain.calibration import CalibrationRef, Withheld
from rab.domain.descriptors import Descriptors
from rab.domain.embedding import ModelCredit
from rab.domain.filter import SegmentFilter
from rab.domain.ids import canonical_json, content_id
from rab.domain.quality import SignalQuality
from rab.domain.sequence import Succession
from rab.domain.taxon import TaxonScore
from rab.domain.value import Db, Fraction, Hz, Instant, Ms, Similarity, Value

_KEY = re.compile(r"[a-z]{1,2}[+-]?\d{0,9}", re.ASCII)
NameSource = Literal["human", "imported", "model"]


class CallRef(Value):
    """A durable link to a call: which bytes, which span, where and when. Anyone with the file can play it."""

    segment_id: str
    recording_id: str
    """sha256 of the audio file."""
    file_name: str
    channel: int | None
    t0_ms: Ms
    t1_ms: Ms
    site: str | None = None
    heard_at: Instant | None = None
    zone: str | None = None


class CallName(Value):
    """What a call is said to be, and who says so. A model's name carries its raw score."""

    scientific_name: str
    common_name: str
    source: NameSource
    by: str
    """Author of the label, or the classifier's key."""
    raw_score: Fraction | None = None
    licence: str | None = None
    """Terms under which a labelled exemplar came, where they were told."""
    provenance: str | None = None
    """Collection and row that an imported label came from."""


class QueryEntry(Value):
    """The call in question."""

    key: Literal["q"] = "q"
    call: CallRef
    quality: SignalQuality
    descriptors: Descriptors
    novelty: Fraction | None = None
    """Share of the library that lies less far out than this call; None before a clustering has placed it."""
    names: tuple[CallName, ...] = ()
    """What people label this very call, newest first; they name it for no neighbour and no vote."""
    rejected_taxa: tuple[str, ...] = ()
    """Scientific names that people say it does not bear."""
    low_hz: Hz | None = None
    high_hz: Hz | None = None
    """The band of a call that the model found, or that a person selected; None where a window is a segment."""
    cluster_id: str | None = None
    """The cluster that it lies in; None where it lies in none, and before a clustering has placed it."""
    is_placed: bool = False
    """Whether a clustering has placed it, in a cluster or in none."""


class NeighbourEntry(Value):
    """A call that lies near the query in the embedding space."""

    key: str
    call: CallRef
    similarity: Similarity
    quality: SignalQuality
    descriptors: Descriptors
    name: CallName | None = None
    cluster_id: str | None = None
    n_copies: int = 0
    """Files that hold the same sound, beside this call's own."""
    call_types: tuple[str, ...] = ()
    """What people label its type of call, in their words, sorted; never a model's word."""
    is_in_same_position: bool = False
    """Whether, where its type is labelled, the clusters just before and after it are those beside the query."""


class NameCount(Value):
    """How many members of a cluster bear a name."""

    scientific_name: str
    common_name: str
    n_members: int


class PrototypeEntry(Value):
    """The medoid of a cluster near the query; where the query is the medoid, the nearest other call known of it."""

    key: str
    call: CallRef
    cluster_id: str
    similarity: Similarity
    """Cosine between the query and that call."""
    n_members: int
    names: tuple[NameCount, ...] = ()
    descriptors: Descriptors = Descriptors()


class SequenceStep(Value):
    """A segment before (negative offset) or after (positive) the query on the same voice of the same recording."""

    key: str
    offset: int
    gap_ms: Ms
    """From the end of the earlier segment to the start of the later one; negative when they overlap."""
    call: CallRef
    name: CallName | None = None
    cluster_id: str | None = None
    snr_db: Db | None = None


class FollowingEntry(Succession):
    """What usually sounds before or after calls like the query, which lies in `cluster_id`."""

    key: str
    exemplars: tuple[CallRef, ...] = ()
    """Two calls of each example, in the order of time."""


class TaxonScoreEntry(Value):
    """What a classifier thinks of the query, or a probe that was taught in this library (`probe:NAME`)."""

    key: str
    score: TaxonScore
    probability: Fraction | None = None
    """Calibrated: by labels of the library, where `calibration` says which, else among the classes of a probe."""
    calibration: CalibrationRef | None = None
    """What the probability rests on; None for a probe, and for a raw score."""
    withheld: Withheld | None = None
    """Why the library's calibration gives no probability; None where it does, or where there is none at all."""


class AggregateEntry(Value):
    """A figure of a summary: its value and unit, over what it was counted, and the segments behind it."""

    key: str
    name: str
    """What was counted: `effort_hours`, `detections`, `low_snr_share`."""
    group: str | None = None
    """Of whom: a taxon's scientific name, a site, an hour `05`; None for the whole."""
    group_words: str | None = None
    """The group as people say it: the common name, "05:00–06:00"."""
    value: float
    unit: str
    decimals: int = Field(default=0, ge=0, le=4)
    denominator: float | None = None
    denominator_unit: str | None = None
    basis: str
    """How it was counted, in words, with thresholds: what makes the figure repeatable."""
    rows_sha256: str
    """sha256 over the ids and values that were aggregated."""
    exemplars: tuple[CallRef, ...] = ()
    exemplar_raw_scores: tuple[Fraction, ...] = ()
    """The group's raw score on each exemplar, in their order; empty where the figure is not of a taxon."""
    exemplar_snr_db: tuple[Db | None, ...] = ()
    """SNR of each exemplar, in their order; empty where nobody asked."""

    @model_validator(mode="after")
    def _figures_match_exemplars(self) -> Self:
        for figures in (self.exemplar_raw_scores, self.exemplar_snr_db):
            if figures and len(figures) != len(self.exemplars):
                raise ValueError(f"{len(figures)} figures stand beside {len(self.exemplars)} exemplars")
        return self


Family = Literal[
    "site_contrast",
    "diel_shift",
    "sequence_change",
    "noise_response",
    "seasonal_onset",
    "novelty_hotspot",
    "sensor_artefact",
    "model_disagreement",
    "co_occurrence",
]
"""What a screen looks for."""
FAMILIES: tuple[Family, ...] = get_args(Family)


class NamedTaxon(Value):
    """A taxon as a contrast names it."""

    scientific_name: str
    common_name: str


class ContrastEntry(Value):
    """A contrast that a screen found: what differs between what, and how to look again. Its figures are aggregates."""

    key: str
    family: Family
    direction: Literal["more", "less"]
    """Whether the first group has more of what was measured than the other."""
    measure: str
    """What was measured on each unit: `peak_hz`, `calls_per_hour`, `novel_share`."""
    unit: str
    """What counts as one observation: `recorder-days`, `recordings`."""
    cluster_id: str | None = None
    other_cluster_id: str | None = None
    taxon: NamedTaxon | None = None
    other_taxon: NamedTaxon | None = None
    site: str | None = None
    local_hours: tuple[int, ...] = ()
    """Hours of the site's clock, one after the other."""
    date: str | None = None
    """Day from which the first group is counted."""
    figure: str | None = None
    """What changed at a recorder."""
    beside: str
    """What else was measured on each unit, and could be why: `noise_floor_dbfs`, `snr_db`."""
    named_by: str | None = None
    """Who gave the names that the classifier's are held against."""
    where: SegmentFilter = SegmentFilter()
    """The segments with which the question can be looked at again."""
    command: str
    """The same as a command that RAB runs."""


class ExemplarEntry(Value):
    """A call that stands for a group of a contrast, to be heard."""

    key: str
    contrast: str
    """Key of the contrast."""
    group: Literal["here", "there", "contrary"]
    """The group that it stands for; `contrary`: of the first group, and like the other."""
    call: CallRef
    quality: SignalQuality
    name: CallName | None = None
    cluster_id: str | None = None


class DepthDecision(Value):
    """How many neighbours were asked for, and why."""

    k: int
    k_base: int
    species_claims_supported: bool
    reasons: tuple[str, ...]
    unsupported_by: Literal["length", "signal", "vote"] | None = None
    """What speaks against claims on species: a window that the sound hardly fills, the signal itself, or neighbours
    that do not agree clearly enough."""
    n_kept: int | None = None
    """Neighbours that weigh enough to be kept; None before the search."""
    confidence: Fraction | None = None
    """How often the neighbours' vote is right when it is as clear as here; None before the search."""


class LibraryFacts(Value):
    """What was searched: evidence from twelve calls weighs otherwise than evidence from a million."""

    space: str
    n_segments: int
    n_recordings: int
    n_sites: int
    filter_words: str
    """The filter in force, in words; `everything` without one."""


class EvidencePack(Value):
    """Everything that a statement may cite. Segment packs have a query; summary packs have aggregates."""

    schema_version: Literal[1] = 1
    kind: Literal["segment", "summary", "hypotheses"]
    subject: str
    """The segment's id, or the question in words (`site=A12 2025-05-03…2025-05-04`)."""
    library: LibraryFacts
    models: tuple[ModelCredit, ...]
    query: QueryEntry | None = None
    depth: DepthDecision | None = None
    neighbours: tuple[NeighbourEntry, ...] = ()
    prototypes: tuple[PrototypeEntry, ...] = ()
    sequence: tuple[SequenceStep, ...] = ()
    followings: tuple[FollowingEntry, ...] = ()
    taxon_scores: tuple[TaxonScoreEntry, ...] = ()
    contrasts: tuple[ContrastEntry, ...] = ()
    exemplars: tuple[ExemplarEntry, ...] = ()
    aggregates: tuple[AggregateEntry, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know of the gathering: clocks without a zone, files that failed."""
    thumbnails: dict[str, str] = Field(default_factory=dict)
    """Entry key → PNG in base64. Not part of the pack's id."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own form
    @cached_property
    def pack_id(self) -> str:
        """sha256 of the canonical JSON without the thumbnails and without this id."""
        return content_id(canonical_json(self, exclude={"thumbnails", "pack_id"}))

    @model_validator(mode="wrap")
    @classmethod
    def _seal_holds(cls, content: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse a printed pack whose content no longer gives its id."""
        printed = content.get("pack_id") if isinstance(content, dict) else None
        if printed is None:
            return build(content)
        pack = build({name: value for name, value in content.items() if name != "pack_id"})
        if pack.pack_id != printed:
            raise ValueError(f"the pack was changed after it was sealed: {printed} is not {pack.pack_id}")
        return pack

    @model_validator(mode="after")
    def _keys_name_one_entry(self) -> Self:
        """Refuse a pack of which an id could mean two entries, or none that can be printed."""
        keys = [entry.key for entry in self._entries()]
        if len(set(keys)) < len(keys) or not all(_KEY.fullmatch(key) for key in keys):
            raise ValueError("entries of a pack need keys of their own: a letter or two, and a number")
        return self

    @property
    def salt(self) -> str:
        """The first four characters of the pack's id."""
        return self.pack_id[:4]

    def item_id(self, key: str) -> str:
        """Return a key's full, citable id."""
        return f"{key}.{self.salt}"

    @cached_property
    def items(self) -> "dict[str, PackItem]":
        """Full id → entry, of all that may be cited, in the pack's order."""
        return {self.item_id(item.key): item for item in self._entries()}

    @property
    def calls(self) -> dict[str, CallRef]:
        """Key → call, of every entry that is a call: the query, neighbours, prototypes, sequence, exemplars."""
        calls: dict[str, CallRef] = {} if self.query is None else {self.query.key: self.query.call}
        calls |= {entry.key: entry.call for entry in self.neighbours}
        calls |= {entry.key: entry.call for entry in self.prototypes}
        calls |= {entry.key: entry.call for entry in self.sequence}
        return calls | {entry.key: entry.call for entry in self.exemplars}

    def _entries(self) -> "Iterator[PackItem]":
        if self.query is not None:
            yield self.query
        yield from self.neighbours
        yield from self.prototypes
        yield from self.sequence
        yield from self.followings
        yield from self.taxon_scores
        yield from self.contrasts
        yield from self.exemplars
        yield from self.aggregates


PackItem = (
    QueryEntry
    | NeighbourEntry
    | PrototypeEntry
    | SequenceStep
    | FollowingEntry
    | TaxonScoreEntry
    | ContrastEntry
    | ExemplarEntry
    | AggregateEntry
)
