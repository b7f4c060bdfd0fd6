"""Report: what a document shows, and the sound and pictures that go with it.

A report computes no evidence. It holds texts whose statements were validated against their Evidence Packs, and what
the ingest could not read; recordings stay where they are, and clips and spectrograms are handed in when it is rendered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rab.domain import FileFailure, FileSkipped, Interpretation, MonitoringSummary, Value
from rab.domain.value import Instant


class RecordingLicence(Value):
    """A licence that stands beside recordings, and the recordings beside which it stands."""

    licence: str
    file_names: tuple[str, ...]


class Report(Value):
    """A monitoring summary with interpretations of its exemplar calls, as one document."""

    schema_version: Literal[1] = 1
    title: str
    created_at: Instant
    """Given, never read from a clock: equal reports give equal bytes."""
    summary: MonitoringSummary
    interpretations: tuple[Interpretation, ...] = ()
    recording_licences: tuple[RecordingLicence, ...] = ()
    """Of those recordings in the document whose licence was written down beside them."""
    caveats: tuple[str, ...] = ()
    """What could not be known of the recordings."""
    failures: tuple[FileFailure, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()


@dataclass(frozen=True)
class CallMedia:
    """A call's sound and its spectrogram; the document draws the axes round the picture."""

    audio: bytes
    png: bytes
    """Spectrogram without axes: time from left to right over `duration_ms`, frequency upwards, linear."""
    low_hz: float
    """Frequency at the lower edge of the picture."""
    high_hz: float
    duration_ms: float
    """Length in the real world, whatever the playback's speed."""
    playback_note: str = ""
    """How the sound differs from what was recorded: `time-expanded ×10`."""
    audio_type: Literal["audio/wav", "audio/flac", "audio/ogg", "audio/mpeg"] = "audio/wav"


@dataclass(frozen=True)
class NoMedia:
    """Why a call has neither sound nor picture in the document."""

    reason: str


Media = Mapping[str, CallMedia | NoMedia]
"""Segment id → what can be heard and seen of it. A call that is not in it is shown in words alone."""
