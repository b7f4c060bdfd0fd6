"""Rules of the house that no linter knows: sizes, sentences, and what may stand in a published file."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

MAX_LINES = 450
"""A module of 300 lines of code, with its docstrings."""

FOREIGN = re.compile(
    r"/(?:home|root|Users|work|opt)/\w"  # a place on somebody's machine
    r"|\b(?:files\.pythonhosted|(?:test\.)?pypi|conda\.anaconda)\.org"  # a registry: each user has their own
    r"|\bregistry\.npmjs",
)


@pytest.fixture(scope="module")
def modules(repo: Path) -> list[Path]:
    """Return every Python file of the package."""
    return sorted((repo / "rab").rglob("*.py"))


@pytest.fixture(scope="module")
def published(repo: Path) -> list[Path]:
    """Return every file that is tracked, or would be with `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [repo / name for name in listed.stdout.split("\0") if name and (repo / name).is_file()]


def test_every_folder_of_modules_is_a_package(repo: Path, modules: list[Path]) -> None:
    """A folder without `__init__.py` is invisible to the import contracts."""
    assert set() == {
        module.parent.relative_to(repo) for module in modules if not (module.parent / "__init__.py").exists()
    }


def test_modules_are_short(repo: Path, modules: list[Path]) -> None:
    """A module past its length becomes a folder."""
    lengths = {module.relative_to(repo): len(module.read_text(encoding="utf-8").splitlines()) for module in modules}
    assert {} == {module: length for module, length in lengths.items() if length > MAX_LINES}


def test_tests_say_what_they_prove(repo: Path) -> None:
    """Every test has a docstring of one sentence or more."""
    silent = [
        f"{file.relative_to(repo)}::{node.name}"
        for file in sorted((repo / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert [] == silent


def test_folders_of_tests_are_no_packages(repo: Path) -> None:
    """Tests are imported by file, so that two rooms may both have a `test_contract.py`."""
    assert [] == list((repo / "tests").rglob("__init__.py"))


def test_published_files_name_no_machine_and_no_registry(repo: Path, published: list[Path]) -> None:
    """No path of somebody's machine and no host of a package registry stands in a text."""
    found = [
        f"{file.relative_to(repo)}:{number}: {line.strip()[:100]}"
        for file in published
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if FOREIGN.search(line)
    ]
    assert [] == found


def test_one_kind_of_lock(published: list[Path]) -> None:
    """Locks that are full of download addresses are not published."""
    assert set() == {file.name for file in published} & {"uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock"}
