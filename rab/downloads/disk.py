"""What every download shares: hashing, places below a folder, and files that appear whole or not at all."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from rab.errors import DownloadFailed, InputError, StorageFailed

Watch = Callable[[int, int], None]
"""Told bytes so far and bytes in all, a few times a second while a download is on its way; 0 in all: not known."""

BLOCK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(path: Path, sha256: str) -> bool:
    """Say whether a file is there with that sha256."""
    return path.is_file() and sha256_of(path) == sha256


def target_below(into: Path, relative: str) -> Path:
    """Return where a target lies. Raises `InputError` when it leads out of `into`."""
    target = into / relative
    if not target.resolve().is_relative_to(into.resolve()):
        raise InputError(f"{relative} leads out of {into}", hint="name a path below the folder")
    return target


def write_checked(target: Path, content: IO[bytes], sha256: str | None) -> str:
    """Write `content` beside `target` and put it in place once its sha256 is right; return that sha256.

    None takes any content. Raises `DownloadFailed` for another sha256, `StorageFailed` when the disk refuses.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as out:
                while block := content.read(BLOCK_BYTES):
                    digest.update(block)
                    out.write(block)
            if sha256 not in {None, digest.hexdigest()}:
                raise DownloadFailed(
                    f"{target.name} has sha256 {digest.hexdigest()}, expected {sha256}",
                    hint="report this: the table of files is wrong",
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise refused(target, error) from error
    return digest.hexdigest()


def refused(target: Path, error: OSError) -> StorageFailed:
    """Translate what the disk said of a file that could not be written."""
    return StorageFailed(
        f"{target} cannot be written: {error.strerror}",
        hint="free some space, or choose another data directory with --home or RAB_HOME",
    )
