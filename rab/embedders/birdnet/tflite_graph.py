"""A TFLite network as a list of operators: what the translation to ONNX and the front end are made from.

Read with the runtime's generated classes, 0.2 s to import. That happens once on a machine, when the translated network
is built; `rab.embedders.birdnet.flatbuffer` serves every start without them.

Source: TFLite's `schema.fbs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MUL": "MulOptions",
}
_FIELDS = (
    "DepthMultiplier",
    "DilationHFactor",
    "DilationWFactor",
    "FilterHeight",
    "FilterWidth",
    "FusedActivationFunction",
    "Padding",
    "StrideH",
    "StrideW",
)


@dataclass(frozen=True)
class Operator:
    """One operator: its kind as the schema names it, the tensors it reads and writes, and its settings by name."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class TFLiteGraph:
    """The first subgraph of a model. Tensors are numbers; −1 stands for an input that is left out."""

    operators: tuple[Operator, ...]
    constants: Mapping[int, npt.NDArray[Any]]
    names: tuple[str, ...]

    def tensor(self, name: str) -> int:
        """Return the number of the tensor with this name. Raises `KeyError` when there is none."""
        if name not in self.names:
            raise KeyError(name)
        return self.names.index(name)

    def constant(self, name: str) -> npt.NDArray[Any]:
        """Return the constant with this name. Raises `KeyError` when there is none."""
        if (tensor := self.tensor(name)) not in self.constants:
            raise KeyError(name)
        return self.constants[tensor]

    def maker_of(self, tensor: int) -> Operator:
        """Return the operator that writes a tensor. Raises `KeyError` when none does."""
        for operator in self.operators:
            if operator.output == tensor:
                return operator
        raise KeyError(self.names[tensor])


def read_graph(content: bytes) -> TFLiteGraph:
    """Read a model's first subgraph; its constants are float32 or int32 arrays in the model's own layout."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    kinds = {number: kind for kind, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    dtypes = {schema.TensorType.FLOAT32: np.dtype("<f4"), schema.TensorType.INT32: np.dtype("<i4")}
    constants = {}
    for number, tensor in enumerate(tensors):
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength() and tensor.Type() in dtypes:
            shape = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
            constants[number] = buffer.DataAsNumpy().view(dtypes[tensor.Type()]).reshape(shape)
    return TFLiteGraph(
        operators=tuple(
            _operator(schema, graph.Operators(place), model, kinds) for place in range(graph.OperatorsLength())
        ),
        constants=constants,
        names=tuple(tensor.Name().decode() for tensor in tensors),
    )


def _operator(schema: Any, operator: Any, model: Any, kinds: Mapping[int, str]) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    options = {}
    if kind in _OPTIONS and (table := operator.BuiltinOptions()) is not None:
        reader = getattr(schema, _OPTIONS[kind])()
        reader.Init(table.Bytes, table.Pos)
        options = {field: int(getattr(reader, field)()) for field in _FIELDS if hasattr(reader, field)}
    return Operator(kind, tuple(map(int, operator.InputsAsNumpy())), int(operator.Outputs(0)), options)
