"""Adding a model is one file and one line: a toy does it here, and a library takes recordings in with it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter
from rab.embedders.weights import MODELS, ModelSource, describe
from rab.settings import Settings
from rab.workflows.ingest import ingest

TOY = '''
"""Loudness in eight bands: a model without weights."""

import numpy as np

from rab.domain import EmbeddedBatch, EmbedderCard, Taxon


def card(installed):
    return EmbedderCard(
        name="toy", version="1", task="loudness", sample_rate_hz=8000, window_ms=1000, hop_ms=1000, dim=8,
        n_classes=2, weights_sha256="none", preprocessing="none", licence=installed.source.licence,
        licence_url=installed.source.licence_url, citation="none",
    )


class Toy:
    def __init__(self, installed, *, n_threads=None):
        self.card = card(installed)
        self.taxa = tuple(Taxon(scientific_name=name, common_name=name, group="sound") for name in ("Loud", "Quiet"))

    def embed(self, windows):
        bands = np.abs(np.fft.rfft(windows, axis=1))[:, 1:].reshape(len(windows), 8, -1).mean(axis=2) + 1e-3
        loud = np.log(bands.mean(axis=1))
        return EmbeddedBatch(bands.astype(np.float32), np.stack([loud, -loud], axis=1).astype(np.float32))
'''
"""The one file."""

LINE = ModelSource(
    key="toy-v1",
    summary="loudness in eight bands",
    licence="CC0-1.0",
    licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
    non_commercial=False,
    adapter="toy_model:Toy",
)
"""The one line."""


def test_one_file_and_one_line_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy is described and ingests; each second of sound has its vector in the toy's own space."""
    (tmp_path / "toy_model.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODELS, LINE.key, LINE)
    sound = np.random.default_rng(5).normal(scale=0.1, size=3 * 8000)
    soundfile.write(tmp_path / "noise.wav", sound, 8000)

    with open_workspace(Settings(home=tmp_path / "home", n_threads=1), purpose="tests") as workspace:
        report = ingest(workspace, [tmp_path / "noise.wav"], models=("toy-v1",))
        stored = list(workspace.store(workspace.card("toy-v1")).scan(SegmentFilter()))

    assert () == report.failures
    assert [(8,)] * 3 == [point.vector.shape for point in stored]
    assert "installed" == describe("toy-v1", tmp_path).state
    sys.modules.pop("toy_model")
