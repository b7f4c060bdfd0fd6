"""`deploy/dev.py`, run for real in a tiny checkout whose packages lie in a folder: no index is asked."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

BACKEND = """
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "rab-0.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("rab-0.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: rab\\nVersion: 0.0\\n")
        wheel.writestr("rab-0.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("rab-0.0.dist-info/RECORD", "")
    return name
"""
GATES = """
import os, sys

def gate():
    name = os.path.basename(sys.argv[0]).removesuffix(".exe")
    print(f"{name} speaks")
    sys.exit(name in os.environ.get("FAILING", ""))
"""
PYTEST = """
import os, sys
print("ran with", *sys.argv[1:])
print("3 passed in 0.01s")
sys.exit("pytest" in os.environ.get("FAILING", ""))
"""
SCRIPTS = "[console_scripts]\nruff = gates:gate\nlint-imports = gates:gate\nmypy = gates:gate\n"


class Checkout:
    """A checkout with a `dev.py`, two locks, and a folder instead of an index."""

    def __init__(self, folder: Path, dev: Path) -> None:
        self.root = folder / "checkout"
        self.index = folder / "index"
        self.index.mkdir(parents=True)
        (self.root / "deploy").mkdir(parents=True)
        shutil.copy(dev, self.root / "deploy" / "dev.py")
        (self.root / "backend.py").write_text(BACKEND)
        (self.root / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "rab"\nversion = "0.0"\n'
        )

    def publish(self, name: str, version: str, files: Mapping[str, str]) -> str:
        """Put a wheel into the index and return its line for a lock."""
        about = f"{name}-{version}.dist-info"
        path = self.index / f"{name}-{version}-py3-none-any.whl"
        files = {
            **files,
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in files.items():
                wheel.writestr(member, content)
        return f"{name}=={version} \\\n    --hash=sha256:{sha256(path.read_bytes()).hexdigest()}\n"

    def lock(self, runtime: str, dev: str = "") -> None:
        """Write the locks; the pinned uv is none that this index has."""
        (self.root / "deploy" / "requirements.lock").write_text(runtime)
        (self.root / "deploy" / "requirements-dev.lock").write_text(dev)
        (self.root / "deploy" / "requirements-uv.lock").write_text(f"uv==1.0 --hash=sha256:{'0' * 64}\n")

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start dev.py, with an index that is a folder."""
        return subprocess.Popen(
            [sys.executable, str(self.root / "deploy" / "dev.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), **environment},
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run dev.py and return its exit status and what it said."""
        process = self.start(*arguments, **environment)
        said, _ = process.communicate()
        return process.returncode, said

    @property
    def stamp(self) -> Path:
        """What `.venv` was built from."""
        return self.root / ".venv" / "built-from.json"

    def python(self, code: str) -> str:
        """Return what `.venv`'s Python prints."""
        python = self.root / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def checkout(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a checkout that is set up for the runtime."""
    tiny = Checkout(tmp_path_factory.mktemp("tiny"), repo / "deploy" / "dev.py")
    gates = {"gates.py": GATES, "pytest.py": PYTEST, "gates-1.0.dist-info/entry_points.txt": SCRIPTS}
    tiny.lock(tiny.publish("sounds", "1.0", {"sounds.py": "VERSION = 1\n"}), tiny.publish("gates", "1.0", gates))
    code, said = tiny.run("setup")
    assert 0 == code, said
    assert "Going on with pip" in said
    return tiny


def test_set_up_installs_the_lock(checkout: Checkout) -> None:
    """The environment holds the locked packages, and not yet the tools of the gates."""
    assert "1 None" == checkout.python(
        "import sounds, importlib.util; print(sounds.VERSION, importlib.util.find_spec('gates'))"
    )


def test_second_set_up_does_nothing(checkout: Checkout) -> None:
    """What is already there is used again, silently."""
    before = checkout.stamp.stat().st_mtime_ns
    assert (0, "") == checkout.run("setup")
    assert before == checkout.stamp.stat().st_mtime_ns


def test_tools_are_added_to_what_is_there(checkout: Checkout) -> None:
    """The gates' tools extend the environment without building it anew."""
    before = (checkout.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    code, said = checkout.run("setup", "--dev")
    assert 0 == code, said
    assert before == (checkout.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    assert {"requirements.lock", "requirements-dev.lock"} <= json.loads(checkout.stamp.read_text()).keys()


def test_gates_run_and_pytest_speaks_last(checkout: Checkout) -> None:
    """Passing gates are one line each; pytest gets the arguments and has the last word."""
    code, said = checkout.run("test", "-k", "owl")
    assert 0 == code
    assert ["format", "lint", "imports", "types", "tests"] == [
        line.split()[0] for line in said.splitlines() if "speaks" not in line
    ][-7:-2]
    assert "ran with -n auto --maxprocesses=4 --dist=loadfile -k owl\n3 passed in 0.01s" == said.strip()[-74:]
    assert "speaks" not in said


@pytest.mark.parametrize(
    ("failing", "named"),
    [("mypy", "types"), ("ruff mypy", "format, lint, types"), ("ruff pytest", "format, lint, tests")],
)
def test_failing_gates_are_named_before_pytests_last_line(checkout: Checkout, failing: str, named: str) -> None:
    """Every gate runs, what the failing ones said is shown, and the status is not zero."""
    code, said = checkout.run("test", FAILING=failing)
    assert 1 == code
    assert f"{failing.split()[0]} speaks" in said
    assert [f"Failed: {named}", "3 passed in 0.01s"] == said.splitlines()[-2:]


def test_check_runs_the_gates_without_the_tests(checkout: Checkout) -> None:
    """`check` ends after the types."""
    code, said = checkout.run("check")
    assert (0, "types") == (code, said.splitlines()[-1].split()[0])


SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
import tinymodel
print(tinymodel.ADDRESS, flush=True)
sys.stdin.read()
"""


def test_language_model_is_served_while_its_tests_run(checkout: Checkout) -> None:
    """What the lock names is put into a folder of its own, served, and asked; the second time nothing is fetched."""
    address = "http://127.0.0.1:1/v1"
    line = checkout.publish("tinymodel", "1.0", {"tinymodel.py": f"ADDRESS = '{address}'\n"})
    (checkout.root / "deploy" / "requirements-llm.lock").write_text(line)
    (checkout.root / "tests" / "language").mkdir(parents=True)
    (checkout.root / "tests" / "language" / "serve_model.py").write_text(SERVER)
    for fetched in (True, False):
        code, said = checkout.run("test-llm", "-k", "owl")
        assert 0 == code, said
        assert fetched == ("Fetching" in said)
        assert f"answers at {address}" in said
        assert "ran with tests/language -m llm --no-header -k owl" in said
    assert [] == list((checkout.root / ".venv").rglob("tinymodel.py"))


def test_language_model_that_cannot_be_served_is_an_error(checkout: Checkout) -> None:
    """The log that says why is named."""
    (checkout.root / "tests" / "language" / "serve_model.py").write_text("raise SystemExit('no memory')")
    code, said = checkout.run("test-llm")
    assert 1 == code
    assert "server.log says why" in said


def test_killed_set_up_is_repaired(checkout: Checkout) -> None:
    """After a kill in the middle, the next run waits for what the dead one had started, and builds anew."""
    checkout.lock(checkout.publish("sounds", "2.0", {"sounds.py": "VERSION = 2\n"}))
    with checkout.start("setup") as killed:
        while checkout.stamp.exists() and killed.poll() is None:
            time.sleep(0.01)
        killed.kill()
    assert not checkout.stamp.exists()
    code, said = checkout.run("setup")
    assert 0 == code, said
    assert "2" == checkout.python("import sounds; print(sounds.VERSION)")


def test_wrong_hash_is_refused(checkout: Checkout) -> None:
    """A package that is not what was locked is not installed, and the next step is named."""
    line = checkout.publish("sounds", "2.0", {"sounds.py": "VERSION = 2\n"})
    checkout.publish("sounds", "2.0", {"sounds.py": "VERSION = 'forged'\n"})
    checkout.lock(line + "# pinned before the index changed\n")
    code, said = checkout.run("setup")
    assert (1, False) == (code, checkout.stamp.exists())
    assert "DO NOT MATCH THE HASHES" in said
    assert "  next: " in said


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--help"]])
def test_help_names_every_command(checkout: Checkout, arguments: list[str]) -> None:
    """An unknown word gets the page of help and a status that is not zero; asking for it gets zero."""
    code, said = checkout.run(*arguments)
    assert (0 if arguments == ["--help"] else 2) == code
    assert all(f"dev.py {command}" in said for command in ("setup", "demo", "test", "check", "lock"))


@pytest.mark.parametrize("arguments", [["setup", "--all"], ["check", "rab"]])
def test_unknown_option_is_refused(checkout: Checkout, arguments: list[str]) -> None:
    """An option that a command does not know is an error that names it and the next step."""
    code, said = checkout.run(*arguments)
    assert 1 == code
    assert arguments[1] in said
    assert "  next: " in said
