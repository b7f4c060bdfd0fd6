"""The two ONNX graphs that BirdNET is translated to, once: folded frames to spectrograms, spectrograms to opinions.

Two, because between them the front end looks for frames that it must compute again. Only building imports `onnx`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rab.embedders.birdnet.front_end import Branch
from rab.embedders.birdnet.tflite_graph import TFLiteGraph
from rab.embedders.birdnet.translation import Translation

SPECTROGRAM = "spectrogram"
LOGITS = "logits"
EMBEDDING = "embedding"

RECIPE = "birdnet 2: opset 17, spectrograms and network apart"
"""Change it with anything here or in `translation` that changes a graph: kept ones are then built anew."""

_OPSET = 17
_IR_VERSION = 9
_JOINED = "model/concatenate/concat"
_POOLED = "model/GLOBAL_AVG_POOL/Mean"
_CLASSES = "Identity"


def spectrogram_graph(branches: Sequence[Branch]) -> bytes:
    """Return the graph from folded frames `frames0`, `frames1` to `spectrogram` [n, 2, n_bands, n_frames].

    A power of a square is taken as exp(exponent × log(square)): ONNX Runtime computes those eight at a time and `Pow`
    one by one, 0.2 ms a window more. Both take an empty band to 0.
    """
    made = Translation()
    spectrograms = []
    for number, branch in enumerate(branches):
        level = made.node("MatMul", f"frames{number}", made.initialiser(branch.matrix))
        bands = made.node("Add", level, made.node("Mul", "offset", made.initialiser(branch.offset)))
        logarithm = made.node("Log", made.node("Mul", bands, bands))
        power = made.node("Exp", made.node("Mul", logarithm, made.initialiser(np.array(branch.exponent, np.float32))))
        turned = made.node("Transpose", power, perm=[0, 2, 1])
        spectrograms.append(made.node("Unsqueeze", turned, made.initialiser(np.array([1]))))
    made.name(made.node("Concat", *spectrograms, axis=1), SPECTROGRAM)
    inputs: dict[str, list[Any]] = {
        f"frames{number}": ["n", branch.n_frames, len(branch.hann) // 2] for number, branch in enumerate(branches)
    }
    inputs["offset"] = [1]
    n_bands = branches[0].mel.shape[1]
    return _serialised(made, inputs, {SPECTROGRAM: ["n", len(branches), n_bands, branches[0].n_frames]})


def network_graph(graph: TFLiteGraph, n_bands: int, n_frames: int) -> bytes:
    """Return the graph from `spectrogram` to `logits` [n, n_classes] and `embedding` [n, dim].

    Raises `ModelMissing` naming an operator that has no translation, and `KeyError` naming a tensor that is not there.
    """
    made = Translation(graph, {graph.tensor(_JOINED): (SPECTROGRAM, (n_bands, n_frames))})
    pooled = graph.tensor(_POOLED)
    classes = graph.maker_of(graph.tensor(_CLASSES))
    made.name(made.node("Flatten", made.value(pooled)), EMBEDDING)
    made.name(made.value(classes.output), LOGITS)
    n_classes, dim = graph.constants[classes.inputs[1]].shape
    return _serialised(
        made, {SPECTROGRAM: ["n", 2, n_bands, n_frames]}, {LOGITS: ["n", n_classes], EMBEDDING: ["n", dim]}
    )


def _serialised(made: Translation, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> bytes:
    from onnx import TensorProto, checker, helper

    def described(values: dict[str, list[Any]]) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()]

    graph = helper.make_graph(made.nodes, "birdnet", described(inputs), described(outputs), made.initialisers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="rab"
    )
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
