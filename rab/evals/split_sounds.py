"""Made recordings that tell their group and nothing else, written to a folder and read back as anybody's would be.

Every group has a chord of its own, and its windows vary that chord a little; labels are dealt to groups in turn.
A group is two recordings, the first of them two windows long, so that whoever takes a recording or a window for a group
meets the rest of the group on the other side. The same recordings are described three times: by a `MANIFEST.csv`, by a
table with a column of the user's own, and (the first of each group) by the sub-folder that they lie in.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.audio import clip_wav
from rab.domain import EmbeddedBatch, EmbedderCard, Taxon, Waveform
from rab.embedders.base import Embedder
from rab.evals.labelled import MANIFEST

N_LABELS, N_GROUPS = 5, 50
TABLE, GROUP_COLUMN = "labels.csv", "recordist"
_N_SETS = 2
_TONES_HZ = np.geomspace(900.0, 7000.0, 32)
_LEVEL, _SPREAD = 0.5, 0.3
"""Standard deviation of a chord's levels in nepers, and of a window's around its group's as a share of it."""
_PEAK, _FLOOR = 0.5, 1e-4
_SOUNDING = (0.3, 0.7)
"""Of a window: the rest is quiet, so that there is an SNR to measure."""


class GroupEar:
    """A model that hears the levels of the tones; its classes are the labels, and it names them by chance."""

    def __init__(self, like: Embedder) -> None:
        about = {"name": "group-ear", "dim": len(_TONES_HZ), "n_classes": N_LABELS, "finds_calls": False}
        self.card: EmbedderCard = like.card.model_copy(update=about | {"activation": "sigmoid"})
        self.taxa: tuple[Taxon, ...] = tuple(
            Taxon(scientific_name=f"label {one}", common_name=f"label {one}") for one in range(N_LABELS)
        )
        self._names = np.random.default_rng(0).normal(size=(len(_TONES_HZ), N_LABELS))

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Return levels in nepers around their mean, [n, 32], and logits that tell of the chord, [n, 5]."""
        spectra = np.abs(np.fft.rfft(windows, axis=1))
        at = np.round(_TONES_HZ * windows.shape[1] / self.card.sample_rate_hz).astype(int)
        levels = np.log(np.stack([spectra[:, one - 2 : one + 3].sum(axis=1) for one in at], axis=1) + 1e-9)
        levels -= levels.mean(axis=1, keepdims=True)
        logits = levels @ self._names / _LEVEL / np.sqrt(len(at)) * 2
        return EmbeddedBatch(levels.astype(np.float32), logits.astype(np.float32))


@dataclass(frozen=True)
class Made:
    """Where made recordings lie, and the group of each, as it was made."""

    described: Path
    """With a manifest and a table."""
    sorted: Path
    """With a sub-folder for each label; a recording is a group."""
    group_of: dict[Path, str]


def write_made(folder: Path, card: EmbedderCard, seed: int) -> Made:
    """Write the recordings with all that is said of them into an empty folder."""
    random = np.random.default_rng(seed)
    described, by_label = folder / "described", folder / "sorted"
    tones = _tones(card)
    rows: list[dict[str, str]] = []
    group_of: dict[Path, str] = {}
    for group in range(N_GROUPS):
        name, label = f"group {group}", f"label {group // _N_SETS % N_LABELS}"
        chord = random.normal(size=len(_TONES_HZ))
        for part, n_windows in (("a", 2), ("b", 1)):
            heard = [chord + _SPREAD * random.normal(size=len(chord)) for _ in range(n_windows)]
            sound = np.concatenate([np.exp(_LEVEL * one) @ tones for one in heard])
            sound = _PEAK * sound / np.abs(sound).max() + _FLOOR * random.normal(size=len(sound))
            wav = clip_wav(Waveform(sound.astype(np.float32), card.sample_rate_hz))
            row = {"path": f"set {group % _N_SETS}/{name} {part}.wav", "set": f"set {group % _N_SETS}"}
            rows.append(row | {"label": label, "group": name})
            group_of[_put(described / row["path"], wav)] = name
            if part == "a":
                file = _put(by_label / label / f"{name}.wav", wav)
                group_of[file] = str(file)
    _write_table(described / MANIFEST, rows)
    _write_table(described / TABLE, [{"path": r["path"], "label": r["label"], GROUP_COLUMN: r["group"]} for r in rows])
    return Made(described, by_label, group_of)


def _tones(card: EmbedderCard) -> npt.NDArray[np.float32]:
    """Return one window of each tone, [32, n_samples]."""
    n = round(card.window_ms * card.sample_rate_hz / 1000)
    at = np.arange(n)
    sounding = (at >= _SOUNDING[0] * n) & (at < _SOUNDING[1] * n)
    phases = np.arange(len(_TONES_HZ)) ** 2
    turns = 2 * np.pi * _TONES_HZ[:, None] * at / card.sample_rate_hz
    return np.asarray(np.sin(turns + phases[:, None]) * sounding, dtype=np.float32)


def _put(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def _write_table(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
