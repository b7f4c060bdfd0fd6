"""What RAB translates is kept whole or not at all, and built anew whenever it is not what it says."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rab.embedders.onnx_runtime import OnnxNetwork, kept_model
from rab.errors import ModelMissing

CONTENT = b"a graph" * 1000


class Builder:
    """Builds the same graph each time, and counts."""

    def __init__(self) -> None:
        self.n_built = 0

    def __call__(self) -> bytes:
        self.n_built += 1
        return CONTENT


def truncate(path: Path) -> None:
    path.write_bytes(CONTENT[:100])


def flip(path: Path) -> None:
    path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    """The second call reads what the first one kept."""
    build = Builder()

    graphs = [kept_model(tmp_path, "net", recipe="1", build=build) for _ in range(2)]

    assert ([CONTENT, CONTENT], 1) == (graphs, build.n_built)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", [truncate, flip, empty, Path.unlink])
def test_a_damaged_graph_is_built_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Cut short, one bit off, empty or gone: the next call puts it right."""
    build = Builder()
    kept_model(tmp_path, "net", recipe="1", build=build)
    (path,) = tmp_path.iterdir()
    damage(path)

    graph = kept_model(tmp_path, "net", recipe="1", build=build)

    assert (CONTENT, 2) == (graph, build.n_built)
    assert CONTENT == path.read_bytes()


def test_another_recipe_replaces_the_old_graph(tmp_path: Path) -> None:
    """Other weights or another translator: built anew, the old one removed, those of other names left alone."""
    build = Builder()
    kept_model(tmp_path, "other", recipe="1", build=build)
    kept_model(tmp_path, "net", recipe="1", build=build)
    (old,) = tmp_path.glob("net-*")

    kept_model(tmp_path, "net", recipe="2", build=build)

    assert build.n_built == 3
    assert [False, 1, 1] == [old.exists(), len(list(tmp_path.glob("net-*"))), len(list(tmp_path.glob("other-*")))]


def test_what_a_power_cut_left_is_removed(tmp_path: Path) -> None:
    """An old half-written file goes; one that may still be written stays."""
    old, young = (tmp_path / f"net-{age}.onnx.1.part" for age in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)

    kept_model(tmp_path, "net", recipe="1", build=Builder())

    assert (False, True) == (old.exists(), young.exists())


def test_a_folder_that_cannot_be_written_costs_a_build_and_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is kept, everything works, and the log says why it takes so long."""
    build = Builder()
    folder = tmp_path / "missing"

    with caplog.at_level(logging.WARNING):
        graphs = [kept_model(folder, "net", recipe="1", build=build) for _ in range(2)]

    assert ([CONTENT, CONTENT], 2) == (graphs, build.n_built)
    assert "cannot be written" in caplog.text


SCRIPT = """
import sys, time
from pathlib import Path
from rab.embedders import onnx_runtime

folder = Path(sys.argv[1])
if sys.argv[2] == "stall":
    def stall(_):
        print("writing", flush=True)
        time.sleep(60)
    onnx_runtime.os.fsync = stall

def build():
    time.sleep(0.2)
    return b"a graph" * 1000

assert onnx_runtime.kept_model(folder, "net", recipe="1", build=build) == b"a graph" * 1000
"""


def test_killed_while_writing_leaves_nothing_that_is_believed(tmp_path: Path) -> None:
    """After SIGKILL in the middle of the first build, the next start builds and keeps the graph."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), "stall"], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.kill()
    build = Builder()

    assert [".part"] == [path.suffix for path in tmp_path.iterdir()]
    assert CONTENT == kept_model(tmp_path, "net", recipe="1", build=build)
    assert CONTENT == kept_model(tmp_path, "net", recipe="1", build=build)
    assert build.n_built == 1


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    """Both get the graph, and one file remains."""
    builders = [subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), "go"]) for _ in range(2)]

    assert [0, 0] == [builder.wait(timeout=60) for builder in builders]
    assert [CONTENT] == [path.read_bytes() for path in tmp_path.iterdir()]


def test_what_is_no_graph_is_refused() -> None:
    """The runtime's own exception becomes one of RAB's."""
    with pytest.raises(ModelMissing, match="ONNX Runtime cannot load junk"):
        OnnxNetwork(b"junk" * 100, n_threads=1, name="junk")


def test_a_graph_runs_on_named_values() -> None:
    """Named inputs go in, the outputs asked for come out."""
    from onnx import TensorProto, helper

    described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "negation", described[:1], described[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    network = OnnxNetwork(model.SerializeToString(), n_threads=1, name="negation")
    (values,) = network(["y"], x=np.array([1, -2], np.float32))

    assert [-1, 2] == values.tolist()
    assert (["x"], ["y"]) == (list(network.inputs), list(network.outputs))
