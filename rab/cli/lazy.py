"""A command group that imports a command when it is called, so that `rab --help` answers at once.

Each command is named here by its module and its line of help. Importing all of them to print that page would cost two
seconds (SQLAlchemy 0.7 s, litestar 0.8 s); with signposts it takes 0.2 s. A test holds each line against the docstring
of its command.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import rich_click as click


class LazyGroup(click.RichGroup):
    """A group whose commands are signposts (a name and a line of help) until one of them is called."""

    def __init__(self, *, targets: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        signposts = {name: click.RichCommand(name=name, help=line) for name, (_, line) in targets.items()}
        super().__init__(**(settings | {"commands": signposts}))
        self.targets = targets

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order given, which is the order of the work."""
        return list(self.targets)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` call, imported."""
        name, signpost, rest = super().resolve_command(ctx, args)
        return (name, self.load(name), rest) if name and signpost else (name, signpost, rest)

    def load(self, name: str) -> click.Command:
        """Import a command."""
        module, _, attribute = self.targets[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command
