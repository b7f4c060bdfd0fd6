"""Small networks with Perch's inputs, outputs and shapes: each output is a stretch of what the network hears."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as tflite
from onnx import TensorProto, helper, numpy_helper

from rab.downloads import RemoteFile
from rab.embedders.registry import MODELS, ModelSource
from rab.embedders.weights import InstalledModel, install

N_SAMPLES, DIM, N_CLASSES = 160_000, 1536, 14_795

Publish = Callable[..., InstalledModel]


def onnx_network(outputs: Sequence[str] = ("embedding", "spatial_embedding", "spectrogram", "label")) -> bytes:
    """Return a graph whose embedding is samples 0–1535 and whose label is samples 1536–16330 of each window."""
    shapes: dict[str, list[Any]] = {
        "embedding": ["batch", DIM],
        "spatial_embedding": ["batch", 16, 4, DIM],
        "spectrogram": ["batch", 500, 128],
        "label": ["batch", N_CLASSES],
    }
    spans = {"embedding": (0, DIM), "spatial_embedding": (0, 98_304), "spectrogram": (0, 64_000)}
    spans["label"] = (DIM, DIM + N_CLASSES)
    nodes, constants = [], [numpy_helper.from_array(np.array([1]), "axis")]
    for name in outputs:
        ends = (numpy_helper.from_array(np.array([at]), f"{name}_{at}") for at in spans[name])
        constants += list(ends)
        bounds = [f"{name}_{at}" for at in spans[name]]
        nodes.append(helper.make_node("Slice", ["inputs", *bounds, "axis"], [f"{name}_flat"]))
        constants.append(numpy_helper.from_array(np.array([0, *shapes[name][1:]]), f"{name}_shape"))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [name]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["batch", N_SAMPLES])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def tflite_network() -> bytes:
    """Return the same embedding and label as a TFLite flatbuffer, its outputs named as converters name them."""
    model = tflite.ModelT()
    model.version = 3
    model.buffers = [tflite.BufferT()]
    graph = tflite.SubGraphT()
    graph.tensors, graph.operators = [], []

    def tensor(name: str, shape: list[int], kind: int, content: bytes | None = None) -> int:
        one = tflite.TensorT()
        one.name, one.shape, one.type, one.buffer = name, shape, kind, 0
        if content is not None:
            buffer = tflite.BufferT()
            buffer.data = np.frombuffer(content, dtype=np.uint8)
            model.buffers.append(buffer)
            one.buffer = len(model.buffers) - 1
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    floats, ints = tflite.TensorType.FLOAT32, tflite.TensorType.INT32
    heard = tensor("serving_default_inputs:0", [1, N_SAMPLES], floats)
    given = []
    for place, (begin, size) in enumerate([(0, DIM), (DIM, N_CLASSES)]):
        operator = tflite.OperatorT()
        operator.opcodeIndex = 0
        starts = tensor(f"begin{place}", [2], ints, np.array([0, begin], dtype=np.int32).tobytes())
        sizes = tensor(f"size{place}", [2], ints, np.array([1, size], dtype=np.int32).tobytes())
        given.append(tensor(f"StatefulPartitionedCall:{place}", [1, size], floats))
        operator.inputs, operator.outputs = [heard, starts, sizes], [given[-1]]
        operator.builtinOptionsType = tflite.BuiltinOptions.SliceOptions
        operator.builtinOptions = tflite.SliceOptionsT()
        graph.operators.append(operator)
    graph.inputs, graph.outputs = [heard], given
    code = tflite.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = tflite.BuiltinOperator.SLICE
    code.version = 1
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def label_tables() -> tuple[str, str]:
    """Return tables of Perch's shape: a bird, a cricket and a sound at the head, invented names after them."""
    names = ["Turdus merula", "Gryllus campestris", "Bicycle_bell"]
    names += [f"Genus{at} species" for at in range(len(names), N_CLASSES)]
    codes = ["eurbla", *["no_ebird_code"] * (N_CLASSES - 1)]
    return "\n".join(["inat2024_fsd50k", *names, ""]), "\n".join(["ebird2021", *codes, ""])


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Install small weights in the place of a Perch model's own, checksums included."""

    def installed(key: str, network: bytes, labels: tuple[str, str] | None = None) -> InstalledModel:
        source, given = MODELS[key], tmp_path / "given"
        given.mkdir()
        contents = {"network": network}
        if "labels" in source.files:
            names, codes = labels or label_tables()
            contents |= {"labels": names.encode(), "ebird": codes.encode()}
        files = {}
        for role, content in contents.items():
            name = source.files[role].target
            (given / name).write_bytes(content)
            files[role] = RemoteFile(name, None, hashlib.sha256(content).hexdigest(), len(content))
        monkeypatch.setitem(MODELS, key, ModelSource(**{**vars(source), "files": files}))
        return install(key, tmp_path / "models", accepted=False, from_files=[given])

    return installed


@pytest.fixture(scope="session")
def small_onnx() -> bytes:
    """Return the small network for ONNX Runtime, checked by ONNX itself."""
    content = onnx_network()
    onnx.checker.check_model(onnx.load_from_string(content))
    return content


@pytest.fixture(scope="session")
def headless_onnx() -> bytes:
    """Return the small network without the classifier."""
    return onnx_network(("embedding",))


@pytest.fixture(scope="session")
def small_tflite() -> bytes:
    """Return the small network for LiteRT."""
    return tflite_network()
