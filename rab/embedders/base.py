"""The port that every model stands behind: windows in, embeddings and logits out, in one pass.

An adapter is one file (or folder) next to this one and one line in `rab.embedders.registry`. What a model wants to hear
stands in its card, so that decoding, resampling and windowing are done once and outside it.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon


class Embedder(Protocol):
    """A model that embeds and names windows of sound.

    Thread safety: `embed` may be called from several threads at once. Each call computes on the threads that the
    adapter was built with, so as many workers as there are cores share one adapter built with one thread. An adapter
    whose runtime cannot do that lets the calls wait for each other.
    """

    @property
    def card(self) -> EmbedderCard:
        """What the model is and wants."""
        ...

    @property
    def taxa(self) -> tuple[Taxon, ...]:
        """The classes, in the order of the logits' columns."""
        ...

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Embed float32 [n, window_samples] at the card's rate, full scale ±1; n may be 0.

        Returns embeddings float32 [m, dim] and logits float32 [m, n_classes]: m is n, or for a model that finds calls
        the number of calls, with where each one is. What `card.activation` makes of a logit is the raw score. Raises
        `InputError` for another shape or for samples that are not finite.
        """
        ...


class CallFinder(Embedder, Protocol):
    """An embedder that finds calls in its windows (`card.finds_calls`), each of which gets a row."""

    def find(self, windows: npt.NDArray[np.float32], n_samples: Sequence[int]) -> EmbeddedBatch:
        """Find calls in float32 [n, window_samples], of which the first `n_samples` of each are sound.

        What lies behind those is no silence of the recording: it is not heard. Raises what `embed` raises.
        """
        ...


class RangeModel(Protocol):
    """A model of where and when a species may be expected."""

    @property
    def names(self) -> frozenset[str]:
        """The scientific names that it knows: of any other, that it is not expected says nothing."""
        ...

    def expected(self, lat_deg: float, lon_deg: float, week: int | None) -> frozenset[str]:
        """Return the scientific names expected at a place in a week of a 48-week year (4 per month, 1–48).

        Week None stands for the whole year, where the place is known and the time is not.
        """
        ...
