"""BirdNET's network after its front end, from TFLite to ONNX: operator by operator, only those that occur.

TFLite keeps channels last, ONNX Runtime computes with channels first. The translation turns the weights once, so no
tensor is transposed when the network runs. Batches get a free axis. What a squeeze-and-excite block does with shapes
(shape, slice, pack, reshape) disappears, because a mean keeps its two axes of length 1.

Source: ONNX operators, opset 17; TFLite's `SAME` padding puts the odd row behind.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rab.embedders.birdnet.tflite_graph import Operator, TFLiteGraph
from rab.errors import ModelMissing

Size = tuple[int, int]
"""Height (mel bands) and width (frames) of a tensor."""

_NONE, _RELU = 0, 1
_SAME = 0
_NOTHING = TFLiteGraph((), {}, ())
_NONE_KNOWN: Mapping[int, tuple[str, Size]] = {}


class Translation:
    """ONNX nodes and initialisers for the tensors asked for, made on demand from what they depend on.

    `known` names the ONNX value [n, channels, height, width] of tensors that are given.
    """

    def __init__(self, graph: TFLiteGraph = _NOTHING, known: Mapping[int, tuple[str, Size]] = _NONE_KNOWN) -> None:
        self._graph = graph
        self._values = {tensor: name for tensor, (name, _) in known.items()}
        self._sizes = {tensor: size for tensor, (_, size) in known.items()}
        self._padded: dict[int, tuple[int, list[int]]] = {}
        self._makers = {operator.output: operator for operator in graph.operators}
        self.nodes: list[Any] = []
        self.initialisers: list[Any] = []

    def value(self, tensor: int) -> str:
        """Return the ONNX value of a tensor, [n, channels, height, width].

        Raises `ModelMissing` naming the operator that has no translation.
        """
        if tensor not in self._values:
            operator = self._makers[tensor]
            translate = _TRANSLATIONS.get(operator.kind)
            if translate is None:
                raise self.unknown(operator, f"the operator {operator.kind}")
            value = translate(self, operator)
            activation = operator.options.get("FusedActivationFunction", _NONE)
            if activation not in {_NONE, _RELU}:
                raise self.unknown(operator, f"the activation {activation} of {operator.kind}")
            self._values[tensor] = self.node("Relu", value) if activation == _RELU else value
        return self._values[tensor]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        from onnx import helper

        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def name(self, value: str, name: str) -> None:
        """Give a value the name by which the graph returns it."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def initialiser(self, content: npt.NDArray[Any]) -> str:
        """Add a constant; return its name."""
        from onnx import numpy_helper

        name = f"c{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(content), name))
        return name

    def unknown(self, operator: Operator, what: str) -> ModelMissing:
        """Return the error for something that the network was not known to hold."""
        return ModelMissing(
            f"{what} at {self._graph.names[operator.output]} has no translation to ONNX",
            hint="run BirdNET on LiteRT (runtime litert), or install the published weights again",
        )

    def _constant(self, tensor: int) -> npt.NDArray[Any]:
        return self._graph.constants[tensor]

    def _convolution(self, operator: Operator) -> str:
        """[out, h, w, in] becomes [out, in, h, w]; depthwise [1, h, w, channels] becomes [channels, 1, h, w]."""
        source, weight, bias = operator.inputs
        weights = self._constant(weight)
        depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        if depthwise and operator.options["DepthMultiplier"] != 1:
            raise self.unknown(operator, "a depth multiplier")
        if {operator.options["DilationHFactor"], operator.options["DilationWFactor"]} != {1}:
            raise self.unknown(operator, "a dilation")
        turned = weights.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        kernel = (weights.shape[1], weights.shape[2])
        inside, pads = self._window(operator, source, kernel)
        return self.node(
            "Conv",
            inside,
            self.initialiser(turned),
            self.initialiser(self._constant(bias)),
            group=len(turned) if depthwise else 1,
            kernel_shape=kernel,
            pads=pads,
            strides=self._strides(operator),
        )

    def _pool(self, operator: Operator) -> str:
        kernel = (operator.options["FilterHeight"], operator.options["FilterWidth"])
        inside, pads = self._window(operator, operator.inputs[0], kernel)
        kind = {"AVERAGE_POOL_2D": "AveragePool", "MAX_POOL_2D": "MaxPool"}[operator.kind]
        return self.node(kind, inside, kernel_shape=kernel, pads=pads, strides=self._strides(operator))

    def _window(self, operator: Operator, source: int, kernel: Size) -> tuple[str, list[int]]:
        """Return the value that a sliding window reads and its pads (top, left, bottom, right); note the new size."""
        self.value(source)
        inside, pads = self._padded.get(source, (source, [0, 0, 0, 0]))
        strides = self._strides(operator)
        size = [self._sizes[inside][axis] + pads[axis] + pads[axis + 2] for axis in (0, 1)]
        if operator.options["Padding"] == _SAME:
            for axis in (0, 1):
                n_out = -(-size[axis] // strides[axis])
                total = max((n_out - 1) * strides[axis] + kernel[axis] - size[axis], 0)
                pads = [*pads]
                pads[axis] += total // 2
                pads[axis + 2] += total - total // 2
                size[axis] += total
        height, width = ((size[axis] - kernel[axis]) // strides[axis] + 1 for axis in (0, 1))
        self._sizes[operator.output] = (height, width)
        return self.value(inside), pads

    def _strides(self, operator: Operator) -> Size:
        return operator.options["StrideH"], operator.options["StrideW"]

    def _pad(self, operator: Operator) -> str:
        """Leave zeros around the plane to the convolution that reads it."""
        source, paddings = operator.inputs
        (_, top, left, _), (_, bottom, right, _) = self._constant(paddings).T.tolist()
        self._padded[operator.output] = (source, [top, left, bottom, right])
        return self.value(source)

    def _pointwise(self, operator: Operator) -> str:
        """Sum or product of two tensors, or of a tensor and one number per channel."""
        kind = {"ADD": "Add", "MUL": "Mul"}[operator.kind]
        left, right = operator.inputs
        first = self.value(left)
        self._sizes[operator.output] = self._sizes[left]
        if right in self._graph.constants:
            return self.node(kind, first, self.initialiser(self._constant(right).reshape(-1, 1, 1)))
        return self.node(kind, first, self.value(right))

    def _sigmoid(self, operator: Operator) -> str:
        value = self.value(operator.inputs[0])
        self._sizes[operator.output] = self._sizes[operator.inputs[0]]
        return self.node("Sigmoid", value)

    def _join(self, operator: Operator) -> str:
        values = [self.value(tensor) for tensor in operator.inputs]
        self._sizes[operator.output] = self._sizes[operator.inputs[0]]
        return self.node("Concat", *values, axis=1)

    def _mean(self, operator: Operator) -> str:
        """The mean over height and width, both kept with length 1."""
        if self._constant(operator.inputs[1]).tolist() != [1, 2]:
            raise self.unknown(operator, "a mean over other axes")
        self._sizes[operator.output] = (1, 1)
        return self.node("GlobalAveragePool", self.value(operator.inputs[0]))

    def _reshape(self, operator: Operator) -> str:
        """A mean regains the axes that it never lost here; nothing else may be reshaped."""
        source = operator.inputs[0]
        if self._makers[source].kind != "MEAN":
            raise self.unknown(operator, "a reshape")
        value = self.value(source)
        self._sizes[operator.output] = (1, 1)
        return value

    def _dense(self, operator: Operator) -> str:
        source, weight, bias = operator.inputs
        flat = self.node("Flatten", self.value(source))
        return self.node(
            "Gemm", flat, self.initialiser(self._constant(weight)), self.initialiser(self._constant(bias)), transB=1
        )


_TRANSLATIONS: dict[str, Callable[[Translation, Operator], str]] = {
    "ADD": Translation._pointwise,
    "AVERAGE_POOL_2D": Translation._pool,
    "CONCATENATION": Translation._join,
    "CONV_2D": Translation._convolution,
    "DEPTHWISE_CONV_2D": Translation._convolution,
    "FULLY_CONNECTED": Translation._dense,
    "LOGISTIC": Translation._sigmoid,
    "MAX_POOL_2D": Translation._pool,
    "MEAN": Translation._mean,
    "MUL": Translation._pointwise,
    "PAD": Translation._pad,
    "RESHAPE": Translation._reshape,
}
