"""The locks: complete, hashed, without addresses, and small enough to install."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-uv.lock"]
GIGABYTES = {"torch", "tensorflow", "jax", "nvidia-cublas-cu12", "triton"}


@pytest.fixture(scope="module")
def pyproject(repo: Path) -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))


def entries(lock: Path) -> list[str]:
    """Return the logical lines of a lock, without comments."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def locked(repo: Path, *names: str) -> dict[str, set[str]]:
    """Return the versions that locks pin, by distribution; a marker may divide a distribution into several."""
    versions: dict[str, set[str]] = {}
    for name in names:
        for entry in entries(repo / "deploy" / name):
            requirement = Requirement(entry.partition(" --hash")[0])
            versions.setdefault(requirement.name, set()).add(str(requirement.specifier).removeprefix("=="))
    return versions


@pytest.mark.parametrize("name", [*LOCKS, "requirements-llm.lock"])
def test_every_entry_is_pinned_and_hashed(repo: Path, name: str) -> None:
    """Each line is `name==version`, perhaps a marker, and at least one sha256; an address stands nowhere."""
    shape = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^#]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+")
    lines = entries(repo / "deploy" / name)
    assert lines
    assert [] == [line[:80] for line in lines if not shape.fullmatch(line)]
    assert "://" not in (repo / "deploy" / name).read_text(encoding="utf-8")


def test_locks_hold_what_pyproject_asks_for(repo: Path, pyproject: dict[str, Any]) -> None:
    """Each declared dependency is locked, at versions that it allows."""
    runtime, everything = locked(repo, LOCKS[0]), locked(repo, *LOCKS)
    asked = [(text, runtime) for text in pyproject["project"]["dependencies"] + pyproject["build-system"]["requires"]]
    asked += [(text, everything) for group in pyproject["dependency-groups"].values() for text in group]
    for text, versions in asked:
        requirement = Requirement(text)
        pinned = versions.get(canonicalize_name(requirement.name), set())
        assert pinned, f"{text} is not locked: run `python3 deploy/dev.py lock`"
        assert {True} == {requirement.specifier.contains(version) for version in pinned}, text


def test_dev_lock_only_adds(repo: Path) -> None:
    """Nothing is pinned twice, so the two locks cannot disagree."""
    assert set() == locked(repo, LOCKS[0]).keys() & locked(repo, LOCKS[1]).keys()


def test_no_gigabytes(repo: Path) -> None:
    """No deep-learning framework is ever installed: the base environment stays under 700 MB."""
    assert set() == locked(repo, *LOCKS).keys() & GIGABYTES
