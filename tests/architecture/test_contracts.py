"""Each import contract of pyproject.toml breaks when it should: one bad import a contract, planted in a copy."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLANTED = {
    "The pipeline: imports point one way, every module has its place": (
        "audio/planted_upwards.py: import rab.evidence",
        "rab.audio is not allowed to import rab.evidence",
    ),
    "No knots: no package depends on itself through its children": (
        "domain/planted_knot.py: import rab.domain.planted_tie",
        "No cycles are allowed in rab.domain",
    ),
    "Concrete stores and models are named in bootstrap alone": (
        "workflows/planted_store.py: import rab.store.exact",
        "rab.workflows.planted_store -> rab.store.exact",
    ),
    "Nouns depend on pydantic and numpy alone": (
        "domain/planted_signal.py: import scipy",
        "rab.domain.planted_signal -> scipy",
    ),
    "Carriers of weights and samples, and gigabytes, are never imported": (
        "embedders/planted_torch.py: import torch",
        "rab.embedders.planted_torch -> torch",
    ),
    "Audio is the home of sound files and resampling": (
        "segments/planted_file.py: import soundfile",
        "rab.segments.planted_file -> soundfile",
    ),
    "Embedders are the home of network runtimes": (
        "retrieval/planted_network.py: import ai_edge_litert",
        "rab.retrieval.planted_network -> ai_edge_litert",
    ),
    "The store is the home of Qdrant": (
        "retrieval/planted_qdrant.py: import qdrant_edge",
        "rab.retrieval.planted_qdrant -> qdrant_edge",
    ),
    "The catalog is the home of SQL": (
        "workflows/planted_sql.py: import sqlalchemy",
        "rab.workflows.planted_sql -> sqlalchemy",
    ),
    "Retrieval is the home of clustering": (
        "evidence/planted_clusters.py: import sklearn",
        "rab.evidence.planted_clusters -> sklearn",
    ),
    "Generation and reports are the home of templates": (
        "http/planted_template.py: import jinja2",
        "rab.http.planted_template -> jinja2",
    ),
    "HTTP is the home of the web framework; the command line starts it": (
        "workflows/planted_web.py: import litestar",
        "rab.workflows.planted_web -> litestar",
    ),
    "The command line is the home of the terminal": (
        "workflows/planted_bar.py: import rich",
        "rab.workflows.planted_bar -> rich",
    ),
    "Language is the home of language models": (
        "generation/planted_client.py: import openai",
        "rab.generation.planted_client -> openai",
    ),
    "Only settings read the environment": (
        "workflows/planted_settings.py: import pydantic_settings",
        "rab.workflows.planted_settings -> pydantic_settings",
    ),
}
"""Of each contract: the module and import that must break it, and what its report must say."""


def lint(folder: Path) -> str:
    """Return what lint-imports says of the package in a folder."""
    command = ["-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache", "--no-logo"]
    return subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False).stdout


def copy(repo: Path, folder: Path) -> None:
    shutil.copytree(repo / "rab", folder / "rab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo / "pyproject.toml", folder)


def plant(package: Path, where: str, line: str) -> None:
    (package / where).write_text(line + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def report(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what lint-imports says of a copy with every bad import in it."""
    folder = tmp_path_factory.mktemp("planted")
    copy(repo, folder)
    for planted, _ in PLANTED.values():
        plant(folder / "rab", *planted.split(": "))
    plant(folder / "rab", "domain/planted_tie.py", "import rab.domain.planted_knot")
    return lint(folder)


def test_every_contract_is_tried(repo: Path) -> None:
    """No contract stands in pyproject.toml without a bad import that proves it."""
    contracts = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert list(PLANTED) == [contract["name"] for contract in contracts]


@pytest.mark.parametrize("contract", PLANTED)
def test_bad_import_breaks_its_contract(contract: str, report: str) -> None:
    """The planted import breaks its contract, and the report names it."""
    _, _, broken = report.partition("Broken contracts")
    _, _, section = broken.partition(f"\n{contract}\n-")
    assert PLANTED[contract][1] in section.partition("\n\n\n")[0]


def test_module_without_a_place_breaks_the_pipeline(repo: Path, tmp_path: Path) -> None:
    """A new module at the top of the package must be given its layer."""
    copy(repo, tmp_path)
    plant(tmp_path / "rab", "planted.py", '"""Nowhere."""')
    assert "rab.planted" in lint(tmp_path)
