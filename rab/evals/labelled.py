"""Labelled windows: recordings whose content somebody has named, embedded as ingest would, and grouped by origin.

An evaluation that lets a recordist stand on both sides of a split measures the recordist. So every window carries its
group, and windows of its group are not compared with it. A folder tells its labels in one of two ways: a `MANIFEST.csv`
with the columns `path`, `set`, `label`, `group` (more are passed over), or one sub-folder for each label, where every
file is a group of its own.

Embedding is most of the work: 600 files take about 20 s. What a model made of a recording is kept in a cache folder, by
embedding space and recording id, where one is given.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from rab import __version__
from rab.audio import find_audio, read_recording
from rab.audio.spectrogram import spectrogram
from rab.domain import Recording, SignalQuality, content_id
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Instance
from rab.quality import measure
from rab.segments import Window, WindowPolicy, windows

Vectors = npt.NDArray[np.float32]
Names = npt.NDArray[np.str_]

MANIFEST = "MANIFEST.csv"
_COLUMNS = ("path", "set", "label", "group")
_BATCH = 16
_MIN_SOUND_MS = 1000.0
"""Windows with less sound than this say little about their label."""


class LabelledFile(NamedTuple):
    """A recording and what somebody says of it. Files of one group may not stand on both sides of a split."""

    path: Path
    set: str
    label: str
    group: str
    place: str = ""
    """Where it was recorded, from a column `site` or from a label that says `… @ WestKnoll`; often empty."""
    habitat: str = ""
    recorder: str = ""
    """What recorded it: a model or a serial number, from a column `recorder`."""


@dataclass(frozen=True, eq=False)
class LabelledWindows:
    """n windows of labelled recordings, in the order of the files and then of time. Arrays are read-only."""

    vectors: Vectors
    """float32 [n, dim], unit length."""
    logits: npt.NDArray[np.float32]
    """float32 [n, n_classes]."""
    labels: Names
    groups: Names
    sets: Names
    recording_ids: Names
    paths: tuple[Path, ...]
    t0_ms: npt.NDArray[np.float64]
    t1_ms: npt.NDArray[np.float64]
    quality: tuple[SignalQuality, ...]

    def __post_init__(self) -> None:
        for array in (self.vectors, self.logits, self.labels, self.groups, self.sets, self.recording_ids):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def snr_db(self) -> npt.NDArray[np.float64]:
        """[n], NaN where it is not measured: for arithmetic within an evaluation, never for output."""
        return np.array([np.nan if one.snr_db is None else one.snr_db for one in self.quality], dtype=np.float64)

    @property
    def data_sha256(self) -> str:
        """sha256 over the ids of the recordings, each once."""
        return content_id("\n".join(sorted(set(self.recording_ids.tolist()))).encode())

    def where(self, i: int) -> str:
        """Name a window so that it can be listened to."""
        return f"{self.paths[i].name} {self.t0_ms[i] / 1000:.3f} s"

    def instance(self, i: int, value: float | None = None, words: str = "") -> Instance:
        """Return a window as something that a score rests on."""
        path, t0_ms, t1_ms = self.paths[i], float(self.t0_ms[i]), float(self.t1_ms[i])
        name = f"{self.labels[i]}: {path.parent.name}/{path.name} {t0_ms / 1000:.3f} s"
        return Instance(name=name, value=value, recording=str(path), t0_ms=t0_ms, t1_ms=t1_ms, words=words)

    def select(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        """Return some windows: a mask [n], or indices in the order wanted."""
        at = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else np.asarray(chosen)
        return type(self)(
            vectors=self.vectors[at],
            logits=self.logits[at],
            labels=self.labels[at],
            groups=self.groups[at],
            sets=self.sets[at],
            recording_ids=self.recording_ids[at],
            paths=tuple(self.paths[i] for i in at),
            t0_ms=self.t0_ms[at],
            t1_ms=self.t1_ms[at],
            quality=tuple(self.quality[i] for i in at),
        )


def without_place(label: str) -> str:
    """Return a label without where it was heard: `Phascolarctos cinereus (Koala) @ WestKnoll` is a koala."""
    return label.partition(" @ ")[0].strip()


def taxon_of(label: str) -> str:
    """Return whose call a label speaks of, without kind of call, individual or place.

    `Phascolarctos cinereus (Koala, female call) @ WestKnoll` and `Parus major, nest B32` are two species.
    """
    return re.split(r" [@(]|, ", label, maxsplit=1)[0].strip()


def labelled_files(
    folder: Path, *, sets: Sequence[str] | None = None, name: Callable[[str], str] = without_place
) -> tuple[LabelledFile, ...]:
    """Return the labelled recordings of a folder, by path; `sets` keeps some sets, `name` rewrites labels.

    Raises `InputError` where the folder tells no labels, lacks a column, or names a file that is not there.
    """
    manifest = folder / MANIFEST
    found = _of_manifest(manifest) if manifest.is_file() else _of_folders(folder)
    files = sorted(
        one._replace(label=name(one.label)) for one in found if (sets is None or one.set in sets) and one.label
    )
    if not files:
        chosen = "" if sets is None else f" in the sets {', '.join(sets)}"
        raise InputError(
            f"{folder}: no labelled recordings{chosen}",
            hint=f"give a folder with a {MANIFEST} ({', '.join(_COLUMNS)}), or with a sub-folder for each label",
        )
    return tuple(files)


def labelled_windows(
    files: Iterable[LabelledFile], embedder: Embedder, *, cache: Path | None = None, max_per_file: int | None = None
) -> LabelledWindows:
    """Cut, measure and embed labelled recordings as ingest would, channels averaged.

    Windows with less than a second of sound and silent ones are left out. `max_per_file` keeps the first windows of
    each. Raises `InputError` for a model that finds calls (a label speaks of a window), and the first recording's error
    where one cannot be read. The cache holds for one version of RAB.
    """
    card = embedder.card
    if card.finds_calls:
        raise InputError(
            f"{card.key} finds calls inside its windows, and labels are of windows",
            hint="name a model that hears windows as they are",
        )
    kept: list[tuple[LabelledFile, str, _Heard]] = []
    for file in files:
        recording = read_recording(file.path)
        if recording.sample_rate_hz < card.min_source_rate_hz:
            continue
        kept.append((file, recording.id, _heard(recording, embedder, cache, max_per_file)))
    n = [len(heard.vectors) for _, _, heard in kept]
    if not sum(n):
        raise InputError(
            "there is no labelled sound", hint="name a folder with labelled recordings of a second or more"
        )

    def each(values: Iterable[str]) -> Names:
        return np.repeat(np.array(list(values)), n)

    return LabelledWindows(
        vectors=np.concatenate([heard.vectors for _, _, heard in kept]),
        logits=np.concatenate([heard.logits for _, _, heard in kept]),
        labels=each(file.label for file, _, _ in kept),
        groups=each(file.group for file, _, _ in kept),
        sets=each(file.set for file, _, _ in kept),
        recording_ids=each(recording_id for _, recording_id, _ in kept),
        paths=tuple(file.path for (file, _, _), times in zip(kept, n, strict=True) for _ in range(times)),
        t0_ms=np.concatenate([heard.t0_ms for _, _, heard in kept]),
        t1_ms=np.concatenate([heard.t1_ms for _, _, heard in kept]),
        quality=tuple(one for _, _, heard in kept for one in heard.quality),
    )


def full_windows(recording: Recording, embedder: Embedder) -> Iterator[Window]:
    """Cut a recording into the windows that are evaluated: at least a second of sound, and not digital silence."""
    for window in windows(recording, embedder.card, WindowPolicy(), None):
        if window.t1_ms - window.t0_ms >= _MIN_SOUND_MS and np.ptp(window.native.samples) > 0:
            yield window


def unit(embeddings: npt.NDArray[np.floating]) -> Vectors:
    """Return rows float32 [n, dim] of unit length."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-12), dtype=np.float32)


class _Heard(NamedTuple):
    """What a model made of one recording; all have one row for each window."""

    vectors: Vectors
    logits: npt.NDArray[np.float32]
    t0_ms: npt.NDArray[np.float64]
    t1_ms: npt.NDArray[np.float64]
    quality: tuple[SignalQuality, ...]


def _heard(recording: Recording, embedder: Embedder, cache: Path | None, n_most: int | None) -> _Heard:
    if cache is None:
        return _hear(recording, embedder, n_most)
    file = cache / f"{embedder.card.space}-{__version__}" / f"{recording.id}-{n_most or 'all'}.npz"
    if file.is_file():
        with np.load(file) as kept:
            quality = tuple(SignalQuality.model_validate_json(one) for one in kept["quality"].tolist())
            return _Heard(kept["vectors"], kept["logits"].astype(np.float32), kept["t0_ms"], kept["t1_ms"], quality)
    heard = _hear(recording, embedder, n_most)
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays = heard._asdict() | {
        "logits": heard.logits.astype(np.float16),
        "quality": np.array([one.model_dump_json() for one in heard.quality], dtype=np.str_),
    }
    partial = file.with_suffix(".part.npz")
    np.savez(partial, **arrays)
    partial.replace(file)
    return heard


def _hear(recording: Recording, embedder: Embedder, n_most: int | None) -> _Heard:
    cut = list(islice(full_windows(recording, embedder), n_most))
    quality = tuple(measure(one.native, spectrogram(one.native)) for one in cut)
    batches = [
        embedder.embed(np.stack([one.samples for one in cut[start : start + _BATCH]]))
        for start in range(0, len(cut), _BATCH)
    ]
    card = embedder.card
    return _Heard(
        vectors=unit(np.concatenate([np.zeros((0, card.dim), np.float32), *(one.embeddings for one in batches)])),
        logits=np.concatenate([np.zeros((0, card.n_classes), np.float32), *(one.logits for one in batches)]),
        t0_ms=np.array([one.t0_ms for one in cut], dtype=np.float64),
        t1_ms=np.array([one.t1_ms for one in cut], dtype=np.float64),
        quality=quality,
    )


def _of_manifest(manifest: Path) -> Iterator[LabelledFile]:
    with manifest.open(encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise InputError(f"{manifest}: no column {missing[0]!r}", hint=f"columns: {', '.join(_COLUMNS)}")
        for row in rows:
            path = manifest.parent / row["path"]
            if not path.is_file():
                raise InputError(f"{manifest}: {row['path']} is not there", hint="correct the path, or remove the row")
            place = row.get("site") or row["label"].partition(" @ ")[2].strip()
            about = place, row.get("habitat") or "", row.get("recorder") or ""
            yield LabelledFile(path, row["set"], row["label"], row["group"] or row["path"], *about)


def _of_folders(folder: Path) -> Iterator[LabelledFile]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", hint="name a folder of labelled recordings")
    files, failures = find_audio([folder])
    if failures:
        raise InputError(f"{failures[0].path}: {failures[0].message}", hint=failures[0].hint)
    for path in files:
        inside = path.relative_to(folder).parts
        if len(inside) > 1:
            yield LabelledFile(path, folder.name, inside[0], str(Path(*inside)))
