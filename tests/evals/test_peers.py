"""Peers: a small package of our own in an interpreter of its own, through the real protocol."""

import os
import runpy
import shutil
import sys
import textwrap
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from rab.domain import EmbedderCard
from rab.embedders.base import Embedder
from rab.errors import InputError, Unavailable
from rab.evals import peers
from rab.evals.peers import peer
from rab.evals.race import race

HEADER = """
import sys
from contextlib import contextmanager
from pathlib import Path
from protocol import serve

@contextmanager
def load(n_threads, weights):
"""
FOOTER = """
if __name__ == "__main__":
    serve(load)
"""
Publish = Callable[[str], None]


@pytest.fixture
def card(birdnet: Embedder) -> EmbedderCard:
    return birdnet.card


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Return two seconds of silence."""
    path = tmp_path / "windows.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16_000))
    return path


@pytest.fixture
def publish(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Make a body of `load` the script of BirdNET's peer, beside the real protocol."""
    folder = tmp_path / "evals" / "peers"
    folder.mkdir(parents=True)
    shutil.copy(repo / "evals" / "peers" / "protocol.py", folder)
    monkeypatch.setattr(peers, "suites_folder", lambda: folder.parent)

    def write(body: str) -> None:
        (folder / "birdnet_peer.py").write_text(HEADER + textwrap.indent(textwrap.dedent(body), "    ") + FOOTER)

    return write


def test_every_way_to_work_joins_the_race(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Threads and weights reach the package, its first result is on half a second, and its noise ends nothing."""
    log = tmp_path / "heard.txt"
    publish(f"""
        def hear(name, path):
            print("{{noise")
            with open({str(log)!r}, "a") as file:
                file.write(f"{{name}} {{path.stat().st_size}}\\n")
        print(n_threads, weights.parent.name, weights.name)
        yield {{"all": lambda path: hear("all", path), "part": lambda path: hear("part", path)}}
        print("closed")
    """)
    with peer(sys.executable, card, wav, 3, models_dir=tmp_path / "weights") as one:
        everything, part = race(one.contestants, rounds=2, audio_s=2)
    assert ("all", "part") == (everything.name, part.name)
    assert 0 < one.cold_start_s < 60
    assert all(0 <= seconds < 60 for seconds in (*everything.seconds, *part.seconds))
    assert ["all 8044", *["all 32044", "part 32044"] * 3] == log.read_text().splitlines()
    assert ["3 weights birdnet-v2.4", *["{noise"] * 7, "closed"] == capfd.readouterr().err.splitlines()


def test_package_that_is_not_there_is_told(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The interpreter's own error stands on standard error, and ours names the interpreter."""
    publish("import no_such_package")
    with (
        pytest.raises(Unavailable, match="the other package ended in"),
        peer(sys.executable, card, wav, 1, models_dir=tmp_path),
    ):
        pytest.fail("nothing was loaded")
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_package_that_dies_at_work_ends_the_race(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path
) -> None:
    """A package that ends in a round has no time; asked again, it is as dead."""
    publish("""
        import os
        yield {"fragile": lambda path: path.stem == "first" or os._exit(3)}
    """)
    with peer(sys.executable, card, wav, 1, models_dir=tmp_path) as one:
        run = one.contestants[0].run
        for _ in range(2):
            with pytest.raises(Unavailable):
                run()


def test_package_that_does_not_end_is_killed(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A race that is over does not wait for workers that hang."""
    monkeypatch.setattr(peers, "_PATIENCE_S", 0.01)
    publish("""
        import os, time
        yield {str(os.getpid()): lambda path: None}
        time.sleep(600)
    """)
    with peer(sys.executable, card, wav, 1, models_dir=tmp_path) as one:
        pid = int(one.contestants[0].name)
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_interpreter_that_is_not_there_is_an_input_error(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path
) -> None:
    """The path given is named."""
    publish("yield {}")
    missing = str(tmp_path / "no-python")
    with (
        pytest.raises(InputError, match="no-python cannot be started"),
        peer(missing, card, wav, 1, models_dir=tmp_path),
    ):
        pytest.fail("nothing was started")


def test_model_without_a_peer_is_an_input_error(
    publish: Publish, card: EmbedderCard, wav: Path, tmp_path: Path
) -> None:
    """Who asks for a package that nobody knows is told to leave it out."""
    with (
        pytest.raises(InputError, match="no other package is known"),
        peer(sys.executable, card, wav, 1, models_dir=tmp_path),
    ):
        pytest.fail("there is no script")


def test_rab_itself_starts_cold_like_any_other(card: EmbedderCard, models_dir: Path, samples_dir: Path) -> None:
    """The real script loads the real model in a fresh interpreter, and hears a file."""
    wav = samples_dir / "opensoundscape" / "birds_10s.wav"
    with peer(sys.executable, card, wav, 1, models_dir=models_dir, package="rab") as one:
        (contestant,) = one.contestants
        assert contestant.name.endswith(", 1 thread")
        assert 0 < contestant.run() < 600
    assert 0 < one.cold_start_s < 600


@pytest.mark.parametrize("name", ["birdnet", "batdetect2"])
def test_scripts_stand_where_they_are_looked_for(repo: Path, name: str) -> None:
    """Each family whose authors publish a package has a script, and none is named like the package."""
    assert (repo / "evals" / "peers" / f"{name}_peer.py").is_file()
    assert not (repo / "evals" / "peers" / f"{name}.py").exists()


def test_birdnet_package_finds_the_weights_that_are_installed(
    repo: Path, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of the size that the package checks, and labels in each of its 27 languages, lie where it looks."""
    folder = repo / "evals" / "peers"
    monkeypatch.syspath_prepend(str(folder))
    runpy.run_path(str(folder / "birdnet_peer.py"))["link_weights"](models_dir / "birdnet-v2.4", tmp_path / "tf")
    assert 51_726_412 == (tmp_path / "tf" / "model-fp32.tflite").stat().st_size
    labels = list((tmp_path / "tf" / "labels").glob("*.txt"))
    assert (27, {6522}) == (len(labels), {len(file.read_text(encoding="utf-8").splitlines()) for file in labels})
