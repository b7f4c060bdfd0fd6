"""From nouns to rows and back, without loss: what is read equals what was written."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Row

from rab.domain import (
    CallSegment,
    Descriptors,
    Label,
    RecorderNotes,
    Recording,
    Review,
    SignalQuality,
    StoredSegment,
    Taxon,
    TaxonScore,
    Value,
    local_time,
    unit_vector,
)
from rab.errors import InputError, StorageFailed

Fields = dict[str, Any]
"""Values of a row, by column."""

AnyValue = TypeVar("AnyValue", bound=Value)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(since_1970_us: int) -> datetime:
    """Return the instant, in UTC."""
    return _EPOCH + timedelta(microseconds=since_1970_us)


def now_us() -> int:
    """Return the time by this machine's clock."""
    return to_us(datetime.now(UTC))


def read_document(kind: type[AnyValue], document: str) -> AnyValue:
    """Return the noun of a document. Raises `StorageFailed` for one that is none."""
    try:
        return kind.model_validate_json(document)
    except ValidationError as error:
        raise StorageFailed(
            f"the catalog holds a {kind.__name__} that cannot be read: {error.errors()[0]['msg']}",
            hint="it was changed from outside, or by a newer RAB; restore a copy of the catalog",
        ) from error


def recording_fields(recording: Recording) -> Fields:
    """Return the row of a recording."""
    notes = recording.notes
    return {
        **recording.model_dump(exclude={"notes"}),
        "started_at_us": None if notes.started_at is None else to_us(notes.started_at),
        "zone": notes.zone,
        "habitat": notes.habitat,
        **_place_fields(notes),
        "notes": notes.model_dump_json(exclude_none=True),
    }


def _place_fields(notes: RecorderNotes) -> Fields:
    lat_deg, lon_deg = notes.lat_deg, notes.lon_deg
    if lat_deg is None or lon_deg is None:
        return dict.fromkeys(_PLACE)
    return dict(zip(_PLACE, (lat_deg, lon_deg, *unit_vector(lat_deg, lon_deg)), strict=True))


_PLACE = ("lat_deg", "lon_deg", "unit_x", "unit_y", "unit_z")


def recording_of(row: Row[Any]) -> Recording:
    """Return the recording of a row."""
    fields = {name: getattr(row, name) for name in Recording.model_fields if name != "notes"}
    return Recording(**fields, notes=read_document(RecorderNotes, row.notes))


def heard_fields(recording: Recording, t0_ms: float) -> Fields:
    """Return when a segment was heard, absolutely and on the site's clock. Raises `InputError` without such a zone."""
    heard_at = recording.heard_at(t0_ms)
    try:
        local = local_time(heard_at, recording.notes.zone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"{recording.path}: there is no time zone {recording.notes.zone!r}",
            hint="write Europe/Amsterdam or UTC+02:00",
        ) from error
    return {
        "heard_at_us": None if heard_at is None else to_us(heard_at),
        "local_hour": None if local is None else local.hour,
        "local_date": None if local is None else local.date().isoformat(),
    }


def segment_fields(stored: StoredSegment, recording: Recording) -> Fields:
    """Return the row of a segment, without the rows that it belongs to."""
    segment = stored.segment
    return {
        "id": segment.id,
        "channel": segment.channel,
        "t0_ms": segment.t0_ms,
        "t1_ms": segment.t1_ms,
        "low_hz": segment.low_hz,
        "high_hz": segment.high_hz,
        "detection_score": segment.detection_score,
        "human_voice": stored.human_voice,
        **heard_fields(recording, segment.t0_ms),
        **stored.quality.model_dump(),
        "descriptors": stored.descriptors.model_dump_json(exclude_none=True),
    }


def segment_of(
    row: Row[Any], recording: Recording, scores: Sequence[TaxonScore], labels: Sequence[Label]
) -> StoredSegment:
    """Return the segment of a row of `segments`, with its `model` and `cluster_id`."""
    return StoredSegment(
        segment=CallSegment(
            id=row.id,
            recording_id=recording.id,
            channel=row.channel,
            t0_ms=row.t0_ms,
            t1_ms=row.t1_ms,
            embedder=row.model,
            low_hz=row.low_hz,
            high_hz=row.high_hz,
            detection_score=row.detection_score,
        ),
        recording=recording,
        quality=SignalQuality(**{name: getattr(row, name) for name in SignalQuality.model_fields}),
        descriptors=read_document(Descriptors, row.descriptors),
        scores=tuple(scores),
        labels=tuple(labels),
        cluster_id=row.cluster_id,
        human_voice=row.human_voice,
    )


def taxon_of(row: Row[Any]) -> Taxon:
    """Return the taxon of a row of `classes`."""
    return Taxon(scientific_name=row.scientific_name, common_name=row.common_name, group=row.taxon_group or None)


def label_fields(label: Label) -> Fields:
    """Return the row of a label."""
    return {**label.model_dump(exclude={"labelled_at"}), "labelled_at_us": to_us(label.labelled_at)}


def label_of(row: Row[Any]) -> Label:
    """Return the label of a row."""
    return Label(
        segment_id=row.segment_id,
        taxon=row.taxon,
        source=row.source,
        author=row.author,
        labelled_at=from_us(row.labelled_at_us),
        kind=row.kind,
        licence=row.licence,
        provenance=row.provenance,
        pack_id=row.pack_id,
    )


def review_fields(review: Review) -> Fields:
    """Return the row of a review."""
    return {**review.model_dump(exclude={"reviewed_at"}), "reviewed_at_us": to_us(review.reviewed_at)}


def review_of(row: Row[Any]) -> Review:
    """Return the review of a row."""
    fields = {name: getattr(row, name) for name in Review.model_fields if name != "reviewed_at"}
    return Review(**fields, reviewed_at=from_us(row.reviewed_at_us))
