"""Sound and pictures of stored calls, cut from their recordings on demand: the library keeps no copies of audio."""

from rab.audio import clip_wav, read_clip
from rab.audio.picture import labelled_spectrogram_png
from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform
from rab.workflows.workspace import Workspace


def hear(workspace: Workspace, segment_id: str) -> Waveform:
    """Return a segment's sound at its native rate.

    Raises `NotFound` when the segment or its recording's file is gone.
    """
    stored = workspace.catalog.segment(segment_id)
    segment = stored.segment
    return read_clip(stored.recording, channel=segment.channel, t0_ms=segment.t0_ms, t1_ms=segment.t1_ms)


def clip(workspace: Workspace, segment_id: str) -> bytes:
    """Return a segment as a 16-bit WAV that browsers play; ultrasound is slowed tenfold."""
    return clip_wav(hear(workspace, segment_id))


def picture(workspace: Workspace, segment_id: str) -> bytes:
    """Return a segment's spectrogram as PNG, with axes in kHz and seconds."""
    return labelled_spectrogram_png(spectrogram(hear(workspace, segment_id)))
