"""Bootstrap: the one place that names concrete classes and puts a workspace together from settings.

To add a model, write its adapter in `rab/embedders/` and its line in `rab.embedders.registry.MODELS`. Everything heavy
is imported inside the functions that need it: `rab models list` loads no runtime, and a library that is only read loads
no weights.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rab.errors import ModelMissing, SettingsError
from rab.home import HomeLock
from rab.settings import Settings

if TYPE_CHECKING:
    from rab.domain import EmbedderCard, Taxon
    from rab.embedders.base import Embedder, RangeModel
    from rab.language.base import LanguageModel
    from rab.store.base import VectorStore
    from rab.workflows.workspace import Workspace


def models_dir(settings: Settings) -> Path:
    """Return where weights are installed."""
    return settings.models_dir or settings.home / "models"


def build_embedder(settings: Settings, key: str, *, runtime: str | None = None) -> "Embedder":
    """Build a model, on `runtime`, on the one that settings name if it has that, or on the one that it prefers.

    It computes on one thread, so that as many workers as there are cores share it. Raises `NotFound` for a name nobody
    knows, `ModelMissing` when its weights are not installed.
    """
    from rab.embedders.weights import build, find

    installed = find(key, models_dir(settings))
    if runtime is None and settings.runtime in installed.source.runtimes:
        runtime = settings.runtime
    return build(installed, n_threads=1, runtime=runtime)


def build_language_model(settings: Settings) -> "LanguageModel | None":
    """Build the client of the configured server; None, and nothing imported, without a base URL.

    Opens no connection. Raises `SettingsError` for an address that cannot be used, or without the name of a model.
    """
    if not settings.llm.base_url:
        return None
    if not settings.llm.model:
        raise SettingsError(
            "RAB_LLM__BASE_URL is set, but no model", hint="set RAB_LLM__MODEL to a name that the server lists"
        )
    from rab.language.client import OpenAICompatible

    key = settings.llm.api_key
    return OpenAICompatible(settings.llm.base_url, settings.llm.model, api_key=key.get_secret_value() if key else None)


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
            open_store=lambda card: open_store(settings, card),
            open_ranges=lambda taxa: _open_ranges(settings, taxa),
            language=build_language_model(settings),
            language_mode=settings.llm.mode,
        )
        try:
            yield workspace
        finally:
            workspace.close()


@contextmanager
def _no_lock() -> Iterator[None]:
    yield


def open_store(settings: Settings, card: "EmbedderCard") -> "VectorStore":
    """Open the collection of a card's space, on the server that settings name or in the data directory."""
    if settings.store.url is not None:
        from rab.store.qdrant_server import QdrantServerStore

        key = settings.store.api_key
        api_key = key.get_secret_value() if key else None
        return QdrantServerStore.open(settings.store.url, card, api_key=api_key, policy=settings.store.server)
    from rab.store.qdrant_edge import QdrantEdgeStore

    return QdrantEdgeStore.open(settings.home / "vectors" / card.space, card)


def open_embedded_store(folder: Path, card: "EmbedderCard", sketched: bool) -> "VectorStore":
    """Open an embedded store in any folder, to be measured with its sketch or without."""
    from rab.store.qdrant_edge import SKETCH_FROM, QdrantEdgeStore

    return QdrantEdgeStore.open(folder, card, sketch_from=min(SKETCH_FROM, 1_000) if sketched else sys.maxsize)


def _open_ranges(settings: Settings, taxa: "Sequence[Taxon]") -> "RangeModel":
    """Return what knows where a classifier's taxa occur; birds stay unmarked where BirdNET is not installed."""
    from rab.embedders.birdnet import BirdNETRange
    from rab.embedders.ranges import EuropeanBats, ranges_for
    from rab.embedders.weights import find

    models: list[RangeModel] = [EuropeanBats()]
    if any(taxon.group in (None, "bird") for taxon in taxa):
        with suppress(ModelMissing):
            models.append(BirdNETRange(find("birdnet-v2.4", models_dir(settings))))
    return ranges_for(taxa, models)
