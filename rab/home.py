"""The data directory has one owner at a time, and says who.

The embedded vector engine refuses a second process with a word of its own that names nobody. So the owner is written
down: a lock file that the operating system holds for as long as the process lives (a killed process leaves no lock),
with the holder's number and purpose beside it for the message that the next one reads.
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from rab.errors import HomeLocked, StorageFailed


class HomeLock:
    """Own a data directory, made when it is missing, for the length of a `with` block.

    Raises `HomeLocked` when another process owns it, `StorageFailed` when it cannot be written.
    """

    def __init__(self, home: Path, purpose: str) -> None:
        self._home = home
        self._purpose = purpose
        self._holder = home / "owner.json"

    def __enter__(self) -> Self:
        import portalocker

        try:
            self._home.mkdir(parents=True, exist_ok=True)
            self._file = (self._home / "owner.lock").open("a")
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            portalocker.lock(self._file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.exceptions.LockException as error:
            self._file.close()
            raise self._taken() from error
        try:
            self._holder.write_text(json.dumps({"pid": os.getpid(), "purpose": self._purpose}), encoding="utf-8")
        except OSError as error:
            self._file.close()
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.unlink(missing_ok=True)
        self._file.close()

    def _unwritable(self, error: OSError) -> StorageFailed:
        return StorageFailed(
            f"the data directory {self._home} cannot be written: {error.strerror}",
            hint="make it writable, free some space, or choose another with --home or RAB_HOME",
        )

    def _taken(self) -> HomeLocked:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {holder['pid']} ({holder['purpose']})"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return HomeLocked(
            f"the data directory {self._home} is in use by {who}",
            hint="ask it over its HTTP address, wait for it to end, or work elsewhere: `rab --home FOLDER …`",
        )
