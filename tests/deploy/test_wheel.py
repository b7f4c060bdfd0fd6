"""The wheel: the package with the texts and suites it reads, and nothing else of the repository."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names in a wheel that was built from this checkout."""
    pytest.importorskip("hatchling", reason="the build backend is in .venv alone")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert 0 == built.returncode, built.stderr
    (path,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


@pytest.mark.parametrize(("source", "target"), [("rab", "rab"), ("prompts", "rab/prompts"), ("evals", "rab/suites")])
def test_wheel_holds_what_the_package_reads(repo: Path, wheel: set[str], source: str, target: str) -> None:
    """Every file of the package, of the texts and of the suites is in it, where an installed package looks."""
    files = [file for file in (repo / source).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert files
    assert set() == {f"{target}/{file.relative_to(repo / source).as_posix()}" for file in files} - wheel


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    """Neither tests nor deployment travel with the package."""
    assert {"rab", "dist-info"} == {name.partition("/")[0].rpartition(".")[2] for name in wheel}
