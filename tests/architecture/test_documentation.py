"""Documentation is a tested product: every public name stands in it, and README's commands do what README says.

In README, a block fenced as `console` holds commands after `$ ` and what they print. Those that begin with `rab` run
here, in order, in the folder where the demonstration ran; what is printed below one must be what it says, where `...`
stands for anything. A command that does not end by itself, such as `rab serve`, belongs in a `sh` block.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

import pytest
import rich_click as click
from pydantic import BaseModel

from rab.cli import rab
from rab.cli.lazy import LazyGroup
from rab.errors import RabError
from rab.http import create_app
from rab.settings import Settings
from rab.workflows.workspace import Workspace

README = Path(__file__).resolve().parents[2] / "README.md"
DEMO = "python3 deploy/dev.py demo"


class Example(NamedTuple):
    """A command of README and what README shows below it."""

    command: str
    shown: str


def examples(markdown: str) -> Iterator[Example]:
    """Yield the commands of the `console` blocks that begin with `rab`, and the demonstration."""
    for block in re.findall(r"^```console\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.replace("\\\n", ""), re.MULTILINE):
            if command.startswith("rab ") or command == DEMO:
                yield Example(command, shown)


EXAMPLES = list(examples(README.read_text(encoding="utf-8")))


def settings_of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the environment variables that a settings class reads."""
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{variable}__")
        else:
            yield variable


def commands_of(group: click.Group, words: str) -> Iterator[str]:
    """Yield every command of a group as a user writes it, groups inside it included."""
    for name in group.list_commands(click.Context(group)):
        command = group.load(name) if isinstance(group, LazyGroup) else group.commands[name]
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{words} {name}")
        else:
            yield f"{words} {name}"


def routes() -> list[str]:
    """Return every path that the service offers."""
    app = create_app(cast("Workspace", None), model="birdnet-v2.4")
    return sorted(app.openapi_schema.paths or {})


def codes(error: type[RabError] = RabError) -> Iterator[str]:
    """Yield the code of every error below the root, in backticks as documents write it."""
    for child in error.__subclasses__():
        yield f"`{child.code}`"
        yield from codes(child)


@pytest.fixture(scope="module")
def documentation() -> str:
    """Return README and the documents in this repository that it links."""
    readme = README.read_text(encoding="utf-8")
    linked = [README.parent / target for target in re.findall(r"\]\(([^):#]+\.md)", readme)]
    return "\n".join([readme, *(document.read_text(encoding="utf-8") for document in linked)])


def run(folder: Path, models_dir: Path, arguments: list[str]) -> str:
    """Run `rab` in a folder and return its standard output; it must end well."""
    environment = {**os.environ, "RAB_MODELS_DIR": str(models_dir), "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "rab", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(models_dir: Path, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder where the demonstration has run, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(samples_dir, folder / "rab-data" / "samples")
    return folder, run(folder, models_dir, ["demo"])


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(lambda: settings_of(Settings, "RAB_"), id="settings"),
        pytest.param(lambda: commands_of(rab, "rab"), id="commands"),
        pytest.param(routes, id="routes"),
        pytest.param(codes, id="error codes"),
    ],
)
def test_every_public_name_is_documented(names: Callable[[], Iterable[str]], documentation: str) -> None:
    """Each name stands in README or in a document that it links."""
    undocumented = [name for name in names() if name not in documentation]
    assert not undocumented, "\n".join(["not in README or a document that it links:", *undocumented])


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.command for example in EXAMPLES])
def test_readme_tells_the_truth(example: Example, demo: tuple[Path, str], models_dir: Path) -> None:
    """A command of README ends well and prints what README shows."""
    folder, said = demo
    if example.command != DEMO:
        said = run(folder, models_dir, shlex.split(example.command)[1:])
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert not example.shown or doctest.OutputChecker().check_output(example.shown, said, options), said


def test_continuous_integration_runs_what_readme_says(documentation: str) -> None:
    """What is run on every change is the command that README gives for the tests."""
    script = (README.parent / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1].removeprefix("exec ") in documentation
