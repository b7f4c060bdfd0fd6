"""What is imported when, and whether it is declared: `rab --help` must not pay for a database."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

HEAVY = {
    "ai_edge_litert",
    "hdbscan",
    "litestar",
    "numpy",
    "pydantic",
    "qdrant_client",
    "scipy",
    "sklearn",
    "sqlalchemy",
}


def imported_by(repo: Path, *command: str) -> set[str]:
    """Return the top-level modules that a fresh Python imports on the way."""
    run = [sys.executable, "-X", "importtime", *command]
    times = subprocess.run(run, cwd=repo, capture_output=True, text=True, check=True).stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in times.splitlines()}


def third_party_imports(file: Path) -> Iterator[str]:
    """Yield the top-level names that a module imports from outside rab and the standard library."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"rab"}


def distribution(requirement: str) -> str:
    """Return the normalised name of a distribution, without versions and markers."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


@pytest.mark.parametrize("command", [("-c", "import rab"), ("-m", "rab", "--help"), ("-m", "rab", "--version")])
def test_first_answer_is_light(repo: Path, command: tuple[str, ...]) -> None:
    """The package, its help and its version import nothing heavy."""
    imported = imported_by(repo, *command)
    assert "rab" in imported
    assert set() == imported & HEAVY


def test_every_library_is_declared(repo: Path) -> None:
    """Whatever rab imports stands among its dependencies, not merely among those of another library."""
    project = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    declared = {distribution(requirement) for requirement in [*project["dependencies"], *extras]}
    providers = packages_distributions()
    undeclared = {
        f"{file.relative_to(repo)} imports {name}"
        for file in (repo / "rab").rglob("*.py")
        for name in third_party_imports(file)
        if not declared & {distribution(provider) for provider in providers.get(name, [name])}
    }
    assert set() == undeclared
