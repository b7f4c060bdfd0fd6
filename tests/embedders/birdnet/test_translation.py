"""What has no translation is named, and what a mel matrix does to a frame is what the published steps do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.embedders.birdnet.front_end import Branch
from rab.embedders.birdnet.tflite_graph import Operator, TFLiteGraph
from rab.embedders.birdnet.translation import Translation
from rab.errors import ModelMissing

ANY = np.random.default_rng(3)
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)).astype(np.float32)
BRANCH = Branch(HANN, ANY.uniform(0, 1, (33, 5)).astype(np.float32), step_samples=30, exponent=0.5)


@given(st.integers(0, 2**32 - 1))
def test_folded_frames_give_the_published_bands(seed: int) -> None:
    """One matrix on folded frames is window, spectrum's real part and mel matrix in one."""
    samples = np.random.default_rng(seed).uniform(-1, 1, 144_000).astype(np.float32)
    frames = np.arange(0, BRANCH.n_frames, 500)

    bands = BRANCH.fold(samples, samples[::-1].copy())[0] @ BRANCH.matrix

    np.testing.assert_allclose(np.abs(bands[frames].T), BRANCH.as_published(samples, frames), rtol=0, atol=1e-4)


def test_the_offset_is_what_a_constant_gives() -> None:
    """The bands of a constant 1 are those that are added for it."""
    ones = np.ones(144_000, np.float32)

    np.testing.assert_allclose(BRANCH.fold(ones, ones)[0, 0] @ BRANCH.matrix, BRANCH.offset, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (Operator("COS", (0,), 1, {}), "the operator COS at out"),
        (Operator("LOGISTIC", (0,), 1, {"FusedActivationFunction": 3}), "the activation 3 of LOGISTIC at out"),
    ],
)
def test_what_has_no_translation_is_named(operator: Operator, message: str) -> None:
    """A network that is not BirdNET's is refused with the operator's name."""
    graph = TFLiteGraph((operator,), {}, ("in", "out"))

    with pytest.raises(ModelMissing, match=message):
        Translation(graph, {0: ("in", (4, 4))}).value(1)
