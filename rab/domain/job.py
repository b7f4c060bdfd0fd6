"""IngestReport: what became of every file of a batch: done, skipped, or failed with a reason. Silence is a defect."""

from typing import Literal

from rab.domain.value import Value


class FileFailure(Value):
    """A file that could not be taken in: what is wrong and what to do."""

    path: str
    code: str
    message: str
    hint: str


class FileSkipped(Value):
    """A file that a model left out on purpose."""

    path: str
    model: str
    reason: str


class IngestReport(Value):
    """What became of a batch."""

    models: tuple[str, ...]
    n_files: int
    n_ingested: int
    """Files that at least one model newly heard."""
    n_already_done: int
    """Files that every model asked for had heard before."""
    n_segments: int
    """Segments newly stored."""
    n_below_snr_floor: int = 0
    """Segments that were measured and counted, not embedded."""
    n_outside_activity: int = 0
    """Windows outside the hours of activity: not embedded."""
    n_human_voice: int = 0
    """Segments in which people are heard."""
    privacy: Literal["drop", "flag", "off"] = "flag"
    """What became of those: not stored, stored with a flag, or not looked for."""
    audio_ms: float
    """Sound newly taken in; overlapping windows and several models count it once."""
    elapsed_ms: float
    failures: tuple[FileFailure, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()
    caveats: tuple[str, ...] = ()
    """What could not be known of the recordings, each once: clocks without a zone and the like."""
