"""Ingest: recordings in, segments out, each file a unit of its own.

A file is decoded once, for all the models that are to hear it. Reader threads cut windows ahead of the workers, which
measure, embed and name them; this thread stores what comes back, in the order of the files. Vectors go to the store as
they come, a few hundred at a time, and a catalog commit then marks each file done for each model. A process killed
between the two leaves vectors that no search shows and that the next run writes again under the same ids, so nothing is
lost and nothing doubled. A file that fails is listed with its reason, and the batch goes on; where the storage itself
refuses, the files after it are listed unheard.

A file is done for one way of cutting it, one place and one clock. When more is told of a place or a clock, it is heard
again, for what is expected there and what a search by site or hour finds depend on them.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rab.audio import find_audio, started_at
from rab.domain import Deployment, EmbedderCard, FileFailure, FileSkipped, IngestReport
from rab.embedders.scores import PrivacyMode
from rab.errors import RabError, SpaceMismatch, StorageFailed
from rab.logs import canonical_line
from rab.store.standing import Settling
from rab.workflows.clustering import assign_new
from rab.workflows.listening import Batch, Heard, Listener
from rab.workflows.pipeline import in_order
from rab.workflows.reading import IngestPolicy, Opened, PassedOver, Reading
from rab.workflows.shelf import Shelf
from rab.workflows.workspace import Workspace

__all__ = ["IngestPolicy", "IngestProgress", "ProcessingOrder", "Watch", "ingest"]

ProcessingOrder = Literal["path", "oldest", "newest"]
"""Which files are heard first: by their paths, or by when they were recorded, those without a clock last."""

_N_WORKERS_A_READER = 4
"""Reading a window takes a fifth of the time that hearing it takes."""

_N_NAMED = 3
"""Files that a note names at most."""


@dataclass(frozen=True)
class IngestProgress:
    """Where a batch stands: sent after every batch of windows and every file."""

    path: Path
    n_files_done: int
    n_files: int
    n_bytes_done: float
    n_bytes: int
    audio_ms: float
    """Sound taken in so far, in this run."""


Watch = Callable[[IngestProgress], None]


def ingest(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    models: Sequence[str],
    deployments: Sequence[Deployment] = (),
    here: Deployment | None = None,
    policy: IngestPolicy | None = None,
    order: ProcessingOrder = "path",
    n_threads: int | None = None,
    again: bool = False,
    watch: Watch = lambda _: None,
) -> IngestReport:
    """Take the audio under `paths` into the library and say what became of every file.

    `deployments` are stored and matched to files by their patterns, beside those the catalog knows; `here` is where all
    of these files were recorded, whatever their names. `n_threads` None takes one worker per core. `again` hears files
    that are already done. Raises only for what concerns the whole batch: no such model, weights missing, another
    embedding space.
    """
    policy = policy or IngestPolicy()
    n_workers = n_threads or os.cpu_count() or 1
    started = time.perf_counter()
    with canonical_line("ingest", models=",".join(models)) as line:
        workspace.catalog.put_deployments(deployments)
        places = (here,) if here is not None else workspace.deployments()
        listeners = _listeners(workspace, models, policy, again)
        reading = Reading(workspace, [one.card for one in listeners], places, policy, again)
        found, failures = find_audio(paths)
        account = _Account(_ordered(found, order, places), watch, policy.privacy.mode, failures=list(failures))
        _Taking(workspace, reading, listeners, account).take_all(n_workers)
        account.caveats.update(dict.fromkeys(caveat for one in listeners for caveat in one.caveats()))
        if policy.night.is_on and not any(one.card.task == "bats" for one in listeners):
            account.caveats["The hours of activity are those of bats, and no model of bats was asked."] = None
        elapsed_ms = 1000 * (time.perf_counter() - started)
        _place(workspace, listeners, account)
        report = _kept(workspace, account.report(models, elapsed_ms))
        line.update(n_files=report.n_files, n_segments=report.n_segments, n_failed=len(report.failures))
    return report


def _listeners(workspace: Workspace, models: Sequence[str], policy: IngestPolicy, again: bool) -> tuple[Listener, ...]:
    listeners = []
    for key in dict.fromkeys(models):
        listener = Listener(
            workspace.build_embedder(key),
            workspace.open_ranges,
            scores=policy.scores,
            privacy=policy.privacy,
            snr_floor_db=policy.snr_floor_db,
        )
        if not again:
            require_known_space(workspace, listener.card)
        workspace.store(listener.card)
        listeners.append(listener)
    mismatches = [one.mismatch for one in listeners if one.mismatch is not None]
    if mismatches and len(mismatches) == len(listeners):
        raise mismatches[0]
    return tuple(listeners)


def require_known_space(workspace: Workspace, card: EmbedderCard) -> None:
    """Raise `SpaceMismatch` where the library was filled by other weights or preprocessing of the same model."""
    known = workspace.catalog.card(card.key)
    if known is not None and known.fingerprint != card.fingerprint:
        raise SpaceMismatch(
            f"this library was filled by {card.key} with fingerprint {known.fingerprint}, and what is installed has "
            f"{card.fingerprint}: their vectors do not compare",
            hint="use the weights that filled it, or another data directory (--home); `--again` over all recordings "
            "replaces what it holds",
        )


def _ordered(files: Sequence[Path], order: ProcessingOrder, places: Sequence[Deployment]) -> Sequence[Path]:
    if order == "path":
        return files
    clocks = {path: started_at(path, deployments=places) for path in files}
    known = sorted((clock, path) for path, clock in clocks.items() if clock is not None)
    in_time = [path for _, path in (reversed(known) if order == "newest" else known)]
    return [*in_time, *(path for path, clock in clocks.items() if clock is None)]


def _place(workspace: Workspace, listeners: Sequence[Listener], account: "_Account") -> None:
    """Give new segments their place among the clusters that there are, and wait for what makes searches fast."""
    if account.n_segments == 0:
        return
    for listener in listeners:
        store = workspace.store(listener.card)
        if isinstance(store, Settling):
            store.settle()
        try:
            assign_new(workspace, model=listener.card.key)
        except RabError as error:
            account.caveats[f"New segments are in no cluster yet ({error.message}); run `rab cluster`."] = None


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
class _Account:
    """The running account of one call of `ingest`."""

    files: Sequence[Path]
    watch: Watch
    privacy: PrivacyMode
    failures: list[FileFailure] = field(default_factory=list)
    skipped: list[FileSkipped] = field(default_factory=list)
    caveats: dict[str, None] = field(default_factory=dict)
    """Of the batch as a whole, each once."""
    files_of: dict[str, list[Path]] = field(default_factory=dict)
    """The files that each of the other caveats is about."""
    n_files_read: int = 0
    n_ingested: int = 0
    n_already_done: int = 0
    n_segments: int = 0
    n_below_snr_floor: int = 0
    n_outside_activity: int = 0
    n_human_voice: int = 0
    audio_ms: float = 0.0
    n_bytes_done: float = 0.0
    n_files_done: int = 0

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

    def note(self, path: Path, caveats: Sequence[str]) -> None:
        """Take down a file that was read, and what must be said of it."""
        self.n_files_read += 1
        for caveat in dict.fromkeys(caveats):
            self.files_of.setdefault(caveat, []).append(path)

    def end_file(self, path: Path) -> None:
        self.n_files_done += 1
        self.n_bytes_done += _size(path)
        self.tell(path)

    def report(self, models: Sequence[str], elapsed_ms: float) -> IngestReport:
        found = set(self.files)
        named_missing = sum(Path(failure.path) not in found for failure in self.failures)
        return IngestReport(
            models=tuple(dict.fromkeys(models)),
            n_files=len(self.files) + named_missing,
            n_ingested=self.n_ingested,
            n_already_done=self.n_already_done,
            n_segments=self.n_segments,
            n_below_snr_floor=self.n_below_snr_floor,
            n_outside_activity=self.n_outside_activity,
            n_human_voice=self.n_human_voice,
            privacy=self.privacy,
            audio_ms=self.audio_ms,
            elapsed_ms=elapsed_ms,
            failures=tuple(one.model_copy(update={"path": str(Path(one.path).absolute())}) for one in self.failures),
            skipped=tuple(self.skipped),
            caveats=(*(self._told(*said) for said in self.files_of.items()), *self.caveats),
        )

    def _told(self, caveat: str, files: Sequence[Path]) -> str:
        """Return a caveat with how many of the batch's files it is about, and the first of them."""
        n_read = self.n_files_read
        if n_read == 1:
            return caveat
        if len(files) == n_read:
            return f"{caveat} (all {n_read} files)"
        named = ", ".join(one.name for one in files[:_N_NAMED]) + (", …" if len(files) > _N_NAMED else "")
        return f"{caveat} ({len(files)} of {n_read} files: {named})"


@dataclass
class _Taking:
    """What stays the same from file to file, where results are taken and stored, in one thread."""

    workspace: Workspace
    reading: Reading
    listeners: tuple[Listener, ...]
    account: _Account

    def __post_init__(self) -> None:
        self._shelf = Shelf(self.workspace)

    def take_all(self, n_workers: int) -> None:
        """Take all files in; whatever is wrong with one ends in the account."""
        files = self.account.files
        n_readers = -(-n_workers // _N_WORKERS_A_READER)
        try:
            with closing(
                in_order(files, self.reading.read, self._work, n_workers=n_workers, n_readers=n_readers)
            ) as heard:
                for path, results in heard:
                    self.account.tell(path)
                    self._take(path, results)
                    self.account.end_file(path)
                self._store()
        except KeyboardInterrupt:
            self._store()
            raise
        except StorageFailed as error:
            unstored = dict.fromkeys([*self._shelf.waiting, *files[self.account.n_files_done :]])
            self.account.failures.extend(_failure(path, error) for path in unstored)

    def _work(self, task: Opened | Batch | PassedOver) -> Opened | Heard | PassedOver:
        """Hear a batch; what is said of a file goes through."""
        return self.listeners[task.model].hear(task) if isinstance(task, Batch) else task

    def _take(self, path: Path, results: Iterator[Opened | Heard | PassedOver]) -> None:
        """Take one file in. Raises `StorageFailed`, which concerns all files after it."""
        try:
            opened = _opened(results)
            if opened.is_second:
                self._store()
                results = map(self._work, self.reading.read_on(opened.recording))
                opened = _opened(results)
            self._hear(path, opened, results)
        except StorageFailed:
            raise
        except RabError as error:
            self.account.failures.append(_failure(path, error))
            self._shelf.drop_file()

    def _hear(self, path: Path, opened: Opened, results: Iterator[Opened | Heard | PassedOver]) -> None:
        account, recording = self.account, opened.recording
        account.note(path, (*recording.notes.caveats, *opened.caveats))
        account.skipped.extend(opened.skipped)
        if not opened.wanted:
            account.n_already_done += not opened.skipped
            return
        reached = _Reached(opened)
        self._shelf.begin_file(path, opened, [self._card(model) for model in opened.wanted])
        for heard in results:
            if isinstance(heard, PassedOver):
                account.n_outside_activity += heard.n_windows
                continue
            assert isinstance(heard, Heard)
            self._shelf.put(self._card(heard.model), heard)
            account.n_below_snr_floor += heard.n_below_snr_floor
            account.n_human_voice += heard.n_human_voice
            account.audio_ms += reached.advance(heard)
            account.tell(path, reached.fraction * recording.n_bytes)
            self._store_when_due()
        self._shelf.end_file()
        self._store_when_due()

    def _card(self, model: int) -> EmbedderCard:
        return self.listeners[model].card

    def _store_when_due(self) -> None:
        if self._shelf.is_due:
            self._store()

    def _store(self) -> None:
        """Store what waits: vectors first, then a commit for each file that ended."""
        for n_segments in self._shelf.store():
            self.account.n_ingested += 1
            self.account.n_segments += n_segments


def _opened(results: Iterator[Opened | Heard | PassedOver]) -> Opened:
    opened = next(results)
    assert isinstance(opened, Opened)
    return opened


class _Reached:
    """How far into a recording its models have heard."""

    def __init__(self, opened: Opened) -> None:
        self._duration_ms = opened.recording.duration_ms
        self._t1_ms: dict[tuple[int, int | None], float] = dict.fromkeys(
            ((model, channel) for model in opened.wanted for channel in opened.channels), 0.0
        )

    @property
    def fraction(self) -> float:
        """Share of the work on this recording that is done, 0–1."""
        return sum(self._t1_ms.values()) / (len(self._t1_ms) * self._duration_ms)

    def advance(self, heard: Heard) -> float:
        """Take note of what was heard; return the sound (ms) in it that no other model had reached."""
        before = self._heard_ms()
        self._t1_ms[heard.model, heard.channel] = heard.t1_ms
        return self._heard_ms() - before

    def _heard_ms(self) -> float:
        furthest: dict[int | None, float] = {}
        for (_, channel), t1_ms in self._t1_ms.items():
            furthest[channel] = max(t1_ms, furthest.get(channel, 0.0))
        return sum(furthest.values())
