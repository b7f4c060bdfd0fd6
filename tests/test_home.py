"""The data directory has one owner, who is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rab.errors import HomeLocked, StorageFailed
from rab.home import HomeLock

HOLDER = """
import sys
from pathlib import Path
from rab.home import HomeLock
with HomeLock(Path(sys.argv[1]), "rab serve"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_process_is_told_who_holds(tmp_path: Path, repo: Path) -> None:
    """The error names the holder's process and purpose, and the way out; a killed holder leaves no lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=repo,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        named = rf"process {holder.pid} \(rab serve\)"
        with pytest.raises(HomeLocked, match=named) as refused, HomeLock(tmp_path, "rab ingest"):
            pass
        assert "HTTP" in refused.value.hint
        holder.kill()
    with HomeLock(tmp_path, "rab ingest"):
        assert f'"pid": {os.getpid()}' in (tmp_path / "owner.json").read_text()
    assert not (tmp_path / "owner.json").exists()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A data directory that is a file is refused with its name."""
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StorageFailed, match="file"), HomeLock(file, "rab ingest"):
        pass
