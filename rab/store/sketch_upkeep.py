"""Upkeep of a collection's sketch: when it is made, that it stays in step, and what happens when a process dies.

The engine's shard is the truth. A sketch is used only while it is known to mirror it; else searches are the engine's,
exact, and take as long as those take. `current.json` says which folder is in use and what it needs to be opened.

- Made in a thread, a page at a time, from `min_points` on, and anew at four times as many. What is written meanwhile is
  noted and looked up again at the end, so nobody waits for the making, whose pages hold the interpreter for 2 ms each.
- In step: before the shard is changed, the points in question are written down as pending; afterwards they are read
  back from the shard and written to the sketch, or marked as gone. That is one way for upserts, discards, clusters and
  labels, and for the repair after `kill -9`: what was pending is read back again.
- After a power cut files may be older than what they say, so a sketch that was not closed counts only until the system
  is started again. Nothing has to be waited for while it is in use.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any, Protocol

from rab.domain import SegmentPayload
from rab.domain.value import Value
from rab.errors import RabError
from rab.store.sketch import Sketch, SketchState, Vectors
from rab.store.sketch_making import Page, make_sketch

LOGGER = logging.getLogger("rab")

_FORMAT = 2
"""Of the files; a sketch of another is made anew."""

_GROWTH = 4
_PAGE = 64
_BATCH = 1024


class Shard(Protocol):
    """What upkeep reads of the truth."""

    def n_points(self) -> int:
        """Return how many points there are."""
        ...

    def page(self, offset: Any, n: int) -> tuple[Page, Any]:
        """Return at most n points from `offset` on (None: the first), and the next offset or None."""
        ...

    def read(
        self, points: Sequence[str], *, vectors: bool
    ) -> tuple[Sequence[str], Sequence[SegmentPayload], Vectors | None]:
        """Return those that exist of some points, with their vectors or without (None)."""
        ...


class _Current(Value):
    """What is written beside sketches: which one is in use, and whether it may be trusted."""

    format: int = _FORMAT
    folder: str | None
    """None where none would help, for as many points as `n_fitted`."""
    n_fitted: int
    state: SketchState | None
    pending: tuple[str, ...] = ()
    session: str | None
    """What names the time since the system was started; None once everything is on the disk."""


class SketchUpkeep:
    """The sketch of one collection, kept in step. Thread-safe: writers take turns, readers never wait."""

    def __init__(self, folder: Path, shard: Shard, *, min_points: int) -> None:
        """Take up the sketch in a folder where it may be trusted, and start making one where one is wanted."""
        self._folder = folder
        self._shard = shard
        self._min_points = max(1, min_points)
        self._writing = RLock()
        self._closing = Event()
        self._maker: Thread | None = None
        self._changed: set[str] | None = None
        self._on_disk = True
        self._n_fitted = 0
        self._sketch: Sketch | None = None
        with self._or_none():
            self._sketch = self._taken_up()
        self._gave_up = False
        self._consider()

    @property
    def sketch(self) -> Sketch | None:
        """The sketch, while it mirrors the shard."""
        return self._sketch

    @contextmanager
    def changing(self, points: Sequence[str], *, vectors: bool) -> Iterator[None]:
        """Change points (UUIDs) of the shard, in the block; the sketch follows. Other writers wait.

        Where `vectors` is false, payloads change alone, which is followed in a fifth of the time.
        """
        with self._writing:
            if self._sketch is not None:
                with self._or_none():
                    self._remember(self._sketch, pending=points)
            if self._changed is not None:
                self._changed.update(points)
            try:
                yield
            finally:
                if self._sketch is not None:
                    with self._or_none():
                        self._follow(self._sketch, points, vectors=vectors)
                        self._remember(self._sketch)
        self._consider()

    def settle(self) -> None:
        """Wait until the sketch that is being made, if one is, is in use."""
        maker = self._maker
        if maker is not None:
            maker.join()

    def close(self) -> None:
        """Stop making, and put everything on the disk."""
        self._closing.set()
        self.settle()
        with self._writing:
            sketch = self._sketch
            if sketch is not None:
                with self._or_none():
                    sketch.sync()
                    self._remember(sketch, closed=True)
                self._sketch = None

    def _taken_up(self) -> Sketch | None:
        """Return the sketch that was left here, brought up to the shard; None where it cannot be trusted."""
        path = self._folder / "current.json"
        if not path.exists():
            return None
        current = _Current.model_validate_json(path.read_bytes())
        if current.format != _FORMAT or current.session not in (None, _session()):
            return None
        if current.folder is not None and current.state is not None:
            sketch = Sketch.open(self._folder / current.folder, current.state)
            self._on_disk = current.session is None
            self._follow(sketch, current.pending, vectors=True)
            if len(sketch) != self._shard.n_points():
                return None
            self._n_fitted = current.n_fitted
            return sketch
        self._n_fitted = current.n_fitted
        return None

    def _consider(self) -> None:
        """Start making a sketch where one is wanted and none is being made."""
        with self._writing:
            if self._maker is not None or self._gave_up or self._closing.is_set():
                return
            if self._shard.n_points() >= max(self._min_points, _GROWTH * self._n_fitted):
                self._changed = set()
                self._maker = Thread(target=self._make, name="rab-sketch", daemon=True)
                self._maker.start()

    def _make(self) -> None:
        try:
            with self._or_none():
                self._make_and_use()
        finally:
            self._changed = None
            self._maker = None

    def _make_and_use(self) -> None:
        numbers = [int(path.name.removeprefix("sketch-")) for path in self._folder.glob("sketch-*")]
        folder = self._folder / f"sketch-{max(numbers, default=0) + 1}"
        made = make_sketch(folder, self._pages())
        with self._writing:
            if not self._closing.is_set():
                self._put_to_use(made)
                return
        shutil.rmtree(folder, ignore_errors=True)

    def _put_to_use(self, made: Sketch | None) -> None:
        self._n_fitted = self._shard.n_points()
        if made is not None:
            self._follow(made, sorted(self._changed or ()), vectors=True)
            if len(made) != self._n_fitted:
                raise ValueError(f"a sketch of {len(made)} points does not mirror {self._n_fitted}")
        self._remember(made)
        self._sketch, self._changed = made, None
        for folder in self._folder.glob("sketch-*"):
            if made is None or folder != made.folder:
                shutil.rmtree(folder, ignore_errors=True)

    def _pages(self) -> Iterator[Page]:
        offset: Any = None
        while not self._closing.is_set():
            page, offset = self._shard.page(offset, _PAGE)
            yield page
            if offset is None:
                return

    def _follow(self, sketch: Sketch, points: Sequence[str], *, vectors: bool) -> None:
        """Read points back from the shard, and have the sketch mirror them."""
        points = list(dict.fromkeys(points))
        for start in range(0, len(points), _BATCH):
            batch = points[start : start + _BATCH]
            found, payloads, rows = self._shard.read(batch, vectors=vectors)
            sketch.put(found, payloads, rows)
            sketch.remove(sorted(set(batch).difference(found)))

    def _remember(self, sketch: Sketch | None, *, pending: Sequence[str] = (), closed: bool = False) -> None:
        current = _Current(
            folder=None if sketch is None else sketch.folder.name,
            n_fitted=self._n_fitted,
            state=None if sketch is None else sketch.state,
            pending=tuple(pending),
            session=None if closed or sketch is None else _session(),
        )
        draft = self._folder / "current.json.new"
        draft.write_text(json.dumps(current.model_dump(mode="json")), encoding="utf-8")
        if closed or self._on_disk:  # what says "on the disk" must not outlive the first change
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
        draft.replace(self._folder / "current.json")
        self._on_disk = closed

    @contextmanager
    def _or_none(self) -> Iterator[None]:
        """Do without a sketch when its files fail: it is a copy, and what it was made of is safe."""
        try:
            yield
        except (OSError, ValueError, RabError) as error:
            with self._writing:
                self._sketch, self._n_fitted, self._gave_up = None, 0, True
                with suppress(OSError):
                    (self._folder / "current.json").unlink(missing_ok=True)
            if not self._closing.is_set():
                LOGGER.warning("sketch.dropped", extra={"fields": {"folder": str(self._folder), "why": str(error)}})


def _session() -> str:
    """Return what names the time since the system was started; where nothing does, a word that is never equal."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"process {os.getpid()}"
