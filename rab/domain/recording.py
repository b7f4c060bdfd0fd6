"""Recording: one file of sound, known by the sha256 of its bytes.

A renamed copy is the same recording; an edited one is another. Times inside a recording are milliseconds of the real
world: a time-expanded bat file is as long as the bat's flight past, not as its slowed playback, and its sample rate is
the true one.
"""

from datetime import datetime, timedelta

from pydantic import Field

from rab.domain.value import Degrees, Instant, Ms, Value


class RecorderNotes(Value):
    """What the recorder wrote into the file: GUANO, an AudioMoth comment, the file's name.

    `caveats` are sentences about what could not be known, such as a clock whose zone nobody stated.
    """

    started_at: Instant | None = None
    zone: str | None = None
    """IANA name, or a fixed offset such as `UTC+02:00`; None when the file does not say."""
    lat_deg: Degrees | None = None
    lon_deg: Degrees | None = None
    habitat: str | None = None
    """What grows there, as the deployments table calls it."""
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    temperature_c: float | None = None
    battery_v: float | None = None
    gain: str | None = None
    time_expansion: int = Field(default=1, ge=1)
    sources: tuple[str, ...] = ()
    """Which of `guano`, `audiomoth`, `file_name`, `deployment` contributed."""
    caveats: tuple[str, ...] = ()


class Recording(Value):
    """One file of sound. `sample_rate_hz`, `n_frames` and `duration_ms` are those of the real world."""

    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    path: str
    """Where the bytes were last seen; the one field that is not content."""
    n_bytes: int
    container: str
    sample_rate_hz: int = Field(gt=0)
    n_channels: int = Field(gt=0)
    n_frames: int
    duration_ms: Ms
    site: str | None = None
    notes: RecorderNotes = RecorderNotes()

    @property
    def file_name(self) -> str:
        """The last part of the path, whichever slash it was written with."""
        return self.path.replace("\\", "/").rsplit("/", 1)[-1]

    def heard_at(self, t_ms: float) -> datetime | None:
        """Return the absolute time of an offset, or None when the recording's start is not known."""
        start = self.notes.started_at
        return None if start is None else start + timedelta(milliseconds=t_ms)
