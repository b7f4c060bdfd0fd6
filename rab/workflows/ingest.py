"""Ingest: recordings in, segments out, each file a unit of its own.

A file is read once: windows are cut, measured, described, embedded and named as it streams past. Then its vectors are
stored, and one catalog commit marks it done. A process killed between the two leaves vectors that no search shows and
that the next run writes again under the same ids, so nothing is lost and nothing doubled. A file that fails is listed
with its reason, and the batch goes on; where the storage itself refuses, the files after it are listed unheard.

A file is done for one way of cutting it, one place and one clock. When more is told of a place or a clock, it is heard
again, for what is expected there and what a search by site or hour finds depend on them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.audio import ChannelPolicy, find_audio, read_recording, voices
from rab.audio.spectrogram import spectrogram
from rab.descriptors import describe
from rab.domain import (
    CallSegment,
    Deployment,
    EmbedderCard,
    FileFailure,
    FileSkipped,
    IngestReport,
    Recording,
    SegmentPayload,
    StoredSegment,
    content_id,
    segment_id,
)
from rab.domain.ids import canonical_json
from rab.domain.value import Value
from rab.embedders.base import Embedder, RangeModel
from rab.embedders.scores import taxon_scores, week_of
from rab.errors import NotFound, RabError, StorageFailed
from rab.logs import canonical_line
from rab.quality import measure
from rab.segments import Window, WindowPolicy, windows
from rab.workflows.workspace import Workspace


class IngestPolicy(Value):
    """How recordings are cut and which scores are kept."""

    window: WindowPolicy = WindowPolicy()
    channels: ChannelPolicy = "mix"
    time_expansion: int | None = None
    """None: as the file says."""
    batch: int = Field(default=16, ge=1)
    """Windows embedded in one call."""
    score_floor: float = Field(default=0.05, ge=0, le=1)
    """Raw scores from here are kept, and the three best of every segment in any case."""

    @property
    def fingerprint(self) -> str:
        """Eight characters over everything that changes which segments a recording gives."""
        return content_id(canonical_json(self, exclude={"batch"}))[:8]


@dataclass(frozen=True)
class IngestProgress:
    """Where a batch stands: sent after every batch of windows and every file."""

    path: Path
    n_files_done: int
    n_files: int
    n_bytes_done: float
    n_bytes: int
    audio_ms: float
    """Sound embedded so far, in this run."""


Watch = Callable[[IngestProgress], None]


@dataclass
class _Batch:
    """The running account of one call of `ingest`."""

    files: Sequence[Path]
    watch: Watch
    failures: list[FileFailure] = field(default_factory=list)
    skipped: list[FileSkipped] = field(default_factory=list)
    caveats: dict[str, None] = field(default_factory=dict)
    n_ingested: int = 0
    n_already_done: int = 0
    n_segments: int = 0
    audio_ms: float = 0.0
    n_bytes_done: float = 0.0
    n_files_done: int = 0
    refusal: StorageFailed | None = None
    """What the storage said when it refused; no file is heard after that."""

    def __post_init__(self) -> None:
        self.n_bytes = sum(_size(path) for path in self.files)

    def tell(self, path: Path, part_bytes: float = 0.0) -> None:
        self.watch(
            IngestProgress(
                path=path,
                n_files_done=self.n_files_done,
                n_files=len(self.files),
                n_bytes_done=self.n_bytes_done + part_bytes,
                n_bytes=self.n_bytes,
                audio_ms=self.audio_ms,
            )
        )


def ingest(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    model: str,
    deployments: Sequence[Deployment] = (),
    here: Deployment | None = None,
    policy: IngestPolicy | None = None,
    again: bool = False,
    watch: Watch = lambda _: None,
) -> IngestReport:
    """Take the audio under `paths` into the library and say what became of every file.

    `deployments` are stored and matched to files by their patterns, beside those the catalog knows; `here` is where all
    of these files were recorded, whatever their names. `again` embeds files that are already done. Raises only for what
    concerns the whole batch: no such model, weights missing, another embedding space.
    """
    policy = policy or IngestPolicy()
    started = time.perf_counter()
    with canonical_line("ingest", model=model) as line:
        embedder = workspace.build_embedder(model)
        workspace.store(embedder.card)  # another embedding space is refused before the first file is read
        workspace.catalog.put_deployments(deployments)
        places = (here,) if here is not None else workspace.deployments()
        found, failures = find_audio(paths)
        batch = _Batch(found, watch, failures=list(failures))
        one_file = _FileIngest(workspace, embedder, places, policy, again)
        for path in found:
            batch.tell(path)
            one_file.run(path, batch)
            batch.n_files_done += 1
            batch.n_bytes_done += _size(path)
            batch.tell(path)
        report = _kept(workspace, _report(model, batch, 1000 * (time.perf_counter() - started)))
        line.update(n_files=report.n_files, n_segments=report.n_segments, n_failed=len(report.failures))
    return report


def _report(model: str, batch: _Batch, elapsed_ms: float) -> IngestReport:
    found = set(batch.files)
    named_missing = sum(Path(failure.path) not in found for failure in batch.failures)
    return IngestReport(
        model=model,
        n_files=len(batch.files) + named_missing,
        n_ingested=batch.n_ingested,
        n_already_done=batch.n_already_done,
        n_segments=batch.n_segments,
        audio_ms=batch.audio_ms,
        elapsed_ms=elapsed_ms,
        failures=tuple(one.model_copy(update={"path": str(Path(one.path).absolute())}) for one in batch.failures),
        skipped=tuple(batch.skipped),
        caveats=tuple(batch.caveats),
    )


def _kept(workspace: Workspace, report: IngestReport) -> IngestReport:
    """Keep a report in the catalog; one that the storage refuses is returned with that failure."""
    try:
        workspace.catalog.save_job(report)
    except StorageFailed as error:
        return report.model_copy(update={"failures": (*report.failures, _failure(workspace.home, error))})
    return report


def _failure(path: Path, error: RabError) -> FileFailure:
    return FileFailure(path=str(path), code=error.code, message=error.message, hint=error.hint)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the failure to read it is reported when it is read


@dataclass
class _FileIngest:
    """What stays the same from file to file."""

    workspace: Workspace
    embedder: Embedder
    deployments: Sequence[Deployment]
    policy: IngestPolicy
    again: bool
    range_model: RangeModel | None = None

    def run(self, path: Path, batch: _Batch) -> None:
        """Take one file in; whatever is wrong with it ends in the batch's lists."""
        try:
            if batch.refusal is not None:
                raise batch.refusal
            self._run(path, batch)
        except StorageFailed as error:
            batch.refusal = error
            batch.failures.append(_failure(path, error))
        except RabError as error:
            batch.failures.append(_failure(path, error))

    def _run(self, path: Path, batch: _Batch) -> None:
        card, catalog = self.embedder.card, self.workspace.catalog
        read = read_recording(path, deployments=self.deployments, time_expansion=self.policy.time_expansion)
        recording = self._known(read)
        batch.caveats.update(dict.fromkeys(recording.notes.caveats))
        if recording.sample_rate_hz < card.min_source_rate_hz:
            reason = f"{card.key} needs {card.min_source_rate_hz} Hz, the file has {recording.sample_rate_hz} Hz"
            batch.skipped.append(FileSkipped(path=str(path), reason=reason))
            return
        fingerprint = self._fingerprint(recording)
        if not self.again and catalog.is_done(recording.id, card.space, fingerprint):
            batch.n_already_done += 1
            return
        vectors, segments = self._hear(recording, path, batch)
        known = catalog.segments([one.segment.id for one in segments])
        cluster_of = {one: stored.cluster_id for one, stored in known.items()}
        payloads = [segment_payload(one, card, cluster_of.get(one.segment.id)) for one in segments]
        self.workspace.store(card).upsert(vectors, payloads)
        catalog.commit_recording(recording, card, segments, policy=fingerprint)
        batch.n_ingested += 1
        batch.n_segments += len(segments)

    def _known(self, recording: Recording) -> Recording:
        """Return a recording with all that was ever told of it; one that is known already is found by its new path."""
        catalog = self.workspace.catalog
        try:
            catalog.recording(recording.id)
        except NotFound:
            return recording
        catalog.refresh_recording(recording)
        return catalog.recording(recording.id)

    def _fingerprint(self, recording: Recording) -> str:
        """Return eight characters over all that decides what is kept of a recording, beside its bytes."""
        notes = recording.notes
        told = (recording.site, notes.started_at, notes.zone, notes.lat_deg, notes.lon_deg)
        return content_id("\n".join([self.policy.fingerprint, *map(str, told)]).encode())[:8]

    def _hear(
        self, recording: Recording, path: Path, batch: _Batch
    ) -> tuple[npt.NDArray[np.float32], list[StoredSegment]]:
        """Embed and measure a recording; vectors float32 [n, dim] beside n segments."""
        card = self.embedder.card
        vectors: list[npt.NDArray[np.float32]] = []
        segments: list[StoredSegment] = []
        heard = voices(self.policy.channels, recording.n_channels)
        for number, channel in enumerate(heard):
            for some in _batched(windows(recording, card, self.policy.window, channel), self.policy.batch):
                embedded = self.embedder.embed(np.stack([window.samples for window in some]))
                vectors.append(embedded.embeddings)
                segments.extend(self._segments(recording, channel, some, embedded.logits))
                batch.audio_ms += sum(window.t1_ms - window.t0_ms for window in some)
                fraction = (number + some[-1].t1_ms / recording.duration_ms) / len(heard)
                batch.tell(path, fraction * recording.n_bytes)
        empty = np.zeros((0, card.dim), dtype=np.float32)
        return (np.concatenate(vectors) if vectors else empty), segments

    def _segments(
        self, recording: Recording, channel: int | None, some: Sequence[Window], logits: npt.NDArray[np.float32]
    ) -> Iterator[StoredSegment]:
        card = self.embedder.card
        expected = [self._expected(recording, window.t0_ms) for window in some]
        scored = taxon_scores(logits, self.embedder.taxa, card.key, floor=self.policy.score_floor, expected=expected)
        for window, scores in zip(some, scored, strict=True):
            picture = spectrogram(window.native)
            quality = measure(window.native, picture)
            yield StoredSegment(
                segment=CallSegment(
                    id=segment_id(recording.id, channel, window.t0_ms, window.t1_ms, card.key),
                    recording_id=recording.id,
                    channel=channel,
                    t0_ms=window.t0_ms,
                    t1_ms=window.t1_ms,
                    embedder=card.key,
                ),
                recording=recording,
                quality=quality,
                descriptors=describe(window.native, picture, quality),
                scores=scores,
            )

    def _expected(self, recording: Recording, t_ms: float) -> frozenset[str] | None:
        """Return the species expected there and then (at any time of year where the clock is not known).

        None where the place is not known.
        """
        notes, heard_at = recording.notes, recording.heard_at(t_ms)
        if notes.lat_deg is None or notes.lon_deg is None:
            return None
        if self.range_model is None:
            self.range_model = self.workspace.open_range_model()
        week = None if heard_at is None else week_of(heard_at.date())
        return self.range_model.expected(notes.lat_deg, notes.lon_deg, week)


def segment_payload(stored: StoredSegment, card: EmbedderCard, cluster_id: str | None) -> SegmentPayload:
    """Return what the vector store keeps beside a segment's vector, so that a search can be filtered."""
    local = stored.heard_local
    return SegmentPayload(
        segment_id=stored.segment.id,
        recording_id=stored.recording.id,
        site=stored.recording.site,
        heard_at=stored.heard_at,
        local_hour=None if local is None else local.hour,
        snr_db=stored.quality.snr_db,
        taxa=tuple(
            score.taxon.scientific_name
            for score in stored.scores
            if score.raw_score >= card.score_threshold and score.in_range is not False
        ),
        cluster_id=cluster_id,
    )


def _batched(stream: Iterator[Window], n: int) -> Iterator[list[Window]]:
    while some := list(islice(stream, n)):
        yield some
