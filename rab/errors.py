"""Every error that RAB raises on purpose, in one tree.

    RabError
    ├── InputError          what was given cannot be used            HTTP 400, exit 2
    │   ├── AudioError          a file is not decodable audio
    │   └── SettingsError       a setting or a policy is out of bounds
    ├── NotFound            what was named does not exist            HTTP 404, exit 3
    ├── Conflict            it exists, but not like this             HTTP 409, exit 5
    │   ├── SpaceMismatch       vectors of another embedding space
    │   └── HomeLocked          another process owns the data directory
    ├── Unavailable         something RAB needs is not there now     HTTP 503, exit 7
    │   ├── ModelMissing        weights are not installed, or their licence not accepted
    │   ├── DownloadFailed      a download broke off or has the wrong checksum
    │   ├── StorageFailed       a disk or a database refused
    │   └── LanguageModelFailed a language model gave no usable answer
    └── Ungrounded          a statement would not be supported       HTTP 422, exit 8

Adapters translate foreign exceptions at their edge, so nothing above them meets any other family. Exit code 4 is no
error of this tree: it says that a batch ended and some of its files failed. Exit code 6 belongs to evaluations that
miss a gate, 9 to a report that was made again and is another. A message names the thing; the hint names the next step.
"""

from typing import ClassVar


class RabError(Exception):
    """The root: a message that names the thing, and a hint that names the next step."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})"


class InputError(RabError):
    """What was given cannot be used."""

    code = "input"
    exit_code = 2
    http_status = 400


class AudioError(InputError):
    """A file is not audio that can be decoded."""

    code = "audio"


class SettingsError(InputError):
    """A setting or a policy is out of bounds."""

    code = "settings"


class NotFound(RabError):
    """What was named does not exist."""

    code = "not_found"
    exit_code = 3
    http_status = 404


class Conflict(RabError):
    """It exists, but not like this."""

    code = "conflict"
    exit_code = 5
    http_status = 409


class SpaceMismatch(Conflict):
    """Vectors of one embedding space meet a collection of another."""

    code = "space_mismatch"


class HomeLocked(Conflict):
    """Another process owns the data directory."""

    code = "home_locked"


class Unavailable(RabError):
    """Something that RAB needs is not there now."""

    code = "unavailable"
    exit_code = 7
    http_status = 503


class ModelMissing(Unavailable):
    """A model's weights are not installed, or their licence is not accepted."""

    code = "model_missing"


class DownloadFailed(Unavailable):
    """A download broke off, or what arrived is not what was published."""

    code = "download_failed"


class StorageFailed(Unavailable):
    """A disk or a database refused."""

    code = "storage_failed"


class LanguageModelFailed(Unavailable):
    """A language model gave no usable answer; texts are then written by templates."""

    code = "language_model_failed"


class Ungrounded(RabError):
    """A statement would not be supported by its evidence."""

    code = "ungrounded"
    exit_code = 8
    http_status = 422
