"""The same pack gives the same bytes, in whatever order Python hashes things."""

import os
import subprocess
import sys
from pathlib import Path

from rab.domain import EvidencePack
from rab.generation import text_of, write_interpretation, write_summary

_WRITE = """
import sys
from pathlib import Path
from rab.domain import EvidencePack
from rab.generation import text_of, write_interpretation, write_summary
pack = EvidencePack.model_validate_json(Path(sys.argv[1]).read_bytes())
written = write_summary(pack) if pack.kind == "summary" else write_interpretation(pack)
sys.stdout.buffer.write((text_of(written) + written.model_dump_json()).encode())
"""


def _in_another_process(pack_file: Path, seed: str) -> bytes:
    environment = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": "C"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, str(pack_file)], cwd=root, env=environment, check=True, capture_output=True
    )
    return done.stdout


def test_bytes_do_not_depend_on_hashing_or_locale(divided: EvidencePack, day: EvidencePack, tmp_path: Path) -> None:
    """Three hash seeds under the C locale give the bytes that this process gives."""
    for pack, written in ((divided, write_interpretation(divided)), (day, write_summary(day))):
        pack_file = tmp_path / f"{pack.kind}.json"
        pack_file.write_text(pack.model_dump_json(), encoding="utf-8")
        here = (text_of(written) + written.model_dump_json()).encode()
        assert {here} == {_in_another_process(pack_file, seed) for seed in ("0", "1", "4242")}
