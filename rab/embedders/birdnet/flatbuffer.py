"""What every start reads of a TFLite model or changes in it: its constants by name, and one more output.

The runtime gives the values of inner tensors only when it preserves all of them, which costs 4 ms of 49 per window. So
the model's list of outputs is written anew behind its last byte, one tensor longer, and the reference to the list is
turned there; everything else stays byte for byte, and the file itself is not touched. Only eight fields of the format
are needed. The runtime's generated reader of all of them takes 0.2 s to import, this takes 50 ms.

Source: the FlatBuffers binary format (flatbuffers.dev, "FlatBuffer Internals") and TFLite's `schema.fbs`.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_MODEL_SUBGRAPHS = 2
_MODEL_BUFFERS = 4
_SUBGRAPH_TENSORS = 0
_SUBGRAPH_OUTPUTS = 2
_TENSOR_SHAPE = 0
_TENSOR_TYPE = 1
_TENSOR_BUFFER = 2
_TENSOR_NAME = 3
_BUFFER_DATA = 0
"""Places of fields in their tables, by their order in `schema.fbs`."""

_DTYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4")}
"""`TensorType`."""


def with_output(model: bytes, tensor_name: str) -> bytes:
    """Return the model with the named tensor appended to its outputs.

    Raises `KeyError` for a tensor that the model's first subgraph does not have.
    """
    graph = _vector(model, _field(model, _follow(model, 0), _MODEL_SUBGRAPHS))[0]
    reference = _field(model, graph, _SUBGRAPH_OUTPUTS)
    start = _follow(model, reference)
    n_outputs = _uint(model, start)
    outputs = struct.unpack_from(f"<{n_outputs}i", model, start + 4)
    tensors = _vector(model, _field(model, graph, _SUBGRAPH_TENSORS))
    names = [_text(model, _field(model, tensor, _TENSOR_NAME)) for tensor in tensors]
    if tensor_name not in names:
        raise KeyError(tensor_name)
    longer = struct.pack(f"<I{n_outputs + 1}i", n_outputs + 1, *outputs, names.index(tensor_name))
    padding = bytes(-len(model) % 4)
    turned = struct.pack("<I", len(model) + len(padding) - reference)
    return b"".join([model[:reference], turned, memoryview(model)[reference + 4 :], padding, longer])


def constants(model: bytes) -> Callable[[str], npt.NDArray[Any]]:
    """Return a function from a name to the float32 or int32 constant of that name, in its shape, without a copy.

    The function raises `KeyError` for a tensor that is not there, holds no content or is of another type.
    """
    graph = _vector(model, _field(model, _follow(model, 0), _MODEL_SUBGRAPHS))[0]
    buffers = _vector(model, _field(model, _follow(model, 0), _MODEL_BUFFERS))
    tensors = _vector(model, _field(model, graph, _SUBGRAPH_TENSORS))
    named = {_text(model, _field(model, tensor, _TENSOR_NAME)): tensor for tensor in tensors}

    def constant(name: str) -> npt.NDArray[Any]:
        tensor = named[name]
        kind = model[_field(model, tensor, _TENSOR_TYPE)] if _has(model, tensor, _TENSOR_TYPE) else 0
        buffer = buffers[_uint(model, _field(model, tensor, _TENSOR_BUFFER))]
        if kind not in _DTYPES or not _has(model, buffer, _BUFFER_DATA):
            raise KeyError(name)
        start = _follow(model, _field(model, buffer, _BUFFER_DATA))
        values = np.frombuffer(model, _DTYPES[kind], _uint(model, start) // 4, start + 4)
        return values.reshape(_ints(model, tensor, _TENSOR_SHAPE))

    return constant


def _uint(model: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", model, at)[0]
    return value


def _follow(model: bytes, at: int) -> int:
    """Return what the reference at `at` points to: references count forward from themselves."""
    return at + _uint(model, at)


def _field(model: bytes, table: int, place: int) -> int:
    """Return where a table keeps a field: its vtable, which lies before it, tells the offset."""
    vtable = table - struct.unpack_from("<i", model, table)[0]
    return table + int(struct.unpack_from("<H", model, vtable + 4 + 2 * place)[0])


def _has(model: bytes, table: int, place: int) -> bool:
    """Return whether a table keeps a field at all; one that is left out has its default."""
    vtable = table - struct.unpack_from("<i", model, table)[0]
    n_bytes = struct.unpack_from("<H", model, vtable)[0]
    return 4 + 2 * place < n_bytes and _field(model, table, place) != table


def _ints(model: bytes, table: int, place: int) -> tuple[int, ...]:
    if not _has(model, table, place):
        return ()
    start = _follow(model, _field(model, table, place))
    return struct.unpack_from(f"<{_uint(model, start)}i", model, start + 4)


def _vector(model: bytes, at: int) -> list[int]:
    """Return the tables in the vector that a field refers to."""
    start = _follow(model, at)
    return [_follow(model, start + 4 + 4 * index) for index in range(_uint(model, start))]


def _text(model: bytes, at: int) -> str:
    start = _follow(model, at)
    return model[start + 4 : start + 4 + _uint(model, start)].decode()
