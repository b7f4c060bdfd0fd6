"""BatDetect2's network as an ONNX graph, built from the tensors of its checkpoint.

Three things differ from the authors' network, and no number by more than rounding. Batch normalisation is folded into
the convolution before it, whose scales are all positive, so that pooling may come behind. The coordinate channel that
each block appends gets a convolution of its own whose result is added, since ONNX Runtime has no fast kernel for 33, 65
or 257 channels. And the logits are given relative to the background's, which is a subtraction of weights.

Source: batdetect2 1.3.1, `detector.models.Net2DFast`; Mac Aodha et al. 2022, bioRxiv 10.1101/2022.12.14.520490.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rab.errors import ModelMissing

RECIPE = "1"
"""Grows with every change of the graph."""
INPUT = "picture"
DETECTION, CLASSES, SIZES, FEATURES = "detection", "classes", "sizes", "features"

Array = npt.NDArray[Any]

_OPSET, _IR_VERSION = 17, 8
_EPSILON = 1e-5  # of PyTorch's batch normalisation
_HINT = "run `rab models install batdetect2-v1.3.1` again"


def build_graph(tensors: Mapping[str, Array]) -> bytes:
    """Return the serialised graph. It takes `picture` float32 [1, 1, 128, w], w a multiple of 8.

    Outputs, all [1, n, 128, w]: `detection` (n 1, 0-1), `classes` (17 logits relative to the background's), `sizes` (2:
    width and height, in pixels) and `features` (32, none negative). Raises `ModelMissing` for other tensors.
    """
    try:
        return _Builder(tensors).serialised()
    except (KeyError, ValueError) as error:
        raise ModelMissing(f"the checkpoint is not of BatDetect2's network: {error}", hint=_HINT) from error


class _Builder:
    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def serialised(self) -> bytes:
        from onnx import TensorProto, helper

        self._network()
        sizes = {DETECTION: 1, CLASSES: 17, SIZES: 2, FEATURES: 32}
        graph = helper.make_graph(
            self._nodes,
            "batdetect2",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 1, 128, "w"])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, 128, "w"]) for name, n in sizes.items()],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        content: bytes = model.SerializeToString()
        return content

    def _network(self) -> None:
        first = self._down(INPUT, "conv_dn_0")
        second = self._down(first, "conv_dn_1")
        third = self._down(second, "conv_dn_2")
        third = self._convolved(third, "conv_dn_3", "conv_dn_3_bn", pads=[1, 1, 1, 1])
        lowest = self._convolved(third, "conv_1d", "conv_1d_bn", pads=[0, 0, 0, 0])
        joined = self._node("Add", self._attended(lowest), third)
        joined = self._node("Add", self._up(joined, "conv_up_2"), second)
        joined = self._node("Add", self._up(joined, "conv_up_3"), first)
        joined = self._up(joined, "conv_up_4")
        features = self._convolved(joined, "conv_op", "conv_op_bn", pads=[1, 1, 1, 1], output=FEATURES)
        self._heads(features)

    def _down(self, source: str, block: str) -> str:
        """Half the height and width: convolution with coordinates, then the largest of each four."""
        value = self._with_coordinates(source, block)
        return self._node("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])

    def _up(self, source: str, block: str) -> str:
        """Twice the height and width, interpolated linearly, then a convolution with coordinates."""
        scales = self._constant(np.array([1, 1, 2, 2], np.float32))
        wide = self._node("Resize", source, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return self._with_coordinates(wide, block)

    def _with_coordinates(self, source: str, block: str) -> str:
        """Convolve a value and, beside it, the height of each row, which is the same in all columns."""
        weights, bias = self._folded(f"{block}.conv", f"{block}.conv_bn")
        width = self._node("Slice", self._node("Shape", source), *(self._integers(n) for n in (3, 4)))
        shape = self._node("Concat", self._integers(1, 1, 1), width, axis=0)
        heights = self._node("Expand", self._constant(self._tensors[f"{block}.coords"]), shape)
        sound = self._convolution(source, weights[:, :-1], bias)
        return self._node("Relu", self._node("Add", sound, self._convolution(heights, weights[:, -1:])))

    def _convolved(self, source: str, name: str, norm: str, *, pads: list[int], output: str | None = None) -> str:
        weights, bias = self._folded(name, norm)
        return self._node("Relu", self._convolution(source, weights, bias, pads=pads), output=output)

    def _folded(self, name: str, norm: str) -> tuple[Array, Array]:
        """Return weights and bias of a convolution with the normalisation behind it, computed in float64."""
        scale, shift, mean, variance = (
            self._tensors[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        if (scale <= 0).any():
            raise ValueError(f"{norm} turns values round")
        factor = scale / np.sqrt(variance + _EPSILON)
        weights = self._tensors[f"{name}.weight"] * factor[:, np.newaxis, np.newaxis, np.newaxis]
        return weights, (self._tensors[f"{name}.bias"] - mean) * factor + shift

    def _attended(self, source: str) -> str:
        """Let each column take from the others what resembles it: [1, 256, 1, w / 8] in and out."""
        value = self._node("Squeeze", source, self._integers(2))
        keys, queries, values = (self._linear(value, f"att.{part}_fun") for part in ("key", "que", "val"))
        likeness = self._node("MatMul", self._node("Transpose", keys, perm=[0, 2, 1]), queries)
        dim = np.float32(len(self._tensors["att.key_fun.weight"]))
        shares = self._node("Softmax", self._node("Div", likeness, self._constant(dim)), axis=1)
        taken = self._linear(self._node("MatMul", values, shares), "att.pro_fun")
        return self._node("Unsqueeze", taken, self._integers(2))

    def _linear(self, source: str, name: str) -> str:
        """Multiply [1, n, columns] by a matrix from the left and add a bias."""
        product = self._node("MatMul", self._constant(self._tensors[f"{name}.weight"]), source)
        return self._node("Add", product, self._constant(self._tensors[f"{name}.bias"][:, np.newaxis]))

    def _heads(self, features: str) -> None:
        """What there is at each pixel: the chance of a call is 1 - 1 / (1 + sum of exp(logits))."""
        weights, bias = self._tensors["conv_classes_op.weight"], self._tensors["conv_classes_op.bias"]
        none = [0, 0, 0, 0]
        classes = self._convolution(
            features, weights[:-1] - weights[-1:], bias[:-1] - bias[-1], pads=none, output=CLASSES
        )
        one = self._constant(np.float32(1))
        total = self._node("ReduceSum", self._node("Exp", classes), self._integers(1))
        self._node("Sub", one, self._node("Div", one, self._node("Add", one, total)), output=DETECTION)
        sizes = self._convolution(
            features, self._tensors["conv_size_op.weight"], self._tensors["conv_size_op.bias"], pads=none
        )
        self._node("Relu", sizes, output=SIZES)

    def _convolution(
        self,
        source: str,
        weights: Array,
        bias: Array | None = None,
        *,
        pads: list[int] | None = None,
        output: str | None = None,
    ) -> str:
        constants = [self._constant(np.asarray(one, np.float32)) for one in (weights, bias) if one is not None]
        kernel, pads = list(weights.shape[2:]), pads or [1, 1, 1, 1]
        return self._node("Conv", source, *constants, output=output, kernel_shape=kernel, pads=pads)

    def _node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        output = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def _integers(self, *numbers: int) -> str:
        return self._constant(np.array(numbers, np.int64))

    def _constant(self, content: Any) -> str:
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(content).reshape(np.shape(content)), name))
        return name
