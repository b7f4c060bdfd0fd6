"""The command group shows signposts and imports a command when it is called; options refuse what is no number."""

from collections.abc import Iterator

import pytest
import rich_click as click
from click.testing import CliRunner

from rab.cli import rab
from rab.cli.lazy import LazyGroup
from rab.cli.session import FiniteRange


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


def options_of(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    """Yield every parameter of a command and of those below it, with the words that lead to it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.load(name) if isinstance(command, LazyGroup) else command.commands[name]
            yield from options_of(found, *path, name)
    for parameter in command.params:
        yield path, parameter


NUMBERS = [
    (*path, parameter.opts[0]) for path, parameter in options_of(rab) if isinstance(parameter.type, type(click.FLOAT))
]


@pytest.mark.parametrize("words", NUMBERS, ids=" ".join)
def test_what_is_no_number_is_refused(words: tuple[str, ...]) -> None:
    """NaN lies in every range of click's own; here it is refused by the option's name."""
    answer = CliRunner().invoke(rab, [*words, "nan"])
    assert (answer.exit_code, f"'{words[-1]}': nan is no finite number" in answer.output) == (2, True), answer.output


def test_numbers_are_looked_for() -> None:
    """The options of ingest are among those that were asked."""
    assert {("ingest", "--lat"), ("ingest", "--hop")} <= set(NUMBERS)
    assert FiniteRange(0)("1.5") == 1.5
