"""The progress bar of an ingest: files, share, speed in times real time, and time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rab.workflows.ingest import IngestProgress

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar(Protocol):
    """Something that can be told how far an ingest is."""

    def watch(self, progress: IngestProgress) -> None:
        """Show where the batch stands."""
        ...


class _Quiet:
    def watch(self, progress: IngestProgress) -> None:
        """Show nothing: standard error is no terminal, or JSON was asked for."""


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Bar]:
    """Show a bar on standard error while the block runs; nothing where nobody would see it move."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield _Quiet()
        return
    columns = (
        TextColumn("{task.fields[files]}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as shown_progress:
        yield _Shown(shown_progress)


@contextmanager
def counting_bar(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar that is told what is done, how many of it, and of how many; nothing where nobody would see it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield lambda _what, _n_done, _n_all: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, n_done, n_all: progress.update(
            task, description=what, completed=n_done, total=max(n_all, n_done)
        )


class _Shown:
    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._started = time.perf_counter()
        self._task = progress.add_task("", total=None, files="", speed="")

    def watch(self, progress: IngestProgress) -> None:
        """Move the bar; its length is bytes, which are known before any file is opened."""
        elapsed_ms = 1000 * (time.perf_counter() - self._started)
        self._progress.update(
            self._task,
            total=progress.n_bytes or None,
            completed=progress.n_bytes_done,
            description=progress.path.name,
            files=f"{progress.n_files_done}/{progress.n_files} files",
            speed=f"{progress.audio_ms / elapsed_ms:.0f} × real time" if elapsed_ms > 0 else "",
        )
