"""The service over the library of samples, and a call to ask about."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rab.domain import SegmentFilter
from rab.http import create_app
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


@pytest.fixture(scope="session")
def client(library: Workspace) -> Iterator[TestClient[Litestar]]:
    """Return a client of the service; a fault inside it is answered, not raised, as over a socket."""
    with TestClient(create_app(library, model=MODEL), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def segment(library: Workspace) -> str:
    """Return a segment in which a Eurasian Blackbird is detected."""
    where = SegmentFilter(sites=("UrbanSoundscape",), taxa=("Turdus merula",))
    return library.catalog.segment_ids(library.card(MODEL).space, where)[0]
