"""Bootstrap: the one place that names concrete classes and puts a workspace together from settings.

To add a model, write its adapter in `rab/embedders/` and its line in `EMBEDDERS`. Everything heavy is imported inside
the functions that need it: `rab models list` loads no runtime, and a library that is only read loads no weights.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rab.errors import NotFound
from rab.home import HomeLock
from rab.settings import Settings

if TYPE_CHECKING:
    from rab.domain import EmbedderCard
    from rab.embedders.base import Embedder, RangeModel
    from rab.store.base import VectorStore
    from rab.workflows.workspace import Workspace


def models_dir(settings: Settings) -> Path:
    """Return where weights are installed."""
    return settings.models_dir or settings.home / "models"


def _birdnet(settings: Settings) -> "Embedder":
    from rab.embedders.birdnet import BirdNET
    from rab.embedders.weights import find

    return BirdNET(find("birdnet-v2.4", models_dir(settings)), n_threads=settings.n_threads)


EMBEDDERS: dict[str, Callable[[Settings], "Embedder"]] = {"birdnet-v2.4": _birdnet}
"""Model key → what builds it."""


def build_embedder(settings: Settings, key: str) -> "Embedder":
    """Build a model. Raises `NotFound` for a name nobody knows, `ModelMissing` when its weights are not installed."""
    if key not in EMBEDDERS:
        raise NotFound(f"there is no model {key!r}", hint=f"models: {', '.join(sorted(EMBEDDERS))}")
    return EMBEDDERS[key](settings)


@contextmanager
def open_workspace(settings: Settings, *, purpose: str) -> Iterator["Workspace"]:
    """Open the library in `settings.home`, or the one that the store's and catalog's addresses name.

    `purpose` is what another process is told when it finds the data directory taken. Raises `HomeLocked` then.
    """
    from rab.catalog import Catalog
    from rab.workflows.workspace import Workspace

    embedded = settings.store.url is None or settings.catalog.url is None
    with HomeLock(settings.home, purpose) if embedded else _no_lock():
        sqlite = f"sqlite:///{(settings.home / 'catalog.sqlite').as_posix()}"
        workspace = Workspace(
            home=settings.home,
            catalog=Catalog.open(settings.catalog.url or sqlite),
            build_embedder=lambda key: build_embedder(settings, key),
            open_store=lambda card: _open_store(settings, card),
            open_range_model=lambda: _open_range_model(settings),
        )
        try:
            yield workspace
        finally:
            workspace.close()


@contextmanager
def _no_lock() -> Iterator[None]:
    yield


def _open_store(settings: Settings, card: "EmbedderCard") -> "VectorStore":
    if settings.store.url is not None:
        from rab.store.qdrant_server import QdrantServerStore

        key = settings.store.api_key
        return QdrantServerStore.open(settings.store.url, card, api_key=key.get_secret_value() if key else None)
    from rab.store.qdrant_edge import QdrantEdgeStore

    return QdrantEdgeStore.open(settings.home / "vectors" / card.space, card)


def _open_range_model(settings: Settings) -> "RangeModel":
    from rab.embedders.birdnet import BirdNETRange
    from rab.embedders.weights import find

    return BirdNETRange(find("birdnet-v2.4", models_dir(settings)))
