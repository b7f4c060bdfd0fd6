"""Reading: a file becomes batches of windows, for each model that is still to hear it.

It runs in readers' threads, ahead of those that listen. What a model cannot hear, or has heard before, costs the header
and the hash of the file's bytes, and no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from pydantic import Field

from rab.audio import ChannelPolicy, read_recording, voices
from rab.audio.night import NightPolicy, NightShare, night_share
from rab.domain import Deployment, EmbedderCard, FileSkipped, Recording, content_id
from rab.domain.ids import canonical_json
from rab.domain.value import Db, Value
from rab.embedders.scores import PrivacyPolicy, ScorePolicy
from rab.errors import NotFound
from rab.segments import Cut, WindowPolicy, cuts
from rab.workflows.listening import Batch
from rab.workflows.workspace import Workspace

_MAX_BATCH_BYTES = 24 << 20
"""Samples in one batch. 8 windows of birds take 9 MB; of bats, at 500 kHz, two windows 18."""

_UNJUDGED = "Bats were looked for at all hours in recordings whose place or clock is not known."


class IngestPolicy(Value):
    """How recordings are cut and which scores are kept."""

    window: WindowPolicy = WindowPolicy()
    channels: ChannelPolicy = "mix"
    time_expansion: int | None = None
    """None: as the file says."""
    batch: int = Field(default=8, ge=1)
    """Windows embedded in one call, at most."""
    scores: ScorePolicy = ScorePolicy()
    privacy: PrivacyPolicy = PrivacyPolicy()
    night: NightPolicy = NightPolicy()
    """When bats are looked for; other animals always are."""
    snr_floor_db: Db | None = None
    """Segments with less SNR, or with none that could be measured, are counted and not embedded."""

    @property
    def fingerprint(self) -> str:
        """Eight characters over everything that changes which segments a recording gives."""
        return content_id(canonical_json(self, exclude={"batch"}))[:8]


@dataclass(frozen=True)
class Opened:
    """A file whose header was read: what it is, and which models are still to hear it."""

    recording: Recording
    is_known: bool
    """Whether the catalog had it before."""
    fingerprint: str
    """Eight characters over all that decides what is kept of it, beside its bytes."""
    channels: tuple[int | None, ...] = ()
    wanted: tuple[int, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()
    caveats: tuple[str, ...] = ()
    is_second: bool = False
    """Whether the same bytes stand earlier in the batch, and are perhaps not stored yet."""


@dataclass(frozen=True)
class PassedOver:
    """Windows of a file that no model heard, because they lie outside the hours of activity."""

    n_windows: int


@dataclass
class Reading:
    """How files become batches of windows: the same from file to file. Serves several readers at once."""

    workspace: Workspace
    cards: Sequence[EmbedderCard]
    deployments: Sequence[Deployment]
    policy: IngestPolicy
    again: bool
    _opening: Lock = field(default_factory=Lock)
    _seen: set[str] = field(default_factory=set)

    def read(self, path: Path) -> Iterator[Opened | Batch | PassedOver]:
        """Yield what a file is, then the windows of all models that are to hear it, in batches."""
        read = read_recording(path, deployments=self.deployments, time_expansion=self.policy.time_expansion)
        with self._opening:
            is_second = read.id in self._seen
            self._seen.add(read.id)
        if is_second:
            yield Opened(read, is_known=False, fingerprint="", is_second=True)
            return
        yield from self.read_on(read)

    def read_on(self, read: Recording) -> Iterator[Opened | Batch | PassedOver]:
        """Yield the same for a recording whose header was read."""
        opened = self._opened(read)
        yield opened
        if not opened.wanted:
            return
        cards = [self.cards[one] for one in opened.wanted]
        n_passed_over = 0

        def active(stream: Iterator[Cut]) -> Iterator[Cut]:
            nonlocal n_passed_over
            for cut in stream:
                is_active = self._is_active(opened.recording, cards[cut.model], cut.window.t0_ms, cut.window.t1_ms)
                n_passed_over += not is_active
                if is_active:
                    yield cut

        for batch in self._batches(active(cuts(opened.recording, cards, self.policy.window, opened.channels))):
            first = batch[0]
            windows = tuple(cut.window for cut in batch)
            yield Batch(opened.recording, opened.wanted[first.model], first.channel, windows)
        yield PassedOver(n_passed_over)

    def _is_active(self, recording: Recording, card: EmbedderCard, t0_ms: float, t1_ms: float) -> bool:
        """Return whether a model is to hear this; what cannot be judged is heard."""
        return self._share(recording, card, t0_ms, t1_ms) != "none"

    def _share(
        self, recording: Recording, card: EmbedderCard, t0_ms: float = 0.0, t1_ms: float | None = None
    ) -> NightShare | None:
        """Return how much of a stretch lies in a model's hours; None where place or clock is not known."""
        if card.task != "bats":
            return "wholly"
        place = recording.notes.lat_deg, recording.notes.lon_deg
        end_ms = recording.duration_ms if t1_ms is None else t1_ms
        return night_share(recording.heard_at(t0_ms), recording.heard_at(end_ms), place, self.policy.night)

    def _opened(self, read: Recording) -> Opened:
        recording, is_known = self._known(read)
        fingerprint = self._fingerprint(recording)
        channels = voices(self.policy.channels, recording.n_channels)
        wanted, skipped = [], []
        for number, card in enumerate(self.cards):
            if recording.sample_rate_hz < card.min_source_rate_hz:
                reason = f"{card.key} needs {card.min_source_rate_hz} Hz, the file has {recording.sample_rate_hz} Hz"
                skipped.append(FileSkipped(path=recording.path, model=card.key, reason=reason))
            elif not self._is_active(recording, card, 0.0, recording.duration_ms):
                reason = f"{card.key} listens at night, and the recording was made by day"
                skipped.append(FileSkipped(path=recording.path, model=card.key, reason=reason))
            elif self.again or not self.workspace.catalog.is_done(recording.id, card.space, fingerprint):
                wanted.append(number)
        caveats = (_UNJUDGED,) if any(self._share(recording, self.cards[one]) is None for one in wanted) else ()
        return Opened(recording, is_known, fingerprint, channels, tuple(wanted), tuple(skipped), caveats)

    def _known(self, read: Recording) -> tuple[Recording, bool]:
        """Return a recording with all that was ever told of it; one that is known already is found by its new path."""
        catalog = self.workspace.catalog
        try:
            catalog.recording(read.id)
        except NotFound:
            return read, False
        catalog.refresh_recording(read)
        return catalog.recording(read.id), True

    def _fingerprint(self, recording: Recording) -> str:
        notes = recording.notes
        told = (recording.site, notes.started_at, notes.zone, notes.lat_deg, notes.lon_deg)
        return content_id("\n".join([self.policy.fingerprint, *map(str, told)]).encode())[:8]

    def _batches(self, stream: Iterator[Cut]) -> Iterator[list[Cut]]:
        """Gather cuts of one model and channel until they are as many as one call takes."""
        waiting: dict[tuple[int, int | None], list[Cut]] = {}
        for cut in stream:
            batch = waiting.setdefault((cut.model, cut.channel), [])
            batch.append(cut)
            n_bytes = cut.window.samples.nbytes + cut.window.native.samples.nbytes
            if len(batch) >= min(self.policy.batch, max(1, _MAX_BATCH_BYTES // n_bytes)):
                yield waiting.pop((cut.model, cut.channel))
        yield from waiting.values()
