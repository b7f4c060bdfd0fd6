"""The command group shows signposts, and imports a command when it is called."""

import pytest
import rich_click as click
from click.testing import CliRunner

from rab.cli import rab


def test_signposts_say_what_their_commands_say() -> None:
    """Each line of help stands at the head of its command's own docstring."""
    assert isinstance(rab, click.Group)
    for name, (_, line) in rab.targets.items():
        assert (rab.load(name).help or "").splitlines()[0] == line


@pytest.mark.parametrize("arguments", [["--help"], ["models", "--help"], ["ingest", "--help"], ["--version"]])
def test_help_answers(arguments: list[str]) -> None:
    """Help of the group, of a nested group and of a command end well."""
    assert CliRunner().invoke(rab, arguments).exit_code == 0


def test_unknown_command_is_named() -> None:
    """A word that is no command is an error of usage that names it."""
    answer = CliRunner().invoke(rab, ["ingst"])
    assert (answer.exit_code, "ingst" in answer.output) == (2, True)
