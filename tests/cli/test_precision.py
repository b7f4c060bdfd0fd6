"""`precision>=` on the command line: what it finds is said on standard error, and what nobody taught is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rab.catalog import Catalog
from rab.workflows.calibrating import KIND, NAME
from tests.conftest import Make

Rab = Callable[..., Any]
TAXON = "Turdus merula"
ASKED, MEANT = f'taxon="{TAXON}" precision>=0.9', f'taxon="{TAXON}" score>=0.4'


@pytest.fixture
def own(home: Path, tmp_path: Path) -> Path:
    """Return a copy of the small library with a calibration."""
    own = Path(shutil.copytree(home, tmp_path / "own"))
    with Catalog.open(f"sqlite:///{(own / 'catalog.sqlite').as_posix()}") as catalog:
        (card,) = catalog.cards()
        learned = Make().calibrations(card, (TAXON, None, 0.4))
        catalog.keep_learned(KIND, NAME, card.space, learned.model_dump_json())
    return own


def test_every_command_reads_it(rab: Rab, own: Path) -> None:
    """Lists answer as for the raw score and note its origin; packs and summaries carry the note."""
    note = f"{ASKED} is read as score>=0.4: calibration v1 of birdnet-v2.4, 2025-06-01, from 120 labelled segments"
    listed = [rab("--home", own, "segments", "--json", "--where", where) for where in (ASKED, MEANT)]
    assert listed[0].out == listed[1].out
    assert (f"note: {note}" in listed[0].err, "") == (True, listed[1].err)
    segment = json.loads(listed[0].out)[0]["segment"]["id"]
    for command in (("detections",), ("similar", segment), ("suggest", segment), ("suggest",)):
        answer = rab("--home", own, *command, "--where", ASKED)
        assert (0, True) == (answer.code, f"note: {note}" in answer.err), (command, answer)
    for command in (("evidence", segment), ("summary",)):
        answer = rab("--home", own, *command, "--where", ASKED, "--json")
        pack = json.loads(answer.out)
        assert [True] == [one.startswith(note) for one in pack.get("pack", pack)["notes"]]


@pytest.mark.parametrize("command", [("segments",), ("detections",), ("summary",), ("report",), ("hypotheses",)])
def test_what_no_label_taught_is_refused(rab: Rab, own: Path, command: tuple[str, ...]) -> None:
    """Exit code 2, with taxon and precision, and the next step."""
    answer = rab("--home", own, *command, "--where", 'taxon="Strix aluco" precision>=0.9')
    assert (2, "") == (answer.code, answer.out)
    assert 'taxon="Strix aluco" precision>=0.9 cannot be answered' in answer.err
    assert "`rab calibrate --precision 0.9 --model birdnet-v2.4`" in answer.err
