"""Made segments: a library whose every field is known because it was written down first.

Real sound seldom differs in all that a filter may ask: the samples have one habitat, no label that was imported, and a
clock that says three o'clock throughout. So segments are made, without sound and without a model, that differ in every
field of the filter language, meet its borders, and pass midnight and the year's end. What each one is stands in a
`Fact` of plain values. It is shelved as an ingest would: in the catalog, in the vector store, and in both again when
clusters and labels come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rab.domain import (
    CallSegment,
    Cluster,
    Clustering,
    Descriptors,
    EmbedderCard,
    Label,
    RecorderNotes,
    Recording,
    SignalQuality,
    StoredSegment,
    Taxon,
    TaxonScore,
    content_id,
    segment_id,
)
from rab.domain.label import LabelSource
from rab.workflows.labelling import keep_labels
from rab.workflows.payloads import segment_payload
from rab.workflows.workspace import Workspace

Floats = npt.NDArray[np.float32]
WINDOW_MS = 3000.0
THRESHOLD = 0.3
"""Raw score from which a made model counts a class as detected."""
SITES = (None, "A", "B", "C, the far one")
HABITATS = (None, "moor", "wet heath")
PLACES = (None, (46.5, 6.2), (46.53, 6.25), (-17.0, 179.5), (-17.2, -179.6), (0.0, 0.0))
"""The second and third lie 5.1 km apart, the fourth and fifth 98 km, on both sides of 180°."""
SPECIES = ("Turdus merula", "Cuculus canorus", "Strix aluco")
LABELS = ("Vox probata", "alarm call")
SOURCES: tuple[LabelSource, ...] = ("human", "imported", "model")
CLUSTERS = ("c1.made", "c2.made", "c3.made")
_SNRS_DB = (None, -5.0, 0.0, 9.99, 10.0, 10.01, 30.0)
_RAW_SCORES = (0.1, 0.2, 0.3, 0.5, 0.6, 0.9)
_N_RECORDINGS, _N_SEGMENTS = 16, 10
_STEP = timedelta(minutes=20)
_DIM = 16


class Clock(NamedTuple):
    """When a recording began: on the wall, how far that was ahead of UTC, and the zone that says so (None: untold)."""

    wall: datetime
    ahead: timedelta
    zone: str | None


def _clock(wall: str, hours: float, zone: str | None) -> Clock:
    return Clock(datetime.fromisoformat(wall), timedelta(hours=hours), zone)


CLOCKS = (
    None,
    _clock("2024-12-31T23:30", 1, "Europe/Zurich"),
    _clock("2025-05-01T03:50", 2, "Europe/Zurich"),
    _clock("2025-05-01T21:40", 9.5, "UTC+09:30"),
    _clock("2025-07-31T23:40", 0, "UTC"),
    _clock("2025-01-15T04:00", 5.5, "UTC+05:30"),
    _clock("2024-02-28T22:40", 0, "UTC"),
    _clock("2025-05-01T05:00", 0, None),
)
"""One passes the year's end, one a leap day's midnight, and one tells no zone, so nothing of its site's clock."""


@dataclass(frozen=True)
class Fact:
    """What a made segment is, in plain values: the truth that every filter's answer is held against."""

    id: str
    recording: str
    model: str
    site: str | None
    habitat: str | None
    place: tuple[float, float] | None
    """Latitude and longitude, degrees."""
    heard: datetime | None
    """UTC."""
    wall: datetime | None
    """The site's clock, without a zone."""
    snr_db: float | None
    scores: Mapping[str, tuple[float, bool | None]]
    """Species → raw score, and whether it is in range."""
    labels: frozenset[tuple[str, str]]
    """Name and source."""
    cluster: str | None
    voice: bool


def made_card(name: str, dim: int = _DIM) -> EmbedderCard:
    """Return the card of a model that does not exist."""
    return EmbedderCard(
        name=name,
        version="1",
        task="birds",
        sample_rate_hz=48_000,
        window_ms=WINDOW_MS,
        hop_ms=WINDOW_MS,
        dim=dim,
        n_classes=len(SPECIES),
        weights_sha256="0" * 64,
        preprocessing="none",
        licence="CC0-1.0",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
        citation="made for evaluation",
        score_threshold=THRESHOLD,
    )


def made_recording(
    name: str, *, site: str | None = None, clock: Clock | None = None, notes: Mapping[str, Any] | None = None
) -> Recording:
    """Return a recording of six hours that has no file."""
    heard = {} if clock is None else {"started_at": (clock.wall - clock.ahead).replace(tzinfo=UTC), "zone": clock.zone}
    return Recording(
        id=content_id(name.encode()),
        path=f"made/{name}.wav",
        n_bytes=100,
        container="WAV",
        sample_rate_hz=48_000,
        n_channels=1,
        n_frames=6 * 3600 * 48_000,
        duration_ms=6 * 3_600_000,
        site=site,
        notes=RecorderNotes.model_validate({**heard, **(notes or {})}),
    )


def made_segment(recording: Recording, model: str, t0_ms: float, snr_db: float | None, **fields: Any) -> StoredSegment:
    """Return a window of a recording, clean but for its SNR; `fields` are others of `StoredSegment`."""
    t1_ms = t0_ms + WINDOW_MS
    return StoredSegment(
        segment=CallSegment(
            id=segment_id(recording.id, None, t0_ms, t1_ms, model),
            recording_id=recording.id,
            t0_ms=t0_ms,
            t1_ms=t1_ms,
            embedder=model,
        ),
        recording=recording,
        quality=SignalQuality(
            snr_db=snr_db,
            snr_unmeasured="no_signal" if snr_db is None else None,
            band_low_hz=1000.0,
            band_high_hz=4000.0,
            noise_floor_dbfs=-60.0,
            peak_dbfs=-6.0,
            clipped_fraction=0.0,
            overlap_fraction=0.0,
            rain=False,
            wind=False,
            silent=False,
        ),
        descriptors=Descriptors(peak_hz=2000.0),
        **fields,
    )


def shelve(workspace: Workspace, card: EmbedderCard, stored: Sequence[StoredSegment], vectors: Floats) -> None:
    """Put segments and their vectors [n, dim] into the catalog and the store."""
    for recording in {one.recording.id: one.recording for one in stored}.values():
        own = [one for one in stored if one.recording.id == recording.id]
        workspace.catalog.commit_recording(recording, card, own, policy="made")
    workspace.store(card).upsert(vectors, [segment_payload(one, card) for one in stored])


def shelve_facts(workspace: Workspace, seed: int) -> list[Fact]:
    """Fill an empty library with segments of two models, and return what each of them is."""
    random = np.random.default_rng(seed)
    found: list[Fact] = []
    cards = (made_card("made-a"), made_card("made-b"))
    segments: list[StoredSegment] = []
    dealt = zip(*(_dealt(random, values) for values in (SITES, HABITATS, PLACES, CLOCKS)), strict=True)
    for number, (site, habitat, place, clock) in enumerate(dealt):
        notes = {"habitat": habitat, **({} if place is None else {"lat_deg": place[0], "lon_deg": place[1]})}
        recording = made_recording(f"night-{number:02d}", site=site, clock=clock, notes=notes)
        for step in range(_N_SEGMENTS):
            model, after = cards[step % 2].key, step * _STEP
            given = {name: _score(random) for name in SPECIES if random.random() < 0.5}
            stored = made_segment(
                recording,
                model,
                after / timedelta(milliseconds=1),
                _one_of(random, _SNRS_DB),
                scores=_taxon_scores(given, model),
                human_voice=bool(random.random() < 0.3),
            )
            segments.append(stored)
            fact = Fact(
                id=stored.segment.id,
                recording=recording.id,
                model=model,
                site=site,
                habitat=habitat,
                place=place,
                heard=None if clock is None else (clock.wall - clock.ahead + after).replace(tzinfo=UTC),
                wall=None if clock is None or clock.zone is None else clock.wall + after,
                snr_db=stored.quality.snr_db,
                scores=given,
                labels=frozenset((name, source) for name in LABELS for source in SOURCES if random.random() < 0.15),
                cluster=_one_of(random, (None, *CLUSTERS)),
                voice=stored.human_voice,
            )
            found.append(fact)
    vectors = random.standard_normal((len(segments), _DIM)).astype(np.float32)
    for at, card in enumerate(cards):
        shelve(workspace, card, segments[at::2], vectors[at::2])
        _cluster(workspace, card, found[at::2])
    _label(workspace, found)
    return found


def _dealt(random: np.random.Generator, values: Sequence[Any]) -> list[Any]:
    """Return a value for each recording, all of them as often as can be, in an order of their own."""
    return [values[at % len(values)] for at in random.permutation(_N_RECORDINGS)]


def _one_of(random: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(random.integers(len(values)))]


def _score(random: np.random.Generator) -> tuple[float, bool | None]:
    return _one_of(random, _RAW_SCORES), _one_of(random, (None, True, False))


def _taxon_scores(given: Mapping[str, tuple[float, bool | None]], model: str) -> tuple[TaxonScore, ...]:
    scores = (
        TaxonScore(
            taxon=Taxon(scientific_name=name, common_name=name, group="bird"),
            logit=raw_score,
            raw_score=raw_score,
            model=model,
            in_range=in_range,
        )
        for name, (raw_score, in_range) in given.items()
    )
    return tuple(sorted(scores, key=lambda one: -one.raw_score))


def _cluster(workspace: Workspace, card: EmbedderCard, facts: Sequence[Fact]) -> None:
    """Keep the clusters of one space, under names of its own: a cluster is of one space."""
    cluster_of = {one.id: cluster_name(one) for one in facts}
    names = sorted({name for name in cluster_of.values() if name is not None})
    members = {name: [one for one, own in cluster_of.items() if own == name] for name in names}
    clusters = tuple(
        Cluster(
            id=name,
            space=card.space,
            n_members=len(own),
            persistence=0.5,
            medoid_id=own[0],
            exemplar_ids=tuple(own[1:3]),
        )
        for name, own in members.items()
    )
    clustering = Clustering(
        id=card.name,
        space=card.space,
        method="made",
        n_segments=len(facts),
        n_unassigned=sum(name is None for name in cluster_of.values()),
        clusters=clusters,
    )
    workspace.store(card).assign_clusters(cluster_of)
    workspace.catalog.save_clustering(clustering, cluster_of)


def cluster_name(fact: Fact) -> str | None:
    """Return the cluster as the library names it: a cluster is of one model."""
    return None if fact.cluster is None else f"{fact.cluster}-{fact.model}"


def _label(workspace: Workspace, facts: Sequence[Fact]) -> None:
    at = datetime(2025, 6, 1, tzinfo=UTC)
    given = [
        Label(segment_id=one.id, taxon=name, source=source, author="evaluation", labelled_at=at)
        for one in facts
        for name in LABELS
        for source in SOURCES
        if (name, source) in one.labels
    ]
    keep_labels(workspace, given)
