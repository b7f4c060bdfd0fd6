"""Workspace: the library that a workflow works on, with its doors opened when they are first needed.

`rab.bootstrap` builds one; tests build their own with an in-memory store. Workflows receive it and nothing else, so the
command line, HTTP and evaluations do the same work on the same things.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from rab.catalog import Catalog
from rab.domain import Deployment, EmbedderCard, Taxon
from rab.embedders.base import Embedder, RangeModel
from rab.errors import NotFound
from rab.evidence.segment_pack import EvidencePolicy
from rab.evidence.summary_pack import SummaryPolicy
from rab.generation.modes.dispatch import Mode
from rab.language.base import LanguageModel
from rab.retrieval.clusters import ClusterPolicy
from rab.store.base import VectorStore
from rab.workflows.payloads import bring_up_to_date


@dataclass(frozen=True)
class Workspace:
    """A library: its catalog, its vector stores, and the models that may fill it.

    `build_embedder` loads weights, so it waits until something is embedded. `open_ranges` says which of a classifier's
    taxa are expected where and when.
    """

    home: Path
    catalog: Catalog
    build_embedder: Callable[[str], Embedder]
    open_store: Callable[[EmbedderCard], VectorStore]
    open_ranges: Callable[[Sequence[Taxon]], RangeModel]
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    clusters: ClusterPolicy = field(default_factory=ClusterPolicy)
    summary: SummaryPolicy = field(default_factory=SummaryPolicy)
    language: LanguageModel | None = None
    """None: templates write."""
    language_mode: Mode = "select"
    _stores: dict[str, VectorStore] = field(default_factory=dict)
    _embedders: dict[str, Embedder] = field(default_factory=dict)
    _opening: Lock = field(default_factory=Lock)

    def store(self, card: EmbedderCard) -> VectorStore:
        """Return the collection of an embedding space, opened once, with its payloads as the catalog has them now."""
        with self._opening:
            if card.space not in self._stores:
                self._stores[card.space] = self.open_store(card)
            store = self._stores[card.space]
            bring_up_to_date(self.catalog, store)
            return store

    def embedder(self, key: str) -> Embedder:
        """Return a model that hears, its weights loaded once, for questions about sound that is not stored."""
        with self._opening:
            if key not in self._embedders:
                self._embedders[key] = self.build_embedder(key)
            return self._embedders[key]

    def card(self, key: str) -> EmbedderCard:
        """Return the card under which a model last filled this library; no weights are loaded.

        Raises `NotFound` when it never did.
        """
        card = self.catalog.card(key)
        if card is None:
            raise NotFound(
                f"nothing in this library was embedded with {key}", hint=f"run `rab ingest PATH… --model {key}`"
            )
        return card

    def deployments(self) -> tuple[Deployment, ...]:
        """Return the deployments that the catalog knows."""
        return tuple(self.catalog.deployments())

    def close(self) -> None:
        """Let go of every store and of the catalog."""
        with ExitStack() as closing:
            closing.callback(self.catalog.close)
            for store in self._stores.values():
                closing.callback(store.close)
