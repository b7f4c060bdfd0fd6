"""`rab models`: what is known of every model, and installing, verifying and licensing them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rab.cli.models import models
from rab.embedders.weights import MODELS
from rab.errors import InputError, ModelMissing, NotFound

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `rab models` with a folder for weights of its own; errors of RAB are raised."""
    monkeypatch.setenv("RAB_MODELS_DIR", str(tmp_path / "models"))

    def answer(*arguments: object) -> Result:
        return CliRunner().invoke(models, list(map(str, arguments)), catch_exceptions=True)

    return answer


def loaded(answer: Result) -> Any:
    assert 0 == answer.exit_code, answer.output
    return json.loads(answer.stdout)


def test_list_names_every_model_with_state_and_terms(run: Run) -> None:
    """Words and JSON say the same."""
    rows = loaded(run("list", "--json"))

    assert [*MODELS] == [row["key"] for row in rows]
    assert {"not installed"} == {row["state"] for row in rows}
    words = run("list").stdout
    assert all(f"{row['key']}  not installed  {row['licence']}" in words for row in rows)


def test_show_tells_all_of_perch_before_it_is_installed(run: Run) -> None:
    """Rate, window, sizes, terms, origin and space stand there without any weights."""
    info = loaded(run("show", "perch-v2", "--json"))
    words = run("show", "perch-v2").stdout

    assert (32_000, 5000, 1536, 14_795) == tuple(
        info["card"][name] for name in ("sample_rate_hz", "window_ms", "dim", "n_classes")
    )
    assert f"perch-v2-1536-{info['fingerprint'][:8]}" == info["space"]
    for fact in ("32,000 Hz", "5 s", "softmax", "Apache-2.0", "arXiv:2508.04665", "perch_v2.onnx", info["space"]):
        assert fact in words


def test_show_of_weights_of_ones_own_waits_for_them(run: Run) -> None:
    """Without their sha256 there is no space yet."""
    info = loaded(run("show", "perch-v2-headless", "--json"))

    assert (None, None, None) == (info["card"], info["fingerprint"], info["space"])
    assert "not known before it is installed" in run("show", "perch-v2-headless").stdout


@pytest.mark.parametrize("command", ["show", "install", "verify", "licence"])
def test_unknown_model_is_told_with_the_known_ones(run: Run, command: str) -> None:
    """A mistyped key meets the list, and exit code 3."""
    error = run(command, "perch-v9").exception

    assert isinstance(error, NotFound)
    assert 3 == error.exit_code
    assert "perch-v2, perch-v2-litert" in error.hint


def test_own_file_is_installed_verified_and_licensed(run: Run, tmp_path: Path) -> None:
    """From the file to its checksum, without a question, for the licence is free."""
    (tmp_path / "net.onnx").write_bytes(b"net")

    installed = run("install", "perch-v2-headless", "--from", tmp_path / "net.onnx")

    assert "licence of the weights: Apache-2.0" in installed.stdout
    assert "checked and installed in" in installed.stdout
    (row,) = loaded(run("verify", "--json"))
    assert row["sha256"]["network"] in run("verify", "perch-v2-headless").stdout
    assert "Apache License" in run("licence", "perch-v2-headless").stdout
    assert "is installed in" in run("install", "perch-v2-headless").stdout


def test_verify_reads_what_list_only_looks_at(run: Run, tmp_path: Path) -> None:
    """A damaged file of the right size is found by verifying."""
    (tmp_path / "net.onnx").write_bytes(b"net")
    run("install", "perch-v2-headless", "--from", tmp_path / "net.onnx")
    (tmp_path / "models" / "perch-v2-headless" / "perch_v2_headless.onnx").write_bytes(b"ten")

    assert "perch-v2-headless  installed" in run("list").stdout
    error = run("verify").exception
    assert isinstance(error, ModelMissing)
    assert "is damaged" in error.message


def test_nothing_to_verify_is_nothing(run: Run) -> None:
    """Where nothing is installed, nothing is checked."""
    assert [] == loaded(run("verify", "--json"))


def test_failed_install_leaves_nothing_installed(run: Run, tmp_path: Path) -> None:
    """A file that is not what was published is refused, and the state says so."""
    assert isinstance(run("install", "perch-v2-headless").exception, InputError)
    assert isinstance(run("install", "perch-v2", "--from", tmp_path).exception, InputError)

    assert {"not installed"} == {row["state"] for row in loaded(run("list", "--json"))}


@pytest.mark.parametrize("key", ["birdnet-v2.4", "batdetect2-v1.3.1"])
def test_non_commercial_terms_must_be_accepted(run: Run, tmp_path: Path, key: str) -> None:
    """Where nobody can answer, nothing is fetched, and the option is named."""
    answer = run("install", key)

    assert isinstance(answer.exception, ModelMissing)
    assert "--accept-licence" in answer.exception.hint
    assert "non-commercial use only" in answer.stdout
    assert not (tmp_path / "models").exists()


def test_mirror_of_the_settings_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RAB_MODELS_MIRROR` reaches the download: one that is no address is refused by name."""
    monkeypatch.setenv("RAB_MODELS_MIRROR", "mirror.example")

    error = run("install", "perch-v2").exception

    assert isinstance(error, InputError)
    assert "mirror.example is no https address" in error.message
