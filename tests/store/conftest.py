"""Every store that can be had here, each as a maker of empty collections."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest

from rab.domain import EmbedderCard, SegmentFilter
from rab.store.base import Hit, VectorStore
from rab.store.exact import ExactStore
from rab.store.qdrant_edge import QdrantEdgeStore

Opener = Callable[[], VectorStore]
"""Opens one and the same collection; what it opened before is closed, where it has to be."""

SERVER_URL = os.environ.get("RAB_TEST_QDRANT_URL")
EDGE = "edge"
SKETCHED = "edge with a sketch"
LOCAL = pytest.param(
    "client in memory",
    marks=[
        pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant:UserWarning"),
        pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
    ],
)
"""The client playing the server, which warns once of what it leaves out."""
SERVER = pytest.param(
    "server", marks=pytest.mark.skipif(SERVER_URL is None, reason="RAB_TEST_QDRANT_URL names no Qdrant server")
)


def make_card(dim: int = 8) -> EmbedderCard:
    """Return the card of a model that no other test has."""
    return EmbedderCard(
        name="toy",
        version=uuid4().hex,
        task="tests",
        sample_rate_hz=48_000,
        window_ms=3000,
        hop_ms=3000,
        dim=dim,
        n_classes=3,
        weights_sha256="0" * 64,
        preprocessing="none",
        licence="CC0-1.0",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
        citation="none",
    )


@contextmanager
def _in_process() -> Iterator[Opener]:
    yield partial(ExactStore, make_card())


class Settled(QdrantEdgeStore):
    """The embedded store, which searches through a sketch however little there is, and waits for it."""

    def search(
        self, vector: npt.NDArray[np.float32], k: int, where: SegmentFilter, *, exclude_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Search, sure that a sketch is in use where anything is stored."""
        self.settle()
        assert self.is_sketched == (self.n_points() > 0)
        return super().search(vector, k, where, exclude_ids=exclude_ids)


@contextmanager
def _on_disk(root: Path, *, sketched: bool = False) -> Iterator[Opener]:
    card = make_card()
    opened: list[VectorStore] = []

    def open_again() -> VectorStore:
        for store in opened:
            store.close()
        folder = root / card.space
        opened.append(Settled.open(folder, card, sketch_from=0) if sketched else QdrantEdgeStore.open(folder, card))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()
    shutil.rmtree(root / card.space, ignore_errors=True)


@contextmanager
def _through_client(url: str | None) -> Iterator[Opener]:
    from qdrant_client import QdrantClient

    from rab.store.qdrant_server import QdrantServerStore

    card = make_card()
    if url is None:
        yield partial(QdrantServerStore, QdrantClient(":memory:"), "memory", card)
    else:
        yield partial(QdrantServerStore.open, url, card)
        QdrantClient(url=url, check_compatibility=False).delete_collection(card.space)


@pytest.fixture(scope="session")
def makers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[], AbstractContextManager[Opener]]]:
    """Makers of collections, by the name of their store."""
    return {
        "exact": _in_process,
        EDGE: partial(_on_disk, tmp_path_factory.mktemp("edge")),
        SKETCHED: partial(_on_disk, tmp_path_factory.mktemp("sketched"), sketched=True),
        "client in memory": partial(_through_client, None),
        "server": partial(_through_client, SERVER_URL),
    }


@pytest.fixture(scope="session", params=[EDGE, SKETCHED, LOCAL, SERVER])
def new_collection(
    request: pytest.FixtureRequest, makers: dict[str, Callable[[], AbstractContextManager[Opener]]]
) -> Callable[[], AbstractContextManager[Opener]]:
    """Return a maker of empty collections that outlive their store, once for each kind of store."""
    return makers[request.param]


@pytest.fixture(params=["exact", EDGE, SKETCHED, LOCAL, SERVER])
def store(
    request: pytest.FixtureRequest, makers: dict[str, Callable[[], AbstractContextManager[Opener]]]
) -> Iterator[VectorStore]:
    """An empty collection, once for each kind of store."""
    with makers[request.param]() as opener:
        yield opener()


@pytest.fixture
def card() -> EmbedderCard:
    """The card of a model that no other test has."""
    return make_card()
