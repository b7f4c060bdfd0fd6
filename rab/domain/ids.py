"""Ids are content-addressed: the same sound has the same id on every machine, so ingesting twice changes nothing."""

import hashlib
import json
import uuid

from rab.domain.value import Value

_POINTS = uuid.UUID("5f0c7a52-6c1e-5d0b-9a53-6b1d5c1f8d10")
"""Namespace of point ids; any fixed value serves, and changing it would orphan every stored point."""


def canonical_json(value: Value, *, exclude: set[str] | None = None) -> bytes:
    """Return `value` as JSON with sorted keys and no spaces: equal values give equal bytes."""
    content = value.model_dump(mode="json", exclude=exclude)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_id(content: bytes) -> str:
    """Return the sha256 of `content` in hexadecimal, 64 characters."""
    return hashlib.sha256(content).hexdigest()


def segment_id(
    recording_id: str, channel: int | None, t0_ms: float, t1_ms: float, embedder: str, *, low_hz: float | None = None
) -> str:
    """Return the id of a span of a recording as one embedder cuts it: 32 hexadecimal characters.

    `embedder` is `EmbedderCard.key`: two models that cut the same span own two segments. `low_hz` is where a call that
    was found begins: two animals that call at the same time, one above the other, are two segments.
    """
    voice = "mix" if channel is None else str(channel)
    band = "" if low_hz is None else f":{low_hz:.1f}"
    return content_id(f"{recording_id}:{voice}:{t0_ms:.3f}:{t1_ms:.3f}:{embedder}{band}".encode())[:32]


def point_id(segment: str) -> str:
    """Return the vector store's id of a segment: a UUID, which Qdrant asks for."""
    return str(uuid.uuid5(_POINTS, segment))
