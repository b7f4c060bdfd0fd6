"""Finding the recordings in what a user points at: files, folders, whole memory cards."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rab.domain import FileFailure
from rab.errors import AudioError, InputError, NotFound, RabError

AUDIO_SUFFIXES = frozenset({".wav", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff"})
"""Extensions, in lower case, by which a folder's recordings are known."""

_RECYCLE_BIN = "$recycle.bin"


class FoundAudio(NamedTuple):
    """Files to read, sorted by path, and what was named and could not be followed."""

    files: tuple[Path, ...]
    failures: tuple[FileFailure, ...]


def find_audio(paths: Iterable[Path]) -> FoundAudio:
    """Find recordings: a named file as it is, a folder's by extension, all the way down, each file once.

    Extensions count without regard to case. Hidden files and folders, such as the `._` companions that macOS leaves on
    cards, and recycle bins are passed over. A path that does not exist, a folder that cannot be listed or holds no
    recording, and a name that is not text are failures. Whether a file is sound is seen when it is read.
    """
    found: dict[str, Path] = {}
    failures: list[FileFailure] = []
    for path in paths:
        for file in _files(path, failures):
            try:
                str(file).encode()
            except UnicodeEncodeError:
                failures.append(_failure(file, AudioError("its name is not text", hint="rename the file")))
            else:
                found.setdefault(os.path.realpath(file), file)
    return FoundAudio(tuple(sorted(found.values())), tuple(failures))


def _files(path: Path, failures: list[FileFailure]) -> list[Path]:
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:
        failures.append(_failure(path, _refused(error)))
        return []
    if is_file:
        return [path]
    if not is_folder:
        failures.append(_failure(path, NotFound(f"there is no file or folder {path}", hint="check the path")))
        return []
    n_failures = len(failures)
    files = _within(path, failures)
    if not files and len(failures) == n_failures:
        hint = f"recordings end in {', '.join(sorted(AUDIO_SUFFIXES))}; name a file itself to try it whatever its name"
        failures.append(_failure(path, InputError(f"{path} holds no recordings", hint=hint)))
    return files


def _within(folder: Path, failures: list[FileFailure]) -> list[Path]:
    def unlistable(error: OSError) -> None:
        failures.append(_failure(Path(error.filename), _refused(error)))

    files = []
    for parent, folders, names in os.walk(folder, onerror=unlistable):
        folders[:] = [name for name in folders if not name.startswith(".") and name.lower() != _RECYCLE_BIN]
        files += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
        ]
    return files


def _refused(error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{error.filename} cannot be looked into: {reason}", hint="check its permissions")


def _failure(path: Path, error: RabError) -> FileFailure:
    """Return a failure whose words are text, also where a path is not."""
    path_text, message = (os.fsencode(words).decode(errors="replace") for words in (path, error.message))
    return FileFailure(path=path_text, code=error.code, message=message, hint=error.hint)
