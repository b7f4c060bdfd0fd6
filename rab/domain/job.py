"""IngestReport: what became of every file of a batch: done, skipped, or failed with a reason. Silence is a defect."""

from rab.domain.value import Value


class FileFailure(Value):
    """A file that could not be taken in: what is wrong and what to do."""

    path: str
    code: str
    message: str
    hint: str


class FileSkipped(Value):
    """A file that was left out on purpose."""

    path: str
    reason: str


class IngestReport(Value):
    """What became of a batch."""

    model: str
    n_files: int
    n_ingested: int
    n_already_done: int
    n_segments: int
    """Segments newly stored."""
    audio_ms: float
    """Sound newly embedded."""
    elapsed_ms: float
    failures: tuple[FileFailure, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()
    caveats: tuple[str, ...] = ()
    """What could not be known of the recordings, each once: clocks without a zone and the like."""
