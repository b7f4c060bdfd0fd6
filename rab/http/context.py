"""What every route is given: the open library, and the model that is meant where none is named."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from rab.workflows.workspace import Workspace


@dataclass(frozen=True)
class OpenLibrary:
    """A workspace, and the default model's key."""

    workspace: Workspace
    model: str


Context = NamedDependency[SkipValidation[OpenLibrary]]
"""It is ours and open, so there is nothing to validate; litestar would take its locks for data, and fail."""
