"""What every route is given: the open library, and the model that is meant where none is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from rab.domain.filter import parse_filter
from rab.errors import RabError
from rab.workflows.filters import Understood, understand
from rab.workflows.workspace import Workspace


@dataclass(frozen=True)
class OpenLibrary:
    """A workspace, the default model's key, and where weights are installed when not in its home."""

    workspace: Workspace
    model: str
    weights: Path | None = None

    @property
    def models_dir(self) -> Path:
        """Where weights are installed."""
        return self.weights or self.workspace.home / "models"

    @contextmanager
    def filtered(self, words: str, model: str | None) -> Iterator[Understood]:
        """Read a filter and look up what it names; the hint of an error in the block tells its notes, too.

        `model` is the one whose scores are meant where it asks for a precision; None: the default.
        """
        understood = understand(self.workspace, parse_filter(words), model or self.model)
        try:
            yield understood
        except RabError as error:
            error.hint = "; ".join((*understood.notes, error.hint))
            raise


Context = NamedDependency[SkipValidation[OpenLibrary]]
"""It is ours and open, so there is nothing to validate; litestar would take its locks for data, and fail."""
