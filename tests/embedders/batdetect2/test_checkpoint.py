"""Checkpoints: tensors and plain data are read, everything else is refused before anything runs."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rab.embedders.batdetect2.checkpoint import read_checkpoint
from rab.embedders.batdetect2.graph import build_graph
from rab.embedders.batdetect2.species import taxa_of
from rab.embedders.weights import InstalledModel
from rab.errors import ModelMissing

NUMBERS = np.arange(6, dtype="<f4")


class Named:
    """Stands for a global name that a pickle holds, called with arguments when it is read."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments


class Storage:
    """Stands for the numbers of a tensor."""

    def __init__(self, key: str = "0", n_numbers: int = 6) -> None:
        self.key = key
        self.n_numbers = n_numbers


def write(path: Path, content: object, calls: str = "torch._utils _rebuild_tensor_v2", **entry: Any) -> Path:
    """Write a checkpoint whose `Named` objects call the name `calls` (module and name)."""

    class Writer(pickle._Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return None

        def save_named(self: Any, obj: Named) -> None:
            module, name = calls.split()
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            self.write(pickle.MARK)
            for one in obj.arguments:
                self.save(one)
            self.write(pickle.TUPLE + pickle.REDUCE)

        def save_storage(self: Any, obj: Storage) -> None:
            self.write(pickle.MARK)
            self.save("storage")
            self.write(pickle.GLOBAL + b"torch\nFloatStorage\n")
            for one in (obj.key, "cpu", obj.n_numbers):
                self.save(one)
            self.write(pickle.TUPLE + pickle.BINPERSID)

        dispatch: ClassVar[dict[Any, Any]] = {**pickle._Pickler.dispatch, Named: save_named, Storage: save_storage}

    pickled = io.BytesIO()
    Writer(pickled, protocol=2).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/data/0", NUMBERS.tobytes(), **entry)
    return path


def tensor(offset: int = 0, shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] = (3, 1)) -> Named:
    return Named(Storage(), offset, shape, strides, False, OrderedDict())


def test_tensors_and_parameters_are_read(tmp_path: Path) -> None:
    """In shape, and read-only."""
    path = write(tmp_path / "a.pth", {"state_dict": OrderedDict(a=tensor()), "params": {"names": ["x"], "n": 1}})

    checkpoint = read_checkpoint(path)

    np.testing.assert_array_equal(NUMBERS.reshape(2, 3), checkpoint.tensors["a"])
    assert not checkpoint.tensors["a"].flags.writeable
    assert checkpoint.params == {"names": ["x"], "n": 1}


@pytest.mark.parametrize("name", ["os system", "builtins eval", "builtins getattr", "torch load", "numpy load"])
def test_a_pickle_that_calls_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    """The message names what it wanted, and nothing was called."""
    trap = tmp_path / "trap"
    path = write(tmp_path / "a.pth", {"state_dict": Named(f"touch {trap}"), "params": {}}, calls=name)

    with pytest.raises(ModelMissing, match=name.replace(" ", r"\.")):
        read_checkpoint(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    "made",
    [
        lambda: tensor(offset=1),
        lambda: tensor(offset=-1),
        lambda: tensor(shape=(3, 3)),
        lambda: tensor(strides=(1, 2)),
        lambda: tensor(shape=(1 << 40, 1 << 40), strides=(0, 0)),
    ],
)
def test_a_tensor_outside_its_numbers_is_refused(tmp_path: Path, made: Callable[[], Named]) -> None:
    """Offsets and strides could reach into memory that is not theirs."""
    path = write(tmp_path / "a.pth", {"state_dict": {"a": made()}, "params": {}})

    with pytest.raises(ModelMissing, match="does not lie in order"):
        read_checkpoint(path)


@pytest.mark.parametrize("storage", [Storage(n_numbers=7), Storage(key="../0")])
def test_a_storage_of_another_size_or_place_is_refused(tmp_path: Path, storage: Storage) -> None:
    """What the pickle says and what the archive holds must agree."""
    path = write(tmp_path / "a.pth", {"state_dict": {"a": Named(storage, 0, (6,), (1,))}, "params": {}})

    with pytest.raises(ModelMissing, match="storage"):
        read_checkpoint(path)


def test_compressed_numbers_are_refused(tmp_path: Path) -> None:
    """A small file cannot fill the memory."""
    path = write(tmp_path / "a.pth", {"state_dict": {"a": tensor()}, "params": {}}, compress_type=zipfile.ZIP_DEFLATED)

    with pytest.raises(ModelMissing, match="storage 0"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"junk" * 99, pickle.dumps({"state_dict": {}})])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    """Damage gets a message that names the file."""
    path = tmp_path / "a.pth"
    path.write_bytes(content)

    with pytest.raises(ModelMissing, match=r"a\.pth"):
        read_checkpoint(path)


def test_a_state_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    """Plain data where numbers belong is another kind of file."""
    path = write(tmp_path / "a.pth", {"state_dict": {"a": 1}, "params": {}})

    with pytest.raises(ModelMissing, match="tensors alone"):
        read_checkpoint(path)


def test_the_published_checkpoint_is_whole(installed: InstalledModel) -> None:
    """81 tensors, and the parameters that the code of RAB has as constants."""
    checkpoint = read_checkpoint(installed.path("network"))

    assert len(checkpoint.tensors) == 81
    expected = {
        "model_name": "Net2DFast",
        "target_samp_rate": 256_000,
        "fft_win_length": 0.002,
        "fft_overlap": 0.75,
        "max_freq": 120_000,
        "min_freq": 10_000,
        "resize_factor": 0.5,
        "spec_height": 256,
        "ip_height": 128,
        "spec_scale": "pcen",
        "denoise_spec_avg": True,
        "max_scale_spec": False,
        "scale_raw_audio": False,
        "nms_kernel_size": 9,
        "nms_top_k_per_sec": 200,
        "spec_divide_factor": 32,
    }
    assert expected == {name: checkpoint.params[name] for name in expected}


def test_another_network_is_refused(installed: InstalledModel) -> None:
    """A tensor that is missing is named."""
    tensors = dict(read_checkpoint(installed.path("network")).tensors)
    del tensors["att.key_fun.bias"]

    with pytest.raises(ModelMissing, match=r"att\.key_fun\.bias"):
        build_graph(tensors)


def test_other_species_are_refused() -> None:
    """A checkpoint trained on other bats would get the names of these."""
    with pytest.raises(ModelMissing, match="other species"):
        taxa_of(["Tadarida brasiliensis"] * 17)
