"""Sound and pictures of stored calls, cut from their recordings on demand: the library keeps no copies of audio."""

from rab.audio import clip_wav, read_clip
from rab.audio.picture import labelled_spectrogram_png
from rab.audio.spectrogram import spectrogram
from rab.domain import StoredSegment, Waveform
from rab.workflows.workspace import Workspace

_CONTEXT_MS = 100.0
"""A bat's call lasts 5 ms: even ten times slower, nobody would hear more than a click."""


def hear(workspace: Workspace, segment_id: str) -> Waveform:
    """Return a segment's sound at its native rate; a call that a model found comes with 0.1 s on either side.

    Raises `NotFound` when the segment or its recording's file is gone.
    """
    return sound_of(workspace.catalog.segment(segment_id))


def sound_of(stored: StoredSegment) -> Waveform:
    """Return the sound of a segment whose recording is known, as `hear` does."""
    segment, recording = stored.segment, stored.recording
    context_ms = 0.0 if segment.low_hz is None else _CONTEXT_MS
    t0_ms, t1_ms = max(0.0, segment.t0_ms - context_ms), min(recording.duration_ms, segment.t1_ms + context_ms)
    return read_clip(recording, channel=segment.channel, t0_ms=t0_ms, t1_ms=t1_ms)


def clip(workspace: Workspace, segment_id: str) -> bytes:
    """Return a segment as a 16-bit WAV that browsers play; ultrasound is slowed tenfold."""
    return clip_wav(hear(workspace, segment_id))


def picture(workspace: Workspace, segment_id: str) -> bytes:
    """Return a segment's spectrogram as PNG, with axes in kHz and seconds."""
    return labelled_spectrogram_png(spectrogram(hear(workspace, segment_id)))
